/* The machinery of the views: SQLite tables that live for one statement; see view.h. */
#include "lab/tds/view.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

struct tds_sink {
    struct tds_session *s;
    const struct sb_sql_object *object;
    sqlite3_stmt *insert;
    bool row;
};

/* One "name type [not null]" between commas. */
static void
one_column (struct sb_arena *a, const char *s, size_t n, struct sb_sql_column *ret)
{
    char *text = sb_arena_strndup (a, s, n), *type;

    text = sb_trim (text);
    type = strchr (text, ' ');
    if (type == NULL)
        type = text + strlen (text);
    else
        *type++ = 0;
    ret->name = text;
    if (strlen (type) > 9 && strcmp (type + strlen (type) - 9, " not null") == 0) {
        type[strlen (type) - 9] = 0;
        ret->type.not_null = true;
    }
    {
        bool not_null = ret->type.not_null;
        if (!sb_sql_type_parse (type, &ret->type))
            ret->type = SB_SQL_TYPE (SB_SQL_NVARCHAR, 128);
        ret->type.not_null = not_null;
    }
}

struct sb_sql_column *
tds_columns_of (struct sb_arena *a, const char *text, size_t *ret_count)
{
    struct sb_sql_column *cols;
    size_t n = 1, at = 0;

    for (const char *p = text; *p != 0; p++)
        n += *p == ',';
    cols = sb_arena_alloc (a, n * sizeof *cols);
    for (const char *p = text; *p != 0;) {
        size_t len = 0;
        int depth = 0;
        p += strspn (p, " ");
        if (*p == 0)
            break;
        while (p[len] != 0 && (p[len] != ',' || depth > 0)) {
            depth += (p[len] == '(') - (p[len] == ')');
            len++;
        }
        one_column (a, p, len, &cols[at++]);
        p += len + (p[len] == ',');
    }
    *ret_count = at;
    return cols;
}

const struct sb_sql_object *
tds_object_new (struct tds_session *s, struct sb_arena *a, const char *key, const struct sb_sql_column *cols, size_t n)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf sql = { 0 };
    struct sb_sql_object *o = sb_arena_alloc (a, sizeof *o);

    o->key = sb_arena_strdup (a, key);
    o->cols = cols;
    o->ncols = n;
    sb_buf_str (&sql, "DROP TABLE IF EXISTS ");
    sb_sql_quote_name (&sql, key);
    sb_buf_str (&sql, "; CREATE TABLE ");
    sb_sql_quote_name (&sql, key);
    for (size_t i = 0; i < n; i++) {
        sb_buf_str (&sql, i == 0 ? " (" : ", ");
        sb_sql_quote_name (&sql, cols[i].name);
        sb_buf_char (&sql, ' ');
        sb_sql_type_format (&cols[i].type, &sql);
        sb_buf_str (&sql, cols[i].type.not_null ? " NOT NULL COLLATE ci" : " COLLATE ci");
    }
    sb_buf_char (&sql, ')');
    if (sqlite3_exec (tds_sqlite (s), sql.s, NULL, NULL, NULL) != SQLITE_OK)
        return NULL;
    return o;
}

struct tds_sink *
tds_sink_open (struct tds_session *s, const struct sb_sql_object *o)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf sql = { 0 };
    struct tds_sink *k = sb_xcalloc (1, sizeof *k);

    k->s = s;
    k->object = o;
    sb_buf_str (&sql, "INSERT OR IGNORE INTO ");
    sb_sql_quote_name (&sql, o->key);
    sb_buf_str (&sql, " VALUES (?");
    for (size_t i = 1; i < o->ncols; i++)
        sb_buf_str (&sql, ", ?");
    sb_buf_char (&sql, ')');
    sqlite3_exec (s->db, "SAVEPOINT sink", NULL, NULL, NULL);
    if (sqlite3_prepare_v2 (s->db, sql.s, -1, &k->insert, NULL) != SQLITE_OK)
        k->insert = NULL;
    return k;
}

static void
end_row (struct tds_sink *k)
{
    if (k->row && k->insert != NULL) {
        sqlite3_step (k->insert);
        sqlite3_reset (k->insert);
        sqlite3_clear_bindings (k->insert);
    }
    k->row = false;
}

void
tds_sink_close (struct tds_sink *k)
{
    end_row (k);
    sqlite3_finalize (k->insert);
    sqlite3_exec (k->s->db, "RELEASE sink", NULL, NULL, NULL);
    free (k);
}

void
tds_row (struct tds_sink *k)
{
    end_row (k);
    k->row = true;
}

void
tds_sink_put (struct tds_sink *k, const char *column, const struct sb_sql_value *v)
{
    for (size_t i = 0; k->insert != NULL && i < k->object->ncols; i++)
        if (strcmp (k->object->cols[i].name, column) == 0) {
            sb_sql_bind (k->insert, (int) i + 1, v);
            return;
        }
}

void
tds_sink_put_at (struct tds_sink *k, size_t column, const struct sb_sql_value *v)
{
    if (k->insert != NULL && column < k->object->ncols)
        sb_sql_bind (k->insert, (int) column + 1, v);
}

void
tds_put_int (struct tds_sink *k, const char *column, int64_t i)
{
    struct sb_sql_value v = sb_sql_int (i);

    tds_sink_put (k, column, &v);
}

void
tds_put_text (struct tds_sink *k, const char *column, const char *s)
{
    struct sb_sql_value v = sb_sql_text (s);

    tds_sink_put (k, column, &v);
}

void
tds_put_guid (struct tds_sink *k, const char *column, const struct world *w, w_guid g)
{
    char text[W_GUID_TEXT];

    if (g == 0)
        return;
    w_guid_text (w, g, text);
    tds_put_text (k, column, text);
}

void
tds_put_time (struct tds_sink *k, const char *column, int64_t unix_ms)
{
    char text[24];

    if (unix_ms == 0)
        return;
    sb_sql_date_from_unix (unix_ms, text);
    tds_put_text (k, column, text);
}

void
tds_put_lsn (struct tds_sink *k, const char *column, w_lsn lsn)
{
    if (lsn != 0)
        tds_put_int (k, column, lsn);
}

void
tds_put_bytes (struct tds_sink *k, const char *column, const void *p, size_t n)
{
    struct sb_sql_value v = { .tag = SB_SQL_BLOB, .s = p, .n = n };

    tds_sink_put (k, column, &v);
}

static const struct tds_view *
find_in (const struct tds_view *list, const char *db, const char *schema, const char *name)
{
    for (const struct tds_view *v = list; v->name != NULL; v++) {
        bool in_db = v->db[0] == 0 || sb_casecmp (v->db, db) == 0;
        bool in_schema = sb_casecmp (v->schema, schema) == 0 || (schema[0] == 0 && strcmp (v->schema, "dbo") == 0);
        if (in_db && in_schema && sb_casecmp (v->name, name) == 0)
            return v;
    }
    return NULL;
}

const struct tds_view *
tds_view_find (struct tds_session *s, const struct sb_sql_name *n)
{
    static const struct tds_view *const lists[] = { tds_views_sys,   tds_views_exec,   tds_views_msdb,
                                                    tds_views_agent, tds_views_backup, tds_views_tables };
    const char *db = SB_SQL_DATABASE (n)[0] != 0 ? SB_SQL_DATABASE (n) : s->database;
    const struct tds_view *v = NULL;

    for (size_t i = 0; i < sizeof lists / sizeof *lists && v == NULL; i++)
        v = find_in (lists[i], db, SB_SQL_SCHEMA (n), SB_SQL_OBJECT (n));
    return v;
}

bool
tds_send_view (struct tds_session *s, const struct sb_sql_run *r, const struct tds_view *v, int64_t *ret_rows)
{
    struct sb_sql_query q = { 0 };
    struct sb_sql_column *cols;
    const struct sb_sql_object *o;
    struct tds_sink *k;
    struct world *w = tds_world (s);

    if (w == NULL)
        return false;
    cols = tds_columns_of (r->c->arena, v->columns, &q.ncols);
    o = tds_object_new (s, r->c->arena, v->name, cols, q.ncols);
    if (o == NULL)
        return false;
    k = tds_sink_open (s, o);
    v->fill (s, w, k);
    tds_sink_close (k);
    q.types = sb_arena_alloc (r->c->arena, q.ncols * sizeof *q.types);
    for (size_t i = 0; i < q.ncols; i++)
        q.types[i] = cols[i].type;
    q.sql = sb_arena_printf (r->c->arena, "SELECT * FROM \"%s\"", v->name);
    return tds_select (s, r, &q, ret_rows);
}
