/* Running what the translator wrote, in the session's SQLite; see session.h. */
#include "lab/tds/func.h"
#include "lab/tds/messages.h"
#include "lab/tds/release.h"
#include "lab/tds/session.h"
#include "lab/tds/temp.h"
#include "lab/tds/view.h"

#include "core/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOKAHEAD 2000 /* rows that may be kept until every column's type is known */

static int
interrupted (void *s)
{
    return tds_stopped (s);
}

sqlite3 *
tds_sqlite (struct tds_session *s)
{
    static const int limits[][2] = { { SQLITE_LIMIT_LENGTH, 8 << 20 },
                                     { SQLITE_LIMIT_SQL_LENGTH, 16 << 20 },
                                     { SQLITE_LIMIT_EXPR_DEPTH, 2000 },
                                     { SQLITE_LIMIT_COMPOUND_SELECT, 200 },
                                     { SQLITE_LIMIT_ATTACHED, 0 } };

    if (s->db != NULL)
        return s->db;
    if (sqlite3_open_v2 (":memory:", &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL)
        != SQLITE_OK)
        abort ();
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        sqlite3_limit (s->db, limits[i][0], limits[i][1]);
    sqlite3_db_config (s->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL); /* "x" is a name, never a text */
    sqlite3_db_config (s->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_exec (s->db, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF", NULL, NULL, NULL);
    sqlite3_progress_handler (s->db, 200000, interrupted, s);
    sb_sql_functions_add (s->db, s);
    tds_temp_begin (s);
    return s->db;
}

/* ---- failures ---- */

/* A function ends a statement by an error text "#number:text"; it is the only way out of SQLite. */
void
sb_sql_raise_in (sqlite3_context *ctx, int number, ...)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    const struct sb_sql_message *m = sb_sql_message_find (number);
    va_list args;

    sb_buf_printf (&text, "#%d:", number);
    va_start (args, number);
    sb_sql_message_format (m == NULL ? "%ls" : m->text, &args, &text);
    va_end (args);
    sqlite3_result_error (ctx, text.s, (int) text.len);
}

static bool
sqlite_failed (struct tds_session *s, const struct sb_sql_run *r)
{
    const char *text = sqlite3_errmsg (s->db);
    int number = 0;

    if (sqlite3_errcode (s->db) == SQLITE_INTERRUPT || tds_stopped (s))
        return false;
    if (text[0] == '#' && strchr (text, ':') != NULL) {
        const struct sb_sql_message *m;
        number = atoi (text + 1);
        m = sb_sql_message_find (number);
        tds_say_text (s, r, number, m == NULL ? 1 : m->state, m == NULL ? 16 : m->severity, strchr (text, ':') + 1);
    } else if (strncmp (text, "no such column: ", 16) == 0) {
        const char *name = strrchr (text, '.');
        tds_say (s, r, 207, name == NULL ? text + 16 : name + 1);
    } else if (strncmp (text, "ambiguous column name: ", 23) == 0) {
        tds_say (s, r, 209, text + 23);
    } else if (sqlite3_errcode (s->db) == SQLITE_CONSTRAINT) { /* the key of a temporary table */
        tds_say (s, r, 2627, "PK", "#", "");
    } else {
        tds_say (s, r, 8623);
    }
    return false;
}

static sqlite3_stmt *
prepare (struct tds_session *s, const struct sb_sql_run *r, const char *sql)
{
    sqlite3_stmt *st = NULL;
    const struct sb_sql_vars *vars = r == NULL ? NULL : r->vars;

    if (sqlite3_prepare_v2 (tds_sqlite (s), sql, -1, &st, NULL) != SQLITE_OK || st == NULL) {
        sqlite_failed (s, r);
        return NULL;
    }
    for (int i = 1; i <= sqlite3_bind_parameter_count (st); i++)
        if (vars != NULL && (size_t) i <= vars->count)
            sb_sql_bind (st, i, &vars->list[i - 1].value);
    return st;
}

/* ---- tables by name ---- */

/* The catalogue of another database, as a name of three parts asks for it. */
struct elsewhere {
    w_id copy;
    char database[W_NAME];
};

/* Swaps the session's database with the one in `e`. */
static void
swap_database (struct tds_session *s, struct elsewhere *e)
{
    struct elsewhere was = { .copy = s->copy };

    memcpy (was.database, s->database, sizeof was.database);
    s->copy = e->copy;
    memcpy (s->database, e->database, sizeof e->database);
    *e = was;
}

/* False: the database cannot be read, and the cursor says why. */
static bool
open_elsewhere (struct sb_sql_cursor *c, struct tds_session *s, const struct world *w, const struct sb_sql_name *n,
                struct elsewhere *ret)
{
    const char *db = SB_SQL_DATABASE (n)[0] != 0 ? SB_SQL_DATABASE (n) : s->database;
    w_id copy = tds_system_database (db) ? 0 : w_find_copy (w, s->instance, db);
    int why = copy == 0 ? 0 : w_copy_readable (w, copy, s->spid);

    ret->copy = copy;
    snprintf (ret->database, sizeof ret->database, "%s", db);
    if (why != 0)
        sb_sql_fail (c, why, db);
    return why == 0;
}

/* Sessions did not tell their database before 2012. */
static const struct sb_sql_column *
columns_then (unsigned major, const struct tds_view *v, struct sb_sql_column *cols, size_t *n)
{
    size_t k = 0;

    if (major >= 11 || strcmp (v->name, "dm_exec_sessions") != 0)
        return cols;
    for (size_t i = 0; i < *n; i++)
        if (strcmp (cols[i].name, "database_id") != 0)
            cols[k++] = cols[i];
    *n = k;
    return cols;
}

static const struct sb_sql_object *
view_object (struct sb_sql_cursor *c, struct tds_session *s, const struct tds_view *v, const struct sb_sql_name *name)
{
    SB_AUTOFREE char *key = sb_xprintf ("%s.%s.%s", SB_SQL_DATABASE (name)[0] != 0 ? SB_SQL_DATABASE (name) : v->db,
                                        v->schema, v->name);
    struct elsewhere other;
    struct world *w = tds_world (s);
    const struct sb_sql_column *cols;
    struct sb_sql_object *o;
    struct tds_sink *k;
    size_t n;

    if (w == NULL) {
        sb_sql_fail (c, 208, v->name);
        return NULL;
    }
    if (!open_elsewhere (c, s, w, name, &other))
        return NULL;
    cols = columns_then (s->major, v, tds_columns_of (c->arena, v->columns, &n), &n);
    o = (struct sb_sql_object *) (uintptr_t) tds_object_new (s, c->arena, key, cols, n);
    if (o == NULL) {
        sb_sql_fail (c, 208, v->name);
        return NULL;
    }
    o->args = v->args;
    k = tds_sink_open (s, o);
    swap_database (s, &other);
    v->fill (s, w, k);
    swap_database (s, &other);
    tds_sink_close (k);
    return o;
}

static const struct sb_sql_object *
object (struct sb_sql_cursor *c, void *self, const struct sb_sql_name *name)
{
    struct tds_session *s = self;
    const struct tds_view *v;

    if (SB_SQL_SERVER (name)[0] != 0) {
        sb_sql_fail (c, 7202, SB_SQL_SERVER (name));
        return NULL;
    }
    if (SB_SQL_DATABASE (name)[0] != 0 && tds_database_id (s, SB_SQL_DATABASE (name)) == 0) {
        sb_sql_fail (c, 208, sb_sql_name_text (c, name));
        return NULL;
    }
    v = tds_view_find (s, name);
    if (v != NULL && tds_release_has_view (s->major, v->name))
        return view_object (c, s, v, name);
    return tds_user_table (c, s, name);
}

struct sb_sql_env
tds_env (struct tds_session *s)
{
    return (struct sb_sql_env){ .self = s, .object = object, .major = s->major };
}

/* ---- values and rows ---- */

bool
tds_rows (struct tds_session *s, const struct sb_sql_run *r, const char *sql, tds_row_fn each, void *ctx)
{
    struct sb_sql_value values[1024];
    sqlite3_stmt *st = prepare (s, r, sql);
    bool good = true;
    int rc;
    size_t n;

    if (st == NULL)
        return false;
    n = (size_t) sqlite3_column_count (st);
    if (n > sizeof values / sizeof *values)
        n = sizeof values / sizeof *values;
    while ((rc = sqlite3_step (st)) == SQLITE_ROW && good) {
        for (size_t i = 0; i < n; i++)
            values[i] = sb_sql_from_sqlite (sqlite3_column_value (st, (int) i));
        good = each (ctx, values, n);
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        sqlite_failed (s, r);
        good = false;
    }
    sqlite3_finalize (st);
    return good;
}

static bool
keep_first (void *ctx, const struct sb_sql_value *values, size_t n)
{
    struct sb_sql_value *ret = ctx;

    if (n > 0) {
        sb_sql_value_free (ret);
        *ret = sb_sql_value_copy (&values[0]);
    }
    return true;
}

bool
tds_eval (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_expr *e, struct sb_sql_value *ret)
{
    SB_AUTOFREE char *sql = NULL;

    *ret = sb_sql_null ();
    if (e->constant) {
        *ret = sb_sql_value_copy (&e->value);
        return true;
    }
    sql = sb_xprintf ("SELECT %s", e->sql);
    return tds_rows (s, r, sql, keep_first, ret);
}

/* ---- result sets ---- */

struct sending {
    struct tds_session *s;
    sqlite3_stmt *st;
    struct sb_tds_column *cols;
    size_t n;
    struct sb_sql_value *kept; /* rows read ahead, n values each, owned */
    size_t nkept;
    int64_t rows;
};

static void
describe (struct sending *x, const struct sb_sql_query *q)
{
    for (size_t i = 0; i < x->n; i++) {
        const char *declared = sqlite3_column_decltype (x->st, (int) i);
        const char *name = sqlite3_column_name (x->st, (int) i);
        x->cols[i].name = name == NULL || name[0] == 1 ? "" : name;
        if (q->types != NULL && i < q->ncols)
            x->cols[i].type = q->types[i];
        if (x->cols[i].type.kind == SB_SQL_UNKNOWN && declared != NULL)
            sb_sql_type_parse (declared, &x->cols[i].type);
    }
}

static bool
all_known (const struct sending *x)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->cols[i].type.kind == SB_SQL_UNKNOWN)
            return false;
    return true;
}

/* Reads rows until every type is known; returns the last answer of SQLite. */
static int
read_ahead (struct sending *x)
{
    int rc = SQLITE_ROW;

    while (!all_known (x) && x->nkept < LOOKAHEAD && (rc = sqlite3_step (x->st)) == SQLITE_ROW) {
        x->kept = sb_xrealloc (x->kept, (x->nkept + 1) * x->n, sizeof *x->kept);
        for (size_t i = 0; i < x->n; i++) {
            struct sb_sql_value v = sb_sql_from_sqlite (sqlite3_column_value (x->st, (int) i));
            if (x->cols[i].type.kind == SB_SQL_UNKNOWN && v.tag != SB_SQL_NULL)
                x->cols[i].type = sb_sql_type_of (&v);
            x->kept[x->nkept * x->n + i] = sb_sql_value_copy (&v);
        }
        x->nkept++;
    }
    for (size_t i = 0; i < x->n; i++)
        if (x->cols[i].type.kind == SB_SQL_UNKNOWN)
            x->cols[i].type = SB_SQL_TYPE (SB_SQL_INT, 4);
    return rc;
}

static bool
enough (const struct sending *x)
{
    return x->s->rowlimit > 0 && x->rows >= x->s->rowlimit;
}

static void
send_kept (struct sending *x)
{
    for (size_t k = 0; k < x->nkept; k++) {
        if (!enough (x)) {
            sb_tds_row (&x->s->out, x->cols, x->kept + k * x->n, x->n);
            x->rows++;
        }
        for (size_t i = 0; i < x->n; i++)
            sb_sql_value_free (&x->kept[k * x->n + i]);
    }
    free (x->kept);
}

static int
send_rest (struct sending *x, int rc)
{
    struct sb_sql_value *values = sb_xcalloc (x->n, sizeof *values);

    while (rc == SQLITE_ROW && !enough (x) && (rc = sqlite3_step (x->st)) == SQLITE_ROW) {
        for (size_t i = 0; i < x->n; i++)
            values[i] = sb_sql_from_sqlite (sqlite3_column_value (x->st, (int) i));
        sb_tds_row (&x->s->out, x->cols, values, x->n);
        x->rows++;
        if (x->rows % 256 == 0 && tds_stopped (x->s))
            rc = SQLITE_INTERRUPT;
    }
    free (values);
    return rc;
}

struct sb_sql_column *
tds_describe (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_query *q, size_t *ret_count)
{
    struct sending x = { .s = s, .st = prepare (s, r, q->sql) };
    struct sb_sql_column *cols = NULL;
    int rc;

    if (x.st == NULL)
        return NULL;
    x.n = (size_t) sqlite3_column_count (x.st);
    x.cols = sb_xcalloc (x.n, sizeof *x.cols);
    describe (&x, q);
    rc = read_ahead (&x);
    for (size_t i = 0; i < x.nkept * x.n; i++)
        sb_sql_value_free (&x.kept[i]);
    free (x.kept);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        cols = sb_xcalloc (x.n + 1, sizeof *cols);
        for (size_t i = 0; i < x.n; i++) {
            cols[i].name = sb_xstrdup (x.cols[i].name);
            cols[i].type = x.cols[i].type;
        }
        *ret_count = x.n;
    } else {
        sqlite_failed (s, r);
    }
    sqlite3_finalize (x.st);
    free (x.cols);
    return cols;
}

int64_t
tds_run_sqlite (struct tds_session *s, const struct sb_sql_run *r, const char *sql)
{
    sqlite3_stmt *st = prepare (s, r, sql);
    int64_t changes = -1;

    if (st == NULL)
        return -1;
    if (sqlite3_step (st) == SQLITE_DONE)
        changes = sqlite3_changes (s->db);
    else
        sqlite_failed (s, r);
    sqlite3_finalize (st);
    return changes;
}

bool
tds_select (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_query *q, int64_t *ret_rows)
{
    struct sending x = { .s = s };
    int rc;

    *ret_rows = 0;
    if (s->capture != NULL)
        return tds_rows (s, r, q->sql, s->capture->row, s->capture->ctx);
    x.st = prepare (s, r, q->sql);
    if (x.st == NULL)
        return false;
    x.n = (size_t) sqlite3_column_count (x.st);
    x.cols = sb_xcalloc (x.n, sizeof *x.cols);
    describe (&x, q);
    rc = read_ahead (&x);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        sb_tds_columns (&s->out, x.cols, x.n);
        send_kept (&x);
        x.kept = NULL;
        x.nkept = 0;
        if (rc == SQLITE_ROW)
            rc = send_rest (&x, rc);
    } else {
        for (size_t i = 0; i < x.nkept * x.n; i++)
            sb_sql_value_free (&x.kept[i]);
        free (x.kept);
    }
    *ret_rows = x.rows;
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        sqlite_failed (s, r);
    sqlite3_finalize (x.st);
    free (x.cols);
    return rc == SQLITE_DONE || rc == SQLITE_ROW;
}
