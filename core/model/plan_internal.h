/* What the files that make a plan share; nobody else includes this. */
#ifndef SB_MODEL_PLAN_INTERNAL_H
#define SB_MODEL_PLAN_INTERNAL_H

#include "core/model/expr.h"
#include "core/model/plan.h"
#include "core/model/workflow_internal.h"

#define SB_MAX_STEPS 1000000 /* of a plan */

/* All objects of a kind that some step loops over, in order of the file. */
struct sb_items {
    const char *kind;
    const struct sb_object **list;
    uint32_t count;
    struct sb_map index; /* name -> position + 1 */
};

/* A step of the workflow, seen by the planner: its nodes are base .. base + count - 1, one for each item of the
 * kind (a left-out item too), and for a loop one more, the barrier behind all of them. */
struct sb_loop {
    const struct sb_items *items; /* NULL: no loop */
    bool *taken;                  /* for each item: does the step take it? */
    uint32_t ntaken;
    uint32_t base, count;
};

struct sb_planner {
    struct sb_plan *p;
    const struct sb_plan_args *args;
    const struct sb_topology *t;
    const struct sb_workflow *w;
    const struct sb_catalogue *c;
    struct sb_faults *faults;
    struct sb_arena scratch;
    const struct sb_object *pool, *policy;
    struct sb_map params; /* [params] with what the caller gave: name -> value */
    struct sb_map kinds;  /* kind -> struct sb_items */
    struct sb_wf_graph graph;
    struct sb_loop *loops; /* for each step of the workflow */
    uint32_t nnodes;
    uint32_t *step_of;      /* node -> position in the workflow */
    uint32_t *plan_of;      /* node -> position in the plan, or SB_NO_STEP */
    uint32_t *node_of;      /* position in the plan -> node */
    struct sb_map gates;    /* name in the plan -> position + 1 */
    struct sb_map wf_gates; /* name in the workflow -> position + 1 */
    bool *gate_per_item;    /* for each gate of the workflow */
};

/* Where a text is resolved: a step of the workflow (NULL: the workflow itself) and its loop's item. */
struct sb_place {
    struct sb_planner *pl;
    const struct sb_wf_step *step;
    const struct sb_object *item;
    const char *key;
    int line;
};

/* A resolved text, in the planner's scratch arena. */
struct sb_text {
    const char *plain; /* final, if nothing is left to refer to */
    const char *refer; /* the same for sb_expand() */
    bool refers;
};

/* ---- resolve.c ---- */
struct sb_text sb_resolve_text (const struct sb_place *at, const char *text);
/* The objects of a selection, in order of the file; in the scratch arena. */
const struct sb_object **
sb_resolve_selection (const struct sb_place *at, const struct sb_selection *sel, size_t *ret_count);
/* Does the item meet all conditions?  `values` are those of the conditions, already resolved. */
bool sb_item_meets (const struct sb_place *at, const struct sb_selection *sel, const char *const *values,
                    const struct sb_object *item);
const char **sb_resolve_conditions (const struct sb_place *at, const struct sb_selection *sel);
void sb_place_fault (const struct sb_place *at, const char *fmt, ...) __attribute__ ((format (printf, 2, 3)));

/* ---- nodes.c ---- */
const struct sb_items *sb_planner_items (struct sb_planner *pl, const char *kind);
bool sb_planner_loops (struct sb_planner *pl); /* fills loops; false: a fault was added */
void sb_planner_order (struct sb_planner *pl); /* fills step_of, plan_of, node_of and p->steps[].after, .before */
/* The item of a node, or NULL; and whether the node is an action of the workflow (no barrier, no left-out item). */
const struct sb_object *sb_node_item (const struct sb_planner *pl, uint32_t node);
bool sb_node_is_real (const struct sb_planner *pl, uint32_t node);

/* ---- steps.c ---- */
void sb_planner_gates (struct sb_planner *pl);
void sb_planner_step (struct sb_planner *pl, uint32_t index);

/* ---- plan.c ---- */
/* Fills `before` from `after`, builds the index and writes the digest. */
void sb_plan_seal (struct sb_plan *p);
/* The first part of it: successors and the index of names, without the digest. */
void sb_plan_link (struct sb_plan *p);

/* ---- plan_json.c ---- */
/* What the engine relies on, of a plan that was read; fills the index. */
bool sb_plan_check (struct sb_plan *p, struct sb_faults *faults);

/* ---- fields.c: what a plan consists of, once for digest, writing and reading ---- */
enum sb_field_type {
    SB_FIELD_TEXT,    /* const char *, may be NULL */
    SB_FIELD_FLAG,    /* bool */
    SB_FIELD_WORD,    /* an enum, written as one of `words` */
    SB_FIELD_INT,     /* int */
    SB_FIELD_MS,      /* int64_t */
    SB_FIELD_INDEX,   /* uint32_t; UINT32_MAX: none */
    SB_FIELD_TEXTS,   /* const char **, NULL-terminated, may be NULL */
    SB_FIELD_INDEXES, /* uint32_t *, with its size_t count at `count` */
    SB_FIELD_GROUP    /* array of structs described by `fields`, `size` bytes each, with its count at `count` */
};

struct sb_field {
    const char *name;
    enum sb_field_type type;
    size_t offset;
    const char *const *words;
    size_t count; /* offset of the count */
    bool count32; /* the count is a uint32_t, else a size_t */
    size_t size;
    const struct sb_field *fields;
    bool required; /* a text that is never NULL */
    bool loose;    /* not part of the digest: it says where, not what */
    bool rare;     /* a number that is left out where it is 0 */
};

extern const struct sb_field sb_plan_fields[]; /* ends with name NULL */

/* Is it a rare number that is 0? */
bool sb_field_absent (const struct sb_field *f, const void *object);
size_t sb_field_count (const struct sb_field *f, const void *object);
void sb_field_set_count (const struct sb_field *f, void *object, size_t n);

#endif
