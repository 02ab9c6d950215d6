/* Runs: preparing, running with the live view, telling the outcome. */
#include "cli/runs.h"

#include "cli/live.h"
#include "core/base/text.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/sigs.h"
#include "core/sys/tcp.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sb_journal *
cli_journal (struct cli *c, bool write, int *ret_code)
{
    const char *dir = cli_state_dir (c);
    struct sb_journal_cfg cfg = { .write = write };
    struct sb_journal *j;

    cfg.path = sb_arena_printf (&c->arena, "%s/journal.db", dir);
    *ret_code = EXIT_DONE;
    if (!write && !sb_file_exists (cfg.path))
        return NULL;
    if (write && !sb_dir_make (dir, 0700, &c->faults)) {
        *ret_code = cli_fail (c, EXIT_JOURNAL);
        return NULL;
    }
    j = sb_journal_open (&cfg, &c->faults);
    if (j == NULL)
        *ret_code = cli_fail (c, EXIT_JOURNAL);
    return j;
}

int
cli_approvals (struct cli *c, bool *ret_all, const char ***ret_gates)
{
    const char **texts = cli_opts (c, "approve"), **gates = NULL, *policy;
    size_t i, k, n, count = 0, cap = 0;
    char **words;

    *ret_all = false;
    for (i = 0; texts[i] != NULL; i++) {
        words = sb_split_list (&c->arena, texts[i], &n);
        for (k = 0; k < n; k++) {
            if (strcmp (words[k], "all") == 0)
                *ret_all = true;
            else
                SB_PUSH (gates, count, cap) = words[k];
        }
    }
    SB_PUSH (gates, count, cap) = NULL;
    *ret_gates = sb_arena_alloc (&c->arena, count * sizeof *gates);
    memcpy (*ret_gates, gates, count * sizeof *gates);
    free (gates);
    policy = sb_topology_find (&c->topology, "policy", "") == NULL
                     ? NULL
                     : sb_object_attr (sb_topology_nth (&c->topology, "policy", 0), "unattended");
    if (*ret_all && (policy == NULL || strcmp (policy, "yes") != 0)) {
        cli_error ("'--approve all' needs '[policy] unattended = yes' in the topology");
        cli_hint ("Name the gates instead, such as --approve start,site-loss,loss; 'switchback plan' lists them.");
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

static void
tell_open_gates (struct cli *c, const struct sb_run_cfg *cfg, json_t *list)
{
    struct sb_journal_gate *gates;
    size_t n, i;

    if (!sb_journal_gates (cfg->journal, cfg->run, &c->arena, &gates, &n, &c->faults))
        return;
    for (i = 0; i < n; i++) {
        uint32_t gate;

        if (strcmp (gates[i].state, "open") != 0)
            continue;
        gate = gates[i].step < cfg->plan->count ? cfg->plan->steps[gates[i].step].gate : SB_NO_GATE;
        json_array_append_new (list, json_pack ("{s:s, s:s?}", "step", gates[i].name, "gate",
                                                gate == SB_NO_GATE ? NULL : cfg->plan->gates[gate].name));
        if (!c->json && gate != SB_NO_GATE)
            cli_hint ("Gate '%s' waits: 'switchback resume %s --approve %s'.", cfg->plan->gates[gate].name, cfg->run,
                      cfg->plan->gates[gate].name);
    }
}

static void
tell_resting_steps (struct cli *c, const struct sb_run_cfg *cfg, json_t *owed, json_t *held)
{
    struct sb_journal_step *steps;
    size_t n, i;

    if (!sb_journal_steps (cfg->journal, cfg->run, &c->arena, &steps, &n, &c->faults))
        return;
    for (i = 0; i < n; i++) {
        bool is_owed = strcmp (steps[i].state, "owed") == 0, is_held = strcmp (steps[i].state, "held") == 0;
        const char *title = steps[i].step < cfg->plan->count ? cfg->plan->steps[steps[i].step].title : "";

        if (is_owed || is_held)
            json_array_append_new (is_owed ? owed : held,
                                   json_pack ("{s:s, s:s}", "step", steps[i].name, "title", title));
        if ((is_owed || is_held) && !c->json)
            printf ("%s: %s\n", steps[i].state, title);
    }
}

static void
tell (struct cli *c, const struct sb_run_cfg *cfg, const struct sb_run_result *r)
{
    json_t *gates = json_array (), *owed = json_array (), *held = json_array ();
    const struct sb_outcome_word *word = &sb_outcome_words[r->outcome];
    struct sb_buf took SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_buf hash SB_CLEANUP (sb_buf_free) = { 0 };

    sb_format_duration (&took, r->took_ms);
    sb_hex (r->head.hash, SB_HASH_BYTES, &hash);
    tell_resting_steps (c, cfg, owed, held);
    tell_open_gates (c, cfg, gates);
    if (c->json)
        cli_print_json (json_pack (
                "{s:s, s:s, s:b, s:s, s:i, s:I, s:I, s:{s:i, s:i, s:i, s:i, s:i, s:i, s:i}, s:O, s:O, s:O, s:{s:I, s:s}}",
                "run", cfg->run, "workflow", cfg->plan->workflow, "drill", cfg->drill, "outcome", word->name, "exit",
                r->exit_code, "took_ms", (json_int_t) r->took_ms, "people_ms", (json_int_t) r->people_ms, "steps",
                "done", (int) r->done, "already", (int) r->adopted, "skipped", (int) r->skipped, "owed", (int) r->owed,
                "failed", (int) r->failed, "held", (int) r->held, "undone", (int) r->undone, "owed", owed, "held", held,
                "gates", gates, "head", "seq", (json_int_t) r->head.seq, "hash", sb_buf_cstr (&hash)));
    else
        printf ("%s%s %s: %s (%u done, %u already true, %u skipped, %u owed, %u held, %u failed) in %s\n"
                "journal: record %lld, %.16s\n",
                cfg->drill ? "DRILL " : "", cfg->plan->workflow, cfg->run, word->text, r->done, r->adopted, r->skipped,
                r->owed, r->held, r->failed, sb_buf_cstr (&took), (long long) r->head.seq, sb_buf_cstr (&hash));
    if (r->exit_code == EXIT_WAITING && json_array_size (held) > 0 && !c->json)
        cli_hint ("'switchback report %s' tells why; 'switchback resume %s' tries again.", cfg->run, cfg->run);
    json_decref (gates);
    json_decref (owed);
    json_decref (held);
}

int
cli_run (struct cli *c, struct sb_run_cfg *cfg)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
    struct live live = { .asking = SB_NO_STEP, .drill = cfg->drill, .began_ms = sb_now_ms () };
    struct sb_run_result r = { 0 };

    live.color = isatty (STDERR_FILENO) && getenv ("NO_COLOR") == NULL;
    live.terminal = isatty (STDIN_FILENO) && isatty (STDERR_FILENO) && !c->json;
    cfg->wait = cfg->wait || live.terminal;
    cfg->signal_fd = sb_signal_fd (signals, &c->faults);
    cfg->view = &live_view;
    cfg->view_ctx = &live;
    if (sb_run (cfg, &r, &c->faults))
        tell (c, cfg, &r);
    if (cfg->signal_fd >= 0)
        close (cfg->signal_fd);
    cfg->signal_fd = -1;
    if (r.signal != 0 && r.exit_code != EXIT_SIGNAL) /* too late for this run; it stays for whoever waits next (watch) */
        kill (getpid (), r.signal);
    return c->faults.count > 0 ? cli_fail (c, r.exit_code == EXIT_DONE ? EXIT_DEFECT : r.exit_code) : r.exit_code;
}

int
cli_prepare_resume (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run, struct sb_plan *plan,
                    struct sb_run_cfg *cfg)
{
    char *dir SB_AUTOFREE = sb_path_dir (run->topology_file);

    sb_topology_release (&c->topology);
    c->topology = (struct sb_topology){ 0 };
    free (c->base);
    c->base = sb_xstrdup (dir);
    if (!sb_topology_parse (&c->topology, run->topology_file, run->topology, strlen (run->topology), &c->faults)
        || !sb_plan_from_json (plan, run->plan, strlen (run->plan), &c->faults))
        return cli_fail (c, EXIT_CONFIG);
    if (cli_load_plugins (c) != EXIT_DONE)
        return EXIT_CONFIG;
    *cfg = (struct sb_run_cfg){ .journal = j, .plan = plan, .topology = &c->topology, .registry = c->registry };
    cfg->topology_file = run->topology_file;
    cfg->topology_text = run->topology;
    cfg->base = c->base;
    cfg->state_dir = cli_state_dir (c);
    cfg->run = run->id;
    cfg->drill = run->drill;
    cfg->resume = true;
    cfg->signal_fd = -1;
    return EXIT_DONE;
}

/* Does anything that accepts connections stand in a site that something is owed to?  Asked before a run is taken up,
 * so that a watch over a dark site writes nothing. */
static bool
site_answers (struct cli *c, const struct sb_plan_step *step)
{
    const struct sb_object *o;
    size_t i;

    for (i = 0; step->site != NULL && (o = sb_topology_nth (&c->topology, "instance", i)) != NULL; i++) {
        const char *site = sb_object_site (&c->topology, o), *host = sb_object_attr (o, "host");
        const char *port = sb_object_attr (o, "port");
        struct sb_faults ignored = { 0 };
        struct sb_tcp_addr addr;
        bool answers;

        if (site == NULL || strcmp (site, step->site) != 0)
            continue;
        answers = sb_tcp_resolve (host == NULL ? o->name : host, (uint16_t) atoi (port == NULL ? "1433" : port), &addr,
                                  &ignored)
                  && sb_tcp_probe (&addr, sb_deadline_in (1000), &ignored);
        sb_faults_free (&ignored);
        if (answers)
            return true;
    }
    return step->site == NULL;
}

static bool
worth_paying (struct cli *c, const struct sb_plan *plan, const struct sb_journal_owed *owed, size_t count,
              const char *run)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (strcmp (owed[i].run, run) == 0 && owed[i].step < plan->count
            && site_answers (c, &plan->steps[owed[i].step]))
            return true;
    return false;
}

/* The run that owes has a topology of its own, as it was then: it is paid in a context of its own. */
static int
pay_run (struct cli *c, struct sb_journal *j, const struct sb_journal_owed *owed, size_t count, const char *id)
{
    struct cli then = { .command = c->command, .values = c->values, .nvalues = c->nvalues };
    struct sb_journal_run *run;
    struct sb_plan plan = { 0 };
    struct sb_run_cfg cfg;
    int rc;

    sb_paths_find (&then.paths);
    if (!sb_journal_run_find (j, id, &then.arena, &run, &then.faults) || run == NULL)
        rc = cli_fail (&then, EXIT_JOURNAL);
    else
        rc = cli_prepare_resume (&then, j, run, &plan, &cfg);
    if (rc == EXIT_DONE && worth_paying (&then, &plan, owed, count, id)) {
        fprintf (stderr, "paying what run %s owes\n", id);
        cfg.pay = true;
        cfg.notify_ms = 3000;
        rc = cli_run (&then, &cfg);
    }
    sb_plan_release (&plan);
    then.values = NULL; /* borrowed */
    cli_release (&then);
    return rc;
}

int
cli_pay_owed (struct cli *c, struct sb_journal *j)
{
    const char *pool = sb_topology_pool (&c->topology) == NULL ? NULL : sb_topology_pool (&c->topology)->name;
    struct sb_journal_owed *owed;
    size_t n, i;

    if (!sb_journal_owed (j, pool, &c->arena, &owed, &n, &c->faults))
        return cli_fail (c, -1);
    for (i = 0; i < n; i++)
        if ((i == 0 || strcmp (owed[i].run, owed[i - 1].run) != 0)
            && pay_run (c, j, owed, n, owed[i].run) == EXIT_SIGNAL)
            return -2;
    if (!sb_journal_owed (j, pool, &c->arena, &owed, &n, &c->faults))
        return cli_fail (c, -1);
    return (int) n;
}

json_t *
cli_owed_json (struct cli *c, struct sb_journal *j, const char *pool)
{
    struct sb_journal_owed *owed;
    json_t *list = json_array ();
    size_t n, i;

    if (j == NULL || !sb_journal_owed (j, pool, &c->arena, &owed, &n, &c->faults))
        return list;
    for (i = 0; i < n; i++)
        json_array_append_new (list,
                               json_pack ("{s:s, s:s, s:s, s:I}", "run", owed[i].run, "workflow", owed[i].workflow,
                                          "step", owed[i].name, "since_ms", (json_int_t) owed[i].since_ms));
    return list;
}
