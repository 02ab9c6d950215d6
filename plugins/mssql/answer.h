/* What came back for one batch: how it ended, every message, and the rows of
 * its first result set, as text.  Everything lives in the arena it was read into. */
#ifndef SB_MSSQL_ANSWER_H
#define SB_MSSQL_ANSWER_H

#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sb_end {
    SB_END_OK = 0,
    SB_END_ERROR,   /* the server reported an error (severity above 10) */
    SB_END_LOST,    /* the connection is gone; nobody knows what became of the statement */
    SB_END_TIMEOUT, /* cancelled by us: no time left */
    SB_END_STOPPED  /* cancelled by us: asked to stop */
};

struct sb_msg {
    int number, state, severity, line;
    const char *text, *server;
};

struct sb_rows {
    const char **columns;
    bool *numbers; /* the column is an integer or numeric one */
    size_t ncolumns;
    const char ***cells; /* cells[row][column]; NULL is NULL */
    size_t count, cap;
};

struct sb_answer {
    enum sb_end end;
    struct sb_msg *msgs;
    size_t nmsgs, msgs_cap;
    int worst; /* highest severity: judges the batch */
    struct sb_rows rows;
    const char *broken; /* what the client library said when the connection broke, or NULL */
};

/* By column name, case-insensitively; NULL: NULL, no such row, or no such column. */
const char *sb_rows_get (const struct sb_rows *r, size_t row, const char *column);
int64_t sb_rows_int (const struct sb_rows *r, size_t row, const char *column, int64_t otherwise);
bool sb_rows_is_number (const struct sb_rows *r, const char *column);

/* The first error that is a cause, not a trailer (3013, 5069); NULL: no error. */
const struct sb_msg *sb_answer_cause (const struct sb_answer *a);
bool sb_answer_has (const struct sb_answer *a, int number);

#endif
