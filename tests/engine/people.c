/* The arrows of the picture that people draw: gates, two persons and broken glass,
 * steps held, skipped and done by hand, signals. */
#include "tests/engine/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int
main (void)
{
    static const struct sb_tap_test tests[] = {
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
        { "people hold, retry and skip steps", people_hold_retry_and_skip },
        { "what a person holds stays held until that is taken back", what_a_person_holds_stays_held_after_a_resume },
        { "a signal ends soon and leaves the run resumable", a_signal_ends_soon_and_is_resumable },
        { NULL, NULL },
    };

    return sb_tap_run ("people", tests);
}
