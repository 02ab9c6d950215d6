/* Properties of plans that golden files cannot show: the same bytes every time,
 * a JSON reader that believes nothing, and a size that stays near linear. */
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/model/plan.h"
#include "tests/lib/tap.h"
#include "tests/model/cases.h"

#include <stdlib.h>
#include <string.h>

static const char head[] = "[pool p]\n"
                           "fqdn = p.example.net\n"
                           "primary site = a\n"
                           "backup site = b\n"
                           "[site a]\n"
                           "[site b]\n"
                           "[credential c]\n"
                           "user = u\n"
                           "secret = env:X\n";

static const char small[] = "[workflow small]\n"
                            ""
                            "[gate g]\n"
                            "ask = Really?\n"
                            "[step a]\n"
                            "action = pool.observe\n"
                            "[step b]\n"
                            "action = pool.set-active\n"
                            "servers = s1\n"
                            "undo = set-active\n"
                            "undo servers = ${steps.b.was}\n"
                            "gate = g\n"
                            "proof = a within 60s\n"
                            "after = a\n";

struct planned {
    struct sb_topology t;
    struct sb_workflow w;
    struct sb_plan p;
    char *faults;
    bool ok;
};

static void
plan (struct planned *x, const char *topology, const char *workflow, bool drill)
{
    struct sb_faults faults = { 0 };
    struct sb_plan_args args = { .topology = &x->t, .workflow = &x->w, .drill = drill };

    x->ok = sb_topology_parse (&x->t, "t.ini", topology, strlen (topology), &faults)
            && sb_workflow_parse (&x->w, "w.ini", workflow, strlen (workflow), &faults)
            && sb_plan_make (&x->p, &args, &faults);
    x->faults = sb_show_faults (&faults, 1);
}

static void
release (struct planned *x)
{
    free (x->faults);
    sb_plan_release (&x->p);
    sb_workflow_release (&x->w);
    sb_topology_release (&x->t);
    *x = (struct planned){ 0 };
}

static void
test_same (void)
{
    struct planned x = { 0 }, y = { 0 }, z = { 0 };
    SB_AUTOFREE char *moved = sb_xprintf ("; moved\n\n%s", small), *one = NULL, *two = NULL;

    plan (&x, head, small, false);
    plan (&y, head, small, false);
    plan (&z, head, moved, false);
    CU_ASSERT_FATAL (x.ok && y.ok && z.ok);
    one = sb_plan_to_json (&x.p);
    two = sb_plan_to_json (&y.p);
    sb_same_text (one, two);
    CU_ASSERT_STRING_EQUAL (x.p.digest, z.p.digest);
    release (&x);
    release (&y);
    release (&z);
}

static void
test_differs (void)
{
    SB_AUTOFREE char *topology = sb_xprintf ("%s[policy]\nlanes = 3\n", head);
    struct planned x = { 0 }, drill = { 0 }, other = { 0 };

    plan (&x, head, small, false);
    plan (&drill, head, small, true);
    plan (&other, topology, small, false);
    CU_ASSERT_STRING_NOT_EQUAL (x.p.digest, drill.p.digest);
    CU_ASSERT_STRING_NOT_EQUAL (x.p.digest, other.p.digest);
    release (&x);
    release (&drill);
    release (&other);
}

static void
test_own_memory (void)
{
    struct planned x = { 0 };
    SB_AUTOFREE char *text = NULL;

    plan (&x, head, small, false);
    sb_workflow_release (&x.w);
    sb_topology_release (&x.t);
    text = sb_plan_to_json (&x.p);
    CU_ASSERT_PTR_NOT_NULL (strstr (text, "set-active"));
    release (&x);
}

static void
test_find (void)
{
    struct planned x = { 0 };

    plan (&x, head, small, false);
    CU_ASSERT_EQUAL (sb_plan_find (&x.p, "a"), 0);
    CU_ASSERT_EQUAL (sb_plan_find (&x.p, "b"), 1);
    CU_ASSERT_EQUAL (sb_plan_find (&x.p, "c"), SB_NO_STEP);
    CU_ASSERT_EQUAL_FATAL (x.p.steps[0].nbefore, 1);
    CU_ASSERT_EQUAL (x.p.steps[0].before[0], 1);
    release (&x);
}

static void
test_params (void)
{
    struct planned x = { 0 };
    struct sb_faults faults = { 0 };
    struct sb_pair given = { "limt", "1", 0 };
    struct sb_plan_args args = { .topology = &x.t, .workflow = &x.w, .params = &given, .nparams = 1 };
    SB_AUTOFREE char *workflow = sb_xprintf ("%s[params]\nlimit = 5\n", small), *shown = NULL;

    CU_ASSERT (sb_topology_parse (&x.t, "t.ini", head, strlen (head), &faults));
    CU_ASSERT (sb_workflow_parse (&x.w, "w.ini", workflow, strlen (workflow), &faults));
    CU_ASSERT (!sb_plan_make (&x.p, &args, &faults));
    shown = sb_show_faults (&faults, 1);
    sb_same_text ("workflow 'small' has no parameter 'limt'\nHINT: Did you mean 'limit'?\n", shown);
    release (&x);
}

/* ---- JSON that was tampered with ---- */

static char *
replace (const char *text, const char *old, const char *new)
{
    const char *at = strstr (text, old);
    struct sb_buf b = { 0 };

    CU_ASSERT_PTR_NOT_NULL_FATAL (at);
    sb_buf_add (&b, text, (size_t) (at - text));
    sb_buf_str (&b, new);
    sb_buf_str (&b, at + strlen (old));
    return sb_buf_take (&b);
}

static void
read_back (const char *json, size_t len, const char *expected)
{
    struct sb_faults faults = { 0 };
    struct sb_plan p = { 0 };
    SB_AUTOFREE char *shown = NULL;

    CU_ASSERT (!sb_plan_from_json (&p, json, len, &faults));
    CU_ASSERT_EQUAL (faults.count, 1);
    if (expected == NULL)
        sb_faults_free (&faults);
    else {
        shown = sb_show_faults (&faults, 1);
        sb_same_text (expected, shown);
    }
    sb_plan_release (&p);
}

static void
test_tampered (void)
{
    static const struct {
        const char *old, *new, *fault;
    } cases[] = {
        { "\"set-active\"", "\"move-all\"",
          "plan: digest does not fit the content: the plan was changed after it was made, or made by another version\n"
          "HINT: Make the plan again.\n" },
        { "\"after\": [\n    0\n   ]", "\"after\": [ 1 ]", "plan: b comes after a step that is not before it\n" },
        { "\"after\": [\n    0\n   ]", "\"after\": [ 0, 0 ]", "plan: b comes after a step that is not before it\n" },
        { "\"after\": [\n    0\n   ]", "\"after\": [ -1 ]", "plan: after is not a number in its range\n" },
        { "\"gate\": 0", "\"gate\": 9", "plan: b has a gate that is not there\n" },
        { "\"step\": 0", "\"step\": 1", "plan: b has a proof that is not before it\n" },
        { "\"name\": \"b\"", "\"name\": \"a\"", "plan: a is there twice\n" },
        { "\"name\": \"b\"", "\"name\": 5", "plan: name is not a text\n" },
        { "\"name\": \"b\",", "", "plan: name is missing\n" },
        { "\"effect\": \"settles\"", "\"effect\": \"explodes\"", "plan: effect is not one of its words\n" },
        { "\"verb\": \"observe\",", "", "plan: a does not say who plays which role\n" },
        { "\"undo_verb\": \"set-active\",", "", "plan: b does not say how it is undone\n" },
        { "\"timeout_ms\": 60000", "\"timeout_ms\": -1", "plan: timeout_ms is not a number in its range\n" },
        { "switchback plan 1", "switchback plan 2", "plan: format is not 'switchback plan 1'\n" },
    };
    struct planned x = { 0 };
    SB_AUTOFREE char *json = NULL;

    plan (&x, head, small, false);
    json = sb_plan_to_json (&x.p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SB_AUTOFREE char *bad = replace (json, cases[i].old, cases[i].new);

        read_back (bad, strlen (bad), cases[i].fault);
    }
    release (&x);
}

static void
test_cut (void)
{
    struct planned x = { 0 };
    SB_AUTOFREE char *json = NULL;

    plan (&x, head, small, false);
    json = sb_plan_to_json (&x.p);
    for (size_t n = 0; n + 1 < strlen (json); n += 7)
        read_back (json, n, NULL);
    read_back ("[]", 2, "plan: format is not 'switchback plan 1'\n");
    release (&x);
}

/* ---- size ---- */

/* `n` databases, each with an instance of its own, and one server. */
static char *
big_topology (unsigned n)
{
    struct sb_buf b = { 0 };

    sb_buf_str (&b, head);
    for (unsigned i = 0; i < n; i++)
        sb_buf_printf (&b, "[instance i%u]\nsite = a\ncredential = c\n[database d%u]\nprimary = i%u\n", i, i, i);
    return sb_buf_take (&b);
}

static size_t
edges (const struct sb_plan *p)
{
    size_t n = 0;

    for (uint32_t i = 0; i < p->count; i++)
        n += p->steps[i].nafter;
    return n;
}

static void
test_many_items (void)
{
    enum { ITEMS = 3000 };
    static const char workflow[] = "[workflow wide]\n"
                                   "[step one]\naction = database.observe\nfor each = database\n"
                                   "on = ${database.primary}\n"
                                   "[step mid]\naction = database.locate\nfor each = database where name = d1\n"
                                   "site = a\nafter = one\n"
                                   "[step other]\naction = database.observe\nfor each = instance\nby = d1\n"
                                   "on = ${instance}\nafter = one, mid\n"
                                   "[step last]\naction = database.observe\nfor each = database\n"
                                   "on = ${database.primary}\nafter = other, mid\n";
    SB_AUTOFREE char *topology = big_topology (ITEMS);
    struct planned x = { 0 };

    plan (&x, topology, workflow, false);
    sb_same_text ("", x.faults);
    CU_ASSERT (x.p.count >= 3 * ITEMS + 1 && x.p.count <= 3 * ITEMS + 4);
    CU_ASSERT (edges (&x.p) < 10 * ITEMS);
    release (&x);
}

static void
test_many_steps (void)
{
    enum { STEPS = 20000 };
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    struct planned x = { 0 };

    sb_buf_str (&b, "[workflow long]\n[step s0]\naction = pool.observe\n");
    for (unsigned i = 1; i < STEPS; i++)
        sb_buf_printf (&b, "[step s%u]\naction = pool.check\nfact = ${steps.s%u.%s}${steps.s0.state}\nafter = s%u\n", i,
                       i - 1, i > 1 ? "found" : "state", i - 1);
    plan (&x, head, b.s, false);
    sb_same_text ("", x.faults);
    CU_ASSERT_EQUAL (x.p.count, STEPS);
    CU_ASSERT_EQUAL (edges (&x.p), STEPS - 1);
    CU_ASSERT_EQUAL (sb_plan_find (&x.p, "s19999"), STEPS - 1);
    release (&x);
}

/* How many steps a loop has that asks for a parameter; `to` NULL: its default. */
static size_t
steps_when (const char *to)
{
    static const char workflow[] = "[workflow ways]\n[params]\nto = there\n"
                                   "[step go]\naction = database.observe\non = ${database.primary}\n"
                                   "for each = database where ${params.to} = there and name = d1\n"
                                   "[step home]\naction = database.observe\non = ${database.primary}\n"
                                   "for each = database where ${params.to} != there\n";
    SB_AUTOFREE char *topology = big_topology (3), *shown = NULL;
    struct planned x = { 0 };
    struct sb_faults faults = { 0 };
    struct sb_pair given = { "to", (char *) to, 0 };
    struct sb_plan_args args = { .topology = &x.t, .workflow = &x.w, .params = &given, .nparams = to != NULL };
    size_t count;

    CU_ASSERT (sb_topology_parse (&x.t, "t.ini", topology, strlen (topology), &faults));
    CU_ASSERT (sb_workflow_parse (&x.w, "w.ini", workflow, strlen (workflow), &faults));
    CU_ASSERT (sb_plan_make (&x.p, &args, &faults));
    count = x.p.count;
    CU_ASSERT (count > 0 && strcmp (x.p.steps[count - 1].base, to == NULL ? "go" : "home") == 0);
    shown = sb_show_faults (&faults, 1);
    sb_same_text ("", shown);
    release (&x);
    return count;
}

static void
test_ways (void)
{
    CU_ASSERT_EQUAL (steps_when (NULL), 1);
    CU_ASSERT_EQUAL (steps_when ("home"), 3);
}

static void
test_too_many (void)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    SB_AUTOFREE char *topology = big_topology (2000);
    struct planned x = { 0 };

    sb_buf_str (&b, "[workflow huge]\n");
    for (unsigned i = 0; i < 501; i++)
        sb_buf_printf (&b, "[step s%u]\naction = database.observe\nfor each = database\non = ${database.primary}\n", i);
    plan (&x, topology, b.s, false);
    CU_ASSERT (!x.ok);
    CU_ASSERT_PTR_NOT_NULL (strstr (x.faults, "the plan would have more than 1000000 steps"));
    release (&x);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "the same input gives the same bytes, wherever the lines of the workflow stand", test_same },
        { "another topology, or a drill, gives another digest", test_differs },
        { "a plan outlives the topology and the workflow it was made from", test_own_memory },
        { "steps are found by name, and each knows its followers", test_find },
        { "a parameter that the workflow does not have is refused with the nearest one", test_params },
        { "a condition of a loop may ask for a parameter of the workflow", test_ways },
        { "a plan that was changed by hand is refused with the reason", test_tampered },
        { "a plan that was cut off anywhere is refused", test_cut },
        { "thousands of items make a plan whose edges stay few", test_many_items },
        { "a chain of twenty thousand steps is planned without recursion", test_many_steps },
        { "a plan of more than a million steps is refused", test_too_many },
        { NULL, NULL },
    };

    return sb_tap_run ("plans", tests);
}
