/* The names in folders on disk; see folder.h.  A folder is known by its path and by what lies there (device and inode),
 * so that one put in another's place, or in its parent's, is read again.  Events are taken in before each answer: the
 * kernel has queued them before whoever caused them went on. */
#include "lab/world/folder.h"

#include "core/base/map.h"
#include "core/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define CAME     (IN_CREATE | IN_MOVED_TO)
#define WENT     (IN_DELETE | IN_MOVED_FROM)
#define IS_OTHER (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)

struct folder {
    dev_t dev;
    ino_t ino;
    int watch;  /* -1: not watched */
    bool known; /* the names are those that lie there */
    struct w_names names;
};

struct w_folders {
    int fd;                /* inotify; -1: there is none, all folders are read each time */
    struct sb_map by_path; /* struct folder */
    struct folder **list;  /* the same, to be found by their watch */
    size_t count, cap;
};

/* ------------------------------------------------------------------ names */

int
w_names_compare (const char *a, const char *b)
{
    int d = strcasecmp (a, b);

    return d != 0 ? d : strcmp (a, b);
}

static int
compare (const void *a, const void *b)
{
    return w_names_compare (*(char *const *) a, *(char *const *) b);
}

size_t
w_names_from (const struct w_names *n, const char *name)
{
    size_t low = 0, high = n->count, mid;

    while (low < high) {
        mid = low + (high - low) / 2;
        if (strcasecmp (n->list[mid], name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Where this very name stands, or would stand. */
static size_t
place_of (const struct w_names *n, const char *name, bool *ret_there)
{
    size_t at = w_names_from (n, name);

    while (at < n->count && w_names_compare (n->list[at], name) < 0)
        at++;
    *ret_there = at < n->count && strcmp (n->list[at], name) == 0;
    return at;
}

static void
came (struct w_names *n, const char *name)
{
    bool there;
    size_t at = place_of (n, name, &there);

    if (there || name[0] == '.')
        return;
    SB_PUSH (n->list, n->count, n->cap) = NULL;
    memmove (&n->list[at + 1], &n->list[at], (n->count - 1 - at) * sizeof *n->list);
    n->list[at] = sb_xstrdup (name);
}

static void
went (struct w_names *n, const char *name)
{
    bool there;
    size_t at = place_of (n, name, &there);

    if (!there)
        return;
    free (n->list[at]);
    n->count--;
    memmove (&n->list[at], &n->list[at + 1], (n->count - at) * sizeof *n->list);
}

static void
forget (struct w_names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free (n->list[i]);
    n->count = 0;
}

void
w_names_free (struct w_names *n)
{
    forget (n);
    free (n->list);
    *n = (struct w_names){ 0 };
}

int
w_names_read (const char *path, struct w_names *ret)
{
    DIR *d = opendir (path);
    const struct dirent *e;

    forget (ret);
    if (d == NULL)
        return errno;
    while ((e = readdir (d)) != NULL)
        if (e->d_name[0] != '.')
            SB_PUSH (ret->list, ret->count, ret->cap) = sb_xstrdup (e->d_name);
    closedir (d);
    if (ret->count > 1)
        qsort (ret->list, ret->count, sizeof *ret->list, compare);
    return 0;
}

/* ------------------------------------------------------------------ folders */

struct w_folders *
w_folders_new (void)
{
    struct w_folders *f = sb_xcalloc (1, sizeof *f);

    f->fd = inotify_init1 (IN_NONBLOCK | IN_CLOEXEC);
    return f;
}

void
w_folders_free (struct w_folders *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->count; i++) {
        w_names_free (&f->list[i]->names);
        free (f->list[i]);
    }
    if (f->fd >= 0)
        close (f->fd);
    sb_map_free (&f->by_path);
    free (f->list);
    free (f);
}

static void
happened (struct w_folders *f, const struct inotify_event *e)
{
    const bool lost = (e->mask & IN_Q_OVERFLOW) != 0;

    for (size_t i = 0; i < f->count; i++) {
        struct folder *d = f->list[i];

        if (!lost && d->watch != e->wd)
            continue;
        if (lost || (e->mask & IS_OTHER) != 0)
            d->known = false;
        else if ((e->mask & CAME) != 0 && e->len > 0)
            came (&d->names, e->name);
        else if ((e->mask & WENT) != 0 && e->len > 0)
            went (&d->names, e->name);
    }
}

static void
take_events (struct w_folders *f)
{
    union { /* events stand on their alignment */
        struct inotify_event first;
        char bytes[16384];
    } b;
    ssize_t n;

    while (f->fd >= 0 && (n = read (f->fd, b.bytes, sizeof b.bytes)) > 0)
        for (size_t at = 0; at < (size_t) n;) {
            const struct inotify_event *e = (const struct inotify_event *) (const void *) (b.bytes + at);

            happened (f, e);
            at += sizeof *e + e->len;
        }
}

static struct folder *
folder_of (struct w_folders *f, const char *path)
{
    struct folder *d = sb_map_get (&f->by_path, path);

    if (d != NULL)
        return d;
    d = sb_xcalloc (1, sizeof *d);
    d->watch = -1;
    sb_map_set (&f->by_path, path, d);
    SB_PUSH (f->list, f->count, f->cap) = d;
    return d;
}

/* Watched first and read then: what comes meanwhile is told twice, never missed. */
static int
read_again (struct w_folders *f, struct folder *d, const char *path, const struct stat *st)
{
    int error;

    if (d->watch >= 0 && f->fd >= 0 && (d->dev != st->st_dev || d->ino != st->st_ino))
        inotify_rm_watch (f->fd, d->watch);
    d->watch =
            f->fd < 0 ? -1 : inotify_add_watch (f->fd, path, CAME | WENT | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
    d->dev = st->st_dev;
    d->ino = st->st_ino;
    error = w_names_read (path, &d->names);
    d->known = error == 0 && d->watch >= 0;
    return error;
}

const struct w_names *
w_folders_names (struct w_folders *f, const char *path)
{
    struct folder *d;
    struct stat st;
    int error;

    if (stat (path, &st) != 0)
        return NULL;
    take_events (f);
    d = folder_of (f, path);
    if (d->known && d->dev == st.st_dev && d->ino == st.st_ino)
        return &d->names;
    error = read_again (f, d, path, &st);
    errno = error;
    return error == 0 ? &d->names : NULL;
}
