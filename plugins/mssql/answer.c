/* Reading answers; see answer.h.  Pure. */
#include "plugins/mssql/answer.h"

#include "core/base/text.h"
#include "plugins/mssql/messages.h"

#include <stdlib.h>

static size_t
column_of (const struct sb_rows *r, const char *column)
{
    for (size_t i = 0; i < r->ncolumns; i++)
        if (sb_casecmp (r->columns[i], column) == 0)
            return i;
    return r->ncolumns;
}

const char *
sb_rows_get (const struct sb_rows *r, size_t row, const char *column)
{
    size_t i = column_of (r, column);

    return row < r->count && i < r->ncolumns ? r->cells[row][i] : NULL;
}

int64_t
sb_rows_int (const struct sb_rows *r, size_t row, const char *column, int64_t otherwise)
{
    const char *text = sb_rows_get (r, row, column);
    int64_t number;

    return text != NULL && sb_parse_int (text, &number) ? number : otherwise;
}

bool
sb_rows_is_number (const struct sb_rows *r, const char *column)
{
    size_t i = column_of (r, column);

    return i < r->ncolumns && r->numbers[i];
}

const struct sb_msg *
sb_answer_cause (const struct sb_answer *a)
{
    const struct sb_msg *trailer = NULL;

    for (size_t i = 0; i < a->nmsgs; i++) {
        if (a->msgs[i].severity <= 10)
            continue;
        if (sb_msg_class (a->msgs[i].number) != SB_MSG_TRAILER)
            return &a->msgs[i];
        trailer = &a->msgs[i];
    }
    return trailer;
}

bool
sb_answer_has (const struct sb_answer *a, int number)
{
    for (size_t i = 0; i < a->nmsgs; i++)
        if (a->msgs[i].number == number)
            return true;
    return false;
}
