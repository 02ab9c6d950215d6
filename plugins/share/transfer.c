/* Copying and renaming; see transfer.h. */
#include "plugins/share/transfer.h"

#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART (4u << 20)

static bool
shall_stop (const struct share_watch *w)
{
    struct pollfd p = { .fd = w->stop_fd, .events = POLLIN };

    return poll (&p, 1, 0) > 0;
}

/* One part by read() and write(), where copy_file_range() does not work. */
static ssize_t
copy_by_hand (int from, int to)
{
    static char part[256 * 1024];
    ssize_t n = read (from, part, sizeof part), done, k;

    for (done = 0; done < n; done += k)
        if ((k = write (to, part + done, (size_t) (n - done))) < 0)
            return -2;
    return n;
}

static ssize_t
copy_part (int from, int to, bool *by_hand)
{
    ssize_t n;

    if (!*by_hand) {
        n = copy_file_range (from, NULL, to, NULL, PART, 0);
        if (n > 0)
            return n;
        *by_hand = true; /* some file systems say 0 where there is something; read() tells the truth */
    }
    return copy_by_hand (from, to);
}

static enum share_copied
copy_bytes (int from, int to, int64_t size, const struct share_watch *watch)
{
    bool by_hand = false;
    int64_t done = 0;
    ssize_t n;

    while ((n = copy_part (from, to, &by_hand)) > 0) {
        done += n;
        watch->bytes (watch->ctx, n);
        if (done > size)
            return SHARE_GREW;
        if (shall_stop (watch))
            return SHARE_STOPPED;
    }
    if (n < 0)
        return n == -2 || errno == ENOSPC || errno == EDQUOT ? SHARE_NO_TARGET : SHARE_NO_SOURCE;
    return done == size ? SHARE_COPIED : SHARE_GREW;
}

static bool
is_as_it_was (int fd, const struct share_file *f)
{
    struct stat st;

    return fstat (fd, &st) == 0 && st.st_size == f->size && st.st_mtim.tv_sec == f->mtime.tv_sec
           && st.st_mtim.tv_nsec == f->mtime.tv_nsec;
}

/* The copy bears the source's time: what is archived by age later keeps its age. */
static bool
make_durable (int fd, const struct share_file *f)
{
    const struct timespec times[2] = { f->mtime, f->mtime };
    struct stat st;

    (void) futimens (fd, times); /* not on every file system */
    return fstat (fd, &st) == 0 && st.st_size == f->size && fsync (fd) == 0;
}

bool
share_rename (int from, const char *name, int to, const char *new_name)
{
    struct stat st;

    if (renameat2 (from, name, to, new_name, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    /* A file system without that flag: look, then rename.  Nobody else gives files these names. */
    if (fstatat (to, new_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return errno == ENOENT && renameat (from, name, to, new_name) == 0;
}

enum share_copied
share_copy (int from, int to, const struct share_file *f, const struct share_watch *watch)
{
    SB_AUTOFREE char *part = sb_xprintf (".%s.part", f->name);
    int in = openat (from, f->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), out = -1, error = errno;
    enum share_copied how = SHARE_NO_SOURCE;

    if (in >= 0) {
        out = openat (to, part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
        how = out >= 0 ? copy_bytes (in, out, f->size, watch) : SHARE_NO_TARGET;
        error = errno;
    }
    if (how == SHARE_COPIED && !is_as_it_was (in, f))
        how = SHARE_GREW;
    if (how == SHARE_COPIED && !make_durable (out, f)) {
        how = SHARE_NO_TARGET;
        error = errno;
    }
    if (in >= 0)
        close (in);
    if (out >= 0 && close (out) != 0 && how == SHARE_COPIED) {
        how = SHARE_NO_TARGET;
        error = errno;
    }
    if (how == SHARE_COPIED && !share_rename (to, part, to, f->name)) {
        how = errno == EEXIST ? SHARE_STANDS : SHARE_NO_TARGET;
        error = errno;
    }
    if (out >= 0 && how != SHARE_COPIED)
        unlinkat (to, part, 0);
    errno = error;
    return how;
}
