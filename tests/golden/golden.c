/* Golden scenarios: topology, workflow and a world that behaves as a file says -> plan (text, JSON, dot) and outcome,
 * in virtual time.
 *
 *   topologies/T.ini, workflows/W.ini      what is planned
 *   plans/W-T.txt, .json, .dot             what the plan has to be
 *   scenarios/W-T/NAME.txt                 given lines, a line "----", and what has to come of it
 *
 * A given line is one of (STEP and GATE may be patterns of fnmatch(3) with \[ for a bracket):
 *   see STEP WORD...      what verify says while the step has not been done: no (default), yes, partly, unknown; the last
 *                         word stays
 *   run STEP WORD...      what run does, attempt by attempt: ok (default), retry, fail, unsure, half (unsure, half done),
 *                         lie (says ok, does nothing), dies, works (dies, and it is done); then ok
 *   dark SITE FROM TO     nothing of the site answers between these seconds
 *   gate GATE WORD        yes (default; of a gate with `when`: not-needed), no, open, not-needed
 *   at SECONDS WORD [NAME [PERSON]]   abort, stop, crash; retry, skip, hold, done STEP; approve, refuse, glass GATE
 *   wait                  somebody may come
 *   resume                when it ends and could be resumed it is, once
 *
 * No two scenarios have the same plan and the same outcome.  SB_UPDATE=yes writes what comes now; read the diff. */
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/model/plan.h"
#include "tests/engine/lib.h"
#include "tests/lib/tap.h"
#include "tests/model/cases.h"

#include <dirent.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define START_MS  1000000000
#define VERIFY_MS 100
#define LOCATE_MS 50
#define PROBE_MS  1000
#define MOST      200000 /* events of one scenario */

static char root[4096];

/* ---------------------------------------------------------------- files */

static void
compare (const char *path, const char *got)
{
    SB_AUTOFREE char *expected = NULL;

    if (getenv ("SB_UPDATE") != NULL)
        sb_tap_write (path, got);
    expected = sb_tap_read (path);
    CU_ASSERT_PTR_NOT_NULL_FATAL (expected);
    sb_same_text (expected, got);
}

/* ---------------------------------------------------------------- the world of a scenario */

enum event_kind { ANSWER, PROBED, LOCATED, GATE, PERSON, CRASH };

struct event {
    int64_t at;
    uint64_t order;
    enum event_kind kind;
    struct sb_event ev;
    bool undo;
};

struct given {
    char *word[16];
    size_t n;
};

struct world {
    struct rig rig;
    struct given *given;
    size_t ngiven, given_cap;
    struct event *queue;
    size_t nqueue, queue_cap;
    uint64_t order;
    uint8_t *state; /* enum sb_seen of each step */
    uint16_t *sees, *runs;
    bool resumed;
};

static bool
matches (const char *pattern, const char *name)
{
    return fnmatch (pattern, name, 0) == 0;
}

/* The line of that kind that speaks of `name`, or NULL. */
static const struct given *
given_for (const struct world *w, const char *kind, const char *name)
{
    size_t i;

    for (i = 0; i < w->ngiven; i++)
        if (strcmp (w->given[i].word[0], kind) == 0
            && (name == NULL || (w->given[i].n > 1 && matches (w->given[i].word[1], name))))
            return &w->given[i];
    return NULL;
}

static bool
is_dark (const struct world *w, const char *site)
{
    double now = (double) (w->rig.now - START_MS) / 1000;
    size_t i;

    for (i = 0; site != NULL && i < w->ngiven; i++)
        if (strcmp (w->given[i].word[0], "dark") == 0 && strcmp (w->given[i].word[1], site) == 0
            && now >= atof (w->given[i].word[2]) && now < atof (w->given[i].word[3]))
            return true;
    return false;
}

static void
later (struct world *w, int64_t ms, enum event_kind kind, bool undo, struct sb_event ev)
{
    SB_PUSH (w->queue, w->nqueue, w->queue_cap) = (struct event){ w->rig.now + ms, w->order++, kind, ev, undo };
}

static enum sb_seen
see (struct world *w, uint32_t i, bool undo)
{
    static const char *const words[] = { "no", "yes", "partly", "unknown" };
    const struct sb_plan_step *p = &w->rig.plan->steps[i];
    const struct given *g = given_for (w, "see", p->name);
    size_t at = g == NULL ? 0 : 2 + (w->sees[i] < g->n - 3 ? w->sees[i] : g->n - 3), k;

    if (is_dark (w, p->site))
        return SB_SEEN_UNKNOWN;
    if (undo)
        return w->state[i] == SB_SEEN_YES ? SB_SEEN_NO : SB_SEEN_YES;
    if (w->state[i] != SB_SEEN_NO || g == NULL)
        return (enum sb_seen) w->state[i];
    w->sees[i]++;
    for (k = 0; k < 4; k++)
        if (strcmp (g->word[at], words[k]) == 0)
            return (enum sb_seen) k;
    return SB_SEEN_NO;
}

/* What run does, and what it says of it. */
static struct sb_event
work (struct world *w, uint32_t i, bool undo, bool reads)
{
    const struct sb_plan_step *p = &w->rig.plan->steps[i];
    const struct given *g = undo ? NULL : given_for (w, "run", p->name);
    const char *word = g != NULL && w->runs[i] + 2u < g->n ? g->word[w->runs[i] + 2] : "ok";
    struct sb_event ev = { .kind = SB_EV_ANSWER, .step = i, .op = SB_CALL_RUN, .begun = true };

    w->runs[i]++;
    if (is_dark (w, p->site)) {
        ev.kind = reads ? SB_EV_ANSWER : SB_EV_DIED;
        ev.rc = SB_RETRY;
        return ev;
    }
    ev.rc = strcmp (word, "retry") == 0                                  ? SB_RETRY
            : strcmp (word, "fail") == 0                                 ? SB_FAIL
            : strcmp (word, "unsure") == 0 || strcmp (word, "half") == 0 ? SB_UNSURE
                                                                         : SB_OK;
    if (strcmp (word, "dies") == 0 || strcmp (word, "works") == 0)
        ev.kind = SB_EV_DIED;
    if (strcmp (word, "ok") == 0 || strcmp (word, "works") == 0)
        w->state[i] = undo ? SB_SEEN_NO : SB_SEEN_YES;
    if (strcmp (word, "half") == 0)
        w->state[i] = SB_SEEN_PARTLY;
    return ev;
}

static void
ask (struct world *w, uint32_t i)
{
    const struct sb_plan_gate *g = &w->rig.plan->gates[w->rig.plan->steps[i].gate];
    const struct given *line = given_for (w, "gate", g->name);
    const char *word = line != NULL ? line->word[2] : g->when != NULL ? "not-needed" : "yes";
    struct sb_event ev = { .kind = SB_EV_GATE, .step = i, .person = 1 };

    ev.gate = strcmp (word, "yes") == 0    ? SB_GATE_YES
              : strcmp (word, "no") == 0   ? SB_GATE_NO
              : strcmp (word, "open") == 0 ? SB_GATE_OPEN
                                           : SB_GATE_NOT_NEEDED;
    later (w, 0, GATE, false, ev);
}

static uint32_t
step_of_gate (const struct world *w, const char *name)
{
    uint32_t i;

    for (i = 0; i < w->rig.plan->count; i++)
        if (w->rig.plan->steps[i].gate != SB_NO_GATE
            && matches (name, w->rig.plan->gates[w->rig.plan->steps[i].gate].name)
            && sb_engine_steps (w->rig.e)[i].phase >= SB_PHASE_GATE)
            return i;
    return SB_NO_STEP;
}

static uint32_t
step_called (const struct world *w, const char *name)
{
    uint32_t i;

    for (i = 0; i < w->rig.plan->count && !matches (name, w->rig.plan->steps[i].name); i++)
        continue;
    return i;
}

/* The commands of the last event become events to come. */
static void
carry_out (struct world *w)
{
    struct sb_command list[512];
    size_t n = w->rig.turn.count < 512 ? w->rig.turn.count : 512, k;

    CU_ASSERT (w->rig.turn.count <= 512);
    memcpy (list, w->rig.turn.list, n * sizeof *list);
    w->rig.turn.count = 0;
    for (k = 0; k < n; k++) {
        const struct sb_command *c = &list[k];
        struct sb_event ev = { .step = c->step, .site = c->site };
        switch (c->kind) {
        case SB_CMD_VERIFY:
            ev.kind = SB_EV_ANSWER;
            ev.op = SB_CALL_VERIFY;
            later (w, VERIFY_MS, ANSWER, c->undo, ev);
            break;
        case SB_CMD_RUN:
            ev.kind = SB_EV_ANSWER;
            ev.op = SB_CALL_RUN;
            later (w, 1000 + 100 * (int64_t) c->step, ANSWER, c->undo, ev);
            break;
        case SB_CMD_LOCATE:
            later (w, LOCATE_MS, LOCATED, false, ev);
            break;
        case SB_CMD_PROBE:
            later (w, PROBE_MS, PROBED, false, ev);
            break;
        case SB_CMD_ASK:
            ask (w, c->step);
            break;
        default:
            break;
        }
    }
}

static void
give (struct world *w, struct sb_event ev)
{
    w->rig.turn.count = 0;
    rig_event (&w->rig, ev);
    carry_out (w);
}

static void
person (struct world *w, const struct given *g)
{
    static const struct {
        const char *word;
        enum sb_event_kind kind;
        enum sb_gate_answer gate;
    } words[] = { { "abort", SB_EV_ABORT, 0 },
                  { "stop", SB_EV_STOP, 0 },
                  { "retry", SB_EV_RETRY, 0 },
                  { "skip", SB_EV_SKIP, 0 },
                  { "hold", SB_EV_HOLD, 0 },
                  { "done", SB_EV_CLAIM, 0 },
                  { "approve", SB_EV_GATE, SB_GATE_YES },
                  { "refuse", SB_EV_GATE, SB_GATE_NO },
                  { "glass", SB_EV_GLASS, 0 } };
    struct sb_event ev = { .step = SB_NO_STEP };
    size_t k;

    for (k = 0; k < sizeof words / sizeof *words && strcmp (words[k].word, g->word[2]) != 0; k++)
        continue;
    CU_ASSERT_FATAL (k < sizeof words / sizeof *words);
    ev.kind = words[k].kind;
    ev.gate = words[k].gate;
    ev.person = g->n > 4 ? (uint32_t) atoi (g->word[4]) : 1;
    if (g->n > 3)
        ev.step = k >= 6 ? step_of_gate (w, g->word[3]) : step_called (w, g->word[3]);
    if (ev.kind == SB_EV_CLAIM && ev.step < w->rig.plan->count && g->n > 4)
        w->state[ev.step] = SB_SEEN_YES; /* done STEP really */
    give (w, ev);
}

static void
start_again (struct world *w)
{
    rig_crash (&w->rig);
    w->nqueue = 0;
    w->rig.now += 1000;
    give (w, (struct sb_event){ .kind = SB_EV_START, .wait = w->rig.wait, .stay = w->rig.wait });
}

static void
happen (struct world *w, const struct event *x)
{
    struct sb_event ev = x->ev;

    switch (x->kind) {
    case ANSWER:
        if (ev.op == SB_CALL_VERIFY)
            ev.seen = see (w, ev.step, x->undo);
        else
            ev = work (w, ev.step, x->undo, sb_engine_effect (&w->rig.plan->steps[ev.step], x->undo) == SB_READS);
        break;
    case PROBED:
        ev.kind = SB_EV_PROBED;
        ev.answers = is_dark (w, w->rig.plan->sites[ev.site]) ? 0 : 1;
        break;
    case LOCATED:
        ev.kind = SB_EV_LOCATED;
        ev.target = is_dark (w, w->rig.plan->steps[ev.step].site) ? 0 : 1;
        break;
    default:
        break;
    }
    give (w, ev);
}

/* The next thing that happens: an event, a timer, or a line "at"; false: nothing ever happens again. */
static bool
next (struct world *w)
{
    int64_t timer = sb_engine_next_timer (w->rig.e), at = SB_ENGINE_NEVER;
    size_t best = 0, i;
    struct given *line = NULL;

    for (i = 0; i < w->nqueue; i++)
        if (w->queue[i].at < at || (w->queue[i].at == at && w->queue[i].order < w->queue[best].order)) {
            best = i;
            at = w->queue[i].at;
        }
    for (i = 0; i < w->ngiven; i++) {
        int64_t when = START_MS + (int64_t) (atof (w->given[i].n > 1 ? w->given[i].word[1] : "0") * 1000);
        if (strcmp (w->given[i].word[0], "at") == 0 && when <= at && when <= timer) {
            line = &w->given[i];
            at = when;
        }
    }
    if (line != NULL) {
        w->rig.now = at > w->rig.now ? at : w->rig.now;
        line->word[0][0] = '-'; /* once */
        if (strcmp (line->word[2], "crash") == 0)
            start_again (w);
        else
            person (w, line);
        return true;
    }
    if (timer < at) {
        w->rig.now = timer > w->rig.now ? timer : w->rig.now;
        give (w, (struct sb_event){ .kind = SB_EV_TIMER });
        return true;
    }
    if (at == SB_ENGINE_NEVER)
        return false;
    {
        struct event x = w->queue[best];
        w->queue[best] = w->queue[--w->nqueue];
        w->rig.now = at > w->rig.now ? at : w->rig.now;
        happen (w, &x);
    }
    return true;
}

static void
live (struct world *w)
{
    unsigned n = 0;

    w->rig.now = START_MS;
    give (w, (struct sb_event){ .kind = SB_EV_START, .wait = w->rig.wait, .stay = w->rig.wait });
    while (n++ < MOST) {
        enum sb_outcome o = rig_outcome (&w->rig);
        if (o != SB_RUN_GOES_ON && (sb_outcome_words[o].closed || w->resumed || !given_for (w, "resume", NULL)))
            break;
        if (o != SB_RUN_GOES_ON) {
            w->resumed = true;
            start_again (w);
        } else if (!next (w))
            break;
    }
    CU_ASSERT (n < MOST);
}

/* ---------------------------------------------------------------- what came of it */

/* The steps in one phase, those that the run did itself apart from those that were so already. */
static void
tell_phase (struct sb_buf *b, const struct world *w, enum sb_phase phase, bool already)
{
    const char *between = "";
    uint32_t i;

    for (i = 0; i < w->rig.plan->count; i++) {
        const struct sb_engine_step *s = &sb_engine_steps (w->rig.e)[i];
        bool ours = (s->flags & SB_STEP_MAYBE) || s->purpose == SB_FOR_READ || !w->rig.plan->steps[i].role;
        if (s->phase != phase || (phase == SB_PHASE_DONE && ours == already))
            continue;
        if (!*between)
            sb_buf_printf (b, "%s:", already ? "already" : sb_phase_names[phase]);
        between = " ";
        sb_buf_printf (b, " %s", w->rig.plan->steps[i].name);
        if (s->why != SB_WHY_NONE && phase != SB_PHASE_DONE)
            sb_buf_printf (b, " (%s)", sb_reason_names[s->why]);
    }
    if (*between)
        sb_buf_char (b, '\n');
}

static void
tell_calls (struct sb_buf *b, const struct world *w)
{
    const char *lead = "acts:";
    size_t k;

    for (k = 0; k < w->rig.nlog; k++) {
        const struct sb_engine_record *r = &w->rig.log[k];
        if (r->kind != SB_REC_INTENT && r->kind != SB_REC_UNDO_INTENT)
            continue;
        sb_buf_printf (b, "%s %s%s", lead, r->kind == SB_REC_INTENT ? "" : "undo:", w->rig.plan->steps[r->step].name);
        lead = "";
    }
    if (!*lead)
        sb_buf_char (b, '\n');
}

static char *
outcome_of (const struct world *w)
{
    struct sb_buf b = { 0 };
    enum sb_outcome o = rig_outcome (&w->rig);
    int k;

    sb_buf_printf (&b, "%s after %.1f s, people %.1f s, %zu records%s\n",
                   o == SB_RUN_GOES_ON ? "waits" : sb_outcome_words[o].name, (double) (w->rig.now - START_MS) / 1000,
                   (double) w->rig.e->people_ms / 1000, w->rig.nlog,
                   sb_engine_past_no_return (w->rig.e) ? ", past the point of no return" : "");
    tell_phase (&b, w, SB_PHASE_DONE, true);
    for (k = 0; k < SB_PHASES; k++)
        tell_phase (&b, w, (enum sb_phase) k, false);
    tell_calls (&b, w);
    return sb_buf_take (&b);
}

/* ---------------------------------------------------------------- a folder of scenarios: one plan */

static struct sb_map outcomes; /* digest and outcome -> the file */
static size_t played;

static void
play (const struct sb_plan *plan, const char *path)
{
    SB_AUTOFREE char *text = sb_tap_read (path), *copy = sb_xstrdup (text), *got = NULL, *whole = NULL, *key = NULL;
    char *end = strstr (copy, "----\n"), *line, *save = NULL, *word, *at;
    struct world w = { 0 };
    const char *twin;

    CU_ASSERT_PTR_NOT_NULL_FATAL (end);
    *end = 0;
    for (line = strtok_r (copy, "\n", &save); line != NULL; line = strtok_r (NULL, "\n", &save)) {
        struct given g = { 0 };
        for (word = strtok_r (line, " ", &at); word != NULL && *line != ';' && g.n < 16;
             word = strtok_r (NULL, " ", &at))
            g.word[g.n++] = word;
        if (g.n > 0)
            SB_PUSH (w.given, w.ngiven, w.given_cap) = g;
    }
    rig_new (&w.rig, (struct sb_plan *) plan);
    w.rig.wait = given_for (&w, "wait", NULL) != NULL;
    w.state = sb_xcalloc (plan->count + 1, 1);
    w.sees = sb_xcalloc (plan->count + 1, sizeof *w.sees);
    w.runs = sb_xcalloc (plan->count + 1, sizeof *w.runs);
    live (&w);
    got = outcome_of (&w);
    whole = sb_xprintf ("%.*s----\nplan %.16s\n%s", (int) (strstr (text, "----\n") - text), text, plan->digest, got);
    compare (path, whole);
    key = sb_xprintf ("%s\n%s", plan->digest, got);
    twin = sb_map_get (&outcomes, key);
    if (twin != NULL)
        printf ("# the same outcome: %s and %s\n", path, twin);
    CU_ASSERT (twin == NULL);
    sb_map_set (&outcomes, key, sb_xstrdup (path));
    played++;
    rig_free (&w.rig);
    free (w.given);
    free (w.queue);
    free (w.state);
    free (w.sees);
    free (w.runs);
}

/* Through bytes and back; and each byte that is changed, or missing, is found. */
static void
check_image (const struct sb_plan *p, const char *json)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf image = { 0 };
    SB_AUTOFREE char *again = NULL;
    struct sb_plan copy = { 0 };
    char seal[SB_SHA256_HEX];
    size_t i;

    sb_plan_to_image (p, &image);
    sb_plan_image_seal (image.s, image.len, seal);
    CU_ASSERT (sb_plan_from_sealed_image (&copy, image.s, image.len, p->digest, seal));
    CU_ASSERT (strcmp (copy.digest, p->digest) == 0
               && sb_plan_find (&copy, copy.steps[copy.count - 1].name) + 1 == copy.count);
    sb_plan_release (&copy);
    CU_ASSERT (sb_plan_from_image (&copy, image.s, image.len, p->digest));
    again = sb_plan_to_json (&copy);
    sb_same_text (json, again);
    sb_plan_release (&copy);
    for (i = 0; i < image.len; i += 7) {
        struct sb_plan bad = { 0 };
        bool same;
        image.s[i] ^= 1 << i % 8;
        same = sb_plan_from_image (&bad, image.s, image.len, p->digest);
        CU_ASSERT (!same || strcmp (bad.digest, p->digest) == 0);
        sb_plan_release (&bad);
        bad = (struct sb_plan){ 0 };
        CU_ASSERT_FALSE (sb_plan_from_sealed_image (&bad, image.s, image.len, p->digest, seal));
        sb_plan_release (&bad);
        image.s[i] ^= 1 << i % 8;
        if (i % 5 == 0) {
            bad = (struct sb_plan){ 0 };
            CU_ASSERT_FALSE (sb_plan_from_image (&bad, image.s, i, p->digest));
            sb_plan_release (&bad);
        }
    }
}

static void
check_plan (const char *name, const struct sb_plan *p)
{
    SB_AUTOFREE char *text = sb_plan_to_text (p), *dot = sb_plan_to_dot (p), *json = sb_plan_to_json (p);
    SB_AUTOFREE char *base = sb_xprintf ("%s/plans/%s", root, name), *a = sb_xprintf ("%s.txt", base);
    SB_AUTOFREE char *b = sb_xprintf ("%s.dot", base), *c = sb_xprintf ("%s.json", base), *line = NULL;
    struct sb_faults faults = { 0 };
    struct sb_plan copy = { 0 };
    json_t *o = json_loads (json, 0, NULL);
    char *packed = json_dumps (o, JSON_COMPACT | JSON_SORT_KEYS);

    line = sb_xprintf ("%s\n", packed);
    compare (a, text);
    compare (b, dot);
    compare (c, line);
    CU_ASSERT (sb_plan_from_json (&copy, packed, strlen (packed), &faults) && strcmp (copy.digest, p->digest) == 0);
    sb_plan_release (&copy);
    sb_faults_free (&faults);
    free (packed);
    json_decref (o);
    check_image (p, json);
}

static int
is_shown (const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static void
folder (const char *name)
{
    const char *dash = strrchr (name, '-');
    SB_AUTOFREE char *tpath = sb_xprintf ("%s/topologies/%s.ini", root, dash + 1);
    SB_AUTOFREE char *wpath = sb_xprintf ("%s/workflows/%.*s.ini", root, (int) (dash - name), name);
    SB_AUTOFREE char *t_text = sb_tap_read (tpath), *w_text = sb_tap_read (wpath),
                     *dir = sb_xprintf ("%s/scenarios/%s", root, name);
    SB_AUTOFREE char *shown = NULL;
    struct sb_topology t = { 0 };
    struct sb_workflow w = { 0 };
    struct sb_plan p = { 0 };
    struct sb_faults faults = { 0 };
    struct sb_plan_args args = { .topology = &t, .workflow = &w };
    struct dirent **entries;
    int n = scandir (dir, &entries, is_shown, alphasort), i;

    CU_ASSERT_FATAL (t_text != NULL && w_text != NULL && n > 0);
    if (!sb_topology_parse (&t, dash + 1, t_text, strlen (t_text), &faults)
        || !sb_workflow_parse (&w, name, w_text, strlen (w_text), &faults) || !sb_plan_make (&p, &args, &faults))
        shown = sb_show_faults (&faults, 1);
    if (shown != NULL)
        printf ("# %s: %s\n", name, shown);
    CU_ASSERT_PTR_NULL_FATAL (shown);
    check_plan (name, &p);
    for (i = 0; i < n; i++) {
        SB_AUTOFREE char *path = sb_xprintf ("%s/%s", dir, entries[i]->d_name);
        play (&p, path);
        free (entries[i]);
    }
    free (entries);
    sb_plan_release (&p);
    sb_workflow_release (&w);
    sb_topology_release (&t);
    sb_faults_free (&faults);
}

static void
every_scenario_ends_as_written (void)
{
    SB_AUTOFREE char *dir = sb_xprintf ("%s/scenarios", root);
    struct dirent **entries;
    int n = scandir (dir, &entries, is_shown, alphasort), i;

    for (i = 0; i < n; i++) {
        folder (entries[i]->d_name);
        free (entries[i]);
    }
    free (entries);
    printf ("# %zu scenarios\n", played);
    sb_map_free_with (&outcomes, free);
}

static void
there_are_enough_of_them (void)
{
    CU_ASSERT (played >= 200);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "every scenario gives the plan and the outcome that are written, and no two the same",
          every_scenario_ends_as_written },
        { "there are at least 200 scenarios", there_are_enough_of_them },
        { NULL, NULL },
    };
    const char *top = getenv ("SB_SRCDIR");

    snprintf (root, sizeof root, "%s/tests/golden", top ? top : ".");
    return sb_tap_run ("golden", tests);
}
