/* Lock files by open-file-description locks (fcntl F_OFD_SETLK). */
#include "core/sys/lock.h"

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/sys/file.h"
#include "core/sys/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct flock whole_file = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

/* Leaves the name of the holder in the file; not worth failing for. */
static void
write_who (int fd, const char *who)
{
    SB_AUTOFREE char *line = who ? sb_xprintf ("%s\n", who) : sb_xprintf ("pid %ld\n", (long) getpid ());

    if (ftruncate (fd, 0) == 0 && pwrite (fd, line, strlen (line), 0) < 0)
        errno = 0;
}

enum sb_locked
sb_lock_take (struct sb_lock *lock, const char *path, const char *who, struct sb_faults *faults)
{
    return sb_lock_take_mode (lock, path, who, 0644, faults);
}

enum sb_locked
sb_lock_take_mode (struct sb_lock *lock, const char *path, const char *who, mode_t mode, struct sb_faults *faults)
{
    struct flock range = whole_file;
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);

    lock->fd = -1;
    if (fd >= 0 && mode == 0600)
        fchmod (fd, mode); /* it may be older than this rule */
    if (fd >= 0 && fcntl (fd, F_OFD_SETLK, &range) == 0) {
        write_who (fd, who);
        lock->fd = fd;
        return SB_LOCK_TAKEN;
    }
    if (fd >= 0 && (errno == EAGAIN || errno == EACCES)) {
        sb_fd_close (&fd);
        return SB_LOCK_BUSY;
    }
    sb_fault (faults, path, 0, "cannot take this lock: %s", strerror (errno));
    sb_fault_hint (faults, "See who owns the file and its folder: this user must be able to write both.");
    sb_fd_close (&fd);
    return SB_LOCK_FAILED;
}

void
sb_lock_release (struct sb_lock *lock)
{
    sb_fd_close (&lock->fd);
}

char *
sb_lock_who (const char *path)
{
    SB_CLEANUP (sb_faults_free) struct sb_faults ignored = { 0 };
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    char *line;

    if (!sb_file_read (path, 4096, &text, &ignored) || !text.s)
        return NULL;
    line = sb_trim (text.s);
    return *line ? sb_xstrdup (line) : NULL;
}

bool
sb_lock_is_held (const char *path)
{
    SB_CLEANUP (sb_fd_close) int fd = open (path, O_RDONLY | O_CLOEXEC);
    struct flock range = whole_file;

    return fd >= 0 && fcntl (fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}
