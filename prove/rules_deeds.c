/* What must be so at the moment a changing call is made: people were asked, the
 * order is one that loses nothing, nobody else works at the same thing.  Each
 * is a function in the table below, named by the invariant it keeps; rules.c
 * has their sentences.  Undoing has rules of its own (rules_ends.c). */
#include "prove/rules.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct deed {
    struct p_run *r;
    uint32_t step;
    const struct sb_plan_step *p;
    const struct world *w;
    const struct d_database *d; /* NULL: it is no matter of one database */
    int db;
    const char *on;
    w_id instance; /* it works there; 0: at no instance */
    bool agreed;   /* a person said yes at a gate of the workflow before it */
    bool lost;     /* the workflow begins with a lost site */
};

static bool
does (const struct deed *x, const char *role, const char *verb)
{
    return p_rule_is_verb (x->p, role, verb);
}

static bool
says_yes (const struct p_run *r, uint32_t step)
{
    uint32_t gate = r->c->plan.steps[step].gate;

    return gate != SB_NO_GATE && sb_engine_gates (r->s->e)[gate] == SB_GATE_YES;
}

/* ---------------------------------------------------------------- people */

static void
given_up (struct deed *x)
{
    if (x->lost && !x->agreed && !does (x, "fence", "isolate") && !does (x, "database", "take-tail"))
        p_break (x->r, "site-is-given-up-by-a-person", "%s was run before a person gave the site up", x->p->name);
}

static void
still_answers (struct deed *x)
{
    if (x->lost && !x->agreed && x->r->s->past.answered)
        p_break (x->r, "living-site-needs-a-yes", "the site answered when it was asked, and %s was run without a yes",
                 x->p->name);
}

static bool
quotes (const struct sb_plan_step *p, const struct sb_plan_step *of)
{
    return p_rule_is_verb (p, "database", "quote") && strcmp (p->object, of->object) == 0;
}

/* A gate that was answered with yes, at or before the step and behind the quote. */
static void
loss_unaccepted (struct deed *x)
{
    const struct sb_plan *plan = &x->r->c->plan;
    bool *before, *earlier;
    uint32_t i, k;
    bool good = false;

    if (!x->lost || !x->d || !x->p->no_return)
        return;
    before = sb_xcalloc (plan->count + 1, 1);
    earlier = sb_xcalloc (plan->count + 1, 1);
    p_rule_ancestors (plan, x->step, before);
    for (i = 0; i < plan->count && !good; i++) {
        if (!before[i] || !says_yes (x->r, i))
            continue;
        p_rule_ancestors (plan, i, earlier);
        for (k = 0; k < plan->count && !good; k++)
            good = earlier[k] && quotes (&plan->steps[k], x->p);
    }
    if (!good)
        p_break (x->r, "loss-is-accepted", "%s cannot be taken back, and nobody has accepted the quoted loss",
                 x->p->name);
    free (before);
    free (earlier);
}

/* ---------------------------------------------------------------- before a lost site is given up */

static bool
tail_is_over (const struct p_run *r, const struct d_database *d)
{
    uint32_t i;

    for (i = 0; i < r->c->plan.count; i++) {
        const struct sb_plan_step *p = &r->c->plan.steps[i];

        if (p_rule_is_verb (p, "database", "take-tail") && strcmp (p->object, d->object) == 0)
            return sb_engine_at_rest (&sb_engine_steps (r->s->e)[i]);
    }
    return false;
}

static void
power_before_tail (struct deed *x)
{
    size_t i;
    unsigned k;

    if (!x->lost || !does (x, "fence", "isolate"))
        return;
    for (i = 0; i < direct_databases (x->r->c->direct); i++) {
        const struct d_database *d = direct_database (x->r->c->direct, i);
        const w_id at[] = { d->primary, d->mirror };

        for (k = 0; k < 2; k++)
            if (d->fail_over && at[k] != 0 && w_reaches (x->w, x->w->tool_site, at[k]) && !tail_is_over (x->r, d))
                p_break (x->r, "tail-before-the-power",
                         "%s cuts %s off, which answers, and the tail of %s was not asked for", x->p->name,
                         w_str (x->w, x->w->instances[at[k] - 1].name), d->object);
    }
}

static bool
fence_is_before (const struct deed *x, const bool *before, w_id at)
{
    const struct sb_plan *plan = &x->r->c->plan;
    const char *name = w_str (x->w, x->w->instances[at - 1].name);
    uint32_t i;

    for (i = 0; i < plan->count; i++)
        if (before[i] && p_rule_is_verb (&plan->steps[i], "database", "fence") && plan->steps[i].on
            && strcmp (plan->steps[i].on, name) == 0 && p_rule_database_of (x->r->c, &plan->steps[i]) == x->db)
            return p_rule_done_or_owed (x->r, "database", "fence", x->db, name);
    return false;
}

/* By order, not by luck: the fence is always before it. */
static void
unfenced (struct deed *x)
{
    const w_id at[] = { x->d ? x->d->primary : 0, x->d ? x->d->mirror : 0 };
    bool *before;
    unsigned k;

    if (!x->lost || !x->d || !does (x, "database", "recover"))
        return;
    before = sb_xcalloc (x->r->c->plan.count + 1, 1);
    p_rule_ancestors (&x->r->c->plan, x->step, before);
    for (k = 0; k < 2; k++)
        if (at[k] != 0 && !fence_is_before (x, before, at[k]))
            p_break (x->r, "fenced-before-recover", "%s does not wait until the copy at %s is fenced or owed a fence",
                     x->p->name, w_str (x->w, x->w->instances[at[k] - 1].name));
    free (before);
}

/* A step of the verb for this database (NULL: any), at `on` (NULL: anywhere), is always before this one. */
static bool
is_behind (const struct deed *x, const char *role, const char *verb, const struct d_database *d, const char *on)
{
    const struct sb_plan *plan = &x->r->c->plan;
    bool *before = sb_xcalloc (plan->count + 1, 1), found = false;
    uint32_t i;

    p_rule_ancestors (plan, x->step, before);
    for (i = 0; i < plan->count && !found; i++) {
        const struct sb_plan_step *p = &plan->steps[i];

        found = before[i] && i != x->step && p_rule_is_verb (p, role, verb)
                && (!d || (p->object && strcmp (p->object, d->object) == 0))
                && (!on || (p->on && strcmp (p->on, on) == 0));
    }
    free (before);
    return found;
}

static void
no_way_on (struct deed *x)
{
    w_id site = x->instance ? x->w->instances[x->instance - 1].site : 0;

    if (x->lost && does (x, "database", "recover") && p_rule_changes_pool (x->r->c) && site != 0
        && ((!x->r->s->past.haunted && !w_central_answers (x->w, site))
            || (!w_central_answers (x->r->c->first->world, site)
                && !is_behind (x, "pool", "move-central-store", NULL, NULL))))
        p_break (x->r, "way-on-before-no-return",
                 "%s is run, and the central store does not answer: the pool cannot be switched", x->p->name);
}

/* ---------------------------------------------------------------- logs */

static bool
job_runs (const struct world *w, w_id job)
{
    return job != 0 && w->jobs[job - 1].enabled;
}

/* The Agent must not restore, or copy, what is being restored and copied here. */
static void
agent_beside (struct deed *x)
{
    bool copies = does (x, "share", "copy");
    const struct d_database *d = copies ? p_rule_database (x->r->c, x->p->item) : x->d;
    w_id at = !d ? 0 : copies ? d->backup : x->instance;
    const struct w_secondary_db *t = at ? p_rule_target_of (x->w, at, d->name) : NULL;

    if (!t || x->r->s->past.haunted
        || (!copies && !does (x, "database", "apply-logs") && !does (x, "database", "recover")))
        return;
    if (job_runs (x->w, x->w->secondaries[t->secondary - 1].copy_job)
        || (!copies && job_runs (x->w, x->w->secondaries[t->secondary - 1].restore_job)))
        p_break (x->r, "agent-stands-aside", "%s is run while the Agent's copy and restore jobs of %s are on",
                 x->p->name, d->object);
}

/* Where the run itself began the log backups; those that ran before are the repair's own affair. */
static void
backups_beside (struct deed *x)
{
    const struct w_primary *source = x->d ? p_rule_source_of (x->w, x->instance, x->d->name) : NULL;

    if (source && !p_rule_source_of (x->r->c->first->world, x->instance, x->d->name)
        && does (x, "database", "make-mirror") && job_runs (x->w, source->job))
        p_break (x->r, "agent-stands-aside",
                 "%s is run while the Agent backs the log up: a backup between would break the new mirror's chain",
                 x->p->name);
}

static void
two_roles (struct deed *x)
{
    if (x->d && does (x, "database", "build-primary") && x->instance != 0
        && (p_rule_target_of (x->w, x->instance, x->d->name)
            || (p_rule_target_of (x->r->c->first->world, x->instance, x->d->name)
                && !is_behind (x, "database", "remove-secondary", x->d, x->on))))
        p_break (x->r, "one-role-for-a-copy", "%s makes a source of %s at %s, where it is still defined as a target",
                 x->p->name, x->d->object, x->on);
}

static void
unexpected (struct deed *x)
{
    json_t *params = p_results_of (x->r->c, x->r->s->w[x->step].params);

    if (does (x, "database", "recover") && json_string_length (json_object_get (params, "expect")) == 0)
        p_break (x->r, "comes-online-where-it-was-read",
                 "%s is run and was not told where the copy must end: it may end anywhere", x->p->name);
}

/* ---------------------------------------------------------------- planned: the window in which nobody writes */

static bool
freezes (const struct deed *x)
{
    return x->d && does (x, "database", "freeze") && !x->r->s->past.haunted;
}

static void
somebody_writes (struct deed *x)
{
    unsigned i;

    if (!freezes (x))
        return;
    if (x->w->central.active != 0)
        p_break (x->r, "nobody-writes-when-frozen", "%s is run, and servers are active", x->p->name);
    for (i = 0; i < x->w->nservers; i++)
        if (x->w->sites[x->w->servers[i].site - 1].powered && x->w->servers[i].chat)
            p_break (x->r, "nobody-writes-when-frozen", "%s is run, and the chat service of %s works", x->p->name,
                     w_str (x->w, x->w->servers[i].name));
    for (i = 0; i < x->r->c->first->world->nservers; i++) {
        const struct w_server *v = &x->r->c->first->world->servers[i];

        if (v->chat && !is_behind (x, "pool", "stop-services", NULL, w_str (x->r->c->first->world, v->name)))
            p_break (x->r, "nobody-writes-when-frozen", "%s does not wait until %s is stopped", x->p->name,
                     w_str (x->r->c->first->world, v->name));
    }
    if (!is_behind (x, "pool", "set-active", NULL, NULL))
        p_break (x->r, "nobody-writes-when-frozen", "%s does not wait until the active list is empty", x->p->name);
    if (!is_behind (x, "database", "await-no-sessions", x->d, x->on))
        p_break (x->r, "nobody-writes-when-frozen", "%s is run, and nobody looked for sessions in the copy before",
                 x->p->name);
}

/* Each that backed the log up when the run began was stopped before, by the order of the steps. */
static void
chain_goes_on (struct deed *x)
{
    const struct world *then = x->r->c->first->world;
    unsigned i;

    for (i = 0; freezes (x) && i < then->nprimaries; i++) {
        const struct w_primary *a = &then->primaries[i];
        const char *at = a->instance ? w_str (then, then->instances[a->instance - 1].name) : "";

        if (a->instance == 0 || strcmp (w_str (then, a->database), x->d->name) != 0 || !job_runs (then, a->job))
            continue;
        if (!is_behind (x, "database", "stop-shipping", x->d, at)
            && !is_behind (x, "database", "remove-primary", x->d, at))
            p_break (x->r, "agent-stands-aside", "%s does not wait until the log backups of %s at %s are stopped",
                     x->p->name, x->d->object, at);
    }
}

static void
unready (struct deed *x)
{
    json_t *params = p_results_of (x->r->c, x->r->s->w[x->step].params);
    size_t i;

    if (x->lost || !does (x, "pool", "set-active") || json_string_length (json_object_get (params, "servers")) > 0)
        return;
    for (i = 0; i < direct_databases (x->r->c->direct); i++) {
        const struct d_database *d = direct_database (x->r->c->direct, i);

        if (d->fail_over && !is_behind (x, "database", "check-store", d, NULL))
            p_break (x->r, "looked-before-the-window", "%s takes the pool down, and nobody looked where %s is live",
                     x->p->name, d->object);
    }
}

static void
compliance_early (struct deed *x)
{
    json_t *params = p_results_of (x->r->c, x->r->s->w[x->step].params);
    w_id server = x->on && does (x, "pool", "stop-services") ? w_find_server (x->w, x->on) : 0;
    size_t i;

    if (server == 0 || x->lost || x->w->servers[server - 1].site == x->r->c->left || x->r->s->past.haunted
        || json_string_length (json_object_get (params, "which")) > 0)
        return;
    if (x->w->servers[server - 1].chat)
        p_break (x->r, "compliance-goes-last", "%s stops the compliance service, and chat still works", x->p->name);
    for (i = 0; i < direct_databases (x->r->c->direct); i++) {
        const struct d_database *d = direct_database (x->r->c->direct, i);

        if (!d->fail_over && !is_behind (x, "database", "await-drained", d, NULL))
            p_break (x->r, "compliance-goes-last", "%s stops the compliance service, and nobody waited for %s to drain",
                     x->p->name, d->object);
    }
}

/* ---------------------------------------------------------------- definitions and copies */

static void
definition_first (struct deed *x)
{
    const struct world *then = x->r->c->first->world;
    const w_id at = x->instance;

    if (!x->d || at == 0)
        return;
    if (does (x, "database", "remove-secondary") && p_rule_will_recover (x->r->c, x->d, x->on)
        && !is_behind (x, "database", "recover", x->d, x->on))
        p_break (x->r, "definition-goes-last", "%s forgets the log shipping of a copy that does not serve yet",
                 x->p->name);
    if ((does (x, "database", "restore-full") || does (x, "database", "drop-copy"))
        && ((p_rule_source_of (then, at, x->d->name) && !is_behind (x, "database", "remove-primary", x->d, x->on))
            || p_rule_target_of (x->w, at, x->d->name) || p_rule_source_of (x->w, at, x->d->name)))
        p_break (x->r, "one-role-for-a-copy", "%s replaces a copy at %s that is still defined in log shipping",
                 x->p->name, x->on);
    if (does (x, "database", "build-secondary") && p_rule_source_of (x->w, at, x->d->name))
        p_break (x->r, "one-role-for-a-copy", "%s makes a target of %s at %s, where it is still defined as a source",
                 x->p->name, x->d->object, x->on);
}

static void
not_quiet (struct deed *x)
{
    const w_id copy = x->d && does (x, "database", "salvage") ? w_find_copy (x->w, x->instance, x->d->name) : 0;
    const struct w_copy *v = copy ? &x->w->copies[copy - 1] : NULL;

    if (!x->d || !does (x, "database", "salvage"))
        return;
    if ((v && v->state == W_ONLINE && v->role != W_MIRROR && v->user_access == W_MULTI_USER && !x->r->s->past.haunted
         && !x->r->s->past.meddled)
        || !is_behind (x, "database", "fence", x->d, x->on) || !is_behind (x, "pool", "stop-services", NULL, NULL))
        p_break (x->r, "salvaged-when-quiet", "%s is run, and the copy at %s may still be written", x->p->name, x->on);
}

static void
dropped_early (struct deed *x)
{
    if (x->d && does (x, "database", "drop-copy") && x->r->c->moves
        && !is_behind (x, "pool", "send-message", NULL, NULL))
        p_break (x->r, "kept-until-it-works", "%s drops a copy, and no message went through the pool yet", x->p->name);
}

/* Where nobody is waiting for the pool there is time to ask. */
static void
unprotected (struct deed *x)
{
    if (!x->r->c->moves && x->p->no_return && !x->agreed)
        p_break (x->r, "irreversible-needs-gate-and-evidence", "%s cannot be taken back, and no gate speaks of it",
                 x->p->name);
}

/* ---------------------------------------------------------------- servers */

static void
server_knows (struct deed *x, w_id server)
{
    const struct w_server *v = &x->w->servers[server - 1];
    const struct p_past *past = &x->r->s->past;
    size_t i;
    bool opens = past->meddled != 0;

    if (past->haunted || !x->w->sites[v->site - 1].powered)
        return;
    for (i = 0; i < direct_databases (x->r->c->direct) && !opens; i++)
        opens = direct_database (x->r->c->direct, i)->fail_over
                && direct_server_copy (x->r->c->direct, x->w, server, i) != 0;
    if (v->replica.state != x->w->central.state)
        p_break (x->r, "servers-know-the-state", "%s puts %s to work, which does not know the pool's state yet",
                 x->p->name, w_str (x->w, v->name));
    else if (!opens)
        p_break (x->r, "servers-know-the-state", "%s puts %s to work, which finds no database that it can write",
                 x->p->name, w_str (x->w, v->name));
}

static void
too_early (struct deed *x)
{
    json_t *params = p_results_of (x->r->c, x->r->s->w[x->step].params);
    const char *list = json_string_value (json_object_get (params, "servers"));
    struct sb_arena arena = { 0 };
    size_t count = 0, i;
    char **names = list && does (x, "pool", "set-active") ? sb_split_list (&arena, list, &count) : NULL;

    for (i = 0; i < count; i++)
        if (w_find_server (x->w, names[i]) != 0)
            server_knows (x, w_find_server (x->w, names[i]));
    if (does (x, "pool", "start-services") && x->on && w_find_server (x->w, x->on) != 0)
        server_knows (x, w_find_server (x->w, x->on));
    sb_arena_release (&arena);
}

/* ---------------------------------------------------------------- all of them */

static void (*const looks[]) (struct deed *) = {
    given_up,         still_answers,   loss_unaccepted, power_before_tail, unfenced,
    no_way_on,        agent_beside,    backups_beside,  two_roles,         unexpected,
    too_early,        somebody_writes, chain_goes_on,   unready,           compliance_early,
    definition_first, not_quiet,       dropped_early,   unprotected,
};

void
p_rule_deed (struct p_run *r, uint32_t step, bool agreed)
{
    const struct sb_plan_step *p = &r->c->plan.steps[step];
    const char *on = p_target (r->c, r->s, step);
    struct deed x = { .r = r,
                      .step = step,
                      .p = p,
                      .w = r->s->world,
                      .db = p_rule_database_of (r->c, p),
                      .on = on,
                      .instance = on ? w_find_instance (r->s->world, on) : 0,
                      .agreed = agreed,
                      .lost = r->c->start == P_START_SITE_LOST };
    size_t i;

    x.d = x.db >= 0 ? direct_database (r->c->direct, (size_t) x.db) : NULL;
    for (i = 0; i < sizeof looks / sizeof looks[0]; i++)
        looks[i](&x);
}

/* What waits in the store for compliance is all that will come: nobody chats any more. */
void
p_rule_drained (struct p_run *r, const struct sb_plan_step *p)
{
    const struct world *w = r->s->world;
    unsigned i;

    for (i = 0; i < w->nservers && !r->s->past.haunted; i++)
        if (w->servers[i].chat && w->sites[w->servers[i].site - 1].powered)
            p_break (r, "compliance-goes-last", "%s counts as drained, and the chat service of %s works", p->name,
                     w_str (w, w->servers[i].name));
}

/* What is put off was decided upon, too. */
void
p_rule_owed (struct p_run *r, uint32_t step, bool agreed)
{
    struct deed x = {
        .r = r, .p = &r->c->plan.steps[step], .agreed = agreed, .lost = r->c->start == P_START_SITE_LOST
    };

    given_up (&x);
}

/* A survey of a database has ended: does something of the site that is to be left answer? */
void
p_rule_surveyed (struct p_run *r, const struct d_database *d, unsigned bit)
{
    const struct world *w = r->s->world;
    bool answers = (d->primary != 0 && w_reaches (w, w->tool_site, d->primary))
                   || (d->mirror != 0 && w_reaches (w, w->tool_site, d->mirror));

    r->s->past.answered = (uint8_t) ((r->s->past.answered & ~(1u << bit)) | (unsigned) answers << bit);
}
