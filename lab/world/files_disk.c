/* The files of a lab on disk: \\HOST\SHARE\x is DIR/unc/host/share/x, D:\x of an
 * instance is DIR/disk/INSTANCE/D/x, /x of one on Linux is DIR/disk/INSTANCE/root/x.  Names ignore case in their first two
 * parts, as shares do; nothing leads out of DIR. */
#include "lab/world/files.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/sys/file.h"
#include "lab/world/folder.h"
#include "lab/world/intern.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MOST (64u << 20)

/* Adds one part of a path: no "..", no control characters, no slash inside. */
static bool
add_part (struct sb_buf *b, const char *p, size_t n, bool fold)
{
    if (n == 0 || (n == 1 && p[0] == '.'))
        return true;
    if (n == 2 && p[0] == '.' && p[1] == '.')
        return false;
    sb_buf_char (b, '/');
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char) p[i] < ' ' || strchr (":*?\"<>|", p[i]) != NULL)
            return false;
        sb_buf_char (b, (char) (fold ? tolower ((unsigned char) p[i]) : p[i]));
    }
    return true;
}

char *
w_files_where (const char *dir, const char *instance, const char *path)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    bool unc = path[0] == '\\' && path[1] == '\\';
    unsigned part = 0;
    size_t n;

    sb_buf_str (&b, dir);
    if (unc) {
        sb_buf_str (&b, "/unc");
        path += 2;
    } else if (isalpha ((unsigned char) path[0]) && path[1] == ':') {
        sb_buf_str (&b, "/disk");
        if (!add_part (&b, instance, strlen (instance), false))
            return NULL;
        sb_buf_printf (&b, "/%c", toupper ((unsigned char) path[0]));
        path += 2;
    } else if (path[0] == '/') { /* of an instance on Linux */
        sb_buf_str (&b, "/disk");
        if (!add_part (&b, instance, strlen (instance), false))
            return NULL;
        sb_buf_str (&b, "/root");
    } else {
        return NULL;
    }
    while (*path != 0) {
        n = strcspn (path, "\\/");
        if (!add_part (&b, path, n, unc && part < 2))
            return NULL;
        part += n > 0;
        path += n;
        path += *path != 0;
    }
    return unc && part < 2 ? NULL : sb_buf_take (&b);
}

static int
error_of (int e)
{
    switch (e) {
    case 0:
        return W_FILE_OK;
    case ENOENT:
        return W_FILE_MISSING;
    case ENOTDIR:
        return W_FILE_NO_PATH;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return W_FILE_FULL;
    case EEXIST:
    case ENOTEMPTY:
        return W_FILE_EXISTS;
    default:
        return W_FILE_DENIED;
    }
}

static char *
where (void *ctx, const char *instance, const char *path)
{
    const struct w_disk *disk = ctx;

    return w_files_where (disk->dir, instance, path);
}

static int64_t
modified_ms (const struct stat *st)
{
    return (int64_t) st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

/* Calls `each` for the wanted ones among the names; only those are looked at. */
static void
tell_names (const char *real, const struct w_names *names, const struct w_wanted *wanted,
            bool (*each) (void *arg, const struct w_file *f), void *arg)
{
    int folder = open (real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool more = folder >= 0;
    struct w_file f;
    struct stat st;

    for (size_t i = w_names_from (names, w_wanted_from (wanted)); more && i < names->count; i++) {
        const char *name = names->list[i];

        if (w_wanted_ends (wanted, name))
            break;
        if (!w_wanted (wanted, name) || fstatat (folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0
            || (!S_ISREG (st.st_mode) && !S_ISDIR (st.st_mode)))
            continue;
        memset (&f, 0, sizeof f);
        w_put (f.name, sizeof f.name, name);
        f.size = st.st_size;
        f.modified_ms = modified_ms (&st);
        f.is_dir = S_ISDIR (st.st_mode);
        more = each (arg, &f);
    }
    if (folder >= 0)
        close (folder);
}

static int
disk_list (void *ctx, const char *instance, const char *folder, const struct w_wanted *wanted,
           bool (*each) (void *arg, const struct w_file *f), void *arg)
{
    const struct w_disk *disk = ctx;
    SB_AUTOFREE char *real = where (ctx, instance, folder);
    SB_CLEANUP (w_names_free) struct w_names read = { 0 };
    const struct w_names *names = &read;

    if (real == NULL)
        return W_FILE_BAD_NAME;
    errno = 0;
    if (disk->folders != NULL)
        names = w_folders_names (disk->folders, real);
    else if ((errno = w_names_read (real, &read)) != 0)
        names = NULL;
    if (names == NULL)
        return errno == ENOENT ? W_FILE_NO_PATH : error_of (errno);
    tell_names (real, names, wanted, each, arg);
    return W_FILE_OK;
}

static int
disk_stat (void *ctx, const char *instance, const char *path, struct w_file *ret)
{
    SB_AUTOFREE char *real = where (ctx, instance, path);
    struct stat st;

    if (real == NULL)
        return W_FILE_BAD_NAME;
    if (lstat (real, &st) != 0)
        return error_of (errno);
    memset (ret, 0, sizeof *ret);
    w_put (ret->name, sizeof ret->name, sb_path_base (real));
    ret->size = st.st_size;
    ret->modified_ms = modified_ms (&st);
    ret->is_dir = S_ISDIR (st.st_mode);
    return W_FILE_OK;
}

static int
slurp (const char *real, struct sb_buf *out)
{
    struct sb_faults faults = { 0 };
    struct stat st;
    bool read;

    if (lstat (real, &st) != 0)
        return error_of (errno);
    if (!S_ISREG (st.st_mode))
        return W_FILE_DENIED;
    read = sb_file_read (real, MOST, out, &faults);
    sb_faults_free (&faults);
    return read ? W_FILE_OK : W_FILE_DENIED;
}

static int
disk_read (void *ctx, const char *instance, const char *path, unsigned position, struct w_set *ret,
           enum w_set_class *ret_class, unsigned *ret_sets)
{
    SB_AUTOFREE char *real = where (ctx, instance, path);
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    int error = real == NULL ? W_FILE_BAD_NAME : slurp (real, &b);

    if (error == W_FILE_OK)
        *ret_class = w_set_read (sb_buf_cstr (&b), b.len, position, ret, ret_sets);
    return error;
}

static bool
make_parents (const char *real)
{
    SB_AUTOFREE char *dir = sb_path_dir (real);
    struct sb_faults faults = { 0 };
    bool made = sb_dir_make (dir, 0755, &faults);

    sb_faults_free (&faults);
    return made;
}

static int
write_all (int fd, const char *p, size_t n)
{
    ssize_t w;

    while (n > 0) {
        w = write (fd, p, n);
        if (w < 0 && errno != EINTR)
            return errno;
        if (w > 0) {
            p += w;
            n -= (size_t) w;
        }
    }
    return 0;
}

static int
put (const char *real, const struct sb_buf *b, int flags)
{
    int fd, error;

    fd = open (real, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0644);
    if (fd < 0)
        return error_of (errno);
    error = write_all (fd, sb_buf_cstr (b), b->len);
    if (close (fd) != 0 && error == 0)
        error = errno;
    return error_of (error);
}

static int
disk_write (void *ctx, const char *instance, const char *path, const struct w_set *set, bool append)
{
    SB_AUTOFREE char *real = where (ctx, instance, path);
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    SB_AUTOFREE char *dir = real == NULL ? NULL : sb_path_dir (real);

    if (real == NULL)
        return W_FILE_BAD_NAME;
    if (!sb_dir_exists (dir)) /* a backup does not make folders */
        return W_FILE_NO_PATH;
    w_set_write (set, &b);
    return put (real, &b, append ? O_APPEND : O_TRUNC);
}

static int
disk_copy (void *ctx, const char *instance, const char *from, const char *to)
{
    SB_AUTOFREE char *real = where (ctx, instance, from);
    SB_AUTOFREE char *target = where (ctx, instance, to);
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    int error = real == NULL || target == NULL ? W_FILE_BAD_NAME : slurp (real, &b);

    return error != W_FILE_OK ? error : put (target, &b, O_TRUNC);
}

static int
disk_rename (void *ctx, const char *instance, const char *from, const char *to)
{
    SB_AUTOFREE char *real = where (ctx, instance, from);
    SB_AUTOFREE char *target = where (ctx, instance, to);

    if (real == NULL || target == NULL)
        return W_FILE_BAD_NAME;
    return rename (real, target) == 0 ? W_FILE_OK : error_of (errno);
}

static int
disk_remove (void *ctx, const char *instance, const char *path)
{
    SB_AUTOFREE char *real = where (ctx, instance, path);

    if (real == NULL)
        return W_FILE_BAD_NAME;
    return unlink (real) == 0 ? W_FILE_OK : error_of (errno);
}

static int
disk_make_dir (void *ctx, const char *instance, const char *path)
{
    SB_AUTOFREE char *real = where (ctx, instance, path);
    SB_AUTOFREE char *below = real == NULL ? NULL : sb_path_join (real, "x");

    return real == NULL ? W_FILE_BAD_NAME : make_parents (below) ? W_FILE_OK : W_FILE_DENIED;
}

static int64_t
disk_free_bytes (void *ctx, const char *instance, const char *path)
{
    const struct w_disk *disk = ctx;
    struct statvfs v;

    (void) instance;
    (void) path;
    return statvfs (disk->dir, &v) == 0 ? (int64_t) v.f_bavail * (int64_t) v.f_frsize : 0;
}

void
w_files_disk (struct w_files *ret, struct w_disk *disk)
{
    *ret = (struct w_files){ .ctx = disk,
                             .list = disk_list,
                             .stat = disk_stat,
                             .read = disk_read,
                             .write = disk_write,
                             .copy = disk_copy,
                             .rename = disk_rename,
                             .remove = disk_remove,
                             .make_dir = disk_make_dir,
                             .free_bytes = disk_free_bytes };
}
