/* The plan: a workflow resolved against a topology, a DAG with a digest.
 * Making it is a pure function of topology, workflow, parameters and catalogue. */
#ifndef SB_MODEL_PLAN_H
#define SB_MODEL_PLAN_H

#include "core/base/buf.h"
#include "core/base/map.h"
#include "core/base/sha256.h"
#include "core/model/topology.h"
#include "core/model/workflow.h"

#include <stdint.h>

#define SB_NO_STEP UINT32_MAX
#define SB_NO_GATE UINT32_MAX

enum sb_on_rule { SB_ON_NOTHING = 0, SB_ON_OBJECT, SB_ON_PRINCIPAL };

/* A text that `refers` holds ${steps..}, ${gates..} or ${run..} and is expanded by the engine with sb_expand();
 * any other value is final and never expanded, whatever characters it has. */
struct sb_plan_param {
    const char *name;
    const char *value;  /* NULL for a list */
    const char **items; /* list parameters: NULL-terminated */
    bool refers;        /* true: value, or each of items, has to be expanded */
};

struct sb_plan_proof {
    uint32_t step;
    int64_t within_ms;
};

struct sb_plan_step {
    const char *name;        /* "recover[mgc]", or "recover" outside a loop: unique */
    const char *base, *item; /* "recover", "mgc" or NULL */
    const char *title;
    const char *role, *verb;   /* NULL: nothing to do: a gate alone, or a milestone that joins many steps */
    const char *kind, *object; /* who plays the role: "database", "mgc" */
    const char *plugin;
    enum sb_effect effect;
    enum sb_on_rule on_rule;
    const char *on_kind, *on;          /* SB_ON_OBJECT: kind and name; SB_ON_PRINCIPAL: "instance", NULL */
    const char *on_database, *on_site; /* SB_ON_PRINCIPAL */
    const char *site;                  /* site of the target; NULL: none (never dark) */
    struct sb_plan_param *params;
    size_t nparams;
    struct sb_plan_param *undo_params;
    size_t nundo;
    struct sb_plan_proof *proofs;
    size_t nproofs;
    uint32_t *after; /* predecessors, ascending */
    size_t nafter;
    uint32_t *before; /* successors, ascending */
    size_t nbefore;
    uint32_t gate; /* index into gates, or SB_NO_GATE */
    enum sb_dark if_dark;
    enum sb_undo undo;
    const char *undo_verb;
    const char *undo_on_kind, *undo_on; /* where the undo works; NULL: where the step did */
    bool optional;
    bool no_return; /* computed: it changes and nothing takes it back */
    int retries;
    int64_t retry_ms, timeout_ms, settle_ms;
    int line; /* in the workflow */
};

/* Answered once for all steps that name it.  A gate whose texts speak of a loop item is one gate per item,
 * "loss[mgc]"; --approve takes the base name for all of them.  `ask` and `when` are always expanded with
 * sb_expand(); a title never refers. */
struct sb_plan_gate {
    const char *name;
    const char *base, *item; /* "loss", "mgc" or NULL */
    const char *title, *ask, *when;
    bool named, refuse;
    int64_t expires_ms;
    int persons;      /* 0: one; 2: two different people have to agree */
    int64_t glass_ms; /* with two: how long the countdown is after which one alone may go on; 0: never */
};

struct sb_plan {
    struct sb_arena arena;
    const char *workflow, *title, *pool;
    bool needs_approval, drill;
    struct sb_plan_step *steps; /* in topological order; ties in order of the workflow */
    uint32_t count;
    struct sb_plan_gate *gates;
    uint32_t ngates;
    struct sb_map index; /* step name -> index + 1; see sb_plan_find() */
    int64_t dark_after_ms;
    const char **sites; /* NULL-terminated */
    const char *leaves; /* the site that is left; NULL: none, or the plan was read from JSON, where it does not stand */
    char topology_digest[SB_SHA256_HEX];
    char digest[SB_SHA256_HEX]; /* over everything above, but not over the lines of the workflow file */
};

struct sb_plan_args {
    const struct sb_topology *topology;
    const struct sb_workflow *workflow;
    const struct sb_catalogue *catalogue; /* may be NULL: packaged roles only, plugin versions unknown */
    const struct sb_pair *params;         /* given on the command line: KEY=VALUE for workflow [params] */
    size_t nparams;
    bool drill;
};

/* Topology and workflow must have been read without a fault.  `p` must be zeroed; release in any case; true: no
 * fault was added.  p points into neither topology nor workflow afterwards. */
bool sb_plan_make (struct sb_plan *p, const struct sb_plan_args *args, struct sb_faults *faults);
void sb_plan_release (struct sb_plan *p);

/* As text for people, JSON (round trip: sb_plan_from_json gives an equal plan with the same digest), Graphviz. */
char *sb_plan_to_text (const struct sb_plan *p);
char *sb_plan_to_json (const struct sb_plan *p);
char *sb_plan_to_dot (const struct sb_plan *p);
bool sb_plan_from_json (struct sb_plan *p, const char *json, size_t len, struct sb_faults *faults);

/* The same as bytes, quickly read; false: they are not the plan with this digest, and nothing of p may be used (release
 * it all the same). */
void sb_plan_to_image (const struct sb_plan *p, struct sb_buf *out);
bool sb_plan_from_image (struct sb_plan *p, const void *bytes, size_t n, const char *digest);
/* The hash of an image's bytes.  Who has it from a place under seal may read an image without working its digest out again:
 * `seal` is that hash, and the digest is believed when it fits. */
void sb_plan_image_seal (const void *bytes, size_t n, char ret[SB_SHA256_HEX]);
bool sb_plan_from_sealed_image (struct sb_plan *p, const void *bytes, size_t n, const char *digest, const char *seal);

uint32_t sb_plan_find (const struct sb_plan *p, const char *name); /* SB_NO_STEP: not there */

/* Expands ${..} in a text: `lookup` gets the inner reference ("steps.quote[mgc].lsn", "gates.loss[mgc].grade",
 * "run.id") and returns a value that lives until its next call, or NULL (expands to nothing; alternatives are
 * tried).  "$${" stands for a plain "${". */
typedef const char *(*sb_lookup_fn) (void *ctx, const char *reference);
char *sb_expand (const char *text, sb_lookup_fn lookup, void *ctx); /* caller frees */

#endif
