/* Quoting of identifiers and literals; see quote.h.  Pure. */
#include "plugins/mssql/quote.h"

#include "core/base/text.h"

#include <string.h>

/* UTF-16 units, as the server counts; -1: not fit to be sent. */
static long
units (const char *text)
{
    long n = 0;

    if (!sb_is_utf8 (text, strlen (text)))
        return -1;
    for (const unsigned char *p = (const unsigned char *) text; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f)
            return -1;
        n += (*p & 0xc0) != 0x80; /* first byte of a character */
        n += *p >= 0xf0;          /* outside the BMP: a pair */
    }
    return n;
}

static void
add_doubling (struct sb_buf *out, const char *text, char twice)
{
    for (; *text != '\0'; text++) {
        if (*text == twice)
            sb_buf_char (out, twice);
        sb_buf_char (out, *text);
    }
}

bool
sb_quote_ident (struct sb_buf *out, const char *name)
{
    long n = name != NULL ? units (name) : -1;

    if (n < 1 || n > SB_IDENT_MAX)
        return false;
    sb_buf_char (out, '[');
    add_doubling (out, name, ']');
    sb_buf_char (out, ']');
    return true;
}

bool
sb_quote_literal (struct sb_buf *out, const char *text)
{
    long n;

    if (text == NULL) {
        sb_buf_str (out, "NULL");
        return true;
    }
    n = units (text);
    if (n < 0 || n > SB_LITERAL_MAX)
        return false;
    sb_buf_str (out, "N'");
    add_doubling (out, text, '\'');
    sb_buf_char (out, '\'');
    return true;
}
