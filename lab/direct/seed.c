/* full-recovery, seed-copy, build-dormant: what establishing a pool from
 * nothing needs besides the verbs of a failback. */
#include "lab/direct/verbs.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ full-recovery */

static enum go
must_serve (struct step *s)
{
    D_OPEN (s, s->c->on);
    return d_serves (d_copy (s, s->c->on))
                   ? GO_NEXT
                   : d_fail (s, D_FAIL, "the copy does not serve: it is %s", d_copy_words (d_copy (s, s->c->on)));
}

static enum go
full_model (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on);

    if (s->c->round == 0 && c != NULL && c->recovery_model == W_FULL)
        return GO_NEXT;
    return d_set_state (s, s->c->on, W_OP_RECOVERY, W_FULL, "the recovery model cannot be changed");
}

const phase_fn d_full_recovery[] = { must_serve, full_model, NULL };

enum d_seen
d_see_full_recovery (struct step *s)
{
    enum d_seen seen = d_look (s, s->c->on);
    const struct w_copy *c = d_copy (s, s->c->on);

    return seen != D_YES ? seen : c != NULL && c->recovery_model == W_FULL ? D_YES : D_NO;
}

/* ------------------------------------------------------------------ seed-copy */

static w_id
from_of (const struct step *s)
{
    return d_id (s->d, "instance", d_option (s, "from"));
}

static bool
are_paired (const struct w_copy *a, const struct w_copy *b)
{
    return a != NULL && b != NULL && d_mirrored (a) && a->mirror_guid == b->mirror_guid;
}

static enum go
open_seed (struct step *s)
{
    const struct w_copy *source;

    D_OPEN (s, from_of (s));
    D_OPEN (s, s->c->on);
    source = d_copy (s, from_of (s));
    if (are_paired (d_copy (s, s->c->on), source))
        return d_done (s);
    if (!d_serves (source))
        return d_fail (s, D_FAIL, "there is nothing to copy: the source is %s", d_copy_words (source));
    return d_restore_full[0](s); /* may what stands there be overwritten? */
}

/* The first full backup begins the log chain and cannot be a copy-only one. */
static enum go
seed_backup (struct step *s)
{
    const char *file = d_option (s, "file");
    enum d_class class;
    struct w_op op;

    d_op (s, &op, W_OP_BACKUP, from_of (s));
    snprintf (op.path[0], sizeof op.path[0], "%s", file == NULL ? "" : file);
    op.flags = W_WITH_FORMAT | W_WITH_INIT | W_WITH_CHECKSUM
               | (d_backed_up (s, from_of (s), W_SET_FULL) != NULL ? W_WITH_COPY_ONLY : 0);
    class = d_act (s, &op);
    return class == D_C_OK ? GO_NEXT : d_failed (s, class, "the database cannot be backed up");
}

static enum go
seed_read (struct step *s)
{
    return d_restore_full[1](s);
}

static enum go
seed_restore (struct step *s)
{
    return d_restore_full[3](s);
}

static enum go
seed_told (struct step *s)
{
    return d_restore_full[4](s);
}

const phase_fn d_seed_copy[] = { open_seed, seed_backup, seed_read, d_phase_restrict, seed_restore, seed_told, NULL };

/* A restoring copy of the same family that the source's log can bring up to date. */
static bool
is_seeded (struct step *s, const struct w_copy *c)
{
    const struct w_history *full = d_backed_up (s, from_of (s), W_SET_FULL),
                           *log = d_backed_up (s, from_of (s), W_SET_LOG), *newest = d_restored (s, s->c->on, false);
    const char *folder = d_unc (s, s->db->log_share);
    w_id family = full != NULL ? full->family : log != NULL ? log->family : 0;
    struct d_chain_end end;

    if (c == NULL || !d_restoring (c) || d_mirrored (c) || family == 0 || newest == NULL || newest->family != family)
        return false;
    if (log == NULL || c->lsn >= log->last)
        return true;
    return folder != NULL && d_chain (s, s->c->on, folder, &end, NULL, 0) && end.more && end.lsn >= log->last;
}

enum d_seen
d_see_seed_copy (struct step *s)
{
    const struct w_copy *c;

    if (from_of (s) == 0 || !d_reach (s, from_of (s)) || s->c->on == 0 || !d_reach (s, s->c->on))
        return D_UNKNOWN;
    if (d_at_work (s, from_of (s)) || d_at_work (s, s->c->on))
        return D_PARTLY;
    c = d_copy (s, s->c->on);
    d_tell (s, "lsn", "");
    if (c != NULL && (d_restoring (c) || c->standby))
        d_tell_lsn (s, "lsn", c->lsn);
    return are_paired (c, d_copy (s, from_of (s))) || is_seeded (s, c) ? D_YES : D_NO;
}

/* ------------------------------------------------------------------ build-dormant */

/* Three verbs in a row, each as far as it has phases: the mirror becomes principal, is defined as log shipping primary,
 * and the roles are swapped back, whatever became of it. */
enum {
    SWITCH = 1,
    SWITCHED = 9,
    BUILD = 10,
    BUILT = 20,
    BACK = 21,
    END_OF_BACK = 29,
    SWITCH_PHASES = 8,
    BUILD_PHASES = 10
};

_Static_assert(SWITCH + SWITCH_PHASES == SWITCHED && BUILD + BUILD_PHASES == BUILT
                       && BACK + SWITCH_PHASES == END_OF_BACK,
               "the places of the verbs in d_build_dormant");

/* A phase of another verb at another instance.  That it is done with its verb means only that: on to `next`. */
static enum go
phase_of (struct step *s, phase_fn phase, w_id on, uint8_t next)
{
    w_id mine = s->c->on;
    uint8_t at = s->c->phase;
    enum go go;

    s->c->on = on;
    go = phase (s);
    s->c->on = mine;
    if (go != GO_END || s->a->word != D_OK)
        return go;
    s->c->phase = next;
    s->c->round = 0;
    s->c->count = 0;
    s->c->since_ms = 0;
    s->a->sentence[0] = 0;
    return at == next ? GO_END : GO_AGAIN;
}

static enum go
dormant_check (struct step *s)
{
    if (s->c->on == 0 || s->db->primary == 0 || s->c->on == s->db->primary)
        return d_fail (s, D_FAIL, "the dormant source must be the mirror");
    if (d_see_build_primary (s) != D_YES)
        return GO_NEXT;
    s->c->phase = BUILT;
    return GO_AGAIN;
}

static enum go
dormant_switch (struct step *s)
{
    return phase_of (s, d_mirror_failover[s->c->phase - SWITCH], s->c->on, SWITCHED);
}

static enum go
dormant_build (struct step *s)
{
    return phase_of (s, d_build_primary[s->c->phase - BUILD], s->c->on, BUILT);
}

static enum go
dormant_back (struct step *s)
{
    return phase_of (s, d_mirror_failover[s->c->phase - BACK], s->db->primary, END_OF_BACK);
}

/* Between two verbs: what the one remembered is nothing to the next. */
static enum go
forget (struct step *s)
{
    s->c->bits = s->c->list = 0;
    return GO_NEXT;
}

static enum go
dormant_told (struct step *s)
{
    const struct w_primary *p;
    const struct w_job *j;

    D_OPEN (s, s->c->on);
    p = d_primary (s, s->c->on);
    j = p == NULL ? NULL : d_job (s, p->job);
    d_tell (s, "job", j == NULL ? "" : w_str (s->w, j->name));
    return d_done (s);
}

#define EIGHT(f) f, f, f, f, f, f, f, f
const phase_fn d_build_dormant[] = {
    dormant_check,        EIGHT (dormant_switch), forget, EIGHT (dormant_build), dormant_build, dormant_build, forget,
    EIGHT (dormant_back), dormant_told,           NULL
};

static enum go
undo_forget (struct step *s)
{
    return forget (s);
}

/* After a failure: from phase 1 on, as above. */
static enum go
undo_back (struct step *s)
{
    return phase_of (s, d_mirror_failover[s->c->phase - 1], s->db->primary, 1 + SWITCH_PHASES);
}

const phase_fn d_switch_back[] = { undo_forget, EIGHT (undo_back), NULL };

enum d_seen
d_see_build_dormant (struct step *s)
{
    enum d_seen seen = d_see_build_primary (s);
    const struct w_copy *v;

    if (seen == D_UNKNOWN)
        return seen;
    v = d_copy (s, s->c->on);
    if (seen == D_YES)
        return d_is_mirror (v) ? D_YES : D_PARTLY;
    return v != NULL && d_mirrored (v) && !d_is_mirror (v) ? D_PARTLY : seen;
}
