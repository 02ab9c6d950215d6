/* Texts: JSON strings, base64, header values, dates.  Memory is that of the call. */
#include "plugins/notify/notify.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void
text_add (struct text *t, const char *data, size_t n)
{
    if (t->len + n + 1 > t->cap) {
        size_t cap = 2 * (t->len + n) + 256;
        char *s = sb_alloc (t->call, cap);

        if (t->len > 0)
            memcpy (s, t->s, t->len);
        t->s = s;
        t->cap = cap;
    }
    memcpy (t->s + t->len, data, n);
    t->len += n;
    t->s[t->len] = '\0';
}

void
text_str (struct text *t, const char *s)
{
    text_add (t, s, strlen (s));
}

size_t
utf8_length (const char *s)
{
    const unsigned char *u = (const unsigned char *) s;
    size_t n = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 0, i;

    for (i = 1; i < n; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) || (u[0] == 0xf0 && u[1] < 0x90)
        || (u[0] == 0xf4 && u[1] > 0x8f))
        return 0; /* too long a form, a surrogate, beyond U+10FFFF */
    return n;
}

void
text_json (struct text *t, const char *s)
{
    char code[8];
    size_t n;

    text_str (t, "\"");
    for (; *s != '\0'; s += n > 0 ? n : 1) {
        n = utf8_length (s);
        if (n == 0) {
            text_str (t, "\xef\xbf\xbd");
        } else if (*s == '"' || *s == '\\') {
            text_str (t, "\\");
            text_add (t, s, 1);
        } else if ((unsigned char) *s < 0x20 || *s == 0x7f) {
            snprintf (code, sizeof code, "\\u%04x", (unsigned) (unsigned char) *s);
            text_str (t, code);
        } else {
            text_add (t, s, n);
        }
    }
    text_str (t, "\"");
}

void
text_base64 (struct text *t, const char *data, size_t n, size_t line)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *d = (const unsigned char *) data;
    size_t i, written = 0;

    for (i = 0; i < n; i += 3) {
        unsigned long v = (unsigned long) d[i] << 16 | (i + 1 < n ? (unsigned long) d[i + 1] << 8 : 0)
                          | (i + 2 < n ? d[i + 2] : 0);
        const char four[4] = { digits[v >> 18], digits[v >> 12 & 63], i + 1 < n ? digits[v >> 6 & 63] : '=',
                               i + 2 < n ? digits[v & 63] : '=' };

        text_add (t, four, 4);
        written += 4;
        if (line > 0 && written % line == 0)
            text_str (t, "\r\n");
    }
}

static int
is_plain (const char *s)
{
    if (strstr (s, "=?") != NULL || strlen (s) > 200)
        return 0;
    for (; *s != '\0'; s++)
        if ((unsigned char) *s < 0x20 || (unsigned char) *s > 0x7e)
            return 0;
    return 1;
}

void
text_header (struct text *t, const char *s)
{
    /* 75 characters less "=?UTF-8?B??=" are 63, of which whole groups carry 45 bytes */
    const size_t most = 45;
    size_t left = strlen (s), n;

    if (is_plain (s)) {
        text_str (t, s);
        return;
    }
    while (left > 0) {
        n = left < most ? left : most;
        while (n < left && n > 1 && ((unsigned char) s[n] & 0xc0) == 0x80)
            n--; /* an encoded word holds whole characters */
        text_str (t, "=?UTF-8?B?");
        text_base64 (t, s, n, 0);
        text_str (t, "?=");
        s += n;
        left -= n;
        if (left > 0)
            text_str (t, "\r\n ");
    }
}

void
text_date (struct text *t)
{
    static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t now = time (NULL);
    struct tm tm;

    gmtime_r (&now, &tm);
    text_str (t, sb_format (t->call, "%s, %02d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
                            months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec));
}

const char *
one_line (struct sb_call *call, const char *s)
{
    char *copy = sb_format (call, "%s", s), *at;

    for (at = copy; *at != '\0'; at++)
        if ((unsigned char) *at < 0x20 || *at == 0x7f)
            *at = ' ';
    return copy;
}
