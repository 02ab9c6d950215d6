/* Requests other than plain batches, as bytes: RPC and the transaction manager (MS-TDS 2.2.6.6, 2.2.6.9).
 *
 * Knows: their layout and how a typed parameter lies in it.  Promises: reads
 * nothing outside the message; what it does not know makes the request invalid. */
#ifndef SB_TDS_RPC_H
#define SB_TDS_RPC_H

#include "lab/tds/value.h"

#include "core/base/mem.h"

#include <stdbool.h>

struct sb_tds_reader {
    const uint8_t *p;
    size_t n, at;
    bool bad; /* something was not there */
};

/* Skips ALL_HEADERS (TDS 7.2 and later). */
void sb_tds_skip_headers (struct sb_tds_reader *r);
uint64_t sb_tds_take_le (struct sb_tds_reader *r, int bytes);
/* `units` UTF-16 units as UTF-8 in the arena; "" when bad. */
char *sb_tds_take_text (struct sb_tds_reader *r, struct sb_arena *a, size_t units);

struct sb_tds_param {
    const char *name; /* with @, or "" */
    bool output, fallback;
    struct sb_sql_type type;
    struct sb_sql_value value; /* in the arena */
};
bool sb_tds_take_param (struct sb_tds_reader *r, struct sb_arena *a, struct sb_tds_param *ret);

#endif
