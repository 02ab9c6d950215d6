/* The user tables of the database of the context, as far as catalogues tell of them. */
#include "lab/tds/store.h"
#include "lab/tds/view.h"

#include <stdlib.h>

struct listing {
    struct tds_sink *k;
    const char *db;
    char kind; /* 't' tables and objects, 'i' INFORMATION_SCHEMA, 'c' columns */
};

static void
list_table (void *ctx, const char *name, json_t *schema)
{
    struct listing *l = ctx;
    SB_AUTOFREE char *full = sb_xprintf ("%s.dbo.%s", l->db, name);
    json_t *col;
    size_t i;

    if (l->kind == 'c') {
        json_array_foreach (json_object_get (schema, "columns"), i, col)
        {
            tds_row (l->k);
            tds_put_int (l->k, "object_id", tds_name_hash (full));
            tds_put_text (l->k, "name", json_string_value (json_object_get (col, "name")));
            tds_put_int (l->k, "column_id", (int64_t) i + 1);
            tds_put_int (l->k, "is_nullable", json_is_true (json_object_get (col, "null")));
            tds_put_text (l->k, "TABLE_CATALOG", l->db);
            tds_put_text (l->k, "TABLE_SCHEMA", "dbo");
            tds_put_text (l->k, "TABLE_NAME", name);
            tds_put_text (l->k, "COLUMN_NAME", json_string_value (json_object_get (col, "name")));
            tds_put_int (l->k, "ORDINAL_POSITION", (int64_t) i + 1);
            tds_put_text (l->k, "IS_NULLABLE", json_is_true (json_object_get (col, "null")) ? "YES" : "NO");
            tds_put_text (l->k, "DATA_TYPE", json_string_value (json_object_get (col, "type")));
        }
        return;
    }
    tds_row (l->k);
    tds_put_text (l->k, "name", name);
    tds_put_int (l->k, "object_id", tds_name_hash (full));
    tds_put_int (l->k, "schema_id", 1);
    tds_put_int (l->k, "parent_object_id", 0);
    tds_put_text (l->k, "type", "U ");
    tds_put_text (l->k, "type_desc", "USER_TABLE");
    tds_put_int (l->k, "is_ms_shipped", 0);
    tds_put_text (l->k, "TABLE_CATALOG", l->db);
    tds_put_text (l->k, "TABLE_SCHEMA", "dbo");
    tds_put_text (l->k, "TABLE_NAME", name);
    tds_put_text (l->k, "TABLE_TYPE", "BASE TABLE");
}

static void
fill_tables (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    struct listing l = { .k = k, .db = s->database, .kind = 't' };

    (void) w;
    tds_each_table (s, s->copy, list_table, &l);
}

static void
fill_columns (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    struct listing l = { .k = k, .db = s->database, .kind = 'c' };

    (void) w;
    tds_each_table (s, s->copy, list_table, &l);
}

static void
note_name (void *ctx, const char *name, json_t *schema)
{
    (void) schema;
    json_array_append_new (ctx, json_string (name));
}

/* One partition a table, the clustered index, with the rows that are there now. */
static void
fill_partitions (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    json_t *names = json_array (), *name; /* counted after the listing: it holds the store */
    size_t i;

    (void) w;
    tds_each_table (s, s->copy, note_name, names);
    json_array_foreach (names, i, name)
    {
        SB_AUTOFREE char *full = sb_xprintf ("%s.dbo.%s", s->database, json_string_value (name));

        tds_row (k);
        tds_put_int (k, "partition_id", tds_name_hash (full));
        tds_put_int (k, "object_id", tds_name_hash (full));
        tds_put_int (k, "index_id", 1);
        tds_put_int (k, "partition_number", 1);
        tds_put_int (k, "rows", (int64_t) tds_count_rows (s, s->copy, json_string_value (name)));
    }
    json_decref (names);
}

static void
fill_schemas (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    (void) s;
    (void) w;
    tds_row (k);
    tds_put_text (k, "name", "dbo");
    tds_put_int (k, "schema_id", 1);
    tds_put_int (k, "principal_id", 1);
    tds_row (k);
    tds_put_text (k, "name", "sys");
    tds_put_int (k, "schema_id", 4);
    tds_put_int (k, "principal_id", 4);
}

#define OBJECT                                                                                    \
    "name sysname not null, object_id int not null, principal_id int, schema_id int not null, "   \
    "parent_object_id int not null, type char(2), type_desc nvarchar(60), create_date datetime, " \
    "modify_date datetime, is_ms_shipped bit not null"

const struct tds_view tds_views_tables[] = {
    { "", "sys", "tables", OBJECT, fill_tables, 0 },
    { "", "sys", "objects", OBJECT, fill_tables, 0 },
    { "", "sys", "columns", "object_id int not null, name sysname, column_id int not null, is_nullable bit",
      fill_columns, 0 },
    { "", "sys", "partitions",
      "partition_id bigint not null, object_id int not null, index_id int not null, partition_number int not null, "
      "rows bigint",
      fill_partitions, 0 },
    { "", "sys", "schemas", "name sysname not null, schema_id int not null, principal_id int", fill_schemas, 0 },
    { "", "INFORMATION_SCHEMA", "TABLES",
      "TABLE_CATALOG nvarchar(128), TABLE_SCHEMA nvarchar(128), TABLE_NAME sysname, TABLE_TYPE varchar(10)",
      fill_tables, 0 },
    { "", "INFORMATION_SCHEMA", "COLUMNS",
      "TABLE_CATALOG nvarchar(128), TABLE_SCHEMA nvarchar(128), TABLE_NAME sysname, COLUMN_NAME sysname, "
      "ORDINAL_POSITION int, IS_NULLABLE varchar(3), DATA_TYPE nvarchar(128)",
      fill_columns, 0 },
    { NULL, NULL, NULL, NULL, NULL, 0 },
};
