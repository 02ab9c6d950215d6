/* Random histories of small plans over a small world, with deaths at every point.
 *
 * The world holds for each step whether it is so, half so, or being worked on by a
 * server whose client may be dead.  Every call has a random outcome (also: done
 * but the answer is lost, still working there, refused); people, probes and the
 * clock do random things; the process dies before or after a commit and is
 * resumed from what was committed.  After each turn the invariants are checked.
 * The seed of a history is printed when one does not hold; SB_SEED=N replays it. */
#include "tests/engine/lib.h"
#include "tests/lib/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORIES  30000
#define MOST_TURNS 6000
#define MOST_STEPS 8

static uint64_t random_state;

static uint32_t
roll (uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t) ((random_state >> 33) % below);
}

static bool
chance (uint32_t percent)
{
    return roll (100) < percent;
}

/* ---------------------------------------------------------------- the world */

struct thing {
    enum sb_seen state;  /* never UNKNOWN */
    int64_t works_until; /* a server still works at it and ends it then; 0: none */
    unsigned runs;       /* changing calls that took effect */
};

struct call {
    uint32_t step;
    enum sb_call_op op;
    bool undo, stop;
};

struct history {
    struct sb_plan plan;
    struct plan_row rows[MOST_STEPS + 1];
    char names[MOST_STEPS][12], afters[MOST_STEPS][64];
    struct rig rig;
    size_t committed; /* records of rig.log that are durable */
    struct thing world[MOST_STEPS];
    bool dark[2];
    struct call calls[MOST_STEPS * 2];
    size_t ncalls;
    uint32_t probes, asks[MOST_STEPS], nasks;
    unsigned deaths, wishes;
    bool skipped[MOST_STEPS]; /* a person left its undo out */
    char broken[200];
};

static void
settle_world (struct history *h, uint32_t i)
{
    struct thing *t = &h->world[i];

    if (t->works_until && t->works_until <= h->rig.now) {
        t->works_until = 0;
        t->state = SB_SEEN_YES;
        t->runs++;
    }
}

static bool
unreachable (const struct history *h, uint32_t i)
{
    uint8_t site = sb_engine_steps (h->rig.e)[i].site;

    return site != SB_NO_SITE && h->dark[site];
}

static enum sb_seen
look (struct history *h, uint32_t i, bool undo)
{
    struct thing *t = &h->world[i];
    enum sb_seen seen;

    settle_world (h, i);
    if (unreachable (h, i) || chance (4))
        return SB_SEEN_UNKNOWN;
    seen = t->works_until ? SB_SEEN_PARTLY : t->state;
    if (!undo)
        return seen;
    return seen == SB_SEEN_NO ? SB_SEEN_YES : seen == SB_SEEN_YES ? SB_SEEN_NO : seen;
}

/* What a run does to the world and what it says about it; DIED stands for an answer that never comes. */
enum { DIES = 100 };

static unsigned
work (struct history *h, uint32_t i, bool undo)
{
    struct thing *t = &h->world[i];
    enum sb_seen goal = undo ? SB_SEEN_NO : SB_SEEN_YES;
    uint32_t fate = roll (100);

    settle_world (h, i);
    if (unreachable (h, i))
        return chance (50) ? SB_RETRY : SB_UNSURE;
    if (fate < 50) { /* done */
        t->runs++;
        t->state = goal;
        t->works_until = 0;
        return fate < 42 ? SB_OK : fate < 46 ? SB_UNSURE : DIES;
    }
    if (fate < 60)
        return SB_RETRY;
    if (fate < 66)
        return SB_FAIL;
    if (fate < 76)
        return chance (50) ? SB_UNSURE : DIES;           /* not done */
    if (fate < 84 && !undo && t->state != SB_SEEN_YES) { /* the server works on */
        t->works_until = h->rig.now + 500 + roll (15000);
        return chance (50) ? SB_UNSURE : DIES;
    }
    if (fate < 92) {
        t->state = SB_SEEN_PARTLY;
        return chance (50) ? SB_UNSURE : DIES;
    }
    return fate < 96 ? SB_OK /* a lie */ : SB_STOPPED;
}

/* ---------------------------------------------------------------- invariants */

static void
breach (struct history *h, const char *what, uint32_t step)
{
    if (!h->broken[0])
        snprintf (h->broken, sizeof h->broken, "%s (step %s)", what,
                  step < h->plan.count ? h->plan.steps[step].name : "-");
}

/* Before a changing call: what do the durable records say? */
static void
check_run (struct history *h, const struct sb_command *c)
{
    const struct sb_plan_step *p = &h->plan.steps[c->step];
    enum sb_record_kind intent = c->undo ? SB_REC_UNDO_INTENT : SB_REC_INTENT;
    const struct thing *t = &h->world[c->step];
    size_t k = h->committed;

    while (k > 0 && h->rig.log[k - 1].step != c->step)
        k--;
    if (k == 0 || h->rig.log[k - 1].kind != intent)
        breach (h, "a run without its intention before it", c->step);
    if (!c->undo && p->effect == SB_CHANGES && (t->state != SB_SEEN_NO || t->works_until))
        breach (h, "an action that changes was run although it was not seen undone", c->step);
    if (p->no_return && !c->undo && t->state == SB_SEEN_YES)
        breach (h, "something irreversible was repeated", c->step);
    if (p->gate != SB_NO_GATE && !c->undo && sb_engine_gates (h->rig.e)[p->gate] != SB_GATE_YES
        && sb_engine_gates (h->rig.e)[p->gate] != SB_GATE_NOT_NEEDED)
        breach (h, "a run without its gate", c->step);
    for (k = 0; k < p->nafter && !c->undo; k++)
        if (!(sb_engine_steps (h->rig.e)[p->after[k]].flags & SB_STEP_PASSED))
            breach (h, "a run before its predecessors", c->step);
}

/* A yes at a gate for two: another person stands on record for the same question, or the glass was broken. */
static void
check_two (struct history *h, const struct sb_engine_record *r)
{
    uint32_t gate = h->plan.steps[r->step].gate;
    const struct sb_engine_record *q;

    for (q = r - 1; q >= h->rig.log; q--) {
        if (q->step == SB_NO_STEP || h->plan.steps[q->step].gate != gate)
            continue;
        if (q->kind == SB_REC_GATE_ANSWER)
            break;
        if (q->kind == (r->why == SB_WHY_GLASS ? SB_REC_GATE_GLASS : SB_REC_GATE_FIRST))
            return;
    }
    breach (h, "a gate for two opened by one", r->step);
}

static void
check_record (struct history *h, const struct sb_engine_record *r)
{
    if (r->kind == SB_REC_GATE_ANSWER && r->value == SB_GATE_YES
        && h->plan.gates[h->plan.steps[r->step].gate].persons > 1)
        check_two (h, r);
    if (r->kind == SB_REC_UNDO_LEFT && r->why == SB_WHY_PERSON)
        h->skipped[r->step] = true;
    if (r->step == SB_NO_STEP || !h->plan.steps[r->step].role || h->plan.steps[r->step].effect == SB_READS)
        return;
    if ((r->kind == SB_REC_DONE || r->kind == SB_REC_ADOPTED) && h->world[r->step].state != SB_SEEN_YES)
        breach (h, "done without being so", r->step);
    if (r->kind == SB_REC_UNDONE && h->world[r->step].state != SB_SEEN_NO)
        breach (h, "undone without being so", r->step);
    if (r->kind == SB_REC_FAILED && sb_reason_names[r->why] && r->why == SB_WHY_FAILED && h->world[r->step].works_until)
        breach (h, "failed, and something of ours still works there", r->step);
}

static void
check_end (struct history *h)
{
    const struct sb_engine *e = h->rig.e;
    bool undone = e->outcome == SB_RUN_ABORTED || e->outcome == SB_RUN_FAILED_UNDONE || e->outcome == SB_RUN_REFUSED;
    uint32_t i;

    for (i = 0; i < h->plan.count; i++) {
        const struct sb_engine_step *s = &sb_engine_steps (e)[i];
        if ((e->outcome == SB_RUN_DONE || e->outcome == SB_RUN_DONE_OWED) && !(s->flags & SB_STEP_PASSED))
            breach (h, "the run is done and a step is not", i);
        if (e->outcome == SB_RUN_DONE && s->phase == SB_PHASE_OWED)
            breach (h, "the run is done and something is owed", i);
        if (undone && h->plan.steps[i].no_return && (s->flags & SB_STEP_MAYBE))
            breach (h, "taken back after the point of no return", i);
        if (undone && h->plan.steps[i].undo == SB_UNDO_VERB && (s->flags & SB_STEP_MAYBE)
            && s->phase != SB_PHASE_UNDONE)
            breach (h, "taken back, and a step that ran was not", i);
        if (undone && h->plan.steps[i].undo == SB_UNDO_VERB && h->world[i].runs > 0 && h->world[i].state == SB_SEEN_YES
            && !h->skipped[i])
            breach (h, "taken back, and what the run did still stands", i);
    }
}

/* ---------------------------------------------------------------- driving */

static void
carry_out (struct history *h)
{
    size_t k, n = h->rig.turn.count;

    for (k = 0; k < n; k++) {
        const struct sb_command *c = &h->rig.turn.list[k];
        enum sb_call_op op = c->kind == SB_CMD_RUN      ? SB_CALL_RUN
                             : c->kind == SB_CMD_LOCATE ? SB_CALL_LOCATE
                                                        : SB_CALL_VERIFY;
        switch (c->kind) {
        case SB_CMD_RUN:
            if (!c->reads)
                check_run (h, c);
            /* fall through */
        case SB_CMD_VERIFY:
        case SB_CMD_LOCATE:
            h->calls[h->ncalls++] = (struct call){ c->step, op, c->undo, false };
            break;
        case SB_CMD_PROBE:
            h->probes |= 1u << c->site;
            break;
        case SB_CMD_ASK:
            h->asks[h->nasks++] = c->step;
            break;
        default:
            break;
        }
    }
}

/* Commits (all but the last turn may have been lazy), then acts; or dies in between. */
static bool
end_turn (struct history *h, size_t from)
{
    bool dies = h->deaths > 0 && chance (4);
    size_t k;

    for (k = from; k < h->rig.nlog; k++)
        check_record (h, &h->rig.log[k]);
    if (dies && chance (50)) { /* before the commit: nothing of this turn happened */
        h->rig.nlog = h->committed;
        return false;
    }
    h->committed = h->rig.nlog;
    if (dies)
        return false;
    carry_out (h);
    return !(h->deaths > 0 && chance (2)); /* after the act: the servers work on without us */
}

static void
answer_call (struct history *h)
{
    size_t k = roll ((uint32_t) h->ncalls);
    struct call c = h->calls[k];
    unsigned rc;

    h->calls[k] = h->calls[--h->ncalls];
    if (c.op == SB_CALL_VERIFY)
        rig_saw (&h->rig, c.step, look (h, c.step, c.undo));
    else if (c.op == SB_CALL_LOCATE)
        rig_located (&h->rig, c.step, unreachable (h, c.step) || chance (10) ? 0 : 1 + roll (2));
    else if (h->plan.steps[c.step].effect == SB_READS)
        rig_ran (&h->rig, c.step, unreachable (h, c.step) ? SB_RETRY : (enum sb_rc) (chance (80) ? SB_OK : roll (4)));
    else if ((rc = work (h, c.step, c.undo)) == DIES)
        rig_died (&h->rig, c.step, SB_CALL_RUN);
    else
        rig_ran (&h->rig, c.step, (enum sb_rc) rc);
}

static void
answer_probe (struct history *h)
{
    uint32_t site = h->probes & 1 ? 0 : 1;

    h->probes &= ~(1u << site);
    rig_probed (&h->rig, site, h->dark[site] ? 0 : 1);
}

/* One of two people says something at a gate, or breaks its glass. */
static void
answer_gate (struct history *h, uint32_t step, enum sb_gate_answer answer, bool asked)
{
    struct sb_event ev = { .kind = SB_EV_GATE, .step = step, .gate = answer, .person = 1 + roll (2) };

    if (!asked && answer == SB_GATE_YES && chance (15))
        ev.kind = SB_EV_GLASS;
    rig_event (&h->rig, ev);
}

static void
answer_ask (struct history *h)
{
    uint32_t step = h->asks[--h->nasks], fate = roll (100);

    answer_gate (h, step,
                 fate < 60   ? SB_GATE_YES
                 : fate < 75 ? SB_GATE_NOT_NEEDED
                 : fate < 85 ? SB_GATE_NO
                             : SB_GATE_OPEN,
                 true);
}

static void
wish (struct history *h)
{
    static const enum sb_event_kind kinds[] = { SB_EV_ABORT, SB_EV_RETRY, SB_EV_SKIP,
                                                SB_EV_HOLD,  SB_EV_STOP,  SB_EV_CLAIM };

    h->wishes--;
    if (chance (20))
        h->dark[roll (2)] ^= true;
    else
        rig_person (&h->rig, kinds[roll (6)], roll (h->plan.count));
}

/* Nothing moves, and the run stays because somebody may come: somebody comes. */
static void
somebody_comes (struct history *h)
{
    uint32_t i = roll (h->plan.count);

    switch (roll (6)) {
    case 0:
        rig_person (&h->rig, chance (70) ? SB_EV_RETRY : SB_EV_CLAIM, i);
        break;
    case 1:
        rig_person (&h->rig, SB_EV_SKIP, i);
        break;
    case 2:
        rig_person (&h->rig, SB_EV_ABORT, i);
        break;
    case 3:
        rig_person (&h->rig, chance (20) ? SB_EV_STOP : SB_EV_HOLD, i);
        break;
    default:
        answer_gate (h, i, chance (70) ? SB_GATE_YES : SB_GATE_NO, false);
        break;
    }
}

/* One turn; false: the process died. */
static bool
step_history (struct history *h)
{
    size_t from = h->rig.nlog;

    h->rig.turn.count = 0;
    if (h->wishes > 0 && chance (2))
        wish (h);
    else if (h->nasks > 0)
        answer_ask (h);
    else if (h->ncalls > 0 && chance (80))
        answer_call (h);
    else if (h->probes)
        answer_probe (h);
    else if (h->ncalls > 0)
        answer_call (h);
    else if (sb_engine_next_timer (h->rig.e) != SB_ENGINE_NEVER)
        rig_ring (&h->rig);
    else if (h->rig.wait)
        somebody_comes (h);
    else
        breach (h, "nothing moves, and nobody is waited for", SB_NO_STEP);
    h->rig.now += roll (300);
    return end_turn (h, from);
}

static void
resume (struct history *h)
{
    size_t from;
    uint32_t k;

    do {
        /* what was on its way still happens, unseen */
        for (k = 0; k < h->ncalls; k++)
            if (h->calls[k].op == SB_CALL_RUN && h->plan.steps[h->calls[k].step].effect != SB_READS && chance (70))
                work (h, h->calls[k].step, h->calls[k].undo);
        h->ncalls = h->nasks = 0;
        h->probes = 0;
        h->deaths -= h->deaths > 0;
        h->rig.now += 1000;
        rig_crash (&h->rig);
        from = h->rig.nlog;
        rig_start (&h->rig);
    } while (!end_turn (h, from));
}

static void
make_history (struct history *h)
{
    static const struct gate_row gates[] = { { .name = "g", .expires_ms = 30000 },
                                             { .name = "r", .named = true, .refuse = true },
                                             { .name = "t", .persons = 2, .glass_ms = 40000 },
                                             { 0 } };
    uint32_t n = 4 + roll (MOST_STEPS - 3), i, k;

    memset (h, 0, sizeof *h);
    for (i = 0; i < n; i++) {
        struct plan_row *row = &h->rows[i];
        snprintf (h->names[i], sizeof h->names[i], "s%u", i);
        for (k = 0; k < i; k++)
            if (chance (40)) {
                strcat (h->afters[i], h->names[k]);
                strcat (h->afters[i], " ");
            }
        *row = (struct plan_row){ .name = h->names[i],
                                  .after = h->afters[i],
                                  .effect = (enum sb_effect) roll (3),
                                  .undo = chance (50)   ? SB_UNDO_VERB
                                          : chance (60) ? SB_UNDO_NOT_NEEDED
                                                        : SB_UNDO_NONE,
                                  .if_dark = (enum sb_dark) roll (3),
                                  .retries = (int) roll (3),
                                  .site = chance (30)   ? "north"
                                          : chance (30) ? "south"
                                                        : NULL,
                                  .gate = chance (12)  ? "g"
                                          : chance (6) ? "r"
                                          : chance (8) ? "t"
                                                       : NULL,
                                  .optional = chance (12),
                                  .principal = chance (15),
                                  .idle = chance (8) };
        if (i > 0 && chance (15))
            row->proof = h->names[roll (i)];
        h->world[i].state = chance (15) ? SB_SEEN_YES : chance (5) ? SB_SEEN_PARTLY : SB_SEEN_NO;
    }
    make_plan (&h->plan, h->rows, gates);
    h->dark[0] = chance (25);
    h->dark[1] = chance (10);
    h->deaths = roll (4);
    h->wishes = roll (3);
    rig_new (&h->rig, &h->plan);
    h->rig.wait = chance (30);
}

/* Returns the turns it took; 0: an invariant does not hold. */
static unsigned
play (uint64_t seed, bool tell, enum sb_outcome *ret)
{
    struct history h;
    unsigned turns = 1;

    random_state = seed * 2654435761u + 12345;
    make_history (&h);
    rig_start (&h.rig);
    if (!end_turn (&h, 0))
        resume (&h);
    while (turns++ < MOST_TURNS && !h.broken[0]) {
        if (rig_outcome (&h.rig) == SB_RUN_DONE_OWED
            && !h.rig.pay) { /* the sites come back, and what is owed is paid */
            check_end (&h);
            h.dark[0] = h.dark[1] = false;
            h.rig.pay = true;
            resume (&h);
        }
        if (rig_outcome (&h.rig) != SB_RUN_GOES_ON)
            break;
        if (!step_history (&h))
            resume (&h);
        if (tell)
            printf ("# %6lld %s\n", (long long) h.rig.now - 1000000, rig_said (&h.rig));
    }
    if (rig_outcome (&h.rig) == SB_RUN_GOES_ON)
        breach (&h, "it never ends", SB_NO_STEP);
    else
        check_end (&h);
    *ret = rig_outcome (&h.rig);
    if (h.broken[0])
        printf ("# seed %llu: %s\n", (unsigned long long) seed, h.broken);
    rig_free (&h.rig);
    sb_plan_release (&h.plan);
    return h.broken[0] ? 0 : turns;
}

static void
every_history_keeps_the_promises (void)
{
    const char *given = getenv ("SB_SEED"), *many = getenv ("SB_HISTORIES");
    unsigned ends[SB_OUTCOMES] = { 0 }, bad = 0, longest = 0, turns;
    unsigned long long total = 0;
    uint64_t seed = given ? strtoull (given, NULL, 10) : 1, last = given  ? seed
                                                                   : many ? strtoull (many, NULL, 10)
                                                                          : HISTORIES;
    enum sb_outcome outcome;
    int k;

    for (; seed <= last && bad < 5; seed++) {
        turns = play (seed, given != NULL, &outcome);
        ends[outcome]++;
        bad += turns == 0;
        total += turns;
        longest = turns > longest ? turns : longest;
    }
    printf ("# %llu turns, the longest history %u;", total, longest);
    for (k = 0; k < SB_OUTCOMES; k++)
        printf (" %s: %u%s", sb_outcome_words[k].name, ends[k], k == SB_OUTCOMES - 1 ? "\n" : ",");
    CU_ASSERT_EQUAL (bad, 0);
    for (k = SB_RUN_DONE; k < SB_OUTCOMES && !given; k++)
        CU_ASSERT (ends[k] > 0); /* every way to end was seen, or the test looks at too little */
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "every random history with crashes keeps the engine's promises and ends", every_history_keeps_the_promises },
        { NULL, NULL },
    };

    return sb_tap_run ("explore", tests);
}
