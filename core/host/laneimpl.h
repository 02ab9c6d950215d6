/* The inside of lanes, shared by lane.c (queue and turns) and crew.c (workers);
 * nobody else includes it.
 *
 * A call goes through: waiting -> given (the worker starts and loads) -> begun
 * (the plugin's code runs) -> over.  Given and begun have a deadline each; past
 * it the worker is asked (stop pipe), then gets SIGTERM, then SIGKILL. */
#ifndef SB_HOST_LANEIMPL_H
#define SB_HOST_LANEIMPL_H

#include "core/host/lane.h"
#include "core/sys/spawn.h"
#include "core/sys/stream.h"

#include <sys/types.h>

#define SB_LANE_BUCKETS 256u

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
    unsigned calls; /* that it was given */
    bool retired;   /* leaves; takes no call */
    bool ended;     /* reaped */
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
    struct call *buckets[SB_LANE_BUCKETS];
    size_t waiting, running, cancelled;
    bool start_failed;   /* outside a drain: the next one tries again, and tells */
    sb_lane_event_fn fn; /* during a drain */
    void *ctx;
    size_t given;
};

/* ---- crew.c ---- */

/* A new worker is the last of l->workers.  false: one fault. */
bool sb_lane_start (struct sb_laneset *l, struct spot *s, struct sb_faults *faults);
/* Sends it home; it takes no call any more. */
void sb_lane_retire (struct sb_laneset *l, struct worker *w);
void sb_lane_press (struct sb_laneset *l, struct worker *w, enum pressure to, enum sb_died reason);
void sb_lane_give (struct worker *w, struct call *c);
/* Takes in what it said, enforces its deadline, notices its end (w->ended). */
void sb_lane_serve (struct sb_laneset *l, struct worker *w, int64_t now);
void sb_lane_end (struct worker *w); /* frees one that ended */
/* The last event of a call; the call is forgotten first, so that its number is free. */
void sb_lane_tell_cancelled (struct sb_laneset *l, struct call *c);
void
sb_lane_tell_died (struct sb_laneset *l, struct call *c, enum sb_died reason, struct sb_exit end, const char *sentence);

/* ---- lane.c ---- */

void sb_lane_forget (struct sb_laneset *l, struct call *c);

#endif
