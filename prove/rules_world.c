/* The invariants that speak of copies, messages, servers and log shipping. */
#include "prove/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- looking */

bool
p_rule_is_verb (const struct sb_plan_step *p, const char *role, const char *verb)
{
    return p->verb && p->role && strcmp (p->role, role) == 0 && strcmp (p->verb, verb) == 0;
}

static struct w_copy *
copy_on (const struct world *w, w_id instance, const char *name)
{
    w_id id = instance ? w_find_copy (w, instance, name) : 0;

    return id ? (struct w_copy *) (uintptr_t) &w->copies[id - 1] : NULL;
}

static w_id
id_of (const struct world *w, const struct w_copy *v)
{
    return v ? (w_id) (v - w->copies + 1) : 0;
}

/* The database a step works at, by index; -1: none. */
int
p_rule_database_of (const struct p_case *c, const struct sb_plan_step *p)
{
    size_t i;

    if (!p->kind || strcmp (p->kind, "database") != 0)
        return -1;
    for (i = 0; i < direct_databases (c->direct) && i < P_DBS; i++)
        if (strcmp (direct_database (c->direct, i)->object, p->object) == 0)
            return (int) i;
    return -1;
}

bool
p_rule_will_recover (const struct p_case *c, const struct d_database *d, const char *on)
{
    uint32_t i;

    for (i = 0; i < c->plan.count; i++) {
        const struct sb_plan_step *p = &c->plan.steps[i];

        if (p_rule_is_verb (p, "database", "recover") && strcmp (p->object, d->object) == 0 && p->on && on
            && strcmp (p->on, on) == 0)
            return true;
    }
    return false;
}

const struct d_database *
p_rule_database (const struct p_case *c, const char *object)
{
    size_t i;

    for (i = 0; object && i < direct_databases (c->direct); i++)
        if (strcmp (direct_database (c->direct, i)->object, object) == 0)
            return direct_database (c->direct, i);
    return NULL;
}

static bool
holds_message (const struct world *w, const struct w_copy *v, const struct d_message *m)
{
    return v && w_copy_has (w, id_of (w, v), m->fork, m->lsn);
}

static bool
in_some_copy (const struct world *w, const struct d_message *m)
{
    unsigned i;

    for (i = 0; i < w->ncopies; i++)
        if (w->copies[i].instance != 0 && w->copies[i].family == m->family && holds_message (w, &w->copies[i], m))
            return true;
    return false;
}

static bool
in_some_file (const struct p_state *s, const struct d_message *m)
{
    unsigned i;

    for (i = 0; i < s->files.count; i++) {
        const struct d_file *f = &s->files.list[i];

        if (f->family == m->family && f->damage == W_SET_GOOD && m->lsn <= f->last
            && w_on_line (s->world, f->fork, f->last, m->fork, m->lsn) && (f->type == W_SET_FULL || m->lsn >= f->first))
            return true;
    }
    return false;
}

static bool
serves (const struct w_copy *v)
{
    return v && v->state == W_ONLINE && v->role != W_MIRROR;
}

/* The copy that users are meant to reach: by the pool state as it stands in the central store.  A lost instance is still
 * principal by its own files when its mirror has long taken over, so the one that answers is meant first. */
static const struct w_copy *
meant (const struct world *w, const struct d_database *d)
{
    bool backup = w->central.state == W_FAILED_OVER;
    const struct w_copy *a = copy_on (w, backup ? d->backup : d->primary, d->name);
    const struct w_copy *b = copy_on (w, backup ? d->backup_mirror : d->mirror, d->name);

    if (serves (b) && w_answers (w, b->instance) && !(serves (a) && w_answers (w, a->instance)))
        return b; /* the other one died as it served */
    return serves (a) ? a : serves (b) ? b : NULL;
}

/* ---------------------------------------------------------------- moments */

static void
note_grade (struct p_run *r, const struct sb_command *cmd, int db)
{
    json_t *params = p_results_of (r->c, r->s->w[cmd->step].params);
    const char *evidence = json_string_value (json_object_get (params, "evidence"));

    if (db < 0 || !evidence)
        return;
    r->s->past.declared[db] = strcmp (evidence, "declared") == 0;
    r->s->past.confirmed[db] = strcmp (evidence, "confirmed") == 0;
}

/* A person who brings a copy online by hand has the evidence that the step would have had; where it had none, the
 * person's act declares that the other site is dead. */
void
p_rule_by_hand (struct p_run *r, const struct sb_plan_step *p, const json_t *params)
{
    const char *evidence = json_string_value (json_object_get (params, "evidence"));
    int db = p_rule_database_of (r->c, p);

    if (db < 0)
        return;
    if (p_rule_is_verb (p, "database", "freeze"))
        r->s->past.frozen_by_hand[db] = 1;
    if (!p_rule_is_verb (p, "database", "recover"))
        return;
    r->s->past.confirmed[db] = evidence && strcmp (evidence, "confirmed") == 0;
    r->s->past.declared[db] = !r->s->past.confirmed[db];
}

/* Messages that only this copy holds: no other copy that serves, and no salvage. */
static bool
holds_alone (const struct p_run *r, const struct w_copy *v, const struct d_database *d)
{
    const struct p_state *s = r->s;
    const struct w_copy *live = meant (s->world, d);
    uint32_t k;

    for (k = 0; v && k < s->nmessages; k++)
        if (holds_message (s->world, v, &s->messages[k].m) && !holds_message (s->world, live, &s->messages[k].m))
            return true;
    return false;
}

void
p_rule_call_world (struct p_run *r, const struct sb_command *cmd, bool agreed)
{
    const struct sb_plan_step *p = &r->c->plan.steps[cmd->step];
    const struct world *w = r->s->world;
    int db = p_rule_database_of (r->c, p);
    const struct d_database *d = db >= 0 ? direct_database (r->c->direct, (size_t) db) : NULL;
    const char *on = p_target (r->c, r->s, cmd->step);
    w_id copy = 0;
    bool full = p_rule_is_verb (p, "database", "backup-full");

    p_rule_deed (r, cmd->step, agreed);
    if (p_rule_is_verb (p, "database", "recover"))
        note_grade (r, cmd, db);
    if (d && on && (p_rule_is_verb (p, "database", "restore-full") || p_rule_is_verb (p, "database", "drop-copy"))
        && !agreed && holds_alone (r, copy_on (w, w_find_instance (w, on), d->name), d))
        p_break (r, "overwriting-needs-a-yes",
                 "%s overwrites messages that no serving copy holds, and nobody was asked", p->name);
    if (r->c->planned && r->s->past.cleared
        && (full || p_rule_is_verb (p, "database", "freeze") || p_rule_is_verb (p, "database", "recover"))
        && w->central.active == 0 && w->central.state == r->c->first->world->central.state
        && p_left_writer (r->c, w, &copy) != 0)
        p_break (r, "connections-end-before-the-copy",
                 "%s begins while users are still connected to servers that left the list", p->name);
}

void
p_rule_answer_world (struct p_run *r, const struct p_call *call, unsigned word)
{
    const struct sb_plan_step *p = &r->c->plan.steps[call->step];
    int db;

    if (!r->c->direct || call->undo || call->op != SB_CALL_RUN || word != SB_OK)
        return;
    db = p_rule_database_of (r->c, p);
    if (db >= 0 && p_rule_is_verb (p, "database", "survey"))
        p_rule_surveyed (r, direct_database (r->c->direct, (size_t) db), (unsigned) db);
    if (db >= 0 && p_rule_is_verb (p, "database", "quote")) {
        const struct d_database *d = direct_database (r->c->direct, (size_t) db);
        const struct w_copy *v = copy_on (r->s->world, d->backup, d->name);

        if (v)
            r->s->past.quoted[db] = (struct d_message){ .family = v->family, .fork = v->fork, .lsn = v->lsn };
    }
}

/* Which line was brought online, and when the list was emptied. */
void
p_rule_world (struct p_run *r)
{
    struct p_state *s = r->s;
    size_t i;

    if (!r->c->direct)
        return;
    if (s->world->central.active == 0 && r->c->first->world->central.active != 0)
        s->past.cleared = 1;
    for (i = 0; i < direct_databases (r->c->direct) && i < P_DBS; i++) {
        const struct d_database *d = direct_database (r->c->direct, i);
        const struct w_copy *v = copy_on (s->world, d->backup, d->name);

        if (r->c->start == P_START_SITE_LOST && s->past.live_fork[i] == 0 && d->fail_over && serves (v))
            s->past.live_fork[i] = v->fork;
    }
}

/* ---------------------------------------------------------------- copies and messages */

bool
p_rule_one_writable (struct p_run *r)
{
    const struct world *w = r->s->world;
    size_t i;
    w_id server;

    for (i = 0; i < direct_databases (r->c->direct) && i < P_DBS; i++) {
        w_id one = 0, copy;

        if (r->s->past.declared[i] || !direct_database (r->c->direct, i)->fail_over)
            continue;
        for (server = 1; server <= w->nservers; server++) {
            copy = direct_server_copy (r->c->direct, w, server, i);
            if (copy != 0 && one != 0 && copy != one) {
                p_break (r, "one-writable-copy", "%s can be written at %s and at %s",
                         direct_database (r->c->direct, i)->object,
                         w_str (w, w->instances[w->copies[one - 1].instance - 1].name),
                         w_str (w, w->instances[w->copies[copy - 1].instance - 1].name));
                return false;
            }
            one = copy != 0 ? copy : one;
        }
    }
    return true;
}

static bool
fence_is_kept (const struct p_run *r, int db)
{
    uint32_t i;

    for (i = 0; i < r->c->plan.count; i++) {
        const struct sb_plan_step *p = &r->c->plan.steps[i];
        uint8_t phase = sb_engine_steps (r->s->e)[i].phase;

        if (p_rule_is_verb (p, "database", "fence") && p_rule_database_of (r->c, p) == db
            && (phase == SB_PHASE_OWED || phase == SB_PHASE_DONE))
            return true;
    }
    return false;
}

bool
p_rule_late_writes (struct p_run *r)
{
    const struct p_state *s = r->s;
    uint32_t k;

    for (k = 0; k < s->nmessages && r->c->start == P_START_SITE_LOST; k++) {
        const struct p_message *m = &s->messages[k];

        if (!m->late)
            continue;
        if (!in_some_copy (s->world, &m->m) && !in_some_file (s, &m->m)) {
            p_break (r, "late-writes-are-kept", "a message that the old copy took is nowhere any more");
            return false;
        }
        if ((s->outcome == SB_RUN_DONE || s->outcome == SB_RUN_DONE_OWED) && !fence_is_kept (r, m->database)) {
            p_break (r, "late-writes-are-kept", "the old copy took a message, and nobody is to fence or look at it");
            return false;
        }
    }
    return true;
}

bool
p_rule_quoted (struct p_run *r)
{
    const struct p_state *s = r->s;
    const struct world *w = s->world;
    uint32_t k;

    for (k = 0; k < s->nmessages; k++) {
        const struct p_message *m = &s->messages[k];
        const struct d_message *q = &s->past.quoted[m->database];
        const struct d_database *d = direct_database (r->c->direct, m->database);

        if (s->past.live_fork[m->database] == 0 || q->lsn == 0 || m->late || q->family != m->m.family
            || !w_on_line (w, q->fork, q->lsn, m->m.fork, m->m.lsn))
            continue;
        if (!holds_message (w, copy_on (w, d->backup, d->name), &m->m)) {
            p_break (r, "quoted-is-safe", "a message before the quoted point of %s is not in the copy at %s", d->object,
                     w_str (w, w->instances[d->backup - 1].name));
            return false;
        }
    }
    return true;
}

bool
p_rule_planned (struct p_run *r)
{
    const struct p_state *s = r->s;
    uint32_t k;

    if (!r->c->planned || (s->outcome != SB_RUN_DONE && s->outcome != SB_RUN_DONE_OWED))
        return true;
    for (k = 0; k < s->nmessages; k++) {
        const struct d_database *d = direct_database (r->c->direct, s->messages[k].database);
        const struct w_copy *live = meant (s->world, d);

        if (!s->messages[k].late && live && !holds_message (s->world, live, &s->messages[k].m)) {
            p_break (r, "nothing-lost-when-planned",
                     "an acknowledged message of %s is not in the copy that serves at the end", d->object);
            return false;
        }
    }
    return true;
}

bool
p_rule_kept (struct p_run *r)
{
    const struct p_state *s = r->s;
    uint32_t k;

    for (k = 0; k < s->nmessages; k++)
        if (!in_some_copy (s->world, &s->messages[k].m) && !in_some_file (s, &s->messages[k].m)) {
            p_break (r, "only-good-copy", "an acknowledged message is in no copy and in no backup any more");
            return false;
        }
    return true;
}

/* ---------------------------------------------------------------- servers and pool */

/* None of the copies that a server's replica points at is open, and one of them is restoring.  What a person froze is
 * not thawed by a run that is taken back, and its servers come back to it. */
static bool
points_at_restoring (const struct p_run *r, const struct world *w, const struct w_server *v)
{
    const struct p_case *c = r->c;
    size_t i;

    for (i = 0; i < direct_databases (c->direct); i++) {
        const struct d_database *d = direct_database (c->direct, i);
        bool backup = v->replica.state == W_FAILED_OVER;
        const struct w_copy *a = copy_on (w, backup ? d->backup : d->primary, d->name);
        const struct w_copy *b = copy_on (w, backup ? d->backup_mirror : d->mirror, d->name);

        if (i < P_DBS && r->s->past.frozen_by_hand[i] && r->s->e->undoing)
            continue;
        if (d->fail_over && !serves (a) && !serves (b)
            && ((a && a->state == W_RESTORING && a->role != W_MIRROR)
                || (b && b->state == W_RESTORING && b->role != W_MIRROR)))
            return true;
    }
    return false;
}

bool
p_rule_active (struct p_run *r)
{
    const struct world *w = r->s->world;
    unsigned i;

    if (__builtin_popcount (w->central.active) > w->limit_active) {
        p_break (r, "state-before-servers", "%d servers are active", __builtin_popcount (w->central.active));
        return false;
    }
    for (i = 0; i < w->nservers && i < W_MAX_SERVERS; i++) {
        const struct w_server *v = &w->servers[i];

        if (!v->chat || !w->sites[v->site - 1].powered || (v->replica.active >> i & 1) == 0)
            continue;
        if (r->c->start == P_START_SITE_LOST && v->site == r->c->left)
            continue; /* nobody can tell it; it is fenced or declared dead */
        if (r->c->start == P_START_SITE_LOST && v->replica.state == W_NORMAL)
            continue; /* active before, in the site that is left: what it points at is lost, or being fenced */
        if (points_at_restoring (r, w, v)) {
            p_break (r, "state-before-servers", "%s is active and its database is restoring", w_str (w, v->name));
            return false;
        }
    }
    return true;
}

static bool
ended_well (const struct p_state *s)
{
    return s->outcome == SB_RUN_DONE || s->outcome == SB_RUN_DONE_OWED;
}

bool
p_rule_changes_pool (const struct p_case *c)
{
    uint32_t i;

    for (i = 0; i < c->plan.count; i++)
        if (p_rule_is_verb (&c->plan.steps[i], "pool", "set-state"))
            return true;
    return false;
}

bool
p_rule_agree (struct p_run *r)
{
    const struct world *w = r->s->world;
    size_t i;
    w_id server;
    bool reached = false;

    if (!ended_well (r->s) || r->s->past.meddled || !p_rule_changes_pool (r->c))
        return true;
    for (i = 0; i < direct_databases (r->c->direct); i++)
        if (direct_database (r->c->direct, i)->fail_over && !meant (w, direct_database (r->c->direct, i))) {
            p_break (r, "state-and-database-agree", "the pool state is %s and %s is not online there",
                     w->central.state == W_FAILED_OVER ? "FailedOver" : "Normal",
                     direct_database (r->c->direct, i)->object);
            return false;
        }
    for (i = 0; i < direct_databases (r->c->direct); i++)
        for (server = 1; server <= w->nservers; server++)
            reached = reached || direct_server_copy (r->c->direct, w, server, i) != 0;
    if (!reached)
        p_break (r, "state-and-database-agree", "no chat server that runs can write");
    return reached;
}

bool
p_rule_goal (struct p_run *r)
{
    const struct p_state *s = r->s;
    bool good = s->past.disturbed || s->outcome == SB_RUN_DONE || s->outcome == SB_RUN_DONE_OWED;

    if (!good)
        p_break (r, "undisturbed-ends-done", "nothing went wrong, and the run ends %s",
                 sb_outcome_words[s->outcome].name);
    return good;
}

/* Is there a step of this verb at this object that was done or is owed? */
bool
p_rule_done_or_owed (const struct p_run *r, const char *role, const char *verb, int db, const char *on)
{
    uint32_t i;

    for (i = 0; i < r->c->plan.count; i++) {
        const struct sb_plan_step *p = &r->c->plan.steps[i];
        uint8_t phase = sb_engine_steps (r->s->e)[i].phase;

        if (p_rule_is_verb (p, role, verb) && p->on && strcmp (p->on, on) == 0
            && (db < 0 || p_rule_database_of (r->c, p) == db) && (phase == SB_PHASE_OWED || phase == SB_PHASE_DONE))
            return true;
    }
    return false;
}

bool
p_rule_old_site (struct p_run *r)
{
    const struct world *w = r->s->world;
    size_t i;
    unsigned k;

    if (r->c->start != P_START_SITE_LOST || !ended_well (r->s) || w->central.state != W_FAILED_OVER)
        return true;
    for (i = 0; i < direct_databases (r->c->direct) && i < P_DBS; i++) {
        const struct d_database *d = direct_database (r->c->direct, i);
        w_id at[] = { d->primary, d->mirror };

        for (k = 0; k < 2; k++)
            if (d->fail_over && at[k] != 0
                && !p_rule_done_or_owed (r, "database", "fence", (int) i, w_str (w, w->instances[at[k] - 1].name))) {
                p_break (r, "old-site-is-dealt-with", "nobody has to fence %s at %s", d->object,
                         w_str (w, w->instances[at[k] - 1].name));
                return false;
            }
    }
    for (k = 0; k < w->nservers; k++)
        if (w->servers[k].site == r->c->left
            && !p_rule_done_or_owed (r, "pool", "stop-services", -1, w_str (w, w->servers[k].name))) {
            p_break (r, "old-site-is-dealt-with", "nobody has to stop %s", w_str (w, w->servers[k].name));
            return false;
        }
    return true;
}

/* ---------------------------------------------------------------- log shipping, mirrors */

const struct w_secondary_db *
p_rule_target_of (const struct world *w, w_id instance, const char *name)
{
    unsigned i;

    for (i = 0; i < w->nsecondary_dbs; i++)
        if (w->secondary_dbs[i].secondary != 0 && w->secondaries[w->secondary_dbs[i].secondary - 1].instance == instance
            && strcmp (w_str (w, w->secondary_dbs[i].database), name) == 0)
            return &w->secondary_dbs[i];
    return NULL;
}

const struct w_primary *
p_rule_source_of (const struct world *w, w_id instance, const char *name)
{
    unsigned i;

    for (i = 0; i < w->nprimaries; i++)
        if (w->primaries[i].instance == instance && strcmp (w_str (w, w->primaries[i].database), name) == 0)
            return &w->primaries[i];
    return NULL;
}

static bool
was_saved (const struct p_run *r, const char *object, const char *on)
{
    uint32_t i;

    for (i = 0; i < r->c->plan.count; i++) {
        const struct sb_plan_step *p = &r->c->plan.steps[i];

        if (p_rule_is_verb (p, "database", "save-shipping") && strcmp (p->object, object) == 0 && p->on
            && strcmp (p->on, on) == 0 && sb_engine_steps (r->s->j)[i].phase == SB_PHASE_DONE)
            return true;
    }
    return false;
}

static bool
job_runs (const struct world *w, w_id job)
{
    return job != 0 && w->jobs[job - 1].enabled;
}

/* Its jobs ran when the run began, and do not now. */
static bool
is_stopped (const struct world *now, const struct world *then, const struct d_database *d)
{
    const struct w_secondary_db *a = p_rule_target_of (then, d->backup, d->name);
    const struct w_secondary_db *b = p_rule_target_of (now, d->backup, d->name);

    return a && b && job_runs (then, then->secondaries[a->secondary - 1].restore_job)
           && !job_runs (now, now->secondaries[b->secondary - 1].restore_job);
}

bool
p_rule_saved (struct p_run *r)
{
    const struct world *now = r->s->world, *then = r->c->first->world;
    size_t i;

    for (i = 0; i < direct_databases (r->c->direct); i++) {
        const struct d_database *d = direct_database (r->c->direct, i);

        if (!r->s->past.meddled && is_stopped (now, then, d)
            && !was_saved (r, d->object, w_str (now, now->instances[d->backup - 1].name))) {
            p_break (r, "saved-before-removed",
                     "the log shipping of %s at %s was stopped and nobody has kept its definition as it was", d->object,
                     w_str (now, now->instances[d->backup - 1].name));
            return false;
        }
        if (p_rule_target_of (then, d->backup, d->name) && !p_rule_target_of (now, d->backup, d->name)
            && !was_saved (r, d->object, w_str (now, now->instances[d->backup - 1].name))) {
            p_break (r, "saved-before-removed",
                     "the log shipping definition of %s at %s is gone and nobody has kept it", d->object,
                     w_str (now, now->instances[d->backup - 1].name));
            return false;
        }
    }
    return true;
}

static void
lacks (struct sb_buf *out, bool is, const char *what)
{
    if (!is)
        sb_buf_printf (out, "%s%s", out->len ? ", " : "", what);
}

static bool
names_target (const struct world *w, const struct w_primary *source, const struct d_database *d)
{
    w_id id = (w_id) (source - w->primaries + 1);
    unsigned i;

    for (i = 0; i < w->npairs; i++)
        if (w->pairs[i].primary == id && strcmp (w_str (w, w->pairs[i].database), d->name) == 0)
            return true;
    return false;
}

static void
lacks_at_home (const struct world *w, const struct d_database *d, struct sb_buf *out)
{
    const struct w_copy *v = copy_on (w, d->primary, d->name);
    const struct w_primary *source = p_rule_source_of (w, d->primary, d->name);
    const struct w_secondary_db *target = p_rule_target_of (w, d->backup, d->name);

    lacks (out, !d->mirror || (v && v->role == W_PRINCIPAL && v->mirroring == W_SYNCHRONIZED),
           "no synchronized mirror");
    lacks (out, !d->witness || (v && v->witness_state == W_WITNESS_CONNECTED), "no witness");
    lacks (out, source && job_runs (w, source->job), "no source of log shipping");
    lacks (out, !source || names_target (w, source, d), "a source that names no target");
    lacks (out, !d->mirror || p_rule_source_of (w, d->mirror, d->name), "no dormant source at the mirror");
    lacks (out,
           !d->mirror || !p_rule_source_of (w, d->mirror, d->name)
                   || names_target (w, p_rule_source_of (w, d->mirror, d->name), d),
           "a dormant source that names no target");
    lacks (out, !d->backup_mirror || !copy_on (w, d->backup_mirror, d->name), "a former mirror in the other site");
    lacks (out,
           target && job_runs (w, w->secondaries[target->secondary - 1].copy_job)
                   && job_runs (w, w->secondaries[target->secondary - 1].restore_job),
           "nobody restores the shipped log");
}

static void
lacks_abroad (const struct world *w, const struct d_database *d, struct sb_buf *out)
{
    const struct w_copy *v = copy_on (w, d->backup, d->name);
    const struct w_primary *source = p_rule_source_of (w, d->backup, d->name);

    lacks (out, !d->backup_mirror || (v && v->role == W_PRINCIPAL && v->mirroring == W_SYNCHRONIZED),
           "no synchronized mirror");
    lacks (out, !d->backup_witness || (v && v->witness_state == W_WITNESS_CONNECTED), "no witness");
    lacks (out, v && v->full_backup != 0, "no full backup");
    lacks (out, source && job_runs (w, source->job), "no log backups");
}

bool
p_rule_whole (struct p_run *r)
{
    const struct p_state *s = r->s;
    const struct world *w = s->world;
    size_t i;
    bool whole = true;

    if (s->outcome != SB_RUN_DONE && s->outcome != SB_RUN_DONE_OWED)
        return true;
    if (s->past.meddled || s->past.haunted
        || (w->central.state == r->c->first->world->central.state && r->c->start != P_START_BARE))
        return true;
    for (i = 0; i < direct_databases (r->c->direct) && whole; i++) {
        const struct d_database *d = direct_database (r->c->direct, i);
        SB_CLEANUP (sb_buf_free) struct sb_buf what = { 0 };

        if (!d->fail_over)
            continue;
        if (w->central.state == W_NORMAL)
            lacks_at_home (w, d, &what);
        else
            lacks_abroad (w, d, &what);
        whole = what.len == 0;
        if (!whole)
            p_break (r, "whole-at-the-end", "%s has %s", d->object, sb_buf_cstr (&what));
    }
    return whole;
}
