/* BACKUP: a range of log or a whole copy as a set in a file (SQL sheet 3). */
#include "lab/world/intern.h"

#include <stdio.h>
#include <string.h>

#define PAGE 8192

static void
copy_text (char *to, size_t size, const char *from)
{
    w_put (to, size, from);
}

/* How long a set claims to be: enough to take part in free space and truncation, small enough for a busy lab. */
static int64_t
claimed_size (const struct w_set *s)
{
    int64_t records = (s->last - s->first) / W_LSN_STEP, size;

    size = s->type == W_SET_FULL ? 24 * PAGE : PAGE + records * 256;
    return size > 64 * PAGE ? 64 * PAGE : size;
}

/* The newest fork of the line at which the range begins: another than the last when recovery lies inside. */
static w_id
fork_at (const struct world *w, w_id fork, w_lsn first)
{
    while (fork != 0 && w->forks[fork - 1].parent != 0 && w->forks[fork - 1].point > first)
        fork = w->forks[fork - 1].parent;
    return fork;
}

static void
describe (const struct world *w, const struct w_copy *c, const struct w_backup *b, struct w_set *s)
{
    memset (s, 0, sizeof *s);
    s->seed = w->seed;
    s->database_guid = c->guid;
    s->family = c->family;
    s->fork = c->fork;
    s->type = (b->flags & W_WITH_LOG) != 0            ? W_SET_LOG
              : (b->flags & W_WITH_DIFFERENTIAL) != 0 ? W_SET_DIFFERENTIAL
                                                      : W_SET_FULL;
    s->user_access = c->user_access;
    s->recovery_model = c->recovery_model;
    s->flags = W_SET_ALWAYS | (c->read_only ? W_SET_READ_ONLY : 0u)
               | (c->user_access == W_SINGLE_USER ? W_SET_SINGLE_USER : 0u)
               | ((b->flags & W_WITH_CHECKSUM) != 0 ? W_SET_CHECKSUMS : 0u)
               | ((b->flags & W_WITH_NORECOVERY) != 0 ? W_SET_TAIL | W_SET_NORECOVERY : 0u)
               | ((b->flags & W_WITH_NO_TRUNCATE) != 0 ? W_SET_TAIL : 0u)
               | ((b->flags & (W_WITH_COPY_ONLY | W_WITH_NO_TRUNCATE)) != 0 ? W_SET_COPY_ONLY : 0u);
    s->first = s->type == W_SET_LOG ? c->last_log_backup : c->lsn;
    s->last = c->lsn + W_LSN_STEP;
    s->checkpoint = s->type == W_SET_LOG ? c->lsn : s->first;
    s->database_backup = c->full_backup;
    s->first_fork = fork_at (w, c->fork, s->first);
    s->fork_point = s->first_fork != s->fork ? w->forks[s->fork - 1].point : 0;
    s->created_ms = c->created_ms;
    s->start_ms = s->finish_ms = w->now_ms;
    s->version = w->instances[c->instance - 1].version;
    copy_text (s->database, sizeof s->database, w_str (w, c->name));
    copy_text (s->server, sizeof s->server, w_str (w, w->instances[c->instance - 1].server));
    copy_text (s->name, sizeof s->name, b->name == NULL ? "" : b->name);
    copy_text (s->user, sizeof s->user, b->user == NULL ? "" : b->user);
    s->size = claimed_size (s);
}

/* Why this copy cannot be backed up like this; 0: it can. */
static int
refused (const struct world *w, const struct w_copy *c, const struct w_backup *b)
{
    bool log = (b->flags & W_WITH_LOG) != 0, tail = (b->flags & W_WITH_NORECOVERY) != 0;

    if (c->role == W_MIRROR)
        return 954;
    if (c->state == W_RESTORING)
        return 927;
    if (c->state == W_OFFLINE)
        return 942;
    if (c->state == W_RECOVERING && (b->flags & W_WITH_NO_TRUNCATE) == 0)
        return c->role == W_PRINCIPAL ? 955 : 922;
    if (c->standby)
        return 3036;
    if (c->user_access == W_SINGLE_USER && c->holder != 0 && b->spid != 0 && c->holder != b->spid)
        return 924;
    if (log && c->recovery_model == W_SIMPLE)
        return 4208;
    if (log && c->last_log_backup == 0)
        return 4214;
    if ((b->flags & W_WITH_DIFFERENTIAL) != 0 && c->full_backup == 0)
        return 3035;
    if (tail && c->mirror_guid != 0)
        return 1468;
    if (tail && w_sessions_in (w, c, b->spid) > 0)
        return 3101;
    if (w_copy_busy (w, c))
        return 3023;
    return 0;
}

static void
after_backup (struct world *w, struct w_copy *c, const struct w_set *s)
{
    bool counts = (s->flags & W_SET_COPY_ONLY) == 0;

    w_log (w, c, 1);
    if (s->type == W_SET_FULL && counts) {
        c->full_backup = s->checkpoint;
        if (c->last_log_backup == 0)
            c->last_log_backup = s->checkpoint;
    }
    if (s->type == W_SET_LOG && counts)
        c->last_log_backup = s->last;
    if ((s->flags & W_SET_NORECOVERY) != 0) {
        c->state = W_RESTORING;
        c->restored = c->log_applied = 1;
        c->holder = 0;
    }
}

void
w_history_backup (struct world *w, w_id instance, const struct w_set *s, const char *file)
{
    struct w_history *h;

    if (w->rates.no_history)
        return;
    if (w->nhistory < w->limit_history) { /* not full yet: it may still grow with the number of copies */
        unsigned wanted = w->ncopies * 8u < W_MAX_HISTORY ? w->ncopies * 8u : W_MAX_HISTORY;
        if (wanted > w->limit_history)
            w->limit_history = (uint16_t) wanted;
    }
    h = &w->history[w->history_next];
    memset (h, 0, sizeof *h);
    w->history_next = (w->history_next + 1) % w->limit_history;
    if (w->nhistory < w->limit_history)
        w->nhistory++;
    h->instance = instance;
    h->kind = W_WAS_BACKUP;
    h->type = s->type;
    h->database = w_intern (w, s->database);
    h->server = w_intern (w, s->server);
    h->file = w_intern (w, file);
    h->user = w_intern (w, s->user);
    h->flags = s->flags;
    h->set = s->guid;
    h->id = (int32_t) ++w->next_history;
    h->family = s->family;
    h->fork = s->fork;
    h->first_fork = s->first_fork;
    h->recovery_model = s->recovery_model;
    h->first = s->first;
    h->last = s->last;
    h->checkpoint = s->checkpoint;
    h->database_backup = s->database_backup;
    h->fork_point = s->fork_point;
    h->start_ms = s->start_ms;
    h->finish_ms = s->finish_ms;
    h->created_ms = s->created_ms;
    h->at_ms = w->now_ms;
    h->size = s->size;
}

/* Two strings a statement would need for 3201 and 3202. */
static void
fail_file (struct w_out *out, int error, const char *path, bool written)
{
    w_fail (out, written ? 3202 : 3201, "%s\1%s", path, w_file_error_text (error));
    out->msgs[out->nmsgs - 1].state = 1;
}

bool
w_backup_run (struct world *w, const struct w_files *files, const struct w_backup *b, struct w_set *ret,
              struct w_out *out)
{
    struct w_copy *c = w_copy (w, b->copy);
    const char *instance = w_str (w, w->instances[c->instance - 1].name);
    int problem = refused (w, c, b), error;
    struct w_set old;
    enum w_set_class old_class;
    unsigned sets = 0;
    bool append;

    if (problem != 0) {
        w_fail (out, problem, "%s", problem == 4208 ? "BACKUP LOG" : w_str (w, c->name));
        return false;
    }
    error = w_files_reach (w, c->instance, b->path, true);
    if (error != W_FILE_OK) {
        fail_file (out, error, b->path, error == W_FILE_FULL);
        return false;
    }
    append = (b->flags & (W_WITH_INIT | W_WITH_FORMAT)) == 0
             && files->read (files->ctx, instance, b->path, 1, &old, &old_class, &sets) == W_FILE_OK;
    if (append && old_class != W_SET_GOOD) {
        w_fail (out, w_set_problem (old_class), "%s", b->path);
        return false;
    }
    describe (w, c, b, ret);
    ret->guid = ++w->next_guid;
    ret->position = (uint16_t) (append ? sets + 1 : 1);
    if (files->free_bytes (files->ctx, instance, b->path) < ret->size)
        error = W_FILE_FULL;
    else
        error = files->write (files->ctx, instance, b->path, ret, append);
    if (error != W_FILE_OK) {
        fail_file (out, error, b->path, error == W_FILE_FULL);
        return false;
    }
    after_backup (w, c, ret);
    w_history_backup (w, c->instance, ret, b->known_as != NULL ? b->known_as : b->path);
    return true;
}

void
w_do_backup (struct w_ctx *c)
{
    struct w_backup b = { .copy = w_copy_id (c->w, c->copy),
                          .spid = c->op->spid,
                          .flags = c->op->flags,
                          .path = c->op->path[0],
                          .name = c->op->name[0],
                          .user = c->me == NULL ? "" : w_str (c->w, c->me->login) };
    struct w_set s;

    if (c->me != NULL && c->me->copy == b.copy && (b.flags & W_WITH_NORECOVERY) != 0) {
        fail (c, 3102, "BACKUP\1%s", c->op->db);
        return;
    }
    if (c->me != NULL && !c->me->sysadmin) {
        fail (c, 262, "%s\1%s", (b.flags & W_WITH_LOG) != 0 ? "BACKUP LOG" : "BACKUP DATABASE", c->op->db);
        return;
    }
    if (!w_backup_run (c->w, c->files, &b, &s, c->out))
        return;
    c->out->value[0] = s.size / PAGE;
    c->out->value[1] = s.first;
    c->out->value[2] = s.last;
    c->out->value[3] = s.guid;
}
