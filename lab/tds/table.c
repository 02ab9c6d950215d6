/* Tables of user databases: rows of the world as SQLite sees them, and back; see session.h.
 *
 * A value in the store is null, an integer (date-times as Unix milliseconds), a
 * real or a text (bytes as base64); lab/world/rows.h is the agreement. */
#include "lab/tds/store.h"
#include "lab/tds/temp.h"
#include "lab/tds/view.h"

#include "core/base/map.h"
#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct extra {      /* behind sb_sql_object.extra; first of all: whose it is */
    bool temporary; /* then nothing of the rest: its rows are named by SQLite's rowid */
    char row[24];
    struct tds_table table; /* borrows nothing; closed with the arena's statement */
    const char **keys;
    size_t nkeys;
};

static bool
is_date (const struct sb_sql_type *t)
{
    return t->kind == SB_SQL_DATETIME || t->kind == SB_SQL_DATETIME2 || t->kind == SB_SQL_DATE;
}

json_t *
tds_json_of (const struct sb_sql_type *type, const struct sb_sql_value *v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    int64_t days, ms;

    switch (v->tag) {
    case SB_SQL_INTEGER:
        return json_integer (v->i);
    case SB_SQL_REAL:
        return json_real (v->r);
    case SB_SQL_TEXT:
        if (is_date (type) && sb_sql_date_parse (v->s, v->n, &days, &ms))
            return json_integer ((days - 25567) * 86400000 + ms);
        return json_stringn (v->s, v->n);
    case SB_SQL_BLOB:
        sb_base64_encode (v->s, v->n, &b);
        return json_string (sb_buf_cstr (&b));
    case SB_SQL_NULL:
        break;
    }
    return json_null ();
}

struct sb_sql_value
tds_value_of_json (const struct sb_sql_type *type, json_t *j, struct sb_buf *scratch)
{
    char text[24];

    sb_buf_clear (scratch);
    if (json_is_integer (j) && is_date (type)) {
        sb_sql_date_from_unix (json_integer_value (j), text);
        sb_buf_str (scratch, text);
        return (struct sb_sql_value){ .tag = SB_SQL_TEXT,
                                      .s = scratch->s,
                                      .n = type->kind == SB_SQL_DATE ? 10 : scratch->len };
    }
    if (json_is_integer (j))
        return sb_sql_int (json_integer_value (j));
    if (json_is_boolean (j))
        return sb_sql_int (json_is_true (j));
    if (json_is_real (j))
        return (struct sb_sql_value){ .tag = SB_SQL_REAL, .r = json_real_value (j) };
    if (json_is_string (j) && type->kind == SB_SQL_VARBINARY) {
        sb_base64_decode (json_string_value (j), json_string_length (j), scratch);
        return (struct sb_sql_value){ .tag = SB_SQL_BLOB, .s = sb_buf_cstr (scratch), .n = scratch->len };
    }
    if (json_is_string (j))
        return (struct sb_sql_value){ .tag = SB_SQL_TEXT, .s = json_string_value (j), .n = json_string_length (j) };
    return sb_sql_null ();
}

static bool
read_schema (struct tds_table *t, json_t *schema)
{
    json_t *columns = json_object_get (schema, "columns"), *key = json_object_get (schema, "key"), *x;
    const char *name = json_string_value (json_object_get (schema, "name"));
    size_t i;

    t->schema = json_deep_copy (schema);
    if (name != NULL)
        snprintf (t->name, sizeof t->name, "%s", name);
    t->ncols = json_array_size (columns);
    t->cols = sb_xcalloc (t->ncols + 1, sizeof *t->cols);
    t->may_be_null = sb_xcalloc (t->ncols + 1, sizeof *t->may_be_null);
    columns = json_object_get (t->schema, "columns");
    json_array_foreach (columns, i, x)
    {
        const char *type = json_string_value (json_object_get (x, "type"));
        int numbers[2] = { (int) json_integer_value (json_object_get (x, "length")),
                           (int) json_integer_value (json_object_get (x, "scale")) };
        t->cols[i].name = json_string_value (json_object_get (x, "name"));
        if (t->cols[i].name == NULL || type == NULL)
            return false;
        if (!sb_sql_type_named (type, strlen (type), numbers, numbers[0] != 0 ? 2 : 0, &t->cols[i].type))
            t->cols[i].type = SB_SQL_TYPE (SB_SQL_NVARCHAR, SB_SQL_MAX);
        t->may_be_null[i] = json_is_true (json_object_get (x, "null"));
        t->cols[i].type.not_null = !t->may_be_null[i];
    }
    json_array_foreach (key, i, x) for (size_t k = 0; k < t->ncols && t->nkey < 16;
                                        k++) if (sb_casecmp (t->cols[k].name,
                                                             json_string_value (x) == NULL ? "" : json_string_value (x))
                                                 == 0) t->key[t->nkey++] = k;
    return true;
}

bool
tds_table_open (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_name *n, struct tds_table *ret)
{
    const char *db = SB_SQL_DATABASE (n)[0] != 0 ? SB_SQL_DATABASE (n) : s->database, *schema = SB_SQL_SCHEMA (n);
    struct world *w = tds_world (s);
    w_id copy = w == NULL ? 0 : w_find_copy (w, s->instance, db);
    json_t *j;
    int why;

    memset (ret, 0, sizeof *ret);
    if (tds_temp_name (n) && tds_temp_open (s, n, ret))
        return true;
    if (copy == 0 || (schema[0] != 0 && sb_casecmp (schema, "dbo") != 0)) {
        sb_sql_fail (c, 208, sb_sql_name_text (c, n));
        return false;
    }
    why = w_copy_readable (w, copy, s->spid);
    if (why != 0) {
        sb_sql_fail (c, why, w_str (w, w_copy (w, copy)->name));
        return false;
    }
    ret->copy = copy;
    snprintf (ret->name, sizeof ret->name, "%.131s", SB_SQL_OBJECT (n));
    j = w_rows_schema (tds_rows_hold (s), w, copy, SB_SQL_OBJECT (n));
    if (j != NULL && !read_schema (ret, j))
        j = NULL;
    tds_rows_release (s);
    if (j != NULL)
        return true;
    tds_table_close (ret);
    sb_sql_fail (c, 208, sb_sql_name_text (c, n));
    return false;
}

void
tds_table_close (struct tds_table *t)
{
    json_decref (t->schema);
    free (t->cols);
    free (t->may_be_null);
    memset (t, 0, sizeof *t);
}

char *
tds_table_key (const struct tds_table *t, const struct sb_sql_value *row)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    if (t->nkey == 0)
        return NULL;
    for (size_t i = 0; i < t->nkey; i++) {
        json_t *j = tds_json_of (&t->cols[t->key[i]].type, &row[t->key[i]]);
        if (i > 0)
            sb_buf_char (&b, '/');
        if (json_is_string (j))
            sb_buf_str (&b, json_string_value (j));
        else if (json_is_integer (j))
            sb_buf_printf (&b, "%lld", (long long) json_integer_value (j));
        else if (json_is_real (j))
            sb_buf_printf (&b, "%.17g", json_real_value (j));
        json_decref (j);
    }
    return sb_buf_take (&b);
}

/* ---- reading ---- */

/* What the open transaction did to the table, over what the world has: key -> columns; NULL: deleted. */
static void
overlay (struct tds_session *s, const struct tds_table *t, struct sb_map *live)
{
    unsigned fresh = 0;

    for (size_t i = 0; i < s->npending; i++) {
        json_t *change;
        size_t k;
        if (s->pending[i].copy != t->copy)
            continue;
        json_array_foreach (s->pending[i].changes, k, change)
        {
            const char *key = json_string_value (json_array_get (change, 2));
            char own[24];
            if (sb_casecmp (json_string_value (json_array_get (change, 0)), t->name) != 0)
                continue;
            if (key == NULL) {
                snprintf (own, sizeof own, "\x01%u", fresh++);
                key = own;
            }
            sb_map_set (live, key, json_is_array (json_array_get (change, 3)) ? json_array_get (change, 3) : NULL);
        }
    }
}

static void
put_rows (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_object *o, struct extra *x,
          struct sb_map *live)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf scratch = { 0 };
    struct tds_sink *k = tds_sink_open (s, o);

    x->keys = sb_arena_alloc (c->arena, (live->count + 1) * sizeof *x->keys);
    for (size_t i = 0; i < live->count; i++) {
        json_t *columns = live->entries[i].value;
        if (columns == NULL)
            continue;
        tds_row (k);
        for (size_t col = 0; col < o->ncols; col++) {
            struct sb_sql_value v = tds_value_of_json (&o->cols[col].type, json_array_get (columns, col), &scratch);
            tds_sink_put_at (k, col, &v);
        }
        x->keys[x->nkeys++] = sb_arena_strdup (c->arena, live->entries[i].key);
    }
    tds_sink_close (k);
}

static void
fill (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_object *o, struct extra *x)
{
    struct sb_map live = { 0 };
    struct world *w = tds_world (s);
    struct w_rows *r;
    struct w_row *list = NULL;
    size_t n;

    if (w == NULL)
        return;
    r = tds_rows_hold (s);
    n = w_rows_select (r, w, x->table.copy, x->table.name, &list);
    for (size_t i = 0; i < n; i++)
        sb_map_set (&live, list[i].key, list[i].columns);
    if (s->npending > 0)
        overlay (s, &x->table, &live);
    put_rows (c, s, o, x, &live);
    tds_rows_release (s);
    free (list);
    sb_map_free (&live);
}

static const struct sb_sql_object *
tds_temp_object (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_name *n)
{
    const struct tds_temp *t = tds_temp_find (s, n);
    struct sb_sql_object *o = sb_arena_alloc (c->arena, sizeof *o);
    struct extra *x = sb_arena_alloc (c->arena, sizeof *x);

    x->temporary = true;
    o->key = sb_arena_strdup (c->arena, t->key);
    o->cols = t->cols;
    o->ncols = t->ncols;
    o->extra = x;
    return o;
}

const struct sb_sql_object *
tds_user_table (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_name *n)
{
    struct extra *x = sb_arena_alloc (c->arena, sizeof *x);
    struct sb_sql_column *cols;
    struct sb_sql_object *o;
    SB_AUTOFREE char *key = NULL;

    if (tds_temp_name (n) && tds_temp_find (s, n) != NULL)
        return tds_temp_object (c, s, n);
    if (!tds_table_open (c, s, n, &x->table))
        return NULL;
    cols = sb_arena_alloc (c->arena, (x->table.ncols + 1) * sizeof *cols);
    for (size_t i = 0; i < x->table.ncols; i++) {
        cols[i] = x->table.cols[i];
        cols[i].name = sb_arena_strdup (c->arena, cols[i].name);
        cols[i].type.not_null = false; /* the store is not held to it */
    }
    key = sb_xprintf ("%u.%s", x->table.copy, x->table.name);
    o = (struct sb_sql_object *) (uintptr_t) tds_object_new (s, c->arena, key, cols, x->table.ncols);
    if (o == NULL) {
        tds_table_close (&x->table);
        sb_sql_fail (c, 208, sb_sql_name_text (c, n));
        return NULL;
    }
    fill (c, s, o, x);
    o->extra = x;
    tds_table_close (&x->table);
    return o;
}

const char *
tds_object_key (const struct sb_sql_object *o, int64_t rowid)
{
    struct extra *x = o->extra;

    if (x != NULL && x->temporary) {
        snprintf (x->row, sizeof x->row, "%lld", (long long) rowid);
        return x->row;
    }
    return x == NULL || rowid < 1 || (size_t) rowid > x->nkeys ? NULL : x->keys[rowid - 1];
}

/* ---- writing ---- */

static json_t *
pending_of (struct tds_session *s, w_id copy)
{
    struct tds_change *p;

    for (size_t i = 0; i < s->npending; i++)
        if (s->pending[i].copy == copy)
            return s->pending[i].changes;
    p = &SB_PUSH (s->pending, s->npending, s->pending_cap);
    p->copy = copy;
    p->changes = json_array ();
    return p->changes;
}

/* In a transaction the world is asked only whether it would take the change now. */
static bool
keep (struct tds_session *s, const struct sb_sql_run *r, json_t *changes, w_id copy)
{
    struct world *w = tds_world (s);
    int why = w == NULL ? 0 : w_copy_writable (w, copy, s->spid);

    if (w == NULL)
        return false;
    if (why != 0) {
        tds_say (s, r, why, w_str (w, w_copy (w, copy)->name));
        return false;
    }
    if (json_array_size (pending_of (s, copy)) + json_array_size (changes) > 100000) {
        tds_say (s, r, 9002, w_str (w, w_copy (w, copy)->name), "ACTIVE_TRANSACTION");
        return false;
    }
    json_array_extend (pending_of (s, copy), changes);
    return true;
}

bool
tds_table_change (struct tds_session *s, const struct sb_sql_run *r, json_t *changes, w_id copy)
{
    struct w_out out;

    if (json_array_size (changes) == 0)
        return true;
    if (json_string_value (json_array_get (json_array_get (changes, 0), 0))[0] == '#')
        return tds_temp_change (s, r, changes);
    if (s->implicit_transactions && s->trancount == 0)
        tds_begin (s, r);
    if (s->trancount > 0)
        return keep (s, r, changes, copy);
    w_out_init (&out);
    w_client_rows (s->world, copy, s->spid, changes, &out);
    if (out.status == W_UNREACHABLE)
        s->wire.dead = true;
    return tds_say_out (s, r, &out);
}
