/* Runs: preparing, running with the live view, telling the outcome. */
#include "cli/runs.h"

#include "cli/live.h"
#include "core/base/text.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/sigs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IMAGE_LIMIT (1u << 30)

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
    if (j == NULL && c->faults.count > 0)
        *ret_code = cli_fail (c, EXIT_JOURNAL);
    return j;
}

struct sb_journal *
cli_existing_journal (struct cli *c, int *ret_code)
{
    return cli_journal (c, sb_file_exists (sb_arena_printf (&c->arena, "%s/journal.db", cli_state_dir (c))), ret_code);
}

/* Is it a gate of the plan, the gate of a loop, or the step behind one? */
static bool
is_gate (const struct sb_plan *plan, const char *word)
{
    uint32_t i;

    for (i = 0; i < plan->ngates; i++)
        if (strcmp (plan->gates[i].name, word) == 0
            || (plan->gates[i].base != NULL && strcmp (plan->gates[i].base, word) == 0))
            return true;
    for (i = 0; i < plan->count; i++)
        if (plan->steps[i].gate != SB_NO_GATE && strcmp (plan->steps[i].name, word) == 0)
            return true;
    return false;
}

static int
no_such_gate (struct cli *c, const struct sb_plan *plan, const char *word, const char *gate)
{
    const char **names = sb_arena_alloc (&c->arena, (plan->ngates + 1) * sizeof *names), *near;
    uint32_t i;

    for (i = 0; i < plan->ngates; i++)
        names[i] = plan->gates[i].name;
    near = sb_nearest (gate, names, plan->ngates);
    cli_error ("'--approve %s': %s has no such gate", word, plan->workflow);
    if (near != NULL)
        cli_hint ("Did you mean '%s'? 'switchback plan %s' lists the gates.", near, plan->workflow);
    else
        cli_hint ("'switchback plan %s' lists the gates.", plan->workflow);
    return EXIT_USAGE;
}

/* GATE or GATE=LIMIT.  An approval that nothing asks for would be kept silently, and the run would wait. */
static int
check_approval (struct cli *c, const struct sb_plan *plan, const char *word)
{
    const char *equals = strrchr (word, '=');
    char *gate = equals == NULL ? NULL : sb_arena_strndup (&c->arena, word, (size_t) (equals - word));
    int64_t limit;

    if (is_gate (plan, word))
        return EXIT_DONE;
    if (gate == NULL || !is_gate (plan, gate))
        return no_such_gate (c, plan, word, gate == NULL ? word : gate);
    if (sb_parse_duration (equals + 1, &limit))
        return EXIT_DONE;
    cli_error ("'--approve %s': '%s' is not a time", word, equals + 1);
    cli_hint ("Write a limit as %s=30s or %s=5m.", gate, gate);
    return EXIT_USAGE;
}

/* "all" is for those who have said in the topology that nobody sits there. */
static int
check_all (struct cli *c, const struct sb_plan *plan)
{
    const struct sb_object *policy = sb_topology_nth (&c->topology, "policy", 0);
    const char *unattended = policy == NULL ? NULL : sb_object_attr (policy, "unattended");
    struct sb_buf gates SB_CLEANUP (sb_buf_free) = { 0 };
    uint32_t i;

    if (unattended != NULL && strcmp (unattended, "yes") == 0)
        return EXIT_DONE;
    cli_error ("'--approve all' needs '[policy] unattended = yes' in the topology");
    for (i = 0; i < plan->ngates; i++)
        sb_buf_printf (&gates, "%s%s", i > 0 ? "," : "", plan->gates[i].name);
    if (plan->ngates > 0)
        cli_hint ("Name those that you agree to: --approve %s.", sb_buf_cstr (&gates));
    return EXIT_USAGE;
}

int
cli_approvals (struct cli *c, const struct sb_plan *plan, bool *ret_all, const char ***ret_gates)
{
    const char **texts = cli_opts (c, "approve"), **gates = NULL;
    size_t i, k, n, count = 0, cap = 0;
    int rc = EXIT_DONE;
    char **words;

    *ret_all = false;
    for (i = 0; texts[i] != NULL; i++) {
        words = sb_split_list (&c->arena, texts[i], &n);
        for (k = 0; k < n; k++) {
            if (strcmp (words[k], "all") == 0)
                *ret_all = true;
            else if (rc == EXIT_DONE && (rc = check_approval (c, plan, words[k])) == EXIT_DONE)
                SB_PUSH (gates, count, cap) = words[k];
        }
    }
    SB_PUSH (gates, count, cap) = NULL;
    *ret_gates = sb_arena_alloc (&c->arena, count * sizeof *gates);
    memcpy (*ret_gates, gates, count * sizeof *gates);
    free (gates);
    return rc == EXIT_DONE && *ret_all ? check_all (c, plan) : rc;
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
        if (!c->json && gate != SB_NO_GATE && cfg->plan->gates[gate].persons > 1)
            cli_hint (
                    "Gate '%s' wants two persons: 'switchback resume %s --wait' listens; each says 'switchback approve %s %s'.",
                    cfg->plan->gates[gate].name, cfg->run, cfg->run, cfg->plan->gates[gate].name);
        else if (!c->json && gate != SB_NO_GATE)
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

/* The account of a run as JSON; it steals the three lists. */
static json_t *
account (const struct sb_run_cfg *cfg, const struct sb_run_result *r, json_t *owed, json_t *held, json_t *gates)
{
    struct sb_buf hash SB_CLEANUP (sb_buf_free) = { 0 };
    json_t *steps = json_pack ("{s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "done", (int) r->done, "already",
                               (int) r->adopted, "skipped", (int) r->skipped, "owed", (int) r->owed, "failed",
                               (int) r->failed, "held", (int) r->held, "undone", (int) r->undone);

    sb_hex (r->head.hash, SB_HASH_BYTES, &hash);
    return json_pack ("{s:s, s:s, s:b, s:s, s:i, s:I, s:I, s:o, s:o, s:o, s:o, s:{s:I, s:s}}", "run", cfg->run,
                      "workflow", cfg->plan->workflow, "drill", cfg->drill, "outcome",
                      sb_outcome_words[r->outcome].name, "exit", r->exit_code, "took_ms", (json_int_t) r->took_ms,
                      "people_ms", (json_int_t) r->people_ms, "steps", steps, "owed", owed, "held", held, "gates",
                      gates, "head", "seq", (json_int_t) r->head.seq, "hash", sb_buf_cstr (&hash));
}

/* One answer per command: what was paid on the way is part of it. */
static void
tell_json (struct cli *c, const struct sb_run_cfg *cfg, json_t *report)
{
    if (cfg->pay) {
        json_array_append_new (c->paid, report);
        return;
    }
    if (json_array_size (c->paid) > 0)
        json_object_set (report, "paid", c->paid);
    cli_print_json (report);
}

static void
tell (struct cli *c, const struct sb_run_cfg *cfg, const struct sb_run_result *r)
{
    json_t *gates = json_array (), *owed = json_array (), *held = json_array ();
    struct sb_buf took SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_buf hash SB_CLEANUP (sb_buf_free) = { 0 };

    tell_resting_steps (c, cfg, owed, held);
    tell_open_gates (c, cfg, gates);
    if (c->json) {
        tell_json (c, cfg, account (cfg, r, owed, held, gates));
        return;
    }
    sb_format_duration (&took, r->took_ms);
    sb_hex (r->head.hash, SB_HASH_BYTES, &hash);
    printf ("%s%s %s: %s (%u done, %u already true, %u skipped, %u owed, %u held, %u failed) in %s\n"
            "journal: record %lld, %.16s\n",
            cfg->drill ? "DRILL " : "", cfg->plan->workflow, cfg->run, sb_outcome_words[r->outcome].text, r->done,
            r->adopted, r->skipped, r->owed, r->held, r->failed, sb_buf_cstr (&took), (long long) r->head.seq,
            sb_buf_cstr (&hash));
    if (r->exit_code == EXIT_WAITING && json_array_size (held) > 0)
        cli_hint ("'switchback report %s' tells why and what the choices are; 'switchback resume %s' tries again.",
                  cfg->run, cfg->run);
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
    struct sb_buf words SB_CLEANUP (sb_buf_free) = { 0 };
    struct cli_forecast forecast;

    cli_forecast_make (&forecast, cfg->journal, cfg->plan);
    live.forecast = &forecast;
    if (!cfg->pay && cli_forecast_words (&forecast, cfg->plan, &words))
        fprintf (stderr, "forecast: %s\n", sb_buf_cstr (&words));
    live.color = isatty (STDERR_FILENO) && getenv ("NO_COLOR") == NULL;
    live.terminal = isatty (STDIN_FILENO) && isatty (STDERR_FILENO) && !c->json;
    cfg->wait = cfg->wait || live.terminal;
    cfg->signal_fd = sb_signal_fd (signals, &c->faults);
    cfg->messages = &c->messages;
    cfg->view = &live_view;
    cfg->view_ctx = &live;
    if (sb_run (cfg, &r, &c->faults))
        tell (c, cfg, &r);
    cli_forecast_free (&forecast);
    if (cfg->signal_fd >= 0)
        close (cfg->signal_fd);
    cfg->signal_fd = -1;
    if (r.signal != 0
        && r.exit_code != EXIT_SIGNAL) /* too late for this run; it stays for whoever waits next (watch) */
        kill (getpid (), r.signal);
    return c->faults.count > 0 ? cli_fail (c, r.exit_code == EXIT_DONE ? EXIT_DEFECT : r.exit_code) : r.exit_code;
}

/* The bytes in the run's folder, where they are the plan of this digest; the journal keeps digest and hash under seal. */
static bool
load_image (struct sb_journal *j, const struct sb_journal_run *run, struct sb_plan *plan)
{
    char *path SB_AUTOFREE = sb_path_join (run->dir, SB_RUN_IMAGE);
    struct sb_buf image SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_faults ignored SB_CLEANUP (sb_faults_free) = { 0 };
    char seal[SB_SHA256_HEX];

    if (!sb_file_exists (path) || !sb_file_read (path, IMAGE_LIMIT, &image, &ignored))
        return false;
    return sb_run_image_seal (j, run->id, seal)
                   ? sb_plan_from_sealed_image (plan, image.s, image.len, run->digest, seal)
                   : sb_plan_from_image (plan, image.s, image.len, run->digest);
}

static bool
load_plan (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run, struct sb_plan *plan)
{
    if (load_image (j, run, plan))
        return true;
    sb_plan_release (plan);
    return sb_plan_from_json (plan, run->plan, strlen (run->plan), &c->faults);
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
        || !load_plan (c, j, run, plan))
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
