/* What the files of the loop share.
 *
 *   run.c         turns: collect, decide, commit, act
 *   run_calls.c   a command becomes a call, an event of a lane an event of the engine
 *   run_body.c    an engine's record becomes JSON and back
 *   run_people.c  gates, approvals, the terminal
 *   run_desk.c    wishes from elsewhere: the inbox, and the desk
 *   tell.c        what messages to people say
 *   notify.c      how they get there */
#ifndef SB_ENGINE_RUN_INTERNAL_H
#define SB_ENGINE_RUN_INTERNAL_H

#include "core/engine/hold.h"
#include "core/engine/operators.h"
#include "core/engine/probe.h"
#include "core/engine/run.h"
#include "core/engine/store.h"

#include "core/base/buf.h"

#include <jansson.h>

/* Beside the engine's own state of a step: what is words. */
struct sb_run_step {
    json_t *params; /* as written into the intention that stands; NULL: none does */
    char *sentence; /* what the last call about it said */
    char *question; /* of its gate, expanded */
    uint32_t base;  /* results before the verify that will say yes */
};

struct sb_run_gate {
    uint32_t by; /* id of the text that says who */
    int64_t at;  /* 0: not answered */
    bool yes;
};

/* A record that is decided, not yet durable. */
struct sb_pending {
    struct sb_engine_record r;
    char *body;
};

struct sb_approval {
    const char *gate;
    int64_t limit_ms; /* < 0: none */
    uint32_t by;      /* 0: from the command line */
    uint32_t person;  /* with `by` */
};

#define SB_RUN_PAYING " (paying what is owed)" /* in the lock's file and at the desk: short work, worth waiting for */

struct sb_notifier;

struct sb_run {
    const struct sb_run_cfg *cfg;
    const struct sb_plan *plan;
    struct sb_engine *e;
    struct sb_turn turn;
    struct sb_run_step *steps;
    struct sb_run_gate *gates;
    struct sb_store store;
    struct sb_arena arena;
    char *dir, *started_text, *stamp;
    char seal[SB_SHA256_HEX];  /* of the run's row; stands in RUN_BEGIN */
    char image[SB_SHA256_HEX]; /* of the plan's image, "": there is none; stands there too */
    char *plan_json;
    int64_t started_ms;

    struct sb_pool pool;
    struct sb_hold hold;             /* across hosts */
    char *hold_text;                 /* from whom it was taken over, or why there is none; NULL */
    bool hold_taken_over, hold_told; /* hold_text is a name; it stands on record */
    struct sb_operators operators;
    uint32_t operator_uid, operator_by; /* who has the run in hand; how that came (0: he began it) */

    struct sb_launcher launch;
    struct sb_laneset *lanes; /* ours, or NULL */
    struct sb_prober *prober;
    struct sb_notifier *notify;

    struct sb_event *events; /* not yet given to the engine */
    size_t nevents, events_cap, next_event;
    struct sb_pending *pending;
    size_t npending, pending_cap;
    struct sb_command *backlog;               /* calls the launcher had no room for */
    size_t nbacklog, backlog_cap, backlog_at; /* those before backlog_at were taken meanwhile */
    struct sb_approval *approvals;
    size_t napprovals, approvals_cap;
    int64_t *inbox_taken;
    size_t ntaken, taken_cap;

    int64_t wall0, mono0, begun_mono; /* now = wall0 + (mono - mono0): never goes back */
    int64_t flush_at;                 /* mono; SB_NEVER: nothing pending */
    int64_t inbox_at;                 /* mono; next look */
    bool must_commit;                 /* a command of this turn needs its records durable first */
    bool row_added;                   /* the run's row is in the journal */
    bool finished, broken;
    int signal; /* the last that came */
    enum sb_outcome outcome;
    int view_fd;
    struct sb_faults *faults;
    struct sb_journal_head head;
};

/* run.c */
void sb_run_push (struct sb_run *run, const struct sb_event *ev);

/* run_begin.c: everything before the first turn and after the last; false: *ret_exit says why */
bool sb_run_prepare (struct sb_run *run, int *ret_exit);
void sb_run_release (struct sb_run *run);
struct sb_journal_run sb_run_row (const struct sb_run *run);

/* run_commit.c: records that are decided become durable */
void sb_run_pend (struct sb_run *run, const struct sb_engine_record *r);
bool sb_run_commit (struct sb_run *run); /* with the news of the present turn; false: the journal cannot be written */

/* run_calls.c */
void sb_run_call (struct sb_run *run, const struct sb_command *c);
void sb_run_backlog (struct sb_run *run); /* there may be room now */
void sb_run_kill (struct sb_run *run, uint32_t step);
void sb_run_lane_event (void *run, const struct sb_lane_event *event);
char *sb_run_expand (struct sb_run *run, uint32_t step, const char *text); /* caller frees */
json_t *sb_run_params (struct sb_run *run, uint32_t step, bool undo);      /* expanded; caller owns */
#define SB_NOTE_CALLS ((uint64_t) 1 << 63)                                 /* ids of calls that carry messages */

/* run_body.c */
char *sb_run_body (struct sb_run *run, const struct sb_engine_record *r); /* caller frees */
/* Fills *ret from a record of the journal and puts its texts back; false: the body makes no sense. */
bool sb_run_unbody (struct sb_run *run, const struct sb_record *rec, struct sb_engine_record *ret);

/* run_people.c */
void sb_run_ask (struct sb_run *run, uint32_t step);
void sb_run_add_approval (struct sb_run *run, const char *text, uint32_t by, uint32_t person);
bool sb_run_names_gate (const struct sb_run *run, uint32_t step, const char *word);
uint32_t sb_run_person_of (uint32_t uid); /* sb_event.person */

/* run_desk.c */
void sb_run_inbox (struct sb_run *run);
void sb_run_desk (struct sb_run *run);
void sb_run_approvals (struct sb_run *run);
uint32_t sb_run_by (struct sb_run *run, uint32_t uid, const char *how, const char *reason);

/* notify.c */
/* `messages`: channel -> struct sb_messages, borrowed; NULL: plain texts. */
struct sb_notifier *sb_notifier_new (const struct sb_topology *t, struct sb_journal *j, const char *run, bool drill,
                                     const struct sb_map *messages);
void sb_notifier_free (struct sb_notifier *n);
bool sb_notifier_wants (const struct sb_notifier *n, const char *what); /* does any channel? */
/* Adds messages to the batch that is open; `what` and `values`: core/engine/message.h. */
bool sb_notifier_queue (struct sb_notifier *n, const char *what, const char *key, const struct sb_map *values,
                        int64_t now, struct sb_faults *faults);
bool sb_notifier_load (struct sb_notifier *n, struct sb_faults *faults); /* what earlier processes left */
void sb_notifier_pump (struct sb_notifier *n, const struct sb_launcher *l, int64_t now); /* hands calls out */
void sb_notifier_event (struct sb_notifier *n, const struct sb_lane_event *event, int64_t now);
void sb_notifier_seen (struct sb_notifier *n, uint32_t uid, int64_t now); /* a person is there: nothing escalates */
bool sb_notifier_unsaved (const struct sb_notifier *n);
bool sb_notifier_save (struct sb_notifier *n, int64_t now, struct sb_faults *faults); /* into the batch that is open */
size_t sb_notifier_waiting (const struct sb_notifier *n);
size_t sb_notifier_flying (const struct sb_notifier *n); /* calls under way */
int64_t sb_notifier_due (const struct sb_notifier *n);   /* next try or escalation; SB_NEVER: none */

/* tell.c: the message for the k-th command of the turn, a NOTIFY; or for a record of a step, and of what was quoted. */
bool sb_run_tell (struct sb_run *run, size_t k);
bool sb_run_tell_step (struct sb_run *run, const struct sb_engine_record *r);

#endif
