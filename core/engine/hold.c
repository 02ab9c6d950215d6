/* The hold on a pool: the process that keeps it, and its parent's end. */
#include "core/engine/hold.h"

#include "core/base/buf.h"
#include "core/engine/pool.h"
#include "core/sys/clock.h"
#include "core/sys/lock.h"
#include "core/sys/socket.h"
#include "core/sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS 2000 /* how often the holder looks whether the file is still the one it holds */

char *
sb_hold_path (struct sb_arena *a, const struct sb_topology *t)
{
    const struct sb_object *pool = sb_topology_pool (t), *o;
    const char *backup = pool ? sb_object_attr (pool, "backup site") : NULL, *path = NULL;
    size_t i;

    for (i = 0; backup && !path && (o = sb_topology_nth (t, "share", i)); i++) {
        const char *site = sb_object_site (t, o), *here = sb_object_attr (o, "path");
        if (site && strcmp (site, backup) == 0 && here && *here == '/' && o->plugin && strcmp (o->plugin, "share") == 0)
            path = here;
    }
    return path ? sb_arena_printf (a, "%s/.switchback-%s.lock", path, sb_pool_key (a, t)) : NULL;
}

/* ---------------------------------------------------------------- the holder */

static bool
is_same (int fd, const char *path)
{
    struct stat ours, there;

    return fstat (fd, &ours) == 0 && stat (path, &there) == 0 && ours.st_ino == there.st_ino
           && ours.st_dev == there.st_dev;
}

/* Holds until the parent's end of stdin closes, or the file is another one. */
static int
keep (const struct sb_lock *lock, const char *path)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

    while (poll (&in, 1, LOOK_MS) == 0)
        if (!is_same (lock->fd, path)) {
            puts ("lost");
            fflush (stdout);
            return 1;
        }
    return 0;
}

/* The holder keeps its lock on a file that has another name now; its next look tells it. */
static char *
put_aside (const char *path)
{
    char *who = sb_lock_who (path),
         *aside SB_AUTOFREE = sb_xprintf ("%s.taken-over-%lld", path, (long long) sb_now_ms ());

    if (rename (path, aside) != 0) {
        free (who);
        return NULL;
    }
    return who ? who : sb_xstrdup ("somebody");
}

int
sb_hold_main (int argc, char **argv)
{
    struct sb_faults faults = { 0 };
    struct sb_lock lock = SB_LOCK_NONE;
    char *from SB_AUTOFREE = NULL, *who SB_AUTOFREE = NULL;
    enum sb_locked got;

    if (argc < 2)
        return 2;
    got = sb_lock_take (&lock, argv[0], argv[1], &faults);
    if (got == SB_LOCK_BUSY && argc > 2 && strcmp (argv[2], "take-over") == 0 && (from = put_aside (argv[0])))
        got = sb_lock_take (&lock, argv[0], argv[1], &faults);
    if (got == SB_LOCK_BUSY)
        printf ("busy %s\n", (who = sb_lock_who (argv[0])) ? who : "somebody");
    else if (got == SB_LOCK_FAILED)
        printf ("not %s\n", faults.list[0].text);
    else
        printf (from ? "held %s\n" : "held%s\n", from ? from : "");
    fflush (stdout);
    sb_faults_free (&faults);
    return got == SB_LOCK_TAKEN ? keep (&lock, argv[0]) : 1;
}

/* ---------------------------------------------------------------- the run's end */

static bool
read_line (int fd, int64_t deadline, struct sb_buf *out)
{
    char c;

    while (out->len < 4096 && sb_fd_wait (fd, POLLIN, deadline) && read (fd, &c, 1) == 1) {
        if (c == '\n')
            return true;
        sb_buf_char (out, c);
    }
    return false;
}

/* One socket is the holder's stdin and stdout: when this process dies, it reads the end. */
static bool
start (struct sb_hold *h, const struct sb_hold_cfg *cfg, const char *path, struct sb_faults *faults)
{
    char host[256] = "";
    SB_AUTOFREE char *label = NULL;
    const char *argv[] = { cfg->program, "__hold", path, NULL, cfg->take_over ? "take-over" : NULL, NULL };
    struct sb_spawn_fd fds[2];
    struct sb_spawn what = {
        .argv = argv, .fds = fds, .nfds = 2, .die_signal = SIGKILL, .own_session = true
    }; /* Ctrl-C is for the run */
    int ends[2];

    gethostname (host, sizeof host - 1);
    label = sb_xprintf ("%s, host %s", cfg->label, host);
    argv[3] = label;
    if (!sb_socket_pair (ends, faults))
        return false;
    sb_fd_nonblock (ends[1], false);
    fds[0] = (struct sb_spawn_fd){ ends[1], STDIN_FILENO };
    fds[1] = (struct sb_spawn_fd){ ends[1], STDOUT_FILENO };
    h->pid = sb_spawn (&what, faults);
    sb_fd_close (&ends[1]);
    h->fd = ends[0];
    if (h->pid > 0)
        return true;
    h->pid = 0;
    sb_fd_close (&h->fd);
    return false;
}

static const char *
after (const char *line, const char *word)
{
    size_t n = strlen (word);

    return strncmp (line, word, n) != 0 ? NULL : line[n] == ' ' ? line + n + 1 : line + n;
}

enum sb_held
sb_hold_take (struct sb_hold *h, const struct sb_hold_cfg *cfg, char **ret_text)
{
    SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
    SB_CLEANUP (sb_buf_free) struct sb_buf line = { 0 };
    struct sb_faults faults = { 0 };
    const char *path = sb_hold_path (&a, cfg->topology), *text;
    enum sb_held got = SB_HELD_NOT;

    *h = SB_HOLD_NONE;
    *ret_text = NULL;
    if (!path)
        return SB_HELD_NOT;
    if (!start (h, cfg, path, &faults))
        *ret_text = sb_faults_text (&faults);
    else if (!read_line (h->fd, sb_deadline_in (cfg->ms), &line))
        *ret_text = sb_xprintf ("%s: the share does not answer", path);
    else if ((text = after (sb_buf_cstr (&line), "held"))) {
        got = SB_HELD;
        *ret_text = *text ? sb_xstrdup (text) : NULL;
    } else if ((text = after (sb_buf_cstr (&line), "busy"))) {
        got = SB_HELD_BUSY;
        *ret_text = sb_xprintf ("%s (%s)", text, path);
    } else
        *ret_text =
                sb_xprintf ("%s: %s", path, after (sb_buf_cstr (&line), "not") ? sb_buf_cstr (&line) + 4 : "no answer");
    if (got != SB_HELD)
        sb_hold_let_go (h);
    sb_faults_free (&faults);
    return got;
}

/* It ends by itself when its stdin does; one that hangs in the share is killed and not waited for. */
void
sb_hold_let_go (struct sb_hold *h)
{
    struct sb_exit e;

    sb_fd_close (&h->fd);
    if (h->pid > 0 && sb_wait (h->pid, sb_deadline_in (1000), &e) == SB_WAIT_LATE)
        kill (h->pid, SIGKILL);
    *h = SB_HOLD_NONE;
}
