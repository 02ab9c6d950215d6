/* The packaged workflows with every topology of examples/: they must plan, and
 * the plan must keep the order that nothing may break. */
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/model/plan.h"
#include "tests/lib/tap.h"
#include "tests/model/cases.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
top (void)
{
    return getenv ("SB_SRCDIR") ? getenv ("SB_SRCDIR") : ".";
}

static char *
slurp (const char *folder, const char *name)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/%s/%s", top (), folder, name);

    return sb_tap_read (path);
}

static int
is_ini (const struct dirent *d)
{
    size_t n = strlen (d->d_name);

    return n > 4 && strcmp (d->d_name + n - 4, ".ini") == 0;
}

struct planned {
    struct sb_topology t;
    struct sb_workflow w;
    struct sb_plan p;
};

static bool
plan (struct planned *x, const char *topology, const char *workflow)
{
    SB_AUTOFREE char *t = slurp ("examples", topology), *w = slurp ("workflows", workflow), *shown = NULL;
    struct sb_faults faults = { 0 };
    struct sb_plan_args args = { .topology = &x->t, .workflow = &x->w };
    bool ok = sb_topology_parse (&x->t, topology, t, strlen (t), &faults)
              && sb_workflow_parse (&x->w, workflow, w, strlen (w), &faults) && sb_plan_make (&x->p, &args, &faults);

    shown = sb_show_faults (&faults, 1);
    if (!ok)
        printf ("# %s with %s\n", workflow, topology);
    sb_same_text ("", shown);
    return ok;
}

static void
release (struct planned *x)
{
    sb_plan_release (&x->p);
    sb_workflow_release (&x->w);
    sb_topology_release (&x->t);
}

typedef void (*visit_fn) (const struct planned *x);

/* Plans `workflow` (NULL: each one) for every topology of examples/. */
static void
for_each_plan (const char *workflow, visit_fn visit)
{
    SB_AUTOFREE char *examples = sb_xprintf ("%s/examples", top ()), *workflows = sb_xprintf ("%s/workflows", top ());
    struct dirent **t, **w;
    int nt = scandir (examples, &t, is_ini, alphasort), nw = scandir (workflows, &w, is_ini, alphasort), seen = 0;

    for (int i = 0; i < nt; i++) {
        SB_AUTOFREE char *text = slurp ("examples", t[i]->d_name);

        for (int j = 0; j < nw && strstr (text, "\n[pool ") != NULL; j++) {
            struct planned x = { 0 };

            if (workflow != NULL && strcmp (workflow, w[j]->d_name) != 0)
                continue;
            if (plan (&x, t[i]->d_name, w[j]->d_name) && visit != NULL)
                visit (&x);
            release (&x);
            seen++;
        }
    }
    CU_ASSERT (seen >= 2);
    for (int i = 0; i < nt; i++)
        free (t[i]);
    for (int j = 0; j < nw; j++)
        free (w[j]);
    free (t);
    free (w);
}

/* Is step `a` always before step `b`?  Walks back from b. */
static bool
is_before (const struct sb_plan *p, uint32_t a, uint32_t b)
{
    bool *behind = sb_xcalloc ((size_t) p->count + 1, sizeof *behind), answer;

    behind[a] = true;
    for (uint32_t i = a + 1; i <= b; i++)
        for (size_t e = 0; e < p->steps[i].nafter; e++)
            behind[i] |= behind[p->steps[i].after[e]];
    answer = a < b && behind[b];
    free (behind);
    return answer;
}

/* Every `a` (by base name) is before every `b`, where both are there. */
static void
expect_order (const struct planned *x, const char *a, const char *b)
{
    for (uint32_t i = 0; i < x->p.count; i++)
        for (uint32_t j = 0; j < x->p.count; j++)
            if (strcmp (x->p.steps[i].base, a) == 0 && strcmp (x->p.steps[j].base, b) == 0
                && !is_before (&x->p, i, j)) {
                printf ("# %s, %s: %s is not before %s\n", x->t.file, x->p.workflow, x->p.steps[i].name,
                        x->p.steps[j].name);
                CU_FAIL ("order");
            }
}

static void
test_plan (void)
{
    for_each_plan (NULL, NULL);
}

static void
check_failover (const struct planned *x)
{
    static const char *const before_recover[] = { "survey",     "isolate",       "fence-primary", "fence-mirror",
                                                  "take-tail",  "save-shipping", "stop-shipping", "copy-logs",
                                                  "apply-logs", "quote",         "end-sessions",  "central-store" };

    for (size_t i = 0; i < sizeof before_recover / sizeof *before_recover; i++)
        expect_order (x, before_recover[i], "recover");
    expect_order (x, "recover", "pool-state");
    expect_order (x, "recover", "remove-secondary");
    expect_order (x, "pool-state", "replicate-state");
    expect_order (x, "replicate-state", "active-servers");
}

static void
check_failback (const struct planned *x)
{
    static const char *const before_overwriting[] = { "salvage", "fence-old-primary", "discard-old" };

    for (size_t i = 0; i < sizeof before_overwriting / sizeof *before_overwriting; i++)
        expect_order (x, before_overwriting[i], "home-restore");
    expect_order (x, "clear-active", "freeze");
    expect_order (x, "no-sessions", "freeze");
    expect_order (x, "freeze", "home-apply");
    expect_order (x, "home-apply", "home-recover");
    expect_order (x, "pool-state", "active-servers");
    expect_order (x, "home-recover", "pool-state");
}

static void
test_failover (void)
{
    for_each_plan ("failover.ini", check_failover);
}

static void
test_failback (void)
{
    for_each_plan ("failback.ini", check_failback);
}

static void
check_switchover (const struct planned *x)
{
    static const char *const before_freezing[] = { "ship-once",     "save-shipping",    "clear-active", "no-sessions",
                                                   "stop-shipping", "stop-log-backups", "stop-dormant", "unmirror" };

    for (size_t i = 0; i < sizeof before_freezing / sizeof *before_freezing; i++)
        expect_order (x, before_freezing[i], "freeze");
    expect_order (x, "freeze", "apply-logs");
    expect_order (x, "apply-logs", "recover");
    expect_order (x, "recover", "remove-secondary");
    expect_order (x, "recover", "pool-state");
    expect_order (x, "pool-state", "active-servers");
}

static void
test_switchover (void)
{
    for_each_plan ("switchover.ini", check_switchover);
}

/* The first point of no return of a failover is the recovery. */
static void
check_no_return (const struct planned *x)
{
    for (uint32_t i = 0; i < x->p.count; i++)
        if (x->p.steps[i].no_return) {
            CU_ASSERT_STRING_EQUAL (x->p.steps[i].base, "recover");
            CU_ASSERT_NOT_EQUAL (x->p.steps[i].gate, SB_NO_GATE);
            return;
        }
    CU_FAIL ("no point of no return");
}

static void
test_no_return (void)
{
    for_each_plan ("failover.ini", check_no_return);
    for_each_plan ("switchover.ini", check_no_return);
}

static void
check_reads (const struct planned *x)
{
    CU_ASSERT (x->w.checks);
    for (uint32_t i = 0; i < x->p.count; i++)
        CU_ASSERT_EQUAL (x->p.steps[i].effect, SB_READS);
}

static void
test_checks (void)
{
    for_each_plan ("steady.ini", check_reads);
    for_each_plan ("observe.ini", check_reads);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "every packaged workflow can be planned for every topology of the examples", test_plan },
        { "a failover fences, saves, applies and quotes before it recovers, and tells the pool after", test_failover },
        { "a failback salvages before it overwrites, and freezes before it applies", test_failback },
        { "a switchover stops everybody before it freezes, and recovers what ends where the frozen copy ends",
          test_switchover },
        { "the first point of no return of a failover and a switchover is the recovery, behind a gate",
          test_no_return },
        { "what check and status ask changes nothing", test_checks },
        { NULL, NULL },
    };

    return sb_tap_run ("packaged workflows", tests);
}
