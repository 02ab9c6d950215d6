/* Conversions between types, as CAST, CONVERT and assignment make them.
 * Styles of CONVERT are those that scripts use on date-times: 0, 20, 21, 112,
 * 120, 121, 126, 127, 130 apart, and 1/2 for bytes as hexadecimal text. */
#include "lab/tds/func.h"

#include "core/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
sb_sql_type_name (const struct sb_sql_type *type)
{
    static const char *const names[] = { [SB_SQL_UNKNOWN] = "nvarchar",
                                         [SB_SQL_BIT] = "bit",
                                         [SB_SQL_TINYINT] = "tinyint",
                                         [SB_SQL_SMALLINT] = "smallint",
                                         [SB_SQL_INT] = "int",
                                         [SB_SQL_BIGINT] = "bigint",
                                         [SB_SQL_NUMERIC] = "numeric",
                                         [SB_SQL_FLOAT] = "float",
                                         [SB_SQL_DATETIME] = "datetime",
                                         [SB_SQL_DATETIME2] = "datetime2",
                                         [SB_SQL_DATE] = "date",
                                         [SB_SQL_UUID] = "uniqueidentifier",
                                         [SB_SQL_NVARCHAR] = "nvarchar",
                                         [SB_SQL_NCHAR] = "nchar",
                                         [SB_SQL_VARCHAR] = "varchar",
                                         [SB_SQL_CHAR] = "char",
                                         [SB_SQL_VARBINARY] = "varbinary",
                                         [SB_SQL_VARIANT] = "sql_variant" };

    return names[type->kind];
}

static int
to_integer (const struct sb_sql_value *v, const struct sb_sql_type *type, struct sb_sql_value *ret)
{
    static const struct {
        int64_t low, high;
    } range[] = { [SB_SQL_TINYINT] = { 0, 255 },
                  [SB_SQL_SMALLINT] = { INT16_MIN, INT16_MAX },
                  [SB_SQL_INT] = { INT32_MIN, INT32_MAX },
                  [SB_SQL_BIGINT] = { INT64_MIN, INT64_MAX } };
    int64_t i = v->i;

    if (v->tag == SB_SQL_TEXT) {
        SB_AUTOFREE char *text = sb_xstrndup (v->s, v->n > 40 ? 40 : v->n);
        char *word = sb_trim (text);
        if (type->kind == SB_SQL_BIT && (sb_casecmp (word, "true") == 0 || sb_casecmp (word, "false") == 0))
            i = word[0] == 't' || word[0] == 'T';
        else if (*word == 0)
            i = 0;
        else if (v->n > 40 || !sb_parse_int (*word == '+' ? word + 1 : word, &i))
            return 245;
    } else if (v->tag == SB_SQL_REAL) {
        if (!(v->r > -9.2e18 && v->r < 9.2e18))
            return 8115;
        i = (int64_t) v->r;
    } else if (v->tag == SB_SQL_BLOB) {
        i = 0;
        for (size_t k = v->n > 8 ? v->n - 8 : 0; k < v->n; k++)
            i = (int64_t) ((uint64_t) i << 8 | (uint8_t) v->s[k]);
    }
    if (type->kind == SB_SQL_BIT)
        i = i != 0;
    else if (i < range[type->kind].low || i > range[type->kind].high)
        return 8115;
    *ret = sb_sql_int (i);
    return 0;
}

static int
to_numeric (const struct sb_sql_value *v, const struct sb_sql_type *type, struct sb_sql_value *ret)
{
    SB_AUTOFREE char *text = NULL;
    char *word, *end;
    int64_t i;
    double r;

    if (v->tag == SB_SQL_INTEGER || (v->tag == SB_SQL_REAL && type->scale > 0)) {
        *ret = *v;
        return 0;
    }
    if (v->tag == SB_SQL_REAL) {
        if (!(v->r > -9.2e18 && v->r < 9.2e18))
            return 8115;
        *ret = sb_sql_int ((int64_t) (v->r < 0 ? v->r - 0.5 : v->r + 0.5));
        return 0;
    }
    if (v->tag == SB_SQL_BLOB || v->n > 60)
        return 8114;
    text = sb_xstrndup (v->s, v->n);
    word = sb_trim (text);
    if (sb_parse_int (word, &i)) {
        *ret = sb_sql_int (i);
        return 0;
    }
    if (*word != 0 && strspn (word, "0123456789") == strlen (word)) { /* longer than 64 bits: kept as digits */
        struct sb_sql_value digits = sb_sql_text (word);
        *ret = sb_sql_value_copy (&digits);
        return 0;
    }
    errno = 0;
    r = strtod (word, &end);
    if (end == word || *end != 0 || strpbrk (word, "xXnNiIpP") != NULL || errno != 0)
        return 8114;
    *ret = type->scale == 0 ? sb_sql_int ((int64_t) r) : (struct sb_sql_value){ .tag = SB_SQL_REAL, .r = r };
    return 0;
}

static int
to_float (const struct sb_sql_value *v, struct sb_sql_value *ret)
{
    SB_AUTOFREE char *text = NULL;
    char *word, *end;

    *ret = (struct sb_sql_value){ .tag = SB_SQL_REAL, .r = v->tag == SB_SQL_INTEGER ? (double) v->i : v->r };
    if (v->tag != SB_SQL_TEXT)
        return v->tag == SB_SQL_BLOB ? 8114 : 0;
    text = sb_xstrndup (v->s, v->n > 60 ? 60 : v->n);
    word = sb_trim (text);
    ret->r = strtod (word, &end);
    return end == word || *end != 0 ? 8114 : 0;
}

static int
to_date (const struct sb_sql_value *v, const struct sb_sql_type *type, struct sb_sql_value *ret)
{
    struct sb_sql_value text;
    int64_t days = 0, ms = 0;
    char out[24];

    if (v->tag == SB_SQL_INTEGER)
        days = v->i;
    else if (v->tag != SB_SQL_TEXT || !sb_sql_date_parse (v->s, v->n, &days, &ms))
        return 241;
    if (days < -53690 || days > 2958463)
        return 242;
    sb_sql_date_format (days, type->kind == SB_SQL_DATE ? 0 : ms, out);
    if (type->kind == SB_SQL_DATE)
        out[10] = 0;
    text = sb_sql_text (out);
    *ret = sb_sql_value_copy (&text);
    return 0;
}

static int
to_uuid (const struct sb_sql_value *v, struct sb_sql_value *ret)
{
    struct sb_sql_value text;
    uint8_t bytes[16];
    char out[37];

    if (v->tag == SB_SQL_BLOB && v->n == 16)
        memcpy (bytes, v->s, 16);
    else if (v->tag != SB_SQL_TEXT || !sb_sql_uuid_bytes (v->s, v->n, bytes))
        return 8169;
    sb_sql_uuid_text (bytes, out);
    text = sb_sql_text (out);
    *ret = sb_sql_value_copy (&text);
    return 0;
}

/* A date-time in one of CONVERT's styles; `s` is our own form. */
static void
date_in_style (const char *s, size_t n, int style, struct sb_buf *out)
{
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    int64_t days, ms;
    int y, m, d, h, min, sec;

    if (!sb_sql_date_parse (s, n, &days, &ms)) {
        sb_buf_add (out, s, n);
        return;
    }
    sb_sql_civil (days, &y, &m, &d);
    h = (int) (ms / 3600000);
    min = (int) (ms / 60000 % 60);
    sec = (int) (ms / 1000 % 60);
    ms %= 1000;
    switch (style) {
    case 20:
    case 120:
        sb_buf_printf (out, "%04d-%02d-%02d %02d:%02d:%02d", y, m, d, h, min, sec);
        return;
    case 21:
    case 25:
    case 121:
        sb_buf_printf (out, "%04d-%02d-%02d %02d:%02d:%02d.%03d", y, m, d, h, min, sec, (int) ms);
        return;
    case 23:
        sb_buf_printf (out, "%04d-%02d-%02d", y, m, d);
        return;
    case 126:
    case 127:
        sb_buf_printf (out, "%04d-%02d-%02dT%02d:%02d:%02d", y, m, d, h, min, sec);
        if (ms != 0)
            sb_buf_printf (out, ".%03d", (int) ms);
        return;
    case 12:
    case 112:
        sb_buf_printf (out, style == 12 ? "%02d%02d%02d" : "%04d%02d%02d", style == 12 ? y % 100 : y, m, d);
        return;
    case 101:
        sb_buf_printf (out, "%02d/%02d/%04d", m, d, y);
        return;
    case 103:
        sb_buf_printf (out, "%02d/%02d/%04d", d, m, y);
        return;
    case 104:
        sb_buf_printf (out, "%02d.%02d.%04d", d, m, y);
        return;
    case 8:
    case 108:
        sb_buf_printf (out, "%02d:%02d:%02d", h, min, sec);
        return;
    case 114:
        sb_buf_printf (out, "%02d:%02d:%02d:%03d", h, min, sec, (int) ms);
        return;
    default:
        sb_buf_printf (out, "%s %2d %04d %2d:%02d%s", months[m - 1], d, y, h % 12 == 0 ? 12 : h % 12, min,
                       h < 12 ? "AM" : "PM");
    }
}

static bool
looks_like_date (const struct sb_sql_value *v)
{
    return v->tag == SB_SQL_TEXT && v->n == 23 && v->s[4] == '-' && v->s[10] == ' ' && v->s[13] == ':'
           && v->s[19] == '.';
}

/* Cuts a UTF-8 text to `limit` characters. */
static size_t
cut (const char *s, size_t n, size_t limit)
{
    size_t at = 0, count = 0;

    while (at < n && count < limit) {
        at++;
        while (at < n && ((unsigned char) s[at] & 0xc0) == 0x80)
            at++;
        count++;
    }
    return at;
}

static int
to_text (const struct sb_sql_value *v, const struct sb_sql_type *type, int style, struct sb_sql_value *ret)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    size_t limit = type->len == SB_SQL_MAX ? SIZE_MAX : (size_t) type->len;

    if (v->tag == SB_SQL_INTEGER)
        sb_buf_printf (&b, "%lld", (long long) v->i);
    else if (v->tag == SB_SQL_REAL)
        sb_buf_printf (&b, "%.15g", v->r);
    else if (v->tag == SB_SQL_BLOB && (style == 1 || style == 2)) {
        sb_buf_str (&b, style == 1 ? "0x" : "");
        for (size_t i = 0; i < v->n; i++)
            sb_buf_printf (&b, "%02X", (uint8_t) v->s[i]);
    } else if (looks_like_date (v) && style >= 0)
        date_in_style (v->s, v->n, style, &b);
    else if (v->tag == SB_SQL_BLOB && !sb_is_utf8 (v->s, v->n))
        return 8114;
    else
        sb_buf_add (&b, v->s, v->n);
    if (v->tag == SB_SQL_INTEGER && b.len > limit) /* too narrow for the number */
        return 8115;
    *ret = (struct sb_sql_value){ .tag = SB_SQL_TEXT,
                                  .s = b.len == 0 ? "" : b.s,
                                  .n = cut (sb_buf_cstr (&b), b.len, limit) };
    *ret = sb_sql_value_copy (ret);
    return 0;
}

static int
to_bytes (const struct sb_sql_value *v, const struct sb_sql_type *type, int style, struct sb_sql_value *ret)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    if (v->tag == SB_SQL_INTEGER) {
        for (int shift = v->i >= INT32_MIN && v->i <= INT32_MAX ? 24 : 56; shift >= 0; shift -= 8)
            sb_buf_char (&b, (char) ((uint64_t) v->i >> shift));
    } else if (v->tag == SB_SQL_REAL) {
        return 8114;
    } else if (v->tag == SB_SQL_TEXT && (style == 1 || style == 2)) {
        for (size_t i = style == 1 ? 2 : 0; i + 1 < v->n; i += 2) {
            unsigned byte;
            char pair[3] = { v->s[i], v->s[i + 1], 0 };
            if (sscanf (pair, "%2x", &byte) != 1)
                return 8114;
            sb_buf_char (&b, (char) byte);
        }
    } else {
        sb_buf_add (&b, v->s, v->n);
    }
    *ret = (struct sb_sql_value){ .tag = SB_SQL_BLOB, .s = sb_buf_cstr (&b), .n = b.len };
    if (type->len != SB_SQL_MAX && ret->n > (size_t) type->len)
        ret->n = (size_t) type->len;
    *ret = sb_sql_value_copy (ret);
    return 0;
}

int
sb_sql_convert (const struct sb_sql_value *v, const struct sb_sql_type *type, int style, struct sb_sql_value *ret)
{
    *ret = sb_sql_null ();
    if (v->tag == SB_SQL_NULL)
        return 0;
    switch (type->kind) {
    case SB_SQL_BIT:
    case SB_SQL_TINYINT:
    case SB_SQL_SMALLINT:
    case SB_SQL_INT:
    case SB_SQL_BIGINT:
        return to_integer (v, type, ret);
    case SB_SQL_NUMERIC:
        return to_numeric (v, type, ret);
    case SB_SQL_FLOAT:
        return to_float (v, ret);
    case SB_SQL_DATETIME:
    case SB_SQL_DATETIME2:
    case SB_SQL_DATE:
        return to_date (v, type, ret);
    case SB_SQL_UUID:
        return to_uuid (v, ret);
    case SB_SQL_VARBINARY:
        return to_bytes (v, type, style, ret);
    case SB_SQL_UNKNOWN:
    case SB_SQL_VARIANT:
        *ret = sb_sql_value_copy (v);
        return 0;
    default:
        return to_text (v, type, style, ret);
    }
}
