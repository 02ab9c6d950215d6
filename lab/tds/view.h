/* Views: the catalogue and msdb of an instance, as tables made from the world.
 *
 * Knows: names, columns and types of every view in use (SQL sheet 1.2, 2.4, 3.6,
 * 4.4, 4.7, 5.1).  Promises: a view is filled anew from one snapshot whenever a
 * statement names it; unset columns are NULL.  Leaves to others: the querying. */
#ifndef SB_TDS_VIEW_H
#define SB_TDS_VIEW_H

#include "lab/tds/func.h"
#include "lab/tds/session.h"

struct tds_sink; /* where a view puts its rows */

/* Begins a row; the columns of it follow. */
void tds_row (struct tds_sink *k);
void tds_put_int (struct tds_sink *k, const char *column, int64_t i);
void tds_put_text (struct tds_sink *k, const char *column, const char *s);                   /* NULL: NULL */
void tds_put_guid (struct tds_sink *k, const char *column, const struct world *w, w_guid g); /* 0: NULL */
void tds_put_time (struct tds_sink *k, const char *column, int64_t unix_ms);                 /* 0: NULL */
void tds_put_lsn (struct tds_sink *k, const char *column, w_lsn lsn);                        /* 0: NULL */
void tds_put_bytes (struct tds_sink *k, const char *column, const void *p, size_t n);

struct tds_view {
    const char *db; /* "": in every database, as sys.* */
    const char *schema;
    const char *name;
    const char *columns; /* "name sysname not null, id int, ..." */
    void (*fill) (struct tds_session *s, struct world *w, struct tds_sink *k);
    unsigned args; /* a table function: so many first columns are arguments */
};

extern const struct tds_view tds_views_sys[], tds_views_exec[], tds_views_msdb[], tds_views_agent[], tds_views_backup[],
        tds_views_tables[];
/* Result sets of procedures; no statement can name them. */
extern const struct tds_view tds_result_monitor, tds_result_primary, tds_result_pairs, tds_result_secondary_primary,
        tds_result_secondary, tds_result_alert, tds_result_jobs, tds_result_activity;
const struct tds_view *tds_view_find (struct tds_session *s, const struct sb_sql_name *n);

/* "a int, b nvarchar(60)" as columns, in the arena. */
struct sb_sql_column *tds_columns_of (struct sb_arena *a, const char *text, size_t *ret_count);
/* A table in the session's SQLite, empty; fills *k for the functions above. */
const struct sb_sql_object *
tds_object_new (struct tds_session *s, struct sb_arena *a, const char *key, const struct sb_sql_column *cols, size_t n);
struct tds_sink *tds_sink_open (struct tds_session *s, const struct sb_sql_object *o);
void tds_sink_put (struct tds_sink *k, const char *column, const struct sb_sql_value *v);
void tds_sink_put_at (struct tds_sink *k, size_t column, const struct sb_sql_value *v);
void tds_sink_close (struct tds_sink *k);

/* Sends a filled view as the result set of a procedure: a view that nobody can name. */
bool tds_send_view (struct tds_session *s, const struct sb_sql_run *r, const struct tds_view *v, int64_t *ret_rows);
/* Application locks as rows of sys.dm_tran_locks (proc_lock.c). */
void tds_applock_rows (struct tds_session *s, struct tds_sink *k);
/* What one database looks like to its users: also used by functions. */
const char *tds_state_desc (unsigned state);
unsigned tds_visible_state (const struct world *w, const struct w_copy *c);
#define TDS_SECONDS(a, b) (((b) - (a)) / 1000)

#endif
