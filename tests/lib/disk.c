/* A disk that fails, for tests: preloaded, it lets the n-th write to a journal go wrong.
 *
 *   SB_DISK="torn N K"    the n-th write leaves K bytes behind, and the process dies there
 *   SB_DISK="short N K"   the n-th write and all later ones take K bytes at most; whoever wrote has to go on
 *   SB_DISK="full N 0"    from the n-th write on: no space is left (ENOSPC)
 *   SB_DISK="readonly N 0"                        the file system has become read-only (EROFS)
 *   SB_DISK="broken N 0"                          the medium cannot be written (EIO)
 *   SB_DISK="unsynced N 0"  from the n-th sync on: what was written may not be on the medium (EIO)
 *   SB_DISK="count 0 0"   nothing goes wrong
 *
 * Writes are those to files called journal.db or journal.db-wal, counted in each process by itself.  At each sync
 * of one the counts so far, "WRITES SYNCS", are written to the file that SB_DISK_LOG names. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#pragma GCC visibility push(default) /* the build hides what is not said to be seen */

enum how { NOTHING, TORN, SHORT, FULL, READONLY, BROKEN, UNSYNCED };

static const struct {
    const char *name;
    enum how how;
    int error;
} ways[] = {
    { "torn", TORN, 0 },       { "short", SHORT, 0 },         { "full", FULL, ENOSPC }, { "readonly", READONLY, EROFS },
    { "broken", BROKEN, EIO }, { "unsynced", UNSYNCED, EIO },
};

static struct {
    enum how how;
    int error;
    long at, bytes, writes, syncs;
} disk;

__attribute__ ((constructor)) static void
read_way (void)
{
    const char *text = getenv ("SB_DISK");
    char name[16] = "";
    size_t i;

    if (!text || sscanf (text, "%15s %ld %ld", name, &disk.at, &disk.bytes) != 3)
        return;
    for (i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp (ways[i].name, name) == 0) {
            disk.how = ways[i].how;
            disk.error = ways[i].error;
        }
}

static void
tell (void)
{
    const char *path = getenv ("SB_DISK_LOG");
    FILE *f = path ? fopen (path, "we") : NULL;

    if (!f)
        return;
    fprintf (f, "%ld %ld\n", disk.writes, disk.syncs);
    fclose (f);
}

static int
is_journal (int fd)
{
    char link[64], path[4096];
    ssize_t n;
    const char *name;

    snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink (link, path, sizeof path - 1);
    if (n <= 0)
        return 0;
    path[n] = 0;
    name = strrchr (path, '/');
    return name && (strcmp (name, "/journal.db") == 0 || strcmp (name, "/journal.db-wal") == 0);
}

typedef ssize_t (*pwrite_fn) (int, const void *, size_t, off_t);

static ssize_t
write_badly (pwrite_fn real, int fd, const void *bytes, size_t n, off_t at)
{
    size_t part = n < (size_t) disk.bytes ? n : (size_t) disk.bytes;

    if (!is_journal (fd))
        return real (fd, bytes, n, at);
    disk.writes++;
    if (disk.how == NOTHING || disk.how == UNSYNCED || disk.writes < disk.at)
        return real (fd, bytes, n, at);
    if (disk.error) {
        errno = disk.error;
        return -1;
    }
    if (disk.how == SHORT)
        return real (fd, bytes, part > 0 ? part : 1, at);
    if (part > 0 && real (fd, bytes, part, at) < 0)
        return -1;
    kill (getpid (), SIGKILL);
    for (;;)
        pause ();
}

ssize_t
pwrite (int fd, const void *bytes, size_t n, off_t at)
{
    static pwrite_fn real;

    if (!real)
        *(void **) &real = dlsym (RTLD_NEXT, "pwrite");
    return write_badly (real, fd, bytes, n, at);
}

ssize_t
pwrite64 (int fd, const void *bytes, size_t n, off64_t at)
{
    static pwrite_fn real;

    if (!real)
        *(void **) &real = dlsym (RTLD_NEXT, "pwrite64");
    return write_badly (real, fd, bytes, n, at);
}

static int
sync_badly (int (*real) (int), int fd)
{
    if (!is_journal (fd))
        return real (fd);
    disk.syncs++;
    tell ();
    if (disk.how != UNSYNCED || disk.syncs < disk.at)
        return real (fd);
    errno = disk.error;
    return -1;
}

int
fsync (int fd)
{
    static int (*real) (int);

    if (!real)
        *(void **) &real = dlsym (RTLD_NEXT, "fsync");
    return sync_badly (real, fd);
}

int
fdatasync (int fd)
{
    static int (*real) (int);

    if (!real)
        *(void **) &real = dlsym (RTLD_NEXT, "fdatasync");
    return sync_badly (real, fd);
}
