/* SQL Browser's bytes; see ssrp.h.  [MC-SQLR] 2.2.1 to 2.2.5. */
#include "core/base/ssrp.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <string.h>

enum { CLNT_BCAST_EX = 0x02, CLNT_UCAST_EX = 0x03, CLNT_UCAST_INST = 0x04, SVR_RESP = 0x05 };

#define HEAD     3 /* SVR_RESP, and how many bytes follow */
#define MOST     65000
#define PORT_MAX 65535

bool
sb_ssrp_question (const char *named, struct sb_buf *out)
{
    size_t n = strlen (named);

    if (n == 0 || n > SB_SSRP_NAME || strchr (named, ';') != NULL)
        return false;
    sb_buf_char (out, CLNT_UCAST_INST);
    sb_buf_add (out, named, n + 1);
    return true;
}

/* The value behind a key in "key;value;key;value;;"; false: it is not there, or longer than `size`. */
static bool
value_of (const char *text, const char *key, char *ret, size_t size)
{
    bool is_key = true, found = false;

    for (const char *p = text; *p != '\0' && !(is_key && *p == ';'); is_key = !is_key) {
        size_t n = strcspn (p, ";");
        SB_AUTOFREE char *word = sb_xstrndup (p, n);

        if (!is_key && found) {
            if (n >= size)
                return false;
            memcpy (ret, word, n + 1);
            return true;
        }
        found = is_key && sb_casecmp (word, key) == 0;
        p += n + (p[n] == ';');
    }
    return false;
}

uint16_t
sb_ssrp_port (const void *answer, size_t len, const char *named)
{
    const unsigned char *p = answer;
    char value[SB_SSRP_ANSWER];
    size_t told;
    int64_t port;

    if (len <= HEAD || p[0] != SVR_RESP)
        return 0;
    told = (size_t) (p[1] | p[2] << 8);
    if (told > len - HEAD)
        return 0;
    SB_AUTOFREE char *text = sb_xstrndup ((const char *) p + HEAD, told);
    if (!value_of (text, "InstanceName", value, sizeof value) || sb_casecmp (value, named) != 0
        || !value_of (text, "tcp", value, sizeof value) || !sb_parse_int (value, &port) || port < 1 || port > PORT_MAX)
        return 0;
    return (uint16_t) port;
}

enum sb_ssrp_wish
sb_ssrp_wish (const void *request, size_t len, char *ret_name)
{
    const char *p = request;
    size_t n;

    ret_name[0] = '\0';
    if (len < 1)
        return SB_SSRP_NOTHING;
    if (p[0] == CLNT_BCAST_EX || p[0] == CLNT_UCAST_EX)
        return len == 1 ? SB_SSRP_ALL : SB_SSRP_NOTHING;
    n = len - 1;
    if (n > 0 && p[n] == '\0') /* clients differ in whether they send the end of the text */
        n--;
    if (p[0] != CLNT_UCAST_INST || n == 0 || n > SB_SSRP_NAME || memchr (p + 1, '\0', n) != NULL)
        return SB_SSRP_NOTHING;
    memcpy (ret_name, p + 1, n);
    ret_name[n] = '\0';
    return SB_SSRP_ONE;
}

void
sb_ssrp_entry (const char *machine, const char *named, const char *version, uint16_t port, struct sb_buf *out)
{
    sb_buf_printf (out, "ServerName;%s;InstanceName;%s;IsClustered;No;Version;%s;tcp;%u;;", machine, named, version,
                   (unsigned) port);
}

void
sb_ssrp_answer (const struct sb_buf *entries, struct sb_buf *out)
{
    size_t n = entries->len < MOST ? entries->len : MOST;

    sb_buf_char (out, SVR_RESP);
    sb_buf_char (out, (char) (n & 0xff));
    sb_buf_char (out, (char) (n >> 8));
    sb_buf_add (out, sb_buf_cstr (entries), n);
}
