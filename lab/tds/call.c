/* Calls of built-in functions, CAST and CONVERT, aggregates with OVER, @@variables: how they are read and said in SQLite's
 * words; the tables of names are in func_table.c. */
#include "lab/tds/expr.h"
#include "lab/tds/release.h"

#include "core/base/text.h"

#include <string.h>

static const struct sb_sql_expr nothing = { .sql = "NULL" };

struct arguments {
    struct sb_sql_expr list[16];
    int count;
};

static struct sb_sql_type
result_type (const struct sb_sql_function *f, const struct arguments *a)
{
    struct sb_sql_type t = { 0 };

    if (f->type[0] >= '1' && f->type[0] <= '9' && f->type[1] == 0) {
        int i = f->type[0] - '1';
        for (; i < a->count; i++)
            if (a->list[i].type.kind != SB_SQL_UNKNOWN)
                break;
        if (i < a->count)
            t = a->list[i].type;
        t.not_null = false;
    } else {
        SB_AUTOFREE char *type = sb_xstrdup (f->type);
        char *end = strstr (type, " not null");
        if (end != NULL)
            *end = 0;
        sb_sql_type_parse (type, &t);
        t.not_null = end != NULL;
    }
    if (sb_casecmp (f->name, "sum") == 0 && (t.kind == SB_SQL_TINYINT || t.kind == SB_SQL_SMALLINT))
        t.kind = SB_SQL_INT;
    return t;
}

/* DATEADD(day, ...) and its kin take a bare word first. */
static bool
takes_part (const char *name)
{
    return sb_casecmp (name, "dateadd") == 0 || sb_casecmp (name, "datediff") == 0 || sb_casecmp (name, "datepart") == 0
           || sb_casecmp (name, "datename") == 0 || sb_casecmp (name, "datediff_big") == 0;
}

static void
parse_arguments (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const struct sb_sql_function *f,
                 struct arguments *a)
{
    if (sb_sql_take_op (c, ")"))
        return;
    if (takes_part (f->name) && sb_sql_peek (c, 0)->kind == SB_TOK_WORD) {
        SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
        sb_sql_quote_text (&b, sb_sql_peek (c, 0)->text, sb_sql_peek (c, 0)->len);
        sb_sql_next (c);
        a->list[a->count++] = sb_sql_value_expr (sb_arena_strdup (c->arena, b.s), SB_SQL_TYPE (SB_SQL_VARCHAR, 20));
        if (!sb_sql_need_op (c, ","))
            return;
    }
    do {
        if (a->count == 16) {
            sb_sql_fail (c, 174, f->name, f->max);
            return;
        }
        a->list[a->count] = sb_sql_parse_expr (c, scope);
        a->count++;
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
    sb_sql_need_op (c, ")");
}

static struct sb_sql_expr
call_text (struct sb_sql_cursor *c, const struct sb_sql_function *f, const struct arguments *a)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    struct sb_sql_type t = result_type (f, a);
    bool long_text = strcmp (f->name, "replicate") == 0 && a->list[0].type.len == SB_SQL_MAX;

    if (long_text)
        t.len = SB_SQL_MAX;
    if (f->sql != NULL)
        sb_buf_str (&b, f->sql);
    else
        sb_buf_printf (&b, "ts_%s%s", f->name, long_text ? "_max" : "");
    sb_buf_char (&b, '(');
    for (int i = 0; i < a->count; i++)
        sb_buf_printf (&b, "%s%s", i > 0 ? ", " : "", a->list[i].sql);
    sb_buf_char (&b, ')');
    if (sb_sql_is_text (&t) || t.kind == SB_SQL_UUID)
        sb_buf_str (&b, " COLLATE ci");
    return sb_sql_value_expr (sb_arena_strdup (c->arena, b.s), t);
}

/* CAST (x AS type), CONVERT (type, x [, style]), TRY_ forms. */
static struct sb_sql_expr
cast_text (struct sb_sql_cursor *c, const struct sb_sql_expr *x, const struct sb_sql_type *type, const char *style,
           bool try)
{
    struct sb_sql_expr e;
    struct sb_sql_type t = *type;

    if (sb_sql_is_text (&t) && t.len == 1)
        t.len = 30; /* CAST without a length */
    if (sb_sql_is_text (&x->type))
        style = "-1"; /* a text that looks like a date stays as it is */
    e = sb_sql_value_expr (sb_arena_printf (c->arena, "ts_cast(%s, %d, %d, %s, %d)%s", x->sql,
                                            t.kind | t.prec << 8 | t.scale << 16, t.len, style, try,
                                            sb_sql_is_text (&t) || t.kind == SB_SQL_UUID ? " COLLATE ci" : ""),
                           t);
    return e;
}

static struct sb_sql_expr
parse_cast (struct sb_sql_cursor *c, struct sb_sql_scope *scope, bool try)
{
    struct sb_sql_expr x;
    struct sb_sql_type type = { 0 };

    x = sb_sql_parse_expr (c, scope);
    if (!sb_sql_need_word (c, "as") || !sb_sql_parse_type (c, &type) || !sb_sql_need_op (c, ")"))
        return nothing;
    return cast_text (c, &x, &type, "0", try);
}

static struct sb_sql_expr
parse_convert (struct sb_sql_cursor *c, struct sb_sql_scope *scope, bool try)
{
    struct sb_sql_expr x, style = { .sql = "0" };
    struct sb_sql_type type = { 0 };

    if (!sb_sql_parse_type (c, &type) || !sb_sql_need_op (c, ","))
        return nothing;
    x = sb_sql_parse_expr (c, scope);
    if (sb_sql_take_op (c, ","))
        style = sb_sql_parse_expr (c, scope);
    if (!sb_sql_need_op (c, ")"))
        return nothing;
    return cast_text (c, &x, &type, style.sql, try);
}

static void
parse_order_list (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct sb_buf *b)
{
    do {
        struct sb_sql_expr e = sb_sql_parse_expr (c, scope);
        sb_buf_printf (b, "%s", e.sql);
        if (sb_sql_take_word (c, "desc"))
            sb_buf_str (b, " DESC");
        else
            sb_sql_take_word (c, "asc");
        if (sb_sql_at_op (c, ","))
            sb_buf_str (b, ", ");
    } while (sb_sql_take_op (c, ","));
}

/* OVER ([PARTITION BY ...] [ORDER BY ...]) behind a call. */
static struct sb_sql_expr
parse_over (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct sb_sql_expr call)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    if (!sb_sql_take_word (c, "over"))
        return call;
    if (!sb_sql_need_op (c, "("))
        return nothing;
    sb_buf_printf (&b, "%s OVER (", call.sql);
    if (sb_sql_at_words (c, "partition", "by")) {
        c->at += 2;
        sb_buf_str (&b, "PARTITION BY ");
        parse_order_list (c, scope, &b);
    }
    if (sb_sql_at_words (c, "order", "by")) {
        c->at += 2;
        sb_buf_str (&b, " ORDER BY ");
        parse_order_list (c, scope, &b);
    }
    sb_buf_char (&b, ')');
    if (!sb_sql_need_op (c, ")"))
        return nothing;
    call.sql = sb_arena_strdup (c->arena, b.s);
    return call;
}

static struct sb_sql_expr
parse_count (struct sb_sql_cursor *c, struct sb_sql_scope *scope, bool big)
{
    struct sb_sql_type t = SB_SQL_TYPE (big ? SB_SQL_BIGINT : SB_SQL_INT, 4);
    struct sb_sql_expr x = { .sql = "*" };
    bool distinct = false;

    if (!sb_sql_take_op (c, "*")) {
        distinct = sb_sql_take_word (c, "distinct");
        x = sb_sql_parse_expr (c, scope);
    }
    if (!sb_sql_need_op (c, ")"))
        return nothing;
    return sb_sql_value_expr (sb_arena_printf (c->arena, "count(%s%s)", distinct ? "DISTINCT " : "", x.sql), t);
}

static struct sb_sql_expr
parse_iif (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    struct sb_sql_expr cond = sb_sql_parse_condition (c, scope), yes, no;

    sb_sql_need_op (c, ",");
    yes = sb_sql_parse_expr (c, scope);
    sb_sql_need_op (c, ",");
    no = sb_sql_parse_expr (c, scope);
    sb_sql_need_op (c, ")");
    return sb_sql_value_expr (sb_arena_printf (c->arena, "CASE WHEN %s THEN %s ELSE %s END", cond.sql, yes.sql, no.sql),
                              yes.type);
}

struct sb_sql_expr
sb_sql_parse_call (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const char *name)
{
    const struct sb_sql_function *f;
    struct arguments a = { .count = 0 };

    if (c->env != NULL && !tds_release_has_function (c->env->major, name)) {
        sb_sql_fail (c, 195, name, "built-in function name");
        return nothing;
    }
    if (sb_casecmp (name, "cast") == 0 || sb_casecmp (name, "try_cast") == 0)
        return parse_cast (c, scope, name[0] == 't' || name[0] == 'T');
    if (sb_casecmp (name, "convert") == 0 || sb_casecmp (name, "try_convert") == 0)
        return parse_convert (c, scope, name[0] == 't' || name[0] == 'T');
    if (sb_casecmp (name, "count") == 0 || sb_casecmp (name, "count_big") == 0)
        return parse_over (c, scope, parse_count (c, scope, name[5] != 0));
    if (sb_casecmp (name, "iif") == 0)
        return parse_iif (c, scope);
    f = sb_sql_function_find (name);
    if (f == NULL) {
        sb_sql_fail (c, 195, name, "built-in function name");
        return nothing;
    }
    if (sb_casecmp (name, "min") == 0 || sb_casecmp (name, "max") == 0 || sb_casecmp (name, "sum") == 0
        || sb_casecmp (name, "avg") == 0)
        sb_sql_take_word (c, "all");
    parse_arguments (c, scope, f, &a);
    if (c->fail.number == 0 && (a.count < f->min || a.count > f->max)) {
        sb_sql_fail (c, 174, name, f->min);
        return nothing;
    }
    return parse_over (c, scope, call_text (c, f, &a));
}

/* Words that are functions without brackets. */
struct sb_sql_expr
sb_sql_parse_bare_function (struct sb_sql_cursor *c)
{
    static const char *const words[][2] = { { "current_timestamp", "getdate" },
                                            { "current_user", "user_name" },
                                            { "session_user", "user_name" },
                                            { "system_user", "suser_sname" },
                                            { "user", "user_name" } };
    struct arguments none = { .count = 0 };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sb_sql_at_word (c, words[i][0])) {
            sb_sql_next (c);
            return call_text (c, sb_sql_function_find (words[i][1]), &none);
        }
    sb_sql_fail_near (c);
    return nothing;
}

struct sb_sql_expr
sb_sql_parse_sysvar (struct sb_sql_cursor *c)
{
    const struct sb_sql_token *t = sb_sql_next (c);
    const struct sb_sql_function *f = sb_sql_sysvar_find (t->text);
    struct arguments none = { .count = 0 };

    if (f == NULL) {
        SB_AUTOFREE char *shown = sb_xprintf ("@@%s", t->text);
        c->at--;
        sb_sql_fail (c, 137, shown);
        return nothing;
    }
    return call_text (c, f, &none);
}
