/* Expressions of T-SQL, said in SQLite's words; see sql.h.
 *
 * Method: one descent by precedence; each level returns SQLite text and the type
 * the real server would announce.  Conditions and values share the descent, as
 * brackets do not tell them apart, and are kept apart by a flag.  Texts carry the
 * collation "ci", so that comparisons ignore case as the server's do. */
#include "lab/tds/sql.h"

#include "core/base/text.h"

#include <string.h>

static const struct sb_sql_expr nothing = { .sql = "NULL" };

static struct sb_sql_expr parse_or (struct sb_sql_cursor *c, struct sb_sql_scope *scope);

static struct sb_sql_expr
value_of (const char *sql, struct sb_sql_type type)
{
    type.computed = true;
    return (struct sb_sql_expr){ .sql = sql, .type = type };
}

static struct sb_sql_expr
condition_of (const char *sql)
{
    return (struct sb_sql_expr){ .sql = sql, .condition = true };
}

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
    e = value_of (sb_arena_strdup (c->arena, b.s), SB_SQL_TYPE (t->national ? SB_SQL_NVARCHAR : SB_SQL_VARCHAR, len));
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
        e = value_of (t->text, small ? SB_SQL_TYPE (SB_SQL_INT, 4) : SB_SQL_TYPE (SB_SQL_NUMERIC, 0));
        e.type.prec = 25;
        e.type.not_null = true;
        e.constant = true;
        e.value = sb_sql_int (i);
        return e;
    }
    if (strpbrk (t->text, "eE") != NULL)
        return value_of (sb_arena_printf (c->arena, "CAST('%s' AS REAL)", t->text), SB_SQL_TYPE (SB_SQL_FLOAT, 8));
    e = value_of (sb_arena_printf (c->arena, "CAST('%s' AS REAL)", t->text), SB_SQL_TYPE (SB_SQL_NUMERIC, 0));
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
    return value_of (sb_arena_printf (c->arena, "x'%s%s'", pad, t->text), type);
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
    return value_of (sb_arena_printf (c->arena, "?%d%s", (int) (v - c->vars->list) + 1,
                                      sb_sql_is_text (&v->type) || v->type.kind == SB_SQL_UUID ? " COLLATE ci" : ""),
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
    e = value_of (sb_arena_strdup (c->arena, b.s), type);
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
        return value_of ("NULL", any);
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
parse_arguments (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const struct sb_sql_function *f, struct arguments *a)
{
    if (sb_sql_take_op (c, ")"))
        return;
    if (takes_part (f->name) && sb_sql_peek (c, 0)->kind == SB_TOK_WORD) {
        SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
        sb_sql_quote_text (&b, sb_sql_peek (c, 0)->text, sb_sql_peek (c, 0)->len);
        sb_sql_next (c);
        a->list[a->count++] = value_of (sb_arena_strdup (c->arena, b.s), SB_SQL_TYPE (SB_SQL_VARCHAR, 20));
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
    return value_of (sb_arena_strdup (c->arena, b.s), t);
}

/* CAST (x AS type), CONVERT (type, x [, style]), TRY_ forms. */
static struct sb_sql_expr
cast_text (struct sb_sql_cursor *c, const struct sb_sql_expr *x, const struct sb_sql_type *type, const char *style, bool try)
{
    struct sb_sql_expr e;
    struct sb_sql_type t = *type;

    if (sb_sql_is_text (&t) && t.len == 1)
        t.len = 30; /* CAST without a length */
    if (sb_sql_is_text (&x->type))
        style = "-1"; /* a text that looks like a date stays as it is */
    e = value_of (sb_arena_printf (c->arena, "ts_cast(%s, %d, %d, %s, %d)%s", x->sql,
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
    return value_of (sb_arena_printf (c->arena, "count(%s%s)", distinct ? "DISTINCT " : "", x.sql), t);
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
    return value_of (sb_arena_printf (c->arena, "CASE WHEN %s THEN %s ELSE %s END", cond.sql, yes.sql, no.sql), yes.type);
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
    return value_of (sb_arena_strdup (c->arena, b.s), type);
}

static struct sb_sql_expr
parse_subquery (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    struct sb_sql_query q = { 0 };

    if (!sb_sql_parse_query (c, scope, &q) || !sb_sql_need_op (c, ")"))
        return nothing;
    return value_of (sb_arena_printf (c->arena, "(%s)", q.sql),
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
        return parse_subquery (c, scope);
    e = parse_or (c, scope);
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

static struct sb_sql_expr
parse_primary (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
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
        struct sb_sql_expr e = value_of ("NULL", (struct sb_sql_type){ 0 });
        e.constant = true;
        return e;
    }
    if (sb_sql_take_word (c, "case"))
        return parse_case (c, scope);
    if (sb_sql_at_word (c, "exists") && strcmp (sb_sql_peek (c, 1)->text, "(") == 0) {
        c->at += 2;
        return condition_of (sb_arena_printf (c->arena, "EXISTS %s", parse_subquery (c, scope).sql));
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

/* ---- operators ---- */

static struct sb_sql_expr
parse_unary (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
{
    struct sb_sql_expr e;
    const char *op = NULL;

    if (!enter (c))
        return nothing;
    if (sb_sql_at_op (c, "-") || sb_sql_at_op (c, "+") || sb_sql_at_op (c, "~"))
        op = sb_sql_next (c)->text;
    e = op == NULL ? parse_primary (c, scope) : parse_unary (c, scope);
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
        return value_of (sb_arena_printf (c->arena, "(%s || %s) COLLATE ci", a->sql, b->sql), t);
    if (op == '^')
        return value_of (sb_arena_printf (c->arena, "((%s | %s) - (%s & %s))", a->sql, b->sql, a->sql, b->sql), t);
    if (name != NULL)
        return value_of (sb_arena_printf (c->arena, "%s(%s, %s)", name, a->sql, b->sql), t);
    return value_of (sb_arena_printf (c->arena, "(%s %s %s)", a->sql, symbol, b->sql), t);
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
parse_in (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const struct sb_sql_expr *a, const char *not)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    unsigned count = 0;

    if (!sb_sql_need_op (c, "("))
        return nothing;
    if (sb_sql_at_word (c, "select"))
        return condition_of (sb_arena_printf (c->arena, "%s %sIN %s", a->sql, not, parse_subquery (c, scope).sql));
    sb_buf_printf (&b, "%s %sIN (", a->sql, not);
    do {
        struct sb_sql_expr e = sb_sql_parse_expr (c, scope);
        sb_buf_printf (&b, "%s%s", count++ > 0 ? ", " : "", e.sql);
        if (count > 20000)
            sb_sql_fail (c, 191);
    } while (sb_sql_take_op (c, ","));
    sb_buf_char (&b, ')');
    if (!sb_sql_need_op (c, ")"))
        return nothing;
    return condition_of (sb_arena_strdup (c->arena, b.s));
}

static struct sb_sql_expr
parse_like (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const struct sb_sql_expr *a, bool not)
{
    struct sb_sql_expr pattern = parse_binary (c, scope, 0), escape = { .sql = "NULL" };

    if (sb_sql_take_word (c, "escape"))
        escape = parse_binary (c, scope, 0);
    return condition_of (sb_arena_printf (c->arena, "(%sts_like(%s, %s, %s))", not ? "NOT " : "", a->sql, pattern.sql,
                                          escape.sql));
}

static struct sb_sql_expr
parse_compare (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const struct sb_sql_expr *a)
{
    static const char *const ops[][2] = { { "=", "=" },   { "<>", "<>" }, { "!=", "<>" }, { "<", "<" }, { ">", ">" },
                                          { "<=", "<=" }, { ">=", ">=" }, { "!<", ">=" }, { "!>", "<=" } };
    struct sb_sql_expr b;

    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (!sb_sql_at_op (c, ops[i][0]))
            continue;
        sb_sql_next (c);
        b = parse_binary (c, scope, 0);
        if (!want_value (c, &b))
            return nothing;
        return condition_of (sb_arena_printf (c->arena, "(%s %s %s)", a->sql, ops[i][1], b.sql));
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
    bool not;

    if (c->fail.number != 0 || !at_predicate (c) || !want_value (c, &a))
        return a;
    if (sb_sql_take_word (c, "is")) {
        not = sb_sql_take_word (c, "not");
        if (!sb_sql_need_word (c, "null"))
            return nothing;
        return condition_of (sb_arena_printf (c->arena, "(%s IS %sNULL)", a.sql, not ? "NOT " : ""));
    }
    not = sb_sql_take_word (c, "not");
    if (sb_sql_take_word (c, "in"))
        return parse_in (c, scope, &a, not ? "NOT " : "");
    if (sb_sql_take_word (c, "like"))
        return parse_like (c, scope, &a, not);
    if (sb_sql_take_word (c, "between")) {
        low = parse_binary (c, scope, 0);
        if (!sb_sql_need_word (c, "and"))
            return nothing;
        high = parse_binary (c, scope, 0);
        return condition_of (
                sb_arena_printf (c->arena, "(%s %sBETWEEN %s AND %s)", a.sql, not ? "NOT " : "", low.sql, high.sql));
    }
    if (not) {
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
    return condition_of (sb_arena_printf (c->arena, "(NOT %s)", e.sql));
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
        a = condition_of (sb_arena_printf (c->arena, "%s AND %s", a.sql, b.sql));
    }
    return a;
}

static struct sb_sql_expr
parse_or (struct sb_sql_cursor *c, struct sb_sql_scope *scope)
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
        a = condition_of (sb_arena_printf (c->arena, "%s OR %s", a.sql, b.sql));
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
    struct sb_sql_expr e = parse_or (c, scope);

    return want_condition (c, &e) ? e : condition_of ("0");
}
