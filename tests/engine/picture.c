/* Every arrow of the picture, one event at a time: what goes in, what comes out.
 * The expected text is the turn's commands in order; "done:a" is a record, "run:a"
 * a call. */
#include "tests/engine/lib.h"
#include "tests/lib/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sb_plan plan;
static struct rig rig;

static void
begin (const struct plan_row *rows, const struct gate_row *gates)
{
    make_plan (&plan, rows, gates);
    rig_new (&rig, &plan);
}

static void
end (void)
{
    rig_free (&rig);
    sb_plan_release (&plan);
}

static void
expect (const char *expected, int line)
{
    const char *said = rig_said (&rig);

    if (strcmp (said, expected) != 0)
        printf ("# picture.c:%d: expected \"%s\", got \"%s\"\n", line, expected, said);
    CU_ASSERT_STRING_EQUAL (said, expected);
}

/* An event, then what the engine said. */
#define SAYS(event, expected)        \
    do {                             \
        event;                       \
        expect (expected, __LINE__); \
    } while (0)

#define START           rig_start (&rig)
#define SAW(step, seen) rig_saw (&rig, step, SB_SEEN_##seen)
#define RAN(step, rc)   rig_ran (&rig, step, SB_##rc)
#define RING            rig_ring (&rig)

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
    expect ("held:a(partly) run-finish finish:held", __LINE__);
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
    expect ("held:a(unknown) run-finish finish:held", __LINE__);
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
    expect ("held:a(not-settled) run-finish finish:held", __LINE__);
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
    expect ("held:a(partly) run-finish finish:held", __LINE__);
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
    expect ("dark held:a(dark) run-finish finish:held", __LINE__);
    end ();
    rows[0].if_dark = SB_DARK_SKIP;
    begin (rows, NULL);
    go_dark ();
    expect ("dark skipped:a(dark) verify:b", __LINE__);
    CU_ASSERT_FALSE (sb_engine_gives_results (&sb_engine_steps (rig.e)[0])); /* what its run had said is no evidence */
    end ();
    rows[0].if_dark = SB_DARK_OWE;
    begin (rows, NULL);
    go_dark ();
    expect ("dark owed:a(dark) verify:b", __LINE__);
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
    expect ("dark owed:a(dark) run-finish finish:done, owed", __LINE__);
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

static const struct plan_row gated[] = {
    { .name = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
    { .name = "b", .after = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB, .gate = "g" },
    { .name = "c", .after = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB, .gate = "g" },
    { 0 }
};

static void
to_the_gate (bool refuse, int64_t expires, bool wait)
{
    struct gate_row gates[] = { { .name = "g", .refuse = refuse, .expires_ms = expires }, { 0 } };

    begin (gated, gates);
    rig.wait = wait;
    START;
    SAW (0, NO);
    RAN (0, OK);
    SAYS (SAW (0, YES), "done:a ask:b");
}

static void
a_gate_is_asked_once_and_answered_for_all (void)
{
    to_the_gate (false, 0, true);
    SAYS (rig_gate (&rig, 1, SB_GATE_OPEN), "gate-open:b");
    rig.now += 5000;
    SAYS (rig_gate (&rig, 1, SB_GATE_YES), "gate-answer:b verify:b verify:c");
    CU_ASSERT_EQUAL (rig.log[rig.nlog - 1].ms, 5000);
    CU_ASSERT_EQUAL (rig.e->people_ms, 5000);
    end ();
    to_the_gate (false, 0, false);
    SAYS (rig_gate (&rig, 1, SB_GATE_NOT_NEEDED), "gate-answer:b verify:b verify:c");
    end ();
}

static void
a_gate_without_answer_ends_waiting_and_is_asked_again (void)
{
    to_the_gate (false, 0, false);
    SAYS (rig_gate (&rig, 1, SB_GATE_OPEN), "gate-open:b run-finish finish:waiting");
    rig_crash (&rig);
    SAYS (START, "run-resume ask:b");
    SAYS (rig_gate (&rig, 1, SB_GATE_YES), "gate-answer:b verify:b verify:c");
    rig_crash (&rig);
    SAYS (START, "run-resume verify:b verify:c"); /* the answer is on record */
    end ();
}

static void
expiry_never_means_go_on (void)
{
    to_the_gate (false, 30000, true);
    rig_gate (&rig, 1, SB_GATE_OPEN);
    SAYS (RING, "gate-answer:b(gate-expired) held:b(gate-expired) held:c(gate-expired)");
    CU_ASSERT_EQUAL (rig.now, 1000000 + 30000);
    SAYS (rig_gate (&rig, 1, SB_GATE_YES), "gate-open:b gate-answer:b verify:b verify:c");
    end ();
}

static void
a_no_holds_or_refuses (void)
{
    to_the_gate (false, 0, true);
    rig_gate (&rig, 1, SB_GATE_OPEN);
    SAYS (rig_gate (&rig, 1, SB_GATE_NO), "gate-answer:b(gate-no) held:b(gate-no) held:c(gate-no)");
    end ();
    to_the_gate (true, 0, true);
    SAYS (rig_gate (&rig, 1, SB_GATE_OPEN), "gate-open:b");
    SAYS (rig_gate (&rig, 1, SB_GATE_NO), "gate-answer:b(gate-no) refused:b(gate-no) undo-begin(refused) unverify:a");
    SAYS (SAW (0, YES), "undone:a run-finish finish:refused");
    end ();
    to_the_gate (true, 0, false);
    SAYS (rig_gate (&rig, 1, SB_GATE_OPEN),
          "gate-open:b gate-answer:b(refused) refused:b(refused) undo-begin(refused) unverify:a");
    end ();
}

/* ---------------------------------------------------------------- two persons */

static void
to_a_gate_for_two (int64_t expires, int64_t glass)
{
    struct gate_row gates[] = { { "g", false, false, expires, 2, glass }, { 0 } };

    begin (gated, gates);
    rig.wait = true;
    START;
    SAW (0, YES);
    SAYS (rig_gate (&rig, 1, SB_GATE_OPEN), "gate-open:b");
}

static void
votes (uint32_t person)
{
    rig_event (&rig, (struct sb_event){ .kind = SB_EV_GATE, .step = 1, .gate = SB_GATE_YES, .person = person });
}

static void
breaks (uint32_t person)
{
    rig_event (&rig, (struct sb_event){ .kind = SB_EV_GLASS, .step = 1, .person = person });
}

static void
two_persons_are_two (void)
{
    to_a_gate_for_two (0, 0);
    SAYS (votes (7), "gate-first:b");
    SAYS (votes (7), "person:b(same-person)");
    SAYS (votes (0), "person:b(same-person)"); /* nobody knows who that is */
    SAYS (votes (9), "gate-answer:b verify:b verify:c");
    end ();
    to_a_gate_for_two (0, 0);
    SAYS (votes (0), "person:b(same-person)");
    SAYS (rig_gate (&rig, 1, SB_GATE_NO), "gate-answer:b(gate-no) held:b(gate-no) held:c(gate-no)");
    end ();
}

static void
the_first_of_two_is_remembered (void)
{
    to_a_gate_for_two (0, 0);
    votes (7);
    rig_crash (&rig);
    SAYS (START, "run-resume ask:b");
    SAYS (votes (7), "person:b(same-person)");
    CU_ASSERT_EQUAL (rig_phase (&rig, 1), SB_PHASE_ASKED);
    SAYS (votes (9), "gate-answer:b verify:b verify:c");
    end ();
}

static void
the_expiry_of_a_gate_for_two_holds (void)
{
    to_a_gate_for_two (30000, 0);
    votes (7);
    SAYS (RING, "gate-answer:b(gate-expired) held:b(gate-expired) held:c(gate-expired)");
    SAYS (votes (9), "gate-open:b gate-first:b"); /* a new question: nobody has agreed to it yet */
    SAYS (votes (7), "gate-answer:b verify:b verify:c");
    end ();
}

static void
broken_glass_counts_down (void)
{
    to_a_gate_for_two (30000, 90000);
    SAYS (breaks (7), "gate-first:b gate-glass:b");
    SAYS (breaks (7), "person:b(not-now)");
    rig.now += 40000; /* past the expiry, which the countdown has replaced */
    rig_crash (&rig);
    START;
    SAYS (rig_gate (&rig, 1, SB_GATE_OPEN), "");
    SAYS (RING, "gate-answer:b(break-glass) verify:b verify:c");
    CU_ASSERT_EQUAL (rig.now, 1000000 + 40000 + 90000); /* anew: nobody could say no while nobody ran */
    end ();
}

static void
a_no_stops_the_countdown (void)
{
    to_a_gate_for_two (0, 90000);
    breaks (7);
    SAYS (rig_gate (&rig, 1, SB_GATE_NO), "gate-answer:b(gate-no) held:b(gate-no) held:c(gate-no)");
    CU_ASSERT_EQUAL (sb_engine_next_timer (rig.e), SB_ENGINE_NEVER);
    end ();
    to_a_gate_for_two (0, 0); /* the house does not allow it */
    SAYS (breaks (7), "person:b(not-now)");
    end ();
}

static const struct plan_row pair[] = { { .name = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
                                        { .name = "b", .after = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
                                        { 0 } };

static void
done_by_hand_is_read_back (void)
{
    begin (pair, NULL);
    START;
    SAW (0, NO);
    rig_person (&rig, SB_EV_HOLD, 0);
    RAN (0, STOPPED);
    SAYS (SAW (0, NO), "cleared:a held:a(person) run-finish finish:held");
    rig_crash (&rig);
    SAYS (rig_person (&rig, SB_EV_CLAIM, 0), "person:a");
    SAYS (START, "run-resume verify:a");
    SAYS (SAW (0, NO), "held:a(not-so) run-finish finish:held"); /* and it is not run */
    rig_crash (&rig);
    rig_person (&rig, SB_EV_CLAIM, 0);
    START;
    rig_crash (&rig); /* the claim is on record, the answer is not */
    SAYS (START, "run-resume verify:a");
    SAYS (SAW (0, YES), "adopted:a verify:b");
    end ();
}

static void
a_skip_before_the_start_loses_nobody (void)
{
    static const struct plan_row rows[] = { { .name = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
                                            { .name = "b", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
                                            { .name = "c", .after = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
                                            { .name = "d", .after = "b", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
                                            { 0 } };

    begin (rows, NULL);
    START;
    rig_person (&rig, SB_EV_HOLD, 0);
    rig_person (&rig, SB_EV_HOLD, 1);
    SAW (0, NO);
    SAW (1, NO);
    CU_ASSERT_EQUAL (rig_outcome (&rig), SB_RUN_HELD);
    rig_crash (&rig);
    rig_person (&rig, SB_EV_SKIP, 1); /* newest first: their successors must not fall out of the queue */
    rig_person (&rig, SB_EV_SKIP, 0);
    SAYS (START, "run-resume verify:c verify:d");
    end ();
}

/* ---------------------------------------------------------------- failure, undo, abort */

static const struct plan_row chain[] = {
    { .name = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
    { .name = "b", .after = "a", .effect = SB_SETTLES, .undo = SB_UNDO_VERB },
    { .name = "n", .after = "b", .effect = SB_SETTLES, .undo = SB_UNDO_NOT_NEEDED },
    { .name = "c", .after = "n", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
    { .name = "d", .after = "c", .effect = SB_CHANGES, .undo = SB_UNDO_NONE },
    { .name = "e", .after = "d", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
    { 0 }
};

static void
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

/* ---------------------------------------------------------------- people and signals */

static void
people_hold_retry_and_skip (void)
{
    begin (chain, NULL);
    rig.wait = true;
    START;
    SAYS (rig_person (&rig, SB_EV_HOLD, 1), "person:b");
    SAYS (SAW (0, YES), "adopted:a held:b(person)");
    SAYS (rig_person (&rig, SB_EV_SKIP, 3), "person:c(not-now)");
    SAYS (rig_person (&rig, SB_EV_RETRY, 1), "person:b verify:b");
    rig_person (&rig, SB_EV_HOLD, 1);
    SAYS (SAW (1, NO), "held:b(person)");
    SAYS (rig_person (&rig, SB_EV_SKIP, 1), "person:b skipped:b(person) verify:n");
    end ();
}

static void
what_a_person_holds_stays_held_after_a_resume (void)
{
    begin (chain, NULL);
    START;
    rig_person (&rig, SB_EV_HOLD, 0);
    SAYS (SAW (0, NO), "held:a(person) run-finish finish:held");
    rig_crash (&rig);
    SAYS (START, "run-resume run-finish finish:held");
    rig_crash (&rig);
    SAYS (rig_person (&rig, SB_EV_RETRY, 0), "person:a"); /* from the inbox, before the start */
    SAYS (START, "run-resume verify:a");
    end ();
}

static void
a_signal_ends_soon_and_is_resumable (void)
{
    struct sb_event stop = { .kind = SB_EV_STOP };

    begin (chain, NULL);
    run_chain (1);
    SAW (1, NO);
    SAYS (rig_event (&rig, stop), "kill:b");
    SAYS (RAN (1, STOPPED), "answer:b run-finish finish:stopped");
    rig_crash (&rig);
    SAYS (START, "run-resume verify:b");
    SAYS (SAW (1, NO), "cleared:b intent:b run:b");
    SAYS (rig_event (&rig, stop), "kill:b");
    SAYS (rig_event (&rig, stop), "run-finish finish:stopped"); /* the second does not wait */
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
        { "a gate is asked once and answered for all its steps", a_gate_is_asked_once_and_answered_for_all },
        { "a gate that nobody answers ends waiting and is asked again",
          a_gate_without_answer_ends_waiting_and_is_asked_again },
        { "expiry of a gate never means go on", expiry_never_means_go_on },
        { "a no holds the step, or refuses the run", a_no_holds_or_refuses },
        { "a gate for two persons wants two different ones, and knows who they are", two_persons_are_two },
        { "the first of two persons is remembered over a crash", the_first_of_two_is_remembered },
        { "a gate for two that expires is held, and its next question starts with nobody",
          the_expiry_of_a_gate_for_two_holds },
        { "broken glass opens a gate for two after the countdown, also over a crash", broken_glass_counts_down },
        { "a no stops the countdown; without leave of the house there is none", a_no_stops_the_countdown },
        { "what a person did by hand counts only when verify agrees, and is never run", done_by_hand_is_read_back },
        { "steps skipped before a resume begins leave nobody behind", a_skip_before_the_start_loses_nobody },
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
        { "people hold, retry and skip steps", people_hold_retry_and_skip },
        { "what a person holds stays held until that is taken back", what_a_person_holds_stays_held_after_a_resume },
        { "a signal ends soon and leaves the run resumable", a_signal_ends_soon_and_is_resumable },
        { "late and foreign events are ignored", late_and_foreign_events_are_ignored },
        { "equal states have equal canonical bytes, others do not", copies_and_canonical_bytes },
        { NULL, NULL },
    };

    return sb_tap_run ("picture", tests);
}
