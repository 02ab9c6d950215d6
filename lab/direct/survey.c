/* observe, locate, survey, quote, check-store: what only looks. */
#include "core/base/buf.h"
#include "lab/direct/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ observe, check-store */

static enum go
silent (struct step *s)
{
    static const char *const rest[][2] = { { "answers", "no" },     { "state", "unknown" }, { "role", "none" },
                                           { "mirroring", "none" }, { "partner", "" },      { "lsn", "" },
                                           { "shipping", "none" } };

    for (unsigned i = 0; i < sizeof rest / sizeof *rest; i++)
        d_tell (s, rest[i][0], rest[i][1]);
    d_tellf (s, "sentence", "instance '%s' does not answer", d_instance_name (s, s->c->on));
    return d_done (s);
}

static void
tell_lsn (struct step *s, const struct w_copy *c)
{
    const struct w_history *h = d_backed_up (s, s->c->on, W_SET_LOG);

    if (c != NULL && (d_restoring (c) || c->standby || d_mirrored (c)))
        d_tell_lsn (s, "lsn", c->lsn);
    else if (c != NULL && h != NULL)
        d_tell_lsn (s, "lsn", h->last);
    else
        d_tell (s, "lsn", "");
}

static enum go
observe (struct step *s)
{
    static const char *const mirroring[] = { "SUSPENDED", "DISCONNECTED", "SYNCHRONIZING", "PENDING_FAILOVER",
                                             "SYNCHRONIZED" };
    const struct w_copy *c;
    unsigned count;

    if (s->c->on == 0)
        return d_fail (s, D_FAIL, "no instance is named");
    if (!d_reach (s, s->c->on))
        return silent (s);
    c = d_copy (s, s->c->on);
    d_tell (s, "answers", "yes");
    d_tell (s, "state", d_copy_state (c));
    d_tell (s, "role", !d_mirrored (c) ? "none" : d_is_mirror (c) ? "MIRROR" : "PRINCIPAL");
    d_tell (s, "mirroring", !d_mirrored (c) ? "none" : mirroring[c->mirroring % 5]);
    d_tell (s, "partner", !d_mirrored (c) ? "" : d_server_name (s, c->partner_id));
    tell_lsn (s, c);
    d_tell (s, "shipping",
            d_primary (s, s->c->on) != NULL                ? "primary"
            : d_secondary_db (s, s->c->on, &count) != NULL ? "secondary"
                                                           : "none");
    d_tellf (s, "sentence", "%s at %s is %s", s->db->name, d_instance_name (s, s->c->on), d_copy_words (c));
    return d_done (s);
}

const phase_fn d_observe[] = { observe, NULL };

static enum go
check_store (struct step *s)
{
    const struct w_copy *c;

    D_OPEN (s, s->c->on);
    c = d_copy (s, s->c->on);
    d_tell (s, "state", d_copy_state (c));
    d_tellf (s, "sentence", "%s at %s is %s", s->db->name, d_instance_name (s, s->c->on), d_copy_words (c));
    return d_serves (c) ? d_done (s) : d_fail (s, D_FAIL, "the store is not ready: it is %s", d_copy_words (c));
}

const phase_fn d_check_store[] = { check_store, NULL };

/* ------------------------------------------------------------------ locate, survey */

struct holder {
    w_id instance;
    bool reached;
    const struct w_copy *copy;
};

/* The instances of a site that hold a copy. */
static unsigned
holders_of (struct step *s, struct holder ret[4])
{
    const w_id places[] = { s->db->primary, s->db->mirror, s->db->backup, s->db->backup_mirror };
    w_id site = d_id (s->d, "site", d_option (s, "site"));
    unsigned n = 0;

    for (unsigned i = 0; i < 4; i++)
        if (places[i] != 0 && s->w->instances[places[i] - 1].site == site) {
            ret[n].instance = places[i];
            ret[n].reached = d_reach (s, places[i]);
            ret[n].copy = ret[n].reached ? d_copy (s, places[i]) : NULL;
            n++;
        }
    return n;
}

static bool
is_principal (const struct holder *h)
{
    return h->reached && (d_serves (h->copy) || (d_mirrored (h->copy) && h->copy->role == W_PRINCIPAL));
}

static bool
is_orphan (const struct holder *h)
{
    return h->reached && d_is_mirror (h->copy) && h->copy->mirroring == W_DISCONNECTED;
}

static enum go
locate (struct step *s)
{
    struct holder h[4];
    unsigned n = holders_of (s, h);
    w_id principal = 0, orphan = 0;

    for (unsigned i = 0; i < n; i++) {
        if (is_principal (&h[i]) && principal != 0)
            return d_fail (s, D_FAIL, "two copies are principal at once: at '%s' and at '%s'",
                           d_instance_name (s, principal), d_instance_name (s, h[i].instance));
        if (is_principal (&h[i]))
            principal = h[i].instance;
        else if (is_orphan (&h[i]))
            orphan = h[i].instance;
    }
    d_tell (s, "principal", d_instance_name (s, principal != 0 ? principal : orphan));
    return d_done (s);
}

const phase_fn d_locate[] = { locate, NULL };

static void
tell_risk (struct step *s, const struct holder *h, unsigned n)
{
    const char *label = d_option (s, "to");
    const struct holder *to, *other;

    d_tell (s, "risk", "");
    if (n != 2 || label == NULL)
        return;
    to = &h[strcmp (label, "mirror") == 0];
    other = &h[to == h];
    if (!to->reached || !d_is_mirror (to->copy))
        return;
    if (!other->reached)
        d_tellf (s, "risk", "The principal, %s, does not answer, so service must be forced at %s.",
                 d_instance_name (s, other->instance), d_instance_name (s, to->instance));
    else if (to->copy->mirroring == W_SUSPENDED)
        d_tell (s, "risk", "The mirroring session is suspended.");
}

static enum go
survey (struct step *s)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf answering = { 0 }, words = { 0 };
    struct holder h[4];
    unsigned n = holders_of (s, h);
    w_id principal = 0;
    bool orphan = false;

    for (unsigned i = 0; i < n; i++) {
        if (h[i].reached)
            sb_buf_printf (&answering, "%s%s", answering.len > 0 ? ", " : "", d_instance_name (s, h[i].instance));
        sb_buf_printf (&words, "%s%s %s%s", i > 0 ? "; " : "", d_instance_name (s, h[i].instance),
                       h[i].reached ? "answers: " : "does not answer", h[i].reached ? d_copy_words (h[i].copy) : "");
        if (principal == 0 && is_principal (&h[i]))
            principal = h[i].instance;
        orphan = orphan || is_orphan (&h[i]);
    }
    d_tell (s, "answering", sb_buf_cstr (&answering));
    d_tell (s, "principal", d_instance_name (s, principal));
    d_tell (s, "mirror alive", orphan && principal == 0 ? "yes" : "no");
    tell_risk (s, h, n);
    d_tell (s, "sentence", sb_buf_cstr (&words));
    return d_done (s);
}

const phase_fn d_survey[] = { survey, NULL };

/* ------------------------------------------------------------------ quote */

/* Whether the tail can be had from this instance. */
static bool
has_tail (struct step *s, w_id instance, bool *ret_orphan)
{
    const struct w_copy *c =
            instance != 0 && instance != s->c->on && d_reach (s, instance) ? d_copy (s, instance) : NULL;

    *ret_orphan = c != NULL && d_is_mirror (c) && c->mirroring == W_DISCONNECTED;
    return *ret_orphan || d_serves (c);
}

static void
tell_tail (struct step *s)
{
    const w_id places[] = { s->db->primary, s->db->mirror };
    const char *given = d_option (s, "tail");
    bool orphan;

    if (given != NULL) {
        d_tell (s, "tail", strcmp (given, "yes") == 0 ? "it was taken" : given);
        return;
    }
    d_tell (s, "tail", "it cannot be had: no instance that holds it answers");
    for (unsigned i = 2; i-- > 0;)
        if (has_tail (s, places[i], &orphan))
            d_tellf (s, "tail", "it can still be had from %s%s", d_instance_name (s, places[i]),
                     orphan ? ", the mirror that lost its principal" : "");
}

/* How far the log backups reach on the share (unless the copy step could not read it) and in the copy folder. */
static void
tell_folders (struct step *s, const struct w_copy *c)
{
    const char *shared = d_unc (s, d_id (s->d, "share", d_option (s, "shared"))), *source = d_option (s, "source");
    const char *folder = d_unc (s, s->db->copy_folder);
    w_lsn on_share = 0, copied = 0;
    int64_t share_bytes = 0, copied_bytes = 0;

    if (shared != NULL && (source == NULL || strcmp (source, "done") == 0))
        d_beyond (s, s->c->on, shared, c->lsn, &on_share, &share_bytes);
    if (folder != NULL)
        d_beyond (s, s->c->on, folder, c->lsn, &copied, &copied_bytes);
    d_tell (s, "on share", "");
    d_tell (s, "copied", "");
    if (on_share != 0)
        d_tell_lsn (s, "on share", on_share);
    if (copied != 0)
        d_tell_lsn (s, "copied", copied);
    d_tellf (s, "waiting bytes", "%" PRId64, share_bytes > copied_bytes ? share_bytes : copied_bytes);
}

static enum go
quote (struct step *s)
{
    const struct w_history *h;
    const struct w_copy *c;

    D_OPEN (s, s->c->on);
    c = d_copy (s, s->c->on);
    if (c == NULL || (!d_restoring (c) && !c->standby))
        return d_fail (s, D_FAIL, "no loss can be quoted: the copy is %s", d_copy_words (c));
    h = d_restored (s, s->c->on, false);
    d_tell_lsn (s, "lsn", c->lsn);
    if (h != NULL) {
        d_tell_time (s, "time", h->start_ms);
        d_tellf (s, "window s", "%" PRId64, s->w->now_ms > h->start_ms ? (s->w->now_ms - h->start_ms + 999) / 1000 : 0);
    }
    tell_folders (s, c);
    tell_tail (s);
    d_tell (s, "estimate", "");
    d_tellf (s, "sentence", "Everything committed to %s up to LSN %" PRId64 " is safe at %s.", s->db->name, c->lsn,
             d_instance_name (s, s->c->on));
    return d_done (s);
}

const phase_fn d_quote[] = { quote, NULL };
