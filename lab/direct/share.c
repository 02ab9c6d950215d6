/* Shares as this host sees them, the power controller, and messages: verbs
 * that need no server. */
#include "core/base/text.h"
#include "lab/direct/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ------------------------------------------------------------------ folders */

/* This host could mount it: a share is where its site is, a folder on a drive where its instance is. */
static bool
seen (const struct step *s, w_id share)
{
    const struct w_share *h = share == 0 || share > s->w->nshares ? NULL : &s->w->shares[share - 1];
    w_id site = h == NULL ? 0 : h->site != 0 ? h->site : h->instance != 0 ? s->w->instances[h->instance - 1].site : 0;

    return h != NULL && !h->gone && (site == 0 || w_linked (s->w, s->p->site, site));
}

static enum go
unseen (struct step *s, w_id share)
{
    return d_fail (s, D_RETRY, "share '%s' cannot be reached",
                   share == 0 ? "" : w_str (s->w, s->w->shares[share - 1].name));
}

static bool
fits (const struct step *s, const char *name)
{
    const char *prefix = d_option (s, "prefix"), *suffix = d_option (s, "suffix");
    size_t n = strlen (name), p = prefix == NULL ? 0 : strlen (prefix), x = suffix == NULL ? 0 : strlen (suffix);

    if (name[0] == '.' || (n >= 4 && strcasecmp (name + n - 4, ".wrk") == 0))
        return false;
    return n >= p + x && strncasecmp (name, prefix == NULL ? "" : prefix, p) == 0
           && strcasecmp (name + n - x, suffix == NULL ? "" : suffix) == 0;
}

/* The next file of the share that is meant; calls as d_file_next(). */
static struct d_file *
next_fit (struct step *s, w_id share, unsigned *at)
{
    const char *name;
    struct d_file *f;

    while ((f = d_file_next (s->p->files, share, 0, "", at, &name)) != NULL)
        if (fits (s, name))
            return f;
    return NULL;
}

static struct d_file *
find_in (struct step *s, w_id share, const char *name)
{
    unsigned at = 0;
    const char *other;
    struct d_file *f;

    while ((f = d_file_next (s->p->files, share, 0, "", &at, &other)) != NULL)
        if (strcmp (other, name) == 0)
            return f;
    return NULL;
}

static enum go
observe (struct step *s)
{
    bool there = seen (s, s->c->other);
    unsigned at = 0, n = 0;

    while (there && next_fit (s, s->c->other, &at) != NULL)
        n++;
    d_tell (s, "answers", there ? "yes" : "no");
    d_tellf (s, "files", "%u", n);
    d_tell (s, "sentence", there ? "the share answers" : "the share cannot be reached");
    return d_done (s);
}

const phase_fn d_share_observe[] = { observe, NULL };

/* ------------------------------------------------------------------ copy */

static w_id
to_of (const struct step *s)
{
    return d_id (s->d, "share", d_option (s, "to"));
}

/* The next file that is missing there; *ret_other: some name stands there with another size. */
static struct d_file *
next_missing (struct step *s, bool *ret_other)
{
    struct d_file *f, *there, *first = NULL;
    unsigned at = 0;

    *ret_other = false;
    while ((f = next_fit (s, s->c->other, &at)) != NULL) {
        there = find_in (s, to_of (s), f->name);
        if (there == NULL && first == NULL)
            first = f;
        *ret_other = *ret_other || (there != NULL && there->size != f->size);
    }
    return first;
}

static void
tell_copy (struct step *s, const char *outcome)
{
    struct d_file *f, *last = NULL;
    unsigned at = 0;

    if (seen (s, s->c->other) && seen (s, to_of (s))) {
        while ((f = next_fit (s, to_of (s), &at)) != NULL)
            if (last == NULL || strcmp (f->name, last->name) > 0)
                last = f;
        d_tell (s, "newest", last == NULL ? "" : last->name);
    }
    d_tellf (s, "copied", "%u", s->c->bits);
    d_tellf (s, "bytes", "%" PRId64, s->c->lsn);
    d_tell (s, "outcome", outcome);
}

static enum go
copy (struct step *s)
{
    struct d_file *f;
    bool other;

    if (!seen (s, s->c->other) || !seen (s, to_of (s))) {
        tell_copy (s, "the share cannot be reached");
        return unseen (s, seen (s, s->c->other) ? to_of (s) : s->c->other);
    }
    f = next_missing (s, &other);
    if (f != NULL) {
        s->a->did = D_DID_COPY;
        s->acted = true;
        s->c->changed = 1;
        s->c->bits++;
        s->c->lsn += f->size;
        if (s->w->shares[to_of (s) - 1].full || !d_file_copy (s->p->files, f, to_of (s), 0, f->name))
            return d_fail (s, D_RETRY, "a file cannot be written");
        return GO_AGAIN;
    }
    tell_copy (s, "done");
    return other ? d_fail (s, D_FAIL, "another file of that name is there") : d_done (s);
}

const phase_fn d_share_copy[] = { copy, NULL };

enum d_seen
d_see_share_copy (struct step *s)
{
    bool other;

    if (!seen (s, s->c->other) || !seen (s, to_of (s))) {
        tell_copy (s, "the share cannot be reached");
        return D_UNKNOWN;
    }
    if (next_missing (s, &other) == NULL && !other) {
        tell_copy (s, "done");
        return D_YES;
    }
    tell_copy (s, "files are missing");
    return D_NO;
}

/* ------------------------------------------------------------------ archive */

static struct d_file *
next_old (struct step *s)
{
    const char *before = d_option (s, "before");
    int64_t limit = D_FAR;
    struct d_file *f;
    unsigned at = 0;

    if (before != NULL)
        sb_parse_utc (before, &limit);
    while ((f = next_fit (s, s->c->other, &at)) != NULL)
        if (f->finish_ms < limit)
            return f;
    return NULL;
}

static enum go
archive (struct step *s)
{
    const char *folder = d_option (s, "folder");
    char name[D_FILE_NAME + W_NAME];
    struct d_file *f;

    if (folder == NULL || *folder == '/' || *folder == '.')
        return d_fail (s, D_FAIL, "that is not a folder below the share");
    if (!seen (s, s->c->other))
        return unseen (s, s->c->other);
    f = next_old (s);
    if (f != NULL) {
        snprintf (name, sizeof name, "%s\\%s", folder, f->name);
        s->a->did = D_DID_MOVE;
        s->acted = true;
        s->c->changed = 1;
        s->c->bits++;
        return d_file_move (s->p->files, f, name) ? GO_AGAIN : d_fail (s, D_RETRY, "a file cannot be moved");
    }
    d_tellf (s, "moved", "%u", s->c->bits);
    return d_done (s);
}

const phase_fn d_share_archive[] = { archive, NULL };

enum d_seen
d_see_share_archive (struct step *s)
{
    if (!seen (s, s->c->other))
        return D_UNKNOWN;
    d_tell (s, "moved", "0");
    return next_old (s) == NULL ? D_YES : D_NO;
}

/* ------------------------------------------------------------------ fence: the power controller */

static enum go
power (struct step *s, bool isolate)
{
    enum d_class class;
    struct w_op op;

    if (s->c->on == 0)
        return d_fail (s, D_FAIL, "no such site");
    w_op_init (&op, W_OP_SITE_POWER, 0, 0, NULL);
    op.n[0] = s->c->on;
    op.n[1] = !isolate;
    op.n[2] = 1;
    class = d_act (s, &op);
    if (class != D_C_OK)
        return d_failed (s, class, "the power controller refused");
    if (isolate) {
        d_tell (s, "grade", "confirmed");
        d_tell_time (s, "at", s->w->now_ms);
    }
    return d_done (s);
}

static enum go
isolate (struct step *s)
{
    return power (s, true);
}

static enum go
let_go (struct step *s)
{
    return power (s, false);
}

const phase_fn d_isolate[] = { isolate, NULL };
const phase_fn d_site_release[] = { let_go, NULL };

enum d_seen
d_see_isolate (struct step *s)
{
    if (s->c->on == 0)
        return D_UNKNOWN;
    if (!s->w->sites[s->c->on - 1].held_off)
        return D_NO;
    d_tell (s, "grade", "confirmed");
    d_tell_time (s, "at", s->w->now_ms);
    return D_YES;
}

enum d_seen
d_see_site_release (struct step *s)
{
    if (s->c->on == 0)
        return D_UNKNOWN;
    return s->w->sites[s->c->on - 1].held_off ? D_NO : D_YES;
}

/* ------------------------------------------------------------------ notify */

/* What the process of the plugin remembers is a file of nobody. */
static void
sent_name (const struct step *s, char *ret, size_t size)
{
    const char *id = d_option (s, "id");

    snprintf (ret, size, "sent %.80s", id == NULL ? "" : id);
}

static enum go
post (struct step *s)
{
    struct d_file fresh = { 0 };
    char name[D_FILE_NAME];

    sent_name (s, name, sizeof name);
    d_file_copy (s->p->files, &fresh, 0, 0, name);
    s->acted = true;
    s->a->did = D_DID_SEND;
    d_tell (s, "receipt", "delivered");
    return d_done (s);
}

const phase_fn d_send[] = { post, NULL };

enum d_seen
d_see_send (struct step *s)
{
    char name[D_FILE_NAME];

    sent_name (s, name, sizeof name);
    for (unsigned i = 0; i < s->p->files->count; i++)
        if (s->p->files->list[i].share == 0 && s->p->files->list[i].instance == 0
            && strcmp (s->p->files->list[i].name, name) == 0) {
            d_tell (s, "receipt", "delivered");
            return D_YES;
        }
    return D_NO;
}
