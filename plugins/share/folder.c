/* Reading of folders; see folder.h. */
#include "plugins/share/folder.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRESH_S       1
#define LOOK_AGAIN_MS 300

int
share_open (const char *path)
{
    return open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool
share_is_mount (const char *path)
{
    SB_AUTOFREE char *up = sb_xprintf ("%s/..", path);
    struct stat here, above;

    return stat (path, &here) == 0 && stat (up, &above) == 0
           && (here.st_dev != above.st_dev || here.st_ino == above.st_ino);
}

/* Is `part` at this place of the name, whatever the case of ASCII letters? */
static bool
fits_at (const char *at, const char *part, size_t n)
{
    SB_AUTOFREE char *a = sb_xstrndup (at, n), *b = sb_xstrndup (part, n);

    return sb_casecmp (a, b) == 0;
}

static bool
fits (const char *name, const struct share_filter *f)
{
    size_t n = strlen (name), prefix = f->prefix != NULL ? strlen (f->prefix) : 0;
    size_t suffix = f->suffix != NULL ? strlen (f->suffix) : 0;

    if (*name == '.' || (n >= 4 && fits_at (name + n - 4, ".wrk", 4)))
        return false;
    return n >= prefix + suffix && (prefix == 0 || fits_at (name, f->prefix, prefix))
           && (suffix == 0 || fits_at (name + n - suffix, f->suffix, suffix));
}

static int
by_name (const void *a, const void *b)
{
    return strcmp (((const struct share_file *) a)->name, ((const struct share_file *) b)->name);
}

static bool
add_file (int dir, const char *name, struct share_list *l)
{
    struct stat st;

    if (fstatat (dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT; /* it went while we looked */
    if (S_ISREG (st.st_mode))
        SB_PUSH (l->files, l->count, l->cap) = (struct share_file){ sb_xstrdup (name), st.st_size, st.st_mtim };
    return true;
}

bool
share_read (int dir, const struct share_filter *filter, struct share_list *ret)
{
    int copy = openat (dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
    DIR *d = copy >= 0 ? fdopendir (copy) : NULL;
    struct dirent *e;
    bool ok = d != NULL;

    errno = d != NULL ? 0 : errno;
    while (ok && (errno = 0, e = readdir (d)) != NULL)
        ok = !fits (e->d_name, filter) || add_file (dir, e->d_name, ret);
    error = errno;
    if (d != NULL)
        closedir (d);
    else if (copy >= 0)
        close (copy);
    if (error != 0 || !ok) {
        share_list_free (ret);
        errno = error;
        return false;
    }
    if (ret->count > 1)
        qsort (ret->files, ret->count, sizeof *ret->files, by_name);
    return true;
}

void
share_list_free (struct share_list *l)
{
    size_t i;

    for (i = 0; i < l->count; i++)
        free (l->files[i].name);
    free (l->files);
    memset (l, 0, sizeof *l);
}

const struct share_file *
share_find (const struct share_list *l, const char *name)
{
    struct share_file key = { .name = (char *) (uintptr_t) name };

    return l->count == 0 ? NULL : bsearch (&key, l->files, l->count, sizeof key, by_name);
}

bool
share_is_growing (int dir, const struct share_file *f)
{
    struct timespec now, pause = { 0, LOOK_AGAIN_MS * 1000000L };
    struct stat st;

    clock_gettime (CLOCK_REALTIME, &now);
    if (now.tv_sec - f->mtime.tv_sec > FRESH_S)
        return false;
    nanosleep (&pause, NULL);
    return fstatat (dir, f->name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_size != f->size
           || st.st_mtim.tv_sec != f->mtime.tv_sec || st.st_mtim.tv_nsec != f->mtime.tv_nsec;
}
