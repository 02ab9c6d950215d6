/* The explorer: every history of a workflow over the models of lab/direct.
 *
 * It drives the engine's own code (events in, commands out, records replayed)
 * exactly as core/engine/run.c does, with calls answered by models instead of
 * workers, a journal in memory, and a clock that only goes on when nothing else
 * can happen.  A state is flat: it is copied for every choice, hashed by its
 * canonical bytes, and looked at by every invariant.
 *
 * What it leaves to others: what the verbs do (lab/direct), what the engine
 * decides (core/engine), what a plan is (core/model).
 *
 *   input.c      topology, workflow, plan
 *   scenario.c   the world a workflow begins in
 *   state.c      copying, canonical bytes
 *   words.c      parameters and results as small numbers
 *   drive.c      a turn: events, records, commands; death and resume
 *   calls.c      a call goes on, or goes wrong
 *   events.c     what others do meanwhile
 *   choices.c    which choices a state has, and taking one
 *   rules.c      the invariants
 *   table.c      what is known of states: count of histories
 *   explore.c    the search, as one worker goes through it
 *   crew.c       several workers: who begins, who is given work, when it is over
 *   story.c      a history in sentences, and as a seed
 *   mutate.c     workflows made worse
 *   report.c     what is printed, the certificate */
#ifndef SB_PROVE_PROVE_H
#define SB_PROVE_PROVE_H

#include "core/base/fault.h"
#include "core/base/map.h"
#include "core/engine/engine.h"
#include "core/engine/store.h"
#include "core/host/registry.h"
#include "core/model/plan.h"
#include "core/model/topology.h"
#include "core/model/workflow.h"
#include "lab/direct/direct.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define P_T0       INT64_C (1767225600000) /* 2026-01-01 00:00:00 UTC: when every history begins */
#define P_CALLS    24                      /* calls under way, those of dead clients too */
#define P_ASKS     16
#define P_PENDING  96 /* records that are decided and not yet durable */
#define P_MESSAGES 16
#define P_CHOICES  160
#define P_DBS      8
#define P_BROKEN   8

/* ---------------------------------------------------------------- budgets */

struct p_budget {
    unsigned deaths, events, faults, noes; /* of each kind */
    unsigned total;                        /* of all kinds together */
};
extern const struct p_budget p_default_budget;

/* ---------------------------------------------------------------- the world a workflow begins in */

enum p_start {
    P_START_AUTO = 0,
    P_START_STEADY,
    P_START_SITE_LOST,
    P_START_FAILED_OVER,
    P_START_REBUILT,
    P_START_BARE
};
extern const char *const p_start_names[];

/* ---------------------------------------------------------------- what all workers of a search share */

struct p_shared {
    pthread_mutex_t lock;
    struct sb_store store;   /* words: texts and results by number, for all states */
    char *texts;             /* all strings of all worlds: the same place in every world; they never move or change */
    _Atomic uint16_t ntexts; /* in units */
};

/* ---------------------------------------------------------------- what never changes */

struct p_input {
    const char *topology_file, *workflow_file;
    const char *const *plugin_dirs;
    const char *workflows; /* folder of the packaged ones: a world may be made by one of them */
    const char *program;   /* of the product, to describe plugins; NULL: none are described */
    const struct sb_pair *params;
    size_t nparams;
    enum p_start start;
    bool reverse;
    const struct p_case *like; /* another workflow over its topology, in the world it begins in; NULL: none */
};

struct p_case {
    struct sb_topology topology;
    struct sb_workflow workflow;
    struct sb_plan plan;
    struct sb_registry *registry;
    bool borrowed;         /* the registry is another case's */
    struct direct *direct; /* NULL: no step needs it */
    const char *workflows;
    enum p_start start;
    bool moves;   /* users will find their database elsewhere */
    bool planned; /* nothing may be lost: the workflow does not begin with a lost site */
    w_id left;    /* the site that is given up, or was; 0: none */
    size_t esize; /* of the engine's block */
    /* which results somebody will read */
    struct sb_map wanted;
    struct p_shared *shared;
    struct p_book *book;   /* what this worker knows of the shared words; words.c */
    uint16_t ntexts;       /* how many of the shared strings this worker's worlds hold, in units */
    bool reverse;          /* calls under way go on in the other order of their steps */
    uint32_t only_events;  /* bit per event: others do not happen; 0: all may (mutants) */
    bool *lies;            /* by step: its verify says yes whatever is so (mutants); NULL: none */
    int64_t *proof_ms;     /* by step: how old it may be as somebody's proof; -1: it is nobody's */
    struct p_state *first; /* the world that a history begins in */
    struct world *scratch; /* where canonical bytes are made */
    struct sb_buf clean;   /* fingerprint of the world that a history begins in */
};

bool p_case_load (struct p_case *c, const struct p_input *in, struct sb_faults *faults);
/* The same case with another text of the workflow (mutants). */
bool
p_case_load_text (struct p_case *c, const struct p_input *in, const char *text, size_t len, struct sb_faults *faults);
void p_case_free (struct p_case *c);
/* For one more worker: the same case, with books and scratch of its own. */
void p_case_twin (struct p_case *twin, const struct p_case *c);
void p_case_twin_free (struct p_case *twin);

/* ---------------------------------------------------------------- a state */

enum p_fate { P_FATE_GOES = 0, P_FATE_LOST, P_FATE_GHOST };

struct p_call {
    uint32_t step;
    uint8_t op; /* enum sb_call_op */
    uint8_t undo, reads;
    uint8_t fate;
    uint8_t fresh;  /* nothing of it was done yet */
    uint8_t waits;  /* until d.wake_ms, or the world changes */
    uint8_t known;  /* a model of lab/direct answers it */
    uint8_t broken; /* it cannot be made: no such target */
    struct d_call d;
};

/* What the driver remembers of a step beside the engine: run_internal.h's sb_run_step, as numbers. */
struct p_word {
    uint32_t params, base;
};

enum { P_ASKED_NOT = 0, P_SAW_NO, P_SAW_YES, P_SAW_PARTLY, P_SAW_UNKNOWN, P_RAN };

struct p_message {
    struct d_message m;
    uint8_t database; /* index in direct_database() */
    uint8_t late;     /* to the copy that was given up, after the other one was brought online */
    uint8_t reserved[6];
};

#define P_ONLY_SHARE 1 /* p_past.disturbed: the share vanished, and nothing else; a greater one: something else, too */

/* What the invariants need to know of the past. */
struct p_past {
    struct d_message quoted[P_DBS];            /* what the quote promised; lsn 0: none */
    uint16_t live_fork[P_DBS];                 /* line that was brought online by this run; 0: none */
    uint8_t declared[P_DBS], confirmed[P_DBS]; /* grade of the evidence it was done with */
    uint8_t salvaged[P_DBS];                   /* bit per instance slot of the database */
    uint8_t discarded[P_DBS];                  /* an old copy was overwritten or dropped, bit as above */
    uint8_t verified[P_DBS];                   /* a copy was verified after it was made */
    uint8_t frozen_by_hand[P_DBS];             /* a person took the copy that served out of service */
    uint8_t cleared;                           /* the active list was emptied by this run */
    uint8_t meddled;                           /* somebody else changed what a fingerprint holds */
    uint8_t disturbed;                         /* something went wrong, somebody interfered or said no: P_ONLY_... */
    uint8_t answered; /* to its last survey, bit per database: something answers in the lost site */
    uint8_t haunted;  /* a server worked on for a client that no longer waited */
    uint8_t woke;     /* the site that was given up has power */
};

struct p_state {
    struct world *world;
    struct d_files files;
    struct sb_engine *e, *j; /* the process's engine; what replaying the durable records gives */
    struct p_word *w, *wj;
    uint8_t *things; /* steps without a model: enum sb_seen */
    uint8_t *last;   /* by step: what was last seen, P_... */
    uint8_t *lastu;  /* the same of its undo */
    struct sb_engine_record pending[P_PENDING];
    uint32_t npending;
    uint32_t ncalls, nasks;
    struct p_call calls[P_CALLS];
    uint32_t asks[P_ASKS];
    uint32_t probes;
    uint8_t deaths, events, faults, noes, total; /* what is left */
    uint8_t jumps;                               /* of the clock since something happened */
    uint8_t finished, outcome; /* 1: the run has ended, 2: and the world has come to rest, 3: the history has ended */
    uint32_t nmessages;
    struct p_message messages[P_MESSAGES];
    struct p_past past;
};

struct p_state *p_state_new (const struct p_case *c);
void p_state_free (struct p_state *s);
void p_state_assign (const struct p_case *c, struct p_state *to, const struct p_state *from);
/* Strings that are new in this world get their place in all worlds.  False: another worker has taken the place; the
 * state is good for nothing, and what led to it is to be done again (after p_case_refresh). */
bool p_state_settle_texts (struct p_case *c, struct p_state *s);
/* Worlds copied from now on hold all strings that any worker has found. */
void p_case_refresh (struct p_case *c);
/* Equal bytes, equal future. */
void p_state_canonical (const struct p_case *c, const struct p_state *s, struct sb_buf *out);

struct p_hash {
    uint64_t low, high;
};
struct p_hash p_hash_of (const struct sb_buf *bytes);

/* ---------------------------------------------------------------- words.c */

void p_words_init (struct p_case *c); /* p_shared is there */
void p_words_free (struct p_case *c);
struct p_book *p_book_new (void);
void p_book_free (struct p_book *book);
uint32_t p_text_id (struct p_case *c, const char *text);     /* NULL and "": 0 */
const char *p_text_of (const struct p_case *c, uint32_t id); /* NULL: none; lives as long as the shared words */
uint32_t p_results_id (struct p_case *c, json_t *results);   /* takes it over */
json_t *p_results_of (struct p_case *c, uint32_t id);        /* borrowed; NULL: none */
const char *p_result (struct p_case *c, const struct sb_engine *e, uint32_t step, const char *key);
char *p_expand (struct p_case *c, const struct p_state *s, const char *text); /* caller frees */
uint32_t p_params (struct p_case *c, const struct p_state *s, uint32_t step, bool undo);
const char *p_target (const struct p_case *c, const struct p_state *s, uint32_t step);

/* ---------------------------------------------------------------- driving */

struct p_teller; /* story.c: hears what happens; NULL: nobody listens */

struct p_run {
    struct p_case *c;
    struct p_state *s;
    struct sb_turn turn;
    struct p_teller *teller;
    struct d_answer answer; /* of the call that goes on */
    struct p_broken {
        const char *rule; /* its name */
        char why[200];
    } broken[P_BROKEN]; /* by one transition */
    unsigned nbroken;
};

enum p_death { P_LIVES = 0, P_DIES_BEFORE, P_DIES_AFTER };

void p_begin (struct p_run *r);                                         /* a fresh process starts the run */
void p_event (struct p_run *r, struct sb_event ev, enum p_death death); /* one turn */
void p_die (struct p_run *r, bool servers_go_on);                       /* and is resumed */
void p_break (struct p_run *r, const char *rule, const char *fmt, ...) __attribute__ ((format (printf, 3, 4)));

/* calls.c */
enum p_end { P_END_OK = 0, P_END_REFUSED, P_END_TRANSIENT, P_END_NOT_DONE, P_END_NOT_BEGUN, P_END_DIES, P_END_STAYS };
void p_call_begin (struct p_run *r, const struct sb_command *cmd);
void
p_call_go (struct p_run *r, uint32_t index, enum p_death death); /* until the world changes, it waits, or it ends */
void p_call_end (struct p_run *r, uint32_t index, enum p_end end, enum p_death death);
void p_ghost_go (struct p_run *r, uint32_t index); /* a server ends what its client no longer waits for */
void p_calls_drop (struct p_run *r, bool servers_go_on);
/* Where a call works, and what it may know beside the world. */
struct p_view {
    struct d_place place;
    struct d_message messages[P_MESSAGES];
    const struct d_call *at_work[P_CALLS];
};
struct d_place *p_view (struct p_view *v, struct p_state *s);
void p_clock (struct p_run *r, int64_t to);
void p_call_options (struct p_case *c, struct p_call *call, uint32_t params);
/* What the model's own question says now, in place of an engine's: is it so? */
bool p_is_so (struct p_run *r, uint32_t step);
void p_thing_by_hand (struct p_run *r, uint32_t index);

/* ---------------------------------------------------------------- choices */

enum p_kind {
    P_GO = 0,    /* what comes next by itself */
    P_CALL_ENDS, /* arg: enum p_end */
    P_CALL_LOST, /* it goes on, and its answer will not arrive */
    P_SAY_NO,
    P_GHOST, /* arg: which call */
    P_EVENT, /* arg: index in events.c */
    P_DIE,   /* arg 1: servers go on with what was under way */
    P_KINDS
};
struct p_choice {
    uint8_t kind, arg, death;
};

/* False: the state is an end.  *ret_free: nobody may interfere here, there is one choice. */
bool p_choices (struct p_case *c, const struct p_state *s, struct p_choice *list, size_t *ret_count);
void p_take (struct p_run *r, struct p_choice choice);

/* events.c */
enum p_what {
    P_EV_WAKES,
    P_EV_BACKUP_LOST,
    P_EV_BACKUP_BACK,
    P_EV_PRINCIPAL_LOST,
    P_EV_SHARE_GONE,
    P_EV_SHARE_BACK,
    P_EV_LINK_CUT,
    P_EV_LINK_JOINED,
    P_EV_MIRROR_FAILS_OVER,
    P_EV_BY_HAND,
    P_EV_ABORT,
    P_EV_WRITE_HERE,  /* a server of the first site */
    P_EV_WRITE_THERE, /* of the second */
    P_EV_WRITE_LEFT   /* through a connection of a server that is no longer active */
};
size_t p_events_count (const struct p_case *c);
bool p_event_fits (const struct p_case *c, const struct p_state *s, size_t index);
void p_event_do (struct p_run *r, size_t index);
const char *p_event_text (const struct p_case *c, size_t index);
bool p_event_is_lost_share (size_t index);
bool p_event_playable (size_t index); /* the lab has a fault, a word or a user for it */
/* Whom it concerns in this world: a server that writes, an instance, a share, a site, by the event; 0: nobody. */
w_id p_event_subject (const struct p_case *c, const struct world *w, size_t index);
uint32_t p_events_few (void); /* bits: a person aborts, the lost site wakes, the share vanishes */

/* A server that is not active any more, has clients, and can write; 0: none. */
w_id p_left_writer (const struct p_case *c, const struct world *w, w_id *ret_copy);

/* scenario.c */
bool p_scenario_make (struct p_case *c, struct sb_faults *faults);
void p_scenario_take (struct p_case *c, const struct p_case *from); /* the world another case begins in */
void p_scenario (const struct p_case *c, struct p_state *s);        /* keeps what is left of the budget */
enum p_start p_start_guess (const struct p_case *c);

/* ---------------------------------------------------------------- rules.c */

struct p_rule {
    const char *name, *text;
    bool fatal;    /* a history that breaks it is not gone on with */
    bool at_ends;  /* looked at where a history ends; others in every state */
    bool packaged; /* speaks of databases and pools; needs lab/direct */
    /* True: it holds. */
    bool (*holds) (struct p_run *r);
};
extern const struct p_rule p_rules[];
size_t p_rules_count (void);
const struct p_rule *p_rule_find (const char *name);
void p_rules_look (struct p_run *r, bool end);                            /* what does not hold stands in r->broken */
void p_rule_record (struct p_run *r, const struct sb_engine_record *rec); /* before it is decided upon */
void p_rule_call (struct p_run *r, const struct sb_command *cmd);
void p_rule_answer (struct p_run *r, const struct p_call *call, unsigned word);
void p_rule_world (struct p_run *r); /* the world has changed */
void p_fingerprint (const struct p_case *c, const struct p_state *s, struct sb_buf *out);

/* ---------------------------------------------------------------- table.c */

#define P_WORDS 4 /* of 64 bits: counts below 2^256 */
struct p_count {
    uint64_t w[P_WORDS];
};
void p_count_one (struct p_count *c);
bool p_count_add (struct p_count *to, const struct p_count *what); /* false: it does not fit */
char *p_count_text (const struct p_count *c);                      /* decimal; caller frees */

enum p_known {
    P_NEW,    /* the caller goes on with it */
    P_OPEN,   /* somebody else counts it; the count will be added to `from` */
    P_CLOSED, /* it is counted */
    P_CIRCLE, /* the caller comes from it */
    P_FULL,
    P_CLASH
};
struct p_table;
struct p_open; /* a state whose histories are being counted; it ends itself when nothing is missing */
struct p_entering {
    struct p_hash h;
    const struct sb_buf *bytes;
    unsigned worker;
    struct p_open *from; /* whose choice led here */
};
struct p_table *p_table_new (size_t most_bytes, bool full_compare);
void p_table_free (struct p_table *t);
/* NEW: *ret_open waits for one p_table_add().  CLOSED: the count is *ret. */
enum p_known
p_table_enter (struct p_table *t, const struct p_entering *in, struct p_open **ret_open, struct p_count *ret);
struct p_open *p_table_top (struct p_table *t);               /* where a search begins; waits for one p_table_add() */
void p_table_share (struct p_open *o);                        /* one more p_table_add() will come */
void p_table_off_stack (struct p_table *t, struct p_open *o); /* who met it first has gone through its choices */
bool p_table_add (struct p_table *t, struct p_open *o, const struct p_count *n); /* false: it does not fit */
bool p_table_result (struct p_table *t, struct p_count *ret); /* false: something is open that nobody works at */
size_t p_table_states (const struct p_table *t);

/* ---------------------------------------------------------------- explore.c */

struct p_path {
    uint8_t *list; /* index of each choice among those of its state */
    size_t count, cap;
};

#define P_MOST_RULES 64
struct p_found {
    const struct p_rule *rule;
    uint64_t times;
    unsigned disturbances; /* on the way there */
    struct p_path path;
    char *why;
};

enum p_stop { P_COMPLETE = 0, P_STOPPED_MEMORY, P_STOPPED_TIME, P_STOPPED_FOUND, P_STOPPED_DEPTH, P_STOPPED_SIGNAL };
extern const char *const p_stop_names[];

struct p_search {
    struct p_budget budget;
    bool merge; /* false: every history by itself */
    bool full_compare;
    bool first;                /* stop at the first violation */
    const struct p_rule *only; /* stop at the first violation of this rule */
    size_t memory;             /* bytes for the table */
    unsigned workers;          /* 0: one */
    uint64_t most;             /* transitions; 0: no limit; the search then has one worker */
    int64_t deadline_ms;       /* monotonic; SB_NEVER */
    bool (*progress) (void *ctx, const struct p_search *p); /* a few times a second; false: stop */
    void *ctx;
    /* results */
    uint64_t states, transitions, violations;
    struct p_count histories;
    enum p_stop stop;
    struct p_found found[P_MOST_RULES];
    size_t nfound;
    uint32_t deepest;
};
void p_explore (struct p_case *c, struct p_search *p); /* crew.c */
void p_search_free (struct p_search *p);
/* The shortest history, by disturbances, that breaks the rule, within the budget of a search that found one; its progress
 * is asked here too. */
bool p_shortest (struct p_case *c, const struct p_rule *rule, const struct p_search *whole, struct p_found *ret,
                 struct p_budget *ret_budget);

/* One history again. */
void p_walk (struct p_case *c, const struct p_budget *b, const struct p_path *path, struct p_teller *teller);

/* ---------------------------------------------------------------- story.c */

char *p_seed_text (const struct p_case *c, const struct p_budget *b, const struct p_path *path);
bool p_seed_read (const char *text, struct p_budget *b, struct p_path *path, char digest[13], struct sb_faults *faults);
enum p_start p_seed_start (const char *text); /* the world it begins in; AUTO: it does not say */
/* Numbered sentences; caller frees. */
char *p_story (struct p_case *c, const struct p_budget *b, const struct p_path *path);

/* ---------------------------------------------------------------- mutate.c, report.c */

struct p_mutating {
    const struct p_input *in;
    const char *reasons; /* file; NULL: NAME.reasons beside NAME.ini, if there is one */
    const char *only;    /* mutations whose name contains it; NULL: all */
    unsigned total;      /* disturbances in one history, at most */
    unsigned jobs;       /* searches at the same time; 0: one for each processor */
    bool json, live;
};
/* The exit code: 0, all are bitten or have a reason; 1, some survive, or a reason is stale; 3, `faults` say why not. */
int p_mutate (const struct p_mutating *m, struct sb_faults *faults);

#endif
