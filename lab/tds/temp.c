/* Temporary tables; see temp.h.
 *
 * Method: a transaction of the session is a savepoint of its SQLite, a statement a savepoint inside it; so what is taken
 * back is taken back there.  Tables that a transaction drops stay in the list until it ends. */
#include "lab/tds/temp.h"
#include "lab/tds/func.h"
#include "lab/tds/view.h"

#include "core/base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void
run (struct tds_session *s, const char *sql)
{
    if (s->db != NULL)
        sqlite3_exec (s->db, sql, NULL, NULL, NULL);
}

bool
tds_temp_name (const struct sb_sql_name *n)
{
    return SB_SQL_OBJECT (n)[0] == '#'
           && (SB_SQL_DATABASE (n)[0] == 0 || sb_casecmp (SB_SQL_DATABASE (n), "tempdb") == 0);
}

static struct tds_temp *
find (const struct tds_session *s, const char *name)
{
    for (size_t i = 0; i < s->ntemps; i++)
        if (!s->temps[i].dropped && sb_casecmp (s->temps[i].key, name) == 0)
            return &s->temps[i];
    return NULL;
}

const struct tds_temp *
tds_temp_find (const struct tds_session *s, const struct sb_sql_name *n)
{
    return find (s, SB_SQL_OBJECT (n));
}

static void
release (struct tds_temp *t)
{
    for (size_t i = 0; i < t->ncols; i++)
        free ((char *) (uintptr_t) t->cols[i].name);
    free (t->cols);
    free (t->may_be_null);
    free (t->key);
    json_decref (t->schema);
}

static void
forget (struct tds_session *s, size_t i)
{
    release (&s->temps[i]);
    s->temps[i] = s->temps[--s->ntemps];
}

void
tds_temps_release (struct tds_session *s)
{
    while (s->ntemps > 0)
        forget (s, s->ntemps - 1);
    free (s->temps);
}

/* ---- transactions ---- */

void
tds_temp_begin (struct tds_session *s)
{
    if (s->trancount > 0)
        run (s, "SAVEPOINT tran");
}

void
tds_temp_end (struct tds_session *s, bool keep)
{
    run (s, keep ? "RELEASE tran" : "ROLLBACK TO tran; RELEASE tran");
    for (size_t i = s->ntemps; i-- > 0;) {
        struct tds_temp *t = &s->temps[i];
        bool gone = keep ? t->dropped : t->born;
        t->born = t->dropped = false;
        if (gone)
            forget (s, i);
    }
}

/* ---- making and dropping ---- */

/* Makes the table in SQLite; takes `cols` with its names and `schema` over, whatever comes. */
static struct tds_temp *
add (struct tds_session *s, const struct sb_sql_run *r, const char *name, struct sb_sql_column *cols, size_t n,
     json_t *schema)
{
    struct tds_temp t = { .key = sb_xstrdup (name), .cols = cols, .ncols = n, .schema = schema };
    bool good;

    for (char *p = t.key; *p != 0; p++)
        *p = (char) tolower ((unsigned char) *p);
    t.may_be_null = sb_xcalloc (n + 1, sizeof *t.may_be_null);
    for (size_t i = 0; i < n; i++) {
        t.may_be_null[i] = !cols[i].type.not_null;
        t.cols[i].type.computed = false;
    }
    t.born = s->trancount > 0;
    good = find (s, name) == NULL;
    if (!good)
        tds_say_state (s, r, 2714, 6, name);
    else
        good = tds_object_new (s, r->c->arena, t.key, cols, n) != NULL;
    if (!good) {
        release (&t);
        return NULL;
    }
    SB_PUSH (s->temps, s->ntemps, s->temps_cap) = t;
    return &s->temps[s->ntemps - 1];
}

/* A key is held to by SQLite. */
static void
add_key (struct tds_session *s, const struct tds_temp *t)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf sql = { 0 };
    json_t *column;
    size_t i;

    if (json_array_size (json_object_get (t->schema, "key")) == 0)
        return;
    sb_buf_printf (&sql, "CREATE UNIQUE INDEX \"key of %s\" ON ", t->key);
    sb_sql_quote_name (&sql, t->key);
    json_array_foreach (json_object_get (t->schema, "key"), i, column)
    {
        sb_buf_str (&sql, i == 0 ? " (" : ", ");
        sb_sql_quote_name (&sql, json_string_value (column));
    }
    sb_buf_char (&sql, ')');
    run (s, sql.s);
}

bool
tds_temp_create (struct tds_session *s, const struct sb_sql_run *r, json_t *schema)
{
    json_t *columns = json_object_get (schema, "columns"), *x;
    struct sb_sql_column *cols = sb_xcalloc (json_array_size (columns) + 1, sizeof *cols);
    const char *name = json_string_value (json_object_get (schema, "name"));
    struct tds_temp *t;
    size_t i;

    json_array_foreach (columns, i, x)
    {
        const char *type = json_string_value (json_object_get (x, "type"));
        int numbers[2] = { (int) json_integer_value (json_object_get (x, "length")),
                           (int) json_integer_value (json_object_get (x, "scale")) };
        cols[i].name = sb_xstrdup (json_string_value (json_object_get (x, "name")));
        if (type == NULL || !sb_sql_type_named (type, strlen (type), numbers, numbers[0] != 0 ? 2 : 0, &cols[i].type))
            cols[i].type = SB_SQL_TYPE (SB_SQL_NVARCHAR, SB_SQL_MAX);
        cols[i].type.not_null = !json_is_true (json_object_get (x, "null"));
    }
    t = add (s, r, name == NULL ? "#" : name, cols, json_array_size (columns), json_deep_copy (schema));
    if (t != NULL)
        add_key (s, t);
    return t != NULL;
}

bool
tds_temp_into (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_query *q, int64_t *ret_rows)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf sql = { 0 };
    struct tds_temp *t;
    struct sb_sql_column *cols;
    size_t n = 0;

    cols = tds_describe (s, r, q, &n);
    t = cols == NULL ? NULL : add (s, r, SB_SQL_OBJECT (q->into), cols, n, json_object ());
    if (t == NULL)
        return false;
    sb_buf_str (&sql, "INSERT INTO ");
    sb_sql_quote_name (&sql, t->key);
    sb_buf_printf (&sql, " %s", q->sql);
    *ret_rows = tds_run_sqlite (s, r, sql.s);
    return *ret_rows >= 0;
}

bool
tds_temp_drop (struct tds_session *s, const struct sb_sql_name *n)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf sql = { 0 };
    struct tds_temp *t = find (s, SB_SQL_OBJECT (n));

    if (t == NULL)
        return false;
    sb_buf_str (&sql, "DROP TABLE IF EXISTS ");
    sb_sql_quote_name (&sql, t->key);
    run (s, sql.s);
    if (s->trancount > 0 && !t->born)
        t->dropped = true;
    else
        forget (s, (size_t) (t - s->temps));
    return true;
}

/* ---- changing ---- */

bool
tds_temp_open (struct tds_session *s, const struct sb_sql_name *n, struct tds_table *ret)
{
    const struct tds_temp *t = find (s, SB_SQL_OBJECT (n));

    memset (ret, 0, sizeof *ret);
    if (t == NULL)
        return false;
    snprintf (ret->name, sizeof ret->name, "%s", t->key);
    ret->schema = json_incref (t->schema);
    ret->ncols = t->ncols;
    ret->cols = sb_xcalloc (t->ncols + 1, sizeof *ret->cols);
    ret->may_be_null = sb_xcalloc (t->ncols + 1, sizeof *ret->may_be_null);
    memcpy (ret->cols, t->cols, t->ncols * sizeof *ret->cols);
    memcpy (ret->may_be_null, t->may_be_null, t->ncols * sizeof *ret->may_be_null);
    return true;
}

/* INSERT, UPDATE or DELETE with a parameter for every column and for the rowid behind them. */
static char *
text_of (const struct tds_temp *t, char op)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    sb_buf_str (&b, op == 'i' ? "INSERT INTO " : op == 'u' ? "UPDATE " : "DELETE FROM ");
    sb_sql_quote_name (&b, t->key);
    for (size_t i = 0; i < t->ncols && op != 'd'; i++) {
        sb_buf_str (&b, i > 0 ? ", " : op == 'i' ? " VALUES (" : " SET ");
        if (op == 'u') {
            sb_sql_quote_name (&b, t->cols[i].name);
            sb_buf_str (&b, " = ");
        }
        sb_buf_printf (&b, "?%zu", i + 1);
    }
    if (op == 'i')
        sb_buf_char (&b, ')');
    else
        sb_buf_printf (&b, " WHERE rowid = ?%zu", t->ncols + 1);
    return sb_buf_take (&b);
}

static bool
change_row (struct tds_session *s, const struct sb_sql_run *r, const struct tds_temp *t, json_t *change)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf scratch = { 0 };
    const char *op = json_string_value (json_array_get (change, 1)),
               *key = json_string_value (json_array_get (change, 2));
    json_t *columns = json_array_get (change, 3);
    SB_AUTOFREE char *sql = text_of (t, op[0]);
    sqlite3_stmt *st = NULL;
    bool good;

    if (sqlite3_prepare_v2 (s->db, sql, -1, &st, NULL) != SQLITE_OK)
        return false;
    for (size_t i = 0; i < t->ncols && op[0] != 'd'; i++) {
        struct sb_sql_value v = tds_value_of_json (&t->cols[i].type, json_array_get (columns, i), &scratch);
        struct sb_sql_value copy = sb_sql_value_copy (&v); /* scratch is used again for the next one */
        sb_sql_bind (st, (int) i + 1, &copy);
        if (copy.tag == SB_SQL_TEXT || copy.tag == SB_SQL_BLOB) /* SQLite's own copy */
            copy.tag == SB_SQL_TEXT ? sqlite3_bind_text (st, (int) i + 1, copy.s, (int) copy.n, SQLITE_TRANSIENT)
                                    : sqlite3_bind_blob (st, (int) i + 1, copy.s, (int) copy.n, SQLITE_TRANSIENT);
        sb_sql_value_free (&copy);
    }
    if (op[0] != 'i')
        sqlite3_bind_int64 (st, (int) t->ncols + 1, key == NULL ? 0 : strtoll (key, NULL, 10));
    good = sqlite3_step (st) == SQLITE_DONE;
    if (!good) {
        SB_AUTOFREE char *constraint = sb_xprintf ("PK__%s", t->key);
        SB_AUTOFREE char *object = sb_xprintf ("dbo.%s", t->key);
        tds_say (s, r, 2627, constraint, object, "");
    }
    sqlite3_finalize (st);
    return good;
}

bool
tds_temp_change (struct tds_session *s, const struct sb_sql_run *r, json_t *changes)
{
    const char *name = json_string_value (json_array_get (json_array_get (changes, 0), 0));
    const struct tds_temp *t = find (s, name);
    json_t *change;
    size_t i;
    bool good = t != NULL;

    if (s->implicit_transactions && s->trancount == 0)
        tds_begin (s, r);
    tds_sqlite (s);
    run (s, "SAVEPOINT statement");
    json_array_foreach (changes, i, change) if (good) good = change_row (s, r, t, change);
    run (s, good ? "RELEASE statement" : "ROLLBACK TO statement; RELEASE statement");
    return good;
}
