/* The engine: a deterministic state machine over a plan.
 *
 * It knows nothing but the plan, its state and the events it is given; time
 * comes in with each event.  An event changes the state and appends commands
 * to a turn.  Whoever drives it (run.c for real, tests and `prove` over models)
 * first commits the turn's records and then carries out its other commands, so
 * that a crash is always either before the commit (nothing happened) or after
 * it.  Resuming is: init, replay the records, START.  There is no second path.
 *
 * Promised, for every sequence of events:
 *   - no changing call without its intention among the records before it;
 *   - no done without a verify that said yes (READS: a run that said OK);
 *   - what may have happened is verified before it is run again;
 *   - CHANGES is run again only after verify said no;
 *   - every wait has an end, people's and undriven calls' excepted;
 *   - O(1) work per event and edge (O(log n) with a timer), no recursion.
 *
 * The state is one flat block without pointers: copy it with memcpy, compare
 * it by its canonical bytes.  Strings (targets, results, people) stand outside
 * as small ids that the driver chose; 0 is "none". */
#ifndef SB_ENGINE_ENGINE_H
#define SB_ENGINE_ENGINE_H

#include "core/base/buf.h"
#include "core/journal/record.h"
#include "core/model/plan.h"

#include <switchback/plugin.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SB_ENGINE_NEVER INT64_MAX
#define SB_NO_SITE      UINT8_MAX

enum sb_phase {
    SB_PHASE_WAITING = 0, /* for predecessors */
    SB_PHASE_DUE,         /* could begin; stays so when nothing new may begin */
    SB_PHASE_GATE,        /* ASK was handed out; its `when` is not known yet */
    SB_PHASE_ASKED,       /* a person was asked */
    SB_PHASE_LOCATING,    /* `on = principal of` is being looked up */
    SB_PHASE_VERIFYING,   /* verify is under way; `purpose` says what for */
    SB_PHASE_PAUSING,     /* between two verifies */
    SB_PHASE_DOUBTING,    /* verify knows nothing: is the site dark? */
    SB_PHASE_PROVING,     /* an old proof is asked again */
    SB_PHASE_RUNNING,     /* intention on disk, run under way */
    SB_PHASE_BACKOFF,     /* before the next attempt */
    SB_PHASE_DONE,        /* the first phase at rest */
    SB_PHASE_SKIPPED,
    SB_PHASE_OWED,
    SB_PHASE_FAILED,
    SB_PHASE_HELD,
    SB_PHASE_UNDONE,
    SB_PHASES
};

/* Why verify is asked: column of the table in step.c that is the picture. */
enum sb_purpose {
    SB_FOR_TOP = 0, /* step due: is it so already? */
    SB_FOR_SETTLE,  /* run said OK */
    SB_FOR_RETRY,   /* run said RETRY */
    SB_FOR_FAIL,    /* run said FAIL */
    SB_FOR_CLEAR,   /* stopped, unsure, died, deadline, crash: does something of ours still work there? */
    SB_FOR_LOCATE,  /* not verify but LOCATE */
    SB_FOR_READ,    /* not verify but the run of an action that READS */
    SB_PURPOSES
};

enum sb_reason {
    SB_WHY_NONE = 0,
    SB_WHY_UNKNOWN,      /* verify could not tell, and the site answers */
    SB_WHY_PARTLY,       /* half done, and doing it again is not safe */
    SB_WHY_NOT_SETTLED,  /* run said OK, verify does not agree */
    SB_WHY_DARK,         /* the site is dark */
    SB_WHY_GATE_NO,      /* a person said no */
    SB_WHY_GATE_EXPIRED, /* nobody answered in time */
    SB_WHY_PROOF,        /* what it relies on no longer holds */
    SB_WHY_LOCATE,       /* no principal was found */
    SB_WHY_PERSON,       /* a person wants it so */
    SB_WHY_FAILED,       /* run failed and nothing was changed */
    SB_WHY_ATTEMPTS,     /* no attempt is left */
    SB_WHY_LAPSES,       /* its worker died too often */
    SB_WHY_UNDO,         /* the run is being taken back */
    SB_WHY_NO_RETURN,    /* the point of no return was passed */
    SB_WHY_ABORT,
    SB_WHY_REFUSED,
    SB_WHY_NOT_NOW, /* a person's wish does not fit the step's phase */
    SB_WHY_DEFECT,  /* a state that cannot be: a defect in the program */
    SB_WHY_SAME,    /* the same person cannot be the second one */
    SB_WHY_GLASS,   /* one person broke the glass, and the countdown is over */
    SB_WHY_NOT_SO,  /* a person said that it is done; verify does not agree */
    SB_WHYS
};

enum sb_gate_answer {
    SB_GATE_UNASKED = 0,
    SB_GATE_OPEN,       /* a person must be asked; nobody has answered yet */
    SB_GATE_NOT_NEEDED, /* its `when` expands to nothing */
    SB_GATE_YES,
    SB_GATE_NO
};

enum sb_outcome {
    SB_RUN_GOES_ON = 0,
    SB_RUN_DONE,
    SB_RUN_DONE_OWED,     /* done but for what is owed */
    SB_RUN_REFUSED,       /* a gate refused; what ran was undone */
    SB_RUN_FAILED_UNDONE, /* a step failed; what ran was undone */
    SB_RUN_ABORTED,       /* a person aborted; what ran was undone */
    SB_RUN_HELD,          /* steps are held, or failed after the point of no return */
    SB_RUN_WAITING,       /* only people's answers are missing */
    SB_RUN_STOPPED,       /* by a signal; resumable */
    SB_OUTCOMES
};

struct sb_outcome_word {
    const char *name;
    int exit_code; /* architecture page, section 11 */
    bool closed;   /* the run cannot be resumed (DONE_OWED: only to pay) */
    const char *text;
};
extern const struct sb_outcome_word sb_outcome_words[SB_OUTCOMES];
extern const char *const sb_phase_names[SB_PHASES];
extern const char *const sb_purpose_names[SB_PURPOSES];
extern const char *const sb_reason_names[SB_WHYS]; /* in records */
extern const char *const sb_reason_texts[SB_WHYS]; /* for people */

enum sb_call_op { SB_CALL_NONE = 0, SB_CALL_VERIFY, SB_CALL_RUN, SB_CALL_LOCATE };

/* ---------------------------------------------------------------- state */

#define SB_STEP_UNDOING    0x001u /* the undo verb is what is called */
#define SB_STEP_MAYBE      0x002u /* an intention was recorded and nothing has shown that it did not happen; done: by us */
#define SB_STEP_PASSED     0x004u /* successors were told */
#define SB_STEP_OWING      0x008u /* was owed; returns to owed whatever goes wrong */
#define SB_STEP_HOLD       0x010u /* a person wants it held before anything new begins */
#define SB_STEP_RAN        0x020u /* stands in the list of steps that ran */
#define SB_STEP_REPROVE    0x040u /* done, and its verify is under way for somebody's proof */
#define SB_STEP_UNDO_SEEN  0x080u /* undo of this step was dealt with */
#define SB_STEP_UNDO_MAYBE 0x100u /* as MAYBE, for the undo verb */
#define SB_STEP_CLAIMED    0x200u /* a person says that it is done: ask, and do not run it */

struct sb_engine_step {
    int64_t due;        /* timer; SB_ENGINE_NEVER */
    int64_t since;      /* when asking for the present purpose began */
    int64_t asked_at;   /* when the call under way, or the question, began */
    int64_t proved_at;  /* when the question began that was last answered yes; 0: never */
    uint32_t waits_for; /* predecessors that did not pass yet */
    uint32_t next;      /* ready queue, or the doubting steps of a site, or waiters of a proof */
    uint32_t waiters;   /* first step that waits for this step's proof */
    uint32_t ran_prev;  /* the step that ran before this one */
    uint32_t heap_at;   /* place in the heap of timers, or SB_NO_STEP */
    uint32_t target;    /* id of the located target */
    uint32_t result;    /* id of the results */
    uint16_t attempt;   /* intentions written so far */
    uint16_t tries;     /* of them in this process, for `retry` */
    uint16_t polls;
    uint16_t flags;
    uint8_t lapses; /* attempts that ended in doubt, in this process */
    uint8_t phase, purpose, call, why, site;
    uint8_t asks; /* GATE_OPEN of its gate is on record for this step */
};

struct sb_engine_site {
    int64_t silent_since; /* first probe without any answer; 0: not silent */
    int64_t due;          /* next probe; SB_ENGINE_NEVER */
    uint32_t doubting;    /* first step in doubt */
    uint8_t probing, dark;
};

struct sb_engine {
    uint32_t count, nsites, ngates;
    int64_t now;                    /* of the newest event */
    int64_t gates_since, people_ms; /* time during which at least one person was waited for */
    uint32_t ready_first, ready_last, ran_last, heap_count;
    uint32_t active;                            /* steps under way; 0: nothing moves without people */
    uint32_t running;                           /* run calls under way */
    uint32_t passed, held, failed, owed, asked; /* steps; failed: required ones, which block */
    uint32_t no_return;                         /* steps past the point of no return */
    uint32_t max_calls, calls;                  /* 0: no limit */
    uint8_t begun;                              /* RUN_BEGIN is on record */
    uint8_t started, wait, stay, stopping, undoing;
    uint8_t cause; /* enum sb_reason: why nothing new may begin and all is taken back; SB_WHY_NONE */
    uint8_t outcome;
};

static inline struct sb_engine_step *
sb_engine_steps (const struct sb_engine *e)
{
    return (struct sb_engine_step *) (e + 1);
}

static inline struct sb_engine_site *
sb_engine_sites (const struct sb_engine *e)
{
    return (struct sb_engine_site *) (sb_engine_steps (e) + e->count);
}

/* Behind the sites: the heap of timers, indices of steps. */
static inline uint32_t *
sb_engine_heap (const struct sb_engine *e)
{
    return (uint32_t *) (sb_engine_sites (e) + e->nsites);
}

/* Behind the heap: who agreed first at a gate that wants two persons (sb_event.person); 0: nobody yet. */
static inline uint32_t *
sb_engine_firsts (const struct sb_engine *e)
{
    return sb_engine_heap (e) + e->count;
}

/* Behind those: what became of each gate of the plan (enum sb_gate_answer); a gate is answered once for all steps. */
static inline uint8_t *
sb_engine_gates (const struct sb_engine *e)
{
    return (uint8_t *) (sb_engine_firsts (e) + e->ngates);
}

/* Behind the gates' answers: for each gate, whether one person alone has broken its glass. */
static inline uint8_t *
sb_engine_glass (const struct sb_engine *e)
{
    return sb_engine_gates (e) + e->ngates;
}

size_t sb_engine_size (const struct sb_plan *plan);
/* `e` has sb_engine_size() bytes, aligned as malloc() does. */
void sb_engine_init (struct sb_engine *e, const struct sb_plan *plan);
void sb_engine_copy (struct sb_engine *to, const struct sb_engine *from);
/* Equal bytes, equal future: times are relative to now, derived parts are left out. */
void sb_engine_canonical (const struct sb_engine *e, struct sb_buf *out);

/* ---------------------------------------------------------------- events */

enum sb_event_kind {
    SB_EV_START = 0, /* after init or replay */
    SB_EV_ANSWER,    /* a call returned */
    SB_EV_DIED,      /* a call ended without an answer */
    SB_EV_TIMER,     /* sb_engine_next_timer() has come */
    SB_EV_GATE,      /* what became of an ASK, or a person's answer; any step of the gate */
    SB_EV_PROBED,    /* endpoints of a site that answered */
    SB_EV_LOCATED,   /* target 0: nobody knows */
    SB_EV_STOP,      /* a signal: begin nothing, end soon */
    SB_EV_ABORT,     /* a person: take it back */
    SB_EV_RETRY,     /* a person: a held or failed step from the top */
    SB_EV_SKIP,      /* a person: go on without it */
    SB_EV_HOLD,      /* a person: do not begin it */
    SB_EV_CLAIM,     /* a person: it is done; counts only if verify agrees */
    SB_EV_GLASS      /* a person: no second one is there; any step of the gate */
};

struct sb_event {
    enum sb_event_kind kind;
    int64_t now;
    uint32_t step;
    enum sb_call_op op;       /* ANSWER, DIED */
    enum sb_rc rc;            /* ANSWER to RUN */
    enum sb_seen seen;        /* ANSWER to VERIFY */
    bool begun;               /* DIED: false when the plugin's code did not even begin */
    uint32_t result;          /* ANSWER: the step's results from now on; 0: as before */
    uint32_t target;          /* LOCATED */
    enum sb_gate_answer gate; /* GATE */
    uint32_t by;              /* who; id of the driver's, passed on into the record */
    uint32_t person;          /* GATE, GLASS: who, as a number that two persons never share; 0: nobody knows */
    uint32_t site, answers;   /* PROBED */
    bool wait;                /* START: somebody may answer gates later: do not end there */
    bool stay;                /* START: nor at held steps */
    bool pay;                 /* START: owed steps are due again */
};

/* ---------------------------------------------------------------- commands */

enum sb_command_kind {
    SB_CMD_RECORD = 0,
    SB_CMD_VERIFY,
    SB_CMD_RUN,
    SB_CMD_LOCATE,
    SB_CMD_KILL,   /* ask the run call of the step to stop */
    SB_CMD_PROBE,  /* a site; answered by PROBED */
    SB_CMD_ASK,    /* a gate; answered by GATE */
    SB_CMD_NOTIFY, /* people should hear of it */
    SB_CMD_FINISH
};

enum sb_news {
    SB_NEWS_BEGIN = 0,
    SB_NEWS_GATE,
    SB_NEWS_FAILED,
    SB_NEWS_HELD,
    SB_NEWS_OWED,
    SB_NEWS_DARK,
    SB_NEWS_UNDO,
    SB_NEWS_FINISH,
    SB_NEWS_GLASS,
    SB_NEWS
};
extern const char *const sb_news_names[SB_NEWS]; /* words of `events =` of a channel */

/* What a record says beyond texts; the driver adds texts, and gives the same back to replay. */
struct sb_engine_record {
    enum sb_record_kind kind;
    uint32_t step; /* or SB_NO_STEP */
    uint32_t attempt;
    uint8_t why;   /* enum sb_reason */
    uint8_t value; /* ANSWER: rc, or SB_RC_DIED; GATE_*: enum sb_gate_answer; RUN_FINISH: outcome; DARK, LIGHT: site;
                          PERSON: event kind */
    bool accepted; /* PERSON */
    uint32_t target, result, by;
    uint32_t person; /* GATE_FIRST: as in the event */
    int64_t ms; /* GATE_ANSWER: people's time; GATE_GLASS: the countdown; DONE, ADOPTED, PROVED: when the question began that proved it */
    int64_t at;
};
#define SB_RC_DIED      5u /* in `value` beside enum sb_rc */
#define SB_RC_NOT_BEGUN 6u

struct sb_command {
    enum sb_command_kind kind;
    uint32_t step;                  /* or SB_NO_STEP */
    bool undo;                      /* VERIFY, RUN: of the undo verb */
    bool reads;                     /* RUN: changes nothing, needs no commit before it */
    uint32_t site;                  /* PROBE */
    enum sb_news news;              /* NOTIFY */
    enum sb_outcome outcome;        /* FINISH */
    struct sb_engine_record record; /* RECORD */
};

/* Commands of one or more events, in order; the memory is kept from turn to turn. */
struct sb_turn {
    struct sb_command *list;
    size_t count, cap;
};
void sb_turn_free (struct sb_turn *t);

/* ---------------------------------------------------------------- driving */

/* Events that do not fit (late answers, unknown steps) are ignored. */
void sb_engine_event (struct sb_engine *e, const struct sb_plan *plan, const struct sb_event *ev, struct sb_turn *turn);
/* Puts one record of an earlier process back, in order, before START. */
void sb_engine_replay (struct sb_engine *e, const struct sb_plan *plan, const struct sb_engine_record *r);
/* After the replay: what was proved before counts as old, however young it looks by a clock that may have been set since. */
void sb_engine_forget_proofs (struct sb_engine *e);
int64_t sb_engine_next_timer (const struct sb_engine *e);

bool sb_engine_at_rest (const struct sb_engine_step *s);
/* May others read its results?  Not those of a step that was left out or is owed: what its run had said was never seen to
 * be so. */
bool sb_engine_gives_results (const struct sb_engine_step *s);
/* Why a person's wish (abort, retry, skip, hold, claim) would be refused now; SB_WHY_NONE: it would be taken. */
enum sb_reason
sb_engine_would_refuse (const struct sb_engine *e, const struct sb_plan *plan, enum sb_event_kind wish, uint32_t step);
/* Would an abort be refused now? */
bool sb_engine_past_no_return (const struct sb_engine *e);
/* Deadline for a call of this step, in ms. */
int64_t sb_engine_call_ms (const struct sb_plan_step *step, enum sb_call_op op, bool undo);
/* Effect of what is called: of the step's verb, or of its undo verb as the contract has it. */
enum sb_effect sb_engine_effect (const struct sb_plan_step *step, bool undo);

#endif
