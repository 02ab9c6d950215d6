/* See say.h. */
#include "tests/engine/say.h"

#include <stdio.h>
#include <string.h>

struct sb_plan plan;
struct rig rig;

void
begin (const struct plan_row *rows, const struct gate_row *gates)
{
    make_plan (&plan, rows, gates);
    rig_new (&rig, &plan);
}

void
end (void)
{
    rig_free (&rig);
    sb_plan_release (&plan);
}

void
expect (const char *expected, const char *file, int line)
{
    const char *said = rig_said (&rig);

    if (strcmp (said, expected) != 0)
        printf ("# %s:%d: expected \"%s\", got \"%s\"\n", file, line, expected, said);
    CU_ASSERT_STRING_EQUAL (said, expected);
}

const struct plan_row chain[] = { { .name = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
                                  { .name = "b", .after = "a", .effect = SB_SETTLES, .undo = SB_UNDO_VERB },
                                  { .name = "n", .after = "b", .effect = SB_SETTLES, .undo = SB_UNDO_NOT_NEEDED },
                                  { .name = "c", .after = "n", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
                                  { .name = "d", .after = "c", .effect = SB_CHANGES, .undo = SB_UNDO_NONE },
                                  { .name = "e", .after = "d", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
                                  { 0 } };

void
run_chain (uint32_t steps)
{
    uint32_t i;

    START;
    for (i = 0; i < steps; i++) {
        SAW (i, NO);
        RAN (i, OK);
        SAW (i, YES);
    }
}
