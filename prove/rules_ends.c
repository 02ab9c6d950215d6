/* What must be so where a history ends: it was seen to work, it works as before
 * where it was taken back (and what a fingerprint holds is what it was), a share
 * that vanished has stopped nobody. */
#include "prove/rules.h"

#include <stdlib.h>
#include <string.h>

static bool
ended_well (const struct p_state *s)
{
    return s->outcome == SB_RUN_DONE || s->outcome == SB_RUN_DONE_OWED;
}

/* ---------------------------------------------------------------- seen to work */

static bool
moves_users (const struct sb_plan_step *p)
{
    return p_rule_is_verb (p, "pool", "set-state") || p_rule_is_verb (p, "database", "mirror-failover");
}

static bool
is_done (const struct p_run *r, uint32_t step)
{
    return sb_engine_steps (r->s->e)[step].phase == SB_PHASE_DONE;
}

/* A step of the verb that was done behind `step`. */
static bool
done_behind (const struct p_run *r, uint32_t step, const char *role, const char *verb, const char *object)
{
    const struct sb_plan *plan = &r->c->plan;
    bool *before = sb_xcalloc (plan->count + 1, 1), found = false;
    uint32_t i;

    for (i = 0; i < plan->count && !found; i++)
        if (p_rule_is_verb (&plan->steps[i], role, verb) && is_done (r, i)
            && (!object || strcmp (plan->steps[i].object, object) == 0)) {
            p_rule_ancestors (plan, i, before);
            found = before[step];
        }
    free (before);
    return found;
}

bool
p_rule_seen_to_work (struct p_run *r)
{
    const struct sb_plan *plan = &r->c->plan;
    bool pool = p_rule_changes_pool (r->c);
    uint32_t i;

    if (!ended_well (r->s) || !r->c->moves)
        return true;
    for (i = 0; i < plan->count; i++) {
        const struct sb_plan_step *p = &plan->steps[i];
        bool serves = pool && p_rule_is_verb (p, "pool", "set-active") && p->nparams > 0;

        if (!serves && !moves_users (p))
            continue;
        if (!done_behind (r, i, "pool", "send-message", NULL)) {
            p_break (r, "seen-to-work", "the run counts as done, and no message was sent through the pool after %s",
                     p->name);
            return false;
        }
        if (serves && !done_behind (r, i, "database", "await-servers", NULL)) {
            p_break (r, "seen-to-work", "the run counts as done, and nobody saw the servers report in after %s",
                     p->name);
            return false;
        }
    }
    return true;
}

/* Another source, or a new target: a log backup went the whole way afterwards. */
bool
p_rule_shipping_seen (struct p_run *r)
{
    const struct sb_plan *plan = &r->c->plan;
    uint32_t i;

    if (!ended_well (r->s) || r->s->past.meddled)
        return true;
    for (i = 0; i < plan->count; i++) {
        const struct sb_plan_step *p = &plan->steps[i];
        const struct d_database *d =
                p->kind && strcmp (p->kind, "database") == 0 ? p_rule_database (r->c, p->object) : NULL;

        if (!d || !p_rule_target_of (r->s->world, d->backup, d->name)
            || (!p_rule_is_verb (p, "database", "build-secondary")
                && !p_rule_is_verb (p, "database", "mirror-failover")))
            continue;
        if (!done_behind (r, i, "database", "ship-once", p->object)) {
            p_break (r, "shipping-was-seen",
                     "the run counts as done, and no log backup of %s went the whole way after %s", p->object, p->name);
            return false;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- a rehearsal */

/* What has to be done behind what, for one database. */
static const struct behind {
    const char *first, *then;
} rehearsal[] = {
    { "restore-as", "check-integrity" }, { "restore-as", "count-rows" }, { "check-integrity", "drop-as" },
    { "count-rows", "drop-as" },         { "drop-as", "fingerprint" },   { NULL, NULL },
};

static bool
rehearses (const struct sb_plan *plan)
{
    uint32_t i;

    for (i = 0; i < plan->count; i++)
        if (p_rule_is_verb (&plan->steps[i], "database", "restore-as")
            || p_rule_is_verb (&plan->steps[i], "database", "drop-as"))
            return true;
    return false;
}

bool
p_rule_rehearsed (struct p_run *r)
{
    const struct sb_plan *plan = &r->c->plan;
    const struct behind *b;
    bool restored = false;
    uint32_t i;

    if (!ended_well (r->s) || !rehearses (plan))
        return true;
    for (i = 0; i < plan->count; i++) {
        const struct sb_plan_step *p = &plan->steps[i];

        restored = restored || (p_rule_is_verb (p, "database", "restore-as") && is_done (r, i));
        for (b = rehearsal; b->first; b++)
            if (p_rule_is_verb (p, "database", b->first) && !done_behind (r, i, "database", b->then, p->object)) {
                p_break (r, "rehearsed-and-put-away", "the rehearsal counts as done, and there was no %s behind %s",
                         b->then, p->name);
                return false;
            }
    }
    if (!restored)
        p_break (r, "rehearsed-and-put-away", "the rehearsal counts as done, and nothing was restored");
    return restored;
}

/* ---------------------------------------------------------------- where the central store is */

static w_id
home_of_store (const struct p_run *r)
{
    const struct sb_object *pool = sb_topology_pool (&r->c->topology);
    const char *name = pool ? sb_object_attr (pool, "central store") : NULL;

    return name ? w_find_site (r->s->world, name) : 0;
}

bool
p_rule_store_follows (struct p_run *r)
{
    const struct world *w = r->s->world;
    w_id home = home_of_store (r), left = r->c->plan.leaves ? w_find_site (w, r->c->plan.leaves) : 0;

    if (!ended_well (r->s) || r->s->past.meddled || !p_rule_changes_pool (r->c))
        return true;
    if (left != 0 && w->central.site == left) {
        p_break (r, "central-store-follows",
                 "the site that is left may be switched off, and the central store is there");
        return false;
    }
    if (w->central.state == W_NORMAL && home != 0 && w->central.site != home) {
        p_break (r, "central-store-follows", "the pool is home, and the central store is not");
        return false;
    }
    return true;
}

/* ---------------------------------------------------------------- teardown: nothing is left half */

/* By its name: what copies and applies takes those. */
static bool
is_shipped (const struct d_file *f)
{
    size_t n = strlen (f->name);

    return f->type == W_SET_LOG && !strchr (f->name, '\\') && n > 4 && strcmp (f->name + n - 4, ".trn") == 0;
}

static const char *
remains (const struct p_run *r, const struct d_database *d)
{
    const struct p_state *s = r->s;
    const w_id at[] = { d->mirror, d->backup };
    unsigned i;

    for (i = 0; i < 2; i++) {
        if (at[i] != 0 && w_find_copy (s->world, at[i], d->name) != 0)
            return "a copy that nobody uses";
        if (at[i] != 0 && (p_rule_source_of (s->world, at[i], d->name) || p_rule_target_of (s->world, at[i], d->name)))
            return "a definition of log shipping";
    }
    if (p_rule_source_of (s->world, d->primary, d->name))
        return "a source of log shipping";
    for (i = 0; i < s->files.count; i++)
        if ((s->files.list[i].share == d->log_share || s->files.list[i].share == d->copy_folder)
            && s->files.list[i].share != 0 && is_shipped (&s->files.list[i]))
            return "a log backup that may be taken for a current one";
    return NULL;
}

/* A workflow that drops copies and moves nobody. */
bool
p_rule_taken_away (struct p_run *r)
{
    const struct sb_plan *plan = &r->c->plan;
    bool drops = false;
    uint32_t k;
    size_t i;

    for (k = 0; k < plan->count; k++)
        drops = drops || p_rule_is_verb (&plan->steps[k], "database", "drop-copy");
    if (!drops || r->c->moves || !ended_well (r->s) || r->s->past.meddled || r->s->past.haunted)
        return true;
    for (i = 0; i < direct_databases (r->c->direct); i++) {
        const struct d_database *d = direct_database (r->c->direct, i);
        const char *what = d->fail_over ? remains (r, d) : NULL;

        if (what) {
            p_break (r, "nothing-is-left-half", "%s was taken away, and %s remains", d->object, what);
            return false;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- a share is lost too */

bool
p_rule_lost_share (struct p_run *r)
{
    const struct p_state *s = r->s;
    size_t i;

    if (r->c->start != P_START_SITE_LOST || s->past.disturbed != P_ONLY_SHARE)
        return true;
    for (i = 0; i < direct_databases (r->c->direct) && i < P_DBS; i++)
        if (direct_database (r->c->direct, i)->fail_over && s->past.live_fork[i] == 0) {
            p_break (r, "lost-share-stops-nobody", "only the share had vanished, and %s was not brought online",
                     direct_database (r->c->direct, i)->object);
            return false;
        }
    return true;
}

/* ---------------------------------------------------------------- taken back */

struct looking {
    struct p_run *r;
    const struct world *then, *now;
    w_id ignored; /* a site whose copies served nobody when the run began */
};

static bool
differs (struct looking *x, const char *what, const char *name, w_id at)
{
    p_break (x->r, "works-as-before", "the run was taken back, and %s %s%s%s is not as it was", what, name,
             at ? " at " : "", at ? w_str (x->now, x->now->instances[at - 1].name) : "");
    return false;
}

static bool
counts (const struct looking *x, w_id instance)
{
    return instance != 0 && (x->ignored == 0 || x->then->instances[instance - 1].site != x->ignored);
}

/* It waits for logs, or can be read between two of them: the next one decides. */
static bool
follows (const struct w_copy *v)
{
    return v->mirror_guid == 0 && (v->state == W_RESTORING || v->standby);
}

/* Within a mirrored pair either may be the principal. */
static bool
same_copy (const struct w_copy *a, const struct w_copy *b)
{
    if (a->mirror_guid != 0)
        return b->mirror_guid != 0 && (b->role == W_MIRROR) == (b->state == W_RESTORING)
               && a->user_access == b->user_access;
    if (follows (a))
        return follows (b);
    return a->state == b->state && a->user_access == b->user_access && a->read_only == b->read_only
           && b->mirror_guid == 0;
}

static bool
same_copies (struct looking *x)
{
    unsigned i;

    for (i = 0; i < x->then->ncopies; i++) {
        const struct w_copy *a = &x->then->copies[i];
        const char *name = w_str (x->then, a->name);
        w_id id = counts (x, a->instance) ? w_find_copy (x->now, a->instance, name) : 0;

        if (counts (x, a->instance) && (id == 0 || !same_copy (a, &x->now->copies[id - 1])))
            return differs (x, "the copy of", name, a->instance);
    }
    return true;
}

static const struct w_job *
same_job (const struct looking *x, const struct w_job *a)
{
    unsigned i;

    for (i = 0; i < x->now->njobs; i++)
        if (x->now->jobs[i].instance == a->instance
            && strcmp (w_str (x->now, x->now->jobs[i].name), w_str (x->then, a->name)) == 0)
            return &x->now->jobs[i];
    return NULL;
}

static bool
same_shipping (struct looking *x)
{
    unsigned i;

    for (i = 0; i < x->then->njobs; i++) {
        const struct w_job *a = &x->then->jobs[i], *b = counts (x, a->instance) ? same_job (x, a) : NULL;

        if (counts (x, a->instance) && (!b || b->enabled != a->enabled))
            return differs (x, "the job", w_str (x->then, a->name), a->instance);
    }
    for (i = 0; i < x->then->nprimaries; i++) {
        const struct w_primary *a = &x->then->primaries[i];

        if (counts (x, a->instance) && !p_rule_source_of (x->now, a->instance, w_str (x->then, a->database)))
            return differs (x, "the source of log shipping of", w_str (x->then, a->database), a->instance);
    }
    for (i = 0; i < x->then->nsecondary_dbs; i++) {
        const struct w_secondary_db *a = &x->then->secondary_dbs[i];
        w_id at = a->secondary ? x->then->secondaries[a->secondary - 1].instance : 0;

        if (counts (x, at) && !p_rule_target_of (x->now, at, w_str (x->then, a->database)))
            return differs (x, "the target of log shipping of", w_str (x->then, a->database), at);
    }
    return true;
}

static bool
same_pool (struct looking *x)
{
    unsigned i;

    if (x->then->central.state != x->now->central.state || x->then->central.active != x->now->central.active)
        return differs (x, "the pool's state or its active list", "", 0);
    for (i = 0; i < x->then->nservers; i++)
        if (x->then->servers[i].site != x->ignored
            && (x->then->servers[i].chat != x->now->servers[i].chat
                || x->then->servers[i].compliance != x->now->servers[i].compliance))
            return differs (x, "the services of", w_str (x->then, x->then->servers[i].name), 0);
    for (i = 0; i < x->then->nsites; i++)
        if ((w_id) (i + 1) != x->ignored && x->then->sites[i].held_off != x->now->sites[i].held_off)
            return differs (x, "the power of", w_str (x->then, x->then->sites[i].name), 0);
    return true;
}

bool
p_rule_works_as_before (struct p_run *r)
{
    const struct p_state *s = r->s;
    bool undone = s->outcome == SB_RUN_ABORTED || s->outcome == SB_RUN_REFUSED || s->outcome == SB_RUN_FAILED_UNDONE;
    struct looking x = { .r = r,
                         .then = r->c->first->world,
                         .now = s->world,
                         .ignored = r->c->start == P_START_SITE_LOST ? 0 : r->c->left };

    if (!undone || s->past.meddled || s->past.haunted)
        return true;
    return same_pool (&x) && same_copies (&x) && same_shipping (&x);
}

/* ---------------------------------------------------------------- fingerprint */

static void
print_copies (const struct world *w, struct sb_buf *out)
{
    unsigned i;

    for (i = 0; i < w->ncopies; i++) {
        const struct w_copy *v = &w->copies[i];

        if (v->instance != 0)
            sb_buf_printf (
                    out,
                    "copy %s at %u: state %u role %u partner '%s' witness '%s' access %u read only %u suspended %u\n",
                    w_str (w, v->name), v->instance, v->state, v->role, w_str (w, v->partner), w_str (w, v->witness),
                    v->user_access, v->read_only, v->suspended);
    }
}

static void
print_shipping (const struct world *w, struct sb_buf *out)
{
    unsigned i;

    for (i = 0; i < w->nprimaries; i++)
        if (w->primaries[i].instance != 0)
            sb_buf_printf (out, "source %s at %u\n", w_str (w, w->primaries[i].database), w->primaries[i].instance);
    for (i = 0; i < w->npairs; i++)
        if (w->pairs[i].primary != 0)
            sb_buf_printf (out, "pair %u '%s' '%s'\n", w->pairs[i].primary, w_str (w, w->pairs[i].server),
                           w_str (w, w->pairs[i].database));
    for (i = 0; i < w->nsecondary_dbs; i++)
        if (w->secondary_dbs[i].secondary != 0)
            sb_buf_printf (out, "target %s at %u\n", w_str (w, w->secondary_dbs[i].database),
                           w->secondaries[w->secondary_dbs[i].secondary - 1].instance);
    for (i = 0; i < w->njobs; i++)
        if (w->jobs[i].instance != 0 && w->jobs[i].kind != W_JOB_ALERT) /* that one the server makes by itself */
            sb_buf_printf (out, "job '%s' at %u: %s\n", w_str (w, w->jobs[i].name), w->jobs[i].instance,
                           w->jobs[i].enabled ? "on" : "off");
}

static int
by_text (const void *a, const void *b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

/* What is built again may stand in another place. */
static void
add_sorted (struct sb_buf *lines, struct sb_buf *out)
{
    char *list[512], *save = NULL, *line = strtok_r ((char *) (uintptr_t) sb_buf_cstr (lines), "\n", &save);
    size_t count = 0, i;

    for (; line && count < sizeof list / sizeof list[0]; line = strtok_r (NULL, "\n", &save))
        list[count++] = line;
    qsort (list, count, sizeof list[0], by_text);
    for (i = 0; i < count; i++)
        sb_buf_printf (out, "%s\n", list[i]);
}

/* Roles, states, partner names, log shipping pairs, job flags, pool state, active list, services; not ids, LSNs, files. */
void
p_fingerprint (const struct p_case *c, const struct p_state *s, struct sb_buf *out)
{
    const struct world *w = s->world;
    SB_CLEANUP (sb_buf_free) struct sb_buf lines = { 0 };
    unsigned i;

    (void) c;
    sb_buf_clear (out);
    print_copies (w, out);
    print_shipping (w, &lines);
    add_sorted (&lines, out);
    sb_buf_printf (out, "pool state %u, active %x, central store %u\n", w->central.state, w->central.active,
                   w->central.site);
    for (i = 0; i < w->nservers; i++)
        sb_buf_printf (out, "server %u: chat %u compliance %u\n", i, w->servers[i].chat, w->servers[i].compliance);
    for (i = 0; i < w->nsites; i++)
        sb_buf_printf (out, "site %u: held off %u\n", i, w->sites[i].held_off);
}

/* The first line that is other than it was. */
static void
name_difference (struct p_run *r, const char *was, const char *is)
{
    size_t n;

    while (*was && *is) {
        n = strcspn (is, "\n");
        if (strncmp (was, is, n + 1) != 0)
            break;
        is += n + 1;
        was += n + 1;
    }
    p_break (r, "abort-restores", "it was \"%.*s\", and is \"%.*s\"", (int) strcspn (was, "\n"), was,
             (int) strcspn (is, "\n"), is);
}

/* What the workflow says may be left ("not needed") is not undone; where a person or a dead server had a hand in it,
 * nothing is promised. */
bool
p_rule_fingerprint (struct p_run *r)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf now = { 0 };
    uint32_t k;

    if (r->s->past.meddled || r->s->past.haunted)
        return true;
    for (k = 0; k < r->c->plan.count; k++)
        if (r->c->plan.steps[k].undo == SB_UNDO_NOT_NEEDED && (sb_engine_steps (r->s->e)[k].flags & SB_STEP_MAYBE))
            return true;
    p_fingerprint (r->c, r->s, &now);
    if (strcmp (sb_buf_cstr (&now), sb_buf_cstr (&r->c->clean)) == 0)
        return true;
    name_difference (r, sb_buf_cstr (&r->c->clean), sb_buf_cstr (&now));
    return false;
}
