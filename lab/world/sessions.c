/* Sessions: who is connected to which instance, in which database, and how a
 * session ends: by itself, by KILL, by ROLLBACK IMMEDIATE, by power or a cut link. */
#include "lab/world/intern.h"

#include "core/base/text.h"

#include <stdio.h>
#include <string.h>

static const char *const system_databases[] = { "master", "tempdb", "model", "msdb" };

static bool
is_system (const char *db)
{
    for (unsigned i = 0; i < sizeof system_databases / sizeof *system_databases; i++)
        if (sb_casecmp (system_databases[i], db) == 0)
            return true;
    return false;
}

void
w_session_end (struct world *w, w_id session, bool killed, bool tell)
{
    struct w_session *s = &w->sessions[session - 1];

    for (unsigned i = 0; i < w->ncopies; i++)
        if (w->copies[i].instance == s->instance && w->copies[i].holder == s->spid)
            w->copies[i].holder = 0;
    if (tell)
        w_event (W_EV_CUT, s->instance, s->spid, killed);
    w_slot_drop (w, W_T_SESSIONS, session);
}

unsigned
w_sessions_in (const struct world *w, const struct w_copy *c, uint16_t spid)
{
    unsigned n = 0;

    for (unsigned i = 0; i < w->nsessions; i++)
        n += w->sessions[i].instance == c->instance && w->sessions[i].copy == w_copy_id (w, c)
             && w->sessions[i].spid != spid;
    return n;
}

void
w_sessions_cut (struct world *w, const struct w_copy *c, uint16_t spid, bool killed, struct w_out *out)
{
    w_id copy = w_copy_id (w, c);
    struct w_session *s;

    for (w_id i = w->nsessions; i > 0; i--) {
        s = &w->sessions[i - 1];
        if (s->instance != c->instance || (s->copy != copy && c->holder != s->spid) || s->spid == spid)
            continue;
        if (out != NULL && out->nvictims < sizeof out->victims / sizeof *out->victims)
            out->victims[out->nvictims++] = s->spid;
        w_session_end (w, i, killed, true);
    }
}

void
w_sessions_cut_instance (struct world *w, w_id instance)
{
    for (w_id i = w->nsessions; i > 0; i--)
        if (w->sessions[i - 1].instance == instance)
            w_session_end (w, i, false, false);
}

void
w_works_cut (struct world *w, w_id instance, uint16_t spid)
{
    for (w_id i = w->nworks; i > 0; i--)
        if (w->works[i - 1].op.instance == instance && (spid == 0 || w->works[i - 1].op.spid == spid))
            w_slot_drop (w, W_T_WORKS, i);
}

static uint16_t
new_spid (struct world *w, w_id instance)
{
    struct w_instance *n = w_instance (w, instance);

    do
        n->next_session = (uint16_t) (n->next_session < 51 || n->next_session >= 32000 ? 51 : n->next_session + 1);
    while (w_session (w, instance, n->next_session) != NULL);
    return n->next_session;
}

void
w_do_login (struct w_ctx *c)
{
    w_id from = w_site_of_host (c->w, c->op->name[1]), copy = 0, id;
    struct w_session *s;
    int why = 0;

    if (!w_reaches (c->w, from, c->op->instance)) {
        c->out->status = W_UNREACHABLE;
        return;
    }
    if (c->op->db[0] != 0 && !is_system (c->op->db)) {
        copy = c->copy == NULL ? 0 : w_copy_id (c->w, c->copy);
        why = w_copy_readable (c->w, copy, 0);
        if (why == 0 && c->copy != NULL && c->copy->user_access == W_RESTRICTED_USER
            && (c->op->flags & W_WITH_SYSADMIN) == 0)
            why = 923;
    }
    if (why != 0) {
        fail (c, 4060, "%s", c->op->db);
        fail (c, 18456, "%s", c->op->name[0]);
        return;
    }
    id = w_slot_new (c->w, W_T_SESSIONS);
    if (id == 0) {
        c->out->status = W_UNREACHABLE;
        return;
    }
    s = &c->w->sessions[id - 1];
    s->spid = new_spid (c->w, c->op->instance);
    s->instance = c->op->instance;
    s->copy = copy;
    s->site = from;
    s->login = w_intern (c->w, c->op->name[0]);
    s->host = w_intern (c->w, c->op->name[1]);
    s->program = w_intern (c->w, c->op->name[2]);
    s->sysadmin = (c->op->flags & W_WITH_SYSADMIN) != 0;
    s->pid = (uint32_t) c->op->n[0];
    s->login_ms = s->last_ms = c->w->now_ms;
    if (copy != 0 && c->copy != NULL && c->copy->user_access == W_SINGLE_USER)
        c->copy->holder = s->spid;
    c->out->value[0] = s->spid;
    c->out->value[1] = copy;
}

void
w_do_logout (struct w_ctx *c)
{
    if (c->me != NULL)
        w_session_end (c->w, (w_id) (c->me - c->w->sessions + 1), false, false);
}

void
w_do_use (struct w_ctx *c)
{
    int why;

    if (is_system (c->op->db)) { /* always there; a database held in SINGLE_USER stays held */
        if (c->me != NULL)
            c->me->copy = 0;
        return;
    }
    if (c->copy == NULL) {
        fail (c, 911, "%s", c->op->db);
        return;
    }
    why = w_copy_readable (c->w, w_copy_id (c->w, c->copy), c->op->spid);
    if (why != 0) {
        fail (c, why, "%s", c->op->db);
        return;
    }
    if (c->me != NULL) {
        c->me->copy = w_copy_id (c->w, c->copy);
        if (c->copy->user_access == W_SINGLE_USER)
            c->copy->holder = c->me->spid;
    }
    c->out->value[1] = w_copy_id (c->w, c->copy);
}

void
w_do_kill (struct w_ctx *c)
{
    int spid = c->op->n[0];
    struct w_session *s;

    if (spid <= 0 || spid > 32767) {
        fail (c, 6101, "%d", spid);
        return;
    }
    if (c->me != NULL && !c->me->sysadmin) {
        fail (c, 6102, NULL);
        return;
    }
    if (c->me != NULL && c->me->in_tran) {
        fail (c, 6115, NULL);
        return;
    }
    if (spid == c->op->spid) {
        fail (c, 6104, NULL);
        return;
    }
    if (spid <= 50) {
        fail (c, 6107, NULL);
        return;
    }
    s = w_session (c->w, c->op->instance, (uint16_t) spid);
    w_works_cut (c->w, c->op->instance, (uint16_t) spid);
    if (s == NULL) {
        fail (c, 6106, "%d", spid);
        return;
    }
    w_session_end (c->w, (w_id) (s - c->w->sessions + 1), true, true);
}

void
w_do_tran (struct w_ctx *c)
{
    if (c->me != NULL)
        c->me->in_tran = c->op->n[0] != 0;
}

/* Does `fail-next` speak of this session? */
static bool
is_meant (const struct w_ctx *c)
{
    const char *program = c->me != NULL ? w_str (c->w, c->me->program) : "";

    return c->inst->fail_program == 0 || sb_glob (w_str (c->w, c->inst->fail_program), program, true);
}

/* What the lab was told to do to this statement. */
void
w_do_statement (struct w_ctx *c)
{
    struct w_instance *n = c->inst;

    if (c->me == NULL && c->op->spid != 0) { /* it was ended, and its door has not heard of it yet */
        fail (c, 596, NULL);
        return;
    }
    if (c->me != NULL)
        c->me->last_ms = c->w->now_ms;
    if (n->fail_next != 0 && is_meant (c)) {
        fail (c, n->fail_next, "%s", c->op->db);
        n->fail_next = 0;
        c->w->version++;
        return;
    }
    if (n->slow_ms > 0 && sb_glob (w_str (c->w, n->slow_pattern), c->op->path[0], true))
        c->out->value[0] = n->slow_ms;
}

void
w_do_attention (struct w_ctx *c)
{
    for (w_id i = 1; i <= c->w->nworks; i++)
        if (c->w->works[i - 1].id == c->op->n[0]) {
            w_slot_drop (c->w, W_T_WORKS, i);
            fail (c, 3204, NULL);
            return;
        }
}
