/* Operators of T-SQL by precedence, said in SQLite's words; see sql.h.
 *
 * Method: one descent; each level returns SQLite text and the type the real server
 * would announce.  Conditions and values share the descent, as brackets do not tell
 * them apart, and are kept apart by a flag. */
#include "lab/tds/expr.h"

#include "core/base/text.h"

#include <string.h>

static const struct sb_sql_expr nothing = { .sql = "NULL" };

static bool
enter (struct sb_sql_cursor *c)
{
    if (++c->depth <= SB_SQL_DEPTH)
        return true;
    sb_sql_fail (c, 191);
    return false;
}

/* A value is due: a condition here is a syntax error. */
static bool
want_value (struct sb_sql_cursor *c, const struct sb_sql_expr *e)
{
    if (e->condition)
        sb_sql_fail_near (c);
    return c->fail.number == 0;
}

static bool
want_condition (struct sb_sql_cursor *c, const struct sb_sql_expr *e)
{
    if (!e->condition && c->fail.number == 0)
        sb_sql_fail (c, 4145, sb_sql_peek (c, 0)->text);
    return c->fail.number == 0;
}

static struct sb_sql_expr
parse_unary (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    struct sb_sql_expr e;
    const char *op = NULL;

    if (!enter (c))
        return nothing;
    if (sb_sql_at_op (c, "-") || sb_sql_at_op (c, "+") || sb_sql_at_op (c, "~"))
        op = sb_sql_next (c)->text;
    e = op == NULL ? sb_sql_parse_primary (c, scope) : parse_unary (c, scope);
    c->depth--;
    if (sb_sql_at_word (c, "collate") && c->fail.number == 0) {
        sb_sql_next (c);
        sb_sql_take_name (c);
        e.sql = sb_arena_printf (c->arena, "%s COLLATE ci", e.sql);
    }
    if (op == NULL || !want_value (c, &e))
        return e;
    if (e.constant && e.value.tag == SB_SQL_INTEGER && op[0] == '-') {
        e.value.i = -e.value.i;
        e.sql = sb_arena_printf (c->arena, "(-%s)", e.sql);
        return e;
    }
    e.constant = false;
    e.sql = sb_arena_printf (c->arena, "(%s %s)", op, e.sql);
    return e;
}

static struct sb_sql_type
wider (struct sb_sql_type a, struct sb_sql_type b)
{
    struct sb_sql_type t;

    if (sb_sql_is_text (&a) && sb_sql_is_text (&b)) {
        t = a.kind == SB_SQL_NVARCHAR || a.kind == SB_SQL_NCHAR ? a : b;
        t.kind = t.kind == SB_SQL_NCHAR || t.kind == SB_SQL_NVARCHAR ? SB_SQL_NVARCHAR : SB_SQL_VARCHAR;
        t.len = a.len == SB_SQL_MAX || b.len == SB_SQL_MAX ? SB_SQL_MAX : a.len + b.len > 4000 ? 4000 : a.len + b.len;
        return t;
    }
    if (sb_sql_is_text (&a))
        return b;
    if (sb_sql_is_text (&b) || b.kind == SB_SQL_UNKNOWN)
        return a;
    t = a.kind >= b.kind ? a : b;
    t.not_null = false;
    return t;
}

static struct sb_sql_expr
arithmetic (struct sb_sql_cursor *c, char op, const struct sb_sql_expr *a, const struct sb_sql_expr *b)
{
    const char *name = op == '+' ? "ts_plus" : op == '/' ? "ts_divide" : op == '%' ? "ts_modulo" : NULL;
    struct sb_sql_type t = wider (a->type, b->type);
    char symbol[2] = { op, 0 };

    if (op == '+' && sb_sql_is_text (&a->type) && sb_sql_is_text (&b->type))
        return sb_sql_value_expr (sb_arena_printf (c->arena, "(%s || %s) COLLATE ci", a->sql, b->sql), t);
    if (op == '^')
        return sb_sql_value_expr (sb_arena_printf (c->arena, "((%s | %s) - (%s & %s))", a->sql, b->sql, a->sql, b->sql),
                                  t);
    if (name != NULL)
        return sb_sql_value_expr (sb_arena_printf (c->arena, "%s(%s, %s)", name, a->sql, b->sql), t);
    return sb_sql_value_expr (sb_arena_printf (c->arena, "(%s %s %s)", a->sql, symbol, b->sql), t);
}

static struct sb_sql_expr
parse_binary (struct sb_sql_cursor *c, struct sb_sql_scope *scope, int level)
{
    static const char *const levels[] = { "+-&|^", "*/%" };
    struct sb_sql_expr a = level == 1 ? parse_unary (c, scope) : parse_binary (c, scope, level + 1);
    unsigned chain = 0;

    for (;;) {
        const struct sb_sql_token *t = sb_sql_peek (c, 0);
        struct sb_sql_expr b;
        if (t->kind != SB_TOK_OP || t->len != 1 || strchr (levels[level], t->text[0]) == NULL || !want_value (c, &a))
            return a;
        sb_sql_next (c);
        b = level == 1 ? parse_unary (c, scope) : parse_binary (c, scope, level + 1);
        if (!want_value (c, &b))
            return nothing;
        if (++chain > SB_SQL_CHAIN || (t->text[0] == '^' && chain > 8)) {
            sb_sql_fail (c, 191);
            return nothing;
        }
        a = arithmetic (c, t->text[0], &a, &b);
    }
}

static struct sb_sql_expr
parse_in (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const struct sb_sql_expr *a, const char * not )
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    unsigned count = 0;

    if (!sb_sql_need_op (c, "("))
        return nothing;
    if (sb_sql_at_word (c, "select"))
        return sb_sql_condition_expr (
                sb_arena_printf (c->arena, "%s %sIN %s", a->sql, not, sb_sql_parse_subquery (c, scope).sql));
    sb_buf_printf (&b, "%s %sIN (", a->sql, not );
    do {
        struct sb_sql_expr e = sb_sql_parse_expr (c, scope);
        sb_buf_printf (&b, "%s%s", count++ > 0 ? ", " : "", e.sql);
        if (count > 20000)
            sb_sql_fail (c, 191);
    } while (sb_sql_take_op (c, ","));
    sb_buf_char (&b, ')');
    if (!sb_sql_need_op (c, ")"))
        return nothing;
    return sb_sql_condition_expr (sb_arena_strdup (c->arena, b.s));
}

static struct sb_sql_expr
parse_like (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const struct sb_sql_expr *a, bool not )
{
    struct sb_sql_expr pattern = parse_binary (c, scope, 0), escape = { .sql = "NULL" };

    if (sb_sql_take_word (c, "escape"))
        escape = parse_binary (c, scope, 0);
    return sb_sql_condition_expr (
            sb_arena_printf (c->arena, "(%sts_like(%s, %s, %s))", not ? "NOT " : "", a->sql, pattern.sql, escape.sql));
}

static struct sb_sql_expr
parse_compare (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const struct sb_sql_expr *a)
{
    static const char *const ops[][2] = { { "=", "=" },   { "<>", "<>" }, { "!=", "<>" }, { "<", "<" },  { ">", ">" },
                                          { "<=", "<=" }, { ">=", ">=" }, { "!<", ">=" }, { "!>", "<=" } };
    struct sb_sql_expr b;

    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (!sb_sql_at_op (c, ops[i][0]))
            continue;
        sb_sql_next (c);
        b = parse_binary (c, scope, 0);
        if (!want_value (c, &b))
            return nothing;
        return sb_sql_condition_expr (sb_arena_printf (c->arena, "(%s %s %s)", a->sql, ops[i][1], b.sql));
    }
    return *a;
}

static bool
at_predicate (const struct sb_sql_cursor *c)
{
    const struct sb_sql_token *t = sb_sql_peek (c, 0);

    if (t->kind == SB_TOK_OP)
        return strchr ("=<>!", t->text[0]) != NULL;
    return sb_sql_at_word (c, "is") || sb_sql_at_word (c, "in") || sb_sql_at_word (c, "like")
           || sb_sql_at_word (c, "between") || sb_sql_at_word (c, "not");
}

static struct sb_sql_expr
parse_predicate (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    struct sb_sql_expr a = parse_binary (c, scope, 0), low, high;
    bool not ;

    if (c->fail.number != 0 || !at_predicate (c) || !want_value (c, &a))
        return a;
    if (sb_sql_take_word (c, "is")) {
        not = sb_sql_take_word (c, "not");
        if (!sb_sql_need_word (c, "null"))
            return nothing;
        return sb_sql_condition_expr (sb_arena_printf (c->arena, "(%s IS %sNULL)", a.sql, not ? "NOT " : ""));
    }
    not = sb_sql_take_word (c, "not");
    if (sb_sql_take_word (c, "in"))
        return parse_in (c, scope, &a, not ? "NOT " : "");
    if (sb_sql_take_word (c, "like"))
        return parse_like (c, scope, &a, not );
    if (sb_sql_take_word (c, "between")) {
        low = parse_binary (c, scope, 0);
        if (!sb_sql_need_word (c, "and"))
            return nothing;
        high = parse_binary (c, scope, 0);
        return sb_sql_condition_expr (
                sb_arena_printf (c->arena, "(%s %sBETWEEN %s AND %s)", a.sql, not ? "NOT " : "", low.sql, high.sql));
    }
    if (not ) {
        sb_sql_fail_near (c);
        return nothing;
    }
    return parse_compare (c, scope, &a);
}

static struct sb_sql_expr
parse_not (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    struct sb_sql_expr e;

    if (!sb_sql_take_word (c, "not"))
        return parse_predicate (c, scope);
    if (!enter (c))
        return nothing;
    e = parse_not (c, scope);
    c->depth--;
    if (!want_condition (c, &e))
        return nothing;
    return sb_sql_condition_expr (sb_arena_printf (c->arena, "(NOT %s)", e.sql));
}

static struct sb_sql_expr
parse_and (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    struct sb_sql_expr a = parse_not (c, scope), b;
    unsigned chain = 0;

    while (sb_sql_at_word (c, "and") && want_condition (c, &a)) {
        sb_sql_next (c);
        b = parse_not (c, scope);
        if (!want_condition (c, &b))
            return nothing;
        if (++chain > SB_SQL_CHAIN)
            sb_sql_fail (c, 191);
        a = sb_sql_condition_expr (sb_arena_printf (c->arena, "%s AND %s", a.sql, b.sql));
    }
    return a;
}

struct sb_sql_expr
sb_sql_parse_any (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    struct sb_sql_expr a, b;
    unsigned chain = 0;

    if (!enter (c))
        return nothing;
    a = parse_and (c, scope);
    while (sb_sql_at_word (c, "or") && want_condition (c, &a)) {
        sb_sql_next (c);
        b = parse_and (c, scope);
        if (!want_condition (c, &b))
            return nothing;
        if (++chain > SB_SQL_CHAIN)
            sb_sql_fail (c, 191);
        a = sb_sql_condition_expr (sb_arena_printf (c->arena, "%s OR %s", a.sql, b.sql));
    }
    c->depth--;
    return c->fail.number != 0 ? nothing : a;
}

struct sb_sql_expr
sb_sql_parse_expr (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    struct sb_sql_expr e;

    if (!enter (c))
        return nothing;
    e = parse_binary (c, scope, 0);
    c->depth--;
    return want_value (c, &e) ? e : nothing;
}

struct sb_sql_expr
sb_sql_parse_condition (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    struct sb_sql_expr e = sb_sql_parse_any (c, scope);

    return want_condition (c, &e) ? e : sb_sql_condition_expr ("0");
}
