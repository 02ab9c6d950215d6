/* What the files about workflows and plans share; nobody else includes this. */
#ifndef SB_MODEL_WORKFLOW_INTERNAL_H
#define SB_MODEL_WORKFLOW_INTERNAL_H

#include "core/model/workflow.h"

#define SB_MAX_RETRIES 1000

/* The line of a key, else `otherwise`. */
int sb_written_line (const struct sb_pair *written, size_t n, const char *key, int otherwise);

/* What is known of a verb: from the packaged contracts, or from the tables of a plugin. */
struct sb_deed {
    bool open; /* nothing is known but that somebody takes it: no check of parameters and results */
    enum sb_effect effect;
    const char *undo;
    int64_t timeout_ms, settle_ms;
    const char *target_words;       /* kinds of "on", separated by blanks, or NULL */
    const char *const *target_list; /* the same of a plugin's table, or NULL */
    bool has_target, needs_target;
    const struct sb_option *params; /* may have "on" */
    const struct sb_option *results;
};

enum sb_found { SB_FOUND = 0, SB_NO_ROLE, SB_NO_VERB };

/* `plugin` narrows the search for a site's own role; NULL: any plugin of the catalogue. */
enum sb_found sb_deed_find (const struct sb_catalogue *c, const char *role, const char *verb, const char *plugin,
                            struct sb_deed *ret);
/* The parameters of a step's undo verb: what "undo KEY" gives, and, when it is another verb than the step's own, the
 * step's parameters that it knows too.  Written to `ret`, which has room for nundo + nparams; returns how many. */
size_t sb_undo_pairs (const struct sb_wf_step *s, const struct sb_deed *undo, struct sb_pair *ret);
/* May the verb work at an object of the kind? */
bool sb_deed_takes_kind (const struct sb_deed *d, const char *kind);
/* "instance or server", for messages; in the arena. */
const char *sb_deed_target_kinds (const struct sb_deed *d, struct sb_arena *a);
/* "an instance", "a server": the article that fits. */
const char *sb_article (const char *word);
/* The nearest role, or the nearest verb of a role; NULL: nothing is near. */
const char *sb_nearest_role (const struct sb_catalogue *c, const char *role);
const char *sb_nearest_verb (const struct sb_catalogue *c, const char *role, const char *verb);
const char *sb_nearest_option (const struct sb_option *list, const char *name);

/* A graph of the steps of a workflow: for each step its followers, and an order. */
struct sb_wf_graph {
    size_t count;
    struct sb_map index;     /* step name -> position + 1 */
    uint32_t *first, *edges; /* followers of i: edges[first[i]] .. edges[first[i + 1]] */
    uint32_t *order;         /* predecessors first; shorter than count when there is a circle */
    size_t ordered;
    uint32_t *level; /* longest way from a beginning */
};

void sb_wf_graph_make (struct sb_wf_graph *g, const struct sb_workflow *w); /* unknown names are left out */
void sb_wf_graph_release (struct sb_wf_graph *g);
size_t sb_wf_graph_find (const struct sb_wf_graph *g, const char *name); /* SIZE_MAX: not there */

/* Every reference of every text; adds faults. */
void sb_lint_references (const struct sb_workflow *w, const struct sb_catalogue *c, const struct sb_wf_graph *g,
                         struct sb_faults *faults);

#endif
