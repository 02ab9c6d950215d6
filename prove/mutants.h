/* Workflows made worse at one place (mutants.c), and the file of reasons for
 * those that nothing bites (reasons.c), and which of them change nothing (same.c). */
#ifndef SB_PROVE_MUTANTS_H
#define SB_PROVE_MUTANTS_H

#include "core/base/fault.h"
#include "core/base/map.h"
#include "core/model/plan.h"

#include <stdbool.h>
#include <stddef.h>

struct p_mutant {
    char *name;     /* "drop gate: recover": says it all, and is its key in the file of reasons */
    char *text;     /* the workflow */
    char *lies_for; /* a step whose verify says yes whatever is so, or NULL */
};
struct p_mutants {
    struct p_mutant *list;
    size_t count, cap;
};

/* Every operator at every place, in the order of the text; its names differ. */
void p_mutants_make (struct p_mutants *m, const char *text, size_t len);
void p_mutants_free (struct p_mutants *m);

/* Do both plans say the same: the same steps, gates and parameters, and the same steps before each? */
bool p_same_work (const struct sb_plan *a, const struct sb_plan *b);

/* Why a mutation that nothing bites does no harm.  Text: "reason = SENTENCE", then the mutations it stands for, one a
 * line, as `prove --mutate` names them; ';' begins a remark.  A sentence without a mutation, a mutation without a
 * sentence or listed twice, and one that is none of `m`, is a fault with its line. */
struct p_reasons {
    struct sb_map why; /* mutation -> its reason, borrowed from `sentences` */
    char **sentences;
    size_t count, cap;
};
bool p_reasons_parse (struct p_reasons *r, const char *file, const char *text, const struct p_mutants *m,
                      struct sb_faults *faults);
/* False: it cannot be read, or says something wrong. */
bool p_reasons_read (struct p_reasons *r, const char *file, const struct p_mutants *m, struct sb_faults *faults);
void p_reasons_free (struct p_reasons *r);

#endif
