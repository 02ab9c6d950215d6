/* Exclusive access, state options, jobs: loops that the plugin has in one
 * place, as phases that do one statement at a time. */
#include "lab/direct/verbs.h"

#define STEP_MS  300
#define ALONE_MS 60000
#define JOB_MS   250

/* ------------------------------------------------------------------ sessions in the way */

/* Somebody in the copy, or who holds it from elsewhere; 0: nobody. */
static uint16_t
holder (const struct step *s, w_id instance, const struct w_copy *c)
{
    uint16_t spid = d_user (s, instance, c);

    return spid == 0 && c != NULL ? c->holder : spid;
}

static enum go
end_holder (struct step *s, w_id instance)
{
    uint16_t spid = holder (s, instance, d_copy (s, instance));
    enum d_class class;
    struct w_op op;

    if (spid == 0) {
        s->c->round = 0;
        return d_nap (s, s->w->now_ms + STEP_MS);
    }
    d_op (s, &op, W_OP_KILL, instance);
    op.n[0] = spid;
    class = d_act (s, &op);
    return class == D_C_OK || class == D_C_GONE ? GO_AGAIN : d_failed (s, class, "a session cannot be ended");
}

/* One statement, again while it fails for the moment and, for at most a minute, while others are in the way. */
static enum go
insist (struct step *s, w_id instance, const struct w_op *op, bool on_retry, const char *what)
{
    enum d_class class;

    if (s->c->round == 1)
        return end_holder (s, instance);
    class = d_act (s, op);
    if (class == D_C_OK)
        return GO_NEXT;
    if (s->c->since_ms == 0)
        s->c->since_ms = s->w->now_ms;
    if ((class != D_C_BUSY && !(class == D_C_RETRY && on_retry)) || s->w->now_ms - s->c->since_ms >= ALONE_MS)
        return d_failed (s, class, what);
    if (class == D_C_RETRY)
        return d_nap (s, s->w->now_ms + STEP_MS);
    s->c->round = 1;
    return GO_AGAIN;
}

enum go
d_alone (struct step *s, w_id instance, const struct w_op *op, const char *what)
{
    return insist (s, instance, op, false, what);
}

enum go
d_set_state (struct step *s, w_id instance, enum w_op_kind kind, int n0, const char *what)
{
    struct w_op op;

    d_op (s, &op, kind, instance);
    op.n[0] = n0;
    if (kind != W_OP_ONLINE)
        op.flags = W_WITH_ROLLBACK;
    return insist (s, instance, &op, true, what);
}

/* ------------------------------------------------------------------ states */

enum go
d_await_online (struct step *s, w_id instance, int64_t at_most_ms)
{
    D_OPEN (s, instance);
    if (d_online (d_copy (s, instance)))
        return GO_NEXT;
    if (s->c->since_ms == 0)
        s->c->since_ms = s->w->now_ms;
    if (s->w->now_ms - s->c->since_ms >= at_most_ms)
        return d_fail (s, D_UNSURE, "the copy did not become ONLINE: it is %s", d_copy_words (d_copy (s, instance)));
    return d_nap (s, s->c->since_ms + at_most_ms);
}

enum go
d_unmirror (struct step *s, w_id instance)
{
    enum d_class class;
    struct w_op op;

    D_OPEN (s, instance);
    if (!d_mirrored (d_copy (s, instance)))
        return GO_NEXT;
    if (s->c->since_ms != 0 && s->w->now_ms - s->c->since_ms >= ALONE_MS)
        return d_fail (s, D_UNSURE, "the mirroring session does not end");
    d_op (s, &op, W_OP_PARTNER_OFF, instance);
    class = d_act (s, &op);
    if (class != D_C_OK && class != D_C_GONE && class != D_C_RETRY)
        return d_failed (s, class, "the mirroring session cannot be ended");
    if (!d_mirrored (d_copy (s, instance)))
        return GO_NEXT;
    if (s->c->since_ms == 0)
        s->c->since_ms = s->w->now_ms;
    return d_nap (s, s->w->now_ms + STEP_MS);
}

/* ------------------------------------------------------------------ phases */

enum go
d_phase_open (struct step *s)
{
    return d_open (s, s->c->on);
}

enum go
d_phase_unmirror (struct step *s)
{
    return d_unmirror (s, s->c->on);
}

enum go
d_phase_restrict (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on);

    if (s->c->round == 0 && !d_online (c))
        return GO_NEXT;
    return d_set_state (s, s->c->on, W_OP_ACCESS, W_RESTRICTED_USER, "the copy cannot be restricted");
}

enum go
d_phase_online (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on);

    if (s->c->round == 0 && (c == NULL || c->state != W_OFFLINE))
        return GO_NEXT;
    return d_set_state (s, s->c->on, W_OP_ONLINE, 0, "the copy cannot be brought online");
}

/* After d_phase_online: only a copy that was brought up is waited for. */
enum go
d_phase_await_online (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on);

    return c == NULL || c->state != W_OFFLINE ? GO_NEXT : d_await_online (s, s->c->on, 120000);
}

enum go
d_phase_multi_user (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on);

    if (s->c->round == 0 && (!d_online (c) || c->user_access == W_MULTI_USER))
        return GO_NEXT;
    return d_set_state (s, s->c->on, W_OP_ACCESS, W_MULTI_USER, "the copy cannot be opened");
}

/* ------------------------------------------------------------------ jobs */

static enum go
job_set (struct step *s, struct w_job *j, bool on)
{
    enum d_class class;
    struct w_op op;

    d_op (s, &op, W_OP_JOB_UPDATE, j->instance);
    op.subject = (uint16_t) (j - s->w->jobs + 1);
    op.n[0] = on;
    class = d_act (s, &op);
    return class == D_C_OK ? GO_AGAIN
                           : d_failed (s, class, on ? "a job cannot be enabled" : "a job cannot be disabled");
}

enum go
d_job_off (struct step *s, struct w_job *j)
{
    return job_set (s, j, false);
}

enum go
d_job_on (struct step *s, struct w_job *j)
{
    return job_set (s, j, true);
}
