/* quote: what would be lost if the copy were recovered now, as a point.
 *
 * The point is where the newest applied log ends; its time is when that backup
 * was begun, for a transaction committed while it was written may not be in it.
 * Around the point stands what is known: how far the log backups on the share and
 * in the copy folder reach, whether the tail can still be had and how long that
 * would take, and, where the history gives a rate, an estimate that calls itself one. */
#include "plugins/mssql/facts.h"
#include "plugins/mssql/files.h"
#include "plugins/mssql/lsn.h"
#include "plugins/mssql/probe.h"
#include "plugins/mssql/verbs.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define NEWEST_MAX 40   /* files of a folder whose headers are read: the newest by name, which ends in a time */
#define PROBE_MS   2000 /* for an instance that may be dark: a quote must not wait for it */

/* A folder of log backups, as the instance sees it. */
struct stage {
    const char *trouble;  /* why it was not looked at, or NULL */
    const char *lsn;      /* where the newest usable log backup ends; "": there is none */
    int64_t bytes, count; /* of those that end after the copy's redo point */
};

struct quote {
    struct sb_ms *ms;
    struct sb_inst i;
    struct sb_copy c;
    struct sb_restored newest;
    int64_t window_ms; /* -1: not known */
    double rate;       /* bytes of log a second; 0: not known */
    double speed;      /* bytes of log that are backed up in a second; 0: not known */
    int64_t observed;  /* log backups that the rate was observed over */
    struct stage share, copied;
    const char *tail;
};

static const char *
span_words (struct sb_ms *ms, int64_t span_ms)
{
    struct sb_buf b SB_CLEANUP (sb_buf_free) = { 0 };

    sb_format_duration (&b, span_ms);
    return sb_arena_strdup (ms->arena, sb_buf_cstr (&b));
}

static const char *
bytes_words (struct sb_ms *ms, double bytes)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
    size_t n = 0;

    for (; bytes >= 1024 && n + 1 < sizeof units / sizeof *units; n++)
        bytes /= 1024;
    return sb_arena_printf (ms->arena, n > 0 && bytes < 10 ? "%.1f %s" : "%.0f %s", bytes, units[n]);
}

static const char *
given (struct sb_ms *ms, const char *param)
{
    const char *value = sb_param (ms->call, param);

    return value != NULL ? value : "";
}

/* ------------------------------------------------------------------ share and copy folder */

static int
newest_first (const void *a, const void *b)
{
    return -sb_casecmp (*(const char *const *) a, *(const char *const *) b);
}

/* False: told. */
static bool
look_at (struct quote *q, const char *folder, struct stage *ret)
{
    const char **names;
    struct sb_sets one;
    size_t count;

    *ret = (struct stage){ .lsn = "" };
    if (!sb_files_list (&q->i, folder, &names, &count, &ret->trouble))
        return false;
    if (count > 1)
        qsort (names, count, sizeof *names, newest_first);
    for (size_t n = 0; n < count && n < NEWEST_MAX; n++) {
        if (!sb_header_read (&q->i, sb_path_join (q->ms, folder, names[n]), &one))
            return false;
        for (size_t k = 0; k < one.count; k++) {
            const struct sb_set *set = &one.list[k];

            if (set->trouble != NULL || set->damaged || set->type != 2 || set->database == NULL
                || sb_casecmp (set->database, q->ms->db) != 0 || sb_lsn_cmp (set->last, q->c.redo_lsn) <= 0)
                continue;
            ret->count++;
            ret->bytes += set->size;
            if (sb_lsn_cmp (set->last, ret->lsn) > 0)
                ret->lsn = set->last;
        }
    }
    if (*ret->lsn == '\0' && count > 0)
        ret->lsn = q->c.redo_lsn; /* nothing there goes beyond the copy */
    return true;
}

/* A share that the copy step could not read is not tried again: a dead one answers late, and time runs. */
static bool
look_at_folders (struct quote *q)
{
    const char *share = given (q->ms, "shared"), *source = given (q->ms, "source"),
               *folder = sb_ms_attr (q->ms, "copy folder");
    const char *unc = *share != '\0' ? sb_attr (q->ms->call, "share", share, "unc") : NULL;

    q->share = q->copied = (struct stage){ .trouble = "", .lsn = "" };
    folder = folder != NULL ? sb_attr (q->ms->call, "share", folder, "unc") : NULL;
    if (*source != '\0' && strcmp (source, "done") != 0)
        q->share.trouble = source;
    else if (unc != NULL && !look_at (q, unc, &q->share))
        return false;
    return folder == NULL || look_at (q, folder, &q->copied);
}

/* ------------------------------------------------------------------ rates */

/* From the history of log backups: bytes a second written, and bytes a second backed up. */
static bool
observe_rates (struct sb_inst *i, double *ret_rate, double *ret_speed, int64_t *ret_count)
{
    int64_t newest = 0, oldest = 0, start, finish, written = 0, backed = 0, took_ms = 0;
    struct sb_answer a;

    *ret_rate = *ret_speed = 0;
    *ret_count = 0;
    if (!sb_must_ask (i, &a, "the backup history cannot be read", SB_STMT_LOG_SIZES, i->ms->db))
        return false;
    for (size_t n = 0; n < a.rows.count; n++) {
        const char *begun = sb_rows_get (&a.rows, n, "backup_start_date"),
                   *ended = sb_rows_get (&a.rows, n, "backup_finish_date");
        int64_t size = sb_rows_int (&a.rows, n, "backup_size", 0);

        if (begun == NULL || ended == NULL || !sb_parse_utc (begun, &start) || !sb_parse_utc (ended, &finish))
            continue;
        backed += size;
        took_ms += finish - start;
        if (newest == 0)
            newest = start;
        if (n + 1 < a.rows.count)
            written += size; /* what the oldest holds was written before it began */
        oldest = start;
        (*ret_count)++;
    }
    if (*ret_count > 2 && newest > oldest)
        *ret_rate = (double) written * 1000 / (double) (newest - oldest);
    if (took_ms >= 1000) /* the history counts whole seconds */
        *ret_speed = (double) backed * 1000 / (double) took_ms;
    return true;
}

/* ------------------------------------------------------------------ the tail */

/* Somebody speaks TDS there, or nobody can tell without asking for a session. */
static bool
is_awake (struct sb_ms *ms, const char *instance)
{
    struct sb_target t;
    const char *found;

    return sb_target_read (ms->call, instance, &t)
           && (t.port == 0 || sb_probe_tds (ms->call, t.host, t.port, PROBE_MS, &found) == SB_PROBE_ANSWERS);
}

/* Used log of the database there, in bytes: at most that much is not backed up.  -1: not told. */
static int64_t
used_log (struct sb_inst *i)
{
    struct sb_answer a;

    if (!sb_ask (i, &a, SB_STMT_LOG_SPACE))
        return -1;
    for (size_t n = 0; n < a.rows.count; n++) {
        const char *name = sb_rows_get (&a.rows, n, "Database Name"), *size = sb_rows_get (&a.rows, n, "Log Size (MB)");
        const char *used = sb_rows_get (&a.rows, n, "Log Space Used (%)");

        if (name != NULL && size != NULL && used != NULL && sb_casecmp (name, i->ms->db) == 0)
            return (int64_t) (strtod (size, NULL) * strtod (used, NULL) / 100 * 1048576);
    }
    return -1;
}

static const char *
how_long (struct sb_inst *i)
{
    int64_t bytes = used_log (i), count;
    double rate, speed;

    if (bytes < 0 || !observe_rates (i, &rate, &speed, &count) || speed <= 0)
        return "how long it would take is not known";
    return sb_arena_printf (i->ms->arena, "at most %s of log, about %s at the speed of the last %lld log backups",
                            bytes_words (i->ms, (double) bytes),
                            span_words (i->ms, (int64_t) ((double) bytes / speed * 1000) / 1000 * 1000 + 1000),
                            (long long) count);
}

/* Whether the tail can be had from this instance; NULL: not from there. */
static const char *
tail_at (struct sb_ms *ms, const char *instance)
{
    const char *why;
    struct sb_copy c;
    struct sb_inst i;

    if (!is_awake (ms, instance) || sb_ms_reach (ms, instance, &i, &why) != SB_REACH_OK || !sb_copy_read (&i, &c))
        return NULL;
    if (sb_copy_serves (&c))
        return sb_arena_printf (ms->arena, "it can still be had from %s (%s)", instance, how_long (&i));
    if (sb_copy_is_mirror (&c) && strcmp (c.mirroring, "DISCONNECTED") == 0)
        return sb_arena_printf (ms->arena, "it can still be had from %s, the mirror that lost its principal", instance);
    return NULL;
}

static const char *
tail_words (struct quote *q)
{
    static const char *const labels[] = { "primary", "mirror" };
    const char *tail = given (q->ms, "tail"), *instance;

    if (strcmp (tail, "yes") == 0)
        return "it was taken";
    if (*tail != '\0')
        return tail;
    for (size_t n = 0; n < 2; n++) {
        instance = sb_ms_attr (q->ms, labels[n]);
        if (instance != NULL && strcmp (instance, q->i.name) != 0 && (tail = tail_at (q->ms, instance)) != NULL)
            return tail;
    }
    return "it cannot be had: no instance that holds it answers";
}

/* ------------------------------------------------------------------ the words */

static const char *
estimate_words (const struct quote *q)
{
    if (q->window_ms < 0 || q->rate <= 0)
        return "";
    return sb_arena_printf (q->ms->arena, "about %s of log (an estimate: %s a second over the last %lld log backups)",
                            bytes_words (q->ms, q->rate * (double) q->window_ms / 1000), bytes_words (q->ms, q->rate),
                            (long long) q->observed);
}

static void
say_stage (struct sb_buf *b, const struct quote *q, const struct stage *s, const char *where)
{
    if (s->count > 0)
        sb_buf_printf (b, " %lld log backup%s %s (%s, up to LSN %s) %s not applied.", (long long) s->count,
                       s->count == 1 ? "" : "s", where, bytes_words (q->ms, (double) s->bytes), s->lsn,
                       s->count == 1 ? "is" : "are");
}

static const char *
sentence (const struct quote *q, const char *estimate)
{
    const char *source = q->share.trouble != NULL ? q->share.trouble : "", *left_out = given (q->ms, "left out");
    struct sb_buf b SB_CLEANUP (sb_buf_free) = { 0 };

    sb_buf_printf (&b, "Everything committed to %s up to LSN %s, backed up at ", q->ms->db, q->c.redo_lsn);
    if (q->window_ms < 0)
        sb_buf_str (&b, "a time that is not known");
    else
        sb_buf_printf (&b, "%s, %s ago", q->newest.start, span_words (q->ms, q->window_ms));
    sb_buf_printf (&b, ", is safe at %s. What was acknowledged later may be lost%s%s.", q->i.name,
                   *estimate != '\0' ? ": " : "", estimate);
    if (*source != '\0')
        sb_buf_printf (&b, " The newest log backups may be missing: %s.", source);
    say_stage (&b, q, &q->share, "on the share");
    if (q->share.count == 0)
        say_stage (&b, q, &q->copied, "in the copy folder");
    if (*left_out != '\0')
        sb_buf_printf (&b, " Left out: %s.", left_out);
    sb_buf_printf (&b, " The tail of the log: %s.", q->tail);
    return sb_arena_strdup (q->ms->arena, sb_buf_cstr (&b));
}

static void
tell (const struct quote *q)
{
    struct sb_call *call = q->ms->call;
    const char *estimate = estimate_words (q);
    int64_t bytes = q->share.bytes > q->copied.bytes ? q->share.bytes : q->copied.bytes;

    sb_result (call, "lsn", q->c.redo_lsn);
    sb_result (call, "time", q->newest.start);
    if (q->window_ms >= 0)
        sb_result (call, "window s", sb_format (call, "%lld", (long long) ((q->window_ms + 999) / 1000)));
    sb_result (call, "on share", q->share.lsn);
    sb_result (call, "copied", q->copied.lsn);
    sb_result (call, "waiting bytes", sb_format (call, "%lld", (long long) bytes));
    sb_result (call, "tail", q->tail);
    sb_result (call, "estimate", estimate);
    sb_result (call, "sentence", sentence (q, estimate));
}

enum sb_rc
sb_run_quote (struct sb_ms *ms)
{
    struct quote q = { .ms = ms, .window_ms = -1 };
    struct sb_clock clock;
    int64_t at;

    if (!sb_ms_open (ms, ms->on, &q.i) || !sb_copy_read (&q.i, &q.c))
        return ms->rc;
    if ((!sb_copy_is (&q.c, "RESTORING") && !q.c.standby) || *q.c.redo_lsn == '\0')
        return sb_ms_fail (ms, SB_FAIL, "no loss can be quoted for '%s' at instance '%s': it is %s", ms->db, q.i.name,
                           sb_copy_words (ms, &q.c));
    if (!sb_restored_read (&q.i, false, &q.newest) || !sb_clock_read (&q.i, &clock) || !look_at_folders (&q)
        || !observe_rates (&q.i, &q.rate, &q.speed, &q.observed))
        return ms->rc;
    if (q.newest.start != NULL && sb_parse_utc (q.newest.start, &at))
        q.window_ms = clock.utc_ms > at ? clock.utc_ms - at : 0;
    q.tail = tail_words (&q);
    tell (&q);
    return SB_OK;
}
