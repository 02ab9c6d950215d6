/* Functions on texts; see func.h. */
#include "lab/tds/func_help.h"

#include <math.h>
#include <stdio.h>

#define TEXT_MAX (4u << 20)

/* The byte at which character `index` (from 0) of a UTF-8 text begins. */
static size_t
char_at (const char *s, size_t n, int64_t index)
{
    size_t at = 0;

    for (; index > 0 && at < n; index--) {
        at++;
        while (at < n && ((unsigned char) s[at] & 0xc0) == 0x80)
            at++;
    }
    return at;
}

static int64_t
char_count (const char *s, size_t n)
{
    int64_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += ((unsigned char) s[i] & 0xc0) != 0x80;
    return count;
}

static void
f_len (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const char *s = text (v[0]);
    size_t len = strlen (s);

    if (any_null (n, v))
        return;
    while (len > 0 && s[len - 1] == ' ')
        len--;
    sqlite3_result_int64 (ctx, char_count (s, len));
}

static void
f_datalength (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    if (any_null (n, v))
        return;
    if (sqlite3_value_type (v[0]) == SQLITE_TEXT)
        sqlite3_result_int64 (ctx, 2 * char_count (text (v[0]), strlen (text (v[0]))));
    else
        sqlite3_result_int (ctx, sqlite3_value_type (v[0]) == SQLITE_BLOB ? sqlite3_value_bytes (v[0]) : 4);
}

static void
f_substring (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const char *name = sqlite3_user_data (ctx), *s;
    int64_t from, count, all;
    size_t len, a, b;

    if (any_null (n, v))
        return;
    s = text (v[0]);
    len = strlen (s);
    all = char_count (s, len);
    from = name[0] == 's' ? sqlite3_value_int (v[1]) - 1 : 0;
    count = sqlite3_value_int (v[name[0] == 's' ? 2 : 1]);
    if (count < 0) {
        sb_sql_raise_in (ctx, 8115, "length", "int");
        return;
    }
    if (name[0] == 'r')
        from = all > count ? all - count : 0;
    if (from < 0) {
        count += from;
        from = 0;
    }
    a = char_at (s, len, from);
    b = count > 0 ? a + char_at (s + a, len - a, count) : a;
    result_text (ctx, s + a, b - a);
}

static void
f_charindex (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const char *what, *s;
    size_t nw, ns;

    if (any_null (n, v))
        return;
    what = text (v[0]);
    s = text (v[1]);
    nw = strlen (what);
    ns = strlen (s);
    for (size_t i = n > 2 && sqlite3_value_int (v[2]) > 1 ? char_at (s, ns, sqlite3_value_int (v[2]) - 1) : 0;
         nw > 0 && i + nw <= ns; i++)
        if (strncasecmp (s + i, what, nw) == 0) {
            sqlite3_result_int64 (ctx, char_count (s, i) + 1);
            return;
        }
    sqlite3_result_int (ctx, 0);
}

static void
f_replace (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *s, *what;
    size_t nw;

    if (any_null (n, v))
        return;
    s = text (v[0]);
    what = text (v[1]);
    nw = strlen (what);
    while (*s != 0 && b.len < TEXT_MAX)
        if (nw > 0 && strncasecmp (s, what, nw) == 0) {
            sb_buf_str (&b, text (v[2]));
            s += nw;
        } else {
            sb_buf_char (&b, *s++);
        }
    result_text (ctx, b.s, b.len);
}

static void
f_replicate (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *unit = n == 1 ? " " : text (v[0]);
    int64_t count = sqlite3_value_int64 (v[n - 1]);

    size_t limit = sqlite3_user_data (ctx) == NULL ? 8000 : 8u << 20; /* of a (max) type: what SQLite takes here */

    if (any_null (n, v) || count < 0)
        return;
    while (count-- > 0 && b.len + strlen (unit) <= limit && *unit != 0)
        sb_buf_str (&b, unit);
    result_text (ctx, b.s, b.len);
}

static void
f_reverse (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *s = text (v[0]);

    if (any_null (n, v))
        return;
    for (size_t end = strlen (s), at = end; end > 0; end = at) {
        do
            at--;
        while (at > 0 && ((unsigned char) s[at] & 0xc0) == 0x80);
        sb_buf_add (&b, s + at, end - at);
    }
    result_text (ctx, b.s, b.len);
}

static void
f_stuff (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *s = text (v[0]);
    size_t len = strlen (s), a, e;
    int64_t from = sqlite3_value_int64 (v[1]), count = sqlite3_value_int64 (v[2]);

    if (any_null (3, v) || from < 1 || from > char_count (s, len) || count < 0)
        return;
    (void) n;
    a = char_at (s, len, from - 1);
    e = a + char_at (s + a, len - a, count);
    sb_buf_add (&b, s, a);
    sb_buf_str (&b, text (v[3]));
    sb_buf_add (&b, s + e, len - e);
    result_text (ctx, b.s, b.len);
}

static void
f_concat (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    for (int i = 0; i < n; i++)
        if (sqlite3_value_type (v[i]) != SQLITE_NULL && b.len < TEXT_MAX)
            sb_buf_str (&b, text (v[i]));
    result_text (ctx, b.s, b.len);
}

static void
f_quotename (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *s = text (v[0]);
    char open = n > 1 ? text (v[1])[0] : '[';
    char close = open == '[' ? ']' : open == '(' ? ')' : open == '<' ? '>' : open == '{' ? '}' : open;

    if (any_null (n, v) || char_count (s, strlen (s)) > 128 || strchr ("[](){}<>'\"`", open) == NULL || open == 0)
        return;
    if (open == ']')
        open = '[';
    sb_buf_char (&b, open);
    for (; *s != 0; s++) {
        if (*s == close)
            sb_buf_char (&b, close);
        sb_buf_char (&b, *s);
    }
    sb_buf_char (&b, close);
    result_text (ctx, b.s, b.len);
}

static void
f_str (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    char out[64];
    int width = n > 1 ? sqlite3_value_int (v[1]) : 10, scale = n > 2 ? sqlite3_value_int (v[2]) : 0;

    if (any_null (n, v) || width < 1 || width > 30 || scale < 0 || scale > 16
        || fabs (sqlite3_value_double (v[0])) > 1e28)
        return;
    snprintf (out, sizeof out, "%*.*f", width, scale, sqlite3_value_double (v[0]));
    result_text (ctx, out, strlen (out));
}

const struct sb_sql_code sb_sql_text_functions[] = {
    { "ts_len", 1, f_len, NULL },
    { "ts_datalength", 1, f_datalength, NULL },
    { "ts_substring", 3, f_substring, "substring" },
    { "ts_left", 2, f_substring, "left" },
    { "ts_right", 2, f_substring, "right" },
    { "ts_charindex", -1, f_charindex, NULL },
    { "ts_replace", 3, f_replace, NULL },
    { "ts_replicate", 2, f_replicate, NULL },
    { "ts_replicate_max", 2, f_replicate, "max" },
    { "ts_space", 1, f_replicate, NULL },
    { "ts_reverse", 1, f_reverse, NULL },
    { "ts_stuff", 4, f_stuff, NULL },
    { "ts_concat", -1, f_concat, NULL },
    { "ts_quotename", -1, f_quotename, NULL },
    { "ts_str", -1, f_str, NULL },
    { NULL, 0, NULL, NULL },
};
