/* The packaged workflows on the example topology, with obedient plugins that have every
 * result their contract names.  Failover finds the first site dark; failback finds
 * everything there.  Nothing may be left unexpanded, and what the procedures promise
 * about order and evidence must show in the calls. */
#include "tests/lib/tap.h"

#include "core/engine/run.h"
#include "core/sys/file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/sb-packaged-XXXXXX";
static struct sb_arena arena;
static struct sb_faults faults;
static struct sb_topology topology;
static struct sb_plan plan;
static const char *dark_site;
static json_t *log_of_calls; /* array of {step, op, verb, on, params} */

/* ---------------------------------------------------------------- obedient plugins */

struct call {
    uint64_t id;
    enum sb_op op;
    uint32_t step;
    const struct sb_verb *verb;
};

static struct call calls[4096];
static size_t ncalls;
static bool *so;

static bool
obedient_call (void *self, const struct sb_call_spec *spec)
{
    const struct sb_role *role = sb_role_of_kind (spec->kind);
    json_t *params = json_object (), *list;
    size_t k, i;

    (void) self;
    for (k = 0; k < spec->nparams; k++) {
        list = spec->params[k].items ? json_array () : NULL;
        for (i = 0; list && spec->params[k].items[i]; i++)
            json_array_append_new (list, json_string (spec->params[k].items[i]));
        json_object_set_new (params, spec->params[k].name, list ? list : json_string (spec->params[k].value));
    }
    if (!spec->step) { /* a message */
        json_decref (params);
        calls[ncalls++] = (struct call){ spec->id, spec->op, SB_NO_STEP, NULL };
        return true;
    }
    json_array_append_new (log_of_calls,
                           json_pack ("{s:s, s:s, s:s, s:s, s:o}", "step", spec->step, "op",
                                      strcmp (spec->verb, "locate") == 0 ? "locate"
                                      : spec->op == SB_OP_RUN            ? "run"
                                                                         : "verify",
                                      "verb", spec->verb, "on", spec->on ? spec->on : "", "params", params));
    CU_ASSERT_FATAL (ncalls < 4096 && role != NULL);
    calls[ncalls++] =
            (struct call){ spec->id, spec->op, sb_plan_find (&plan, spec->step), sb_verb_find (role, spec->verb) };
    return true;
}

static void
obedient_stop (void *self, uint64_t id)
{
    (void) self;
    (void) id;
}

static size_t
obedient_poll (void *self, struct pollfd *fds, size_t cap, int *ret_timeout_ms)
{
    (void) self;
    (void) fds;
    (void) cap;
    if (ncalls)
        *ret_timeout_ms = 0;
    return 0;
}

static bool
is_dark (uint32_t step)
{
    const char *site = plan.steps[step].site;

    return dark_site && site && strcmp (site, dark_site) == 0 && strcmp (plan.steps[step].role, "fence") != 0;
}

static const char *
word_for (const char *key, uint32_t step)
{
    static const char *const words[][2] = {
        { "answering", "" }, { "grade", "confirmed" }, { "principal", "north-sql1" }, { "state", "ONLINE" }
    };
    size_t k;

    for (k = 0; k < sizeof words / sizeof words[0]; k++)
        if (strcmp (words[k][0], key) == 0)
            return words[k][1];
    return sb_arena_printf (&arena, "%s of %s", key, plan.steps[step].name);
}

static void
answer (const struct call *c, sb_lane_event_fn fn, void *ctx)
{
    struct sb_lane_result results[16];
    struct sb_lane_event ev = { .type = SB_LANE_ANSWER, .id = c->id, .op = c->op, .sentence = "", .results = results };

    if (c->step == SB_NO_STEP) {
        fn (ctx, &ev);
        return;
    }
    if (is_dark (c->step)) {
        ev.rc = SB_RETRY;
        ev.seen = SB_SEEN_UNKNOWN;
        fn (ctx, &ev);
        return;
    }
    for (; c->verb && c->verb->results[ev.nresults].name; ev.nresults++)
        results[ev.nresults] = (struct sb_lane_result){ c->verb->results[ev.nresults].name,
                                                        word_for (c->verb->results[ev.nresults].name, c->step) };
    if (c->op == SB_OP_RUN && c->verb && strcmp (c->verb->name, "locate") != 0)
        so[c->step] = true;
    else
        ev.seen = so[c->step] ? SB_SEEN_YES : SB_SEEN_NO;
    fn (ctx, &ev);
}

static size_t
obedient_drain (void *self, sb_lane_event_fn fn, void *ctx)
{
    static struct call taken[4096];
    size_t n = ncalls, k;

    (void) self;
    memcpy (taken, calls, n * sizeof *taken);
    ncalls = 0;
    for (k = 0; k < n; k++)
        answer (&taken[k], fn, ctx);
    return n;
}

static const struct sb_launcher launcher = { obedient_call, obedient_stop, obedient_poll, obedient_drain, NULL };

/* ---------------------------------------------------------------- a whole run */

static void
read_source (const char *name, struct sb_buf *out)
{
    const char *dir = getenv ("SB_SRCDIR");

    if (!sb_file_read (sb_arena_printf (&arena, "%s/%s", dir ? dir : ".", name), 1 << 20, out, &faults))
        CU_FAIL_FATAL ("a packaged file cannot be read");
}

/* Probes go to a port of this host that nobody listens on, not to names. */
static void
move_endpoints_here (void)
{
    size_t i, k;

    for (i = 0; i < topology.count; i++)
        for (k = 0; k < topology.objects[i].nattrs; k++) {
            struct sb_attr *a = &topology.objects[i].attrs[k];
            if (strcmp (a->key, "host") == 0)
                a->value = "127.0.0.1";
            else if (strcmp (a->key, "port") == 0)
                a->value = "1";
            else if (strcmp (a->key, "url") == 0)
                a->value = "https://127.0.0.1:1/";
        }
}

static struct sb_run_result
run_packaged (const char *name, const char *id)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 }, ini = { 0 };
    struct sb_workflow w = { 0 };
    struct sb_plan_args args = { .topology = &topology, .workflow = &w };
    struct sb_journal_cfg jcfg = { .path = sb_arena_printf (&arena, "%s/%s.db", folder, name), .write = true };
    struct sb_run_cfg cfg = { .plan = &plan,
                              .topology = &topology,
                              .launcher = &launcher,
                              .topology_file = "/t.ini",
                              .topology_text = "",
                              .base = "/",
                              .state_dir = folder,
                              .run = id,
                              .signal_fd = -1,
                              .approve_all = true,
                              .notify_ms = -1 };
    struct sb_run_result result = { 0 };

    read_source ("examples/stretched-pool.ini", &text);
    read_source (sb_arena_printf (&arena, "workflows/%s.ini", name), &ini);
    CU_ASSERT_FATAL (sb_topology_parse (&topology, "t.ini", sb_buf_cstr (&text), text.len, &faults));
    CU_ASSERT_FATAL (sb_workflow_parse (&w, "w.ini", sb_buf_cstr (&ini), ini.len, &faults));
    CU_ASSERT_FATAL (sb_plan_make (&plan, &args, &faults));
    plan.dark_after_ms = 300;
    move_endpoints_here ();
    so = sb_xcalloc (plan.count, sizeof *so);
    log_of_calls = json_array ();
    cfg.journal = sb_journal_open (&jcfg, &faults);
    CU_ASSERT_PTR_NOT_NULL_FATAL (cfg.journal);
    sb_run (&cfg, &result, &faults);
    CU_ASSERT (sb_journal_verify (cfg.journal, &result.head, NULL, &faults));
    sb_journal_close (cfg.journal);
    unlink (sb_pool_path (&arena, &topology, "lock"));
    sb_workflow_release (&w);
    CU_ASSERT_EQUAL (faults.count, 0);
    if (faults.count) {
        SB_AUTOFREE char *all = sb_faults_text (&faults);
        printf ("# %s", all);
    }
    return result;
}

static void
forget (void)
{
    sb_faults_free (&faults);
    sb_plan_release (&plan);
    sb_topology_release (&topology);
    json_decref (log_of_calls);
    free (so);
}

/* The place of the first call of a kind in the log; -1: there is none. */
static int
find_call (const char *step, const char *op, json_t **ret_params)
{
    size_t k;

    for (k = 0; k < json_array_size (log_of_calls); k++) {
        json_t *c = json_array_get (log_of_calls, k);
        if (strcmp (json_string_value (json_object_get (c, "step")), step) != 0
            || strcmp (json_string_value (json_object_get (c, "op")), op) != 0)
            continue;
        if (ret_params)
            *ret_params = json_object_get (c, "params");
        return (int) k;
    }
    return -1;
}

static void
nothing_is_left_unexpanded (void)
{
    char *all = json_dumps (log_of_calls, 0);
    const char *left = strstr (all, "${");

    CU_ASSERT_PTR_NULL (left);
    if (left)
        printf ("# %.120s\n", left);
    free (all);
}

static const char *
param (json_t *params, const char *key)
{
    const char *text = json_string_value (json_object_get (params, key));

    return text ? text : "";
}

static void
failover_from_a_dark_site (void)
{
    struct sb_run_result r;
    json_t *recover = NULL;
    int at;

    dark_site = "north";
    r = run_packaged ("failover", "dark");
    CU_ASSERT_EQUAL (r.outcome, SB_RUN_DONE_OWED);
    CU_ASSERT (r.owed >= 3 && r.failed == 0 && r.held == 0);
    at = find_call ("recover[mgc]", "run", &recover);
    CU_ASSERT_FATAL (at > 0);
    CU_ASSERT_STRING_EQUAL (param (recover, "evidence"), "confirmed");
    CU_ASSERT_STRING_EQUAL (param (recover, "expect"), "lsn of apply-logs[mgc]");
    CU_ASSERT (find_call ("take-tail[mgc]", "run", NULL) < 0); /* nobody answers there: skipped, never guessed */
    CU_ASSERT (find_call ("fence-primary[mgc]", "run", NULL) < 0);
    CU_ASSERT (at < find_call ("pool-state", "run", NULL));
    CU_ASSERT (find_call ("pool-state", "run", NULL) < find_call ("active-servers", "run", NULL));
    CU_ASSERT (find_call ("apply-logs[mgc]", "run", NULL) < at && find_call ("quote[mgc]", "run", NULL) < at);
    nothing_is_left_unexpanded ();
    forget ();
}

static void
failover_while_instances_answer (void)
{
    struct sb_run_result r;

    dark_site = NULL;
    r = run_packaged ("failover", "light"); /* survey says that nothing answers: the gate is not needed */
    CU_ASSERT_EQUAL (r.outcome, SB_RUN_DONE);
    CU_ASSERT (find_call ("take-tail[mgc]", "run", NULL) > 0);
    CU_ASSERT_EQUAL (r.owed, 0);
    nothing_is_left_unexpanded ();
    forget ();
}

static void
failback_home (void)
{
    struct sb_run_result r;

    dark_site = NULL;
    r = run_packaged ("failback", "home");
    CU_ASSERT_EQUAL (r.outcome, SB_RUN_DONE);
    CU_ASSERT (r.failed == 0 && r.held == 0 && r.owed == 0);
    nothing_is_left_unexpanded ();
    forget ();
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "failover from a dark site: fence evidence, order, what is owed", failover_from_a_dark_site },
        { "failover where instances still answer takes the tail and owes nothing", failover_while_instances_answer },
        { "failback goes home with every reference expanded", failback_home },
        { NULL, NULL },
    };
    struct sb_faults ignored = { 0 };
    int rc;

    if (!mkdtemp (folder))
        return 99;
    rc = sb_tap_run ("packaged", tests);
    sb_tree_remove (folder, &ignored);
    sb_faults_free (&ignored);
    sb_arena_release (&arena);
    return rc;
}
