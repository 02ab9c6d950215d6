/* Reading, writing and walking files.  Every message names the path first and
 * says last what the system answered. */
#include "core/sys/file.h"

#include "core/sys/random.h"
#include "core/sys/socket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART         16384
#define MOST_AT_ONCE (64 << 20) /* what a file says of its length is believed up to here */

/* One fault about `path` with errno's text. */
static bool
failed (struct sb_faults *faults, const char *path, const char *what)
{
    sb_fault (faults, path, 0, "cannot %s: %s", what, strerror (errno));
    return false;
}

static const char *
kind_of (mode_t mode)
{
    return S_ISDIR (mode)                     ? "a folder"
           : S_ISFIFO (mode)                  ? "a FIFO"
           : S_ISSOCK (mode)                  ? "a socket"
           : S_ISCHR (mode) || S_ISBLK (mode) ? "a device"
                                              : "not a regular file";
}

/* Reads fd to its end, but not more than limit + 1 bytes; in one go where the file is as long as it says. */
static bool
read_all (int fd, size_t limit, off_t says, struct sb_buf *out)
{
    size_t expected = says < MOST_AT_ONCE ? (size_t) says : MOST_AT_ONCE;

    while (out->len <= limit) {
        size_t want = out->len < expected ? expected - out->len + 1 : PART; /* one more shows the end */
        size_t most = limit - out->len + 1;
        char *at = sb_buf_room (out, want < most ? want : most);
        ssize_t got = read (fd, at, want < most ? want : most);

        if (got > 0)
            out->len += (size_t) got;
        out->s[out->len] = '\0';
        if (got == 0 || (got < 0 && errno != EINTR))
            return got == 0;
    }
    return true;
}

static void
wipe_buf (struct sb_buf *b)
{
    sb_wipe (b->s, b->cap); /* it may be a secret */
    sb_buf_free (b);
}

/* Its beginning, of limit + 1 bytes at most. */
static bool
read_file (const char *path, size_t limit, struct sb_buf *out, struct sb_faults *faults)
{
    SB_CLEANUP (sb_fd_close) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat (fd, &st) != 0)
        return failed (faults, path, "read");
    if (!S_ISREG (st.st_mode)) {
        sb_fault (faults, path, 0, "cannot read: it is %s", kind_of (st.st_mode));
        return false;
    }
    return read_all (fd, limit < SIZE_MAX ? limit : SIZE_MAX - 1, st.st_size, out) || failed (faults, path, "read");
}

/* Hands it over where nothing was before it: a long file is not copied. */
static void
hand_over (struct sb_buf *text, struct sb_buf *out)
{
    struct sb_buf none = *out;

    if (out->s != NULL) {
        sb_buf_add (out, sb_buf_cstr (text), text->len);
        return;
    }
    *out = *text;
    *text = none;
}

bool
sb_file_read (const char *path, size_t limit, struct sb_buf *out, struct sb_faults *faults)
{
    SB_CLEANUP (wipe_buf) struct sb_buf text = { 0 };

    if (!read_file (path, limit, &text, faults))
        return false;
    if (text.len > limit) {
        sb_fault (faults, path, 0, "cannot read: larger than %zu bytes", limit);
        return false;
    }
    hand_over (&text, out);
    return true;
}

bool
sb_file_read_start (const char *path, size_t n, struct sb_buf *out, struct sb_faults *faults)
{
    SB_CLEANUP (wipe_buf) struct sb_buf text = { 0 };

    if (!read_file (path, n, &text, faults))
        return false;
    sb_buf_add (out, sb_buf_cstr (&text), text.len < n ? text.len : n);
    return true;
}

static bool
write_all (int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t put = write (fd, p, n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        p += put;
        n -= (size_t) put;
    }
    return true;
}

bool
sb_file_write (const char *path, const void *data, size_t n, mode_t mode, struct sb_faults *faults)
{
    SB_AUTOFREE char *dir = sb_path_dir (path);
    SB_AUTOFREE char *tmp = NULL;
    SB_CLEANUP (sb_fd_close) int fd = -1;
    char unique[9];

    sb_random_hex (unique, sizeof unique - 1);
    tmp = sb_xprintf ("%s.%s.tmp", path, unique);
    fd = open (tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return failed (faults, path, "create a temporary file beside it");
    if (!write_all (fd, data, n) || fchmod (fd, mode) != 0 || fsync (fd) != 0 || rename (tmp, path) != 0) {
        failed (faults, path, "write");
        unlink (tmp);
        return false;
    }
    return sb_dir_sync (dir, faults);
}

bool
sb_dir_sync (const char *path, struct sb_faults *faults)
{
    SB_CLEANUP (sb_fd_close) int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return (fd >= 0 && fsync (fd) == 0) || failed (faults, path, "make the folder durable");
}

bool
sb_dir_make (const char *path, mode_t mode, struct sb_faults *faults)
{
    SB_AUTOFREE char *parent = NULL;

    if (sb_dir_exists (path))
        return true;
    parent = sb_path_dir (path);
    if (strcmp (parent, path) != 0 && !sb_dir_make (parent, mode, faults))
        return false;
    if (mkdir (path, mode) == 0 || (errno == EEXIST && sb_dir_exists (path)))
        return true;
    return failed (faults, path, "make this folder");
}

static bool remove_at (int dir, const char *name, const char *path, struct sb_faults *faults);

/* Removes what is in the folder `fd`, which is closed. */
static bool
empty_folder (int fd, const char *path, struct sb_faults *faults)
{
    DIR *d = fdopendir (fd);
    bool ok = true;

    if (!d) {
        sb_fd_close (&fd);
        return failed (faults, path, "read this folder");
    }
    for (struct dirent *e; ok && (e = readdir (d));) {
        SB_AUTOFREE char *inner = sb_path_join (path, e->d_name);

        if (strcmp (e->d_name, ".") != 0 && strcmp (e->d_name, "..") != 0)
            ok = remove_at (dirfd (d), e->d_name, inner, faults);
    }
    closedir (d);
    return ok;
}

static bool
remove_at (int dir, const char *name, const char *path, struct sb_faults *faults)
{
    int fd;

    if (unlinkat (dir, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return failed (faults, path, "remove");
    fd = openat (dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return failed (faults, path, "remove");
    if (!empty_folder (fd, path, faults))
        return false;
    return unlinkat (dir, name, AT_REMOVEDIR) == 0 || failed (faults, path, "remove this folder");
}

bool
sb_tree_remove (const char *path, struct sb_faults *faults)
{
    return remove_at (AT_FDCWD, path, path, faults);
}

static int
by_bytes (const void *a, const void *b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

bool
sb_dir_list (const char *path, struct sb_arena *a, char ***ret_names, size_t *ret_count, struct sb_faults *faults)
{
    SB_AUTOFREE char **names = NULL;
    size_t count = 0, cap = 0;
    DIR *d = opendir (path);

    if (!d)
        return failed (faults, path, "read this folder");
    for (struct dirent *e; (e = readdir (d));)
        if (strcmp (e->d_name, ".") != 0 && strcmp (e->d_name, "..") != 0)
            SB_PUSH (names, count, cap) = sb_arena_strdup (a, e->d_name);
    closedir (d);
    if (count)
        qsort (names, count, sizeof *names, by_bytes);
    *ret_names = sb_arena_alloc (a, (count + 1) * sizeof **ret_names);
    if (count)
        memcpy (*ret_names, names, count * sizeof *names);
    if (ret_count)
        *ret_count = count;
    return true;
}

bool
sb_file_exists (const char *path)
{
    struct stat st;

    return stat (path, &st) == 0;
}

bool
sb_dir_exists (const char *path)
{
    struct stat st;

    return stat (path, &st) == 0 && S_ISDIR (st.st_mode);
}

/* One file or folder, following links: who else can change it? */
static bool
is_ours (const char *path, struct stat *st, struct sb_faults *faults)
{
    if (stat (path, st) != 0)
        return failed (faults, path, "look at it");
    if (st->st_uid != 0 && st->st_uid != geteuid ()) {
        sb_fault (faults, path, 0, "not trusted: it belongs to user %u", (unsigned) st->st_uid);
        return false;
    }
    if (st->st_mode & (S_IWGRP | S_IWOTH)) {
        sb_fault (faults, path, 0, "not trusted: others than its owner can write it (mode %04o)",
                  (unsigned) st->st_mode & 07777);
        sb_fault_hint (faults, "Take the right away with: chmod go-w '%s'", path);
        return false;
    }
    return true;
}

bool
sb_file_trusted (const char *path, struct sb_faults *faults)
{
    SB_AUTOFREE char *real = realpath (path, NULL);
    SB_AUTOFREE char *dir = NULL;
    struct stat st;

    if (!real)
        return failed (faults, path, "look at it");
    if (!is_ours (real, &st, faults))
        return false;
    if (S_ISDIR (st.st_mode))
        return true;
    dir = sb_path_dir (real);
    return is_ours (dir, &st, faults);
}

char *
sb_path_join (const char *dir, const char *name)
{
    size_t n = strlen (dir);

    if (*name == '/' || n == 0)
        return sb_xstrdup (name);
    return sb_xprintf ("%s%s%s", dir, dir[n - 1] == '/' ? "" : "/", name);
}

char *
sb_path_dir (const char *path)
{
    size_t n = strlen (path);

    while (n > 1 && path[n - 1] == '/') /* "a/b/" is "a/b" */
        n--;
    while (n && path[n - 1] != '/')
        n--;
    if (n == 0)
        return sb_xstrdup (".");
    while (n > 1 && path[n - 1] == '/')
        n--;
    return sb_xstrndup (path, n);
}

const char *
sb_path_base (const char *path)
{
    const char *slash = strrchr (path, '/');

    return slash ? slash + 1 : path;
}
