/* The way back: failures, undo newest first, aborts, and the point of no return
 * behind which there is only forward. */
#include "tests/engine/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- failure, undo, abort */

static void
a_failure_undoes_in_reverse_what_ran (void)
{
    begin (chain, NULL);
    START;
    SAYS (SAW (0, YES), "adopted:a verify:b"); /* not ours: stays */
    SAW (1, NO);
    RAN (1, OK);
    SAW (1, YES);
    SAW (2, NO);
    RAN (2, OK);
    SAYS (SAW (2, YES), "done:n verify:c");
    SAW (3, NO);
    RAN (3, FAIL);
    SAYS (SAW (3, NO), "cleared:c failed:c(failed) undo-begin(failed) undo-left:n unverify:b");
    SAYS (SAW (1, NO), "undo-intent:b unrun:b");
    SAYS (RAN (1, OK), "undo-answer:b unverify:b");
    SAYS (SAW (1, YES), "undone:b run-finish finish:failed, undone");
    end ();
}

static void
an_undo_is_resumed (void)
{
    begin (chain, NULL);
    run_chain (3);
    SAW (3, NO);
    RAN (3, FAIL);
    SAW (3, NO);
    SAW (1, NO);
    rig_crash (&rig);
    SAYS (START, "run-resume unverify:b");
    SAYS (SAW (1, PARTLY), "");
    SAYS (RING, "unverify:b");
    SAYS (SAW (1, YES), "undone:b unverify:a");
    rig_crash (&rig);
    SAYS (START, "run-resume unverify:a");
    SAYS (SAW (0, YES), "undone:a run-finish finish:failed, undone");
    rig_crash (&rig);
    SAYS (START, "finish:failed, undone"); /* it has ended for good */
    end ();
}

static void
an_undo_that_fails_is_held (void)
{
    begin (chain, NULL);
    run_chain (3);
    SAW (3, NO);
    RAN (3, FAIL);
    SAW (3, NO);
    SAW (1, NO);
    RAN (1, FAIL);
    SAYS (SAW (1, NO), "undo-cleared:b undo-held:b(failed) run-finish finish:held");
    rig_crash (&rig);
    SAYS (START, "run-resume unverify:b");
    SAYS (SAW (1, YES), "undone:b unverify:a");
    end ();
}

static void
an_abort_takes_back (void)
{
    begin (chain, NULL);
    run_chain (1);
    SAYS (SAW (1, NO), "intent:b run:b");
    SAYS (rig_person (&rig, SB_EV_ABORT, 0), "person abort kill:b");
    SAYS (RAN (1, STOPPED), "answer:b verify:b");
    SAYS (SAW (1, YES), "done:b undo-begin(abort) unverify:b");
    SAYS (SAW (1, YES), "undone:b unverify:a");
    SAYS (SAW (0, YES), "undone:a run-finish finish:aborted");
    end ();
}

static void
after_the_point_of_no_return_there_is_only_forward (void)
{
    begin (chain, NULL);
    run_chain (4);
    SAYS (SAW (4, NO), "intent:d run:d");
    SAYS (rig_person (&rig, SB_EV_ABORT, 0), "person(no-return)");
    RAN (4, OK);
    SAW (4, YES);
    SAW (5, NO);
    RAN (5, FAIL);
    SAYS (SAW (5, NO), "cleared:e failed:e(failed) run-finish finish:held");
    rig_crash (&rig);
    SAYS (START, "run-resume verify:e"); /* resuming tries again */
    end ();
}

static void
what_somebody_else_did_irreversibly_counts (void)
{
    static const struct plan_row rows[] = { { .name = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
                                            { .name = "d", .effect = SB_CHANGES, .undo = SB_UNDO_NONE },
                                            { .name = "e", .after = "a d", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
                                            { 0 } };

    begin (rows, NULL);
    START;
    SAW (0, NO);
    RAN (0, OK);
    SAW (0, YES);
    SAYS (SAW (1, YES), "adopted:d verify:e");
    SAYS (rig_person (&rig, SB_EV_ABORT, 0), "person(no-return)");
    end ();
}

static void
a_step_that_proved_undone_gives_the_return_back (void)
{
    begin (chain, NULL);
    run_chain (4);
    SAW (4, NO);
    RAN (4, FAIL);
    SAYS (SAW (4, NO), "cleared:d failed:d(failed) undo-begin(failed) unverify:c");
    end ();
}

static void
an_optional_step_stops_nobody (void)
{
    static const struct plan_row rows[] = {
        { .name = "a", .effect = SB_SETTLES, .undo = SB_UNDO_NOT_NEEDED, .optional = true },
        { .name = "b", .after = "a", .effect = SB_SETTLES, .undo = SB_UNDO_NOT_NEEDED },
        { 0 }
    };

    begin (rows, NULL);
    START;
    SAW (0, NO);
    RAN (0, FAIL);
    SAYS (SAW (0, NO), "cleared:a failed:a(failed) verify:b");
    SAYS (SAW (1, YES), "adopted:b run-finish finish:done");
    end ();
}

static void
a_failure_stops_only_what_depends_on_it (void)
{
    static const struct plan_row rows[] = {
        { .name = "a", .effect = SB_SETTLES, .undo = SB_UNDO_NOT_NEEDED },
        { .name = "b", .effect = SB_SETTLES, .undo = SB_UNDO_NOT_NEEDED },
        { .name = "c", .after = "a", .effect = SB_SETTLES, .undo = SB_UNDO_NOT_NEEDED },
        { .name = "d", .after = "b", .effect = SB_SETTLES, .undo = SB_UNDO_NOT_NEEDED },
        { 0 }
    };

    begin (rows, NULL);
    SAYS (START, "run-begin verify:a verify:b");
    SAW (0, NO);
    RAN (0, FAIL);
    SAYS (SAW (0, NO), "cleared:a failed:a(failed)");
    SAYS (SAW (1, YES), "adopted:b verify:d");
    SAYS (SAW (3, YES), "adopted:d undo-begin(failed) run-finish finish:failed, undone");
    CU_ASSERT_EQUAL (rig_phase (&rig, 2), SB_PHASE_WAITING);
    end ();
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "a failure undoes in reverse what ran, not what was adopted", a_failure_undoes_in_reverse_what_ran },
        { "an undo is resumed where it was", an_undo_is_resumed },
        { "an undo that fails is held and can be resumed", an_undo_that_fails_is_held },
        { "an abort stops what runs and takes back", an_abort_takes_back },
        { "after the point of no return an abort is refused and a failure is held",
          after_the_point_of_no_return_there_is_only_forward },
        { "an irreversible step that somebody else did counts as passed", what_somebody_else_did_irreversibly_counts },
        { "an irreversible step proved undone gives the return back", a_step_that_proved_undone_gives_the_return_back },
        { "an optional step that fails stops nobody", an_optional_step_stops_nobody },
        { "a failure stops what depends on it and nothing else", a_failure_stops_only_what_depends_on_it },
        { NULL, NULL },
    };

    return sb_tap_run ("undo", tests);
}
