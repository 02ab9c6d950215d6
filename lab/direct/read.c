/* What servers tell: catalogues, definitions, jobs, history, headers.  Nothing
 * here changes the world. */
#include "core/base/text.h"
#include "lab/direct/intern.h"

#include <stdio.h>
#include <string.h>

bool
d_reach (const struct step *s, w_id instance)
{
    return w_reaches (s->w, s->p->site, instance);
}

enum go
d_open (struct step *s, w_id instance)
{
    if (instance == 0)
        return d_fail (s, D_FAIL, "no instance is named");
    if (d_reach (s, instance))
        return GO_NEXT;
    return d_fail (s, D_RETRY, "instance '%s' does not answer", d_instance_name (s, instance));
}

const char *
d_instance_name (const struct step *s, w_id instance)
{
    return instance == 0 ? "" : w_str (s->w, s->w->instances[instance - 1].name);
}

const char *
d_server_name (const struct step *s, w_id instance)
{
    return instance == 0 ? "" : w_str (s->w, s->w->instances[instance - 1].server);
}

/* ------------------------------------------------------------------ the copy */

struct w_copy *
d_copy (struct step *s, w_id instance)
{
    return w_copy (s->w, w_find_copy (s->w, instance, s->db->name));
}

bool
d_mirrored (const struct w_copy *c)
{
    return c != NULL && c->mirror_guid != 0;
}

bool
d_is_mirror (const struct w_copy *c)
{
    return d_mirrored (c) && c->role == W_MIRROR;
}

bool
d_online (const struct w_copy *c)
{
    return c != NULL && c->state == W_ONLINE;
}

bool
d_restoring (const struct w_copy *c)
{
    return c != NULL && c->state == W_RESTORING;
}

bool
d_serves (const struct w_copy *c)
{
    return d_online (c) && !d_is_mirror (c) && !c->standby && !c->read_only;
}

bool
d_takes_log (const struct w_copy *c)
{
    return c != NULL && (c->state == W_RESTORING || c->standby) && !d_mirrored (c);
}

const char *
d_copy_state (const struct w_copy *c)
{
    return c == NULL                  ? "absent"
           : c->state == W_ONLINE     ? "ONLINE"
           : c->state == W_RESTORING  ? "RESTORING"
           : c->state == W_RECOVERING ? "RECOVERING"
                                      : "OFFLINE";
}

const char *
d_copy_words (const struct w_copy *c)
{
    static const char *const access[] = { "", ", SINGLE_USER", ", RESTRICTED_USER" };
    static const char *const mirroring[] = { "SUSPENDED", "DISCONNECTED", "SYNCHRONIZING", "PENDING_FAILOVER",
                                             "SYNCHRONIZED" };
    static __thread char text[96];

    if (c == NULL)
        return "absent";
    snprintf (text, sizeof text, "%s%s%s%s%s", d_copy_state (c),
              c->standby     ? ", standby"
              : c->read_only ? ", read-only"
                             : "",
              access[c->user_access % 3],
              !d_mirrored (c)   ? ""
              : d_is_mirror (c) ? ", mirror, "
                                : ", principal, ",
              d_mirrored (c) ? mirroring[c->mirroring % 5] : "");
    return text;
}

/* ------------------------------------------------------------------ sessions */

static bool
is_user (const struct step *s, const struct w_session *x, w_id instance, w_id copy)
{
    return x->instance == instance && x->copy == copy && strncmp (w_str (s->w, x->program), "switchback/", 11) != 0;
}

uint16_t
d_user (const struct step *s, w_id instance, const struct w_copy *c)
{
    w_id copy = c == NULL ? 0 : (w_id) (c - s->w->copies + 1);

    for (unsigned i = 0; copy != 0 && i < s->w->nsessions; i++)
        if (is_user (s, &s->w->sessions[i], instance, copy))
            return s->w->sessions[i].spid;
    return 0;
}

unsigned
d_users (const struct step *s, w_id instance, const struct w_copy *c)
{
    w_id copy = c == NULL ? 0 : (w_id) (c - s->w->copies + 1);
    unsigned n = 0;

    for (unsigned i = 0; copy != 0 && i < s->w->nsessions; i++)
        n += is_user (s, &s->w->sessions[i], instance, copy);
    return n;
}

bool
d_at_work (const struct step *s, w_id instance)
{
    for (size_t i = 0; i < s->p->nat_work; i++) {
        const struct d_call *x = s->p->at_work[i];

        if (x != NULL && x->database == s->c->database && x->on == instance)
            return true;
    }
    return false;
}

enum d_seen
d_look (struct step *s, w_id instance)
{
    if (instance == 0 || !d_reach (s, instance))
        return D_UNKNOWN;
    return d_at_work (s, instance) ? D_PARTLY : D_YES;
}

/* ------------------------------------------------------------------ log shipping and jobs */

static bool
same (const struct world *w, w_text t, const char *text)
{
    return sb_casecmp (w_str (w, t), text) == 0;
}

struct w_primary *
d_primary (struct step *s, w_id instance)
{
    for (unsigned i = 0; i < s->w->nprimaries; i++)
        if (s->w->primaries[i].instance == instance && same (s->w, s->w->primaries[i].database, s->db->name))
            return &s->w->primaries[i];
    return NULL;
}

struct w_secondary_db *
d_secondary_db (struct step *s, w_id instance, unsigned *ret_count)
{
    struct w_secondary_db *first = NULL;

    *ret_count = 0;
    for (unsigned i = 0; i < s->w->nsecondary_dbs; i++) {
        struct w_secondary_db *d = &s->w->secondary_dbs[i];

        if (d->secondary == 0 || s->w->secondaries[d->secondary - 1].instance != instance
            || !same (s->w, d->database, s->db->name))
            continue;
        first = first == NULL ? d : first;
        ++*ret_count;
    }
    return first;
}

struct w_secondary *
d_secondary (struct step *s, w_id instance)
{
    unsigned count;
    struct w_secondary_db *d = d_secondary_db (s, instance, &count);

    return d == NULL ? NULL : &s->w->secondaries[d->secondary - 1];
}

struct w_secondary *
d_secondary_half (struct step *s, w_id instance)
{
    for (unsigned i = 0; i < s->w->nsecondaries; i++)
        if (s->w->secondaries[i].instance == instance && same (s->w, s->w->secondaries[i].database, s->db->name))
            return &s->w->secondaries[i];
    return NULL;
}

struct w_job *
d_job (struct step *s, w_id id)
{
    return id != 0 && id <= s->w->njobs && s->w->jobs[id - 1].instance != 0 ? &s->w->jobs[id - 1] : NULL;
}

/* ------------------------------------------------------------------ history */

/* A ring: the newest stands before history_next. */
static const struct w_history *
newest (const struct step *s, w_id instance, enum w_history_kind kind, int type)
{
    const struct world *w = s->w;

    for (unsigned i = 0; i < w->nhistory; i++) {
        const struct w_history *h = &w->history[(w->history_next + w->limit_history - 1u - i) % w->limit_history];

        if (h->instance == instance && h->kind == kind && (type == 0 || h->type == type)
            && same (w, h->database, s->db->name) && (kind == W_WAS_RESTORE || (h->flags & W_SET_COPY_ONLY) == 0))
            return h;
    }
    return NULL;
}

const struct w_history *
d_restored (const struct step *s, w_id instance, bool full_only)
{
    return newest (s, instance, W_WAS_RESTORE, full_only ? W_SET_FULL : 0);
}

const struct w_history *
d_backed_up (const struct step *s, w_id instance, enum w_set_type type)
{
    return newest (s, instance, W_WAS_BACKUP, (int) type);
}

/* ------------------------------------------------------------------ files */

const char *
d_unc (const struct step *s, w_id share)
{
    const char *unc = share == 0 || share > s->w->nshares ? "" : w_str (s->w, s->w->shares[share - 1].unc);

    return *unc == 0 ? NULL : unc;
}

bool
d_header (struct step *s, w_id instance, const char *path, struct d_file *ret)
{
    const struct d_file *f;

    memset (ret, 0, sizeof *ret);
    if (path == NULL || w_files_reach (s->w, instance, path, false) != W_FILE_OK)
        return false;
    f = d_file_at (s->p->files, s->w, instance, path);
    if (f == NULL || (f->damage != W_SET_GOOD && f->damage != W_SET_BROKEN))
        return false;
    *ret = *f;
    return true;
}
