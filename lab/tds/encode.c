/* Values as bytes of the wire; see value.h.  The layouts are those of MS-TDS
 * 2.2.5.4 (TYPE_INFO) and 2.2.5.5 (values). */
#include "lab/tds/value.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
put_le (struct sb_buf *out, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        sb_buf_char (out, (char) (v >> (8 * i) & 0xff));
}

static int
numeric_bytes (int prec)
{
    return prec <= 9 ? 5 : prec <= 19 ? 9 : prec <= 28 ? 13 : 17;
}

static int
date2_bytes (int scale)
{
    return (scale <= 2 ? 3 : scale <= 4 ? 4 : 5) + 3;
}

static void
text_info (const struct sb_sql_type *t, uint8_t token, int unit, struct sb_buf *out)
{
    int bytes = t->len == SB_SQL_MAX || t->len * unit > 8000 ? 0xffff : t->len * unit;

    sb_buf_char (out, (char) token);
    put_le (out, (uint64_t) bytes, 2);
    sb_buf_add (out, sb_sql_collation, 5);
}

static void
integer_info (const struct sb_sql_type *t, struct sb_buf *out)
{
    static const uint8_t fixed[] = { [SB_SQL_BIT] = 0x32,
                                     [SB_SQL_TINYINT] = 0x30,
                                     [SB_SQL_SMALLINT] = 0x34,
                                     [SB_SQL_INT] = 0x38,
                                     [SB_SQL_BIGINT] = 0x7f };
    static const uint8_t size[] = {
        [SB_SQL_BIT] = 1, [SB_SQL_TINYINT] = 1, [SB_SQL_SMALLINT] = 2, [SB_SQL_INT] = 4, [SB_SQL_BIGINT] = 8
    };

    if (t->not_null) {
        sb_buf_char (out, (char) fixed[t->kind]);
        return;
    }
    sb_buf_char (out, t->kind == SB_SQL_BIT ? 0x68 : 0x26);
    sb_buf_char (out, (char) size[t->kind]);
}

void
sb_sql_type_info (const struct sb_sql_type *t, struct sb_buf *out)
{
    switch (t->kind) {
    case SB_SQL_BIT:
    case SB_SQL_TINYINT:
    case SB_SQL_SMALLINT:
    case SB_SQL_INT:
    case SB_SQL_BIGINT:
        integer_info (t, out);
        return;
    case SB_SQL_NUMERIC:
        sb_buf_char (out, 0x6c);
        sb_buf_char (out, (char) (t->len > 0 ? t->len : (int) numeric_bytes (t->prec)));
        sb_buf_char (out, (char) t->prec);
        sb_buf_char (out, (char) t->scale);
        return;
    case SB_SQL_FLOAT:
        sb_buf_add (out, "\x6d\x08", 2);
        return;
    case SB_SQL_DATETIME:
        sb_buf_add (out, "\x6f\x08", 2);
        return;
    case SB_SQL_DATETIME2:
        sb_buf_char (out, 0x2a);
        sb_buf_char (out, (char) t->scale);
        return;
    case SB_SQL_DATE:
        sb_buf_char (out, 0x28);
        return;
    case SB_SQL_UUID:
        sb_buf_add (out, "\x24\x10", 2);
        return;
    case SB_SQL_NCHAR:
        text_info (t, 0xef, 2, out);
        return;
    case SB_SQL_VARCHAR:
        text_info (t, 0xa7, 1, out);
        return;
    case SB_SQL_CHAR:
        text_info (t, 0xaf, 1, out);
        return;
    case SB_SQL_VARBINARY:
        sb_buf_char (out, (char) 0xa5);
        put_le (out, t->len == SB_SQL_MAX || t->len > 8000 ? 0xffff : (uint64_t) t->len, 2);
        return;
    case SB_SQL_VARIANT:
        sb_buf_char (out, 0x62);
        put_le (out, 8009, 4);
        return;
    default:
        text_info (t, 0xe7, 2, out);
    }
}

static int64_t
as_integer (const struct sb_sql_value *v)
{
    if (v->tag == SB_SQL_INTEGER)
        return v->i;
    if (v->tag == SB_SQL_REAL)
        return v->r > -9.2e18 && v->r < 9.2e18 ? (int64_t) v->r : 0;
    if (v->tag == SB_SQL_TEXT && v->n < 32) {
        char text[33];
        memcpy (text, v->s, v->n);
        text[v->n] = 0;
        return strtoll (text, NULL, 10);
    }
    return 0;
}

static double
as_double (const struct sb_sql_value *v)
{
    if (v->tag == SB_SQL_REAL)
        return v->r;
    if (v->tag == SB_SQL_INTEGER)
        return (double) v->i;
    if (v->tag == SB_SQL_TEXT && v->n < 63) {
        char text[64];
        memcpy (text, v->s, v->n);
        text[v->n] = 0;
        return strtod (text, NULL);
    }
    return 0;
}

/* The value as text; numbers use the scratch space. */
static void
as_text (const struct sb_sql_value *v, char scratch[40], const char **s, size_t *n)
{
    if (v->tag == SB_SQL_INTEGER)
        snprintf (scratch, 40, "%lld", (long long) v->i);
    else if (v->tag == SB_SQL_REAL)
        snprintf (scratch, 40, "%.15g", v->r);
    else {
        *s = v->s;
        *n = v->n;
        return;
    }
    *s = scratch;
    *n = strlen (scratch);
}

/* 128-bit magnitude of a numeric. */
static unsigned __int128
numeric_magnitude (const struct sb_sql_value *v, int scale, bool *negative)
{
    unsigned __int128 m = 0;
    char scratch[40];
    const char *s;
    size_t n, i = 0;
    int after = -1;

    if (v->tag == SB_SQL_REAL)
        snprintf (scratch, sizeof scratch, "%.*f", scale, fabs (v->r) < 1e30 ? v->r : 0.0);
    as_text (v, scratch, &s, &n);
    if (v->tag == SB_SQL_REAL) {
        snprintf (scratch, sizeof scratch, "%.*f", scale > 6 ? 6 : scale, fabs (v->r) < 1e28 ? v->r : 0.0);
        n = strlen (scratch);
    }
    while (i < n && s[i] == ' ')
        i++;
    *negative = i < n && s[i] == '-';
    if (i < n && (s[i] == '-' || s[i] == '+'))
        i++;
    for (; i < n && (after < 0 || after < scale); i++) {
        if (s[i] == '.' && after < 0) {
            after = 0;
            continue;
        }
        if (s[i] < '0' || s[i] > '9')
            break;
        m = m * 10 + (unsigned) (s[i] - '0');
        if (after >= 0)
            after++;
    }
    for (int k = after < 0 ? 0 : after; k < scale; k++)
        m *= 10;
    return m;
}

static void
encode_numeric (const struct sb_sql_type *t, const struct sb_sql_value *v, struct sb_buf *out)
{
    int bytes = numeric_bytes (t->prec) - 1;
    bool negative = false;
    unsigned __int128 m = numeric_magnitude (v, t->scale, &negative);

    sb_buf_char (out, (char) (bytes + 1));
    sb_buf_char (out, negative ? 0 : 1);
    put_le (out, (uint64_t) m, bytes < 8 ? bytes : 8);
    if (bytes > 8)
        put_le (out, (uint64_t) (m >> 64), bytes - 8);
}

/* Texts of at most `len` units of `unit` bytes, or in one chunk for (max). */
static void
encode_text (const struct sb_sql_type *t, const struct sb_sql_value *v, int unit, struct sb_buf *out)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf wide = { 0 };
    char scratch[40];
    const char *s;
    size_t n, limit;

    as_text (v, scratch, &s, &n);
    if (unit == 2 && !sb_utf8_to_utf16le (s, n, &wide)) {
        sb_buf_clear (&wide);
        sb_utf8_to_utf16le ("?", 1, &wide);
    }
    if (unit == 1)
        for (size_t i = 0; i < n; i++) { /* Windows-1252 carries Latin-1; the rest becomes '?' */
            unsigned char c = (unsigned char) s[i];
            if (c < 0x80)
                sb_buf_char (&wide, (char) c);
            else if ((c == 0xc2 || c == 0xc3) && i + 1 < n)
                sb_buf_char (&wide, (char) ((c == 0xc3 ? 0x40 : 0) | (s[++i] & 0x3f) | 0x80));
            else if (c >= 0xc0)
                sb_buf_char (&wide, '?');
        }
    if (t->len == SB_SQL_MAX || t->len * unit > 8000) {
        put_le (out, wide.len, 8);
        if (wide.len > 0) {
            put_le (out, wide.len, 4);
            sb_buf_add (out, wide.s, wide.len);
        }
        put_le (out, 0, 4);
        return;
    }
    limit = (size_t) t->len * (size_t) unit;
    if (wide.len > limit)
        wide.len = limit;
    n = wide.len;
    if (t->kind == SB_SQL_NCHAR || t->kind == SB_SQL_CHAR)
        n = limit;
    put_le (out, n, 2);
    sb_buf_add (out, sb_buf_cstr (&wide), wide.len);
    for (size_t i = wide.len; i < n; i += (size_t) unit)
        sb_buf_add (out, " \0", (size_t) unit);
}

static void
encode_binary (const struct sb_sql_type *t, const struct sb_sql_value *v, struct sb_buf *out)
{
    size_t n = v->n;

    if (t->len == SB_SQL_MAX || t->len > 8000) {
        put_le (out, n, 8);
        if (n > 0) {
            put_le (out, n, 4);
            sb_buf_add (out, v->s, n);
        }
        put_le (out, 0, 4);
        return;
    }
    if (n > (size_t) t->len)
        n = (size_t) t->len;
    put_le (out, n, 2);
    sb_buf_add (out, n > 0 ? v->s : "", n);
}

static bool
encode_date (const struct sb_sql_type *t, const struct sb_sql_value *v, struct sb_buf *out)
{
    int64_t days, ms;
    int size = date2_bytes (t->scale);
    uint64_t ticks;

    if (v->tag == SB_SQL_INTEGER) {
        days = v->i;
        ms = 0;
    } else if (v->tag != SB_SQL_TEXT || !sb_sql_date_parse (v->s, v->n, &days, &ms))
        return false;
    if (t->kind == SB_SQL_DATETIME) {
        sb_buf_char (out, 8);
        put_le (out, (uint64_t) (uint32_t) (int32_t) days, 4);
        put_le (out, (uint64_t) ((ms * 3 + 5) / 10), 4);
        return true;
    }
    days += 693595; /* from 0001-01-01 to 1900-01-01 */
    if (t->kind == SB_SQL_DATE) {
        sb_buf_char (out, 3);
        put_le (out, (uint64_t) days, 3);
        return true;
    }
    ticks = (uint64_t) ms;
    for (int i = 3; i < t->scale; i++)
        ticks *= 10;
    for (int i = t->scale; i < 3; i++)
        ticks /= 10;
    sb_buf_char (out, (char) size);
    put_le (out, ticks, size - 3);
    put_le (out, (uint64_t) days, 3);
    return true;
}

static void
encode_variant (const struct sb_sql_value *v, struct sb_buf *out)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf wide = { 0 };

    if (v->tag == SB_SQL_INTEGER) {
        put_le (out, 6, 4);
        sb_buf_add (out, "\x38\x00", 2);
        put_le (out, (uint64_t) v->i, 4);
        return;
    }
    if (v->tag != SB_SQL_TEXT || !sb_utf8_to_utf16le (v->s, v->n, &wide) || wide.len > 8000) {
        put_le (out, 0, 4);
        return;
    }
    put_le (out, 9 + wide.len, 4);
    sb_buf_add (out, "\xe7\x07", 2);
    sb_buf_add (out, sb_sql_collation, 5);
    put_le (out, 256, 2);
    sb_buf_add (out, sb_buf_cstr (&wide), wide.len);
}

static void
encode_null (const struct sb_sql_type *t, struct sb_buf *out)
{
    bool wide = t->kind >= SB_SQL_NVARCHAR && t->kind <= SB_SQL_VARBINARY;
    int unit = t->kind == SB_SQL_NVARCHAR || t->kind == SB_SQL_NCHAR ? 2 : 1;

    if (t->kind == SB_SQL_UNKNOWN) {
        wide = true;
        unit = 2;
    }
    if (t->kind == SB_SQL_VARIANT)
        put_le (out, 0, 4);
    else if (!wide)
        sb_buf_char (out, 0);
    else if (t->len == SB_SQL_MAX || t->len * unit > 8000)
        put_le (out, UINT64_MAX, 8);
    else
        put_le (out, 0xffff, 2);
}

static void
encode_integer (const struct sb_sql_type *t, const struct sb_sql_value *v, struct sb_buf *out)
{
    static const uint8_t size[] = {
        [SB_SQL_BIT] = 1, [SB_SQL_TINYINT] = 1, [SB_SQL_SMALLINT] = 2, [SB_SQL_INT] = 4, [SB_SQL_BIGINT] = 8
    };
    int64_t i = as_integer (v);

    if (t->kind == SB_SQL_BIT)
        i = i != 0;
    if (!t->not_null)
        sb_buf_char (out, (char) size[t->kind]);
    put_le (out, (uint64_t) i, size[t->kind]);
}

void
sb_sql_encode (const struct sb_sql_type *t, const struct sb_sql_value *v, struct sb_buf *out)
{
    static const struct sb_sql_value zero = { .tag = SB_SQL_INTEGER };
    uint8_t uuid[16];
    double r;

    if (v->tag == SB_SQL_NULL && t->not_null && sb_sql_is_integer (t))
        v = &zero;
    if (v->tag == SB_SQL_NULL) {
        encode_null (t, out);
        return;
    }
    switch (t->kind) {
    case SB_SQL_BIT:
    case SB_SQL_TINYINT:
    case SB_SQL_SMALLINT:
    case SB_SQL_INT:
    case SB_SQL_BIGINT:
        encode_integer (t, v, out);
        return;
    case SB_SQL_NUMERIC:
        encode_numeric (t, v, out);
        return;
    case SB_SQL_FLOAT:
        r = as_double (v);
        sb_buf_char (out, 8);
        sb_buf_add (out, &r, 8);
        return;
    case SB_SQL_DATETIME:
    case SB_SQL_DATETIME2:
    case SB_SQL_DATE:
        if (!encode_date (t, v, out))
            encode_null (t, out);
        return;
    case SB_SQL_UUID:
        if (v->tag != SB_SQL_TEXT || !sb_sql_uuid_bytes (v->s, v->n, uuid)) {
            encode_null (t, out);
            return;
        }
        sb_buf_char (out, 16);
        sb_buf_add (out, uuid, 16);
        return;
    case SB_SQL_VARCHAR:
    case SB_SQL_CHAR:
        encode_text (t, v, 1, out);
        return;
    case SB_SQL_VARBINARY:
        if (v->tag == SB_SQL_BLOB || v->tag == SB_SQL_TEXT)
            encode_binary (t, v, out);
        else
            encode_null (t, out);
        return;
    case SB_SQL_VARIANT:
        encode_variant (v, out);
        return;
    default:
        encode_text (t, v, 2, out);
    }
}
