/* Names and lists of files; see store.h. */
#include "plugins/lib/store.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 255

bool
sb_name_is_sound (const char *name)
{
    size_t n = strnlen (name, NAME_BYTES + 1);

    if (n == 0 || n > NAME_BYTES || strcmp (name, ".") == 0 || strcmp (name, "..") == 0 || !sb_is_utf8 (name, n))
        return false;
    for (const unsigned char *p = (const unsigned char *) name; *p != '\0'; p++)
        if (*p < 0x20 || *p == 0x7f || *p == '/' || *p == '\\')
            return false;
    return true;
}

bool
sb_folder_is_sound (const char *folder)
{
    SB_AUTOFREE char *copy = sb_xstrdup (folder);
    char *part = copy, *slash;

    do {
        slash = strchr (part, '/');
        if (slash != NULL)
            *slash = '\0';
        if (*part == '.' || !sb_name_is_sound (part))
            return false;
        part = slash != NULL ? slash + 1 : NULL;
    } while (part != NULL);
    return true;
}

/* Does `part` stand at this place of the name, whatever the case of ASCII letters? */
static bool
stands_at (const char *at, const char *part, size_t n)
{
    SB_AUTOFREE char *a = sb_xstrndup (at, n), *b = sb_xstrndup (part, n);

    return sb_casecmp (a, b) == 0;
}

bool
sb_name_fits (const char *name, const struct sb_filter *f)
{
    size_t n, prefix = f->prefix != NULL ? strlen (f->prefix) : 0, suffix = f->suffix != NULL ? strlen (f->suffix) : 0;

    if (*name == '.' || !sb_name_is_sound (name))
        return false;
    n = strlen (name);
    if (n >= 4 && stands_at (name + n - 4, ".wrk", 4))
        return false;
    return n >= prefix + suffix && (prefix == 0 || stands_at (name, f->prefix, prefix))
           && (suffix == 0 || stands_at (name + n - suffix, f->suffix, suffix));
}

void
sb_entries_add (struct sb_entries *l, const char *name, int64_t size, int64_t mtime_ns)
{
    SB_PUSH (l->list, l->count, l->cap) = (struct sb_entry){ sb_xstrdup (name), size, mtime_ns };
}

static int
by_name (const void *a, const void *b)
{
    return strcmp (((const struct sb_entry *) a)->name, ((const struct sb_entry *) b)->name);
}

void
sb_entries_sort (struct sb_entries *l)
{
    if (l->count > 1)
        qsort (l->list, l->count, sizeof *l->list, by_name);
}

const struct sb_entry *
sb_entries_find (const struct sb_entries *l, const char *name)
{
    struct sb_entry key = { .name = (char *) (uintptr_t) name };

    return l->count == 0 ? NULL : bsearch (&key, l->list, l->count, sizeof key, by_name);
}

void
sb_entries_free (struct sb_entries *l)
{
    for (size_t i = 0; i < l->count; i++)
        free (l->list[i].name);
    free (l->list);
    memset (l, 0, sizeof *l);
}

void
sb_store_free (struct sb_store *s)
{
    if (s != NULL)
        s->ops->free (s);
}

void
sb_store_freep (struct sb_store **s)
{
    sb_store_free (*s);
}

const char *
sb_store_why (struct sb_store *s, int error)
{
    return s->ops->why (s, error);
}
