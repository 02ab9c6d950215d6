/* Lanes: worker processes that run the actions of plugins.
 *
 * The run loop hands a call over, goes on, and later drains events.  It never
 * waits here: every function but sb_lanes_free() returns at once.  A lane is
 * `switchback __lane`, an exec of the same program with a socket on fd 3 and a
 * stop pipe on fd 4; it serves one plugin at one target, one call at a time,
 * and lives until it is no longer needed.  Promised:
 *
 *   - each accepted call ends in exactly one ANSWER or DIED event;
 *   - a call that outlives its deadline is asked to stop, then killed;
 *   - one target never has more lanes than allowed, a SERIAL plugin never more
 *     than one there; waiting calls of different targets take turns;
 *   - workers die with this process, whatever ends it, and sb_lanes_free()
 *     leaves none behind, nor anything that they started;
 *   - secrets are read in the worker and never come over here.
 *
 * What a call means, whether it may be made again and when, is the engine's. */
#ifndef SB_HOST_LANE_H
#define SB_HOST_LANE_H

#include "core/base/fault.h"
#include "core/host/registry.h"

#include <switchback/plugin.h>

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sb_laneset;

struct sb_lanes_cfg {
    struct sb_registry *registry; /* borrowed; must outlive the lanes */
    const char *topology_file;    /* for messages */
    const char *topology_text;    /* what was read from it: all workers see the same text */
    size_t topology_len;
    const char *base;    /* absolute folder of the topology; relative paths start there */
    const char *run;     /* identifier of the run, or "" outside a run (check, status) */
    const char *run_dir; /* folder of the run, or NULL; expanded by the engine, told to plugins as about("run dir") */
    bool drill;
    unsigned lanes;       /* per target; 0: 4 */
    unsigned max_workers; /* 0: 64 */
    unsigned max_waiting; /* calls that may queue; 0: 4096 */
    int64_t grace_ms;     /* between asking, SIGTERM and SIGKILL; 0: 2000 */
};

enum sb_op { SB_OP_RUN = 0, SB_OP_VERIFY };

struct sb_call_param {
    const char *name;
    const char *value;        /* as it would be typed; NULL for a list */
    const char *const *items; /* list: NULL-terminated; else NULL */
};

/* One call.  Everything is copied. */
struct sb_call_spec {
    uint64_t id; /* chosen by the caller; unique among calls under way; not 0 */
    const char *plugin;
    const char *kind, *object; /* who plays the role: "database", "mgc" */
    const char *verb;
    enum sb_op op;
    const char *on;                     /* name of the target object: param("on") of the plugin; NULL: none */
    const char *target;                 /* lane key, e.g. the host; NULL: `on`, else `object` */
    const struct sb_call_param *params; /* without "on" */
    size_t nparams;
    int64_t deadline_ms; /* from the moment a worker gets it, > 0 */
    const char *step;    /* name of the step, for session names; may be NULL */
    unsigned attempt;    /* from 1 */
};

enum sb_lane_event_type {
    SB_LANE_STARTED,  /* the plugin's code begins now */
    SB_LANE_ANSWER,   /* rc (RUN) or seen (VERIFY), sentence, results */
    SB_LANE_PROGRESS, /* percent, text */
    SB_LANE_LOG,      /* level, text */
    SB_LANE_DIED      /* reason, signal or exit_code, sentence; the worker is gone */
};

enum sb_died {
    SB_DIED_CRASH = 0, /* by a signal of its own, or it left */
    SB_DIED_DEADLINE,  /* killed: it did not stop when its time was over */
    SB_DIED_STOPPED,   /* killed: it did not stop when asked */
    SB_DIED_DEFECT,    /* killed: it broke the protocol or its limits */
    SB_DIED_START      /* the worker could not be started: nothing was done */
};

struct sb_lane_result {
    const char *name, *value; /* a list result reads "a, b, c" */
};

/* Strings live until the callback returns. */
struct sb_lane_event {
    enum sb_lane_event_type type;
    uint64_t id; /* 0: a log line outside a call */
    enum sb_op op;
    bool begun; /* DIED: the plugin's code had begun; false: nothing was changed */
    enum sb_rc rc;
    enum sb_seen seen;
    const char *sentence; /* ANSWER, DIED: in words, with "\nHINT: ..." perhaps; "" never NULL */
    const struct sb_lane_result *results;
    size_t nresults;
    unsigned percent; /* above 100: only the text is known */
    enum sb_level level;
    const char *text; /* PROGRESS, LOG */
    enum sb_died reason;
    int signal, exit_code; /* DIED: one of them; 0: not that */
    int64_t took_ms;       /* ANSWER, DIED: since a worker got the call */
};

typedef void (*sb_lane_event_fn) (void *ctx, const struct sb_lane_event *event);

/* NULL: a fault was added.  No worker is started yet. */
struct sb_laneset *sb_lanes_new (const struct sb_lanes_cfg *cfg, struct sb_faults *faults);

/* Queues a call and starts a worker if there is room for one.  false: the queue
 * is full or the id is under way; nothing was queued, no event will come. */
bool sb_lanes_call (struct sb_laneset *l, const struct sb_call_spec *spec);

/* Asks a call to stop, then SIGTERM, then SIGKILL, `grace_ms` apart.  A call that
 * still waits is answered with SB_STOPPED (VERIFY: unknown) at the next drain. */
void sb_lanes_stop (struct sb_laneset *l, uint64_t id);
void sb_lanes_stop_all (struct sb_laneset *l);

/* What to poll: fills at most `cap` entries, returns how many there are in all.
 * *ret_timeout_ms is lowered to the time until the next deadline of a call
 * (-1 on entry: none of the caller's). */
size_t sb_lanes_poll_fds (struct sb_laneset *l, struct pollfd *fds, size_t cap, int *ret_timeout_ms);

/* Takes in all that has arrived, enforces deadlines, reaps, starts what can be
 * started.  Never blocks.  Returns the number of events given to `fn`.  The
 * callback may call sb_lanes_call() and sb_lanes_stop(). */
size_t sb_lanes_drain (struct sb_laneset *l, sb_lane_event_fn fn, void *ctx);

/* For callers without a loop of their own (check, status): polls and drains
 * until an event was given, nothing is under way, or the time is over. */
size_t sb_lanes_wait (struct sb_laneset *l, int timeout_ms, sb_lane_event_fn fn, void *ctx);

size_t sb_lanes_under_way (const struct sb_laneset *l); /* waiting and running calls */
size_t sb_lanes_workers (const struct sb_laneset *l);   /* processes */

/* Ends all workers, at once for idle ones, within 2 * grace_ms for the others
 * (asks, SIGTERM, SIGKILL); calls under way give no event any more.  NULL is fine. */
void sb_lanes_free (struct sb_laneset *l);

/* The worker: what `switchback __lane` runs.  Returns the exit code. */
int sb_lane_main (void);

#endif
