/* The loop that makes a run happen: it drives the engine with answers of lanes,
 * timers, probes, signals and people, and carries the engine's commands out.
 *
 * One turn: drain everything that has come, let the engine decide, commit the
 * records in one transaction, then act.  Intentions are durable before their
 * act; everything is durable before success is told.  What people see comes
 * through `struct sb_run_view`; nothing is printed here. */
#ifndef SB_ENGINE_RUN_H
#define SB_ENGINE_RUN_H

#include "core/base/fault.h"
#include "core/engine/engine.h"
#include "core/engine/pool.h"
#include "core/host/lane.h"
#include "core/journal/journal.h"
#include "core/model/plan.h"
#include "core/model/topology.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SB_RUN_IMAGE "plan.image" /* in the folder of a run with a long plan: sb_plan_to_image() */
/* The hash of that file as the run's first record has it (sb_plan_image_seal()); false: it has none. */
bool sb_run_image_seal (struct sb_journal *j, const char *run, char ret[SB_SHA256_HEX]);

struct sb_run; /* a run under way; handed to callbacks */

/* All members may be NULL.  `step` is SB_NO_STEP for the run as a whole.  Strings live until the callback returns. */
struct sb_run_view {
    /* A record was decided; it is committed before anything is done about it.  `body` is its JSON. */
    void (*record) (void *ctx, struct sb_run *run, const struct sb_engine_record *r, const char *body);
    void (*progress) (void *ctx, struct sb_run *run, uint32_t step, unsigned percent, const char *text);
    void (*log) (void *ctx, struct sb_run *run, uint32_t step, enum sb_level level, const char *text);
    /* A gate that nobody has approved yet: YES or NO at once, or OPEN and sb_run_gate() later.  With NULL, or OPEN and
     * no `wait`, the run ends waiting. */
    enum sb_gate_answer (*gate) (void *ctx, struct sb_run *run, uint32_t step, const char *question);
    /* After each turn.  *ret_fd >= 0 is polled too; when it is readable, or a turn is over, this is called again. */
    void (*turn) (void *ctx, struct sb_run *run, int *ret_fd);
};

/* How calls are made: lanes, or in-process for tests and benchmarks. */
struct sb_launcher {
    bool (*call) (void *self, const struct sb_call_spec *spec);
    void (*stop) (void *self, uint64_t id);
    size_t (*poll_fds) (void *self, struct pollfd *fds, size_t cap, int *ret_timeout_ms);
    size_t (*drain) (void *self, sb_lane_event_fn fn, void *ctx);
    void *self;
};

void sb_launcher_of (struct sb_launcher *l, struct sb_laneset *lanes);

struct sb_run_cfg {
    struct sb_journal *journal; /* open for writing */
    const struct sb_plan *plan;
    const struct sb_topology *topology;
    struct sb_registry *registry;              /* NULL when a launcher is given */
    const struct sb_launcher *launcher;        /* NULL: lanes */
    const char *topology_file, *topology_text; /* file absolute; text NUL-terminated */
    const char *base;                          /* absolute folder of the topology */
    const char *state_dir;                     /* the run's folder is STATE/runs/RUN */
    const char *run;                           /* identifier: new, or of the run to be resumed */
    const char *info;                          /* for struct sb_journal_run; NULL: {} */
    bool resume;                               /* the run is in the journal */
    bool pay;                                  /* owed steps are due again; implies resume */
    bool wait;                                 /* stay at gates: somebody at this terminal or elsewhere may answer */
    bool stay;      /* stay at held steps too: retry, skip or abort may come from elsewhere */
    bool take_over; /* end the hold of a run on another host */
    bool drill;
    bool approve_all;              /* every gate but the named ones; the caller has checked the policy */
    const char *const *approve;    /* "GATE" or "GATE=DURATION", NULL-terminated, or NULL */
    int signal_fd;                 /* TERM, INT, HUP arrive there; -1: none */
    unsigned lanes, max_workers;   /* 0: the host's defaults */
    const struct sb_map *messages; /* channel -> struct sb_messages (core/engine/message.h); NULL: plain texts */
    int64_t notify_ms;             /* how long the end waits for messages; 0: 5000; negative: not at all */
    const struct sb_run_view *view;
    void *view_ctx;
};

struct sb_run_result {
    enum sb_outcome outcome; /* SB_RUN_GOES_ON: it did not come that far; see the faults */
    int exit_code;           /* architecture page, section 11: also 5 (pool is held), 6 (journal) */
    int64_t took_ms, people_ms;
    uint32_t done, adopted, skipped, owed, failed, held, undone, open_gates;
    uint64_t syncs;
    int signal; /* the last one that came, 0: none; it may have come too late to stop the run */
    struct sb_journal_head head;
};

/* Runs to an outcome.  Faults say why when exit_code is 3, 5, 6 or 70.  false: it did not begin or was broken off. */
bool sb_run (const struct sb_run_cfg *cfg, struct sb_run_result *ret, struct sb_faults *faults);

/* For callbacks. */
const struct sb_plan *sb_run_plan (const struct sb_run *run);
const struct sb_engine *sb_run_engine (const struct sb_run *run);
const char *sb_run_target (const struct sb_run *run, uint32_t step); /* located or planned target, or NULL */
const char *sb_run_result_of (const struct sb_run *run, uint32_t step, const char *key); /* or NULL */
int64_t sb_run_now (const struct sb_run *run);
/* A person at this terminal; who is the caller's uid.  They take effect in the next turn. */
void sb_run_gate (struct sb_run *run, uint32_t step, bool yes);
void sb_run_person (struct sb_run *run, enum sb_event_kind what, uint32_t step, const char *reason);

/* Delivers what earlier processes left in the queue for the run (cfg->run; "": what was told outside a run), for at
 * most `ms` and no longer than calls are under way or due within a second, and escalates what nobody acknowledged; its plan is not needed.  Returns how many are still queued. */
size_t sb_notify_rest (const struct sb_run_cfg *cfg, int64_t ms, struct sb_faults *faults);
/* Queues a message outside a run; uses journal, topology, drill and messages of cfg.  `values`: name -> char *. */
bool sb_notify_tell (const struct sb_run_cfg *cfg, const char *what, const char *key, const struct sb_map *values,
                     struct sb_faults *faults);
/* Makes one call of the role notify out of a note: verb send or preview.  `id`: of the call. */
bool sb_note_call (const struct sb_launcher *l, const struct sb_note *note, const char *plugin, const char *verb,
                   uint64_t id);
/* Does any channel want to hear of it? */
bool sb_notify_wanted (const struct sb_topology *t, const char *what);

#endif
