/* Growing strings. */
#include "core/base/buf.h"

#include "core/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
sb_buf_room (struct sb_buf *b, size_t n)
{
    b->s = sb_grow (b->s, &b->cap, b->len + n + 1, 1);
    return b->s + b->len;
}

void
sb_buf_add (struct sb_buf *b, const void *data, size_t n)
{
    char *end = sb_buf_room (b, n);

    if (n)
        memcpy (end, data, n);
    end[n] = '\0';
    b->len += n;
}

void
sb_buf_str (struct sb_buf *b, const char *s)
{
    if (s)
        sb_buf_add (b, s, strlen (s));
}

void
sb_buf_char (struct sb_buf *b, char c)
{
    sb_buf_add (b, &c, 1);
}

void
sb_buf_printf (struct sb_buf *b, const char *fmt, ...)
{
    va_list args;

    va_start (args, fmt);
    sb_buf_vprintf (b, fmt, args);
    va_end (args);
}

void
sb_buf_vprintf (struct sb_buf *b, const char *fmt, va_list args)
{
    SB_AUTOFREE char *text = sb_xvprintf (fmt, args);

    sb_buf_str (b, text);
}

void
sb_buf_clear (struct sb_buf *b)
{
    b->len = 0;
    if (b->s)
        b->s[0] = '\0';
}

void
sb_buf_free (struct sb_buf *b)
{
    free (b->s);
    *b = (struct sb_buf){ 0 };
}

char *
sb_buf_take (struct sb_buf *b)
{
    char *s = b->s ? b->s : sb_xstrdup ("");

    *b = (struct sb_buf){ 0 };
    return s;
}

const char *
sb_buf_cstr (const struct sb_buf *b)
{
    return b->s ? b->s : "";
}
