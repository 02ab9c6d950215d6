/* Values, types and their bytes; see value.h.  The layouts are those of MS-TDS
 * 2.2.5.4 (data types) and 2.2.5.5 (values); the table below is the whole
 * knowledge about names and tokens. */
#include "lab/tds/value.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t sb_sql_collation[5] = { 0x09, 0x04, 0xD0, 0x00, 0x34 };

static const struct {
    const char *name;
    uint8_t kind;
    int32_t len; /* when no number is given */
    uint8_t prec, scale;
} names[] = {
    { "bit", SB_SQL_BIT, 1, 0, 0 },
    { "tinyint", SB_SQL_TINYINT, 1, 0, 0 },
    { "smallint", SB_SQL_SMALLINT, 2, 0, 0 },
    { "int", SB_SQL_INT, 4, 0, 0 },
    { "integer", SB_SQL_INT, 4, 0, 0 },
    { "bigint", SB_SQL_BIGINT, 8, 0, 0 },
    { "numeric", SB_SQL_NUMERIC, 0, 18, 0 },
    { "decimal", SB_SQL_NUMERIC, 0, 18, 0 },
    { "money", SB_SQL_NUMERIC, 0, 19, 4 },
    { "float", SB_SQL_FLOAT, 8, 0, 0 },
    { "real", SB_SQL_FLOAT, 8, 0, 0 },
    { "datetime", SB_SQL_DATETIME, 8, 0, 0 },
    { "smalldatetime", SB_SQL_DATETIME, 8, 0, 0 },
    { "datetime2", SB_SQL_DATETIME2, 8, 0, 7 },
    { "date", SB_SQL_DATE, 3, 0, 0 },
    { "uniqueidentifier", SB_SQL_UUID, 16, 0, 0 },
    { "nvarchar", SB_SQL_NVARCHAR, 1, 0, 0 },
    { "nchar", SB_SQL_NCHAR, 1, 0, 0 },
    { "sysname", SB_SQL_NVARCHAR, 128, 0, 0 },
    { "ntext", SB_SQL_NVARCHAR, SB_SQL_MAX, 0, 0 },
    { "xml", SB_SQL_NVARCHAR, SB_SQL_MAX, 0, 0 },
    { "varchar", SB_SQL_VARCHAR, 1, 0, 0 },
    { "char", SB_SQL_CHAR, 1, 0, 0 },
    { "text", SB_SQL_VARCHAR, SB_SQL_MAX, 0, 0 },
    { "varbinary", SB_SQL_VARBINARY, 1, 0, 0 },
    { "binary", SB_SQL_VARBINARY, 1, 0, 0 },
    { "image", SB_SQL_VARBINARY, SB_SQL_MAX, 0, 0 },
    { "sql_variant", SB_SQL_VARIANT, 8009, 0, 0 },
};

struct sb_sql_value
sb_sql_text (const char *s)
{
    return s == NULL ? sb_sql_null () : (struct sb_sql_value){ .tag = SB_SQL_TEXT, .s = s, .n = strlen (s) };
}

struct sb_sql_value
sb_sql_int (int64_t i)
{
    return (struct sb_sql_value){ .tag = SB_SQL_INTEGER, .i = i };
}

struct sb_sql_value
sb_sql_null (void)
{
    return (struct sb_sql_value){ .tag = SB_SQL_NULL };
}

struct sb_sql_value
sb_sql_value_copy (const struct sb_sql_value *v)
{
    struct sb_sql_value copy = *v;
    char *s;

    if (v->tag != SB_SQL_TEXT && v->tag != SB_SQL_BLOB) {
        copy.s = NULL;
        return copy;
    }
    s = sb_xcalloc (v->n + 1, 1);
    if (v->n > 0)
        memcpy (s, v->s, v->n);
    copy.s = s;
    return copy;
}

void
sb_sql_value_free (struct sb_sql_value *v)
{
    if (v->tag == SB_SQL_TEXT || v->tag == SB_SQL_BLOB)
        free ((char *) (uintptr_t) v->s);
    *v = sb_sql_null ();
}

bool
sb_sql_is_text (const struct sb_sql_type *type)
{
    return type->kind >= SB_SQL_NVARCHAR && type->kind <= SB_SQL_CHAR;
}

bool
sb_sql_is_integer (const struct sb_sql_type *type)
{
    return type->kind >= SB_SQL_BIT && type->kind <= SB_SQL_BIGINT;
}

bool
sb_sql_type_named (const char *name, size_t n, const int *numbers, int count, struct sb_sql_type *ret)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sb_sql_type t = { .kind = names[i].kind, .len = names[i].len, .prec = names[i].prec,
                                 .scale = names[i].scale };
        if (strlen (names[i].name) != n || strncasecmp (names[i].name, name, n) != 0)
            continue;
        if (t.kind == SB_SQL_NUMERIC && count > 0) {
            if (numbers[0] < 1 || numbers[0] > 38)
                return false;
            t.prec = (uint8_t) numbers[0];
            t.scale = count > 1 && numbers[1] >= 0 && numbers[1] <= numbers[0] ? (uint8_t) numbers[1] : 0;
        } else if (t.kind == SB_SQL_DATETIME2 && count > 0) {
            t.scale = numbers[0] >= 0 && numbers[0] <= 7 ? (uint8_t) numbers[0] : 7;
        } else if (t.kind >= SB_SQL_NVARCHAR && t.kind <= SB_SQL_VARBINARY && count > 0) {
            if (numbers[0] != SB_SQL_MAX && (numbers[0] < 1 || numbers[0] > 8000))
                return false;
            t.len = numbers[0];
        }
        *ret = t;
        return true;
    }
    return false;
}

bool
sb_sql_type_parse (const char *text, struct sb_sql_type *ret)
{
    size_t n = strcspn (text, "(");
    int numbers[2] = { 0, 0 };
    int count = 0;

    if (text[n] == '(' && strncmp (text + n, "(max)", 5) == 0) {
        numbers[0] = SB_SQL_MAX;
        count = 1;
    } else if (text[n] == '(') {
        count = sscanf (text + n, "(%d,%d)", &numbers[0], &numbers[1]);
    }
    return sb_sql_type_named (text, n, numbers, count < 0 ? 0 : count, ret);
}

void
sb_sql_type_format (const struct sb_sql_type *type, struct sb_buf *out)
{
    const char *name = "nvarchar";

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].kind == type->kind) {
            name = names[i].name;
            break;
        }
    sb_buf_str (out, name);
    if (type->kind == SB_SQL_NUMERIC)
        sb_buf_printf (out, "(%d,%d)", type->prec, type->scale);
    else if (type->kind >= SB_SQL_NVARCHAR && type->kind <= SB_SQL_VARBINARY) {
        if (type->len == SB_SQL_MAX)
            sb_buf_str (out, "(-1)"); /* as SQLite can read it */
        else
            sb_buf_printf (out, "(%d)", type->len);
    }
}

struct sb_sql_type
sb_sql_type_of (const struct sb_sql_value *v)
{
    switch (v->tag) {
    case SB_SQL_INTEGER:
        return SB_SQL_TYPE (v->i >= INT32_MIN && v->i <= INT32_MAX ? SB_SQL_INT : SB_SQL_BIGINT, 4);
    case SB_SQL_REAL:
        return SB_SQL_TYPE (SB_SQL_FLOAT, 8);
    case SB_SQL_BLOB:
        return SB_SQL_TYPE (SB_SQL_VARBINARY, v->n > 8000 ? SB_SQL_MAX : 8000);
    case SB_SQL_TEXT:
        return SB_SQL_TYPE (SB_SQL_NVARCHAR, v->n > 4000 ? SB_SQL_MAX : 4000);
    case SB_SQL_NULL:
        break;
    }
    return SB_SQL_TYPE (SB_SQL_INT, 4);
}

/* ---- bytes ---- */

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
    static const uint8_t fixed[] = { [SB_SQL_BIT] = 0x32, [SB_SQL_TINYINT] = 0x30, [SB_SQL_SMALLINT] = 0x34,
                                     [SB_SQL_INT] = 0x38, [SB_SQL_BIGINT] = 0x7f };
    static const uint8_t size[] = { [SB_SQL_BIT] = 1, [SB_SQL_TINYINT] = 1, [SB_SQL_SMALLINT] = 2,
                                    [SB_SQL_INT] = 4, [SB_SQL_BIGINT] = 8 };

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
        sb_buf_char (out, (char) numeric_bytes (t->prec));
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
    static const uint8_t size[] = { [SB_SQL_BIT] = 1, [SB_SQL_TINYINT] = 1, [SB_SQL_SMALLINT] = 2,
                                    [SB_SQL_INT] = 4, [SB_SQL_BIGINT] = 8 };
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

/* ---- dates and identifiers ---- */

int64_t
sb_sql_days (int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return era * 146097 + doe - 719468 + 25567; /* the last number: 1970-01-01 counted from 1900-01-01 */
}

void
sb_sql_civil (int64_t days, int *year, int *month, int *day)
{
    int64_t z = days - 25567 + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    *day = (int) (doy - (153 * mp + 2) / 5 + 1);
    *month = (int) (mp < 10 ? mp + 3 : mp - 9);
    *year = (int) (yoe + era * 400 + (*month <= 2));
}

static int
digits (const char *s, size_t n, size_t *at, int max)
{
    int v = 0, k = 0;

    while (*at < n && k < max && s[*at] >= '0' && s[*at] <= '9') {
        v = v * 10 + (s[(*at)++] - '0');
        k++;
    }
    return k == 0 ? -1 : v;
}

static bool
parse_clock (const char *s, size_t n, size_t at, int64_t *ms)
{
    int h, m = 0, sec = 0, frac = 0, scale = 100;

    h = digits (s, n, &at, 2);
    if (h < 0 || h > 23 || at >= n || s[at] != ':')
        return false;
    at++;
    m = digits (s, n, &at, 2);
    if (m < 0 || m > 59)
        return false;
    if (at < n && s[at] == ':') {
        at++;
        sec = digits (s, n, &at, 2);
        if (sec < 0 || sec > 59)
            return false;
    }
    if (at < n && s[at] == '.')
        for (at++; at < n && s[at] >= '0' && s[at] <= '9'; at++) {
            frac += (s[at] - '0') * scale;
            scale /= 10;
        }
    if (at < n && (s[at] == 'Z' || s[at] == 'z'))
        at++;
    while (at < n && s[at] == ' ')
        at++;
    *ms = ((h * 60 + m) * 60 + sec) * 1000LL + frac;
    return at == n;
}

bool
sb_sql_date_parse (const char *s, size_t n, int64_t *days, int64_t *ms)
{
    size_t at = 0;
    int year, month, day;
    bool dashed;

    year = digits (s, n, &at, 4);
    if (year < 1 || at != 4)
        return false;
    dashed = at < n && s[at] == '-';
    at += dashed;
    month = digits (s, n, &at, 2);
    if (dashed && (at >= n || s[at] != '-'))
        return false;
    at += dashed;
    day = digits (s, n, &at, 2);
    if (month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    *days = sb_sql_days (year, month, day);
    *ms = 0;
    while (at < n && s[at] == ' ' && at + 1 < n && s[at + 1] == ' ')
        at++;
    if (at == n)
        return true;
    return (s[at] == ' ' || s[at] == 'T' || s[at] == 't') && parse_clock (s, n, at + 1, ms);
}

void
sb_sql_date_format (int64_t days, int64_t ms, char ret[24])
{
    int y, m, d;

    if (days < -693595 || days > 2958463)
        days = 0;
    if (ms < 0 || ms >= 86400000)
        ms = 0;
    sb_sql_civil (days, &y, &m, &d);
    snprintf (ret, 24, "%04u-%02u-%02u %02u:%02u:%02u.%03u", (unsigned) y % 10000, (unsigned) m % 100,
              (unsigned) d % 100, (unsigned) (ms / 3600000) % 100, (unsigned) (ms / 60000 % 60),
              (unsigned) (ms / 1000 % 60), (unsigned) (ms % 1000));
}

void
sb_sql_date_from_unix (int64_t unix_ms, char ret[24])
{
    int64_t days = unix_ms / 86400000;
    int64_t ms = unix_ms % 86400000;

    if (ms < 0) {
        ms += 86400000;
        days--;
    }
    sb_sql_date_format (days + 25567, ms, ret);
}

static int
hex_digit (char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
sb_sql_uuid_bytes (const char *s, size_t n, uint8_t ret[16])
{
    static const uint8_t place[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    size_t at = 0;

    if (n == 38 && s[0] == '{' && s[37] == '}') {
        s++;
        n = 36;
    }
    if (n < 36)
        return false;
    for (int i = 0; i < 16; i++) {
        int hi, lo;
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (s[at++] != '-')
                return false;
        }
        hi = hex_digit (s[at]);
        lo = hex_digit (s[at + 1]);
        if (hi < 0 || lo < 0)
            return false;
        ret[place[i]] = (uint8_t) (hi << 4 | lo);
        at += 2;
    }
    return true;
}

void
sb_sql_uuid_text (const uint8_t b[16], char ret[37])
{
    snprintf (ret, 37, "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X", b[3], b[2], b[1], b[0],
              b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}
