/* The account of a run, made from the journal alone, as JSON; and the same as
 * text and as one HTML page without anything from outside. */
#ifndef SB_CLI_REPORT_H
#define SB_CLI_REPORT_H

#include "cli/cli.h"
#include "core/base/buf.h"
#include "core/journal/journal.h"

/* account.c.  The run alone, without what other runs say of it.  NULL: faults were added. */
json_t *report_account (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run);

/* Members of its objects: "" and 0 when they are not there. */
const char *report_str (const json_t *o, const char *key);
int64_t report_ms (const json_t *o, const char *key);
/* "about 40s, nine of ten 1m20s, without people's time": what was foretold of the whole run; false: nothing was. */
bool report_foretold_words (const json_t *report, struct sb_buf *out);

/* report_loss.c.  Quoted losses and what was found of them afterwards: an array of {object, run, quoted,
 * found: [{run, at, results}]}. */
json_t *report_losses (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run, const json_t *report);
/* One of them in a few sentences. */
void report_loss_words (const json_t *loss, struct sb_buf *out);

/* report_html.c */
char *report_html (json_t *reports); /* an array, one section each; caller frees */

#endif
