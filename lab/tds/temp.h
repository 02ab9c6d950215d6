/* Temporary tables of a session: #name, kept in the session's SQLite.
 *
 * Knows: their columns, their rows, what a transaction did to them.  Promises: they
 * live until they are dropped or the session ends; ROLLBACK takes back rows and
 * tables.  Leaves to others: reading rows, which is SQLite's as for every table. */
#ifndef SB_TDS_TEMP_H
#define SB_TDS_TEMP_H

#include "lab/tds/session.h"

struct tds_temp {
    char *key; /* in SQLite: the name in lower case */
    struct sb_sql_column *cols;
    bool *may_be_null;
    size_t ncols;
    json_t *schema;
    bool born, dropped; /* in the open transaction */
};

/* Does the name mean a temporary table? */
bool tds_temp_name (const struct sb_sql_name *n);
const struct tds_temp *tds_temp_find (const struct tds_session *s, const struct sb_sql_name *n); /* NULL: none */
/* `schema` as do_table.c makes it; false: said. */
bool tds_temp_create (struct tds_session *s, const struct sb_sql_run *r, json_t *schema);
/* SELECT ... INTO #name; false: said. */
bool tds_temp_into (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_query *q, int64_t *ret_rows);
bool tds_temp_drop (struct tds_session *s, const struct sb_sql_name *n); /* false: there is none */
/* As tds_table_open(); false: there is none, and nothing was said. */
bool tds_temp_open (struct tds_session *s, const struct sb_sql_name *n, struct tds_table *ret);
/* Changes of one statement, all or none; keys are rowids.  False: said. */
bool tds_temp_change (struct tds_session *s, const struct sb_sql_run *r, json_t *changes);

void tds_temp_begin (struct tds_session *s);          /* a transaction begins; also when SQLite is opened in one */
void tds_temp_end (struct tds_session *s, bool keep); /* it ends */
void tds_temps_release (struct tds_session *s);

#endif
