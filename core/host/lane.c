/* The parent's side of lanes: the queue, and who gets a worker when; see lane.h.
 *
 *      sb_lanes_call            spot = (plugin, target)             worker = one process (crew.c)
 *   ---------------->  [call][call][call]  -- a worker is free -->  socket, stop pipe
 *                        first come, first served                    start / log / progress / answer
 *                        spots take turns
 *
 * A worker that is warm goes on where it is: another process, another connection and another sign-in cost more than most
 * calls.  It has to yield after STINT calls when some spot that waits has nobody; and to a spot that only wants one more,
 * once it was idle for SPARE_MS.
 *
 * Structures that the callback can reach (it may add and stop calls) are only
 * taken apart in sweep(), after all events were given. */
#include "core/host/laneimpl.h"

#include "core/base/mem.h"
#include "core/host/wire.h"
#include "core/sys/clock.h"

#include <stdlib.h>
#include <string.h>

#define STINT    8
#define SPARE_MS 2000

/* ---- making --------------------------------------------------------------------------------------------- */

struct sb_laneset *
sb_lanes_new (const struct sb_lanes_cfg *cfg, struct sb_faults *faults)
{
    struct sb_laneset *l;
    SB_AUTOFREE char *probe = NULL;

    if (cfg->topology_len > SB_TOPOLOGY_MAX) {
        sb_fault (faults, cfg->topology_file, 0, "the topology is too long for a worker (%zu bytes, at most %u)",
                  cfg->topology_len, SB_TOPOLOGY_MAX);
        return NULL;
    }
    l = sb_xcalloc (1, sizeof *l);
    l->cfg = *cfg;
    l->cfg.topology_file = l->topology_file = sb_xstrdup (cfg->topology_file != NULL ? cfg->topology_file : "topology");
    l->cfg.topology_text = l->topology_text = sb_xstrndup (cfg->topology_text, cfg->topology_len);
    l->cfg.base = l->base = sb_xstrdup (cfg->base);
    l->cfg.run = l->run = sb_xstrdup (cfg->run != NULL ? cfg->run : "");
    l->cfg.run_dir = l->run_dir = sb_xstrdup (cfg->run_dir);
    l->cfg.lanes = cfg->lanes != 0 ? cfg->lanes : 4;
    l->cfg.max_workers = cfg->max_workers != 0 ? cfg->max_workers : 64;
    l->cfg.max_waiting = cfg->max_waiting != 0 ? cfg->max_waiting : 4096;
    l->cfg.grace_ms = cfg->grace_ms > 0 ? cfg->grace_ms : 2000;
    probe = sb_wire_init (&l->cfg, "probe");
    if (probe == NULL) {
        sb_fault (faults, cfg->topology_file, 0, "the topology or a folder's name is not UTF-8");
        sb_lanes_free (l);
        return NULL;
    }
    return l;
}

static struct target *
target_of (struct sb_laneset *l, const char *name)
{
    struct target *t;
    size_t i;

    for (i = 0; i < l->ntargets; i++)
        if (strcmp (l->targets[i]->name, name) == 0)
            return l->targets[i];
    t = sb_xcalloc (1, sizeof *t);
    t->name = sb_xstrdup (name);
    SB_PUSH (l->targets, l->ntargets, l->targets_cap) = t;
    return t;
}

static struct spot *
spot_of (struct sb_laneset *l, const char *plugin, const char *target)
{
    const struct sb_catalogue_plugin *p = sb_catalogue_find (sb_registry_catalogue (l->cfg.registry), plugin);
    struct target *t = target_of (l, target);
    struct spot *s;
    size_t i;

    for (i = 0; i < l->nspots; i++)
        if (l->spots[i]->target == t && strcmp (l->spots[i]->plugin, plugin) == 0)
            return l->spots[i];
    s = sb_xcalloc (1, sizeof *s);
    s->plugin = sb_xstrdup (plugin);
    s->target = t;
    s->last = &s->first;
    s->limit = p != NULL && p->lanes == SB_PARALLEL ? l->cfg.lanes : 1;
    SB_PUSH (l->spots, l->nspots, l->spots_cap) = s;
    return s;
}

/* ---- calls by their id ---------------------------------------------------------------------------------- */

static struct call **
chain_of (struct sb_laneset *l, uint64_t id)
{
    struct call **at = &l->buckets[id % SB_LANE_BUCKETS];

    while (*at != NULL && (*at)->id != id)
        at = &(*at)->chained;
    return at;
}

void
sb_lane_forget (struct sb_laneset *l, struct call *c)
{
    struct call **at = chain_of (l, c->id);

    if (*at == c)
        *at = c->chained;
    if (c->message != NULL)
        sb_wipe (c->message, strlen (c->message));
    free (c->message);
    free (c);
}

static void
sweep (struct sb_laneset *l)
{
    size_t i, n = 0;

    for (i = 0; i < l->nworkers; i++)
        if (l->workers[i]->ended)
            sb_lane_end (l->workers[i]);
        else
            l->workers[n++] = l->workers[i];
    l->nworkers = n;
}

/* ---- who is next ---------------------------------------------------------------------------------------- */

static bool
is_idle (const struct worker *w)
{
    return w->call == NULL && !w->retired && !w->ended && !w->wire.closed;
}

/* The one that has been idle for longest: at a spot, or at a target, or anywhere. */
static struct worker *
idle_worker (struct sb_laneset *l, const struct spot *s, const struct target *t)
{
    struct worker *oldest = NULL;
    size_t i;

    for (i = 0; i < l->nworkers; i++) {
        struct worker *w = l->workers[i];

        if (is_idle (w) && (s == NULL || w->spot == s) && (t == NULL || w->spot->target == t)
            && (oldest == NULL || w->idle_since < oldest->idle_since))
            oldest = w;
    }
    return oldest;
}

/* Sends an idle worker home for the sake of a spot; false: there is none that it may have. */
static bool
take_place (struct sb_laneset *l, const struct spot *s, const struct target *t)
{
    struct worker *idle = idle_worker (l, NULL, t);

    if (idle == NULL || (s->workers > 0 && sb_mono_ms () - idle->idle_since < SPARE_MS))
        return false;
    sb_lane_retire (l, idle);
    return true;
}

static size_t
serving (const struct sb_laneset *l)
{
    size_t i, n = 0;

    for (i = 0; i < l->nworkers; i++)
        n += !l->workers[i]->retired;
    return n;
}

/* Makes room for one more worker at a spot by letting idle ones go; false: there is none. */
static bool
make_room (struct sb_laneset *l, struct spot *s)
{
    if (s->workers >= s->limit)
        return false;
    if (s->target->workers >= l->cfg.lanes && !take_place (l, s, s->target))
        return false;
    return serving (l) < l->cfg.max_workers || take_place (l, s, NULL);
}

static struct call *
take_first (struct sb_laneset *l, struct spot *s)
{
    struct call *c = s->first;

    s->first = c->next;
    if (s->first == NULL)
        s->last = &s->first;
    c->next = NULL;
    l->waiting--;
    return c;
}

/* Gives the first call of a spot to a worker.  false: it has to wait. */
static bool
start_first (struct sb_laneset *l, struct spot *s)
{
    struct worker *w = idle_worker (l, s, NULL);
    struct sb_faults faults = { 0 };

    if (w == NULL && !make_room (l, s))
        return false;
    if (w == NULL && sb_lane_start (l, s, &faults)) {
        w = l->workers[l->nworkers - 1];
    } else if (w == NULL) {
        SB_AUTOFREE char *why = sb_xprintf ("cannot start a worker: %s", faults.list[0].text);

        sb_faults_free (&faults);
        l->start_failed = l->fn == NULL;
        if (l->start_failed)
            return false;
        sb_lane_tell_died (l, take_first (l, s), SB_DIED_START, (struct sb_exit){ .code = -1 }, why);
        return true;
    }
    l->running++;
    sb_lane_give (w, take_first (l, s));
    return true;
}

static void
drop_cancelled (struct sb_laneset *l, struct spot *s)
{
    struct call **at = &s->first, *c, *gone = NULL, **tail = &gone;

    while ((c = *at) != NULL) {
        if (!c->cancelled) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        c->next = NULL;
        *tail = c;
        tail = &c->next;
        l->waiting--;
        l->cancelled--;
    }
    s->last = at;
    while ((c = gone) != NULL) {
        gone = c->next;
        sb_lane_tell_cancelled (l, c);
    }
}

static bool
has_work (const struct spot *s)
{
    return s->first != NULL && !s->first->cancelled;
}

/* Does a spot wait that has no worker at all? */
static bool
somebody_starves (const struct sb_laneset *l)
{
    size_t i;

    for (i = 0; i < l->nspots; i++)
        if (has_work (l->spots[i]) && l->spots[i]->workers == 0)
            return true;
    return false;
}

/* Warm workers go on. */
static void
keep_busy (struct sb_laneset *l)
{
    const bool yield = somebody_starves (l);
    size_t i;

    for (i = 0; i < l->nworkers && l->waiting > 0; i++) {
        struct worker *w = l->workers[i];

        if (!is_idle (w) || !has_work (w->spot) || (yield && w->calls >= STINT))
            continue;
        l->running++;
        sb_lane_give (w, take_first (l, w->spot));
    }
}

/* Then one call of each spot in turn, until nothing more can begin. */
static void
start_what_can (struct sb_laneset *l)
{
    size_t stuck = 0;

    keep_busy (l);
    while (l->waiting > 0 && stuck < l->nspots) {
        struct spot *s = l->spots[l->turn++ % l->nspots];

        stuck = has_work (s) && start_first (l, s) ? 0 : stuck + 1;
    }
}

/* ---- what the loop calls -------------------------------------------------------------------------------- */

bool
sb_lanes_call (struct sb_laneset *l, const struct sb_call_spec *spec)
{
    const char *target = spec->target != NULL ? spec->target : spec->on != NULL ? spec->on : spec->object;
    char *message;
    struct call *c;

    if (l->waiting >= l->cfg.max_waiting || spec->id == 0 || *chain_of (l, spec->id) != NULL || spec->deadline_ms <= 0)
        return false;
    message = sb_wire_call (spec);
    if (message == NULL || strlen (message) > SB_WIRE_TO_WORKER) {
        free (message);
        return false;
    }
    c = sb_xcalloc (1, sizeof *c);
    c->id = spec->id;
    c->op = spec->op;
    c->message = message;
    c->deadline_ms = spec->deadline_ms;
    c->spot = spot_of (l, spec->plugin, target);
    *c->spot->last = c;
    c->spot->last = &c->next;
    *chain_of (l, c->id) = c;
    l->waiting++;
    if (l->fn == NULL)
        start_what_can (l);
    return true;
}

void
sb_lanes_stop (struct sb_laneset *l, uint64_t id)
{
    struct call *c = *chain_of (l, id);
    size_t i;

    if (c == NULL)
        return;
    for (i = 0; i < l->nworkers; i++)
        if (l->workers[i]->call == c) {
            if (l->workers[i]->pressure == CALM)
                sb_lane_press (l, l->workers[i], ASKED, SB_DIED_STOPPED);
            return;
        }
    if (!c->cancelled)
        l->cancelled++;
    c->cancelled = true;
}

void
sb_lanes_stop_all (struct sb_laneset *l)
{
    struct call *c;
    size_t i;

    for (i = 0; i < SB_LANE_BUCKETS; i++)
        for (c = l->buckets[i]; c != NULL; c = c->chained)
            sb_lanes_stop (l, c->id);
}

size_t
sb_lanes_poll_fds (struct sb_laneset *l, struct pollfd *fds, size_t cap, int *ret_timeout_ms)
{
    int64_t first = l->cancelled > 0 || l->start_failed ? 0 : SB_NEVER;
    size_t i, n = 0;
    int left;

    for (i = 0; i < l->nworkers; i++) {
        struct worker *w = l->workers[i];

        if (!w->wire.closed && n++ < cap)
            fds[n - 1] = (struct pollfd){ .fd = w->wire.fd,
                                          .events = (short) (POLLIN | (sb_stream_unsent (&w->wire) ? POLLOUT : 0)) };
        if (w->pid_fd >= 0 && n++ < cap)
            fds[n - 1] = (struct pollfd){ .fd = w->pid_fd, .events = POLLIN };
        if (w->act_at < first)
            first = w->act_at;
    }
    if (ret_timeout_ms != NULL && (left = sb_deadline_left (first)) >= 0
        && (*ret_timeout_ms < 0 || left < *ret_timeout_ms))
        *ret_timeout_ms = left;
    return n;
}

size_t
sb_lanes_drain (struct sb_laneset *l, sb_lane_event_fn fn, void *ctx)
{
    int64_t now = sb_mono_ms ();
    size_t i;

    l->fn = fn;
    l->ctx = ctx;
    l->given = 0;
    for (i = 0; i < l->nworkers; i++)
        sb_lane_serve (l, l->workers[i], now);
    for (i = 0; l->cancelled > 0 && i < l->nspots; i++)
        drop_cancelled (l, l->spots[i]);
    sweep (l);
    l->start_failed = false;
    start_what_can (l);
    l->fn = NULL;
    return l->given;
}

size_t
sb_lanes_wait (struct sb_laneset *l, int timeout_ms, sb_lane_event_fn fn, void *ctx)
{
    int64_t deadline = sb_deadline_in (timeout_ms);
    struct pollfd *fds = NULL;
    size_t cap = 0, n, given;

    while ((given = sb_lanes_drain (l, fn, ctx)) == 0 && sb_lanes_under_way (l) > 0
           && sb_deadline_left (deadline) != 0) {
        int left = sb_deadline_left (deadline);

        n = sb_lanes_poll_fds (l, fds, cap, &left);
        if (n > cap) {
            fds = sb_xrealloc (fds, n, sizeof *fds);
            cap = n;
            continue;
        }
        poll (fds, n, left);
    }
    free (fds);
    return given;
}

size_t
sb_lanes_under_way (const struct sb_laneset *l)
{
    return l->waiting + l->running;
}

size_t
sb_lanes_workers (const struct sb_laneset *l)
{
    return l->nworkers;
}

/* ---- the end -------------------------------------------------------------------------------------------- */

static void
ignore (void *ctx, const struct sb_lane_event *event)
{
    (void) ctx;
    (void) event;
}

static void
end_workers (struct sb_laneset *l)
{
    struct pollfd *fds;
    size_t i, n;
    int left;

    for (i = 0; i < l->nworkers; i++) {
        if (l->workers[i]->call != NULL && l->workers[i]->pressure == CALM)
            sb_lane_press (l, l->workers[i], ASKED, SB_DIED_STOPPED);
        sb_lane_retire (l, l->workers[i]);
    }
    while (l->nworkers > 0) {
        left = 1000;
        fds = sb_xcalloc (2 * l->nworkers, sizeof *fds);
        n = sb_lanes_poll_fds (l, fds, 2 * l->nworkers, &left);
        poll (fds, n, left);
        free (fds);
        sb_lanes_drain (l, ignore, NULL);
    }
}

static void
drop_waiting (struct sb_laneset *l)
{
    size_t i;

    for (i = 0; i < l->nspots; i++)
        while (l->spots[i]->first != NULL)
            sb_lane_forget (l, take_first (l, l->spots[i]));
}

void
sb_lanes_free (struct sb_laneset *l)
{
    size_t i;

    if (l == NULL)
        return;
    drop_waiting (l);
    l->cancelled = 0;
    end_workers (l);
    for (i = 0; i < l->nspots; i++) {
        free (l->spots[i]->plugin);
        free (l->spots[i]);
    }
    for (i = 0; i < l->ntargets; i++) {
        free (l->targets[i]->name);
        free (l->targets[i]);
    }
    free (l->spots);
    free (l->targets);
    free (l->workers);
    free (l->topology_file);
    free (l->topology_text);
    free (l->base);
    free (l->run);
    free (l->run_dir);
    free (l);
}
