/* Cleaning of text on its way out of a worker; see scrub.h. */
#include "core/host/scrub.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

static void
remember (struct sb_scrub *s, char *word)
{
    size_t i, len = strlen (word);

    SB_PUSH (s->words, s->count, s->cap) = word;
    for (i = s->count - 1; i > 0 && strlen (s->words[i - 1]) < len; i--)
        s->words[i] = s->words[i - 1];
    s->words[i] = word;
}

static char *
percent_encoded (const char *secret)
{
    struct sb_buf b = { 0 };

    for (; *secret != '\0'; secret++) {
        unsigned char c = (unsigned char) *secret;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr ("-._~", c) != NULL)
            sb_buf_char (&b, (char) c);
        else
            sb_buf_printf (&b, "%%%02X", c);
    }
    return sb_buf_take (&b);
}

static char *
json_escaped (const char *secret)
{
    struct sb_buf b = { 0 };

    for (; *secret != '\0'; secret++) {
        if (*secret == '"' || *secret == '\\')
            sb_buf_char (&b, '\\');
        if (*secret == '\n')
            sb_buf_str (&b, "\\n");
        else
            sb_buf_char (&b, *secret);
    }
    return sb_buf_take (&b);
}

void
sb_scrub_add (struct sb_scrub *s, const char *secret)
{
    char *(*const forms[]) (const char *) = { sb_xstrdup, percent_encoded, json_escaped };
    size_t i, k;

    if (secret == NULL || *secret == '\0')
        return;
    for (i = 0; i < sizeof forms / sizeof *forms; i++) {
        char *word = forms[i](secret);

        for (k = 0; k < s->count && strcmp (s->words[k], word) != 0; k++)
            ;
        if (k == s->count) {
            remember (s, word);
        } else {
            sb_wipe (word, strlen (word));
            free (word);
        }
    }
}

static size_t
secret_at (const struct sb_scrub *s, const char *at)
{
    size_t i;

    for (i = 0; i < s->count; i++)
        if (strncmp (at, s->words[i], strlen (s->words[i])) == 0)
            return strlen (s->words[i]);
    return 0;
}

/* Length of the well-formed UTF-8 character at `at`, 0 when it is none (RFC 3629, table in section 4). */
static size_t
utf8_at (const unsigned char *at)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t n, i;

    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    n = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    low = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : low;
    high = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : high;
    if (at[1] < low || at[1] > high)
        return 0;
    for (i = 2; i < n; i++)
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    return n;
}

void
sb_scrub_text (const struct sb_scrub *s, const char *text, size_t limit, bool lines, struct sb_buf *out)
{
    size_t start = out->len, n;

    while (*text != '\0') {
        if (out->len - start >= limit) {
            sb_buf_str (out, "...");
            return;
        }
        if ((n = secret_at (s, text)) > 0) {
            sb_buf_str (out, SB_SCRUBBED);
        } else if ((n = utf8_at ((const unsigned char *) text)) == 0) {
            sb_buf_str (out, "\xef\xbf\xbd");
            n = 1;
        } else if (n == 1 && ((unsigned char) *text < 0x20 || *text == 0x7f) && !(lines && *text == '\n')) {
            sb_buf_char (out, ' ');
        } else {
            sb_buf_add (out, text, n);
        }
        text += n;
    }
}

void
sb_scrub_release (struct sb_scrub *s)
{
    size_t i;

    for (i = 0; i < s->count; i++) {
        sb_wipe (s->words[i], strlen (s->words[i]));
        free (s->words[i]);
    }
    free (s->words);
    memset (s, 0, sizeof *s);
}
