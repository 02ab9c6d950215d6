/* SELECT, INSERT, UPDATE, DELETE. */
#include "lab/tds/do.h"
#include "lab/tds/func.h"
#include "lab/tds/temp.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define VALUES_MAX 1000 /* rows of one VALUES list, the server's own limit */

/* Ends a statement that failed or did its work. */
static enum sb_sql_end
finish (struct tds_session *s, const struct sb_sql_run *r, bool good, unsigned command, int64_t rows)
{
    if (good)
        s->rowcount = rows;
    tds_done (s, r, good ? SB_TDS_COUNT : SB_TDS_ERROR, command, good ? rows : 0);
    return SB_END_GO_ON;
}

/* ---- SELECT ---- */

struct assigning {
    struct tds_session *s;
    const struct sb_sql_run *r;
    const struct sb_sql_query *q;
    int64_t rows;
};

static bool
assign_row (void *ctx, const struct sb_sql_value *values, size_t n)
{
    struct assigning *a = ctx;

    for (size_t i = 0; i < n && i < a->q->ncols; i++) {
        struct sb_sql_var *var = a->q->assign[i] == NULL ? NULL : sb_sql_var_find (a->r->vars, a->q->assign[i]);
        struct sb_sql_value to;
        int number;
        if (var == NULL)
            continue;
        number = sb_sql_convert (&values[i], &var->type, 0, &to);
        if (number != 0) {
            tds_say (a->s, a->r, number == 245 ? 8114 : number, "nvarchar", sb_sql_type_name (&var->type));
            return false;
        }
        sb_sql_value_free (&var->value);
        var->value = to;
    }
    a->rows++;
    return true;
}

/* [WITH ...] SELECT ... */
static bool
query_with (struct sb_sql_cursor *c, struct sb_sql_query *q)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf with = { 0 };
    bool good;

    if (!sb_sql_at_word (c, "with"))
        return sb_sql_parse_query (c, NULL, q);
    good = sb_sql_parse_ctes (c, &with) && sb_sql_parse_query (c, NULL, q);
    c->ctes = NULL;
    if (good)
        q->sql = sb_arena_printf (c->arena, "%s%s", with.s, q->sql);
    return good;
}

enum sb_sql_end
do_select (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    struct sb_sql_query q = { 0 };
    int64_t rows = 0;

    if (!query_with (c, &q) || s == NULL)
        return SB_END_GO_ON;
    if (q.into != NULL && !tds_temp_name (q.into)) {
        sb_sql_fail (c, 262, "CREATE TABLE", s->database);
        return SB_END_GO_ON;
    }
    if (q.into != NULL)
        return finish (s, r, tds_temp_into (s, r, &q, &rows), TDS_CMD_SELECT, rows);
    if (q.assign != NULL) {
        struct assigning a = { .s = s, .r = r, .q = &q };
        bool good = tds_rows (s, r, q.sql, assign_row, &a);
        s->rowcount = a.rows;
        if (!good)
            tds_done (s, r, SB_TDS_ERROR, TDS_CMD_SELECT, 0);
        else
            tds_done (s, r, SB_TDS_COUNT, TDS_CMD_SELECT, a.rows);
        return good ? SB_END_GO_ON : SB_END_BATCH;
    }
    if (tds_select (s, r, &q, &rows)) {
        s->rowcount = rows;
        tds_done (s, r, SB_TDS_COUNT, TDS_CMD_SELECT, rows);
    } else if (!tds_stopped (s)) {
        tds_done (s, r, SB_TDS_ERROR, TDS_CMD_SELECT, 0);
    }
    return SB_END_GO_ON;
}

/* ---- INSERT ---- */

struct inserting {
    struct tds_session *s;
    const struct sb_sql_run *r;
    const struct tds_table *t;
    size_t place[1024]; /* column of each value */
    size_t nplaces;
    json_t *changes;
    int64_t rows;
};

static bool
say_conversion (struct tds_session *s, const struct sb_sql_run *r, int number, const struct sb_sql_value *v,
                const struct sb_sql_type *t)
{
    SB_AUTOFREE char *shown = v->tag == SB_SQL_TEXT ? sb_xstrndup (v->s, v->n > 60 ? 60 : v->n) : sb_xstrdup ("");

    if (number == 245)
        tds_say (s, r, 245, "nvarchar", shown, sb_sql_type_name (t));
    else
        tds_say (s, r, number, v->tag == SB_SQL_TEXT ? "nvarchar" : "expression", sb_sql_type_name (t));
    return false;
}

static size_t
characters (const struct sb_sql_value *v)
{
    size_t count = 0;

    for (size_t i = 0; i < v->n; i++)
        count += ((unsigned char) v->s[i] & 0xc0) != 0x80;
    return count;
}

/* Converts a value for a column; *ret is owned. */
static bool
fit (struct tds_session *s, const struct sb_sql_run *r, const struct tds_table *t, size_t col,
     const struct sb_sql_value *v, const char *verb, struct sb_sql_value *ret)
{
    const struct sb_sql_type *type = &t->cols[col].type;
    int number;

    *ret = sb_sql_null ();
    if (v->tag == SB_SQL_NULL && !t->may_be_null[col]) {
        tds_say (s, r, 515, t->cols[col].name, t->name, verb);
        return false;
    }
    if (v->tag == SB_SQL_TEXT && sb_sql_is_text (type) && type->len != SB_SQL_MAX
        && characters (v) > (size_t) type->len) {
        tds_say (s, r, 8152);
        return false;
    }
    number = sb_sql_convert (v, type, 0, ret);
    return number == 0 || say_conversion (s, r, number, v, type);
}

/* What a column that the statement does not name gets. */
static bool
fill_default (const struct inserting *x, size_t col, struct sb_sql_value *ret)
{
    const char *sql = json_string_value (
            json_object_get (json_array_get (json_object_get (x->t->schema, "columns"), col), "default"));
    struct sb_sql_expr e = { .sql = sql };
    struct sb_sql_value v;
    bool good;

    if (sql == NULL)
        return true;
    for (size_t i = 0; i < x->nplaces; i++)
        if (x->place[i] == col)
            return true;
    good = tds_eval (x->s, x->r, &e, &v) && fit (x->s, x->r, x->t, col, &v, "INSERT", ret);
    sb_sql_value_free (&v);
    return good;
}

static bool
insert_row (void *ctx, const struct sb_sql_value *values, size_t n)
{
    struct inserting *x = ctx;
    struct sb_sql_value *row = sb_xcalloc (x->t->ncols + 1, sizeof *row);
    json_t *columns = json_array ();
    bool good = true;
    SB_AUTOFREE char *key = NULL;

    for (size_t i = 0; i < n && i < x->nplaces && good; i++)
        good = fit (x->s, x->r, x->t, x->place[i], &values[i], "INSERT", &row[x->place[i]]);
    for (size_t col = 0; col < x->t->ncols && good; col++)
        good = fill_default (x, col, &row[col]);
    for (size_t col = 0; col < x->t->ncols && good; col++) {
        if (row[col].tag == SB_SQL_NULL && !x->t->may_be_null[col]) {
            tds_say (x->s, x->r, 515, x->t->cols[col].name, x->t->name, "INSERT");
            good = false;
        }
        json_array_append_new (columns, tds_json_of (&x->t->cols[col].type, &row[col]));
    }
    if (good) {
        key = tds_table_key (x->t, row);
        json_array_append_new (x->changes, json_pack ("[s, s, s?, o]", x->t->name, "i", key, columns));
        x->rows++;
    } else {
        json_decref (columns);
    }
    for (size_t col = 0; col < x->t->ncols; col++)
        sb_sql_value_free (&row[col]);
    free (row);
    return good && x->rows <= 50000;
}

static bool
parse_columns (struct sb_sql_cursor *c, struct inserting *x)
{
    if (!sb_sql_at_op (c, "(") || sb_casecmp (sb_sql_peek (c, 1)->text, "select") == 0) {
        for (size_t i = 0; x->t != NULL && i < x->t->ncols && i < 1024; i++)
            x->place[x->nplaces++] = i;
        return true;
    }
    sb_sql_next (c);
    do {
        const char *name = sb_sql_take_name (c);
        size_t col = 0;
        if (c->fail.number != 0 || x->nplaces == 1024)
            return false;
        if (x->t == NULL) {
            x->nplaces++;
            continue;
        }
        while (col < x->t->ncols && sb_casecmp (x->t->cols[col].name, name) != 0)
            col++;
        if (col == x->t->ncols) {
            sb_sql_fail (c, 207, name);
            return false;
        }
        x->place[x->nplaces++] = col;
    } while (sb_sql_take_op (c, ","));
    return sb_sql_need_op (c, ")");
}

/* VALUES (...), (...) as one SELECT for SQLite, or each row at once when it is made of constants. */
static bool
parse_values (struct sb_sql_cursor *c, struct inserting *x)
{
    unsigned rows = 0;

    do {
        struct sb_sql_value values[1024];
        bool owned[1024];
        size_t n = 0;
        bool good = true;
        if (!sb_sql_need_op (c, "("))
            return false;
        do {
            struct sb_sql_expr e = { .constant = true };
            if (!sb_sql_take_word (c, "default"))
                e = sb_sql_parse_expr (c, NULL);
            if (n == 1024 || c->fail.number != 0) {
                sb_sql_fail (c, 110);
                break;
            }
            values[n] = e.value;
            owned[n] = false;
            if (x->t != NULL && !e.constant && good) {
                good = tds_eval (x->s, x->r, &e, &values[n]);
                owned[n] = true;
            }
            n++;
        } while (sb_sql_take_op (c, ","));
        sb_sql_need_op (c, ")");
        if (x->t != NULL && c->fail.number == 0 && n != x->nplaces)
            sb_sql_fail (c, n < x->nplaces ? 109 : 110);
        if (x->t != NULL && c->fail.number == 0 && good)
            good = insert_row (x, values, n);
        for (size_t i = 0; i < n; i++)
            if (owned[i])
                sb_sql_value_free (&values[i]);
        if (!good)
            return false;
        if (++rows > VALUES_MAX)
            sb_sql_fail (c, 10738);
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
    return c->fail.number == 0;
}

static bool
insert_from_query (struct sb_sql_cursor *c, struct inserting *x)
{
    struct sb_sql_query q = { 0 };

    if (!sb_sql_parse_query (c, NULL, &q))
        return false;
    if (x->t == NULL)
        return true;
    if (q.types != NULL && q.ncols != x->nplaces) {
        sb_sql_fail (c, q.ncols < x->nplaces ? 120 : 121);
        return false;
    }
    return tds_rows (x->s, x->r, q.sql, insert_row, x);
}

static bool
insert_captured (void *ctx, const struct sb_sql_value *values, size_t n)
{
    struct inserting *x = ctx;

    if (n == x->nplaces)
        return insert_row (ctx, values, n);
    tds_say (x->s, x->r, 213);
    return false;
}

/* INSERT t EXEC ...: the rows of its result sets go into the table, and nothing of it to the client. */
static bool
insert_from_procedure (struct sb_sql_cursor *c, struct inserting *x)
{
    struct tds_capture capture = { .row = insert_captured, .ctx = x };
    enum sb_sql_end end;

    if (x->s == NULL) {
        do_exec (c, NULL, NULL);
        return true;
    }
    if (x->s->capture != NULL) {
        tds_say (x->s, x->r, 8164);
        return false;
    }
    x->s->capture = &capture;
    end = do_exec (c, x->s, x->r);
    x->s->capture = NULL;
    return end == SB_END_GO_ON && x->s->error == 0;
}

enum sb_sql_end
do_insert (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    struct inserting *x;
    struct tds_table t = { 0 };
    struct sb_sql_name n;
    bool good;

    sb_sql_next (c);
    sb_sql_take_word (c, "into");
    if (!sb_sql_parse_name (c, &n) || (s != NULL && !tds_table_open (c, s, &n, &t)))
        return SB_END_GO_ON;
    x = sb_xcalloc (1, sizeof *x);
    x->s = s;
    x->r = r;
    x->t = s == NULL ? NULL : &t;
    x->changes = json_array ();
    good = parse_columns (c, x);
    if (good && sb_sql_take_word (c, "values"))
        good = parse_values (c, x);
    else if (good && sb_sql_at_words (c, "default", "values"))
        c->at += 2;
    else if (good && sb_sql_at_word (c, "select"))
        good = insert_from_query (c, x);
    else if (good && (sb_sql_at_word (c, "exec") || sb_sql_at_word (c, "execute")))
        good = insert_from_procedure (c, x);
    else if (good)
        sb_sql_fail_near (c);
    if (s != NULL && c->fail.number == 0) {
        good = good && tds_table_change (s, r, x->changes, t.copy);
        finish (s, r, good, TDS_CMD_INSERT, x->rows);
    }
    json_decref (x->changes);
    free (x);
    if (s != NULL)
        tds_table_close (&t);
    return SB_END_GO_ON;
}

/* ---- UPDATE, DELETE ---- */

struct changing {
    struct tds_session *s;
    const struct sb_sql_run *r;
    const struct tds_table *t;
    const struct sb_sql_object *object;
    size_t set[256]; /* columns that UPDATE sets, in order of its list */
    size_t nset;
    json_t *changes;
    int64_t rows;
};

/* rowid, then for UPDATE every column as it is, then the new values. */
static bool
change_row (void *ctx, const struct sb_sql_value *values, size_t n)
{
    struct changing *x = ctx;
    const char *key = tds_object_key (x->object, values[0].i);
    struct sb_sql_value *row;
    json_t *columns;
    SB_AUTOFREE char *fresh = NULL;
    bool good = true;

    if (key == NULL)
        return true;
    x->rows++;
    if (x->nset == 0) {
        json_array_append_new (x->changes, json_pack ("[s, s, s, n]", x->t->name, "d", key));
        return true;
    }
    row = sb_xcalloc (x->t->ncols + 1, sizeof *row);
    for (size_t i = 0; i < x->t->ncols; i++)
        row[i] = sb_sql_value_copy (&values[1 + i]);
    for (size_t i = 0; i < x->nset && 1 + x->t->ncols + i < n && good; i++) {
        sb_sql_value_free (&row[x->set[i]]);
        good = fit (x->s, x->r, x->t, x->set[i], &values[1 + x->t->ncols + i], "UPDATE", &row[x->set[i]]);
    }
    columns = json_array ();
    for (size_t i = 0; i < x->t->ncols; i++)
        json_array_append_new (columns, tds_json_of (&x->t->cols[i].type, &row[i]));
    fresh = tds_table_key (x->t, row);
    if (!good)
        json_decref (columns);
    else if (fresh == NULL || strcmp (fresh, key) == 0) {
        json_array_append_new (x->changes, json_pack ("[s, s, s, o]", x->t->name, "u", key, columns));
    } else { /* the key itself changes: another row */
        json_array_append_new (x->changes, json_pack ("[s, s, s, n]", x->t->name, "d", key));
        json_array_append_new (x->changes, json_pack ("[s, s, s, o]", x->t->name, "i", fresh, columns));
    }
    for (size_t i = 0; i < x->t->ncols; i++)
        sb_sql_value_free (&row[i]);
    free (row);
    return good;
}

static void
parse_set_list (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct changing *x, struct sb_buf *sql)
{
    do {
        struct sb_sql_name n;
        struct sb_sql_expr e;
        size_t col = 0;
        if (!sb_sql_parse_name (c, &n) || !sb_sql_need_op (c, "="))
            return;
        e = sb_sql_parse_expr (c, scope);
        if (x->t == NULL || c->fail.number != 0)
            continue;
        while (col < x->t->ncols && sb_casecmp (x->t->cols[col].name, SB_SQL_OBJECT (&n)) != 0)
            col++;
        if (col == x->t->ncols || x->nset == 256) {
            sb_sql_fail (c, 207, SB_SQL_OBJECT (&n));
            return;
        }
        x->set[x->nset++] = col;
        sb_buf_printf (sql, ", %s", e.sql);
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
}

static enum sb_sql_end
change (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r, bool update)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf from = { 0 }, sql = { 0 }, set = { 0 };
    struct sb_sql_scope *scope = sb_arena_alloc (c->arena, sizeof *scope);
    struct changing *x = sb_arena_alloc (c->arena, sizeof *x);
    struct tds_table t = { 0 };
    struct sb_sql_name n;
    size_t start;
    bool good;

    sb_sql_next (c);
    if (!update)
        sb_sql_take_word (c, "from");
    start = c->at;
    if (!sb_sql_parse_name (c, &n) || (s != NULL && !tds_table_open (c, s, &n, &t)))
        return SB_END_GO_ON;
    c->at = start;
    x->s = s;
    x->r = r;
    x->t = s == NULL ? NULL : &t;
    sb_sql_parse_source (c, scope, &from);
    if (c->fail.number == 0 && s != NULL)
        x->object = scope->source[0].object;
    if (update && sb_sql_need_word (c, "set"))
        parse_set_list (c, scope, x, &set);
    if (s != NULL && c->fail.number == 0) {
        sb_buf_str (&sql, "SELECT rowid");
        for (size_t i = 0; update && i < t.ncols; i++) {
            sb_buf_str (&sql, ", ");
            sb_sql_quote_name (&sql, t.cols[i].name);
        }
        sb_buf_printf (&sql, "%s FROM %s", sb_buf_cstr (&set), from.s);
    }
    if (sb_sql_take_word (c, "where"))
        sb_buf_printf (&sql, " WHERE %s", sb_sql_parse_condition (c, scope).sql);
    if (s != NULL && c->fail.number == 0) {
        x->changes = json_array ();
        good = x->object != NULL && x->object->extra != NULL && tds_rows (s, r, sql.s, change_row, x)
               && tds_table_change (s, r, x->changes, t.copy);
        finish (s, r, good, update ? TDS_CMD_UPDATE : TDS_CMD_DELETE, x->rows);
        json_decref (x->changes);
    }
    tds_table_close (&t);
    return SB_END_GO_ON;
}

enum sb_sql_end
do_update (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    return change (c, s, r, true);
}

enum sb_sql_end
do_delete (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    return change (c, s, r, false);
}

enum sb_sql_end
do_truncate (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    sb_sql_next (c);
    return change (c, s, r, false);
}
