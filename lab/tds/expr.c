/* What expressions are made of: literals, variables, columns, CASE, subqueries,
 * said in SQLite's words; calls are read in call.c; see sql.h.  Texts carry the collation "ci",
 * so that comparisons ignore case as the server's do. */
#include "lab/tds/expr.h"

#include "core/base/text.h"

#include <string.h>

static const struct sb_sql_expr nothing = { .sql = "NULL" };

struct sb_sql_expr
sb_sql_value_expr (const char *sql, struct sb_sql_type type)
{
    type.computed = true;
    return (struct sb_sql_expr){ .sql = sql, .type = type };
}

struct sb_sql_expr
sb_sql_condition_expr (const char *sql)
{
    return (struct sb_sql_expr){ .sql = sql, .condition = true };
}

void
sb_sql_quote_name (struct sb_buf *out, const char *name)
{
    sb_buf_char (out, '"');
    for (const char *p = name; *p != 0; p++) {
        if (*p == '"')
            sb_buf_char (out, '"');
        sb_buf_char (out, *p);
    }
    sb_buf_char (out, '"');
}

void
sb_sql_quote_text (struct sb_buf *out, const char *s, size_t n)
{
    sb_buf_char (out, '\'');
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\'')
            sb_buf_char (out, '\'');
        sb_buf_char (out, s[i]);
    }
    sb_buf_char (out, '\'');
}

/* ---- leaves ---- */

static struct sb_sql_expr
literal_text (struct sb_sql_cursor *c)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const struct sb_sql_token *t = sb_sql_next (c);
    int32_t len = (int32_t) (t->len == 0 ? 1 : t->len > 4000 ? SB_SQL_MAX : (int32_t) t->len);
    struct sb_sql_expr e;

    sb_sql_quote_text (&b, t->text, t->len);
    sb_buf_str (&b, " COLLATE ci");
    e = sb_sql_value_expr (sb_arena_strdup (c->arena, b.s),
                           SB_SQL_TYPE (t->national ? SB_SQL_NVARCHAR : SB_SQL_VARCHAR, len));
    e.constant = true;
    e.value = (struct sb_sql_value){ .tag = SB_SQL_TEXT, .s = t->text, .n = t->len };
    return e;
}

static struct sb_sql_expr
literal_number (struct sb_sql_cursor *c)
{
    const struct sb_sql_token *t = sb_sql_next (c);
    struct sb_sql_expr e;
    int64_t i;

    if (t->len > 60) {
        sb_sql_fail (c, 102, "number");
        return nothing;
    }
    if (sb_parse_int (t->text, &i)) {
        bool small = i >= INT32_MIN && i <= INT32_MAX;
        e = sb_sql_value_expr (t->text, small ? SB_SQL_TYPE (SB_SQL_INT, 4) : SB_SQL_TYPE (SB_SQL_NUMERIC, 0));
        e.type.prec = 25;
        e.type.not_null = true;
        e.constant = true;
        e.value = sb_sql_int (i);
        return e;
    }
    if (strpbrk (t->text, "eE") != NULL)
        return sb_sql_value_expr (sb_arena_printf (c->arena, "CAST('%s' AS REAL)", t->text),
                                  SB_SQL_TYPE (SB_SQL_FLOAT, 8));
    e = sb_sql_value_expr (sb_arena_printf (c->arena, "CAST('%s' AS REAL)", t->text), SB_SQL_TYPE (SB_SQL_NUMERIC, 0));
    e.type.prec = (uint8_t) (t->len > 38 ? 38 : t->len);
    e.type.scale = (uint8_t) (strchr (t->text, '.') == NULL ? 0 : strlen (strchr (t->text, '.') + 1) % 38);
    return e;
}

static struct sb_sql_expr
literal_hex (struct sb_sql_cursor *c)
{
    const struct sb_sql_token *t = sb_sql_next (c);
    const char *pad = t->len % 2 ? "0" : "";
    struct sb_sql_type type = SB_SQL_TYPE (SB_SQL_VARBINARY, t->len > 16000 ? SB_SQL_MAX : (int32_t) (t->len + 1) / 2);

    if (type.len == 0)
        type.len = 1;
    return sb_sql_value_expr (sb_arena_printf (c->arena, "x'%s%s'", pad, t->text), type);
}

static struct sb_sql_expr
variable (struct sb_sql_cursor *c)
{
    const struct sb_sql_token *t = sb_sql_peek (c, 0);
    struct sb_sql_var *v = sb_sql_var_find (c->vars, t->text);

    if (v == NULL) {
        SB_AUTOFREE char *shown = sb_xprintf ("@%s", t->text);
        sb_sql_fail (c, 137, shown);
        return nothing;
    }
    c->at++;
    return sb_sql_value_expr (sb_arena_printf (c->arena, "?%d%s", (int) (v - c->vars->list) + 1,
                                               sb_sql_is_text (&v->type) || v->type.kind == SB_SQL_UUID ? " COLLATE ci"
                                                                                                        : ""),
                              v->type);
}

/* ---- columns ---- */

static const struct sb_sql_column *
column_in (const struct sb_sql_object *o, const char *name)
{
    for (size_t i = 0; o != NULL && i < o->ncols; i++)
        if (sb_casecmp (o->cols[i].name, name) == 0)
            return &o->cols[i];
    return NULL;
}

static const struct sb_sql_source *
source_called (const struct sb_sql_scope *scope, const char *alias)
{
    for (; scope != NULL; scope = scope->outer)
        for (size_t i = 0; i < scope->count; i++)
            if (sb_casecmp (scope->source[i].alias, alias) == 0)
                return &scope->source[i];
    return NULL;
}

/* Where an unqualified column comes from; *unknown: a derived table may have it. */
static const struct sb_sql_source *
source_with (const struct sb_sql_scope *scope, const char *name, bool *unknown, bool *twice)
{
    for (; scope != NULL; scope = scope->outer) {
        const struct sb_sql_source *found = NULL;
        for (size_t i = 0; i < scope->count; i++) {
            const struct sb_sql_source *s = &scope->source[i];
            *unknown |= s->object == NULL;
            if (column_in (s->object, name) == NULL)
                continue;
            *twice |= found != NULL;
            found = s;
        }
        if (found != NULL)
            return found;
    }
    return NULL;
}

static struct sb_sql_expr
column_text (struct sb_sql_cursor *c, const char *alias, const char *name, struct sb_sql_type type)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    struct sb_sql_expr e;

    if (alias != NULL) {
        sb_sql_quote_name (&b, alias);
        sb_buf_char (&b, '.');
    }
    sb_sql_quote_name (&b, name);
    e = sb_sql_value_expr (sb_arena_strdup (c->arena, b.s), type);
    e.type.computed = type.computed;
    return e;
}

static bool
is_alias (const struct sb_sql_scope *scope, const char *name)
{
    for (size_t i = 0; scope != NULL && i < scope->naliases; i++)
        if (sb_casecmp (scope->aliases[i], name) == 0)
            return true;
    return false;
}

static struct sb_sql_expr
resolve (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const struct sb_sql_name *n)
{
    const char *name = SB_SQL_OBJECT (n);
    const struct sb_sql_source *s;
    const struct sb_sql_column *col;
    bool unknown = false, twice = false;
    static const struct sb_sql_type any = { 0 };

    if (c->env == NULL)
        return sb_sql_value_expr ("NULL", any);
    if (n->count > 1) {
        s = source_called (scope, SB_SQL_SCHEMA (n));
        if (s == NULL) {
            sb_sql_fail (c, 4104, sb_sql_name_text (c, n));
            return nothing;
        }
        col = column_in (s->object, name);
        if (s->object != NULL && col == NULL) {
            sb_sql_fail (c, 207, name);
            return nothing;
        }
        return column_text (c, s->alias, col == NULL ? name : col->name, col == NULL ? any : col->type);
    }
    if (is_alias (scope, name))
        return column_text (c, NULL, name, any);
    s = source_with (scope, name, &unknown, &twice);
    if (s != NULL && !twice)
        return column_text (c, s->alias, column_in (s->object, name)->name, column_in (s->object, name)->type);
    if (s == NULL && unknown)
        return column_text (c, NULL, name, any);
    sb_sql_fail (c, twice ? 209 : 207, name);
    return nothing;
}

static struct sb_sql_expr
parse_case (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    struct sb_sql_type type = { 0 };
    struct sb_sql_expr base = nothing, e;
    bool simple = !sb_sql_at_word (c, "when");

    sb_buf_str (&b, "CASE");
    if (simple) {
        base = sb_sql_parse_expr (c, scope);
        sb_buf_printf (&b, " %s", base.sql);
    }
    if (!sb_sql_at_word (c, "when"))
        sb_sql_fail_near (c);
    while (sb_sql_take_word (c, "when")) {
        e = simple ? sb_sql_parse_expr (c, scope) : sb_sql_parse_condition (c, scope);
        sb_buf_printf (&b, " WHEN %s", e.sql);
        if (!sb_sql_need_word (c, "then"))
            break;
        e = sb_sql_parse_expr (c, scope);
        sb_buf_printf (&b, " THEN %s", e.sql);
        if (type.kind == SB_SQL_UNKNOWN || (sb_sql_is_text (&type) && e.type.len > type.len && type.len != SB_SQL_MAX))
            type = e.type;
    }
    if (sb_sql_take_word (c, "else")) {
        e = sb_sql_parse_expr (c, scope);
        sb_buf_printf (&b, " ELSE %s", e.sql);
        if (type.kind == SB_SQL_UNKNOWN || (sb_sql_is_text (&type) && e.type.len > type.len && type.len != SB_SQL_MAX))
            type = e.type;
    }
    sb_sql_need_word (c, "end");
    sb_buf_str (&b, " END");
    type.not_null = false;
    return sb_sql_value_expr (sb_arena_strdup (c->arena, b.s), type);
}

struct sb_sql_expr
sb_sql_parse_subquery (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    struct sb_sql_query q = { 0 };

    if (!sb_sql_parse_query (c, scope, &q) || !sb_sql_need_op (c, ")"))
        return nothing;
    return sb_sql_value_expr (sb_arena_printf (c->arena, "(%s)", q.sql),
                              q.types != NULL && q.ncols == 1 ? q.types[0] : (struct sb_sql_type){ 0 });
}

static bool
function_word (const char *word)
{
    static const char *const words[] = { "coalesce", "convert", "left", "right", "nullif" };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sb_casecmp (word, words[i]) == 0)
            return true;
    return false;
}

static struct sb_sql_expr
parse_bracket (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    struct sb_sql_expr e;

    if (sb_sql_at_word (c, "select"))
        return sb_sql_parse_subquery (c, scope);
    e = sb_sql_parse_any (c, scope);
    if (!sb_sql_need_op (c, ")"))
        return nothing;
    e.sql = sb_arena_printf (c->arena, "(%s)", e.sql);
    return e;
}

struct sb_sql_expr
sb_sql_parse_primary (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    const struct sb_sql_token *t = sb_sql_peek (c, 0);
    struct sb_sql_name n;

    switch (t->kind) {
    case SB_TOK_STRING:
        return literal_text (c);
    case SB_TOK_NUMBER:
        return literal_number (c);
    case SB_TOK_HEX:
        return literal_hex (c);
    case SB_TOK_VAR:
        return variable (c);
    case SB_TOK_SYSVAR:
        return sb_sql_parse_sysvar (c);
    default:
        break;
    }
    if (sb_sql_take_op (c, "("))
        return parse_bracket (c, scope);
    if (sb_sql_take_word (c, "null")) {
        struct sb_sql_expr e = sb_sql_value_expr ("NULL", (struct sb_sql_type){ 0 });
        e.constant = true;
        return e;
    }
    if (sb_sql_take_word (c, "case"))
        return parse_case (c, scope);
    if (sb_sql_at_word (c, "exists") && strcmp (sb_sql_peek (c, 1)->text, "(") == 0) {
        c->at += 2;
        return sb_sql_condition_expr (sb_arena_printf (c->arena, "EXISTS %s", sb_sql_parse_subquery (c, scope).sql));
    }
    if (t->kind == SB_TOK_WORD && function_word (t->text) && strcmp (sb_sql_peek (c, 1)->text, "(") == 0) {
        c->at += 2;
        return sb_sql_parse_call (c, scope, t->text);
    }
    if (!sb_sql_at_name (c))
        return sb_sql_parse_bare_function (c);
    if (!sb_sql_parse_name (c, &n))
        return nothing;
    if (sb_sql_take_op (c, "(")) {
        if (n.count > 1) {
            sb_sql_fail (c, 4121, SB_SQL_SCHEMA (&n), sb_sql_name_text (c, &n));
            return nothing;
        }
        return sb_sql_parse_call (c, scope, SB_SQL_OBJECT (&n));
    }
    return resolve (c, scope, &n);
}
