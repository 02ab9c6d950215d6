/* A store that is a folder of this host, local or mounted; see store.h.  Links
 * are never followed and never listed; everything is reached from the open
 * folder, so a path that is moved away meanwhile does no harm. */
#include "plugins/lib/store.h"

#include "core/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define NS    1000000000LL
#define LANES 4 /* of a large file, while one waits for the disk the others read and hash */

struct local {
    struct sb_store base;
    int dir;
};

struct sb_handle {
    int fd;
    bool direct;
};

static int
dir_of (struct sb_store *s)
{
    return ((struct local *) (void *) s)->dir;
}

static int64_t
ns_of (struct timespec t)
{
    return t.tv_sec * NS + t.tv_nsec;
}

static bool
add_file (int dir, const char *name, struct sb_entries *l)
{
    struct stat st;

    if (fstatat (dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT; /* it went while we looked */
    if (S_ISREG (st.st_mode))
        sb_entries_add (l, name, st.st_size, ns_of (st.st_mtim));
    return true;
}

static bool
list (struct sb_store *s, const struct sb_filter *filter, struct sb_entries *ret)
{
    int copy = openat (dir_of (s), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
    DIR *d = copy >= 0 ? fdopendir (copy) : NULL;
    struct dirent *e;
    bool ok = d != NULL;

    errno = d != NULL ? 0 : errno;
    while (ok && (errno = 0, e = readdir (d)) != NULL)
        ok = !sb_name_fits (e->d_name, filter) || add_file (dir_of (s), e->d_name, ret);
    error = errno;
    if (d != NULL)
        closedir (d);
    else if (copy >= 0)
        close (copy);
    if (error != 0 || !ok) {
        sb_entries_free (ret);
        errno = error;
        return false;
    }
    sb_entries_sort (ret);
    return true;
}

static bool
look (struct sb_store *s, const char *name, struct sb_entry *ret)
{
    struct stat st;

    if (fstatat (dir_of (s), name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (!S_ISREG (st.st_mode)) {
        errno = S_ISDIR (st.st_mode) ? EISDIR : EINVAL;
        return false;
    }
    *ret = (struct sb_entry){ NULL, st.st_size, ns_of (st.st_mtim) };
    return true;
}

static struct sb_handle *
open_file (struct sb_store *s, const char *name, enum sb_mode mode)
{
    static const int flags[] = { [SB_MODE_READ] = O_RDONLY | O_NONBLOCK,
                                 [SB_MODE_CREATE] = O_RDWR | O_CREAT | O_TRUNC,
                                 [SB_MODE_RESUME] = O_RDWR | O_CREAT };
    int fd = openat (dir_of (s), name, flags[mode] | O_CLOEXEC | O_NOFOLLOW, 0640);
    struct sb_handle *h;

    if (fd < 0)
        return NULL;
    h = sb_xcalloc (1, sizeof *h);
    h->fd = fd;
    return h;
}

static bool
set_direct (struct sb_handle *h, bool on)
{
    int flags = fcntl (h->fd, F_GETFL);

    if (flags < 0 || fcntl (h->fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) != 0)
        return false;
    h->direct = on;
    return true;
}

/* A device may want coarser places than ours: then it is not read and written directly any more. */
static bool
was_too_fine (struct sb_handle *h)
{
    return h->direct && errno == EINVAL && set_direct (h, false);
}

static ssize_t
read_at (struct sb_handle *h, void *data, size_t n, int64_t at)
{
    ssize_t k = pread (h->fd, data, n, at);

    return k < 0 && was_too_fine (h) ? pread (h->fd, data, n, at) : k;
}

/* The last bytes of a file are fewer than can be written directly. */
static ssize_t
write_rest (struct sb_handle *h, const void *data, size_t n, int64_t at)
{
    ssize_t k = set_direct (h, false) ? pwrite (h->fd, data, n, at) : -1;
    int error = errno;

    if (!set_direct (h, true) && k >= 0)
        return -1;
    errno = error;
    return k;
}

static ssize_t
write_at (struct sb_handle *h, const void *data, size_t n, int64_t at)
{
    ssize_t k;

    if (h->direct && n < SB_DIRECT)
        return write_rest (h, data, n, at);
    if (h->direct)
        n -= n % SB_DIRECT;
    k = pwrite (h->fd, data, n, at);
    return k < 0 && was_too_fine (h) ? pwrite (h->fd, data, n, at) : k;
}

static bool
share_range (struct sb_handle *from, struct sb_handle *to, int64_t at, int64_t n)
{
    const struct file_clone_range range = {
        .src_fd = from->fd, .src_offset = (uint64_t) at, .src_length = (uint64_t) n, .dest_offset = (uint64_t) at
    };

    return ioctl (to->fd, FICLONERANGE, &range) == 0;
}

static bool
go_direct (struct sb_handle *h)
{
    return set_direct (h, true);
}

static bool
reserve (struct sb_handle *h, int64_t at, int64_t n)
{
    return fallocate (h->fd, 0, at, n) == 0 || errno == EOPNOTSUPP || errno == ENOSYS;
}

static bool
sync_file (struct sb_handle *h)
{
    return fsync (h->fd) == 0;
}

static bool
truncate_file (struct sb_handle *h, int64_t size)
{
    return ftruncate (h->fd, size) == 0;
}

static bool
close_file (struct sb_handle *h)
{
    int fd = h->fd;

    free (h);
    return close (fd) == 0;
}

static bool
set_time (struct sb_store *s, const char *name, int64_t mtime_ns)
{
    const struct timespec t = { mtime_ns / NS, mtime_ns % NS }, times[2] = { t, t };

    return utimensat (dir_of (s), name, times, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool
rename_new (struct sb_store *s, const char *name, const char *folder, const char *new_name)
{
    SB_AUTOFREE char *to = folder != NULL ? sb_xprintf ("%s/%s", folder, new_name) : sb_xstrdup (new_name);
    int dir = dir_of (s);
    struct stat st;

    if (renameat2 (dir, name, dir, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    /* A file system without that flag: look, then rename.  Nobody else gives files these names. */
    if (fstatat (dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return errno == ENOENT && renameat (dir, name, dir, to) == 0;
}

static bool
remove_file (struct sb_store *s, const char *name)
{
    return unlinkat (dir_of (s), name, 0) == 0;
}

static bool
make_folder (struct sb_store *s, const char *folder)
{
    SB_AUTOFREE char *path = sb_xstrdup (folder);
    struct stat st;

    for (char *at = strchr (path, '/'); at != NULL; at = strchr (at + 1, '/')) {
        *at = '\0';
        if (mkdirat (dir_of (s), path, 0750) != 0 && errno != EEXIST)
            return false;
        *at = '/';
    }
    if (mkdirat (dir_of (s), path, 0750) == 0)
        return true;
    if (errno != EEXIST || fstatat (dir_of (s), path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    errno = ENOTDIR;
    return S_ISDIR (st.st_mode);
}

static bool
room (struct sb_store *s, int64_t *ret_free)
{
    struct statvfs vfs;

    if (fstatvfs (dir_of (s), &vfs) != 0)
        return false;
    *ret_free = (int64_t) vfs.f_bavail * (int64_t) vfs.f_frsize;
    return true;
}

static bool
sync_files (struct sb_store *s)
{
    return syncfs (dir_of (s)) == 0;
}

static bool
sync_names (struct sb_store *s, const char *folder)
{
    int fd = folder != NULL ? openat (dir_of (s), folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : dir_of (s);
    bool ok = fd >= 0 && fsync (fd) == 0;

    if (folder != NULL && fd >= 0)
        close (fd);
    return ok;
}

static struct sb_store *local_new (int dir);

static struct sb_store *
again (struct sb_store *s)
{
    int dir = fcntl (dir_of (s), F_DUPFD_CLOEXEC, 0);

    return dir < 0 ? NULL : local_new (dir);
}

static const char *
why (struct sb_store *s, int error)
{
    (void) s;
    return strerror (error);
}

static void
free_local (struct sb_store *s)
{
    close (dir_of (s));
    free (s);
}

static struct sb_store *
local_new (int dir)
{
    static const struct sb_store_ops ops = { .list = list,
                                             .look = look,
                                             .open = open_file,
                                             .read = read_at,
                                             .write = write_at,
                                             .share = share_range,
                                             .direct = go_direct,
                                             .reserve = reserve,
                                             .sync = sync_file,
                                             .truncate = truncate_file,
                                             .close = close_file,
                                             .set_time = set_time,
                                             .rename = rename_new,
                                             .remove = remove_file,
                                             .make_folder = make_folder,
                                             .room = room,
                                             .sync_files = sync_files,
                                             .sync_names = sync_names,
                                             .again = again,
                                             .why = why,
                                             .free = free_local };
    struct local *l = sb_xcalloc (1, sizeof *l);

    l->base = (struct sb_store){ &ops, LANES, false };
    l->dir = dir;
    return &l->base;
}

struct sb_store *
sb_store_local (const char *path)
{
    int dir = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return dir < 0 ? NULL : local_new (dir);
}

bool
sb_is_mount (const char *path)
{
    SB_AUTOFREE char *up = sb_xprintf ("%s/..", path);
    struct stat here, above;

    return stat (path, &here) == 0 && stat (up, &above) == 0
           && (here.st_dev != above.st_dev || here.st_ino == above.st_ino);
}
