/* Every arrow of the picture, one event at a time: what goes in, what comes out.
 * The expected text is the turn's commands in order; "done:a" is a record, "run:a"
 * a call. */
#include "tests/engine/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct plan_row settles[] = { { .name = "a", .effect = SB_SETTLES, .undo = SB_UNDO_NOT_NEEDED }, { 0 } };
static const struct plan_row changes[] = { { .name = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB }, { 0 } };
static const struct plan_row retries[] = { { .name = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB, .retries = 2 },
                                           { 0 } };

/* Rings until something other than a new verify of step 0 is said, answering each with `seen`. */
static void
ring_while (enum sb_seen seen)
{
    int k;

    for (k = 0; k < 200; k++) {
        RING;
        if (strcmp (rig_said (&rig), "verify:a") != 0)
            return;
        rig_saw (&rig, 0, seen);
        if (*rig_said (&rig) != '\0')
            return;
    }
}

static void
yes_is_done_already (void)
{
    begin (settles, NULL);
    SAYS (START, "run-begin verify:a");
    SAYS (SAW (0, YES), "adopted:a run-finish finish:done");
    end ();
}

static void
no_is_run_and_read_back (void)
{
    begin (changes, NULL);
    SAYS (START, "run-begin verify:a");
    SAYS (SAW (0, NO), "intent:a run:a");
    SAYS (RAN (0, OK), "answer:a verify:a");
    SAYS (SAW (0, YES), "done:a run-finish finish:done");
    end ();
}

static void
partly_and_settles_runs (void)
{
    begin (settles, NULL);
    START;
    SAYS (SAW (0, PARTLY), "intent:a run:a");
    end ();
}

static void
partly_and_changes_waits_then_holds (void)
{
    begin (changes, NULL);
    START;
    SAYS (SAW (0, PARTLY), "");
    ring_while (SB_SEEN_PARTLY);
    expect ("held:a(partly) run-finish finish:held", __FILE__, __LINE__);
    CU_ASSERT (rig.now - 1000000 >= SETTLE);
    end ();
}

static void
unknown_without_site_waits_then_holds (void)
{
    begin (changes, NULL);
    START;
    SAYS (SAW (0, UNKNOWN), "");
    SAYS (RING, "verify:a");
    SAW (0, UNKNOWN);
    ring_while (SB_SEEN_UNKNOWN);
    expect ("held:a(unknown) run-finish finish:held", __FILE__, __LINE__);
    end ();
}

static void
unknown_may_clear_up (void)
{
    begin (changes, NULL);
    START;
    SAW (0, UNKNOWN);
    SAYS (RING, "verify:a");
    SAYS (SAW (0, NO), "intent:a run:a");
    end ();
}

static void
ok_settles_late (void)
{
    begin (changes, NULL);
    START;
    SAW (0, NO);
    RAN (0, OK);
    SAYS (SAW (0, NO), "");
    SAYS (RING, "verify:a");
    SAYS (SAW (0, PARTLY), "");
    SAYS (RING, "verify:a");
    SAYS (SAW (0, YES), "done:a run-finish finish:done");
    end ();
}

static void
a_lie_is_held (void)
{
    begin (changes, NULL);
    START;
    SAW (0, NO);
    RAN (0, OK);
    SAW (0, NO);
    ring_while (SB_SEEN_NO);
    expect ("held:a(not-settled) run-finish finish:held", __FILE__, __LINE__);
    end ();
}

static void
retry_backs_off_and_is_counted (void)
{
    int64_t at;

    begin (retries, NULL);
    START;
    SAW (0, NO);
    SAYS (RAN (0, RETRY), "answer:a verify:a");
    at = rig.now;
    SAYS (SAW (0, NO), "cleared:a");
    SAYS (RING, "verify:a");
    CU_ASSERT_EQUAL (rig.now - at, RETRY_MS);
    SAYS (SAW (0, NO), "intent:a run:a");
    RAN (0, RETRY);
    SAW (0, NO);
    RING;
    SAYS (SAW (0, NO), "intent:a run:a");
    RAN (0, RETRY);
    SAYS (SAW (0, NO), "cleared:a failed:a(attempts) undo-begin(failed) run-finish finish:failed, undone");
    end ();
}

static void
retry_that_worked_is_done (void)
{
    begin (retries, NULL);
    START;
    SAW (0, NO);
    RAN (0, RETRY);
    SAYS (SAW (0, YES), "done:a run-finish finish:done");
    end ();
}

static void
fail_is_read_back_too (void)
{
    begin (changes, NULL);
    START;
    SAW (0, NO);
    SAYS (RAN (0, FAIL), "answer:a verify:a");
    SAYS (SAW (0, NO), "cleared:a failed:a(failed) undo-begin(failed) run-finish finish:failed, undone");
    end ();
    begin (changes, NULL);
    START;
    SAW (0, NO);
    RAN (0, FAIL);
    SAYS (SAW (0, PARTLY), "held:a(partly) run-finish finish:held");
    end ();
}

static void
doubt_waits_until_nothing_of_ours_works (void)
{
    begin (changes, NULL);
    START;
    SAW (0, NO);
    SAYS (rig_died (&rig, 0, SB_CALL_RUN), "answer:a verify:a");
    SAYS (SAW (0, PARTLY), "");
    rig.now += TIMEOUT;
    SAYS (RING, "verify:a");
    SAYS (SAW (0, PARTLY), "");
    SAYS (RING, "verify:a");
    SAYS (SAW (0, NO), "cleared:a intent:a run:a");
    end ();
    begin (changes, NULL);
    START;
    SAW (0, NO);
    RAN (0, UNSURE);
    SAW (0, PARTLY);
    ring_while (SB_SEEN_PARTLY);
    expect ("held:a(partly) run-finish finish:held", __FILE__, __LINE__);
    CU_ASSERT (rig.now - 1000000 >= TIMEOUT + SETTLE);
    end ();
}

static void
doubt_that_settles_runs_again (void)
{
    begin (settles, NULL);
    START;
    SAW (0, NO);
    RAN (0, UNSURE);
    SAYS (SAW (0, PARTLY), "intent:a run:a");
    end ();
}

static void
a_worker_that_always_dies_is_not_started_for_ever (void)
{
    begin (changes, NULL);
    START;
    SAW (0, NO);
    rig_died (&rig, 0, SB_CALL_RUN);
    SAYS (SAW (0, NO), "cleared:a intent:a run:a");
    rig_died (&rig, 0, SB_CALL_RUN);
    SAYS (SAW (0, NO), "cleared:a failed:a(lapses) undo-begin(failed) run-finish finish:failed, undone");
    end ();
}

static void
a_crash_after_the_intention_is_asked_about (void)
{
    begin (changes, NULL);
    START;
    SAW (0, NO);
    rig_crash (&rig);
    SAYS (START, "run-resume verify:a");
    SAYS (SAW (0, PARTLY), "");
    SAYS (RING, "verify:a");
    SAYS (SAW (0, YES), "done:a run-finish finish:done");
    end ();
}

static void
reads_need_no_intention (void)
{
    static const struct plan_row rows[] = { { .name = "a", .effect = SB_READS, .retries = 1 }, { 0 } };

    begin (rows, NULL);
    SAYS (START, "run-begin run:a");
    SAYS (RAN (0, OK), "done:a run-finish finish:done");
    end ();
    begin (rows, NULL);
    START;
    SAYS (RAN (0, RETRY), "");
    SAYS (RING, "run:a");
    SAYS (RAN (0, RETRY), "failed:a(attempts) undo-begin(failed) run-finish finish:failed, undone");
    end ();
    begin (rows, NULL);
    START;
    SAYS (RAN (0, FAIL), "failed:a(failed) undo-begin(failed) run-finish finish:failed, undone");
    end ();
}

/* ---------------------------------------------------------------- dark sites */

static void
go_dark (void)
{
    START;
    SAYS (SAW (0, UNKNOWN), "probe");
    SAYS (rig_probed (&rig, 0, 0), "");
    SAYS (RING, "probe");
    rig_probed (&rig, 0, 0);
    rig.now += DARK_AFTER;
    SAYS (RING, "probe");
    rig_probed (&rig, 0, 0);
}

static void
a_dark_site_holds_owes_or_skips (void)
{
    struct plan_row rows[] = { { .name = "a", .effect = SB_SETTLES, .undo = SB_UNDO_VERB, .site = "north" },
                               { .name = "b", .after = "a", .effect = SB_SETTLES, .undo = SB_UNDO_NOT_NEEDED },
                               { 0 } };

    rows[0].if_dark = SB_DARK_HOLD;
    begin (rows, NULL);
    go_dark ();
    expect ("dark held:a(dark) run-finish finish:held", __FILE__, __LINE__);
    end ();
    rows[0].if_dark = SB_DARK_SKIP;
    begin (rows, NULL);
    go_dark ();
    expect ("dark skipped:a(dark) verify:b", __FILE__, __LINE__);
    CU_ASSERT_FALSE (sb_engine_gives_results (&sb_engine_steps (rig.e)[0])); /* what its run had said is no evidence */
    end ();
    rows[0].if_dark = SB_DARK_OWE;
    begin (rows, NULL);
    go_dark ();
    expect ("dark owed:a(dark) verify:b", __FILE__, __LINE__);
    CU_ASSERT_FALSE (sb_engine_gives_results (&sb_engine_steps (rig.e)[0]));
    SAYS (SAW (1, YES), "adopted:b run-finish finish:done, owed");
    CU_ASSERT_TRUE (sb_engine_gives_results (&sb_engine_steps (rig.e)[1]));
    end ();
}

static void
a_site_that_answers_is_not_dark (void)
{
    static const struct plan_row rows[] = {
        { .name = "a", .effect = SB_SETTLES, .undo = SB_UNDO_VERB, .site = "north", .if_dark = SB_DARK_OWE }, { 0 }
    };

    begin (rows, NULL);
    START;
    SAW (0, UNKNOWN);
    SAYS (rig_probed (&rig, 0, 0), "");
    RING;
    SAYS (rig_probed (&rig, 0, 1), "");
    SAYS (RING, "verify:a");
    rig.now += DARK_AFTER;
    SAYS (SAW (0, UNKNOWN), "probe");
    SAYS (rig_probed (&rig, 0, 1), "held:a(unknown) run-finish finish:held");
    end ();
}

static void
what_is_owed_is_paid_later (void)
{
    static const struct plan_row rows[] = {
        { .name = "a", .effect = SB_SETTLES, .undo = SB_UNDO_VERB, .site = "north", .if_dark = SB_DARK_OWE }, { 0 }
    };

    begin (rows, NULL);
    go_dark ();
    expect ("dark owed:a(dark) run-finish finish:done, owed", __FILE__, __LINE__);
    rig_crash (&rig);
    SAYS (START, "finish:done, owed");
    rig_crash (&rig);
    rig.pay = true;
    SAYS (START, "run-resume verify:a");
    SAYS (SAW (0, UNKNOWN), "probe");
    SAYS (rig_probed (&rig, 0, 0), "owed:a(dark) run-finish finish:done, owed");
    rig_crash (&rig);
    START;
    SAYS (SAW (0, NO), "intent:a run:a");
    RAN (0, OK);
    SAYS (SAW (0, YES), "done:a run-finish finish:done");
    end ();
}

static void
the_principal_is_looked_up_when_due (void)
{
    static const struct plan_row rows[] = {
        { .name = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB, .site = "north", .principal = true }, { 0 }
    };

    begin (rows, NULL);
    SAYS (START, "run-begin locate:a");
    SAYS (rig_located (&rig, 0, 7), "verify:a");
    SAYS (SAW (0, NO), "intent:a run:a");
    CU_ASSERT_EQUAL (rig.log[rig.nlog - 1].target, 7);
    rig_crash (&rig);
    SAYS (START, "run-resume verify:a"); /* the target of the intention, not a new one */
    CU_ASSERT_EQUAL (sb_engine_steps (rig.e)[0].target, 7);
    SAYS (SAW (0, NO), "cleared:a locate:a"); /* nothing of ours is there: look again */
    SAYS (rig_located (&rig, 0, 0), "probe");
    end ();
}

/* ---------------------------------------------------------------- proofs, gates */

static void
an_old_proof_is_asked_again (void)
{
    static const struct plan_row rows[] = {
        { .name = "a", .effect = SB_SETTLES, .undo = SB_UNDO_VERB },
        { .name = "b", .after = "a", .effect = SB_CHANGES, .undo = SB_UNDO_NONE, .proof = "a" },
        { 0 }
    };

    begin (rows, NULL);
    START;
    SAW (0, YES);
    rig.now += 60001;
    SAYS (SAW (1, NO), "verify:a");
    SAYS (SAW (0, YES), "proved:a intent:b run:b");
    end ();
    begin (rows, NULL);
    START;
    SAW (0, YES);
    rig.now += 60001;
    SAW (1, NO);
    SAYS (SAW (0, UNKNOWN), "held:b(proof) run-finish finish:held");
    end ();
    begin (rows, NULL);
    START;
    SAW (0, YES);
    rig.now += 59000;
    SAYS (SAW (1, NO), "intent:b run:b");
    end ();
}

static void
late_and_foreign_events_are_ignored (void)
{
    begin (chain, NULL);
    START;
    SAYS (RAN (0, OK), "");
    SAYS (SAW (1, YES), "");
    SAYS (SAW (99, YES), "");
    SAYS (rig_gate (&rig, 0, SB_GATE_YES), "");
    SAYS (rig_probed (&rig, 1, 1), "");
    SAYS (rig_probed (&rig, 77, 1), "");
    SAYS (rig_located (&rig, 0, 3), "");
    SAYS (SAW (0, NO), "intent:a run:a");
    end ();
}

static void
copies_and_canonical_bytes (void)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf one = { 0 }, two = { 0 }, three = { 0 };
    struct sb_engine *copy;

    begin (chain, NULL);
    run_chain (2);
    copy = sb_xcalloc (1, sb_engine_size (&plan));
    sb_engine_copy (copy, rig.e);
    sb_engine_canonical (rig.e, &one);
    sb_engine_canonical (copy, &two);
    CU_ASSERT (one.len == two.len && memcmp (one.s, two.s, one.len) == 0);
    SAW (2, NO);
    sb_engine_canonical (rig.e, &three);
    CU_ASSERT (one.len != three.len || memcmp (one.s, three.s, one.len) != 0);
    free (copy);
    end ();
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "verify says yes: done already, nothing is run", yes_is_done_already },
        { "verify says no: intention, run, read back, done", no_is_run_and_read_back },
        { "partly, and it settles: it is run", partly_and_settles_runs },
        { "partly, and it changes: bounded wait, then held", partly_and_changes_waits_then_holds },
        { "unknown without a site: asked again while it may settle, then held", unknown_without_site_waits_then_holds },
        { "unknown that clears up goes on", unknown_may_clear_up },
        { "OK is polled until verify says yes", ok_settles_late },
        { "OK that verify never confirms is held", a_lie_is_held },
        { "RETRY is verified, backs off, and is tried at most N times again", retry_backs_off_and_is_counted },
        { "RETRY whose verify says yes is done", retry_that_worked_is_done },
        { "FAIL is failed only after verify said no", fail_is_read_back_too },
        { "a death is followed by a bounded wait until nothing of ours works there",
          doubt_waits_until_nothing_of_ours_works },
        { "a half-done action that settles is run again after doubt", doubt_that_settles_runs_again },
        { "a worker that dies each time is not started for ever", a_worker_that_always_dies_is_not_started_for_ever },
        { "an intention without evidence is verified first on resume", a_crash_after_the_intention_is_asked_about },
        { "an action that reads is its own question", reads_need_no_intention },
        { "a dark site: hold, owe and skip", a_dark_site_holds_owes_or_skips },
        { "a site that answers a probe is not dark; the step is held", a_site_that_answers_is_not_dark },
        { "what is owed is paid when the site answers, and stays owed before", what_is_owed_is_paid_later },
        { "the principal is looked up when due and written into the intention", the_principal_is_looked_up_when_due },
        { "a proof older than allowed is asked again before the intention", an_old_proof_is_asked_again },
        { "late and foreign events are ignored", late_and_foreign_events_are_ignored },
        { "equal states have equal canonical bytes, others do not", copies_and_canonical_bytes },
        { NULL, NULL },
    };

    return sb_tap_run ("picture", tests);
}
