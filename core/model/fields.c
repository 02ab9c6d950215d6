/* What a plan consists of, as tables of fields: the digest, the JSON writer and
 * the JSON reader all walk them, so that none of the three can forget one.
 * `before`, the index and the digest itself follow from the rest and are not in
 * the tables.  Appending a field changes every digest: plans of an older
 * program are then refused, which is right.  A number that is rare (0 means:
 * as ever) stands in digest and JSON only where it is not 0. */
#include "core/model/plan_internal.h"

#include <stddef.h>

/* clang-format off */
#define TEXT(s, n)        { .name = #n, .type = SB_FIELD_TEXT, .offset = offsetof (struct s, n) }
#define NEEDED(s, n)      { .name = #n, .type = SB_FIELD_TEXT, .offset = offsetof (struct s, n), .required = true }
#define LINE(s, n)        { .name = #n, .type = SB_FIELD_INT, .offset = offsetof (struct s, n), .loose = true }
#define FLAG(s, n)        { .name = #n, .type = SB_FIELD_FLAG, .offset = offsetof (struct s, n) }
#define NUMBER(s, n)      { .name = #n, .type = SB_FIELD_INT, .offset = offsetof (struct s, n) }
#define MS(s, n)          { .name = #n, .type = SB_FIELD_MS, .offset = offsetof (struct s, n) }
#define INDEX(s, n)       { .name = #n, .type = SB_FIELD_INDEX, .offset = offsetof (struct s, n) }
#define TEXTS(s, n)       { .name = #n, .type = SB_FIELD_TEXTS, .offset = offsetof (struct s, n) }
#define WORD(s, n, w)     { .name = #n, .type = SB_FIELD_WORD, .offset = offsetof (struct s, n), .words = w }
#define INDEXES(s, n, c)  { .name = #n, .type = SB_FIELD_INDEXES, .offset = offsetof (struct s, n), \
                            .count = offsetof (struct s, c) }
#define GROUP(s, n, c, t, f) { .name = #n, .type = SB_FIELD_GROUP, .offset = offsetof (struct s, n), \
                               .count = offsetof (struct s, c), .size = sizeof (struct t), .fields = f }
#define GROUP32(s, n, c, t, f) { .name = #n, .type = SB_FIELD_GROUP, .offset = offsetof (struct s, n), \
                                 .count = offsetof (struct s, c), .count32 = true, .size = sizeof (struct t), .fields = f }
#define RARE(s, n, t)     { .name = #n, .type = t, .offset = offsetof (struct s, n), .rare = true }
#define END { .name = NULL }

static const char *const effects[] = { "reads", "settles", "changes", NULL };
static const char *const on_rules[] = { "nothing", "object", "principal", NULL };
static const char *const darks[] = { "hold", "owe", "skip", NULL };
static const char *const undos[] = { "missing", "verb", "not needed", "none", NULL };

static const struct sb_field param_fields[] = {
    NEEDED (sb_plan_param, name),
    TEXT (sb_plan_param, value),
    TEXTS (sb_plan_param, items),
    FLAG (sb_plan_param, refers),
    END,
};

static const struct sb_field proof_fields[] = {
    INDEX (sb_plan_proof, step),
    MS (sb_plan_proof, within_ms),
    END,
};

static const struct sb_field step_fields[] = {
    NEEDED (sb_plan_step, name),
    NEEDED (sb_plan_step, base),
    TEXT (sb_plan_step, item),
    NEEDED (sb_plan_step, title),
    TEXT (sb_plan_step, role),
    TEXT (sb_plan_step, verb),
    TEXT (sb_plan_step, kind),
    TEXT (sb_plan_step, object),
    TEXT (sb_plan_step, plugin),
    WORD (sb_plan_step, effect, effects),
    WORD (sb_plan_step, on_rule, on_rules),
    TEXT (sb_plan_step, on_kind),
    TEXT (sb_plan_step, on),
    TEXT (sb_plan_step, on_database),
    TEXT (sb_plan_step, on_site),
    TEXT (sb_plan_step, site),
    GROUP (sb_plan_step, params, nparams, sb_plan_param, param_fields),
    GROUP (sb_plan_step, undo_params, nundo, sb_plan_param, param_fields),
    GROUP (sb_plan_step, proofs, nproofs, sb_plan_proof, proof_fields),
    INDEXES (sb_plan_step, after, nafter),
    INDEX (sb_plan_step, gate),
    WORD (sb_plan_step, if_dark, darks),
    WORD (sb_plan_step, undo, undos),
    TEXT (sb_plan_step, undo_verb),
    TEXT (sb_plan_step, undo_on_kind),
    TEXT (sb_plan_step, undo_on),
    FLAG (sb_plan_step, optional),
    FLAG (sb_plan_step, no_return),
    NUMBER (sb_plan_step, retries),
    MS (sb_plan_step, retry_ms),
    MS (sb_plan_step, timeout_ms),
    MS (sb_plan_step, settle_ms),
    LINE (sb_plan_step, line),
    END,
};

static const struct sb_field gate_fields[] = {
    NEEDED (sb_plan_gate, name),
    NEEDED (sb_plan_gate, base),
    TEXT (sb_plan_gate, item),
    NEEDED (sb_plan_gate, title),
    NEEDED (sb_plan_gate, ask),
    TEXT (sb_plan_gate, when),
    FLAG (sb_plan_gate, named),
    FLAG (sb_plan_gate, refuse),
    MS (sb_plan_gate, expires_ms),
    RARE (sb_plan_gate, persons, SB_FIELD_INT),
    RARE (sb_plan_gate, glass_ms, SB_FIELD_MS),
    END,
};

const struct sb_field sb_plan_fields[] = {
    NEEDED (sb_plan, workflow),
    NEEDED (sb_plan, title),
    NEEDED (sb_plan, pool),
    FLAG (sb_plan, needs_approval),
    FLAG (sb_plan, drill),
    MS (sb_plan, dark_after_ms),
    TEXTS (sb_plan, sites),
    GROUP32 (sb_plan, gates, ngates, sb_plan_gate, gate_fields),
    GROUP32 (sb_plan, steps, count, sb_plan_step, step_fields),
    END,
};
/* clang-format on */

bool
sb_field_absent (const struct sb_field *f, const void *object)
{
    const void *at = (const char *) object + f->offset;

    return f->rare && (f->type == SB_FIELD_INT ? *(const int *) at == 0 : *(const int64_t *) at == 0);
}

size_t
sb_field_count (const struct sb_field *f, const void *object)
{
    const char *at = (const char *) object + f->count;

    return f->count32 ? *(const uint32_t *) (const void *) at : *(const size_t *) (const void *) at;
}

void
sb_field_set_count (const struct sb_field *f, void *object, size_t n)
{
    char *at = (char *) object + f->count;

    if (f->count32)
        *(uint32_t *) (void *) at = (uint32_t) n;
    else
        *(size_t *) (void *) at = n;
}
