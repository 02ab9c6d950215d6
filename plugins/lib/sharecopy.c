/* The verb copy: what is missing by name and size, brought by the engine of copy.h.
 * A file that stands there with another size is never touched; one that still grows,
 * or whose header the database role did not find good, is left out and told. */
#include "plugins/lib/copy.h"
#include "plugins/lib/share.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRESH_NS      1000000000LL         /* changed so shortly ago: looked at twice */
#define FAR_FRESH_NS  (300 * 1000000000LL) /* by a clock that is not ours */
#define LOOK_AGAIN_MS 300
#define TOLD_MAX      20 /* named one by one */

struct job {
    struct sb_call *call;
    const char *from_name, *to_name;
    struct sb_store *from, *to;
    struct sb_entries have, want; /* want: of all that fit, those that are missing */
    int64_t bytes_missing;
    size_t copied;
    int64_t bytes_copied;
    struct sb_buf left_out; /* "x: still growing; y: ..." */
    size_t nleft_out;
    const char *other; /* a name that stands there with another size, or NULL */
};

static void
release (struct job *j)
{
    sb_store_free (j->from);
    sb_store_free (j->to);
    sb_entries_free (&j->have);
    sb_entries_free (&j->want);
    sb_buf_free (&j->left_out);
}

static void
leave_out (struct job *j, const char *name, const char *why)
{
    if (++j->nleft_out <= TOLD_MAX)
        sb_buf_printf (&j->left_out, "%s%s: %s", j->left_out.len > 0 ? "; " : "", name, why);
}

/* NULL, or why the shares cannot be compared. */
static const char *
open_job (struct sb_call *call, struct job *j, enum sb_rc *ret_rc)
{
    const struct sb_filter filter = sb_share_filter (call);
    const char *why = NULL;

    *j = (struct job){ .call = call, .from_name = sb_about (call, "object"), .to_name = sb_param (call, "to") };
    if ((j->from = sb_share_open (call, j->from_name, &why, ret_rc)) == NULL
        || (j->to = sb_share_open (call, j->to_name, &why, ret_rc)) == NULL)
        return why;
    *ret_rc = SB_RETRY;
    if (!j->from->ops->list (j->from, &filter, &j->want))
        return sb_format (call, "share '%s' cannot be listed: %s", j->from_name, sb_store_why (j->from, errno));
    if (!j->to->ops->list (j->to, &filter, &j->have))
        return sb_format (call, "share '%s' cannot be listed: %s", j->to_name, sb_store_why (j->to, errno));
    return NULL;
}

static bool
is_fresh (const struct job *j, const struct sb_entry *f)
{
    struct timespec now;
    int64_t age;

    clock_gettime (CLOCK_REALTIME, &now);
    age = now.tv_sec * 1000000000LL + now.tv_nsec - f->mtime_ns;
    return j->from->far_clock ? age < FAR_FRESH_NS && age > -FAR_FRESH_NS : age < 2 * FRESH_NS;
}

/* When something missing was changed a moment ago: how the source looks a moment later.  False: nothing did, or it
 * cannot be listed now (the copy itself notices what grows). */
static bool
look_again (struct job *j, struct sb_entries *ret)
{
    const struct sb_filter filter = sb_share_filter (j->call);
    bool fresh = false;

    for (size_t i = 0; i < j->want.count && !fresh; i++)
        fresh = is_fresh (j, &j->want.list[i]) && sb_entries_find (&j->have, j->want.list[i].name) == NULL;
    return fresh && !sb_pause (j->call, LOOK_AGAIN_MS) && j->from->ops->list (j->from, &filter, ret);
}

static bool
grows (const struct sb_entries *later, const struct sb_entry *f)
{
    const struct sb_entry *e = sb_entries_find (later, f->name);

    return e == NULL || e->size != f->size || e->mtime_ns != f->mtime_ns;
}

static int
by_text (const void *a, const void *b)
{
    return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The names that the database role found good; NULL: it was not asked.  Arena of the call. */
static const char **
good_names (struct sb_call *call, size_t *ret_count)
{
    const char **names = NULL, *name;
    size_t n = 0;

    *ret_count = 0;
    if (!sb_number (call, "checked"))
        return NULL;
    while (sb_item (call, "files", n) != NULL)
        n++;
    names = sb_alloc (call, (n + 1) * sizeof *names);
    for (n = 0; (name = sb_item (call, "files", n)) != NULL; n++)
        names[n] = name;
    qsort (names, n, sizeof *names, by_text);
    *ret_count = n;
    return names;
}

static bool
is_there (struct job *j, const struct sb_entry *f)
{
    const struct sb_entry *there = sb_entries_find (&j->have, f->name);

    if (there == NULL || there->size == f->size)
        return there != NULL;
    j->other = sb_format (j->call, "'%s' stands in '%s' with %lld bytes, in '%s' with %lld", f->name, j->to_name,
                          (long long) there->size, j->from_name, (long long) f->size);
    leave_out (j, f->name, "another file of that name is there");
    return true;
}

/* Keeps in `want` what is missing, good and at rest. */
static void
find_missing (struct job *j)
{
    SB_CLEANUP (sb_entries_free) struct sb_entries later = { 0 };
    bool again = look_again (j, &later);
    size_t n = 0, ngood;
    const char **good = good_names (j->call, &ngood);

    for (size_t i = 0; i < j->want.count; i++) {
        struct sb_entry *f = &j->want.list[i];
        const char *key = f->name;
        bool keep = good == NULL || bsearch (&key, good, ngood, sizeof *good, by_text) != NULL;

        if (!keep && sb_entries_find (&j->have, f->name) == NULL) {
            leave_out (j, f->name, "its header does not belong to the chain");
        } else if (keep && again && grows (&later, f)) {
            leave_out (j, f->name, "still growing");
            keep = false;
        } else if (keep) {
            keep = !is_there (j, f);
        }
        if (keep) {
            j->bytes_missing += f->size;
            j->want.list[n++] = *f;
        } else {
            sb_freep (&f->name);
        }
    }
    j->want.count = n;
}

static void
tell_results (struct job *j, const char *outcome)
{
    const struct sb_filter filter = sb_share_filter (j->call);
    const char *told = sb_param (j->call, "left out");
    SB_CLEANUP (sb_entries_free) struct sb_entries now = { 0 };

    if (j->to != NULL && j->to->ops->list (j->to, &filter, &now))
        sb_result (j->call, "newest", now.count > 0 ? now.list[now.count - 1].name : "");
    sb_result (j->call, "copied", sb_share_number (j->call, (int64_t) j->copied));
    sb_result (j->call, "bytes", sb_share_number (j->call, j->bytes_copied));
    if (j->nleft_out > TOLD_MAX)
        sb_buf_printf (&j->left_out, "; and %zu more", j->nleft_out - TOLD_MAX);
    if (told != NULL && *told != '\0')
        sb_buf_printf (&j->left_out, "%s%s", j->left_out.len > 0 ? "; " : "", told);
    if (j->left_out.len > 0)
        outcome = sb_format (j->call, "%s; left out %s", outcome, j->left_out.s);
    sb_result (j->call, "outcome", outcome);
}

static void
tell_progress (void *ctx, const struct sb_copy_state *s)
{
    struct job *j = ctx;
    double rate = s->elapsed_ms > 0 ? (double) s->bytes_copied * 1000.0 / (double) s->elapsed_ms : 0;
    SB_CLEANUP (sb_buf_free) struct sb_buf left = { 0 };

    if (rate > 0 && s->elapsed_ms >= 1000 && s->bytes_done < s->bytes) {
        sb_buf_str (&left, ", ");
        sb_format_duration (&left, (int64_t) ((double) (s->bytes - s->bytes_done) * 1000.0 / rate));
        sb_buf_str (&left, " left");
    }
    sb_progress (j->call, s->bytes > 0 ? (unsigned) (100 * s->bytes_done / s->bytes) : 100,
                 sb_format (j->call, "%zu of %zu files, %lld of %lld bytes%s", s->files_done, s->files,
                            (long long) s->bytes_done, (long long) s->bytes, sb_buf_cstr (&left)));
}

/* The first file that stands for why the copy did not end, as a sentence. */
static enum sb_rc
tell_failure (struct job *j, const struct sb_copy *c)
{
    for (size_t i = 0; i < c->want->count; i++) {
        const char *name = c->want->list[i].name;
        int error = c->ret[i].error;

        switch (c->ret[i].how) {
        case SB_COPY_NO_SOURCE:
            return sb_fail (j->call, SB_RETRY, "'%s' cannot be read from share '%s': %s", name, j->from_name,
                            sb_store_why (j->from, error));
        case SB_COPY_NO_TARGET:
            return sb_fail (j->call, SB_RETRY, "'%s' cannot be written to share '%s': %s%s", name, j->to_name,
                            sb_store_why (j->to, error),
                            error == ENOSPC || error == EDQUOT || error == EFBIG
                                    ? "\nHINT: Make room there, or raise the quota; what was copied so far is kept."
                                    : "");
        case SB_COPY_DAMAGED:
            return sb_fail (j->call, SB_RETRY,
                            "share '%s' gives back other bytes of '%s' than were written\n"
                            "HINT: Test the disk behind it before anything is restored from there.",
                            j->to_name, name);
        case SB_COPY_DIED:
            return sb_fail (j->call, SB_RETRY, "the process that copied '%s' ended", name);
        default:
            break;
        }
    }
    return sb_fail (j->call, SB_STOPPED, "stopped after %zu of %zu files", j->copied, c->want->count);
}

static void
count_up (struct job *j, const struct sb_copy *c)
{
    for (size_t i = 0; i < c->want->count; i++) {
        const struct sb_entry *f = &c->want->list[i];

        switch (c->ret[i].how) {
        case SB_COPY_DONE:
            j->copied++;
            if (c->want->count <= TOLD_MAX)
                sb_log (j->call, SB_INFO, "copied '%s', %lld bytes", f->name, (long long) f->size);
            break;
        case SB_COPY_GREW:
            leave_out (j, f->name, "still growing");
            break;
        case SB_COPY_GONE:
            leave_out (j, f->name, "it went meanwhile");
            break;
        case SB_COPY_STANDS:
            leave_out (j, f->name, "another file of that name is there");
            break;
        default:
            break;
        }
    }
    j->bytes_copied = c->state.bytes_copied;
    if (c->state.bytes_resumed > 0)
        sb_log (j->call, SB_INFO, "%lld bytes were there from a copy that had broken off",
                (long long) c->state.bytes_resumed);
}

static enum sb_rc
copy_missing (struct job *j)
{
    struct sb_copy c = { .from = j->from,
                         .to = j->to,
                         .want = &j->want,
                         .lanes = (int) sb_number (j->call, "copies at once"),
                         .stop_fd = sb_stop_fd (j->call),
                         .progress = tell_progress,
                         .ctx = j };
    int64_t free_bytes = -1, needed = j->bytes_missing;

    for (size_t i = 0; i < j->want.count; i++)
        needed -= sb_copy_begun (j->to, &j->want.list[i]);
    if (j->to->ops->room (j->to, &free_bytes) && free_bytes < needed)
        return sb_fail (j->call, SB_FAIL,
                        "share '%s' has too little room: %zu files need %lld bytes, %lld are free\n"
                        "HINT: Make room in the folder, then resume.",
                        j->to_name, j->want.count, (long long) needed, (long long) free_bytes);
    c.ret = sb_alloc (j->call, (j->want.count + 1) * sizeof *c.ret);
    if (sb_copy_run (&c)) {
        count_up (j, &c);
        return SB_OK;
    }
    count_up (j, &c);
    return tell_failure (j, &c);
}

enum sb_rc
sb_share_copy (struct sb_call *call, void *self)
{
    SB_CLEANUP (release) struct job j;
    enum sb_rc rc = SB_RETRY;
    const char *why = open_job (call, &j, &rc);

    (void) self;
    if (why != NULL) {
        tell_results (&j, why);
        return sb_fail (call, rc, "%s", why);
    }
    find_missing (&j);
    rc = copy_missing (&j);
    tell_results (&j, rc == SB_OK ? "done" : "not finished");
    if (rc == SB_OK && j.other != NULL)
        return sb_fail (call, SB_FAIL, "%s\nHINT: Find out which one is right and move the other one away.", j.other);
    return rc;
}

enum sb_seen
sb_share_see_copy (struct sb_call *call, void *self)
{
    SB_CLEANUP (release) struct job j;
    enum sb_rc rc = SB_RETRY;
    const char *why = open_job (call, &j, &rc);

    (void) self;
    if (why != NULL) {
        tell_results (&j, why);
        sb_fail (call, rc, "%s", why);
        return SB_SEEN_UNKNOWN;
    }
    find_missing (&j);
    if (j.want.count == 0 && j.other == NULL) {
        tell_results (&j, "done");
        return SB_SEEN_YES;
    }
    tell_results (&j, sb_format (call, "%zu files are missing", j.want.count));
    return SB_SEEN_NO;
}
