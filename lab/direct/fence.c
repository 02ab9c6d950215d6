/* fence, release: whether a copy can serve. */
#include "lab/direct/verbs.h"

static bool
cannot_serve (const struct w_copy *c)
{
    return c == NULL || c->state == W_OFFLINE || (c->state == W_RESTORING && !d_mirrored (c));
}

/* The backup job of the database there; NULL: it is no primary, or its job is gone. */
static struct w_job *
backup_job (struct step *s)
{
    struct w_primary *p = d_primary (s, s->c->on);

    return p == NULL ? NULL : d_job (s, p->job);
}

static void
tell (struct step *s, const char *before)
{
    d_tell (s, "found", before);
    d_tell_time (s, "at", s->w->now_ms);
}

/* What was found is told at the end: kept as bits. */
static void
remember (struct step *s, const struct w_copy *c)
{
    s->c->bits = (uint16_t) (c == NULL ? 0
                                       : 1u | c->state << 1 | c->user_access << 4 | (c->standby != 0) << 6
                                                 | (c->read_only != 0) << 7 | d_mirrored (c) << 8 | d_is_mirror (c) << 9
                                                 | c->mirroring << 10);
}

static const char *
remembered (const struct step *s)
{
    unsigned b = s->c->bits;
    struct w_copy c = { .state = b >> 1 & 7,
                        .user_access = b >> 4 & 3,
                        .standby = b >> 6 & 1,
                        .read_only = b >> 7 & 1,
                        .mirror_guid = b >> 8 & 1,
                        .role = (b >> 9 & 1) != 0 ? W_MIRROR : W_PRINCIPAL,
                        .mirroring = b >> 10 & 7 };

    return d_copy_words (b == 0 ? NULL : &c);
}

static enum go
first_look (struct step *s)
{
    D_OPEN (s, s->c->on);
    remember (s, d_copy (s, s->c->on));
    return GO_NEXT;
}

static enum go
job_off (struct step *s)
{
    struct w_job *j = backup_job (s);

    return j == NULL || !j->enabled ? GO_NEXT : d_job_off (s, j);
}

static enum go
unmirror (struct step *s)
{
    return d_copy (s, s->c->on) == NULL ? GO_NEXT : d_unmirror (s, s->c->on);
}

static enum go
restrict_it (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on);

    if (s->c->round == 0 && (cannot_serve (c) || !d_online (c) || c->standby))
        return GO_NEXT;
    return d_set_state (s, s->c->on, W_OP_ACCESS, W_RESTRICTED_USER, "the copy cannot be fenced");
}

static enum go
offline (struct step *s)
{
    if (s->c->round == 0 && cannot_serve (d_copy (s, s->c->on)))
        return GO_NEXT;
    return d_set_state (s, s->c->on, W_OP_OFFLINE, 0, "the copy cannot be fenced");
}

static enum go
fenced (struct step *s)
{
    tell (s, remembered (s));
    return d_done (s);
}

const phase_fn d_fence[] = { first_look, job_off, unmirror, restrict_it, offline, fenced, NULL };

enum d_seen
d_see_fence (struct step *s)
{
    enum d_seen seen = d_look (s, s->c->on);
    const struct w_copy *c = d_copy (s, s->c->on);
    const struct w_job *j;

    if (seen != D_YES)
        return seen;
    j = backup_job (s);
    tell (s, d_copy_words (c));
    if (!cannot_serve (c))
        return j != NULL && !j->enabled ? D_PARTLY : D_NO;
    return j != NULL && j->enabled ? D_PARTLY : D_YES;
}

static enum go
job_on (struct step *s)
{
    struct w_job *j = backup_job (s);

    return j == NULL || j->enabled ? GO_NEXT : d_job_on (s, j);
}

const phase_fn d_release[] = { d_phase_open, d_phase_online, d_phase_await_online, d_phase_multi_user, job_on, NULL };

enum d_seen
d_see_release (struct step *s)
{
    enum d_seen seen = d_look (s, s->c->on);
    const struct w_copy *c = d_copy (s, s->c->on);
    const struct w_job *j;

    if (seen != D_YES)
        return seen;
    j = backup_job (s);
    if (c != NULL && c->state == W_OFFLINE)
        return D_NO;
    if (c != NULL && d_online (c) && c->user_access != W_MULTI_USER)
        return D_PARTLY;
    if (c != NULL && c->state != W_ONLINE && c->state != W_RESTORING)
        return D_PARTLY; /* on its way up */
    return j != NULL && !j->enabled ? D_PARTLY : D_YES;
}
