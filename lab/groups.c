/* `switchback-lab world DIR`: the world process.  It starts one process group
 * for what belongs to no site and one per site that has power; power-off is
 * SIGKILL of the group.  When it ends, everything ends. */
#include "lab/lab.h"

#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/sigs.h"
#include "core/sys/spawn.h"
#include "lab/world/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct groups {
    struct lab_cfg cfg;
    char program[4096];
    pid_t pids[W_MAX_SITES + 1]; /* by site index of the world; the services stand at nsites */
    pid_t smb[W_MAX_SITES];      /* file servers */
    bool changed;
    uint64_t seen; /* version of the world as of the last turn */
};

static void
tell (struct sb_faults *faults)
{
    SB_AUTOFREE char *text = sb_faults_text (faults);

    fprintf (stderr, "%s", text);
    sb_faults_free (faults);
}

static pid_t
start (struct groups *g, const char *what, const char *name)
{
    SB_AUTOFREE char *file = sb_xprintf ("%s/log/%s.log", g->cfg.dir, name != NULL ? name : what);
    const char *argv[] = { g->program, what, "--dir", g->cfg.dir, name, NULL };
    int log = open (file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const struct sb_spawn_fd fds[] = { { -1, 0 }, { log, 1 }, { log, 2 } };
    struct sb_spawn how = { .argv = argv, .fds = fds, .nfds = 3, .own_group = true, .die_signal = SIGKILL };
    struct sb_faults faults = { 0 };
    pid_t pid = sb_spawn (&how, &faults);

    if (log >= 0)
        close (log);
    tell (&faults);
    return pid;
}

static void
stop (pid_t *pid)
{
    struct sb_exit e;

    if (*pid <= 0)
        return;
    kill (-*pid, SIGKILL);
    sb_wait (*pid, sb_deadline_in (5000), &e);
    *pid = 0;
}

/* Power came or went. */
static void
site_power (void *ctx, struct world *w, w_id site, bool powered)
{
    struct groups *g = ctx;

    stop (&g->pids[site - 1]);
    if (powered)
        g->pids[site - 1] = start (g, "site", w_str (w, w->sites[site - 1].name));
    g->changed = true;
}

/* Can this host, which stands in the tool's site, see the share? */
static bool
share_seen (const struct world *w, const struct lab_share *s)
{
    const struct w_share *h = NULL;
    w_id site = 0;

    for (unsigned i = 0; i < w->nshares && h == NULL; i++)
        if (strcmp (w_str (w, w->shares[i].name), s->name) == 0)
            h = &w->shares[i];
    if (h == NULL)
        return true;
    site = h->site != 0 ? h->site : h->instance != 0 ? w->instances[h->instance - 1].site : 0;
    return !h->gone && (site == 0 || w_linked (w, w->tool_site, site));
}

/* DIR/mnt/NAME are links that come and go, as mounts do. */
static void
mount_shares (struct groups *g, const struct world *w)
{
    for (size_t i = 0; i < g->cfg.nshares; i++) {
        const struct lab_share *s = &g->cfg.shares[i];
        SB_AUTOFREE char *link = sb_xprintf ("%s/mnt/%s", g->cfg.dir, s->name);

        if (s->path == NULL)
            continue;
        if (share_seen (w, s) ? symlink (s->path, link) != 0 && errno != EEXIST : unlink (link) != 0 && errno != ENOENT)
            fprintf (stderr, "%s: %s\n", link, strerror (errno));
    }
}

/* A site's file server runs while this host, which stands in the tool's site, could reach it. */
static void
serve_files (struct groups *g, const struct world *w)
{
    for (size_t i = 0; i < g->cfg.nsites && i < w->nsites; i++) {
        struct sb_faults faults = { 0 };
        bool wanted = g->cfg.sites[i].smb_port != 0 && w_linked (w, w->tool_site, (w_id) (i + 1));

        if (!wanted)
            stop (&g->smb[i]);
        else if (g->smb[i] <= 0)
            g->smb[i] = lab_smb_start (&g->cfg, &g->cfg.sites[i], &faults);
        tell (&faults);
    }
}

/* A group that ended by itself is reaped; its broken connection has told the world already. */
static void
turn (void *ctx, struct world *w)
{
    struct groups *g = ctx;
    struct sb_faults faults = { 0 };

    if (w->version != g->seen)
        mount_shares (g, w);
    if (w->version != g->seen)
        serve_files (g, w);
    g->seen = w->version;
    for (size_t i = 0; i < g->cfg.nsites; i++)
        if (g->pids[i] > 0 && waitpid (g->pids[i], NULL, WNOHANG) == g->pids[i]) {
            kill (-g->pids[i], SIGKILL);
            g->pids[i] = 0;
            g->changed = true;
        }
    if (!g->changed)
        return;
    g->changed = false;
    lab_json_write (&g->cfg, g->pids, &faults);
    tell (&faults);
}

static void
ended (void *ctx)
{
    struct groups *g = ctx;

    for (size_t i = 0; i <= g->cfg.nsites; i++)
        stop (&g->pids[i]);
    for (size_t i = 0; i < g->cfg.nsites; i++)
        stop (&g->smb[i]);
}

static bool
prepare (struct groups *g, const struct lab_args *a, struct sb_faults *faults)
{
    ssize_t n = readlink ("/proc/self/exe", g->program, sizeof g->program - 1);

    g->program[n > 0 ? n : 0] = 0;
    return lab_cfg_load (&g->cfg, a->dir, faults);
}

int
lab_run_world (const struct lab_args *a)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };
    struct groups *g = sb_xcalloc (1, sizeof *g);
    struct world *w = sb_xcalloc (1, sizeof *w);
    struct sb_faults faults = { 0 };
    struct w_server_cfg cfg = { .dir = a->dir,
                                .ready_fd = a->ready_fd,
                                .owner_fd = a->owner_fd,
                                .ctx = g,
                                .site = site_power,
                                .turn = turn,
                                .ended = ended };
    int ret = 1;

    prctl (PR_SET_PDEATHSIG, 0);
    if (!prepare (g, a, &faults) || !lab_ports_hold (&g->cfg, &faults) || !w_state_load (a->dir, w, &faults))
        goto out;
    cfg.dir = g->cfg.dir;
    cfg.signal_fd = sb_signal_fd (signals, &faults);
    g->pids[g->cfg.nsites] = start (g, "services", NULL);
    ret = w_server_run (&cfg, w, &faults) == 0 ? 0 : 1;
out:
    tell (&faults);
    lab_cfg_free (&g->cfg);
    free (g);
    free (w);
    return ret;
}
