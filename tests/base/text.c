/* Unit tests of core/base/text.h and sha256.h. */
#include "tests/lib/tap.h"

#include "core/base/sha256.h"
#include "core/base/sha256_internal.h"
#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof *(a))

static void
integers (void)
{
    static const char *const wrong[] = { "",  " 1", "1 ", "+1", "0x10", "1.0", "ten", "-", "--1", "9223372036854775808",
                                         NULL };
    int64_t n = 42;

    for (size_t i = 0; i < COUNT (wrong); i++)
        CU_ASSERT_FALSE (sb_parse_int (wrong[i], &n));
    CU_ASSERT_EQUAL (n, 42);
    CU_ASSERT_TRUE (sb_parse_int ("-9223372036854775808", &n) && n == INT64_MIN);
    CU_ASSERT_TRUE (sb_parse_int ("007", &n) && n == 7);
}

static void
booleans (void)
{
    bool b = true;

    CU_ASSERT_TRUE (sb_parse_bool ("no", &b) && !b);
    CU_ASSERT_TRUE (sb_parse_bool ("yes", &b) && b);
    CU_ASSERT_FALSE (sb_parse_bool ("true", &b) || sb_parse_bool ("Yes", &b) || sb_parse_bool ("", &b));
    CU_ASSERT_FALSE (sb_parse_bool (NULL, &b));
}

static void
durations (void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } right[] = {
        { "250ms", 250 }, { "90s", 90000 }, { "5m", 300000 }, { "2h", 7200000 }, { "1d", 86400000 }, { "0s", 0 },
    };
    static const char *const wrong[] = {
        "90", "", "s", "-5s", "1.5h", "5 s", "5w", "5sm", "9223372036854775807d", "99999999999999999999s", NULL
    };
    int64_t ms = 1;

    for (size_t i = 0; i < COUNT (right); i++)
        CU_ASSERT_TRUE (sb_parse_duration (right[i].text, &ms) && ms == right[i].ms);
    ms = 1;
    for (size_t i = 0; i < COUNT (wrong); i++)
        CU_ASSERT_FALSE (sb_parse_duration (wrong[i], &ms));
    CU_ASSERT_EQUAL (ms, 1);
}

static void
durations_for_people (void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        { 0, "0ms" },         { 850, "850ms" },  { 12300, "12.3s" },     { 12000, "12s" },
        { 59999, "59.9s" },   { 60000, "1m" },   { 250000, "4m10s" },    { 245000, "4m05s" },
        { 7500000, "2h05m" }, { 7200000, "2h" }, { 273600000, "3d04h" }, { -850, "-850ms" },
    };
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    for (size_t i = 0; i < COUNT (rows); i++) {
        sb_buf_clear (&b);
        sb_format_duration (&b, rows[i].ms);
        CU_ASSERT_STRING_EQUAL (b.s, rows[i].text);
    }
}

static void
times (void)
{
    static const char *const wrong[] = { "2026-11-21",
                                         "2026-11-21 12:00:00Z",
                                         "2026-11-21T12:00:00",
                                         "2026-02-30T00:00:00Z",
                                         "2026-13-01T00:00:00Z",
                                         "2026-11-21T24:00:00Z",
                                         "2026-11-21T12:00:00.Z",
                                         "2026-11-21T12:00:00ZZ",
                                         NULL };
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    int64_t ms = 0;

    sb_format_utc (&b, 1795262400123);
    CU_ASSERT_STRING_EQUAL (b.s, "2026-11-21T12:00:00.123Z");
    CU_ASSERT_TRUE (sb_parse_utc (b.s, &ms) && ms == 1795262400123);
    CU_ASSERT_TRUE (sb_parse_utc ("2024-02-29T23:59:59Z", &ms) && ms == 1709251199000);
    CU_ASSERT_TRUE (sb_parse_utc ("1969-12-31T23:59:59.9Z", &ms) && ms == -100);
    sb_buf_clear (&b);
    sb_format_utc (&b, -100);
    CU_ASSERT_STRING_EQUAL (b.s, "1969-12-31T23:59:59.900Z");
    for (size_t i = 0; i < COUNT (wrong); i++)
        CU_ASSERT_FALSE (sb_parse_utc (wrong[i], &ms));
}

static void
lists (void)
{
    struct sb_arena a = { 0 };
    size_t n = 9;
    char **list = sb_split_list (&a, " a, b ,,c d,", &n);

    CU_ASSERT_EQUAL_FATAL (n, 3);
    CU_ASSERT_STRING_EQUAL (list[0], "a");
    CU_ASSERT_STRING_EQUAL (list[1], "b");
    CU_ASSERT_STRING_EQUAL (list[2], "c d");
    CU_ASSERT_PTR_NULL (list[3]);
    CU_ASSERT_TRUE (sb_list_has (list, "c d"));
    CU_ASSERT_FALSE (sb_list_has (list, "c") || sb_list_has (NULL, "c"));
    list = sb_split_list (&a, " , ", &n);
    CU_ASSERT_TRUE (n == 0 && list[0] == NULL);
    list = sb_split_list (&a, NULL, NULL);
    CU_ASSERT_PTR_NULL (list[0]);
    sb_arena_release (&a);
}

static void
trimming (void)
{
    char blank[] = " \t ", text[] = "\t a b \r\n";

    CU_ASSERT_STRING_EQUAL (sb_trim (blank), "");
    CU_ASSERT_STRING_EQUAL (sb_trim (text), "a b");
}

static void
nearest (void)
{
    static const char *const words[] = { "site", "host", "port", "credential", "primary site" };

    CU_ASSERT_STRING_EQUAL (sb_nearest ("sitte", words, COUNT (words)), "site");
    CU_ASSERT_STRING_EQUAL (sb_nearest ("SITE", words, COUNT (words)), "site");
    CU_ASSERT_STRING_EQUAL (sb_nearest ("hsot", words, COUNT (words)), "host");
    CU_ASSERT_STRING_EQUAL (sb_nearest ("credentails", words, COUNT (words)), "credential");
    CU_ASSERT_STRING_EQUAL (sb_nearest ("primary_site", words, COUNT (words)), "primary site");
    CU_ASSERT_PTR_NULL (sb_nearest ("colour", words, COUNT (words)));
    CU_ASSERT_PTR_NULL (sb_nearest ("", words, COUNT (words)));
    CU_ASSERT_PTR_NULL (sb_nearest ("x", NULL, 0));
}

static void
utf8 (void)
{
    static const char *const wrong[] = { "\x80",         "\xc3",         "\xc0\xaf",
                                         "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                         "\xff",         "a\xc3(" };

    for (size_t i = 0; i < COUNT (wrong); i++)
        CU_ASSERT_FALSE (sb_is_utf8 (wrong[i], strlen (wrong[i])));
    CU_ASSERT_TRUE (sb_is_utf8 ("a\0b", 3));
    CU_ASSERT_TRUE (sb_is_utf8 ("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9));
    CU_ASSERT_TRUE (sb_is_utf8 ("", 0));
}

static void
utf16 (void)
{
    static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    static const char wide[] = "a\0\xe9\0\xac\x20\x3d\xd8\x00\xde";
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 }, back = { 0 };

    CU_ASSERT_TRUE (sb_utf8_to_utf16le (text, strlen (text), &b));
    CU_ASSERT_TRUE (b.len == 10 && memcmp (b.s, wide, 10) == 0);
    CU_ASSERT_TRUE (sb_utf16le_to_utf8 (b.s, b.len, &back));
    CU_ASSERT_STRING_EQUAL (back.s, text);
    CU_ASSERT_FALSE (sb_utf8_to_utf16le ("\xff", 1, &b));
    CU_ASSERT_FALSE (sb_utf16le_to_utf8 ("a", 1, &back));
    CU_ASSERT_FALSE (sb_utf16le_to_utf8 ("\x3d\xd8", 2, &back));
    CU_ASSERT_FALSE (sb_utf16le_to_utf8 ("\x3d\xd8"
                                         "a",
                                         4, &back));
    CU_ASSERT_FALSE (sb_utf16le_to_utf8 ("a\0\x00\xde", 4, &back));
    CU_ASSERT_STRING_EQUAL (back.s, text);
}

static void
base64 (void)
{
    static const struct {
        const char *plain, *coded;
    } rows[] = {
        { "", "" },        { "f", "Zg==" },        { "fo", "Zm8=" },
        { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "foobar", "Zm9vYmFy" },
    };
    static const char *const wrong[] = { "Z", "Zg", "Zg=", "Z===", "=", "Zg==Zg==", "Zm8=x", "Zm!v", "Zg=v", "====" };
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    for (size_t i = 0; i < COUNT (rows); i++) {
        sb_buf_clear (&b);
        sb_base64_encode (rows[i].plain, strlen (rows[i].plain), &b);
        CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&b), rows[i].coded);
        sb_buf_clear (&b);
        CU_ASSERT_TRUE (sb_base64_decode (rows[i].coded, strlen (rows[i].coded), &b));
        CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&b), rows[i].plain);
    }
    sb_buf_clear (&b);
    for (size_t i = 0; i < COUNT (wrong); i++)
        CU_ASSERT_FALSE (sb_base64_decode (wrong[i], strlen (wrong[i]), &b));
    CU_ASSERT_FALSE (sb_base64_decode ("Zg\0=", 4, &b));
    CU_ASSERT_EQUAL (b.len, 0);
    CU_ASSERT_TRUE (sb_base64_decode ("Zm\n9v Zg = =\n", 13, &b));
    CU_ASSERT_STRING_EQUAL (b.s, "foof");
}

static void
globs (void)
{
    CU_ASSERT_TRUE (sb_glob ("*", "", false));
    CU_ASSERT_TRUE (sb_glob ("*.bak", "full.BAK", true));
    CU_ASSERT_FALSE (sb_glob ("*.bak", "full.BAK", false));
    CU_ASSERT_TRUE (sb_glob ("a*b*c", "aXbXbYc", false));
    CU_ASSERT_FALSE (sb_glob ("a*b?c", "abc", false));
    CU_ASSERT_TRUE (sb_glob ("a?c**", "abc", false));
    CU_ASSERT_FALSE (sb_glob ("", "a", false));
    CU_ASSERT_FALSE (sb_glob ("[a]", "a", false));
}

static void
case_blind_order (void)
{
    CU_ASSERT_EQUAL (sb_casecmp ("MGC", "mgc"), 0);
    CU_ASSERT_TRUE (sb_casecmp ("a", "B") < 0);
    CU_ASSERT_TRUE (sb_casecmp ("ab", "a") > 0);
    CU_ASSERT_TRUE (sb_casecmp ("\xc3\x84", "\xc3\xa4") != 0);
}

static void
sha256_vectors (void)
{
    static const struct {
        const char *text, *hex;
    } rows[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };
    char hex[SB_SHA256_HEX];
    struct sb_sha256 h;

    for (size_t i = 0; i < COUNT (rows); i++) {
        sb_sha256_init (&h);
        sb_sha256_add (&h, rows[i].text, strlen (rows[i].text));
        sb_sha256_hex (&h, hex);
        CU_ASSERT_STRING_EQUAL (hex, rows[i].hex);
    }
    sb_sha256_init (&h);
    for (int i = 0; i < 1000; i++)
        for (int part = 0; part < 8; part++)
            sb_sha256_add (&h,
                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                           125);
    sb_sha256_hex (&h, hex);
    CU_ASSERT_STRING_EQUAL (hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void
sha256_in_pieces_and_by_both_ways (void)
{
    uint32_t one[8], two[8];
    char whole[SB_SHA256_HEX], pieces[SB_SHA256_HEX];
    uint8_t bytes[64 * 9];
    struct sb_sha256 h;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t) (i * 2654435761u >> 11);
    for (size_t n = 0; n <= sizeof bytes; n += 37) {
        sb_sha256_init (&h);
        sb_sha256_add (&h, bytes, n);
        sb_sha256_hex (&h, whole);
        sb_sha256_init (&h);
        for (size_t at = 0, part = 0; at < n; at += part, part = part % 131 + 1)
            sb_sha256_add (&h, bytes + at, part = part < n - at ? part : n - at);
        sb_sha256_hex (&h, pieces);
        CU_ASSERT_STRING_EQUAL (whole, pieces);
    }
    sb_sha256_init (&h);
    memcpy (one, h.state, sizeof one);
    memcpy (two, h.state, sizeof two);
    sb_sha256_blocks (one, bytes, 9);
    if (sb_sha256_has_x86 ()) /* else there is one way only */
        sb_sha256_blocks_x86 (two, bytes, 9);
    else
        sb_sha256_blocks (two, bytes, 9);
    CU_ASSERT_EQUAL (memcmp (one, two, sizeof one), 0);
}

static void
sha256_strings_have_ends (void)
{
    char one[SB_SHA256_HEX], two[SB_SHA256_HEX], none[SB_SHA256_HEX];
    struct sb_sha256 h;

    sb_sha256_init (&h);
    sb_sha256_str (&h, "ab");
    sb_sha256_str (&h, "c");
    sb_sha256_hex (&h, one);
    sb_sha256_init (&h);
    sb_sha256_str (&h, "a");
    sb_sha256_str (&h, "bc");
    sb_sha256_hex (&h, two);
    CU_ASSERT_STRING_NOT_EQUAL (one, two);
    sb_sha256_init (&h);
    sb_sha256_str (&h, NULL);
    sb_sha256_hex (&h, none);
    sb_sha256_init (&h);
    sb_sha256_str (&h, "");
    sb_sha256_hex (&h, two);
    CU_ASSERT_STRING_NOT_EQUAL (none, two);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "integers are decimal and fit", integers },
        { "booleans are yes and no", booleans },
        { "durations have exactly one unit", durations },
        { "durations are written for people", durations_for_people },
        { "UTC times are read and written; 30 February is not one", times },
        { "lists are split at commas, empty elements dropped", lists },
        { "trimming takes blanks from both ends", trimming },
        { "the nearest word is found, a far one is not", nearest },
        { "only shortest UTF-8 of Unicode characters is accepted", utf8 },
        { "UTF-16 comes back as it went, lone surrogates are refused", utf16 },
        { "base64 follows the vectors of RFC 4648 and refuses the rest", base64 },
        { "globs know star and question mark only", globs },
        { "letters of ASCII compare without case", case_blind_order },
        { "SHA-256 follows the vectors of the standard", sha256_vectors },
        { "hashed in pieces, and with the processor's own instructions, it is the same",
          sha256_in_pieces_and_by_both_ways },
        { "hashed strings do not run into each other", sha256_strings_have_ends },
        { NULL, NULL },
    };

    return sb_tap_run ("text", tests);
}
