/* A workflow: a procedure as data, read from one INI text.  Nothing is resolved
 * here; the planner does that against a topology. */
#ifndef SB_MODEL_WORKFLOW_H
#define SB_MODEL_WORKFLOW_H

#include "core/base/fault.h"
#include "core/base/mem.h"
#include "core/model/topology.h"

enum sb_dark { SB_DARK_HOLD = 0, SB_DARK_OWE, SB_DARK_SKIP };
enum sb_undo { SB_UNDO_MISSING = 0, SB_UNDO_VERB, SB_UNDO_NOT_NEEDED, SB_UNDO_NONE };

struct sb_pair {
    const char *key, *value;
    int line;
};

/* [gate NAME]: a question to a person before a step. */
struct sb_wf_gate {
    const char *name, *title;
    const char *ask;         /* the question; expressions allowed, those of the loop of its steps too */
    const char *when;        /* asked only when this expands to something; NULL: always */
    bool named;              /* --approve all does not answer it; it must be named */
    bool refuse;             /* without an answer the run ends (undone, exit 1) instead of waiting */
    int64_t expires_ms;      /* 0: never; then the step is held (or the run refused); never "go on" */
    int persons;             /* how many have to agree: 0 (as 1) or 2 */
    struct sb_pair *written; /* every line as written, for messages */
    size_t nwritten, written_cap;
    int line;
};

struct sb_wf_proof {
    const char *step;
    int64_t within_ms;
};

/* [step NAME] */
struct sb_wf_step {
    const char *name, *title;
    const char *role, *verb; /* action = role.verb; both NULL: a gate alone, or a milestone */
    const char *each;        /* for each = ...; as written */
    const char *by;          /* object that plays the role; expression; NULL: the loop item or the only one */
    const char *on;          /* expression, or "principal of X in Y" */
    const char **after;      /* names, NULL-terminated; never NULL */
    const char *gate;
    struct sb_wf_proof *proofs; /* proof = STEP within DURATION, ...: asked again if older when this step is due */
    size_t nproofs, proofs_cap;
    enum sb_dark if_dark;
    enum sb_undo undo;
    const char *undo_verb;
    int retries;
    int64_t retry_ms, timeout_ms, settle_ms; /* 0: the contract's */
    bool optional;                           /* optional = yes: its failure is noted and stops nobody */
    struct sb_pair *params;                  /* every other key; "undo KEY" goes to undo_params */
    size_t nparams, params_cap;
    struct sb_pair *undo_params; /* with "on" where the undo works at another target */
    size_t nundo, undo_cap;
    struct sb_pair *written; /* every line as written, for messages */
    size_t nwritten, written_cap;
    int line;
};

struct sb_workflow {
    struct sb_arena arena;
    const char *file, *name, *title;
    const char *help;    /* a paragraph */
    bool needs_approval; /* needs = approval */
    const char *leaves;  /* leaves = EXPR: the site that is left; tool site must not be it */
    int leaves_line;
    bool checks; /* kind = check: steps are facts; run by `check` */
    struct sb_wf_step *steps;
    size_t count, cap;
    struct sb_wf_gate *gates;
    size_t ngates, gates_cap;
    struct sb_pair *params; /* [params]: KEY = default; ${params.KEY} */
    size_t nparams, params_cap;
};

/* Reads one text; every fault is collected; true: none.  `w` must be zeroed; release in any case. */
bool
sb_workflow_parse (struct sb_workflow *w, const char *file, const char *text, size_t len, struct sb_faults *faults);
void sb_workflow_release (struct sb_workflow *w);

/* Lint without a topology: unknown verbs, missing undo, cycles, results no ancestor declares, unknown
 * gates, unknown params, required params missing.  `c` adds sites' own roles; may be NULL. */
bool sb_workflow_lint (const struct sb_workflow *w, const struct sb_catalogue *c, struct sb_faults *faults);

#endif
