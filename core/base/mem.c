/* Checked allocation and arenas.  Knows the C library's allocator only;
 * promises that nothing here returns NULL (but sb_xstrdup (NULL)), and leaves
 * to the caller who owns what. */
#include "config.h"

#include "core/base/mem.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sb_arena_block {
    struct sb_arena_block *next;
    size_t size, used;
    alignas (max_align_t) unsigned char data[];
};

/* Sanitizers shall see each object's bounds: no sharing of blocks then. */
#ifdef SB_SANITIZED
#define BLOCK_SIZE 0
#else
#define BLOCK_SIZE 4000
#endif

static _Noreturn void
out_of_memory (void)
{
    static const char text[] = "switchback: out of memory\n";
    ssize_t ignored = write (STDERR_FILENO, text, sizeof text - 1);

    (void) ignored;
    _exit (70);
}

static size_t
product (size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow (count, size, &bytes))
        out_of_memory ();
    return bytes ? bytes : 1;
}

void *
sb_xcalloc (size_t count, size_t size)
{
    void *p = calloc (1, product (count, size));

    if (!p)
        out_of_memory ();
    return p;
}

void *
sb_xrealloc (void *old, size_t count, size_t size)
{
    void *p = realloc (old, product (count, size));

    if (!p)
        out_of_memory ();
    return p;
}

char *
sb_xstrdup (const char *s)
{
    return s ? sb_xstrndup (s, strlen (s)) : NULL;
}

char *
sb_xstrndup (const char *s, size_t n)
{
    char *p = strndup (s, n);

    if (!p)
        out_of_memory ();
    return p;
}

char *
sb_xprintf (const char *fmt, ...)
{
    va_list args;
    char *p;

    va_start (args, fmt);
    p = sb_xvprintf (fmt, args);
    va_end (args);
    return p;
}

char *
sb_xvprintf (const char *fmt, va_list args)
{
    char *p;

    if (vasprintf (&p, fmt, args) < 0)
        out_of_memory ();
    return p;
}

void
sb_wipe (void *p, size_t n)
{
    if (p)
        explicit_bzero (p, n);
}

static struct sb_arena_block *
new_block (struct sb_arena *a, size_t size)
{
    struct sb_arena_block *b;

    if (size > SIZE_MAX - sizeof *b)
        out_of_memory ();
    b = sb_xcalloc (1, sizeof *b + size);
    b->size = size;
    b->next = a->blocks;
    a->blocks = b;
    return b;
}

void *
sb_arena_alloc (struct sb_arena *a, size_t size)
{
    struct sb_arena_block *b = a->blocks;
    size_t need = size ? size : 1;
    void *p;

    if (need > SIZE_MAX - alignof (max_align_t))
        out_of_memory ();
    need = (need + alignof (max_align_t) - 1) / alignof (max_align_t) * alignof (max_align_t);
#ifdef SB_SANITIZED
    need = size ? size : 1;
#endif
    if (!b || b->size - b->used < need)
        b = new_block (a, need > BLOCK_SIZE ? need : BLOCK_SIZE);
    p = b->data + b->used;
    b->used += need;
    return p;
}

char *
sb_arena_strdup (struct sb_arena *a, const char *s)
{
    return s ? sb_arena_strndup (a, s, strlen (s)) : NULL;
}

char *
sb_arena_strndup (struct sb_arena *a, const char *s, size_t n)
{
    size_t len = strnlen (s, n);
    char *p = sb_arena_alloc (a, len + 1);

    memcpy (p, s, len);
    return p;
}

char *
sb_arena_memdup (struct sb_arena *a, const char *s, size_t n)
{
    char *p = sb_arena_alloc (a, n + 1);

    if (n > 0)
        memcpy (p, s, n);
    return p;
}

char *
sb_arena_printf (struct sb_arena *a, const char *fmt, ...)
{
    va_list args;
    char *p;

    va_start (args, fmt);
    p = sb_arena_vprintf (a, fmt, args);
    va_end (args);
    return p;
}

char *
sb_arena_vprintf (struct sb_arena *a, const char *fmt, va_list args)
{
    SB_AUTOFREE char *text = sb_xvprintf (fmt, args);

    return sb_arena_strdup (a, text);
}

void
sb_arena_release (struct sb_arena *a)
{
    while (a->blocks) {
        struct sb_arena_block *b = a->blocks;

        a->blocks = b->next;
        free (b);
    }
}

void *
sb_grow (void *old, size_t *cap, size_t need, size_t size)
{
    size_t room = *cap ? *cap : 8;

    if (need <= *cap)
        return old;
    while (room < need)
        if (__builtin_mul_overflow (room, 2, &room))
            out_of_memory ();
    *cap = room;
    return sb_xrealloc (old, room, size);
}

void
sb_freep (void *p)
{
    free (*(void **) p);
}
