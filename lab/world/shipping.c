/* The log shipping procedures (SQL sheet 4.2, 4.3): rows of definitions and the
 * jobs that belong to them.  What the jobs do is in jobs.c. */
#include "lab/world/intern.h"

#include "core/base/text.h"

#include <string.h>

static bool
same (const struct world *w, w_text t, const char *s)
{
    return sb_casecmp (w_str (w, t), s) == 0;
}

static w_id
find_primary (const struct world *w, w_id instance, const char *db)
{
    for (w_id i = 1; i <= w->nprimaries; i++)
        if (w->primaries[i - 1].instance == instance && same (w, w->primaries[i - 1].database, db))
            return i;
    return 0;
}

static w_id
find_pair (const struct world *w, w_id primary, const char *server, const char *db)
{
    for (w_id i = 1; i <= w->npairs; i++)
        if (w->pairs[i - 1].primary == primary
            && (server == NULL || (same (w, w->pairs[i - 1].server, server) && same (w, w->pairs[i - 1].database, db))))
            return i;
    return 0;
}

static w_id
find_secondary (const struct world *w, w_id instance, const char *server, const char *db)
{
    for (w_id i = 1; i <= w->nsecondaries; i++)
        if (w->secondaries[i - 1].instance == instance && same (w, w->secondaries[i - 1].server, server)
            && same (w, w->secondaries[i - 1].database, db))
            return i;
    return 0;
}

static w_id
find_secondary_db (const struct world *w, w_id instance, const char *db)
{
    const struct w_secondary_db *d;

    for (w_id i = 1; i <= w->nsecondary_dbs; i++) {
        d = &w->secondary_dbs[i - 1];
        if (d->secondary != 0 && w->secondaries[d->secondary - 1].instance == instance && same (w, d->database, db))
            return i;
    }
    return 0;
}

/* A job for a definition: the one it has, or one of that name that belongs to nobody else, or a new one. */
static w_id
job_for (struct w_ctx *c, w_id has, enum w_job_kind kind, const char *name, w_id subject)
{
    w_id job = has != 0 ? has : w_find_job_named (c->w, c->op->instance, name);

    if (job != 0 && has == 0 && (c->w->jobs[job - 1].kind != kind || c->w->jobs[job - 1].subject != 0)) {
        fail (c, 32022, "%s", name);
        return 0;
    }
    if (job == 0)
        job = w_job_new (c->w, c->op->instance, kind, name);
    if (job == 0) {
        fail (c, W_LAB_FULL, "jobs");
        return 0;
    }
    c->w->jobs[job - 1].subject = subject;
    return job;
}

static int
pick (int value, int otherwise)
{
    return value < 0 ? otherwise : value;
}

/* Directory, share, thresholds: what add and change have in common. */
static void
set_primary (struct w_ctx *c, struct w_primary *p, bool fresh)
{
    const int32_t *n = c->op->n;

    if (fresh || c->op->path[0][0] != 0)
        p->directory = w_intern (c->w, c->op->path[0]);
    if (fresh || c->op->path[1][0] != 0)
        p->share = w_intern (c->w, c->op->path[1]);
    if (fresh || c->op->name[1][0] != 0)
        p->monitor = w_intern (c->w, c->op->name[1][0] != 0 ? c->op->name[1] : w_str (c->w, c->inst->server));
    p->retention_min = pick (n[0], fresh ? 4320 : p->retention_min);
    p->threshold_min = pick (n[1], fresh ? 60 : p->threshold_min);
    p->threshold_alert = pick (n[2], fresh ? 14420 : p->threshold_alert);
    p->alert_enabled = (uint8_t) pick (n[3], fresh ? 0 : p->alert_enabled);
    p->history_min = pick (n[4], fresh ? 14420 : p->history_min);
    p->compression = (uint8_t) pick (n[5], fresh ? 2 : p->compression);
}

static bool
fit_for_primary (struct w_ctx *c)
{
    if (c->copy == NULL || c->copy->state != W_ONLINE || c->copy->standby)
        fail (c, 32007, "%s", c->op->db);
    else if (c->copy->recovery_model == W_SIMPLE)
        fail (c, 32015, "%s", c->op->db);
    return c->out->status == W_DONE;
}

/* Express has no Agent, and so no log shipping (32017). */
static bool
edition_ships (struct w_ctx *c)
{
    if (c->inst->edition != W_EXPRESS)
        return true;
    fail (c, 32017, "Express Edition");
    return false;
}

void
w_do_ls_primary (struct w_ctx *c)
{
    w_id id = find_primary (c->w, c->op->instance, c->op->db), job;
    bool fresh = c->op->kind == W_OP_LS_ADD_PRIMARY;
    struct w_primary *p;

    if (!fresh && id == 0) {
        fail (c, 32010, "%s", c->op->db);
        return;
    }
    if (fresh && (!edition_ships (c) || !fit_for_primary (c)))
        return;
    if (fresh && id != 0 && (c->op->flags & W_WITH_OVERWRITE) == 0) {
        fail (c, 32009, "%s", c->op->db);
        return;
    }
    if (id == 0)
        id = w_slot_new (c->w, W_T_PRIMARIES);
    if (id == 0) {
        fail (c, W_LAB_FULL, "log shipping primaries");
        return;
    }
    p = &c->w->primaries[id - 1];
    if (fresh) {
        p->instance = c->op->instance; /* the slot is taken from here on */
        job = job_for (c, p->job, W_JOB_BACKUP, c->op->name[0], id);
        if (job == 0) {
            if (p->guid == 0)
                w_slot_drop (c->w, W_T_PRIMARIES, id);
            return;
        }
        p->job = job;
        p->database = w_intern (c->w, c->op->db);
        p->guid = p->guid != 0 ? p->guid : ++c->w->next_guid;
        p->since_ms = c->w->now_ms;
    }
    set_primary (c, p, fresh);
    c->out->value[0] = c->w->jobs[p->job - 1].guid;
    c->out->value[1] = p->guid;
}

void
w_do_ls_delete_primary (struct w_ctx *c)
{
    w_id id = find_primary (c->w, c->op->instance, c->op->db);

    if (id == 0)
        fail (c, 32010, "%s", c->op->db);
    else if (find_pair (c->w, id, NULL, NULL) != 0)
        fail (c, 32011, "%s", c->op->db);
    if (c->out->status != W_DONE)
        return;
    w_job_drop (c->w, c->w->primaries[id - 1].job);
    w_slot_drop (c->w, W_T_PRIMARIES, id);
}

void
w_do_ls_pair (struct w_ctx *c)
{
    w_id primary = find_primary (c->w, c->op->instance, c->op->db), id;

    if (primary == 0) {
        fail (c, 32010, "%s", c->op->db);
        return;
    }
    id = find_pair (c->w, primary, c->op->name[0], c->op->name[1]);
    if (id != 0) {
        if ((c->op->flags & W_WITH_OVERWRITE) == 0)
            fail (c, 32012, "%s\1%s\1%s", c->op->name[0], c->op->name[1], c->op->db);
        return;
    }
    id = w_slot_new (c->w, W_T_PAIRS);
    if (id == 0) {
        fail (c, W_LAB_FULL, "log shipping pairs");
        return;
    }
    c->w->pairs[id - 1].primary = primary;
    c->w->pairs[id - 1].server = w_intern (c->w, c->op->name[0]);
    c->w->pairs[id - 1].database = w_intern (c->w, c->op->name[1]);
}

void
w_do_ls_delete_pair (struct w_ctx *c)
{
    w_id primary = find_primary (c->w, c->op->instance, c->op->db);

    if (primary == 0)
        fail (c, 32010, "%s", c->op->db);
    else
        w_slot_drop (c->w, W_T_PAIRS, find_pair (c->w, primary, c->op->name[0], c->op->name[1]));
}

static void
set_secondary (struct w_ctx *c, struct w_secondary *s, bool fresh)
{
    if (fresh || c->op->path[0][0] != 0)
        s->source = w_intern (c->w, c->op->path[0]);
    if (fresh || c->op->path[1][0] != 0)
        s->destination = w_intern (c->w, c->op->path[1]);
    if (fresh || c->op->name[3][0] != 0)
        s->monitor = w_intern (c->w, c->op->name[3][0] != 0 ? c->op->name[3] : w_str (c->w, c->inst->server));
    s->retention_min = pick (c->op->n[0], fresh ? 14420 : s->retention_min);
}

static void
drop_secondary (struct world *w, w_id id)
{
    w_job_drop (w, w->secondaries[id - 1].copy_job);
    w_job_drop (w, w->secondaries[id - 1].restore_job);
    w_slot_drop (w, W_T_SECONDARIES, id);
}

void
w_shipping_forget (struct world *w, w_id instance)
{
    for (w_id i = 1; i <= w->npairs; i++)
        if (w->pairs[i - 1].primary != 0 && w->primaries[w->pairs[i - 1].primary - 1].instance == instance)
            w_slot_drop (w, W_T_PAIRS, i);
    for (w_id i = 1; i <= w->nprimaries; i++)
        if (w->primaries[i - 1].instance == instance)
            w_slot_drop (w, W_T_PRIMARIES, i);
    for (w_id i = 1; i <= w->nsecondary_dbs; i++)
        if (w->secondary_dbs[i - 1].secondary != 0
            && w->secondaries[w->secondary_dbs[i - 1].secondary - 1].instance == instance)
            w_slot_drop (w, W_T_SECONDARY_DBS, i);
    for (w_id i = 1; i <= w->nsecondaries; i++)
        if (w->secondaries[i - 1].instance == instance)
            w_slot_drop (w, W_T_SECONDARIES, i);
}

void
w_do_ls_secondary (struct w_ctx *c)
{
    w_id id = find_secondary (c->w, c->op->instance, c->op->name[0], c->op->db);
    bool fresh = c->op->kind == W_OP_LS_ADD_SECONDARY, made = false;
    struct w_secondary *s;

    if (!fresh && id == 0) {
        fail (c, 32023, "%s\1%s", c->op->name[0], c->op->db);
        return;
    }
    if (fresh && !edition_ships (c))
        return;
    if (fresh && id != 0 && (c->op->flags & W_WITH_OVERWRITE) == 0) {
        fail (c, 32024, "%s\1%s", c->op->name[0], c->op->db);
        return;
    }
    if (id == 0) {
        id = w_slot_new (c->w, W_T_SECONDARIES);
        made = true;
    }
    if (id == 0) {
        fail (c, W_LAB_FULL, "log shipping secondaries");
        return;
    }
    s = &c->w->secondaries[id - 1];
    s->instance = c->op->instance;
    if (fresh) {
        s->copy_job = job_for (c, s->copy_job, W_JOB_COPY, c->op->name[1], id);
        s->restore_job = s->copy_job == 0 ? 0 : job_for (c, s->restore_job, W_JOB_RESTORE, c->op->name[2], id);
        if (s->restore_job == 0) {
            if (made)
                drop_secondary (c->w, id);
            return;
        }
        s->server = w_intern (c->w, c->op->name[0]);
        s->database = w_intern (c->w, c->op->db);
        s->guid = s->guid != 0 ? s->guid : ++c->w->next_guid;
    }
    set_secondary (c, s, fresh);
    c->out->value[0] = c->w->jobs[s->copy_job - 1].guid;
    c->out->value[1] = c->w->jobs[s->restore_job - 1].guid;
    c->out->value[2] = s->guid;
}

static bool
secondary_in_use (const struct world *w, w_id id)
{
    for (unsigned i = 0; i < w->nsecondary_dbs; i++)
        if (w->secondary_dbs[i].secondary == id)
            return true;
    return false;
}

void
w_do_ls_delete_secondary (struct w_ctx *c)
{
    w_id id = find_secondary (c->w, c->op->instance, c->op->name[0], c->op->db);

    if (id == 0)
        fail (c, 32023, "%s\1%s", c->op->name[0], c->op->db);
    else if (secondary_in_use (c->w, id))
        fail (c, 32025, "%s\1%s", c->op->name[0], c->op->db);
    else
        drop_secondary (c->w, id);
}

static void
set_secondary_db (struct w_secondary_db *d, const int32_t *n, bool fresh)
{
    d->delay_min = pick (n[0], fresh ? 0 : d->delay_min);
    d->restore_all = (uint8_t) pick (n[1], fresh ? 1 : d->restore_all);
    d->restore_mode = (uint8_t) pick (n[2], fresh ? 0 : d->restore_mode);
    d->disconnect_users = (uint8_t) pick (n[3], fresh ? 0 : d->disconnect_users);
    d->threshold_min = pick (n[4], fresh ? 45 : d->threshold_min);
    d->threshold_alert = pick (n[5], fresh ? 14421 : d->threshold_alert);
    d->alert_enabled = (uint8_t) pick (n[6], fresh ? 1 : d->alert_enabled);
    d->history_min = pick (n[7], fresh ? 14420 : d->history_min);
    d->block_size = n[8] != 0 ? n[8] : fresh ? -1 : d->block_size;
    d->buffer_count = n[9] != 0 ? n[9] : fresh ? -1 : d->buffer_count;
    d->max_transfer = pick (n[10], fresh ? 0 : d->max_transfer);
}

void
w_do_ls_secondary_db (struct w_ctx *c)
{
    bool fresh = c->op->kind == W_OP_LS_ADD_SECONDARY_DB;
    w_id id = find_secondary_db (c->w, c->op->instance, c->op->db), secondary;
    struct w_secondary_db *d;

    if (!fresh) {
        if (id == 0)
            fail (c, 32014, "%s", c->op->db);
        else
            set_secondary_db (&c->w->secondary_dbs[id - 1], c->op->n, false);
        return;
    }
    secondary = find_secondary (c->w, c->op->instance, c->op->name[0], c->op->name[1]);
    if (secondary == 0) {
        fail (c, 32023, "%s\1%s", c->op->name[0], c->op->name[1]);
        return;
    }
    if (id != 0 && (c->op->flags & W_WITH_OVERWRITE) == 0) {
        fail (c, 32013, "%s", c->op->db);
        return;
    }
    if (id == 0)
        id = w_slot_new (c->w, W_T_SECONDARY_DBS);
    if (id == 0) {
        fail (c, W_LAB_FULL, "log shipping secondary databases");
        return;
    }
    d = &c->w->secondary_dbs[id - 1];
    d->secondary = secondary;
    d->database = w_intern (c->w, c->op->db);
    if (d->since_ms == 0)
        d->latency_min = -1;
    d->since_ms = c->w->now_ms;
    set_secondary_db (d, c->op->n, true);
}

/* The last database of a secondary takes the secondary and its jobs along. */
void
w_do_ls_delete_secondary_db (struct w_ctx *c)
{
    w_id id = find_secondary_db (c->w, c->op->instance, c->op->db), secondary;

    if (id == 0) {
        fail (c, 32014, "%s", c->op->db);
        return;
    }
    secondary = c->w->secondary_dbs[id - 1].secondary;
    w_slot_drop (c->w, W_T_SECONDARY_DBS, id);
    if (!secondary_in_use (c->w, secondary))
        drop_secondary (c->w, secondary);
}

void
w_do_ls_alert (struct w_ctx *c)
{
    w_id job = 0;

    for (w_id i = 1; i <= c->w->njobs && job == 0; i++)
        if (c->w->jobs[i - 1].instance == c->op->instance && c->w->jobs[i - 1].kind == W_JOB_ALERT)
            job = i;
    if (job == 0) {
        char name[W_NAME + 16] = "LSAlert_";

        strncat (name, w_str (c->w, c->inst->server), W_NAME);
        job = w_job_new (c->w, c->op->instance, W_JOB_ALERT, name);
        if (job != 0)
            c->w->jobs[job - 1].enabled = c->w->jobs[job - 1].scheduled = 1;
    }
    if (job == 0)
        fail (c, W_LAB_FULL, "jobs");
    else
        c->out->value[0] = c->w->jobs[job - 1].guid;
}
