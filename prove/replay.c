/* A story over the real wire: a lab, the real program in it, and each cue of
 * the script played where it stands among the program's calls.
 *
 * What is told of a step is what its calls answered over the wire.  A cue that
 * cannot be brought about, or a step that answers otherwise than the story has
 * it, ends the replay with the reason; nothing is played at another place. */
#include "prove/replay.h"
#include "prove/script.h"

#include "core/sys/clock.h"
#include "core/sys/file.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUE_MS     240000 /* until everybody is where a cue wants them */
#define END_MS     300000 /* until the run has ended by itself */
#define SEE_MS     60000  /* until a breach, or the end of the world, is seen */
#define RECORDS_MS 3000   /* until an answer is on disk, if it has anything to be kept */

/* What an instance says: "permission denied", and "chosen as deadlock victim" (sys.messages). */
enum { NUMBER_REFUSED = 229, NUMBER_TRANSIENT = 1205 };

struct playing {
    struct p_case *c;
    struct p_script script;
    struct p_wire wire;
    struct p_conduct d;
    unsigned told;   /* sentences */
    size_t *told_of; /* by step: so much of what its calls answered */
    json_t *lines;   /* what was told, for --json */
    bool json, other;
    int64_t base;                  /* records before the run */
    unsigned seen, unseen, hidden; /* breaches */
};

/* ---------------------------------------------------------------- telling */

static void tell (struct playing *p, unsigned number, const char *text, const char *fmt, ...)
        __attribute__ ((format (printf, 4, 5)));

static void
tell (struct playing *p, unsigned number, const char *text, const char *fmt, ...)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf wire = { 0 };
    va_list args;

    va_start (args, fmt);
    sb_buf_vprintf (&wire, fmt, args);
    va_end (args);
    json_array_append_new (p->lines, json_pack ("{s:i, s:s, s:s}", "number", (int) number, "story", text, "wire",
                                                sb_buf_cstr (&wire)));
    if (p->json)
        return;
    if (number)
        printf ("%3u. %s\n", number, text);
    if (wire.len)
        printf ("     wire: %s\n", sb_buf_cstr (&wire));
    fflush (stdout);
}

/* The step a sentence speaks of: "STEP: what became of it"; SB_NO_STEP. */
static uint32_t
step_of (const struct playing *p, const char *text)
{
    const char *colon = strstr (text, ": ");
    SB_AUTOFREE char *name = colon ? sb_xstrndup (text, (size_t) (colon - text)) : NULL;

    return name ? sb_plan_find (&p->c->plan, name) : SB_NO_STEP;
}

/* What its calls have answered, unless that was told before. */
static const char *
news_of (struct playing *p, uint32_t step)
{
    size_t n = p->d.said[step].len;
    bool old = n == p->told_of[step];

    p->told_of[step] = n;
    return old ? "" : sb_buf_cstr (&p->d.said[step]);
}

/* The sentences before a line of the script: what the calls of their steps answered. */
static void
tell_until (struct playing *p, uint32_t line)
{
    uint32_t i;

    for (i = 0; i < line && i < p->script.nlines; i++) {
        const struct p_line *l = &p->script.lines[i];
        uint32_t step;
        bool cue = false;
        size_t k;

        if (l->kind != P_LINE_SENTENCE || l->number <= p->told)
            continue;
        for (k = 0; k < p->script.ncues; k++)
            cue = cue || p->script.cues[k].number == l->number;
        if (cue)
            continue; /* it is told when it is played */
        step = step_of (p, l->text);
        p->told = l->number;
        tell (p, l->number, l->text, "%s", step == SB_NO_STEP ? "" : news_of (p, step));
    }
}

static void
tell_cue (struct playing *p, const struct p_cue *cue, const char *wire)
{
    tell_until (p, cue->line);
    tell (p, cue->number, cue->text ? cue->text : "", "%s", wire);
    if (cue->number > p->told)
        p->told = cue->number;
}

static bool
give_up (struct playing *p, const struct p_cue *cue, struct sb_faults *faults, const char *why)
{
    SB_AUTOFREE char *text = faults->count ? sb_faults_text (faults) : NULL;
    SB_AUTOFREE char *whole = sb_xprintf ("not played: %s%s%s", why, text ? ": " : "", text ? text : "");

    sb_faults_free (faults);
    tell_cue (p, cue, whole);
    return false;
}

/* ---------------------------------------------------------------- breaches */

static bool
is_broken (struct playing *p, const struct p_rule *rule, const struct p_state *at, char *ret_why, size_t n)
{
    struct p_run r = { .c = p->c, .s = p_wire_shadow (&p->wire, at) };
    bool broken = r.s != NULL && !rule->holds (&r);

    if (broken)
        snprintf (ret_why, n, "%s", r.nbroken ? r.broken[0].why : rule->text);
    p_state_free (r.s);
    return broken;
}

/* In the lab's world as it stands, while nobody moves. */
static bool
see_breach (struct playing *p, const struct p_cue *cue)
{
    const struct p_line *line = &p->script.lines[cue->line];
    const struct p_rule *rule = p_rule_find (line->text);
    int64_t deadline = sb_deadline_in (SEE_MS);
    SB_AUTOFREE char *wire = NULL;
    char why[256] = "";

    if (cue->why) {
        p->hidden++;
        wire = sb_xprintf ("cannot be seen there: %s", cue->why);
    } else if (cue->what == 1) {
        p->seen++;
        wire = sb_xprintf ("seen: the call has begun (%s)", p->c->plan.steps[p->script.acts[cue->act].step].name);
    } else {
        while (!is_broken (p, rule, line->state, why, sizeof why) && sb_deadline_left (deadline) > 0)
            p_conduct_pump (&p->d, 50);
        p->seen += *why != 0;
        p->unseen += *why == 0;
        wire = *why ? sb_xprintf ("seen in the lab: %s", why)
                    : sb_xprintf ("NOT seen in the lab within %d s", SEE_MS / 1000);
    }
    tell_cue (p, cue, wire);
    return true;
}

/* ---------------------------------------------------------------- cues */

static bool
play_event (struct playing *p, const struct p_cue *cue)
{
    struct sb_faults faults = { 0 };

    if (!p_wire_event (&p->wire, (size_t) cue->what, &faults))
        return give_up (p, cue, &faults, "the lab does not bring it about");
    tell_cue (p, cue, "done in the lab");
    return true;
}

/* The answer goes on its way, and is on disk before the program dies; what begins then stays at its entrance. */
static void
let_be_recorded (struct playing *p, const struct p_cue *cue)
{
    struct p_held *h = p_conduct_find (&p->d, cue->act, true);
    int64_t before = p_wire_records (&p->wire), deadline = sb_deadline_in (RECORDS_MS);

    if (h)
        p_conduct_let_go (&p->d, h);
    while (p_wire_records (&p->wire) == before && !p->d.ended && sb_deadline_left (deadline) > 0)
        p_conduct_pump (&p->d, 10);
}

static bool
play_death (struct playing *p, const struct p_cue *cue)
{
    struct sb_faults faults = { 0 };
    SB_AUTOFREE char *wire = NULL;
    int64_t records;

    if (cue->what == 1)
        let_be_recorded (p, cue);
    p_wire_kill (&p->wire);
    p_conduct_new_life (&p->d);
    records = p_wire_records (&p->wire) - p->base;
    wire = sb_xprintf ("killed with %lld records of it in its journal; started again with '%s'", (long long) records,
                       records > 0 ? "resume" : "run");
    tell_cue (p, cue, wire);
    if (!p_wire_run (&p->wire, records > 0, &faults))
        return give_up (p, cue, &faults, "the program does not start again");
    return true;
}

static const char *
instance_of (const struct playing *p, uint32_t act)
{
    const struct sb_plan_step *step = &p->c->plan.steps[p->script.acts[act].step];

    return step->on_rule == SB_ON_OBJECT && step->on ? step->on : NULL;
}

static bool
play_refusal (struct playing *p, const struct p_cue *cue)
{
    struct p_held *h = p_conduct_find (&p->d, cue->act, false);
    const char *instance = instance_of (p, cue->act);
    int number = cue->kind == P_CUE_REFUSED ? NUMBER_REFUSED : NUMBER_TRANSIENT;
    int wanted = cue->kind == P_CUE_REFUSED ? SB_FAIL : SB_RETRY;
    unsigned before = p->d.seen[cue->act].answers;
    int64_t deadline = sb_deadline_in (SEE_MS);
    struct sb_faults faults = { 0 };
    SB_AUTOFREE char *wire = NULL;

    if (!h || !instance)
        return give_up (p, cue, &faults, "the step's instance is known only when it begins");
    if (!p_wire_fail_next (&p->wire, instance, p->c->plan.steps[p->script.acts[cue->act].step].name, number, &faults))
        return give_up (p, cue, &faults, "the lab does not bring it about");
    p_conduct_let_go (&p->d, h);
    while (p->d.seen[cue->act].answers == before && !p->d.ended && sb_deadline_left (deadline) > 0)
        p_conduct_pump (&p->d, 50);
    if (!p_wire_failed (&p->wire, instance) || p->d.seen[cue->act].word != wanted) {
        SB_AUTOFREE char *why = sb_xprintf ("the statement that was to fail with %d at %s left the call with '%s'",
                                            number, instance, sb_buf_cstr (&p->d.said[p->script.acts[cue->act].step]));
        return give_up (p, cue, &faults, why);
    }
    wire = sb_xprintf ("%s fails the next statement with %d; the call answers %s", instance, number,
                       wanted == SB_FAIL ? "fail" : "retry");
    tell_cue (p, cue, wire);
    return true;
}

static bool
play_loss (struct playing *p, const struct p_cue *cue)
{
    struct p_held *h = p_conduct_find (&p->d, cue->act, cue->kind == P_CUE_NOT_HEARD);
    struct sb_faults faults = { 0 };

    if (!h)
        return give_up (p, cue, &faults, "the call is not there");
    p_conduct_kill (&p->d, h);
    tell_cue (p, cue,
              cue->kind == P_CUE_NOT_HEARD
                      ? "its worker is killed after the last server has answered it; the run hears nothing"
                      : "its worker is killed before it speaks to a server; the run hears nothing");
    return true;
}

static bool
play_cue (struct playing *p, const struct p_cue *cue)
{
    switch (cue->kind) {
    case P_CUE_EVENT:
        return play_event (p, cue);
    case P_CUE_DEATH:
        return play_death (p, cue);
    case P_CUE_BROKEN:
        return see_breach (p, cue);
    case P_CUE_REFUSED:
    case P_CUE_TRANSIENT:
        return play_refusal (p, cue);
    case P_CUE_NOT_DONE:
    case P_CUE_NOT_HEARD:
        return play_loss (p, cue);
    case P_CUE_IMPOSSIBLE:
        break;
    }
    return false;
}

static bool
reach_cue (struct playing *p, const struct p_cue *cue)
{
    int64_t deadline = sb_deadline_in (CUE_MS + 2 * p->script.waits_ms);
    bool early = cue->line < p->script.finish;
    struct sb_faults none = { 0 };
    char *why = NULL;
    bool good;

    for (;;) {
        p_conduct_pump (&p->d, 50);
        free (why);
        if (p_conduct_ready (&p->d, &why))
            return true;
        if (sb_deadline_left (deadline) <= 0 || (early && p->d.ended && sb_mono_ms () - p->d.heard_ms > 1000))
            break;
    }
    good = p->d.ended && early ? give_up (p, cue, &none, "the run ended before its place")
                               : give_up (p, cue, &none, why);
    free (why);
    return good;
}

static bool
play_all (struct playing *p)
{
    size_t i;

    for (i = 0; i < p->script.ncues; i++) {
        p->d.cue = &p->script.cues[i];
        if (p->d.cue->kind == P_CUE_BROKEN && p->d.cue->why) {
            see_breach (p, p->d.cue);
            continue;
        }
        if (!reach_cue (p, p->d.cue) || !play_cue (p, p->d.cue))
            return false;
    }
    p->d.cue = NULL;
    return true;
}

/* ---------------------------------------------------------------- the end */

/* Addresses are the lab's own choice. */
static char *
fingerprint (struct playing *p, const struct p_state *s)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf raw = { 0 }, out = { 0 };
    const char *at;

    p_fingerprint (p->c, s, &raw);
    for (at = sb_buf_cstr (&raw); *at;) {
        size_t n = strncmp (at, "127.0.0.1", 9) == 0 ? 9 + strspn (at + 9, ":,0123456789")
                   : strncmp (at, "TCP://", 6) == 0  ? strcspn (at, "'\n")
                                                     : 0;

        if (n) {
            at += n;
            sb_buf_str (&out, "_");
        } else
            sb_buf_char (&out, *at++);
    }
    return sb_buf_take (&out);
}

/* The first line that the two worlds do not share, or NULL. */
static char *
difference (const char *story, const char *lab)
{
    while (*story || *lab) {
        size_t n = strcspn (story, "\n"), k = strcspn (lab, "\n");

        if (n != k || strncmp (story, lab, n) != 0)
            return sb_xprintf ("the story has \"%.*s\", the lab \"%.*s\"", (int) n, story, (int) k, lab);
        story += n + (story[n] == '\n');
        lab += k + (lab[k] == '\n');
    }
    return NULL;
}

/* The lab comes to stand as the story's world stands, within the time that replication takes. */
static char *
compare_worlds (struct playing *p)
{
    SB_AUTOFREE char *wanted = fingerprint (p, p->script.end);
    int64_t deadline = sb_deadline_in (SEE_MS);
    char *differs = NULL;

    do {
        struct p_state *s = p_wire_shadow (&p->wire, p->script.end);
        SB_AUTOFREE char *is = s ? fingerprint (p, s) : sb_xstrdup ("");

        free (differs);
        differs = difference (wanted, is);
        p_state_free (s);
        if (differs)
            sb_sleep_ms (200);
    } while (differs && sb_deadline_left (deadline) > 0);
    return differs;
}

/* The word of a report for a step that the engine leaves in this phase: what was not begun waits, and what a run that was
 * taken back may leave as it is says so. */
static bool
same_phase (uint8_t phase, const char *is)
{
    bool at_rest = phase >= SB_PHASE_DONE;

    return strcmp (is, sb_phase_names[phase]) == 0 || (!at_rest && strcmp (is, "waiting") == 0)
           || (phase == SB_PHASE_DONE && strcmp (is, "left") == 0);
}

/* How the steps stand in the journal beside how the story leaves them. */
static char *
compare_steps (struct playing *p, json_t *report)
{
    json_t *step;
    size_t i;

    json_array_foreach (json_object_get (report, "steps"), i, step)
    {
        const char *name = json_string_value (json_object_get (step, "step"));
        const char *is = json_string_value (json_object_get (step, "state"));
        uint32_t at = name ? sb_plan_find (&p->c->plan, name) : SB_NO_STEP;
        uint8_t phase = at == SB_NO_STEP ? SB_PHASE_WAITING : sb_engine_steps (p->script.end->e)[at].phase;

        if (at != SB_NO_STEP && is && !same_phase (phase, is))
            return sb_xprintf ("%s: the story leaves it %s, the run %s", name, sb_phase_names[phase], is);
    }
    return NULL;
}

static void
hold (struct playing *p, const char *what, char *differs, json_t *ends)
{
    if (differs) {
        p->other = true;
        json_object_set_new (ends, what, json_string (differs));
        if (!p->json)
            printf ("  %-9s another: %s\n", what, differs);
    } else if (!p->json) {
        printf ("  %-9s the same\n", what);
    }
    free (differs);
}

static void
compare_ends (struct playing *p, json_t *ends)
{
    const struct sb_outcome_word *wanted = &sb_outcome_words[p->script.end->outcome];
    json_t *report = p_wire_report (&p->wire);
    const char *is = json_string_value (json_object_get (report, "outcome"));
    char *differs = NULL;

    if (!p->d.ended)
        differs = sb_xprintf ("the story ends %s, and the run does not end", wanted->name);
    else if (p->d.end.code != wanted->exit_code || (wanted->closed && (!is || strcmp (is, wanted->name) != 0)))
        differs = sb_xprintf ("the story ends %s (%d), the run %s (%d)", wanted->name, wanted->exit_code,
                              is ? is : "unknown", p->d.end.code);
    hold (p, "outcome", differs, ends);
    hold (p, "steps", compare_steps (p, report), ends);
    hold (p, "world", compare_worlds (p), ends);
    json_decref (report);
}

/* Where the story breaks nothing, the lab breaks nothing: whatever a server can show is looked at. */
static void
compare_rules (struct playing *p, json_t *ends)
{
    const struct p_rule *rule;
    char why[256] = "";

    for (rule = p_rules; rule->name && !*why; rule++)
        if (p_script_shown (rule) && is_broken (p, rule, p->script.end, why, sizeof why)) {
            hold (p, "invariants", sb_xprintf ("in the lab %s is broken: %s", rule->name, why), ends);
            return;
        }
    hold (p, "invariants", NULL, ends);
}

static int
judge (struct playing *p, json_t *ends)
{
    int64_t deadline = sb_deadline_in (END_MS + 2 * p->script.waits_ms);
    bool breaks = p_script_breaks (&p->script) != NULL;

    while (!p->d.ended && sb_deadline_left (deadline) > 0)
        p_conduct_pump (&p->d, 50);
    tell_until (p, (uint32_t) p->script.nlines);
    if (!p->json)
        printf ("\nThe end, held against the story:\n");
    compare_ends (p, ends);
    if (!breaks)
        compare_rules (p, ends);
    else if (!p->json)
        printf ("  breaches  %u seen, %u not seen, %u that no server can show\n", p->seen, p->unseen, p->hidden);
    return p->other || p->unseen > 0 ? P_REPLAY_OTHER : breaks && p->seen == 0 ? P_REPLAY_IMPOSSIBLE : P_REPLAY_SAME;
}

/* ---------------------------------------------------------------- the whole */

static const char *const verdicts[] = {
    [P_REPLAY_SAME] = "the same end was seen over the wire",
    [P_REPLAY_OTHER] = "ANOTHER end was seen over the wire",
    [P_REPLAY_IMPOSSIBLE] = "NOT REPRODUCED: this story cannot be played over the wire",
};

static int
conclude (struct playing *p, const char *seed, int rc, json_t *ends)
{
    const char *breaks = p_script_breaks (&p->script);

    if (p->json) {
        json_t *j = json_pack ("{s:s, s:s, s:s, s:s, s:s?, s:o, s:o, s:s, s:i}", "seed", seed, "workflow",
                               p->c->plan.workflow, "digest", p->c->plan.digest, "outcome",
                               sb_outcome_words[p->script.end->outcome].name, "breaks", breaks, "steps",
                               json_incref (p->lines), "differences", json_incref (ends), "verdict", verdicts[rc],
                               "breaches", (int) p->seen);
        char *text = json_dumps (j, JSON_INDENT (2) | JSON_PRESERVE_ORDER);

        puts (text ? text : "{}");
        free (text);
        json_decref (j);
    } else {
        printf ("\n%s\n", verdicts[rc]);
    }
    return rc;
}

/* Each cue that cannot be brought about, with its reason; nothing is begun. */
static void
tell_impossible (struct playing *p)
{
    size_t i, k;

    for (i = 0; i < p->script.nlines; i++) {
        const struct p_line *l = &p->script.lines[i];
        const char *why = NULL;

        if (l->kind != P_LINE_SENTENCE)
            continue;
        for (k = 0; k < p->script.ncues; k++)
            if (p->script.cues[k].number == l->number && p->script.cues[k].kind != P_CUE_BROKEN
                && p->script.cues[k].why)
                why = p->script.cues[k].why;
        tell (p, l->number, l->text, "%s%s", why ? "cannot be played: " : "", why ? why : "");
    }
    if (!p->json)
        printf ("\nIt was not begun: %s.\n", p_script_why_not (&p->script));
}

static int
carry_out (struct playing *p, struct sb_faults *faults, json_t *ends)
{
    int rc = P_REPLAY_CONFIG;

    p->base = p_wire_records (&p->wire);
    p->d.cue = p->script.ncues ? &p->script.cues[0] : NULL;
    if (p_wire_run (&p->wire, false, faults))
        rc = play_all (p) ? judge (p, ends) : P_REPLAY_IMPOSSIBLE;
    return rc;
}

static int
play (struct playing *p, const struct p_input *in, const char *dir, json_t *ends)
{
    struct sb_faults faults = { 0 };
    int rc = P_REPLAY_CONFIG;
    char *text;

    p->wire = (struct p_wire){ .c = p->c,
                               .program = in->program,
                               .workflow = in->workflow_file,
                               .params = in->params,
                               .nparams = in->nparams,
                               .plugins = in->plugin_dirs };
    if (p_wire_open (&p->wire, in->topology_file, dir, &faults)) {
        if (p_conduct_open (&p->d, &p->script, &p->wire, &faults))
            rc = carry_out (p, &faults, ends);
        p_wire_kill (&p->wire);
        p_conduct_close (&p->d);
    }
    if (faults.count) {
        text = sb_faults_text (&faults);
        fputs (text, stderr);
        free (text);
    }
    sb_faults_free (&faults);
    if (p->wire.keep && p->wire.dir && !p->json)
        printf ("\nLab, state and output stay in %s.\n", p->wire.dir);
    p_wire_close (&p->wire);
    return rc;
}

int
p_replay (struct p_case *c, const struct p_input *in, const char *seed, const char *dir, bool json)
{
    struct sb_faults faults = { 0 };
    struct playing p = { .c = c, .json = json, .lines = json_array () };
    json_t *ends = json_object ();
    struct p_path path = { 0 };
    struct p_budget b;
    char digest[13] = "";
    int rc = P_REPLAY_IMPOSSIBLE;

    if (!p_seed_read (seed, &b, &path, digest, &faults)) { /* its caller has read it before */
        sb_faults_free (&faults);
        return P_REPLAY_CONFIG;
    }
    p.told_of = sb_xcalloc (c->plan.count + 1, sizeof *p.told_of);
    p_script_make (&p.script, c, &b, &path);
    if (!json)
        printf ("%s, plan %.12s, from the world '%s'; prove says: %s%s%s\n\n", c->plan.workflow, c->plan.digest,
                p_start_names[c->start], sb_outcome_words[p.script.end->outcome].name,
                p_script_breaks (&p.script) ? ", and it breaks " : "",
                p_script_breaks (&p.script) ? p_script_breaks (&p.script) : "");
    if (p_script_why_not (&p.script))
        tell_impossible (&p);
    else
        rc = play (&p, in, dir, ends);
    if (rc != P_REPLAY_CONFIG)
        conclude (&p, seed, rc, ends);
    free (p.told_of);
    json_decref (p.lines);
    json_decref (ends);
    p_script_free (&p.script);
    free (path.list);
    return rc;
}
