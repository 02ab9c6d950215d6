/* The invariants: one table.  Some are looked at in every state, some where a
 * history ends, some at the moment of a record or a call (their `holds` is NULL,
 * the functions at the end of this file break them). */
#include "prove/prove.h"

#include "core/base/text.h"
#include "prove/rules.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- the engine's promises, at their moments */

static bool
is_verb (const struct sb_plan_step *p, const char *verb)
{
    return p->verb && strcmp (p->verb, verb) == 0;
}

void
p_rule_answer (struct p_run *r, const struct p_call *call, unsigned word)
{
    static const uint8_t saw[] = { P_SAW_NO, P_SAW_YES, P_SAW_PARTLY, P_SAW_UNKNOWN };
    uint8_t *last = call->undo ? r->s->lastu : r->s->last;

    if (call->op == SB_CALL_VERIFY)
        last[call->step] = saw[word & 3];
    p_rule_answer_world (r, call, word);
}

void
p_rule_ancestors (const struct sb_plan *plan, uint32_t step, bool *ret)
{
    uint32_t left;
    size_t k;

    memset (ret, 0, plan->count * sizeof *ret);
    ret[step] = true;
    for (left = step + 1; left-- > 0;) /* in topological order, backwards */
        for (k = 0; ret[left] && k < plan->steps[left].nafter; k++)
            ret[plan->steps[left].after[k]] = true;
}

enum agreed {
    ANY_YES,
    PERSONS_YES,
    GATES_YES
}; /* or it was not needed; a person's; at a gate of the workflow itself */

/* The step, or one that was always before it, had a yes. */
static bool
was_agreed (const struct p_run *r, uint32_t step, enum agreed which)
{
    const struct sb_plan *plan = &r->c->plan;
    bool seen[1024];
    uint32_t i;

    if (plan->count > 1024)
        return true;
    p_rule_ancestors (plan, step, seen);
    for (i = 0; i <= step; i++) {
        uint32_t gate = plan->steps[i].gate;
        uint8_t answer = gate == SB_NO_GATE || !seen[i] ? SB_GATE_UNASKED : sb_engine_gates (r->s->e)[gate];

        if (answer == SB_GATE_YES && (which != GATES_YES || strcmp (plan->gates[gate].name, "start") != 0))
            return true;
        if (answer == SB_GATE_NOT_NEEDED && which == ANY_YES)
            return true;
    }
    return false;
}

void
p_rule_record (struct p_run *r, const struct sb_engine_record *rec)
{
    const struct sb_plan_step *p = rec->step == SB_NO_STEP ? NULL : &r->c->plan.steps[rec->step];

    if (!p || !p->role)
        return;
    if ((rec->kind == SB_REC_DONE || rec->kind == SB_REC_ADOPTED) && p->effect != SB_READS
        && r->s->last[rec->step] != P_SAW_YES)
        p_break (r, "unknown-is-never-done", "step %s counts as done without having been seen to be so", p->name);
    if ((rec->kind == SB_REC_DONE || rec->kind == SB_REC_ADOPTED) && p->effect != SB_READS && r->c->lies
        && !p_is_so (r, rec->step))
        p_break (r, "done-is-so", "step %s counts as done, and it is not so", p->name);
    if ((rec->kind == SB_REC_DONE || rec->kind == SB_REC_ADOPTED) && r->c->direct && is_verb (p, "await-drained"))
        p_rule_drained (r, p);
    if (rec->kind == SB_REC_OWED && r->c->direct)
        p_rule_owed (r, rec->step, was_agreed (r, rec->step, GATES_YES));
    if (rec->kind == SB_REC_UNDONE && r->s->lastu[rec->step] != P_SAW_YES)
        p_break (r, "unknown-is-never-done", "step %s counts as undone without having been seen to be so", p->name);
}

static bool
fence_seen_lately (const struct p_run *r)
{
    uint32_t i;

    for (i = 0; i < r->c->plan.count; i++) {
        const struct sb_plan_step *p = &r->c->plan.steps[i];
        const struct sb_engine_step *s = &sb_engine_steps (r->s->e)[i];

        if (p->role && strcmp (p->role, "fence") == 0 && is_verb (p, "isolate") && s->phase == SB_PHASE_DONE
            && r->s->world->now_ms - s->proved_at <= 60000)
            return true;
    }
    return false;
}

static void
check_evidence (struct p_run *r, uint32_t step)
{
    const struct sb_plan_step *p = &r->c->plan.steps[step];
    json_t *params = p_results_of (r->c, r->s->w[step].params);
    const char *evidence = json_string_value (json_object_get (params, "evidence"));

    if (!is_verb (p, "recover") || r->c->planned)
        return;
    if (!was_agreed (r, step, GATES_YES))
        p_break (r, "irreversible-needs-gate-and-evidence", "%s was run without a person's yes", p->name);
    if (evidence && strcmp (evidence, "confirmed") == 0) {
        if (!fence_seen_lately (r))
            p_break (r, "irreversible-needs-gate-and-evidence",
                     "%s was run with the evidence \"confirmed\", and the fence was not seen within 60 s", p->name);
    } else if (!evidence || strcmp (evidence, "declared") != 0)
        p_break (r, "irreversible-needs-gate-and-evidence",
                 "%s was run with no evidence that the other site cannot serve: %s", p->name,
                 evidence ? evidence : "none is given");
}

static void
check_change (struct p_run *r, const struct sb_command *cmd)
{
    struct p_state *s = r->s;
    const struct sb_plan_step *p = &r->c->plan.steps[cmd->step];
    const struct sb_engine_step *j = &sb_engine_steps (s->j)[cmd->step];
    uint8_t *last = cmd->undo ? s->lastu : s->last;
    bool careful = sb_engine_effect (p, cmd->undo) == SB_CHANGES;

    if (!(j->flags & (cmd->undo ? SB_STEP_UNDO_MAYBE : SB_STEP_MAYBE)))
        p_break (r, "intention-before-act", "%s was run and its intention was not durable", p->name);
    if (last[cmd->step] != P_SAW_NO && (careful || last[cmd->step] != P_SAW_PARTLY))
        p_break (r, "no-repeat-without-read-back", "%s was run and not seen to be undone before", p->name);
    last[cmd->step] = P_RAN;
    if (cmd->undo)
        return;
    if (r->c->direct && p->no_return && !was_agreed (r, cmd->step, ANY_YES) && !r->c->plan.needs_approval)
        p_break (r, "irreversible-needs-gate-and-evidence", "%s was run and nobody had agreed to anything", p->name);
    if (r->c->direct) {
        check_evidence (r, cmd->step);
        if (!was_agreed (r, cmd->step, PERSONS_YES))
            p_break (r, "nothing-changes-unasked", "%s was run, and nobody had agreed to anything", p->name);
        p_rule_call_world (r, cmd, was_agreed (r, cmd->step, GATES_YES));
    }
}

void
p_rule_call (struct p_run *r, const struct sb_command *cmd)
{
    if (cmd->kind == SB_CMD_RUN && !cmd->reads)
        check_change (r, cmd);
}

/* ---------------------------------------------------------------- ends */

static void
name_stuck (struct p_run *r)
{
    const struct sb_engine *e = r->s->e;
    uint32_t i;

    for (i = 0; i < e->count; i++) {
        const struct sb_engine_step *s = &sb_engine_steps (e)[i];

        if (s->phase != SB_PHASE_WAITING && !sb_engine_at_rest (s))
            p_break (r, "every-history-ends", "nothing moves, nobody is waited for, and %s is %s (%s)",
                     r->c->plan.steps[i].name, sb_phase_names[s->phase], sb_purpose_names[s->purpose]);
    }
    p_break (r, "every-history-ends", "nothing moves, and nobody is waited for");
}

static bool
ends (struct p_run *r)
{
    const struct p_state *s = r->s;
    const struct sb_engine *e = s->e;
    uint32_t i;

    if (!s->finished) {
        name_stuck (r);
        return false;
    }
    if (s->outcome == SB_RUN_HELD) {
        for (i = 0; i < e->count; i++)
            if (sb_engine_steps (e)[i].phase == SB_PHASE_HELD || sb_engine_steps (e)[i].phase == SB_PHASE_FAILED)
                return true;
        p_break (r, "every-history-ends", "the run is held and no step says why");
        return false;
    }
    return true;
}

static bool
owed_is_told (struct p_run *r)
{
    const struct sb_engine *e = r->s->e;
    uint32_t i;

    for (i = 0; i < e->count && r->s->outcome == SB_RUN_DONE; i++)
        if (sb_engine_steps (e)[i].phase == SB_PHASE_OWED) {
            p_break (r, "owed-is-paid-first", "the run counts as done and %s is owed", r->c->plan.steps[i].name);
            return false;
        }
    return true;
}

static bool
is_undone (const struct p_state *s)
{
    return s->outcome == SB_RUN_ABORTED || s->outcome == SB_RUN_REFUSED || s->outcome == SB_RUN_FAILED_UNDONE;
}

static bool
undone_is_undone (struct p_run *r)
{
    const struct p_state *s = r->s;
    uint32_t i;

    if (!is_undone (s))
        return true;
    for (i = 0; i < r->c->plan.count; i++) {
        const struct sb_plan_step *p = &r->c->plan.steps[i];
        const struct sb_engine_step *es = &sb_engine_steps (s->e)[i];

        if (p->undo == SB_UNDO_VERB && (es->flags & SB_STEP_MAYBE) && es->phase != SB_PHASE_UNDONE) {
            p_break (r, "abort-restores", "%s ran and was not taken back", p->name);
            return false;
        }
        if (p->no_return && (es->flags & SB_STEP_MAYBE)) {
            p_break (r, "abort-restores", "taken back after the point of no return, %s", p->name);
            return false;
        }
    }
    return !r->c->direct || p_rule_fingerprint (r);
}

/* ---------------------------------------------------------------- the table */

const struct p_rule p_rules[] = {
    /* the engine's, for any workflow */
    { "every-history-ends", "Every history ends done, held with a reason, or undone: never stuck, never in circles.",
      true, true, false, ends },
    { "intention-before-act", "No changing call is made before its intention is durable.", false, false, false, NULL },
    { "no-repeat-without-read-back",
      "No changing call is made again, also after a death, before it was seen that it may be made.", false, false,
      false, NULL },
    { "unknown-is-never-done", "No step counts as done, adopted or undone unless it was seen to be so.", false, false,
      false, NULL },
    { "done-is-so",
      "What counts as done is so in the world, whatever a verify said (looked at where a verify was made to lie: all others "
      "are the question itself).",
      false, false, false, NULL },
    { "abort-restores",
      "A run that is taken back before its point of no return leaves everything as it was: roles, states, partner names, "
      "log shipping, jobs, pool state, active list.",
      false, true, false, undone_is_undone },
    { "owed-is-paid-first", "A run that owes something never counts as done; the old site is not let serve before it.",
      false, true, false, owed_is_told },
    { "room", "No table of the explorer overflows.", true, false, false, NULL },
    { "no-clash", "No two different states have one hash (looked at with --full-compare).", true, false, false, NULL },
    /* databases and pools */
    { "one-writable-copy",
      "At most one writable copy of a database is reachable by any chat server, as that server's own replica sees it; the "
      "fence evidence \"declared\" is the one exception.",
      false, false, true, p_rule_one_writable },
    { "late-writes-are-kept",
      "With the evidence \"declared\", a message that the old copy took after the other one was brought online is counted, "
      "its fence is done or owed, and it can be salvaged.",
      false, true, true, p_rule_late_writes },
    { "quoted-is-safe",
      "No acknowledged message at or before the quoted point is missing where the database was brought online.", false,
      false, true, p_rule_quoted },
    { "nothing-lost-when-planned", "A planned workflow and failback lose no acknowledged message.", false, true, true,
      p_rule_planned },
    { "only-good-copy",
      "At every moment some copy or backup holds each acknowledged message: nothing is overwritten before what only it "
      "holds was saved.",
      false, false, true, p_rule_kept },
    { "irreversible-needs-gate-and-evidence",
      "Nothing irreversible happens without a person's yes, and a database is brought online after a disaster only with "
      "fence evidence at most 60 s old, or a person's declaration.",
      false, false, true, NULL },
    { "overwriting-needs-a-yes",
      "A copy that holds messages which no serving copy holds is overwritten only after a "
      "person's yes.",
      false, false, true, NULL },
    { "state-before-servers",
      "Active servers never stand with a restoring database, those apart that still point at a site which is given up; and "
      "they are never more than the limit.",
      false, false, true, p_rule_active },
    { "connections-end-before-the-copy",
      "Once the active list was cleared, nothing is backed up, frozen or brought online for the switch while a server that "
      "was taken off the list still has users who write.",
      false, false, true, NULL },
    { "saved-before-removed",
      "A log shipping definition is removed only after it was read and that reading is durable.", false, false, true,
      p_rule_saved },
    { "state-and-database-agree",
      "At the end the pool state names the database that is online, and active servers reach it.", false, true, true,
      p_rule_agree },
    { "whole-at-the-end",
      "At the end of failback mirrors are synchronized with their witness, and the log is shipped: source, dormant source, "
      "target, jobs; at the end of failover the database has its mirror and its log backups.",
      false, true, true, p_rule_whole },
    { "undisturbed-ends-done", "Where nothing goes wrong, nobody interferes and people say yes, the run ends done.",
      false, true, false, p_rule_goal },
    { "old-site-is-dealt-with",
      "At the end of a failover every copy of the database in the site that was given up is fenced or its fence is owed, and "
      "its chat servers are stopped or their stop is owed.",
      false, true, true, p_rule_old_site },
    { "nothing-changes-unasked", "Nothing is changed before a person agreed to the plan, or to a gate before it.",
      false, false, true, NULL },
    { "site-is-given-up-by-a-person",
      "After a disaster nothing but taking the tail and cutting the site off is done, or put off as owed, before a person "
      "gave the site up.",
      false, false, true, NULL },
    { "living-site-needs-a-yes",
      "Where an instance of the site that is to be left answered the survey, nothing is done without a person's yes.",
      false, false, true, NULL },
    { "tail-before-the-power",
      "A site is cut off only after the tail of each database was asked for whose instance there still answers.", false,
      false, true, NULL },
    { "fenced-before-recover",
      "After a disaster a database is brought online only when each copy in the lost site is fenced, or its fence is owed.",
      false, false, true, NULL },
    { "way-on-before-no-return",
      "After a disaster a database is brought online only while the central store answers, so that the pool can follow.",
      false, false, true, NULL },
    { "loss-is-accepted",
      "After a disaster nothing of a database is changed for good before its loss was quoted and a person accepted it.",
      false, false, true, NULL },
    { "comes-online-where-it-was-read",
      "A database is brought online only at the LSN that was read before: what was quoted, or frozen, is what comes.",
      false, false, true, NULL },
    { "agent-stands-aside",
      "While logs are copied and applied, a copy is brought online, or a mirror is paired, the Agent's jobs for it are off.",
      false, false, true, NULL },
    { "one-role-for-a-copy", "A copy becomes a source of log shipping only where it is no target any more.", false,
      false, true, NULL },
    { "servers-know-the-state",
      "A chat server is made active or started only when it knows the pool's state and finds its database.", false,
      false, true, NULL },
    { "seen-to-work",
      "A run that moved users counts as done only after the servers had reported in and a message went through the pool.",
      false, true, true, p_rule_seen_to_work },
    { "works-as-before",
      "A run that was taken back leaves everything that served when it began as it was, whatever the workflow says needs no "
      "undo: copies, mirrors, log shipping, jobs, servers, power, state, active list.",
      false, true, true, p_rule_works_as_before },
    { "lost-share-stops-nobody",
      "After a disaster a share that vanishes too, and nothing else, keeps no database from being brought online.",
      false, true, true, p_rule_lost_share },
    { "nobody-writes-when-frozen",
      "The live copy is frozen only when the active list is empty, every chat service is stopped, and sessions in it were "
      "looked for.",
      false, false, true, NULL },
    { "looked-before-the-window",
      "The active list of a planned workflow is cleared only after it was seen where each database is live.", false,
      false, true, NULL },
    { "compliance-goes-last",
      "The compliance service stops only after chat has, and after its store was given the time to drain with nobody "
      "chatting.",
      false, false, true, NULL },
    { "definition-goes-last",
      "The log shipping definition of a copy that is brought online is removed only behind that.", false, false, true,
      NULL },
    { "salvaged-when-quiet",
      "An old copy is searched for its own messages only behind its fence and the stop of its chat servers, so that none comes "
      "later.",
      false, false, true, NULL },
    { "kept-until-it-works", "A workflow that moves users drops a copy only after a message went through the pool.",
      false, false, true, NULL },
    { "shipping-was-seen",
      "A run that built a target of log shipping, or made another source, counts as done only after a log backup went the "
      "whole way.",
      false, true, true, p_rule_shipping_seen },
    { "central-store-follows",
      "At the end the central store is not in the site that was left, and at home with the pool.", false, true, true,
      p_rule_store_follows },
    { "rehearsed-and-put-away",
      "A rehearsal counts as done only when the logs were restored, every page checked, the rows counted, and then dropped, "
      "and it was looked at what else stands there.",
      false, true, true, p_rule_rehearsed },
    { "nothing-is-left-half",
      "At the end of a teardown no copy, definition or log backup remains that could be taken for a living one.", false,
      true, true, p_rule_taken_away },
    { .name = NULL },
};

size_t
p_rules_count (void)
{
    return sizeof p_rules / sizeof p_rules[0] - 1;
}

const struct p_rule *
p_rule_find (const char *name)
{
    const struct p_rule *p;

    for (p = p_rules; p->name; p++)
        if (name && strcmp (p->name, name) == 0)
            return p;
    return NULL;
}

void
p_rules_look (struct p_run *r, bool end)
{
    const struct p_rule *p;

    for (p = p_rules; p->name; p++)
        if (p->holds && (!p->packaged || r->c->direct) && (!p->at_ends || end))
            p->holds (r);
}
