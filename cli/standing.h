/* How a run stands, told from the journal: is there a way back, who is waited
 * for, what is held, who has it in hand, was glass broken.  The same words for
 * status, report and live view. */
#ifndef SB_CLI_STANDING_H
#define SB_CLI_STANDING_H

#include "cli/cli.h"
#include "core/journal/journal.h"

/* {"past_no_return": [step], "way_back": bool, "gates": [{gate, step, question, persons, first}], "held": [{step, title,
 * why}], "glass": [{gate, by, reason, at_ms, countdown_ms}], "operator": name, "choices": [word]}; NULL: faults. */
json_t *
cli_standing (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run, const struct sb_plan *plan);
/* One line per thing that a person should know, each behind `indent`. */
void cli_standing_print (const char *run, const json_t *standing, const char *indent);
/* One such mark, as a line. */
void cli_glass_print (const json_t *mark, const char *indent);
/* A reason in words for people; NULL: there is none such. */
const char *cli_reason_text (const char *name);
/* Every mark of broken glass that the journal holds about runs of the pool (NULL: any), oldest first; NULL: faults. */
json_t *cli_glass_marks (struct cli *c, struct sb_journal *j, const char *pool);
/* Does the run bear such a mark? */
bool cli_broke_glass (const json_t *marks, const char *run);

#endif
