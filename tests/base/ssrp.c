/* Unit tests of core/base/ssrp.h. */
#include "tests/lib/tap.h"

#include "core/base/mem.h"
#include "core/base/ssrp.h"

#include <stdlib.h>
#include <string.h>

/* The answer of [MC-SQLR] 4.2, with its length in front. */
#define EXAMPLE                                                                                                      \
    "ServerName;ILSUNG1;InstanceName;YUKONSTD;IsClustered;No;Version;9.00.1399.06;tcp;57137;np;\\\\ILSUNG1\\pipe\\M" \
    "SSQL$YUKONSTD\\sql\\query;;"

static uint16_t
port_of (const char *text, const char *named)
{
    struct sb_buf entries SB_CLEANUP (sb_buf_free) = { 0 }, answer SB_CLEANUP (sb_buf_free) = { 0 };

    sb_buf_str (&entries, text);
    sb_ssrp_answer (&entries, &answer);
    return sb_ssrp_port (answer.s, answer.len, named);
}

static void
port (void)
{
    CU_ASSERT_EQUAL (port_of (EXAMPLE, "YUKONSTD"), 57137);
    CU_ASSERT_EQUAL (port_of (EXAMPLE, "yukonstd"), 57137);
    CU_ASSERT_EQUAL (port_of (EXAMPLE, "YUKON"), 0);
    CU_ASSERT_EQUAL (port_of ("InstanceName;tcp;tcp;77;;", "tcp"), 77); /* an instance may be called like a key */
    CU_ASSERT_EQUAL (port_of ("InstanceName;A;;tcp;77;;", "A"), 0);     /* that is another instance's */
    CU_ASSERT_EQUAL (port_of ("InstanceName;A;tcp;0;;", "A"), 0);
    CU_ASSERT_EQUAL (port_of ("InstanceName;A;tcp;65536;;", "A"), 0);
    CU_ASSERT_EQUAL (port_of ("InstanceName;A;tcp;1 ;;", "A"), 0);
    CU_ASSERT_EQUAL (port_of ("InstanceName;A;tcp", "A"), 0);
    CU_ASSERT_EQUAL (port_of ("", "A"), 0);
}

/* Every answer that is cut off, and every one with a byte changed, is survived; cut off it tells nothing. */
static void
hostile (void)
{
    struct sb_buf entries SB_CLEANUP (sb_buf_free) = { 0 }, answer SB_CLEANUP (sb_buf_free) = { 0 };
    unsigned told = 0;

    sb_buf_str (&entries, EXAMPLE);
    sb_ssrp_answer (&entries, &answer);
    for (size_t n = 0; n < answer.len; n++) {
        char *piece = sb_xcalloc (1, n + 1); /* its own memory: a byte too far is seen by sanitizers */

        memcpy (piece, answer.s, n);
        told += sb_ssrp_port (piece, n, "YUKONSTD") != 0;
        free (piece);
    }
    CU_ASSERT_EQUAL (told, 0);
    for (size_t i = 0; i < answer.len; i++)
        for (int byte = 0; byte < 256; byte++) {
            char old = answer.s[i];

            answer.s[i] = (char) byte;
            sb_ssrp_port (answer.s, answer.len, "YUKONSTD");
            answer.s[i] = old;
        }
    CU_ASSERT_EQUAL (sb_ssrp_port (answer.s, answer.len, "YUKONSTD"), 57137);
}

static void
wishes (void)
{
    struct sb_buf q SB_CLEANUP (sb_buf_free) = { 0 }, none SB_CLEANUP (sb_buf_free) = { 0 };
    char name[SB_SSRP_NAME + 1];

    CU_ASSERT (sb_ssrp_question ("RTC", &q) && q.len == 5);
    CU_ASSERT_EQUAL (sb_ssrp_wish (q.s, q.len, name), SB_SSRP_ONE);
    CU_ASSERT_STRING_EQUAL (name, "RTC");
    CU_ASSERT_EQUAL (sb_ssrp_wish (q.s, q.len - 1, name), SB_SSRP_ONE); /* some clients send no end */
    CU_ASSERT_STRING_EQUAL (name, "RTC");
    CU_ASSERT_EQUAL (sb_ssrp_wish ("\x02", 1, name), SB_SSRP_ALL);
    CU_ASSERT_EQUAL (sb_ssrp_wish ("\x03", 1, name), SB_SSRP_ALL);
    CU_ASSERT_EQUAL (sb_ssrp_wish ("\x04", 1, name), SB_SSRP_NOTHING);
    CU_ASSERT_EQUAL (sb_ssrp_wish ("\x04"
                                   "A\0B",
                                   4, name),
                     SB_SSRP_NOTHING);
    CU_ASSERT_EQUAL (sb_ssrp_wish ("\x04"
                                   "123456789012345678901234567890123",
                                   34, name),
                     SB_SSRP_NOTHING);
    CU_ASSERT_EQUAL (sb_ssrp_wish ("\x0f\x01"
                                   "A",
                                   4, name),
                     SB_SSRP_NOTHING); /* nobody here has a dedicated connection */
    CU_ASSERT_EQUAL (sb_ssrp_wish ("", 0, name), SB_SSRP_NOTHING);
    CU_ASSERT_FALSE (sb_ssrp_question ("", &none) || sb_ssrp_question ("A;B", &none)
                     || sb_ssrp_question ("123456789012345678901234567890123", &none));
}

static void
told (void)
{
    struct sb_buf entries SB_CLEANUP (sb_buf_free) = { 0 }, answer SB_CLEANUP (sb_buf_free) = { 0 };

    sb_ssrp_entry ("SQL1", "RTC", "16.0.4236.2", 50123, &entries);
    sb_ssrp_answer (&entries, &answer);
    CU_ASSERT_EQUAL (sb_ssrp_port (answer.s, answer.len, "RTC"), 50123);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "the port of an instance is found in what is told of it, and of no other", port },
        { "answers that are cut off or garbled are survived", hostile },
        { "requests are told apart", wishes },
        { "what is told is understood", told },
        { NULL, NULL },
    };

    return sb_tap_run ("ssrp", tests);
}
