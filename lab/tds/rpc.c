/* Typed parameters of an RPC; see rpc.h. */
#include "lab/tds/rpc.h"

#include "core/base/text.h"

#include <stdio.h>
#include <string.h>

#define VALUE_MAX (8u << 20)

uint64_t
sb_tds_take_le (struct sb_tds_reader *r, int bytes)
{
    uint64_t v = 0;

    if (r->bad || r->n - r->at < (size_t) bytes) {
        r->bad = true;
        return 0;
    }
    for (int i = 0; i < bytes; i++)
        v |= (uint64_t) r->p[r->at + (size_t) i] << (8 * i);
    r->at += (size_t) bytes;
    return v;
}

static const uint8_t *
take_bytes (struct sb_tds_reader *r, size_t n)
{
    const uint8_t *p = r->p + r->at;

    if (r->bad || r->n - r->at < n) {
        r->bad = true;
        return NULL;
    }
    r->at += n;
    return p;
}

void
sb_tds_skip_headers (struct sb_tds_reader *r)
{
    uint64_t total = sb_tds_take_le (r, 4);

    if (total < 4 || total - 4 > r->n - r->at)
        r->bad = true;
    else
        r->at += (size_t) total - 4;
}

static char *
utf8 (struct sb_arena *a, const uint8_t *p, size_t bytes, size_t *ret_len)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    if (p == NULL || !sb_utf16le_to_utf8 (p, bytes, &b))
        sb_buf_clear (&b);
    *ret_len = b.len;
    return sb_arena_memdup (a, sb_buf_cstr (&b), b.len);
}

char *
sb_tds_take_text (struct sb_tds_reader *r, struct sb_arena *a, size_t units)
{
    size_t len;

    return utf8 (a, take_bytes (r, units * 2), units * 2, &len);
}

/* ---- values ---- */

struct wire_type {
    uint8_t token;
    int64_t size; /* of fixed types */
    uint64_t max;
    uint8_t prec, scale;
    char lengths; /* 'f' fixed, 'b' byte, 'u' ushort, 'l' long, 'p' partly length-prefixed */
};

/* How each token's type and length are written. */
static const struct {
    uint8_t token, size;
    char lengths, extra; /* extra: 'c' collation, 's' scale, 'p' precision and scale */
    uint8_t kind;
} tokens[] = {
    { 0x1f, 0, 'f', 0, SB_SQL_INT },         { 0x30, 1, 'f', 0, SB_SQL_TINYINT },
    { 0x32, 1, 'f', 0, SB_SQL_BIT },         { 0x34, 2, 'f', 0, SB_SQL_SMALLINT },
    { 0x38, 4, 'f', 0, SB_SQL_INT },         { 0x7f, 8, 'f', 0, SB_SQL_BIGINT },
    { 0x3b, 4, 'f', 0, SB_SQL_FLOAT },       { 0x3e, 8, 'f', 0, SB_SQL_FLOAT },
    { 0x3a, 4, 'f', 0, SB_SQL_DATETIME },    { 0x3d, 8, 'f', 0, SB_SQL_DATETIME },
    { 0x26, 0, 'b', 0, SB_SQL_INT },         { 0x68, 0, 'b', 0, SB_SQL_BIT },
    { 0x6d, 0, 'b', 0, SB_SQL_FLOAT },       { 0x6f, 0, 'b', 0, SB_SQL_DATETIME },
    { 0x24, 0, 'b', 0, SB_SQL_UUID },        { 0x6a, 0, 'b', 'p', SB_SQL_NUMERIC },
    { 0x6c, 0, 'b', 'p', SB_SQL_NUMERIC },   { 0x28, 0, 'b', 'd', SB_SQL_DATE },
    { 0x2a, 0, 'b', 's', SB_SQL_DATETIME2 }, { 0x25, 0, 'b', 0, SB_SQL_VARBINARY },
    { 0x2d, 0, 'b', 0, SB_SQL_VARBINARY },   { 0x27, 0, 'b', 0, SB_SQL_VARCHAR },
    { 0x2f, 0, 'b', 0, SB_SQL_VARCHAR },     { 0xa5, 0, 'u', 0, SB_SQL_VARBINARY },
    { 0xad, 0, 'u', 0, SB_SQL_VARBINARY },   { 0xa7, 0, 'u', 'c', SB_SQL_VARCHAR },
    { 0xaf, 0, 'u', 'c', SB_SQL_VARCHAR },   { 0xe7, 0, 'u', 'c', SB_SQL_NVARCHAR },
    { 0xef, 0, 'u', 'c', SB_SQL_NVARCHAR },  { 0x22, 0, 'l', 0, SB_SQL_VARBINARY },
    { 0x23, 0, 'l', 'c', SB_SQL_VARCHAR },   { 0x63, 0, 'l', 'c', SB_SQL_NVARCHAR },
};

static bool
take_type (struct sb_tds_reader *r, struct wire_type *w, struct sb_sql_type *t)
{
    size_t i = 0;

    w->token = (uint8_t) sb_tds_take_le (r, 1);
    while (i < sizeof tokens / sizeof *tokens && tokens[i].token != w->token)
        i++;
    if (i == sizeof tokens / sizeof *tokens) {
        r->bad = true;
        return false;
    }
    t->kind = tokens[i].kind;
    w->size = tokens[i].size;
    w->lengths = tokens[i].lengths;
    if (tokens[i].extra == 's')
        w->scale = t->scale = (uint8_t) sb_tds_take_le (r, 1);
    else if (w->lengths == 'b' && tokens[i].extra != 'd')
        w->max = sb_tds_take_le (r, 1);
    else if (w->lengths == 'u')
        w->max = sb_tds_take_le (r, 2);
    else if (w->lengths == 'l')
        w->max = sb_tds_take_le (r, 4);
    if (tokens[i].extra == 'p') {
        t->prec = w->prec = (uint8_t) sb_tds_take_le (r, 1);
        t->scale = w->scale = (uint8_t) sb_tds_take_le (r, 1);
    }
    if (tokens[i].extra == 'c')
        take_bytes (r, 5);
    if (w->lengths == 'u' && w->max == 0xffff)
        w->lengths = 'p';
    t->len = w->lengths == 'p' || w->lengths == 'l' ? SB_SQL_MAX
             : t->kind == SB_SQL_NVARCHAR           ? (int32_t) w->max / 2
                                                    : (int32_t) w->max;
    if (t->len == 0)
        t->len = 1;
    if (w->token == 0x26)
        t->kind = w->max == 1   ? SB_SQL_TINYINT
                  : w->max == 2 ? SB_SQL_SMALLINT
                  : w->max == 8 ? SB_SQL_BIGINT
                                : SB_SQL_INT;
    if (t->scale > 38 || t->prec > 38 || (t->kind == SB_SQL_DATETIME2 && t->scale > 7))
        r->bad = true;
    return !r->bad;
}

/* A (max) value: total, then chunks up to one of length 0. */
static bool
take_chunks (struct sb_tds_reader *r, struct sb_buf *out, bool *null)
{
    uint64_t total = sb_tds_take_le (r, 8);

    *null = total == UINT64_MAX;
    while (!*null && !r->bad) {
        uint64_t n = sb_tds_take_le (r, 4);
        const uint8_t *p = n == 0 || n > VALUE_MAX ? NULL : take_bytes (r, (size_t) n);
        if (n > VALUE_MAX)
            r->bad = true;
        if (n == 0)
            break;
        if (p != NULL)
            sb_buf_add (out, p, (size_t) n);
    }
    return !r->bad;
}

static bool
take_plain (struct sb_tds_reader *r, const struct wire_type *w, struct sb_buf *out, bool *null)
{
    uint64_t n;
    const uint8_t *p;

    if (w->lengths == 'f')
        n = (uint64_t) w->size;
    else if (w->lengths == 'b')
        n = sb_tds_take_le (r, 1);
    else if (w->lengths == 'u')
        n = sb_tds_take_le (r, 2);
    else
        n = sb_tds_take_le (r, 4);
    *null = (w->lengths == 'u' && n == 0xffff) || (w->lengths == 'l' && n == 0xffffffff)
            || (w->lengths == 'b' && n == 0) || w->token == 0x1f;
    if (*null)
        return !r->bad;
    if (n > VALUE_MAX) {
        r->bad = true;
        return false;
    }
    p = take_bytes (r, (size_t) n);
    if (p != NULL)
        sb_buf_add (out, p, (size_t) n);
    return !r->bad;
}

static uint64_t
little (const struct sb_buf *b, size_t from, size_t bytes)
{
    uint64_t v = 0;

    for (size_t i = 0; i < bytes && i < 8 && from + i < b->len; i++)
        v |= (uint64_t) (uint8_t) b->s[from + i] << (8 * i);
    return v;
}

static struct sb_sql_value
text_value (struct sb_arena *a, const char *s, size_t n)
{
    return (struct sb_sql_value){ .tag = SB_SQL_TEXT, .s = sb_arena_memdup (a, s, n), .n = n };
}

static struct sb_sql_value
decimal_value (struct sb_arena *a, const struct wire_type *w, const struct sb_buf *b)
{
    unsigned __int128 m = 0;
    char digits[48];
    int at = sizeof digits - 1;

    for (size_t i = b->len; i > 1; i--)
        if (i <= 17)
            m = m << 8 | (uint8_t) b->s[i - 1];
    digits[at] = 0;
    for (int i = 0; (i <= w->scale || m > 0) && at > 2; i++) {
        if (i == w->scale && i > 0)
            digits[--at] = '.';
        digits[--at] = (char) ('0' + (int) (m % 10));
        m /= 10;
    }
    if (b->len > 0 && b->s[0] == 0)
        digits[--at] = '-';
    return text_value (a, digits + at, strlen (digits + at));
}

static struct sb_sql_value
date_value (struct sb_arena *a, const struct wire_type *w, const struct sb_sql_type *t, const struct sb_buf *b)
{
    int64_t days, ms = 0;
    char out[24];

    if (t->kind == SB_SQL_DATETIME && b->len == 8) {
        days = (int32_t) little (b, 0, 4);
        ms = (int64_t) little (b, 4, 4) * 10 / 3;
    } else if (t->kind == SB_SQL_DATETIME) {
        days = (int64_t) little (b, 0, 2);
        ms = (int64_t) little (b, 2, 2) * 60000;
    } else {
        size_t ticks = b->len >= 3 ? b->len - 3 : 0;
        uint64_t n = little (b, 0, ticks);
        days = (int64_t) little (b, ticks, 3) - 693595;
        for (int i = w->scale; i > 3; i--)
            n /= 10;
        for (int i = w->scale; i < 3; i++)
            n *= 10;
        ms = (int64_t) (n % 86400000);
    }
    sb_sql_date_format (days, ms, out);
    return text_value (a, out, t->kind == SB_SQL_DATE ? 10 : strlen (out));
}

static struct sb_sql_value
value_of (struct sb_arena *a, const struct wire_type *w, const struct sb_sql_type *t, const struct sb_buf *b)
{
    struct sb_sql_value v = { .tag = SB_SQL_INTEGER };
    char uuid[37];
    size_t len;
    float f;

    switch (t->kind) {
    case SB_SQL_BIT:
    case SB_SQL_TINYINT:
        v.i = (int64_t) little (b, 0, 1);
        return v;
    case SB_SQL_SMALLINT:
        v.i = (int16_t) little (b, 0, 2);
        return v;
    case SB_SQL_INT:
        v.i = (int32_t) little (b, 0, 4);
        return v;
    case SB_SQL_BIGINT:
        v.i = (int64_t) little (b, 0, 8);
        return v;
    case SB_SQL_FLOAT:
        v.tag = SB_SQL_REAL;
        if (b->len == 8)
            memcpy (&v.r, b->s, 8);
        else if (b->len == 4) {
            memcpy (&f, b->s, 4);
            v.r = (double) f;
        }
        return v;
    case SB_SQL_NUMERIC:
        return decimal_value (a, w, b);
    case SB_SQL_DATETIME:
    case SB_SQL_DATETIME2:
    case SB_SQL_DATE:
        return date_value (a, w, t, b);
    case SB_SQL_UUID:
        if (b->len != 16)
            return sb_sql_null ();
        sb_sql_uuid_text ((const uint8_t *) b->s, uuid);
        return text_value (a, uuid, 36);
    case SB_SQL_NVARCHAR:
        v = (struct sb_sql_value){ .tag = SB_SQL_TEXT };
        v.s = utf8 (a, (const uint8_t *) sb_buf_cstr (b), b->len, &len);
        v.n = len;
        return v;
    case SB_SQL_VARCHAR:
        return text_value (a, sb_buf_cstr (b), sb_is_utf8 (sb_buf_cstr (b), b->len) ? b->len : 0);
    default:
        v = text_value (a, "", 0);
        v.tag = SB_SQL_BLOB;
        v.s = memcpy (sb_arena_alloc (a, b->len + 1), sb_buf_cstr (b), b->len);
        v.n = b->len;
        return v;
    }
}

bool
sb_tds_take_param (struct sb_tds_reader *r, struct sb_arena *a, struct sb_tds_param *ret)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    struct wire_type w = { 0 };
    uint8_t status;
    bool null = false;

    memset (ret, 0, sizeof *ret);
    ret->name = sb_tds_take_text (r, a, (size_t) sb_tds_take_le (r, 1));
    status = (uint8_t) sb_tds_take_le (r, 1);
    ret->output = (status & 1) != 0;
    ret->fallback = (status & 2) != 0;
    if (r->bad || !take_type (r, &w, &ret->type))
        return false;
    if (!(w.lengths == 'p' ? take_chunks (r, &b, &null) : take_plain (r, &w, &b, &null)))
        return false;
    ret->value = null ? sb_sql_null () : value_of (a, &w, &ret->type, &b);
    return true;
}
