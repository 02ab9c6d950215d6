/* The world a workflow begins in.
 *
 *   steady       as built: mirrored, shipped, four active servers in the first site
 *   site-lost    steady, messages on their way through the log shipping, then the first site without power
 *   failed-over  site-lost, the packaged failover carried out without a disturbance, and the first site back as it was
 *   rebuilt      the same, and new machines stand in the first site
 *   bare         steady, the packaged teardown carried out: one copy of each database, and nothing protects it
 *
 * A message is written at each stage of the way, so that a quote has something
 * to promise and something to lose. */
#include "prove/prove.h"

#include <stdlib.h>
#include <string.h>

const char *const p_start_names[] = {
    [P_START_AUTO] = "auto",           [P_START_STEADY] = "steady",
    [P_START_SITE_LOST] = "site-lost", [P_START_FAILED_OVER] = "failed-over",
    [P_START_REBUILT] = "rebuilt",     [P_START_BARE] = "bare",
};

static bool
has_verb (const struct p_case *c, const char *verb, const char *param, const char *value)
{
    uint32_t i;
    size_t k;

    for (i = 0; i < c->plan.count; i++) {
        const struct sb_plan_step *p = &c->plan.steps[i];

        if (!p->verb || strcmp (p->verb, verb) != 0)
            continue;
        for (k = 0; param && k < p->nparams; k++)
            if (strcmp (p->params[k].name, param) == 0 && p->params[k].value && strcmp (p->params[k].value, value) == 0)
                return true;
        if (!param)
            return true;
    }
    return false;
}

/* What the workflow means to reach tells where it begins. */
enum p_start
p_start_guess (const struct p_case *c)
{
    if (has_verb (c, "set-state", "state", "Normal"))
        return P_START_FAILED_OVER;
    if (has_verb (c, "set-state", "state", "FailedOver") && has_verb (c, "recover", NULL, NULL)
        && !has_verb (c, "freeze", NULL, NULL))
        return P_START_SITE_LOST;
    return has_verb (c, "seed-copy", NULL, NULL) ? P_START_BARE : P_START_STEADY;
}

/* ---------------------------------------------------------------- making it */

struct making {
    struct p_case *c;
    struct p_state *s;
};

static void
pass (struct making *m, int64_t ms)
{
    struct p_view v;
    int64_t end = m->s->world->now_ms + ms;

    while (m->s->world->now_ms < end) {
        direct_tick (m->c->direct, p_view (&v, m->s), m->s->world->now_ms + 250);
        direct_servers (m->c->direct, &v.place);
    }
}

static void
op (struct making *m, enum w_op_kind kind, w_id instance, w_id subject, int32_t n0, int32_t n1)
{
    struct p_view v;
    struct w_op o;
    struct w_out out;

    w_op_init (&o, kind, instance, 0, "");
    o.subject = subject;
    o.n[0] = n0;
    o.n[1] = n1;
    direct_do (m->c->direct, p_view (&v, m->s), &o, &out);
}

static void
write_message (struct making *m)
{
    struct p_view v;
    struct world *w = m->s->world;
    size_t db, n = direct_databases (m->c->direct);
    w_id i;

    for (db = 0; db < n; db++) {
        if (!direct_database (m->c->direct, db)->fail_over)
            continue;
        for (i = 1; i <= w->nservers; i++)
            if (m->s->nmessages < P_MESSAGES / 2 && direct_server_copy (m->c->direct, w, i, db) != 0
                && direct_write (m->c->direct, p_view (&v, m->s), i, db, &m->s->messages[m->s->nmessages].m)) {
                m->s->messages[m->s->nmessages++].database = (uint8_t) db;
                break;
            }
    }
}

static void
run_job (struct making *m, enum w_job_kind kind)
{
    const struct world *w = m->s->world;
    unsigned i;

    for (i = 0; i < w->njobs; i++)
        if (w->jobs[i].kind == kind && w->jobs[i].enabled && w_answers (w, w->jobs[i].instance))
            op (m, W_OP_JOB_START, w->jobs[i].instance, (w_id) (i + 1), 0, 0);
    pass (m, 1000);
}

/* One message that was shipped and restored, one that lies on the share, one that no backup holds yet. */
static void
some_traffic (struct making *m)
{
    write_message (m);
    run_job (m, W_JOB_BACKUP);
    run_job (m, W_JOB_COPY);
    run_job (m, W_JOB_RESTORE);
    write_message (m);
    run_job (m, W_JOB_BACKUP);
    write_message (m);
}

static w_id
site_of (const struct p_case *c, const char *key)
{
    const struct sb_object *pool = sb_topology_pool (&c->topology);
    const char *name = pool ? sb_object_attr (pool, key) : NULL;

    return name ? w_find_site (c->first->world, name) : 0;
}

/* Carries a packaged workflow out in this world. */
static bool
carry_out (struct p_case *c, struct p_state *s, const char *workflow, enum p_start start, struct sb_faults *faults)
{
    struct p_case other;
    struct p_input in = { .topology_file = c->topology.file, .start = start };
    SB_AUTOFREE char *file = NULL;
    struct p_run r = { .c = &other };
    struct p_choice list[P_CHOICES];
    size_t count;
    unsigned moves = 0;
    bool good;

    file = sb_xprintf ("%s/%s.ini", c->workflows ? c->workflows : SB_WORKFLOW_DIR, workflow);
    in.workflow_file = file;
    good = p_case_load (&other, &in, faults);
    if (good) {
        r.s = p_state_new (&other);
        p_scenario (&other, r.s);
        p_begin (&r);
        while (moves++ < 100000 && p_choices (&other, r.s, list, &count)) {
            p_state_settle_texts (&other, r.s);
            p_take (&r, list[0]);
        }
        good = r.s->finished && (r.s->outcome == SB_RUN_DONE || r.s->outcome == SB_RUN_DONE_OWED);
        if (!good)
            sb_fault (faults, NULL, 0, "the world of '%s' cannot be made: the undisturbed %s ends %s",
                      p_start_names[c->start], workflow, sb_outcome_words[r.s->outcome].name);
        w_assign (s->world, r.s->world);
        direct_files_assign (&s->files, &r.s->files);
        memcpy (s->messages, r.s->messages, sizeof s->messages);
        s->nmessages = r.s->nmessages;
        p_state_free (r.s);
    }
    sb_turn_free (&r.turn);
    p_case_free (&other);
    return good;
}

static void
bring_site_back (struct making *m)
{
    struct world *w = m->s->world;
    w_id site = m->c->left, i;

    for (i = 1; i <= w->nservers; i++)
        if (w->servers[i - 1].site == site)
            w->servers[i - 1].chat_wanted = w->servers[i - 1].compliance_wanted = 0;
    if (m->c->start == P_START_REBUILT)
        op (m, W_OP_SITE_REBUILD, 0, 0, site, 0);
    op (m, W_OP_SITE_POWER, 0, 0, site, 1);
    pass (m, 15000);
    write_message (m);
}

/* Messages that this workflow cannot be blamed for: they lie in no copy that serves. */
static void
mark_lost_before (struct making *m)
{
    struct p_state *s = m->s;
    uint32_t k;
    w_id i;

    for (k = 0; k < s->nmessages; k++) {
        struct p_message *p = &s->messages[k];
        p->late = 1;
        for (i = 1; i <= s->world->nservers; i++) {
            w_id copy = direct_server_copy (m->c->direct, s->world, i, p->database);

            if (copy != 0 && w_copy_has (s->world, copy, p->m.fork, p->m.lsn))
                p->late = 0;
        }
    }
    for (k = 0; k < s->nmessages && m->c->start == P_START_REBUILT;) { /* they went with the old machines */
        if (s->messages[k].late)
            s->messages[k] = s->messages[--s->nmessages];
        else
            k++;
    }
}

static void
settle (struct p_case *c)
{
    p_fingerprint (c, c->first, &c->clean);
    c->ntexts = 0;
    p_state_settle_texts (c, c->first);
}

bool
p_scenario_make (struct p_case *c, struct sb_faults *faults)
{
    struct making m = { c, c->first = p_state_new (c) };
    bool good = direct_build (c->direct, P_T0, c->first->world, &c->first->files, faults);

    if (!good)
        return false;
    pass (&m, 5000);
    if (c->start == P_START_FAILED_OVER || c->start == P_START_REBUILT) {
        c->left = site_of (c, "primary site");
        good = carry_out (c, c->first, "failover", P_START_SITE_LOST, faults);
        bring_site_back (&m);
        mark_lost_before (&m);
    } else {
        some_traffic (&m);
    }
    if (c->start == P_START_BARE)
        good = carry_out (c, c->first, "teardown", P_START_STEADY, faults);
    if (c->start == P_START_SITE_LOST) {
        c->left = site_of (c, "primary site");
        op (&m, W_OP_SITE_POWER, 0, 0, c->left, 0);
        pass (&m, 5000);
    }
    c->first->world->text_live = W_MAX_TEXT / W_TEXT_UNIT / 2; /* strings keep their places */
    w_compact (c->first->world);
    c->first->world->text_live = W_MAX_TEXT / W_TEXT_UNIT / 2;
    settle (c);
    return good;
}

void
p_scenario_take (struct p_case *c, const struct p_case *from)
{
    const struct p_state *s = from->first;

    c->first = p_state_new (c);
    w_assign (c->first->world, s->world);
    direct_files_assign (&c->first->files, &s->files);
    memcpy (c->first->messages, s->messages, sizeof s->messages);
    c->first->nmessages = s->nmessages;
    c->first->past = s->past;
    c->left = from->left;
    settle (c);
}

void
p_scenario (const struct p_case *c, struct p_state *s)
{
    uint8_t left[] = { s->deaths, s->events, s->faults, s->noes, s->total };

    if (c->direct)
        p_state_assign (c, s, c->first);
    else
        s->world->now_ms = P_T0;
    s->deaths = left[0];
    s->events = left[1];
    s->faults = left[2];
    s->noes = left[3];
    s->total = left[4];
    sb_engine_init (s->e, &c->plan);
    sb_engine_init (s->j, &c->plan);
}
