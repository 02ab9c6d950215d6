/* switchback-prove: the program behind `switchback prove`. */
#include "config.h"

#include "prove/prove.h"

#include "core/base/text.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "prove/replay.h"
#include "prove/report.h"

#include <getopt.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DONE = 0, FAILED = 1, USAGE = 2, CONFIG = 3 };

static volatile sig_atomic_t signalled;

static void
on_signal (int signo)
{
    signalled = signo;
}

enum {
    O_TOPOLOGY = 256,
    O_FILE,
    O_PLUGINS,
    O_PROGRAM,
    O_STATE,
    O_PARAM,
    O_DEATHS,
    O_EVENTS,
    O_FAULTS,
    O_NOES,
    O_TOTAL,
    O_WORKERS,
    O_START,
    O_TIME,
    O_MEMORY,
    O_SINGLY,
    O_FULL,
    O_JSON,
    O_MUTATE,
    O_REASONS,
    O_ONLY,
    O_JOBS,
    O_SEED,
    O_FIRST,
    O_CERTIFICATE,
    O_WORKFLOWS,
    O_REVERSE,
    O_SAMPLE,
    O_DICE,
    O_PLAYABLE,
    O_REPLAY,
    O_DIR
};

static const struct option options[] = {
    { "topology", 1, NULL, O_TOPOLOGY },
    { "workflow-file", 1, NULL, O_FILE },
    { "plugins", 1, NULL, O_PLUGINS },
    { "program", 1, NULL, O_PROGRAM },
    { "state", 1, NULL, O_STATE },
    { "param", 1, NULL, O_PARAM },
    { "deaths", 1, NULL, O_DEATHS },
    { "events", 1, NULL, O_EVENTS },
    { "faults", 1, NULL, O_FAULTS },
    { "noes", 1, NULL, O_NOES },
    { "total", 1, NULL, O_TOTAL },
    { "disturbances", 1, NULL, O_TOTAL },
    { "workers", 1, NULL, O_WORKERS },
    { "start", 1, NULL, O_START },
    { "time", 1, NULL, O_TIME },
    { "memory", 1, NULL, O_MEMORY },
    { "singly", 0, NULL, O_SINGLY },
    { "full-compare", 0, NULL, O_FULL },
    { "json", 0, NULL, O_JSON },
    { "mutate", 0, NULL, O_MUTATE },
    { "reasons", 1, NULL, O_REASONS },
    { "only", 1, NULL, O_ONLY },
    { "jobs", 1, NULL, O_JOBS },
    { "seed", 1, NULL, O_SEED },
    { "first", 0, NULL, O_FIRST },
    { "certificate", 1, NULL, O_CERTIFICATE },
    { "workflows", 1, NULL, O_WORKFLOWS },
    { "reverse", 0, NULL, O_REVERSE },
    { "sample", 1, NULL, O_SAMPLE },
    { "dice", 1, NULL, O_DICE },
    { "playable", 0, NULL, O_PLAYABLE },
    { "replay", 1, NULL, O_REPLAY },
    { "dir", 1, NULL, O_DIR },
    { NULL, 0, NULL, 0 },
};

struct args {
    struct p_input in;
    struct p_search search;
    const char *dirs[32], *seed, *certificate, *state, *replay, *dir;
    struct p_sampling sampling;
    size_t ndirs;
    struct sb_pair params[64];
    bool json, mutate, live, total_given;
    struct p_mutating mutating;
    int64_t next_ms; /* when the progress is shown again */
};

static bool
number (const char *text, unsigned *ret)
{
    int64_t n;

    if (sb_parse_int (text, &n) && n >= 0 && n < 100) {
        *ret = (unsigned) n;
        return true;
    }
    fprintf (stderr, "switchback prove: '%s' is not a number from 0 to 99\n", text);
    return false;
}

static bool
take_start (struct args *a, const char *word)
{
    for (a->in.start = P_START_AUTO; a->in.start <= P_START_BARE; a->in.start++)
        if (strcmp (p_start_names[a->in.start], word) == 0)
            return true;
    fprintf (stderr, "switchback prove: --start is steady, site-lost, failed-over, rebuilt or bare, not '%s'\n", word);
    return false;
}

static bool
take_param (struct args *a, char *text)
{
    char *eq = strchr (text, '=');

    if (!eq || a->in.nparams == 64) {
        fprintf (stderr, "switchback prove: '--param %s' is not KEY=VALUE\n", text);
        return false;
    }
    *eq = 0;
    a->params[a->in.nparams++] = (struct sb_pair){ text, eq + 1, 0 };
    return true;
}

static bool
take_time (struct args *a, const char *text)
{
    int64_t ms;

    if (!sb_parse_duration (text, &ms) || ms <= 0) {
        fprintf (stderr, "switchback prove: '%s' is not a time\n", text);
        return false;
    }
    a->search.deadline_ms = sb_deadline_in (ms);
    return true;
}

static bool
take_option (struct args *a, int o)
{
    struct p_search *p = &a->search;
    int64_t dice;
    unsigned n;

    switch (o) {
    case O_SAMPLE:
        return number (optarg, &a->sampling.count);
    case O_DICE:
        if (!sb_parse_int (optarg, &dice) || dice < 0) {
            fprintf (stderr, "switchback prove: '--dice %s' is not a number\n", optarg);
            return false;
        }
        a->sampling.dice = (uint64_t) dice;
        return true;
    case O_PLAYABLE:
        return a->sampling.playable = true;
    case O_REPLAY:
        a->replay = optarg;
        return true;
    case O_DIR:
        a->dir = optarg;
        return true;
    case O_TOPOLOGY:
        a->in.topology_file = optarg;
        return true;
    case O_FILE:
        a->in.workflow_file = optarg;
        return true;
    case O_PLUGINS:
        if (a->ndirs < 31)
            a->dirs[a->ndirs++] = optarg;
        return true;
    case O_PROGRAM:
        a->in.program = optarg;
        return true;
    case O_STATE:
        a->state = optarg;
        return true;
    case O_REVERSE:
        return a->in.reverse = true;
    case O_WORKFLOWS:
        a->in.workflows = optarg;
        return true;
    case O_PARAM:
        return take_param (a, optarg);
    case O_DEATHS:
        return number (optarg, &p->budget.deaths);
    case O_EVENTS:
        return number (optarg, &p->budget.events);
    case O_FAULTS:
        return number (optarg, &p->budget.faults);
    case O_NOES:
        return number (optarg, &p->budget.noes);
    case O_TOTAL:
        a->total_given = true;
        return number (optarg, &p->budget.total);
    case O_WORKERS:
        return number (optarg, &p->workers);
    case O_START:
        return take_start (a, optarg);
    case O_TIME:
        return take_time (a, optarg);
    case O_MEMORY:
        n = (unsigned) atoi (optarg);
        p->memory = (size_t) (n > 0 ? n : 1) << 20;
        return true;
    case O_SINGLY:
        p->merge = false;
        return true;
    case O_FULL:
        return p->full_compare = true;
    case O_JSON:
        return a->json = true;
    case O_MUTATE:
        return a->mutate = true;
    case O_REASONS:
        a->mutating.reasons = optarg;
        return true;
    case O_ONLY:
        a->mutating.only = optarg;
        return true;
    case O_JOBS:
        return number (optarg, &a->mutating.jobs);
    case O_SEED:
        a->seed = optarg;
        return true;
    case O_FIRST:
        return p->first = true;
    case O_CERTIFICATE:
        a->certificate = optarg;
        return true;
    default:
        return false;
    }
}

#define MUTATE_TOTAL 0 /* where nobody asks for more: the few events that every workflow must bear are looked at */

static int
mutate (struct args *a, struct sb_faults *faults)
{
    a->mutating.in = &a->in;
    a->mutating.total = a->total_given ? a->search.budget.total : MUTATE_TOTAL;
    a->mutating.json = a->json;
    a->mutating.live = a->live;
    return p_mutate (&a->mutating, faults);
}

static bool
progress (void *ctx, const struct p_search *p)
{
    struct args *a = ctx;
    int64_t now = sb_mono_ms ();

    if (a->live && now >= a->next_ms) {
        a->next_ms = now + 200;
        fprintf (stderr, "\r  %llu states, %llu transitions, %llu violations ", (unsigned long long) p->states,
                 (unsigned long long) p->transitions, (unsigned long long) p->violations);
    }
    return !signalled;
}

static int
fail (struct sb_faults *faults)
{
    char *text = sb_faults_text (faults);

    fprintf (stderr, "%s", text);
    free (text);
    sb_faults_free (faults);
    return CONFIG;
}

/* Is it a seed of this plan?  *ret_path is the caller's. */
static int
take_seed (const struct p_case *c, const char *seed, struct p_budget *ret_budget, struct p_path *ret_path)
{
    struct sb_faults faults = { 0 };
    char digest[13] = "";

    if (!p_seed_read (seed, ret_budget, ret_path, digest, &faults))
        return fail (&faults);
    if (strncmp (digest, c->plan.digest, 12) != 0) {
        sb_fault (&faults, NULL, 0, "the seed belongs to plan %s, and this is %.12s", digest, c->plan.digest);
        sb_fault_hint (&faults, "Workflow, topology or parameters are not those it was found with.");
        return fail (&faults);
    }
    return DONE;
}

static int
tell_again (struct p_case *c, struct args *a)
{
    struct p_path path = { 0 };
    struct p_budget b;
    int rc = take_seed (c, a->seed, &b, &path);

    if (rc == DONE) {
        char *story = p_story (c, &b, &path);

        fputs (story, stdout);
        free (story);
    }
    free (path.list);
    return rc;
}

static int
replay (struct p_case *c, struct args *a)
{
    struct p_path path = { 0 };
    struct p_budget b;
    int rc = take_seed (c, a->replay, &b, &path);

    free (path.list);
    return rc == DONE ? p_replay (c, &a->in, a->replay, a->dir, a->json) : rc;
}

/* Where plan and report look for it.  What cannot be kept is only told. */
static void
keep_proof (const char *state, const struct p_outcome *out)
{
    struct sb_faults faults = { 0 };
    SB_AUTOFREE char *folder = sb_xprintf ("%s/proofs", state),
                     *file = sb_xprintf ("%s/%s.json", folder, out->c->plan.digest);

    if (!sb_dir_make (folder, 0700, &faults) || !p_certificate_write (out, file, &faults)) {
        fprintf (stderr, "switchback prove: the certificate is not kept\n");
        fail (&faults);
    }
}

static int
search (struct p_case *c, struct args *a)
{
    struct p_search *p = &a->search;
    int64_t began = sb_mono_ms ();
    struct p_outcome out;

    p->progress = progress;
    p->ctx = a;
    p_explore (c, p);
    if (a->live)
        fprintf (stderr, "\r%70s\r", "");
    out = (struct p_outcome){ .c = c, .p = p, .ms = sb_mono_ms () - began, .workflow_file = a->in.workflow_file };
    p_report (&out, a->json);
    if (a->certificate && p->stop == P_COMPLETE && p->violations == 0) {
        struct sb_faults faults = { 0 };

        if (!p_certificate_write (&out, a->certificate, &faults))
            return fail (&faults);
    }
    if (a->state && p->stop == P_COMPLETE && p->violations == 0 && p->merge)
        keep_proof (a->state, &out);
    p_search_free (p);
    return p->violations > 0 || p->stop != P_COMPLETE ? FAILED : DONE;
}

/* What this process may use. */
static unsigned
processors (void)
{
    cpu_set_t set;

    return sched_getaffinity (0, sizeof set, &set) == 0 ? (unsigned) CPU_COUNT (&set) : 1;
}

int
main (int argc, char **argv)
{
    struct args a = { .search = { .merge = true, .memory = (size_t) 900 << 20, .deadline_ms = SB_NEVER } };
    struct sb_faults faults = { 0 };
    struct p_case c = { 0 };
    int o, rc;

    setlocale (LC_CTYPE, "C.UTF-8");
    json_object_seed (0); /* before there are threads */
    signal (SIGINT, on_signal);
    signal (SIGTERM, on_signal);
    a.search.budget = p_default_budget;
    a.search.workers = processors ();
    a.in.plugin_dirs = a.dirs;
    a.in.params = a.params;
    while ((o = getopt_long (argc, argv, "", options, NULL)) != -1)
        if (!take_option (&a, o))
            return USAGE;
    if (!a.in.topology_file || !a.in.workflow_file || optind != argc) {
        fputs ("switchback-prove is started by 'switchback prove'; see switchback-prove(1)\n", stderr);
        return USAGE;
    }
    a.live = !a.json && isatty (STDERR_FILENO);
    if (a.mutate) {
        rc = mutate (&a, &faults);
        return faults.count ? fail (&faults) : rc;
    }
    if (a.in.start == P_START_AUTO && (a.seed || a.replay))
        a.in.start = p_seed_start (a.seed ? a.seed : a.replay);
    if (!p_case_load (&c, &a.in, &faults))
        rc = fail (&faults);
    else if (a.seed)
        rc = tell_again (&c, &a);
    else if (a.replay)
        rc = replay (&c, &a);
    else if (a.sampling.count)
        rc = p_sample (&c, &a.search.budget, &a.sampling, a.json);
    else
        rc = search (&c, &a);
    p_case_free (&c);
    return rc;
}
