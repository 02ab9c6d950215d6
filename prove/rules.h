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
bool p_rule_seen_to_work (struct p_run *r);
bool p_rule_shipping_seen (struct p_run *r);
bool p_rule_rehearsed (struct p_run *r);
bool p_rule_store_follows (struct p_run *r);
bool p_rule_taken_away (struct p_run *r);
bool p_rule_lost_share (struct p_run *r);
bool p_rule_works_as_before (struct p_run *r);
/* What must be so at the moment of an answer, or before a changing call. */
void p_rule_answer_world (struct p_run *r, const struct p_call *call, unsigned word);
void p_rule_call_world (struct p_run *r, const struct sb_command *cmd, bool agreed);
void p_rule_deed (struct p_run *r, uint32_t step, bool agreed); /* rules_deeds.c */
void p_rule_drained (struct p_run *r, const struct sb_plan_step *p);
void p_rule_owed (struct p_run *r, uint32_t step, bool agreed);
void p_rule_surveyed (struct p_run *r, const struct d_database *d, unsigned bit);
void p_rule_by_hand (struct p_run *r, const struct sb_plan_step *p, const json_t *params);

/* What the rules ask in common. */
bool p_rule_is_verb (const struct sb_plan_step *p, const char *role, const char *verb);
int p_rule_database_of (const struct p_case *c, const struct sb_plan_step *p); /* by index; -1: of none */
const struct d_database *p_rule_database (const struct p_case *c, const char *object);
bool p_rule_changes_pool (const struct p_case *c); /* its state */
/* Is there a step of this verb at this object that was done or is owed? */
bool p_rule_done_or_owed (const struct p_run *r, const char *role, const char *verb, int db, const char *on);
const struct w_secondary_db *p_rule_target_of (const struct world *w, w_id instance, const char *name);
const struct w_primary *p_rule_source_of (const struct world *w, w_id instance, const char *name);
bool p_rule_will_recover (const struct p_case *c, const struct d_database *d, const char *on);
/* ret[i]: step i is `step`, or always before it. */
void p_rule_ancestors (const struct sb_plan *plan, uint32_t step, bool *ret);

#endif
