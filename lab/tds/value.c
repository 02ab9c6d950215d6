/* Values and types by name; see value.h.  The table below is the whole knowledge
 * about the names. */
#include "lab/tds/value.h"

#include "core/base/mem.h"

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
        struct sb_sql_type t = {
            .kind = names[i].kind, .len = names[i].len, .prec = names[i].prec, .scale = names[i].scale
        };
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
