/* Memory: checked allocation, regions freed as a whole, cleanup by attribute.
 *
 * Out of memory ends the program (exit 70): the journal makes that safe, and
 * no caller has to invent a half-reaction.  Objects that live as long as one
 * file, one plan or one call are allocated in an arena and freed together. */
#ifndef SB_BASE_MEM_H
#define SB_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

void *sb_xcalloc (size_t count, size_t size);             /* zeroed; never NULL; owner frees */
void *sb_xrealloc (void *old, size_t count, size_t size); /* new part not zeroed */
char *sb_xstrdup (const char *s);                         /* NULL stays NULL */
char *sb_xstrndup (const char *s, size_t n);
char *sb_xprintf (const char *fmt, ...) __attribute__ ((format (printf, 1, 2)));
char *sb_xvprintf (const char *fmt, va_list args) __attribute__ ((format (printf, 1, 0)));
void sb_wipe (void *p, size_t n); /* explicit_bzero, NULL is fine */

/* A region: everything allocated in it is freed by sb_arena_release(). */
struct sb_arena {
    struct sb_arena_block *blocks;
};

void *sb_arena_alloc (struct sb_arena *a, size_t size); /* zeroed, aligned for any type */
char *sb_arena_strdup (struct sb_arena *a, const char *s);
char *sb_arena_strndup (struct sb_arena *a, const char *s, size_t n);
char *sb_arena_memdup (struct sb_arena *a, const char *s, size_t n); /* all n bytes, NULs too, and a NUL behind them */
char *sb_arena_printf (struct sb_arena *a, const char *fmt, ...) __attribute__ ((format (printf, 2, 3)));
char *sb_arena_vprintf (struct sb_arena *a, const char *fmt, va_list args) __attribute__ ((format (printf, 2, 0)));
void sb_arena_release (struct sb_arena *a); /* empty again, ready for use */

/* Growing arrays: make room for `need` elements, doubling. */
void *sb_grow (void *old, size_t *cap, size_t need, size_t size);
#define SB_PUSH(array, count, cap) \
    (*((array) = sb_grow ((array), &(cap), (count) + 1, sizeof *(array)), &(array)[(count)++]))

void sb_freep (void *p); /* frees *(void **) p */
#define SB_CLEANUP(f) __attribute__ ((cleanup (f)))
#define SB_AUTOFREE   SB_CLEANUP (sb_freep)

#endif
