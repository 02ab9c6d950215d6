/* Files in memory: the descriptors of their sets and nothing else.  For tests
 * and exploration; paths are compared without regard to case. */
#include "lab/world/files.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "lab/world/intern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct entry {
    char path[W_PATH + W_NAME]; /* UNC as it is; a drive as INSTANCE|D:\x */
    struct w_set *sets;
    size_t nsets, cap;
};

struct memory {
    struct entry *list;
    size_t count, cap;
};

static void
full_name (char *ret, size_t size, const char *instance, const char *path)
{
    if (path[0] == '\\')
        w_put (ret, size, path);
    else
        snprintf (ret, size, "%s|%s", instance, path);
}

static struct entry *
find (struct memory *m, const char *instance, const char *path)
{
    char name[W_PATH + W_NAME];

    full_name (name, sizeof name, instance, path);
    for (size_t i = 0; i < m->count; i++)
        if (strcasecmp (m->list[i].path, name) == 0)
            return &m->list[i];
    return NULL;
}

static struct entry *
make (struct memory *m, const char *instance, const char *path)
{
    struct entry *e = find (m, instance, path);

    if (e != NULL)
        return e;
    e = &SB_PUSH (m->list, m->count, m->cap);
    memset (e, 0, sizeof *e);
    full_name (e->path, sizeof e->path, instance, path);
    return e;
}

static void
describe (const struct entry *e, struct w_file *f)
{
    memset (f, 0, sizeof *f);
    w_put (f->name, sizeof f->name, w_path_name (e->path));
    for (size_t i = 0; i < e->nsets; i++) {
        f->size += e->sets[i].size;
        f->modified_ms = e->sets[i].finish_ms;
    }
}

static int
memory_list (void *ctx, const char *instance, const char *folder, const struct w_wanted *wanted,
             bool (*each) (void *arg, const struct w_file *f), void *arg)
{
    struct memory *m = ctx;
    char name[W_PATH + W_NAME];
    struct w_file f;
    size_t n;

    full_name (name, sizeof name, instance, folder);
    n = strlen (name);
    while (n > 0 && name[n - 1] == '\\')
        n--;
    for (size_t i = 0; i < m->count; i++) {
        if (strncasecmp (m->list[i].path, name, n) != 0 || m->list[i].path[n] != '\\'
            || strchr (m->list[i].path + n + 1, '\\') != NULL || !w_wanted (wanted, m->list[i].path + n + 1))
            continue;
        describe (&m->list[i], &f);
        if (!each (arg, &f))
            break;
    }
    return W_FILE_OK;
}

static int
memory_stat (void *ctx, const char *instance, const char *path, struct w_file *ret)
{
    struct entry *e = find (ctx, instance, path);

    if (e == NULL)
        return W_FILE_MISSING;
    describe (e, ret);
    return W_FILE_OK;
}

static int
memory_read (void *ctx, const char *instance, const char *path, unsigned position, struct w_set *ret,
             enum w_set_class *ret_class, unsigned *ret_sets)
{
    struct entry *e = find (ctx, instance, path);

    if (e == NULL)
        return W_FILE_MISSING;
    *ret_sets = (unsigned) e->nsets;
    *ret_class = position == 0 || position > e->nsets ? W_SET_NO_POSITION : W_SET_GOOD;
    if (*ret_class == W_SET_GOOD)
        *ret = e->sets[position - 1];
    if (*ret_class == W_SET_GOOD && (ret->flags & W_SET_DAMAGED) != 0)
        *ret_class = W_SET_BROKEN;
    return W_FILE_OK;
}

static int
memory_write (void *ctx, const char *instance, const char *path, const struct w_set *set, bool append)
{
    struct entry *e = make (ctx, instance, path);

    if (!append)
        e->nsets = 0;
    SB_PUSH (e->sets, e->nsets, e->cap) = *set;
    return W_FILE_OK;
}

static int
memory_remove (void *ctx, const char *instance, const char *path)
{
    struct memory *m = ctx;
    struct entry *e = find (m, instance, path);

    if (e == NULL)
        return W_FILE_MISSING;
    free (e->sets);
    *e = m->list[--m->count];
    return W_FILE_OK;
}

static int
memory_copy (void *ctx, const char *instance, const char *from, const char *to)
{
    struct entry *e = find (ctx, instance, from), *target;
    struct w_set *sets;
    size_t n;

    if (e == NULL)
        return W_FILE_MISSING;
    n = e->nsets;
    sets = sb_xcalloc (n + 1, sizeof *sets);
    memcpy (sets, e->sets, n * sizeof *sets);
    target = make (ctx, instance, to);
    free (target->sets);
    target->sets = sets;
    target->nsets = n;
    target->cap = n + 1;
    return W_FILE_OK;
}

static int
memory_rename (void *ctx, const char *instance, const char *from, const char *to)
{
    int error = memory_copy (ctx, instance, from, to);

    return error != W_FILE_OK ? error : memory_remove (ctx, instance, from);
}

static int
memory_make_dir (void *ctx, const char *instance, const char *path)
{
    (void) ctx;
    (void) instance;
    (void) path;
    return W_FILE_OK;
}

static int64_t
memory_free_bytes (void *ctx, const char *instance, const char *path)
{
    (void) ctx;
    (void) instance;
    (void) path;
    return INT64_MAX;
}

void
w_files_memory (struct w_files *ret)
{
    *ret = (struct w_files){ .ctx = sb_xcalloc (1, sizeof (struct memory)),
                             .list = memory_list,
                             .stat = memory_stat,
                             .read = memory_read,
                             .write = memory_write,
                             .copy = memory_copy,
                             .rename = memory_rename,
                             .remove = memory_remove,
                             .make_dir = memory_make_dir,
                             .free_bytes = memory_free_bytes };
}

void
w_files_memory_free (struct w_files *files)
{
    struct memory *m = files->ctx;

    for (size_t i = 0; m != NULL && i < m->count; i++)
        free (m->list[i].sets);
    if (m != NULL)
        free (m->list);
    free (m);
    files->ctx = NULL;
}
