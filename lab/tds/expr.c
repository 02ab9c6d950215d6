/* What expressions are made of: literals, variables, columns, calls, CASE,
 * subqueries, said in SQLite's words; see sql.h.  Texts carry the collation "ci",
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

/* ---- functions ---- */

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
        sb_sql_type_parse (f->type, &t);
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

    if (f->sql != NULL)
        sb_buf_str (&b, f->sql);
    else
        sb_buf_printf (&b, "ts_%s", f->name);
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

static struct sb_sql_expr
parse_call (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const char *name)
{
    const struct sb_sql_function *f;
    struct arguments a = { .count = 0 };

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

/* Words that are functions without brackets. */
static struct sb_sql_expr
parse_bare_function (struct sb_sql_cursor *c)
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

static struct sb_sql_expr
parse_system_variable (struct sb_sql_cursor *c)
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
        return parse_system_variable (c);
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
        return parse_call (c, scope, t->text);
    }
    if (!sb_sql_at_name (c))
        return parse_bare_function (c);
    if (!sb_sql_parse_name (c, &n))
        return nothing;
    if (sb_sql_take_op (c, "(")) {
        if (n.count > 1) {
            sb_sql_fail (c, 4121, SB_SQL_SCHEMA (&n), sb_sql_name_text (c, &n));
            return nothing;
        }
        return parse_call (c, scope, SB_SQL_OBJECT (&n));
    }
    return resolve (c, scope, &n);
}
