/* CREATE TABLE and DROP TABLE: a schema is a row of the table without a name (lab/world/rows.h). */
#include "lab/tds/do.h"
#include "lab/tds/store.h"
#include "lab/tds/temp.h"

#include "core/base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void
skip_bracket (struct sb_sql_cursor *c)
{
    int depth = 0;

    do {
        depth += sb_sql_at_op (c, "(") - sb_sql_at_op (c, ")");
        if (sb_sql_next (c)->kind == SB_TOK_END)
            break;
    } while (depth > 0);
}

/* (a, b) of a key; returns an array of names. */
static json_t *
parse_key (struct sb_sql_cursor *c)
{
    json_t *key = json_array ();

    if (!sb_sql_need_op (c, "("))
        return key;
    do {
        json_array_append_new (key, json_string (sb_sql_take_name (c)));
        if (!sb_sql_take_word (c, "asc"))
            sb_sql_take_word (c, "desc");
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
    sb_sql_need_op (c, ")");
    return key;
}

static bool
take_primary_key (struct sb_sql_cursor *c)
{
    if (!sb_sql_at_words (c, "primary", "key"))
        return false;
    c->at += 2;
    if (!sb_sql_take_word (c, "clustered"))
        sb_sql_take_word (c, "nonclustered");
    return true;
}

static void
parse_column (struct sb_sql_cursor *c, json_t *columns, json_t **key)
{
    const char *name = sb_sql_take_name (c);
    struct sb_sql_type type = { 0 };
    const char *type_name, *fallback = NULL;
    bool null = true;

    if (c->fail.number != 0 || !sb_sql_parse_type (c, &type))
        return;
    type_name = type.kind == SB_SQL_NUMERIC ? "numeric" : type.kind == SB_SQL_UUID ? "uniqueidentifier" : NULL;
    for (;;) {
        if (sb_sql_at_words (c, "not", "null")) {
            c->at += 2;
            null = false;
        } else if (sb_sql_take_word (c, "null"))
            null = true;
        else if (take_primary_key (c)) {
            null = false;
            json_decref (*key);
            *key = json_pack ("[s]", name);
        } else if (sb_sql_take_word (c, "default")) {
            fallback = sb_sql_parse_expr (c, NULL).sql;
        } else if (sb_sql_take_word (c, "constraint") || sb_sql_take_word (c, "collate"))
            sb_sql_take_name (c);
        else
            break;
    }
    {
        SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
        sb_sql_type_format (&type, &text);
        text.s[strcspn (text.s, "(")] = 0;
        json_array_append_new (columns, json_pack ("{s:s, s:s, s:i, s:i, s:b, s:s*}", "name", name, "type",
                                                   type_name == NULL ? text.s : type_name, "length",
                                                   type.kind == SB_SQL_NUMERIC                               ? type.prec
                                                   : sb_sql_is_text (&type) || type.kind == SB_SQL_VARBINARY ? type.len
                                                                                                             : 0,
                                                   "scale", type.scale, "null", (int) null, "default", fallback));
    }
}

/* Sends one change of the schema. */
static bool
change_schema (struct tds_session *s, const struct sb_sql_run *r, w_id copy, const char *name, const char *op,
               json_t *schema)
{
    SB_AUTOFREE char *low = sb_xstrdup (name);
    json_t *changes;
    bool good;

    for (char *p = low; *p != 0; p++)
        *p = (char) tolower ((unsigned char) *p);
    changes = json_pack ("[[s, s, s, o]]", "", op, low, schema == NULL ? json_null () : json_incref (schema));
    good = tds_table_change (s, r, changes, copy);
    json_decref (changes);
    return good;
}

/* The user database that a name means; 0 after a message. */
static w_id
database_of (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_name *n)
{
    const char *db = SB_SQL_DATABASE (n)[0] != 0 ? SB_SQL_DATABASE (n) : s->database;
    struct world *w = tds_world (s);
    w_id copy = w == NULL ? 0 : w_find_copy (w, s->instance, db);
    int why = copy == 0 ? 0 : w_copy_readable (w, copy, s->spid);

    if (copy == 0)
        tds_say (s, r, tds_system_database (db) ? 262 : 2702, tds_system_database (db) ? "CREATE TABLE" : db, db);
    if (why != 0)
        tds_say (s, r, why, db);
    return why != 0 ? 0 : copy;
}

enum sb_sql_end
do_create_table (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    json_t *columns = json_array (), *key = json_array (), *schema;
    struct sb_sql_name n;
    w_id copy;

    c->at += 2;
    if (sb_sql_parse_name (c, &n) && sb_sql_need_op (c, "(")) {
        do
            if (sb_sql_take_word (c, "constraint")) {
                sb_sql_take_name (c);
                if (take_primary_key (c)) {
                    json_decref (key);
                    key = parse_key (c);
                } else {
                    sb_sql_next (c);
                    skip_bracket (c);
                }
            } else if (take_primary_key (c)) {
                json_decref (key);
                key = parse_key (c);
            } else {
                parse_column (c, columns, &key);
            }
        while (sb_sql_take_op (c, ",") && c->fail.number == 0);
        sb_sql_need_op (c, ")");
        if (sb_sql_take_word (c, "on"))
            sb_sql_next (c);
    }
    schema = json_pack ("{s:s, s:o, s:o}", "name", c->fail.number == 0 ? SB_SQL_OBJECT (&n) : "", "columns", columns,
                        "key", key);
    if (s != NULL && c->fail.number == 0) {
        bool good = false;
        copy = tds_temp_name (&n) ? 0 : database_of (s, r, &n);
        if (tds_temp_name (&n))
            good = tds_temp_create (s, r, schema);
        else if (copy != 0 && tds_object_id (s, &n) != 0)
            tds_say_state (s, r, 2714, 6, SB_SQL_OBJECT (&n));
        else if (copy != 0)
            good = change_schema (s, r, copy, SB_SQL_OBJECT (&n), "i", schema);
        tds_done (s, r, good ? 0 : SB_TDS_ERROR, TDS_CMD_CREATE_TABLE, 0);
    }
    json_decref (schema);
    return SB_END_GO_ON;
}

/* One table; false: said. */
static bool
drop_table (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_name *n,
            bool if_exists)
{
    struct tds_table t;
    json_t *changes;
    const struct sb_sql_object *o;
    const char *key;
    bool good;
    w_id copy;

    if (tds_temp_name (n) && tds_temp_drop (s, n))
        return true;
    if (tds_temp_name (n) || tds_object_id (s, n) == 0) {
        if (!if_exists)
            tds_say_state (s, r, 3701, 5, "drop", "table", sb_sql_name_text (c, n));
        return if_exists;
    }
    copy = database_of (s, r, n);
    if (copy == 0 || !tds_table_open (c, s, n, &t))
        return false;
    changes = json_array ();
    o = tds_user_table (c, s, n);
    for (int64_t i = 1; o != NULL && (key = tds_object_key (o, i)) != NULL; i++)
        json_array_append_new (changes, json_pack ("[s, s, s, n]", t.name, "d", key));
    good = tds_table_change (s, r, changes, copy) && change_schema (s, r, copy, t.name, "d", NULL);
    json_decref (changes);
    tds_table_close (&t);
    return good;
}

enum sb_sql_end
do_drop_table (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    bool if_exists, good = true;

    c->at += 2;
    if_exists = sb_sql_at_words (c, "if", "exists");
    if (if_exists)
        c->at += 2;
    do {
        struct sb_sql_name n;
        if (!sb_sql_parse_name (c, &n))
            return SB_END_GO_ON;
        if (s != NULL)
            good = drop_table (c, s, r, &n, if_exists) && good;
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
    if (s != NULL && c->fail.number == 0)
        tds_done (s, r, good ? 0 : SB_TDS_ERROR, TDS_CMD_DROP_TABLE, 0);
    return SB_END_GO_ON;
}
