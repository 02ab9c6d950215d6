/* What the commands about runs share: the journal, what is owed, the account
 * of a run that ended. */
#ifndef SB_CLI_RUNS_H
#define SB_CLI_RUNS_H

#include "cli/cli.h"
#include "core/engine/run.h"
#include "core/journal/journal.h"

/* Opens STATE/journal.db; `write` makes the folder.  NULL: *ret_code says why, printed.  When only reading and nothing
 * was ever written, NULL with EXIT_DONE. */
struct sb_journal *cli_journal (struct cli *c, bool write, int *ret_code);

/* The same for writing, but nothing is made: NULL with EXIT_DONE when nothing was ever written. */
struct sb_journal *cli_existing_journal (struct cli *c, int *ret_code);

/* The text of --approve, split; refuses "all" where the policy does not allow it, and what is no gate of the plan.
 * 0 or EXIT_USAGE. */
int cli_approvals (struct cli *c, const struct sb_plan *plan, bool *ret_all, const char ***ret_gates);

/* cool.c: EXIT_DONE, or EXIT_FAILED and said: the pool was moved a short while ago, and nobody says why again. */
int cli_cool_down (struct cli *c, struct sb_journal *j, const struct sb_plan *p);

/* Runs `cfg` with the live view and tells the outcome; returns the exit code. */
int cli_run (struct cli *c, struct sb_run_cfg *cfg);

/* Fills cfg and plan from the journal: topology, plan and options as the run began with them. */
int cli_prepare_resume (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run, struct sb_plan *plan,
                        struct sb_run_cfg *cfg);

/* pay.c: does what earlier runs owe where the site answers; prints what it does (with --json it adds to c->paid).
 * *ret_tried: a run was taken up.  Returns how much is still owed, -1: broken, -2: a signal stopped it. */
int cli_pay_owed (struct cli *c, struct sb_journal *j, bool *ret_tried);
/* Tells the channels what earlier processes could not tell them, for at most `ms` a run; what fails stays queued.
 * Another process that does so already is left alone. */
void cli_tell_rest (struct cli *c, struct sb_journal *j, int64_t ms);
/* A list, empty without a journal; NULL with faults: it cannot be told. */
json_t *cli_owed_json (struct cli *c, struct sb_journal *j, const char *pool);

/* settled.c.  What is owed and was not done by a later run since; as sb_journal_owed(). */
bool cli_owed (struct sb_journal *j, const char *pool, struct sb_arena *a, struct sb_journal_owed **ret,
               size_t *ret_count, struct sb_faults *faults);
/* Has a later run done whatever this unfinished one still has to do?  Then it is not carried on by itself. */
bool cli_overtaken (struct sb_journal *j, const struct sb_journal_run *run);

#endif
