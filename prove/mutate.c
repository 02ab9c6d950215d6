/* What bites a workflow that was made worse (mutants.c): lint; else a search,
 * in stages from no disturbance to several, which ends at the first invariant
 * that is broken.  Each mutant is looked at by a process of its own, several at
 * a time, so that a crash is that mutant's and counts as no bite.
 *
 * What survives needs a reason in the workflow's file of reasons (reasons.c);
 * one that is bitten after all, or that the workflow no longer has, is a fault. */
#include "prove/mutants.h"
#include "prove/prove.h"

#include "core/base/text.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONFIG_LIMIT (4u << 20)
#define MOST_JOBS    16
#define MEMORY       ((size_t) 200 << 20) /* of one search */

/* ---------------------------------------------------------------- stages */

/* Cheap ones first; each ends at its limit of transitions, so that all machines come to the same verdicts. */
static const struct stage {
    const char *name;
    unsigned level; /* looked at with --total so many */
    struct p_budget b;
    bool reverse;
    uint64_t most;
    bool few; /* events: p_events_few() */
} stages[] = {
    { "nothing goes wrong", 0, { 0, 0, 0, 0, 0 }, false, 100000, false },
    { "nothing goes wrong, calls in the other order", 0, { 0, 0, 0, 0, 0 }, true, 100000, false },
    { "somebody says no", 0, { 0, 0, 0, 1, 0 }, false, 100000, false },
    { "a person aborts, the lost site wakes, or the share vanishes", 0, { 0, 1, 0, 0, 1 }, false, 150000, true },
    { "one event", 1, { 0, 1, 0, 0, 1 }, false, 400000, false },
    { "one call goes wrong", 1, { 0, 0, 1, 0, 1 }, false, 150000, false },
    { "two events", 1, { 0, 2, 0, 0, 2 }, false, 150000, false },
    { "one call that goes wrong, or one death", 2, { 1, 0, 1, 0, 1 }, false, 4000000, false },
    { "two disturbances and a no, calls in the other order", 2, { 1, 2, 1, 1, 2 }, true, 4000000, false },
};
#define STAGES (sizeof stages / sizeof stages[0])

/* What a mutant's process tells. */
struct verdict {
    char by[240]; /* empty: nothing bites */
    uint8_t stage, same, complete, whole;
};

static bool
search (struct p_case *c, const struct stage *g, struct verdict *v)
{
    struct p_search p = {
        .budget = g->b, .merge = true, .first = true, .memory = MEMORY, .most = g->most, .deadline_ms = SB_NEVER
    };
    bool bites;

    c->reverse = g->reverse;
    c->only_events = g->few ? p_events_few () : 0;
    p_explore (c, &p);
    bites = p.nfound > 0 && p.found[0].rule;
    if (bites)
        snprintf (v->by, sizeof v->by, "%s", p.found[0].rule->name);
    else if (p.stop != P_COMPLETE)
        v->complete = 0;
    p_search_free (&p);
    return bites;
}

static void
mark_liars (struct p_case *c, const char *base)
{
    uint32_t i;

    if (!base)
        return;
    c->lies = sb_xcalloc (c->plan.count + 1, 1);
    for (i = 0; i < c->plan.count; i++)
        c->lies[i] = strcmp (c->plan.steps[i].base, base) == 0;
}

static void
judge (const struct p_input *in, const struct p_mutant *m, unsigned total, struct verdict *v)
{
    struct sb_faults faults = { 0 };
    struct p_case c;
    size_t g;

    *v = (struct verdict){ .complete = 1, .whole = 1 };
    if (!p_case_load_text (&c, in, m->text, strlen (m->text), &faults)) {
        snprintf (v->by, sizeof v->by, "lint: %s", faults.count ? faults.list[0].text : "?");
    } else {
        mark_liars (&c, m->lies_for);
        v->same = !m->lies_for && p_same_work (&c.plan, &in->like->plan);
        for (g = 0; !v->same && g < STAGES && stages[g].level <= total; g++) {
            v->stage = (uint8_t) g;
            if (search (&c, &stages[g], v))
                break;
        }
    }
    p_case_free (&c);
    sb_faults_free (&faults);
}

/* ---------------------------------------------------------------- a process for each mutant */

struct judged {
    pid_t pid; /* 0: not begun, or over */
    int fd;
    struct verdict v;
    bool over;
};

static bool
begin (const struct p_mutating *m, const struct p_input *in, const struct p_mutant *mutant, struct judged *j)
{
    int ends[2];

    if (pipe (ends) != 0)
        return false;
    fflush (NULL);
    j->pid = fork ();
    if (j->pid == 0) {
        struct verdict v;

        prctl (PR_SET_PDEATHSIG, SIGKILL); /* nobody would read it */
        close (ends[0]);
        judge (in, mutant, m->total, &v);
        _exit (write (ends[1], &v, sizeof v) == (ssize_t) sizeof v ? 0 : 1);
    }
    close (ends[1]);
    j->fd = ends[0];
    if (j->pid > 0)
        return true;
    j->pid = 0;
    close (ends[0]);
    return false;
}

/* A verdict is smaller than a pipe: it is there, or will never be. */
static void
end (struct judged *j)
{
    struct verdict v = { 0 };
    ssize_t n;

    do
        n = read (j->fd, &v, sizeof v);
    while (n < 0 && errno == EINTR);
    close (j->fd);
    j->v = n == (ssize_t) sizeof v ? v : (struct verdict){ .whole = 0 };
    j->pid = 0;
    j->over = true;
}

/* One of those that were begun has ended. */
static bool
wait_for_one (struct judged *list, size_t count)
{
    pid_t pid;
    size_t i;

    do
        pid = waitpid (-1, NULL, 0);
    while (pid < 0 && errno == EINTR);
    for (i = 0; pid > 0 && i < count; i++)
        if (list[i].pid == pid)
            end (&list[i]);
    return pid > 0;
}

static unsigned
jobs_of (const struct p_mutating *m)
{
    long n = m->jobs > 0 ? (long) m->jobs : sysconf (_SC_NPROCESSORS_ONLN);

    return n < 1 ? 1 : n > MOST_JOBS ? MOST_JOBS : (unsigned) n;
}

/* ---------------------------------------------------------------- the account */

enum word { BITTEN, ACCEPTED, SAME, SURVIVES, STALE, BROKEN, WORDS };
static const char *const words[] = {
    [BITTEN] = "bitten",     [ACCEPTED] = "accepted", [SAME] = "changes nothing",
    [SURVIVES] = "SURVIVES", [STALE] = "STALE",       [BROKEN] = "CRASHED",
};

struct account {
    const struct p_mutating *m;
    struct p_reasons reasons;
    unsigned counts[WORDS], tried;
    json_t *list;
};

static enum word
word_for (const struct verdict *v, const char *reason)
{
    if (!v->whole)
        return BROKEN;
    if (v->by[0])
        return reason && stages[v->stage].level == 0 ? STALE : BITTEN;
    if (v->same)
        return reason ? STALE : SAME;
    return reason ? ACCEPTED : SURVIVES;
}

static void
tell (struct account *a, const struct p_mutant *m, const struct verdict *v)
{
    const char *reason = sb_map_get (&a->reasons.why, m->name);
    enum word word = word_for (v, reason);
    bool searched = v->by[0] && strncmp (v->by, "lint: ", 6) != 0;
    const char *when = searched ? stages[v->stage].name : NULL;

    a->counts[word]++;
    a->tried += word != SAME;
    if (a->m->json)
        json_array_append_new (a->list, json_pack ("{s:s, s:s, s:s?, s:s?, s:s?, s:b}", "mutation", m->name, "verdict",
                                                   words[word], "by", v->by[0] ? v->by : NULL, "when", when, "reason",
                                                   reason, "complete", v->complete));
    else
        printf ("%-15s %-55s %s%s%s%s\n", words[word], m->name,
                v->by[0] ? v->by
                : reason ? reason
                         : "",
                when ? " (" : "", when ? when : "", when ? ")" : "");
}

static int
sum_up (const struct account *a)
{
    const unsigned *n = a->counts;
    unsigned bad = n[SURVIVES] + n[STALE] + n[BROKEN];

    if (a->m->json) {
        json_t *all = json_pack ("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:O}", "tried", a->tried, "bitten", n[BITTEN],
                                 "accepted", n[ACCEPTED], "survived", n[SURVIVES], "stale", n[STALE], "crashed",
                                 n[BROKEN], "changes_nothing", n[SAME], "mutations", a->list);

        json_dumpf (all, stdout, JSON_INDENT (2));
        putchar ('\n');
        json_decref (all);
    } else
        printf ("%u mutations: %u bitten, %u accepted with a reason, %u survive, %u reasons are stale, %u crashed; %u more "
                "change nothing\n",
                a->tried, n[BITTEN], n[ACCEPTED], n[SURVIVES], n[STALE], n[BROKEN], n[SAME]);
    return bad ? 1 : 0;
}

/* ---------------------------------------------------------------- all of them */

static bool
is_wanted (const struct p_mutating *m, const struct p_mutant *one)
{
    return !m->only || strstr (one->name, m->only);
}

static void
progress (const struct p_mutating *m, size_t done, size_t all)
{
    if (m->live && done < all)
        fprintf (stderr, "\r  %zu of %zu mutations ", done, all);
    else if (m->live)
        fprintf (stderr, "\r%40s\r", "");
}

/* Told in the order of the text, whoever ends first. */
static void
judge_all (struct account *a, const struct p_input *in, const struct p_mutants *mutants)
{
    struct judged *list = sb_xcalloc (mutants->count + 1, sizeof *list);
    unsigned jobs = jobs_of (a->m), running = 0;
    size_t next = 0, told = 0, done = 0;

    while (told < mutants->count) {
        if (next < mutants->count && running < jobs) {
            struct judged *j = &list[next];

            j->over = !is_wanted (a->m, &mutants->list[next]) || !begin (a->m, in, &mutants->list[next], j);
            running += !j->over;
            next++;
        } else if (running > 0) {
            done += wait_for_one (list, mutants->count);
            running--;
        }
        for (; told < next && list[told].over; told++)
            if (is_wanted (a->m, &mutants->list[told]))
                tell (a, &mutants->list[told], &list[told].v);
        progress (a->m, done, mutants->count);
    }
    free (list);
}

/* NAME.reasons beside NAME.ini. */
static char *
reasons_file (const struct p_mutating *m)
{
    const char *file = m->in->workflow_file;
    size_t n = strlen (file);
    char *beside;

    if (m->reasons)
        return sb_xstrdup (m->reasons);
    if (n < 4 || strcmp (file + n - 4, ".ini") != 0)
        return NULL;
    beside = sb_xprintf ("%.*s.reasons", (int) (n - 4), file);
    if (sb_file_exists (beside))
        return beside;
    free (beside);
    return NULL;
}

/* Of a workflow that is broken already nothing can be said. */
static bool
is_sound (const struct p_mutating *m, struct p_case *whole, struct sb_faults *faults)
{
    struct verdict v = { .complete = 1 };
    size_t g;

    for (g = 0; g < STAGES && stages[g].level <= m->total; g++)
        if (search (whole, &stages[g], &v)) {
            sb_fault (faults, m->in->workflow_file, 0, "the workflow itself breaks %s (%s)", v.by, stages[g].name);
            sb_fault_hint (faults, "'switchback prove' without --mutate tells how.");
            return false;
        }
    whole->reverse = false;
    return true;
}

static bool
prepare (struct account *a, struct p_case *whole, struct p_mutants *mutants, struct sb_faults *faults)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf source = { 0 };
    SB_AUTOFREE char *file = reasons_file (a->m);

    if (!sb_file_read (a->m->in->workflow_file, CONFIG_LIMIT, &source, faults)
        || !p_case_load_text (whole, a->m->in, sb_buf_cstr (&source), source.len, faults)
        || !is_sound (a->m, whole, faults))
        return false;
    p_mutants_make (mutants, sb_buf_cstr (&source), source.len);
    return !file || p_reasons_read (&a->reasons, file, mutants, faults);
}

int
p_mutate (const struct p_mutating *m, struct sb_faults *faults)
{
    struct account a = { .m = m, .list = json_array () };
    struct p_mutants mutants = { 0 };
    struct p_case whole = { 0 };
    struct p_input in = *m->in;
    int rc = 3;

    signal (SIGINT, SIG_DFL); /* nothing is kept that would have to be put away */
    signal (SIGTERM, SIG_DFL);
    in.like = &whole;
    if (prepare (&a, &whole, &mutants, faults)) {
        judge_all (&a, &in, &mutants);
        rc = sum_up (&a);
    }
    p_reasons_free (&a.reasons);
    p_mutants_free (&mutants);
    p_case_free (&whole);
    json_decref (a.list);
    return rc;
}
