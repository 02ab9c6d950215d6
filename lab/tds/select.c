/* Queries of T-SQL, said in SQLite's words; see sql.h.
 *
 * Method: FROM is read before the list of columns, which stands before it, so
 * that every name can be resolved and typed when it is met. */
#include "lab/tds/sql.h"

#include "core/base/text.h"

#include <string.h>

static bool
at_alias (const struct sb_sql_cursor *c)
{
    const struct sb_sql_token *t = sb_sql_peek (c, 0);

    return t->kind == SB_TOK_NAME || t->kind == SB_TOK_STRING || (t->kind == SB_TOK_WORD && !sb_sql_reserved (t->text));
}

static const char *
take_alias (struct sb_sql_cursor *c, bool strings)
{
    if (sb_sql_take_word (c, "as")) {
        if (strings && sb_sql_peek (c, 0)->kind == SB_TOK_STRING)
            return sb_sql_next (c)->text;
        return sb_sql_take_name (c);
    }
    if (!at_alias (c) || (!strings && sb_sql_peek (c, 0)->kind == SB_TOK_STRING))
        return NULL;
    return sb_sql_next (c)->text;
}

/* WITH (NOLOCK, ...) and the old form (NOLOCK): read and forgotten. */
static void
skip_hints (struct sb_sql_cursor *c)
{
    bool with = sb_sql_at_word (c, "with") && strcmp (sb_sql_peek (c, 1)->text, "(") == 0;
    bool bare = sb_sql_at_op (c, "(") && sb_casecmp (sb_sql_peek (c, 1)->text, "nolock") == 0;

    if (!with && !bare)
        return;
    c->at += with ? 2 : 1;
    do
        sb_sql_next (c);
    while (sb_sql_take_op (c, ","));
    sb_sql_need_op (c, ")");
}

static bool
add_source (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const char *alias, const struct sb_sql_object *o)
{
    if (scope->count == sizeof scope->source / sizeof *scope->source) {
        sb_sql_fail (c, 191);
        return false;
    }
    scope->source[scope->count].alias = alias;
    scope->source[scope->count++].object = o;
    return true;
}

/* name (args) alias: the first columns of the object are bound to the arguments.  Behind APPLY (`on` is not NULL) the
 * arguments may speak of tables before it, so that they become the condition of a join. */
static void
table_function (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const struct sb_sql_object *o, const char *name,
                struct sb_buf *out, struct sb_buf *on)
{
    const char *args[16], *alias;
    unsigned count = 0;

    if (!sb_sql_at_op (c, ")"))
        do
            args[count++] = sb_sql_parse_expr (c, scope).sql;
        while (sb_sql_take_op (c, ",") && count < 16);
    if (!sb_sql_need_op (c, ")"))
        return;
    alias = take_alias (c, false);
    if (alias == NULL)
        alias = name;
    if (on == NULL)
        sb_buf_str (out, "(SELECT * FROM ");
    sb_sql_quote_name (out, o == NULL ? name : o->key);
    for (unsigned i = 0; o != NULL && i < count && i < o->args; i++) {
        struct sb_buf *b = on == NULL ? out : on;
        sb_buf_str (b, i > 0 ? " AND " : on == NULL ? " WHERE " : "");
        if (on != NULL) {
            sb_sql_quote_name (b, alias);
            sb_buf_char (b, '.');
        }
        sb_sql_quote_name (b, o->cols[i].name);
        sb_buf_printf (b, " = %s", args[i]);
    }
    sb_buf_str (out, on == NULL ? ") AS " : " AS ");
    sb_sql_quote_name (out, alias);
    add_source (c, scope, alias, o);
}

static const struct sb_sql_cte *
cte_named (const struct sb_sql_cursor *c, const char *name)
{
    const struct sb_sql_cte *x = c->ctes;

    while (x != NULL && sb_casecmp (x->name, name) != 0)
        x = x->next;
    return x;
}

static bool
parse_source (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct sb_buf *out, struct sb_buf *on)
{
    struct sb_sql_name *name = sb_arena_alloc (c->arena, sizeof *name);
    const struct sb_sql_object *o = NULL;
    const char *alias;

    if (sb_sql_take_op (c, "(")) {
        struct sb_sql_query q = { 0 };
        if (++c->depth > SB_SQL_DEPTH)
            sb_sql_fail (c, 191);
        if (!sb_sql_at_word (c, "select")) {
            sb_buf_char (out, '(');
            sb_sql_parse_from (c, scope, out);
            sb_buf_char (out, ')');
            c->depth--;
            return sb_sql_need_op (c, ")");
        }
        if (!sb_sql_parse_query (c, scope->outer, &q) || !sb_sql_need_op (c, ")"))
            return false;
        c->depth--;
        alias = take_alias (c, false);
        if (alias == NULL) {
            sb_sql_fail_near (c);
            return false;
        }
        sb_buf_printf (out, "(%s) AS ", q.sql);
        sb_sql_quote_name (out, alias);
        if (sb_sql_take_op (c, "(")) /* a list of column names is not used here */
            sb_sql_fail_near (c);
        return add_source (c, scope, alias, NULL);
    }
    if (!sb_sql_parse_name (c, name))
        return false;
    if (name->count == 1 && cte_named (c, SB_SQL_OBJECT (name)) != NULL) {
        sb_sql_quote_name (out, cte_named (c, SB_SQL_OBJECT (name))->name);
        alias = take_alias (c, false);
        skip_hints (c);
        if (alias == NULL)
            alias = SB_SQL_OBJECT (name);
        sb_buf_str (out, " AS ");
        sb_sql_quote_name (out, alias);
        return add_source (c, scope, alias, NULL);
    }
    if (c->env != NULL) {
        o = c->env->object (c, c->env->self, name);
        if (o == NULL)
            return false;
    }
    if (sb_sql_at_op (c, "(") && sb_casecmp (sb_sql_peek (c, 1)->text, "nolock") != 0 && (o == NULL || o->args > 0)) {
        sb_sql_next (c);
        table_function (c, scope, o, SB_SQL_OBJECT (name), out, on);
        return c->fail.number == 0;
    }
    alias = take_alias (c, false);
    skip_hints (c);
    if (alias == NULL)
        alias = SB_SQL_OBJECT (name);
    sb_sql_quote_name (out, o == NULL ? alias : o->key);
    sb_buf_str (out, " AS ");
    sb_sql_quote_name (out, alias);
    return add_source (c, scope, alias, o);
}

bool
sb_sql_parse_source (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct sb_buf *out)
{
    return parse_source (c, scope, out, NULL);
}

/* The join word at the cursor in SQLite's words; NULL: none. */
static const char *
take_join (struct sb_sql_cursor *c, bool *on)
{
    static const char *const sides[][2] = { { "left", "LEFT JOIN" },
                                            { "right", "RIGHT JOIN" },
                                            { "full", "FULL JOIN" } };

    *on = true;
    for (size_t i = 0; i < 3; i++)
        if (sb_sql_at_word (c, sides[i][0])) {
            sb_sql_next (c);
            sb_sql_take_word (c, "outer");
            return sb_sql_need_word (c, "join") ? sides[i][1] : NULL;
        }
    if (sb_sql_at_words (c, "cross", "join") || sb_sql_at_words (c, "cross", "apply")) {
        c->at += 2;
        *on = false;
        return "JOIN";
    }
    if (sb_sql_at_words (c, "outer", "apply")) {
        c->at += 2;
        *on = false;
        return "LEFT JOIN";
    }
    if (sb_sql_take_word (c, "inner"))
        return sb_sql_need_word (c, "join") ? "JOIN" : NULL;
    return sb_sql_take_word (c, "join") ? "JOIN" : NULL;
}

bool
sb_sql_parse_from (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct sb_buf *out)
{
    bool more = sb_sql_parse_source (c, scope, out);

    while (more && c->fail.number == 0) {
        SB_CLEANUP (sb_buf_free) struct sb_buf bound = { 0 };
        bool on;
        const char *join;
        if (sb_sql_take_op (c, ",")) {
            sb_buf_str (out, ", ");
            more = parse_source (c, scope, out, NULL);
            continue;
        }
        join = take_join (c, &on);
        if (join == NULL)
            break;
        sb_buf_printf (out, " %s ", join);
        more = parse_source (c, scope, out, on ? NULL : &bound);
        if (bound.len > 0)
            sb_buf_printf (out, " ON %s", bound.s);
        if (on && more && sb_sql_need_word (c, "on"))
            sb_buf_printf (out, " ON %s", sb_sql_parse_condition (c, scope).sql);
    }
    return c->fail.number == 0;
}

/* From the select list: where FROM of this very SELECT stands; 0: it has none. */
static size_t
find_from (const struct sb_sql_cursor *c)
{
    static const char *const stops[] = { "union",   "except",  "intersect", "order",   "where",   "group",  "having",
                                         "option",  "declare", "set",       "exec",    "execute", "insert", "update",
                                         "delete",  "begin",   "if",        "while",   "print",   "use",    "backup",
                                         "restore", "alter",   "drop",      "create",  "select",  "return", "raiserror",
                                         "waitfor", "kill",    "commit",    "rollback" };
    int depth = 0, cases = 0;

    for (size_t i = c->at; i < c->end; i++) {
        const struct sb_sql_token *t = &c->tok[i];
        if (t->kind == SB_TOK_OP && t->len == 1) {
            depth += (t->text[0] == '(') - (t->text[0] == ')');
            if (depth < 0 || (depth == 0 && t->text[0] == ';'))
                return 0;
        }
        if (t->kind != SB_TOK_WORD || depth > 0)
            continue;
        if (sb_casecmp (t->text, "case") == 0)
            cases++;
        else if (sb_casecmp (t->text, "end") == 0 && cases-- == 0)
            return 0;
        else if (sb_casecmp (t->text, "from") == 0)
            return i;
        for (size_t k = 0; k < sizeof stops / sizeof *stops; k++)
            if (sb_casecmp (t->text, stops[k]) == 0)
                return 0;
    }
    return 0;
}

struct list { /* the select list while it is read */
    struct sb_buf sql;
    struct sb_sql_type *types;
    size_t count, cap;
    bool star;
    const char **assign;
};

static void
list_add (struct sb_sql_cursor *c, struct list *l, const struct sb_sql_type *t, const char *assign)
{
    if (l->count == l->cap) {
        size_t cap = l->cap == 0 ? 16 : l->cap * 2;
        struct sb_sql_type *types = sb_arena_alloc (c->arena, cap * sizeof *types);
        const char **names = sb_arena_alloc (c->arena, cap * sizeof *names);
        if (l->count > 0) {
            memcpy (types, l->types, l->count * sizeof *types);
            memcpy (names, l->assign, l->count * sizeof *names);
        }
        l->types = types;
        l->assign = names;
        l->cap = cap;
    }
    l->types[l->count] = *t;
    l->assign[l->count++] = assign;
    if (l->count > 4096)
        sb_sql_fail (c, 191);
}

static void
list_star (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct list *l)
{
    static const struct sb_sql_type unknown = { 0 };

    l->star = true;
    if (l->count > 0)
        sb_buf_str (&l->sql, ", ");
    if (sb_sql_take_op (c, "*")) {
        sb_buf_str (&l->sql, "*");
    } else {
        sb_sql_quote_name (&l->sql, sb_sql_take_name (c));
        c->at += 2;
        sb_buf_str (&l->sql, ".*");
    }
    (void) scope;
    list_add (c, l, &unknown, NULL);
}

/* What a column is called when nothing is said: the name, where it is one. */
static const char *
own_name (const struct sb_sql_cursor *c, size_t from, size_t to)
{
    const struct sb_sql_token *t = to > from ? &c->tok[to - 1] : NULL;

    for (size_t i = from; i < to; i++)
        if (c->tok[i].kind != SB_TOK_WORD && c->tok[i].kind != SB_TOK_NAME
            && (c->tok[i].kind != SB_TOK_OP || c->tok[i].text[0] != '.'))
            return NULL;
    if (t == NULL || (t->kind == SB_TOK_WORD && sb_sql_reserved (t->text)))
        return NULL;
    return t->text;
}

static void
list_item (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct list *l)
{
    const char *alias = NULL, *assign = NULL;
    size_t from;
    struct sb_sql_expr e;

    if (sb_sql_peek (c, 0)->kind == SB_TOK_VAR && strcmp (sb_sql_peek (c, 1)->text, "=") == 0) {
        assign = sb_sql_next (c)->text;
        if (sb_sql_var_find (c->vars, assign) == NULL) {
            SB_AUTOFREE char *shown = sb_xprintf ("@%s", assign);
            sb_sql_fail (c, 137, shown);
            return;
        }
        sb_sql_next (c);
    } else if (at_alias (c) && strcmp (sb_sql_peek (c, 1)->text, "=") == 0 && sb_sql_peek (c, 1)->kind == SB_TOK_OP) {
        alias = sb_sql_next (c)->text; /* alias = expression */
        sb_sql_next (c);
    }
    from = c->at;
    e = sb_sql_parse_expr (c, scope);
    if (alias == NULL && assign == NULL)
        alias = take_alias (c, true);
    sb_buf_printf (&l->sql, "%s%s AS ", l->count > 0 ? ", " : "", e.sql);
    if (alias == NULL)
        alias = own_name (c, from, c->at);
    else if (scope != NULL && scope->naliases < 256)
        scope->aliases[scope->naliases++] = alias;
    if (alias == NULL) /* the same name for all nameless columns: stripped before it is sent */
        alias = "";
    sb_sql_quote_name (&l->sql, alias[0] == 0 ? "\x01" : alias);
    list_add (c, l, &e.type, assign);
}

static bool
at_star (const struct sb_sql_cursor *c)
{
    return sb_sql_at_op (c, "*")
           || (sb_sql_at_name (c) && strcmp (sb_sql_peek (c, 1)->text, ".") == 0
               && strcmp (sb_sql_peek (c, 2)->text, "*") == 0);
}

static void
parse_list (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct list *l)
{
    do
        if (at_star (c))
            list_star (c, scope, l);
        else
            list_item (c, scope, l);
    while (sb_sql_take_op (c, ",") && c->fail.number == 0);
}

struct core { /* one SELECT */
    struct sb_buf sql;
    const char *top;
    struct list list;
    struct sb_sql_name *into;
};

static void
parse_top (struct sb_sql_cursor *c, struct core *k)
{
    if (!sb_sql_take_word (c, "top"))
        return;
    if (sb_sql_take_op (c, "(")) {
        k->top = sb_sql_parse_expr (c, NULL).sql;
        sb_sql_need_op (c, ")");
    } else if (sb_sql_peek (c, 0)->kind == SB_TOK_NUMBER) {
        k->top = sb_arena_strdup (c->arena, sb_sql_next (c)->text);
    } else {
        sb_sql_fail_near (c);
    }
    if (sb_sql_at_words (c, "with", "ties"))
        c->at += 2;
}

static void
parse_tail (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct core *k)
{
    if (sb_sql_take_word (c, "where"))
        sb_buf_printf (&k->sql, " WHERE %s", sb_sql_parse_condition (c, scope).sql);
    if (sb_sql_at_words (c, "group", "by")) {
        unsigned count = 0;
        c->at += 2;
        sb_buf_str (&k->sql, " GROUP BY ");
        do
            sb_buf_printf (&k->sql, "%s%s", count++ > 0 ? ", " : "", sb_sql_parse_expr (c, scope).sql);
        while (sb_sql_take_op (c, ","));
    }
    if (sb_sql_take_word (c, "having"))
        sb_buf_printf (&k->sql, " HAVING %s", sb_sql_parse_condition (c, scope).sql);
}

static void
parse_into (struct sb_sql_cursor *c, struct core *k)
{
    if (c->fail.number != 0 || !sb_sql_take_word (c, "into"))
        return;
    k->into = sb_arena_alloc (c->arena, sizeof *k->into);
    sb_sql_parse_name (c, k->into);
}

static void
parse_core (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct core *k)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf from = { 0 };
    size_t list_at, from_at, tail_at;
    bool distinct;

    if (!sb_sql_need_word (c, "select"))
        return;
    distinct = sb_sql_take_word (c, "distinct");
    if (!distinct)
        sb_sql_take_word (c, "all");
    parse_top (c, k);
    list_at = c->at;
    from_at = find_from (c);
    if (from_at > 0) {
        c->at = from_at + 1;
        sb_sql_parse_from (c, scope, &from);
        tail_at = c->at;
        if (c->fail.number != 0)
            return;
        c->at = list_at;
        parse_list (c, scope, &k->list);
        parse_into (c, k);
        if (c->fail.number == 0 && c->at != from_at) {
            sb_sql_fail_near (c);
            return;
        }
        if (c->fail.number == 0)
            c->at = tail_at;
    } else {
        parse_list (c, scope, &k->list);
        parse_into (c, k);
    }
    sb_buf_printf (&k->sql, "SELECT %s%s", distinct ? "DISTINCT " : "", sb_buf_cstr (&k->list.sql));
    if (from.len > 0)
        sb_buf_printf (&k->sql, " FROM %s", from.s);
    parse_tail (c, scope, k);
}

static void
core_release (struct core *k)
{
    sb_buf_free (&k->sql);
    sb_buf_free (&k->list.sql);
}

static void
parse_order (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct sb_buf *sql, const char **limit)
{
    unsigned count = 0;

    if (!sb_sql_at_words (c, "order", "by"))
        return;
    c->at += 2;
    sb_buf_str (sql, " ORDER BY ");
    do {
        sb_buf_printf (sql, "%s%s", count++ > 0 ? ", " : "", sb_sql_parse_expr (c, scope).sql);
        if (sb_sql_take_word (c, "desc"))
            sb_buf_str (sql, " DESC");
        else
            sb_sql_take_word (c, "asc");
    } while (sb_sql_take_op (c, ","));
    if (sb_sql_take_word (c, "offset")) {
        const char *offset = sb_sql_parse_expr (c, NULL).sql, *rows = "-1";
        if (!sb_sql_take_word (c, "rows"))
            sb_sql_need_word (c, "row");
        if (sb_sql_take_word (c, "fetch")) {
            sb_sql_next (c);
            rows = sb_sql_parse_expr (c, NULL).sql;
            sb_sql_next (c);
            if (!sb_sql_take_word (c, "only"))
                sb_sql_fail_near (c);
        }
        *limit = sb_arena_printf (c->arena, "%s OFFSET %s", rows, offset);
    }
}

static const char *
take_union (struct sb_sql_cursor *c)
{
    if (sb_sql_take_word (c, "union"))
        return sb_sql_take_word (c, "all") ? " UNION ALL " : " UNION ";
    if (sb_sql_take_word (c, "except"))
        return " EXCEPT ";
    return sb_sql_take_word (c, "intersect") ? " INTERSECT " : NULL;
}

static void
add_core (struct sb_buf *sql, const struct core *k, bool in_union)
{
    if (in_union && k->top != NULL)
        sb_buf_printf (sql, "SELECT * FROM (%s LIMIT %s)", sb_buf_cstr (&k->sql), k->top);
    else
        sb_buf_str (sql, sb_buf_cstr (&k->sql));
}

bool
sb_sql_parse_query (struct sb_sql_cursor *c, struct sb_sql_scope *outer, struct sb_sql_query *ret)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf sql = { 0 };
    struct sb_sql_scope *scope = sb_arena_alloc (c->arena, sizeof *scope);
    struct sb_sql_scope *all = scope; /* whose names ORDER BY may use */
    struct core first = { 0 };
    const char *word, *limit;
    unsigned members = 0;

    if (++c->depth > SB_SQL_DEPTH)
        sb_sql_fail (c, 191);
    scope->outer = outer;
    parse_core (c, scope, &first);
    limit = first.top;
    word = take_union (c);
    add_core (&sql, &first, word != NULL);
    for (; word != NULL && c->fail.number == 0; word = take_union (c)) {
        struct sb_sql_scope *other = sb_arena_alloc (c->arena, sizeof *other);
        struct core next = { 0 };
        other->outer = outer;
        parse_core (c, other, &next);
        sb_buf_str (&sql, word);
        add_core (&sql, &next, true);
        core_release (&next);
        limit = NULL;
        all = other;
        if (++members > 100)
            sb_sql_fail (c, 191);
    }
    if (members > 0) { /* the columns of the whole, whatever they are called */
        memset (all, 0, sizeof *all);
        add_source (c, all, "", NULL);
    }
    parse_order (c, all, &sql, &limit);
    if (limit != NULL)
        sb_buf_printf (&sql, " LIMIT %s", limit);
    if (sb_sql_at_word (c, "option") && strcmp (sb_sql_peek (c, 1)->text, "(") == 0) {
        int depth = 0;
        do
            depth += sb_sql_at_op (c, "(") - sb_sql_at_op (c, ")");
        while (sb_sql_next (c)->kind != SB_TOK_END && depth >= 0 && !(depth == 0 && c->tok[c->at - 1].text[0] == ')'));
    }
    c->depth--;
    ret->sql = sb_arena_strdup (c->arena, sb_buf_cstr (&sql));
    ret->types = first.list.star ? NULL : first.list.types;
    ret->ncols = first.list.count;
    ret->into = first.into;
    ret->assign = NULL;
    for (size_t i = 0; i < first.list.count; i++)
        if (first.list.assign[i] != NULL)
            ret->assign = first.list.assign;
    core_release (&first);
    return c->fail.number == 0;
}
