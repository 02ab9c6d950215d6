/* The processes behind lanes: starting, asking, killing and burying a worker,
 * and turning its messages into events; see lane.h for what is promised and
 * lane.c for who gets a worker when. */
#include "core/host/laneimpl.h"

#include "core/base/mem.h"
#include "core/host/session.h"
#include "core/host/wire.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"
#include "core/sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define START_MS 60000 /* for exec and loading of the plugin, on a busy machine, under sanitizers */

/* ---- workers -------------------------------------------------------------------------------------------- */

bool
sb_lane_start (struct sb_laneset *l, struct spot *s, struct sb_faults *faults)
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
void
sb_lane_retire (struct sb_laneset *l, struct worker *w)
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

void
sb_lane_press (struct sb_laneset *l, struct worker *w, enum pressure to, enum sb_died reason)
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

void
sb_lane_give (struct worker *w, struct call *c)
{
    sb_stream_put_message (&w->wire, c->message, strlen (c->message));
    free (c->message);
    c->message = NULL;
    c->given_at = sb_mono_ms ();
    w->call = c;
    w->calls++;
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

void
sb_lane_tell_cancelled (struct sb_laneset *l, struct call *c)
{
    struct sb_lane_event e = { .type = SB_LANE_ANSWER,
                               .id = c->id,
                               .op = c->op,
                               .rc = SB_STOPPED,
                               .seen = SB_SEEN_UNKNOWN,
                               .sentence = "stopped before it began" };

    sb_lane_forget (l, c);
    tell (l, &e);
}

void
sb_lane_tell_died (struct sb_laneset *l, struct call *c, enum sb_died reason, struct sb_exit end, const char *sentence)
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

    sb_lane_forget (l, c);
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
    sb_lane_forget (l, c);
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
            sb_lane_press (l, w, KILLED, SB_DIED_DEFECT);
    }
    if (flow == SB_FLOW_TOO_LONG && w->pressure != KILLED)
        sb_lane_press (l, w, KILLED, SB_DIED_DEFECT);
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
    sb_lane_tell_died (l, c, reason, end, sentence);
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
        sb_lane_press (l, w, KILLED, SB_DIED_START);
    else if (w->pressure == CALM)
        sb_lane_press (l, w, ASKED, SB_DIED_DEADLINE);
    else
        sb_lane_press (l, w, w->pressure == ASKED ? TERMINATED : KILLED, w->reason);
}

void
sb_lane_serve (struct sb_laneset *l, struct worker *w, int64_t now)
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

void
sb_lane_end (struct worker *w)
{
    sb_fd_close (&w->wire.fd);
    sb_fd_close (&w->stop_fd);
    sb_fd_close (&w->pid_fd);
    sb_stream_free (&w->wire);
    free (w);
}
