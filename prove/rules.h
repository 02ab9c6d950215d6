/* The invariants that speak of the world; rules.c has the table. */
#ifndef SB_PROVE_RULES_H
#define SB_PROVE_RULES_H

#include "prove/prove.h"

bool p_rule_one_writable (struct p_run *r);
bool p_rule_late_writes (struct p_run *r);
bool p_rule_quoted (struct p_run *r);
bool p_rule_planned (struct p_run *r);
bool p_rule_kept (struct p_run *r);
bool p_rule_active (struct p_run *r);
bool p_rule_saved (struct p_run *r);
bool p_rule_goal (struct p_run *r);
bool p_rule_old_site (struct p_run *r);
bool p_rule_agree (struct p_run *r);
bool p_rule_whole (struct p_run *r);
bool p_rule_fingerprint (struct p_run *r);
/* What must be so at the moment of an answer, or before a changing call. */
void p_rule_answer_world (struct p_run *r, const struct p_call *call, unsigned word);
void p_rule_call_world (struct p_run *r, const struct sb_command *cmd, bool agreed);
void p_rule_by_hand (struct p_run *r, const struct sb_plan_step *p, const json_t *params);

#endif
