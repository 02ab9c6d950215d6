/* Comparing log sequence numbers; see lsn.h.  Pure. */
#include "plugins/mssql/lsn.h"

#include <string.h>

static const char *
significant (const char *text)
{
    while (*text == '0')
        text++;
    return text;
}

bool
sb_lsn_valid (const char *text)
{
    if (text == NULL || *text == '\0' || text[strspn (text, "0123456789")] != '\0')
        return false;
    return strlen (significant (text)) <= SB_LSN_DIGITS;
}

int
sb_lsn_cmp (const char *a, const char *b)
{
    bool good_a = sb_lsn_valid (a), good_b = sb_lsn_valid (b);
    size_t na, nb;

    if (!good_a || !good_b)
        return (int) good_a - (int) good_b;
    a = significant (a);
    b = significant (b);
    na = strlen (a);
    nb = strlen (b);
    if (na != nb)
        return na < nb ? -1 : 1;
    return strcmp (a, b);
}

bool
sb_lsn_same (const char *a, const char *b)
{
    return sb_lsn_valid (a) && sb_lsn_valid (b) && sb_lsn_cmp (a, b) == 0;
}
