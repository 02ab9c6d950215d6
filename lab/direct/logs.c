/* apply-logs, and which log backup continues a copy: decided by LSN and fork
 * from headers, as the plugin decides it (and never by names or dates). */
#include "core/base/text.h"
#include "lab/direct/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ------------------------------------------------------------------ the sets of a folder */

enum verdict { APPLY, APPLIED, NOT_LOG, FOREIGN, OTHER_FORK, GAP, DAMAGED, UNREADABLE, DOUBLE };

struct sets {
    struct step *s;
    const char *folder;
    w_id instance;
    const struct d_file *list[D_FILES];
    enum verdict verdict[D_FILES];
    unsigned count;
};

static bool
belongs_to (const char *name, const char *db)
{
    size_t n = strlen (db);

    return strncasecmp (name, db, n) == 0 && name[n] == '_';
}

/* Files that bear the name of another database of the topology need not be opened. */
static bool
worth_a_look (const struct step *s, const char *name)
{
    size_t n = strlen (name);

    if (n < 5 || strcasecmp (name + n - 4, ".trn") != 0)
        return false;
    if (belongs_to (name, s->db->name))
        return true;
    for (size_t i = 0; i < s->d->ndatabases; i++)
        if (belongs_to (name, s->d->databases[i].name))
            return false;
    return true;
}

static const char *
name_of (const struct d_file *f)
{
    const char *base = strrchr (f->name, '\\');

    return base == NULL ? f->name : base + 1;
}

static bool
each_file (void *arg, const struct w_file *file)
{
    struct sets *x = arg;
    char path[2 * W_PATH];
    const struct d_file *f;

    if (!worth_a_look (x->s, file->name))
        return true;
    snprintf (path, sizeof path, "%s\\%s", x->folder, file->name);
    f = d_file_at (x->s->p->files, x->s->w, x->instance, path);
    if (f != NULL)
        x->list[x->count++] = f;
    return x->count < D_FILES;
}

/* A folder on a drive is there when something lies in it; a share always is. */
static bool
is_there (struct step *s, w_id instance, const char *folder)
{
    struct sets any = { .s = s, .folder = folder, .instance = instance };

    if (w_find_share (s->w, instance, folder) != 0)
        return true;
    s->files.list (s->files.ctx, d_instance_name (s, instance), folder, NULL, each_file, &any);
    return any.count > 0;
}

static bool
read_sets (struct step *s, w_id instance, const char *folder, struct sets *ret)
{
    *ret = (struct sets){ .s = s, .folder = folder, .instance = instance };
    if (w_files_reach (s->w, instance, folder, false) != W_FILE_OK || !is_there (s, instance, folder))
        return false;
    s->files.list (s->files.ctx, d_instance_name (s, instance), folder, NULL, each_file, ret);
    return true;
}

/* ------------------------------------------------------------------ the chain */

struct point {
    w_id family, fork;
    w_lsn lsn;
};

static enum verdict
first_look (const struct step *s, const struct d_file *f, const struct point *p)
{
    if (f->damage != W_SET_GOOD || (s->c->list != 0 && s->c->list == (uint16_t) f->guid))
        return UNREADABLE;
    if (f->type != W_SET_LOG)
        return NOT_LOG;
    if (f->database != s->c->database || (p->family != 0 && f->family != p->family))
        return FOREIGN;
    return f->first > f->last ? UNREADABLE : GAP;
}

static bool
on_line (const struct d_file *f, w_id fork, w_lsn lsn)
{
    if (f->fork == fork || f->first == lsn)
        return true;
    return f->first_fork == fork && (f->fork_point == 0 || f->fork_point >= lsn);
}

static bool
is_better (const struct d_file *a, const struct d_file *b, w_id fork)
{
    if ((a->fork != fork) != (b->fork != fork))
        return a->fork != fork;
    return a->last > b->last
           || (a->last == b->last && (a->flags & W_SET_NORECOVERY) != 0 && (b->flags & W_SET_NORECOVERY) == 0);
}

static unsigned
best_next (const struct sets *x, const struct point *at)
{
    unsigned best = x->count;

    for (unsigned i = 0; i < x->count; i++) {
        const struct d_file *f = x->list[i];

        if (x->verdict[i] != GAP || f->first > at->lsn || f->last <= at->lsn || !on_line (f, at->fork, at->lsn))
            continue;
        if (best == x->count || is_better (f, x->list[best], at->fork))
            best = i;
    }
    return best;
}

static enum verdict
left_behind (const struct d_file *f, const struct point *from, const struct point *end, w_lsn branch)
{
    bool strayed = branch != 0 && f->fork != end->fork && f->last > branch;

    if (f->last <= from->lsn)
        return APPLIED;
    if (f->last <= end->lsn && !strayed)
        return DOUBLE;
    return on_line (f, end->fork, end->lsn) && !strayed ? GAP : OTHER_FORK;
}

/* Fills the verdicts; the index of the set to apply first, or `count`. */
static unsigned
decide (struct sets *x, const struct point *from, w_lsn *ret_end)
{
    struct point end = *from;
    unsigned first = x->count, next;
    w_lsn branch = 0;

    for (unsigned i = 0; i < x->count; i++)
        x->verdict[i] = first_look (x->s, x->list[i], from);
    while ((next = best_next (x, &end)) < x->count) {
        const struct d_file *f = x->list[next];

        x->verdict[next] = APPLY;
        first = first == x->count ? next : first;
        if (branch == 0 && f->fork != end.fork)
            branch = f->fork_point != 0 ? f->fork_point : end.lsn;
        end.lsn = f->last;
        end.fork = f->fork;
    }
    for (unsigned i = 0; i < x->count; i++)
        if (x->verdict[i] == GAP)
            x->verdict[i] = left_behind (x->list[i], from, &end, branch);
    *ret_end = end.lsn;
    return first;
}

static void
write_left (const struct sets *x, char *ret, size_t size)
{
    static const char *const words[] = { [OTHER_FORK] = "on another recovery fork",
                                         [GAP] = "behind a gap in the log chain",
                                         [DAMAGED] = "damaged",
                                         [UNREADABLE] = "unreadable",
                                         [DOUBLE] = NULL };
    size_t n = 0;

    ret[0] = 0;
    for (unsigned i = 0; i < x->count; i++) {
        const char *word = words[x->verdict[i]];

        if (word == NULL || n >= size
            || (x->verdict[i] == UNREADABLE && !belongs_to (name_of (x->list[i]), x->s->db->name)))
            continue;
        n += (size_t) snprintf (ret + n, size - n, "%s%s: %s", n > 0 ? "; " : "", name_of (x->list[i]), word);
    }
}

bool
d_chain (struct step *s, w_id instance, const char *folder, struct d_chain_end *ret, char *ret_left, size_t size)
{
    const struct w_copy *c = d_copy (s, instance);
    const struct w_history *h = d_restored (s, instance, false);
    struct point at = { .family = h == NULL ? 0 : h->family, .fork = c->fork, .lsn = c->lsn };
    struct sets x;
    unsigned first;

    memset (ret, 0, sizeof *ret);
    if (!read_sets (s, instance, folder, &x))
        return false;
    first = decide (&x, &at, &ret->lsn);
    ret->more = first < x.count;
    if (ret->more)
        ret->next = *x.list[first];
    if (ret_left != NULL)
        write_left (&x, ret_left, size);
    return true;
}

bool
d_beyond (struct step *s, w_id instance, const char *folder, w_lsn lsn, w_lsn *ret_end, int64_t *ret_bytes)
{
    struct sets x;

    *ret_end = 0;
    *ret_bytes = 0;
    if (!read_sets (s, instance, folder, &x))
        return false;
    for (unsigned i = 0; i < x.count; i++) {
        const struct d_file *f = x.list[i];

        if (f->damage != W_SET_GOOD || f->type != W_SET_LOG || f->database != s->c->database || f->last <= lsn)
            continue;
        *ret_bytes += f->size;
        *ret_end = f->last > *ret_end ? f->last : *ret_end;
    }
    if (*ret_end == 0 && x.count > 0)
        *ret_end = lsn;
    return true;
}

/* Applies the next one that continues the copy: GO_AGAIN; GO_NEXT: there is none (any more). */
enum go
d_apply_next (struct step *s, w_id instance, const char *folder)
{
    struct d_chain_end end;
    struct w_op op;
    enum go go;

    D_OPEN (s, instance);
    if (!d_takes_log (d_copy (s, instance)))
        return d_fail (s, D_FAIL, "the copy takes no log backups: it is %s", d_copy_words (d_copy (s, instance)));
    if (!d_chain (s, instance, folder, &end, NULL, 0))
        return d_fail (s, D_RETRY, "the log backups in '%s' cannot be listed", folder);
    if (!end.more)
        return GO_NEXT;
    d_op (s, &op, W_OP_RESTORE, instance);
    snprintf (op.path[0], sizeof op.path[0], "%s\\%s", folder, name_of (&end.next));
    op.n[0] = 1;
    op.flags = W_WITH_LOG | W_WITH_NORECOVERY;
    go = d_alone (s, instance, &op, "a log backup cannot be applied");
    if (go == GO_NEXT) {
        s->c->round = 0;
        s->c->since_ms = 0;
        s->c->bits++;
        return GO_AGAIN;
    }
    if (go == GO_END && (d_class_of (s->a->number) == D_C_ALREADY || d_class_of (s->a->number) == D_C_FILE)) {
        s->c->list = (uint16_t) end.next.guid; /* left out from here on */
        return GO_AGAIN;
    }
    return go;
}

/* ------------------------------------------------------------------ apply-logs */

static const char *
folder_of (const struct step *s)
{
    return d_unc (s, d_id (s->d, "share", d_option (s, "from")));
}

static void
tell (struct step *s, unsigned applied, const char *left)
{
    const struct w_copy *c = d_copy (s, s->c->on);
    const struct w_history *h = d_restored (s, s->c->on, false);

    d_tell_lsn (s, "lsn", c->lsn);
    if (h != NULL)
        d_tell_time (s, "time", h->finish_ms);
    d_tellf (s, "applied", "%u", applied);
    d_tell (s, "left out", left);
}

static bool
reached (struct step *s)
{
    const char *until = d_option (s, "until");

    return until == NULL || d_copy (s, s->c->on)->lsn >= (w_lsn) strtoll (until, NULL, 10);
}

static enum go
apply (struct step *s)
{
    const char *folder = folder_of (s);

    if (folder == NULL)
        return d_fail (s, D_FAIL, "the path of the share as SQL Server sees it is not known");
    return d_apply_next (s, s->c->on, folder);
}

static enum go
applied (struct step *s)
{
    struct d_chain_end end;
    char left[1024];

    D_OPEN (s, s->c->on);
    if (d_copy (s, s->c->on) == NULL || !d_chain (s, s->c->on, folder_of (s), &end, left, sizeof left))
        return d_fail (s, D_RETRY, "the log backups cannot be listed");
    tell (s, s->c->bits, left);
    if (reached (s))
        return d_done (s);
    return d_fail (s, D_FAIL, "the copy stands at LSN %lld, but %s must be reached",
                   (long long) d_copy (s, s->c->on)->lsn, d_option (s, "until"));
}

const phase_fn d_apply_logs[] = { d_phase_open, apply, applied, NULL };

enum d_seen
d_see_apply_logs (struct step *s)
{
    const char *folder = folder_of (s);
    enum d_seen seen = folder == NULL ? D_UNKNOWN : d_look (s, s->c->on);
    struct d_chain_end end;
    char left[1024];

    if (seen != D_YES)
        return seen;
    if (!d_takes_log (d_copy (s, s->c->on)))
        return D_NO;
    if (!d_chain (s, s->c->on, folder, &end, left, sizeof left))
        return D_UNKNOWN;
    if (end.more)
        return D_NO;
    tell (s, 0, left);
    return reached (s) ? D_YES : D_NO;
}

/* ------------------------------------------------------------------ judge-logs */

/* The answer of an instance that cannot read the share: share.copy then brings all that bears the name, and apply-logs
 * leaves out what it must.  It is the branch in which a proof can still find something. */
static enum go
judge (struct step *s)
{
    D_OPEN (s, s->c->on);
    d_tell (s, "checked", "no");
    d_tell (s, "files", "");
    d_tell (s, "left out", "");
    return GO_NEXT;
}

const phase_fn d_judge_logs[] = { judge, NULL };
