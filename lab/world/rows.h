/* Rows: one append-only file per family, DIR/rows/FAMILY.log, one JSON array a
 * line: [fork, lsn, table, op, key, columns].
 *
 *   op "i" insert, "u" update (all columns again), "d" delete (columns null)
 *   table "" holds the schema: op "i", key = table name in lower case, columns =
 *            {"name", "columns": [{"name","type","length","null"}...], "key": ["name"...]}; op "d": dropped; length -1: max
 *   a value is null, an integer (bit, int, bigint; datetime in Unix ms), a real, or a string (binary: base64)
 *   key: the key columns as text joined by "/"; a table without key has null here in a request and gets "#lsn"
 *
 * The world process alone writes; any process reads, incrementally.  A copy has
 * a record exactly when w_copy_has() says so; what a table contains is the fold
 * of the records that the copy has, by key, in order of the file. */
#ifndef SB_LAB_WORLD_ROWS_H
#define SB_LAB_WORLD_ROWS_H

#include "lab/world/world.h"

#include <jansson.h>

struct w_row {
    w_id fork;
    char op;
    w_lsn lsn;
    const char *table, *key; /* belong to the reader; live until it is freed */
    json_t *columns;         /* borrowed */
};

struct w_rows; /* a reader: remembers what it has read of each family */

struct w_rows *w_rows_open (const char *dir); /* DIR of the lab */
void w_rows_free (struct w_rows *r);
void w_rows_refresh (struct w_rows *r, w_id family); /* reads what was added; cheap when nothing was */

/* The live rows of a table in a copy, oldest first; *ret belongs to the caller (free), its contents to the reader.
 * Reads the family first. */
size_t w_rows_select (struct w_rows *r, const struct world *w, w_id copy, const char *table, struct w_row **ret);
/* One row by its key; false: the copy has none. */
bool
w_rows_get (struct w_rows *r, const struct world *w, w_id copy, const char *table, const char *key, struct w_row *ret);
/* The schema of a table in a copy (borrowed), NULL: no such table.  Table names ignore ASCII case. */
json_t *w_rows_schema (struct w_rows *r, const struct world *w, w_id copy, const char *table);

/* Only the world process: adds records at (fork, lsn), (fork, lsn + W_LSN_STEP), ...; `changes` is a JSON array of
 * [table, op, key, columns].  False: it could not be written. */
bool w_rows_write (const char *dir, w_id family, w_id fork, w_lsn lsn, json_t *changes);

/* The tables of the chat databases as `changes` for w_rows_write(); which: 1 mgc, 2 mgccomp.  New reference. */
json_t *w_rows_chat_tables (int which);

#endif
