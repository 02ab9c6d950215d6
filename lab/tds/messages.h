/* The message catalogue of the simulated server.
 *
 * Knows: number, severity, state and text of each message (SQL sheet 1.3, 2.10,
 * 3.2, 3.4, 4.5, 4.7, 5.2, 5.3 and the parser's own).  Promises: one row a number.
 * Leaves to others: when a message is due. */
#ifndef SB_TDS_MESSAGES_H
#define SB_TDS_MESSAGES_H

#include "core/base/buf.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct sb_sql_message {
    int number, severity, state;
    const char *text;
};

const struct sb_sql_message *sb_sql_message_find (int number); /* NULL: not in the catalogue */
const struct sb_sql_message *sb_sql_message_at (size_t index); /* NULL behind the last */

/* Fills the text: every kind of %s (%ls, %.*ls, %hs, %S_MSG) takes one const char *,
 * %d and %u an int, %I64d an int64_t. */
void sb_sql_message_format (const char *text, va_list *args, struct sb_buf *out);

#endif
