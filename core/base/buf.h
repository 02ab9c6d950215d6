/* A growing string.  Always NUL-terminated once something was added. */
#ifndef SB_BASE_BUF_H
#define SB_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct sb_buf {
    char *s;    /* NULL while empty and unused; sb_buf_cstr() never is */
    size_t len; /* bytes without the NUL */
    size_t cap;
};

/* Room for `n` more bytes and the NUL: whoever fills it adds to `len` what he wrote, and ends it. */
char *sb_buf_room (struct sb_buf *b, size_t n);
void sb_buf_add (struct sb_buf *b, const void *data, size_t n);
void sb_buf_str (struct sb_buf *b, const char *s);
void sb_buf_char (struct sb_buf *b, char c);
void sb_buf_printf (struct sb_buf *b, const char *fmt, ...) __attribute__ ((format (printf, 2, 3)));
void sb_buf_vprintf (struct sb_buf *b, const char *fmt, va_list args) __attribute__ ((format (printf, 2, 0)));
void sb_buf_clear (struct sb_buf *b); /* keeps the memory */
void sb_buf_free (struct sb_buf *b);  /* also the cleanup function: SB_CLEANUP (sb_buf_free) */
char *sb_buf_take (struct sb_buf *b); /* the caller owns the string; b is empty; never NULL */
const char *sb_buf_cstr (const struct sb_buf *b);

#endif
