/* The parent's side of lanes: queue, workers, deadlines; see lane.h.
 *
 *      sb_lanes_call            spot = (plugin, target)             worker = one process
 *   ---------------->  [call][call][call]  -- a worker is free -->  socket, stop pipe
 *                        first come, first served                    start / log / progress / answer
 *                        spots take turns
 *
 * A call goes through: waiting -> given (the worker starts and loads) -> begun
 * (the plugin's code runs) -> over.  Each of given and begun has a deadline;
 * past it the worker is asked (stop pipe), then gets SIGTERM, then SIGKILL.
 * Structures that the callback can reach (it may add and stop calls) are only
 * taken apart in sweep(), after all events were given. */
#include "core/host/lane.h"

#include "core/base/mem.h"
#include "core/host/session.h"
#include "core/host/wire.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"
#include "core/sys/spawn.h"
#include "core/sys/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define START_MS 60000 /* for exec and loading of the plugin, on a busy machine, under sanitizers */
#define BUCKETS  256u

enum pressure { CALM, ASKED, TERMINATED, KILLED };

struct call {
    uint64_t id;
    enum sb_op op;
    char *message; /* for the wire; NULL once it was sent */
    int64_t deadline_ms;
    struct spot *spot;
    struct call *next;    /* in the spot's queue */
    struct call *chained; /* in the bucket of its id */
    bool cancelled;       /* stopped while it waited */
    bool begun;
    int64_t given_at;
};

struct target {
    char *name;
    unsigned workers;
};

struct spot {
    char *plugin;
    struct target *target;
    struct call *first, **last;
    unsigned limit; /* workers it may have */
    unsigned workers;
};

struct worker {
    struct spot *spot;
    pid_t pid;
    int pid_fd, stop_fd;
    struct sb_stream wire;
    struct call *call; /* NULL: idle */
    enum pressure pressure;
    enum sb_died reason; /* why it is pressed */
    int64_t act_at;      /* when the pressure is raised; SB_NEVER: not */
    int64_t idle_since;
    bool retired; /* leaves; takes no call */
    bool ended;   /* reaped */
};

struct sb_laneset {
    struct sb_lanes_cfg cfg; /* strings are copies */
    char *topology_file, *topology_text, *base, *run, *run_dir;
    struct target **targets;
    size_t ntargets, targets_cap;
    struct spot **spots;
    size_t nspots, spots_cap, turn;
    struct worker **workers;
    size_t nworkers, workers_cap;
    struct call *buckets[BUCKETS];
    size_t waiting, running, cancelled;
    bool start_failed;   /* outside a drain: the next one tries again, and tells */
    sb_lane_event_fn fn; /* during a drain */
    void *ctx;
    size_t given;
};

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
    struct call **at = &l->buckets[id % BUCKETS];

    while (*at != NULL && (*at)->id != id)
        at = &(*at)->chained;
    return at;
}

static void
forget_call (struct sb_laneset *l, struct call *c)
{
    struct call **at = chain_of (l, c->id);

    if (*at == c)
        *at = c->chained;
    if (c->message != NULL)
        sb_wipe (c->message, strlen (c->message));
    free (c->message);
    free (c);
}

/* ---- workers -------------------------------------------------------------------------------------------- */

static bool
start_worker (struct sb_laneset *l, struct spot *s, struct sb_faults *faults)
{
    const char *argv[] = { sb_registry_program (l->cfg.registry), "__lane", NULL };
    SB_CLEANUP (sb_fd_close) int theirs = -1;
    SB_CLEANUP (sb_fd_close) int stop_read = -1;
    SB_AUTOFREE char **env = sb_worker_env ();
    SB_AUTOFREE char *init = sb_wire_init (&l->cfg, s->plugin);
    int pair[2], stop[2];
    struct worker *w;
    pid_t pid;

    if (!sb_socket_pair (pair, faults))
        return false;
    theirs = pair[1];
    if (pipe2 (stop, O_CLOEXEC | O_NONBLOCK) != 0) {
        sb_fault (faults, NULL, 0, "cannot make a pipe: %s", strerror (errno));
        close (pair[0]);
        return false;
    }
    stop_read = stop[0];
    {
        const struct sb_spawn_fd fds[] = {
            { -1, 0 }, { -1, 1 }, { theirs, SB_WIRE_SOCKET }, { stop_read, SB_WIRE_STOP }
        };
        struct sb_spawn what = { .argv = argv,
                                 .env = (const char *const *) env,
                                 .fds = fds,
                                 .nfds = 4,
                                 .own_session = true,
                                 .die_signal = SIGKILL };

        pid = sb_spawn (&what, faults);
    }
    if (pid < 0) {
        close (pair[0]);
        close (stop[1]);
        return false;
    }
    w = sb_xcalloc (1, sizeof *w);
    w->spot = s;
    w->pid = pid;
    w->pid_fd = sb_pid_fd (pid);
    w->stop_fd = stop[1];
    w->act_at = SB_NEVER;
    sb_stream_init (&w->wire, pair[0], SB_WIRE_FROM_WORKER);
    sb_stream_put_message (&w->wire, init, strlen (init));
    s->workers++;
    s->target->workers++;
    SB_PUSH (l->workers, l->nworkers, l->workers_cap) = w;
    return true;
}

/* An idle worker leaves by itself when its socket closes; if it does not, it is made to. */
static void
retire (struct sb_laneset *l, struct worker *w)
{
    if (w->retired)
        return;
    w->retired = true;
    w->spot->workers--;
    w->spot->target->workers--;
    sb_fd_close (&w->stop_fd);
    shutdown (w->wire.fd, SHUT_WR);
    w->pressure = ASKED;
    w->act_at = sb_deadline_in (l->cfg.grace_ms);
}

/* Only once the call has begun: the worker empties the pipe before it begins. */
static void
ask_to_stop (struct worker *w)
{
    if (w->stop_fd >= 0 && w->call != NULL && w->call->begun)
        (void) !write (w->stop_fd, "s", 1);
}

static void
press (struct sb_laneset *l, struct worker *w, enum pressure to, enum sb_died reason)
{
    if (w->pressure == CALM)
        w->reason = reason;
    w->pressure = to;
    w->act_at = to == KILLED ? SB_NEVER : sb_deadline_in (l->cfg.grace_ms);
    if (to == ASKED)
        ask_to_stop (w);
    else if (to == TERMINATED)
        kill (w->pid, SIGTERM);
    else if (to == KILLED)
        kill (w->pid, SIGKILL);
}

static void
give (struct worker *w, struct call *c)
{
    sb_stream_put_message (&w->wire, c->message, strlen (c->message));
    free (c->message);
    c->message = NULL;
    c->given_at = sb_mono_ms ();
    w->call = c;
    w->pressure = CALM;
    w->act_at = sb_deadline_in (START_MS);
    sb_stream_flush (&w->wire);
}

/* ---- events --------------------------------------------------------------------------------------------- */

static void
tell (struct sb_laneset *l, const struct sb_lane_event *e)
{
    l->given++;
    l->fn (l->ctx, e);
}

static int64_t
took (const struct call *c)
{
    return c->given_at > 0 ? sb_mono_ms () - c->given_at : 0;
}

static void
finish_cancelled (struct sb_laneset *l, struct call *c)
{
    struct sb_lane_event e = { .type = SB_LANE_ANSWER,
                               .id = c->id,
                               .op = c->op,
                               .rc = SB_STOPPED,
                               .seen = SB_SEEN_UNKNOWN,
                               .sentence = "stopped before it began" };

    forget_call (l, c);
    tell (l, &e);
}

static void
finish_died (struct sb_laneset *l, struct call *c, enum sb_died reason, struct sb_exit end, const char *sentence)
{
    struct sb_lane_event e = { .type = SB_LANE_DIED,
                               .id = c->id,
                               .op = c->op,
                               .begun = c->begun,
                               .rc = SB_UNSURE,
                               .seen = SB_SEEN_UNKNOWN,
                               .sentence = sentence,
                               .reason = reason,
                               .signal = end.signal,
                               .exit_code = end.signal == 0 ? end.code : 0,
                               .took_ms = took (c) };

    forget_call (l, c);
    tell (l, &e);
}

static void
take_answer (struct sb_laneset *l, struct worker *w, json_t *m)
{
    json_t *list = json_object_get (m, "results");
    size_t n = json_array_size (list), i;
    struct sb_lane_result *results = sb_xcalloc (n + 1, sizeof *results);
    struct call *c = w->call;
    struct sb_lane_event e = { .type = SB_LANE_ANSWER,
                               .id = c->id,
                               .op = c->op,
                               .begun = c->begun,
                               .rc = (enum sb_rc) json_integer_value (json_object_get (m, "rc")),
                               .seen = (enum sb_seen) json_integer_value (json_object_get (m, "seen")),
                               .sentence = sb_wire_text (m, "sentence"),
                               .results = results,
                               .nresults = n,
                               .took_ms = took (c) };

    for (i = 0; i < n; i++) {
        results[i].name = json_string_value (json_array_get (json_array_get (list, i), 0));
        results[i].value = json_string_value (json_array_get (json_array_get (list, i), 1));
        if (results[i].name == NULL || results[i].value == NULL)
            results[i].name = results[i].value = "";
    }
    w->call = NULL;
    w->act_at = SB_NEVER;
    w->pressure = CALM;
    w->idle_since = sb_mono_ms ();
    l->running--;
    forget_call (l, c);
    tell (l, &e);
    free (results);
}

/* false: the worker does not keep to the protocol. */
static bool
take_message (struct sb_laneset *l, struct worker *w, json_t *m)
{
    const char *type = sb_wire_text (m, "t");
    struct sb_lane_event e = { .id = (uint64_t) json_integer_value (json_object_get (m, "id")),
                               .sentence = "",
                               .text = sb_wire_text (m, "text") };

    if (w->call == NULL || e.id != w->call->id)
        return strcmp (type, "log") == 0;
    e.op = w->call->op;
    if (strcmp (type, "answer") == 0) {
        take_answer (l, w, m);
        return true;
    }
    if (strcmp (type, "start") == 0) {
        e.type = SB_LANE_STARTED;
        w->call->begun = true;
        if (w->pressure == CALM)
            w->act_at = sb_deadline_in (w->call->deadline_ms);
        else
            ask_to_stop (w);
    } else if (strcmp (type, "log") == 0) {
        e.type = SB_LANE_LOG;
        e.level = (enum sb_level) json_integer_value (json_object_get (m, "n"));
    } else if (strcmp (type, "progress") == 0) {
        e.type = SB_LANE_PROGRESS;
        e.percent = (unsigned) json_integer_value (json_object_get (m, "n"));
    } else {
        return false;
    }
    tell (l, &e);
    return true;
}

static void
take_messages (struct sb_laneset *l, struct worker *w)
{
    enum sb_flow flow;
    char *text;
    size_t len;

    while ((flow = sb_stream_message (&w->wire, &text, &len)) == SB_FLOW_OK) {
        json_t *m = json_loadb (text, len, 0, NULL);
        bool ok = json_is_object (m) && take_message (l, w, m);

        json_decref (m);
        if (!ok && w->pressure != KILLED)
            press (l, w, KILLED, SB_DIED_DEFECT);
    }
    if (flow == SB_FLOW_TOO_LONG && w->pressure != KILLED)
        press (l, w, KILLED, SB_DIED_DEFECT);
}

/* ---- the end of a worker -------------------------------------------------------------------------------- */

static const char *const died_texts[] = {
    [SB_DIED_CRASH] = "ended in the middle of the call",
    [SB_DIED_DEADLINE] = "did not stop when its time was over",
    [SB_DIED_STOPPED] = "did not stop when it was asked",
    [SB_DIED_DEFECT] = "broke the rules of its connection",
    [SB_DIED_START] = "did not get ready",
};

/* The worker has ended: its call is told, and what it started is ended with it. */
static void
bury (struct sb_laneset *l, struct worker *w, struct sb_exit end)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf how = { 0 };
    SB_AUTOFREE char *sentence = NULL;
    struct call *c = w->call;
    enum sb_died reason = w->pressure == CALM ? SB_DIED_CRASH : w->reason;

    w->ended = true;
    if (!w->retired) {
        w->spot->workers--;
        w->spot->target->workers--;
        w->retired = true;
    }
    if (c == NULL)
        return;
    if (!c->begun && reason != SB_DIED_STOPPED)
        reason = SB_DIED_START;
    sb_exit_text (end, &how);
    sentence = sb_xprintf ("the worker of plugin '%s' %s: %s", w->spot->plugin, died_texts[reason], sb_buf_cstr (&how));
    w->call = NULL;
    l->running--;
    finish_died (l, c, reason, end, sentence);
}

static void
look_for_end (struct sb_laneset *l, struct worker *w)
{
    struct pollfd p = { .fd = w->pid_fd, .events = POLLIN };
    struct sb_exit end = { .code = -1 };

    if (w->pid_fd >= 0 && poll (&p, 1, 0) <= 0)
        return;
    if (w->call != NULL || w->pressure >= TERMINATED)
        sb_session_kill (w->pid); /* before it is reaped: its number cannot be anybody else's yet */
    if (sb_wait (w->pid, sb_deadline_in (0), &end) == SB_WAIT_LATE)
        return;
    sb_stream_fill (&w->wire);
    take_messages (l, w);
    bury (l, w, end);
}

static void
raise_pressure (struct sb_laneset *l, struct worker *w, int64_t now)
{
    if (w->act_at > now)
        return;
    if (w->pressure == CALM && w->call != NULL && !w->call->begun)
        press (l, w, KILLED, SB_DIED_START);
    else if (w->pressure == CALM)
        press (l, w, ASKED, SB_DIED_DEADLINE);
    else
        press (l, w, w->pressure == ASKED ? TERMINATED : KILLED, w->reason);
}

static void
serve_worker (struct sb_laneset *l, struct worker *w, int64_t now)
{
    if (w->ended)
        return;
    if (sb_stream_unsent (&w->wire))
        sb_stream_flush (&w->wire);
    sb_stream_fill (&w->wire);
    take_messages (l, w);
    look_for_end (l, w);
    if (!w->ended)
        raise_pressure (l, w, now);
}

static void
free_worker (struct worker *w)
{
    sb_fd_close (&w->wire.fd);
    sb_fd_close (&w->stop_fd);
    sb_fd_close (&w->pid_fd);
    sb_stream_free (&w->wire);
    free (w);
}

static void
sweep (struct sb_laneset *l)
{
    size_t i, n = 0;

    for (i = 0; i < l->nworkers; i++)
        if (l->workers[i]->ended)
            free_worker (l->workers[i]);
        else
            l->workers[n++] = l->workers[i];
    l->nworkers = n;
}

/* ---- who is next ---------------------------------------------------------------------------------------- */

static struct worker *
idle_worker (struct sb_laneset *l, const struct spot *s, const struct target *t)
{
    struct worker *oldest = NULL;
    size_t i;

    for (i = 0; i < l->nworkers; i++) {
        struct worker *w = l->workers[i];

        if (w->call == NULL && !w->retired && !w->ended && !w->wire.closed && (s == NULL || w->spot == s)
            && (t == NULL || w->spot->target == t) && (oldest == NULL || w->idle_since < oldest->idle_since))
            oldest = w;
    }
    return oldest;
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
    struct worker *idle;

    if (s->workers >= s->limit)
        return false;
    if (s->target->workers >= l->cfg.lanes) {
        if ((idle = idle_worker (l, NULL, s->target)) == NULL)
            return false;
        retire (l, idle);
    }
    if (serving (l) >= l->cfg.max_workers) {
        if ((idle = idle_worker (l, NULL, NULL)) == NULL)
            return false;
        retire (l, idle);
    }
    return true;
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
    if (w == NULL && start_worker (l, s, &faults)) {
        w = l->workers[l->nworkers - 1];
    } else if (w == NULL) {
        SB_AUTOFREE char *why = sb_xprintf ("cannot start a worker: %s", faults.list[0].text);

        sb_faults_free (&faults);
        l->start_failed = l->fn == NULL;
        if (l->start_failed)
            return false;
        finish_died (l, take_first (l, s), SB_DIED_START, (struct sb_exit){ .code = -1 }, why);
        return true;
    }
    l->running++;
    give (w, take_first (l, s));
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
        finish_cancelled (l, c);
    }
}

/* One call of each spot in turn, until nothing more can begin. */
static void
start_what_can (struct sb_laneset *l)
{
    size_t stuck = 0;

    while (l->waiting > 0 && stuck < l->nspots) {
        struct spot *s = l->spots[l->turn++ % l->nspots];

        stuck = s->first != NULL && !s->first->cancelled && start_first (l, s) ? 0 : stuck + 1;
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
                press (l, l->workers[i], ASKED, SB_DIED_STOPPED);
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

    for (i = 0; i < BUCKETS; i++)
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
        serve_worker (l, l->workers[i], now);
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
            press (l, l->workers[i], ASKED, SB_DIED_STOPPED);
        retire (l, l->workers[i]);
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
            forget_call (l, take_first (l, l->spots[i]));
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
