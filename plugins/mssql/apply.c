/* apply-logs: everything that continues the copy, in LSN order.
 *
 * Each log is read whole (RESTORE VERIFYONLY) before it is applied: a restore
 * that breaks in the middle of a log can leave a copy that cannot be recovered
 * any more (4319).  A log that cannot be used is left out and reported; another
 * one that covers the same stretch is then taken, if there is one. */
#include "plugins/mssql/access.h"
#include "plugins/mssql/files.h"
#include "plugins/mssql/lsn.h"
#include "plugins/mssql/verbs.h"

#include "core/base/text.h"

#include <string.h>

#define LEFT_OUT_MAX 20 /* named one by one */

struct work {
    struct sb_inst i;
    struct sb_copy copy;
    struct sb_point point;
    struct sb_sets sets;
    struct sb_chain chain;
    int64_t applied;
};

/* The folder as this instance sees it.  NULL: told. */
static const char *
folder_of (struct sb_ms *ms)
{
    const char *share = sb_param (ms->call, "from"), *unc = sb_attr (ms->call, "share", share, "unc");

    if (unc != NULL && *unc != '\0')
        return unc;
    sb_ms_fail (ms, SB_FAIL,
                "the path of share '%s' as SQL Server sees it is not known\n"
                "HINT: Set 'unc' in [share %s].",
                share, share);
    return NULL;
}

static bool
takes_logs (struct sb_inst *i, const struct sb_copy *c)
{
    if ((sb_copy_is (c, "RESTORING") || c->standby) && !c->mirrored)
        return true;
    sb_ms_fail (i->ms, SB_FAIL, "database '%s' at instance '%s' takes no log backups: it is %s", i->ms->db, i->name,
                sb_copy_words (i->ms, c));
    return false;
}

static bool
gather (struct work *w, const char *folder)
{
    const char *trouble;

    if (!sb_point_read (&w->i, &w->copy, &w->point) || !sb_sets_read (&w->i, folder, &w->sets, &trouble))
        return false;
    if (trouble != NULL) {
        sb_ms_fail (w->i.ms, SB_RETRY,
                    "the log backups of '%s' cannot be listed: %s\n"
                    "HINT: See whether the folder is there and open to the service account of the instance.",
                    w->i.ms->db, trouble);
        return false;
    }
    sb_chain_decide (w->i.ms->arena, w->sets.list, w->sets.count, &w->point, &w->chain);
    return true;
}

static void
leave_out (struct work *w, struct sb_set *set, const char *why)
{
    sb_log (w->i.ms->call, SB_WARNING, "log backup '%s' is left out: %s", sb_base_name (set->path), why);
    set->damaged = true;
    set->trouble = why;
    sb_chain_decide (w->i.ms->arena, w->sets.list, w->sets.count, &w->point, &w->chain);
}

/* The next set that can be read whole; NULL: none (or ms->rc: told, *ret_good false). */
static struct sb_set *
next_good (struct work *w, bool *ret_good)
{
    const char *trouble;

    *ret_good = true;
    while (w->chain.count > 0) {
        struct sb_set *set = &w->sets.list[w->chain.order[0]];

        if (!sb_set_verify (&w->i, set, &trouble)) {
            *ret_good = false;
            return NULL;
        }
        if (trouble == NULL)
            return set;
        leave_out (w, set, trouble);
    }
    return NULL;
}

static bool
apply_one (struct work *w, struct sb_set *set)
{
    struct sb_inst *i = &w->i;
    const char *what = sb_format (i->ms->call, "log backup '%s' cannot be applied", set->path),
               *before = w->copy.redo_lsn;
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_answer a;
    enum sb_msg_class class = SB_MSG_ALREADY;

    if (!sb_piece (i, &text, SB_STMT_RESTORE_LOG, i->ms->db, set->path, (int64_t) set->position))
        return false;
    sb_progress (i->ms->call, 101, sb_format (i->ms->call, "applying %s", sb_base_name (set->path)));
    if (sb_ask_text (i, &a, SB_STMT_RESTORE_LOG, sb_buf_cstr (&text))) {
        w->applied++;
    } else if ((class = sb_answer_class (&a)) == SB_MSG_BUSY) {
        if (!sb_ask_alone (i, &a, what, SB_STMT_RESTORE_LOG, sb_buf_cstr (&text)))
            return false;
        w->applied++;
    } else if (class != SB_MSG_ALREADY && class != SB_MSG_FILE) {
        sb_ms_failed (i, &a, SB_STMT_RESTORE_LOG, what);
        return false;
    }
    if (!sb_copy_read (i, &w->copy) || !sb_point_read (i, &w->copy, &w->point))
        return false;
    if (class == SB_MSG_FILE || sb_lsn_cmp (w->copy.redo_lsn, before) <= 0)
        leave_out (w, set, class == SB_MSG_FILE ? sb_answer_cause (&a)->text : "it did not move the copy");
    else
        sb_chain_decide (i->ms->arena, w->sets.list, w->sets.count, &w->point, &w->chain);
    return true;
}

/* Files that bear another database's name are nobody's loss here. */
static bool
is_ours (struct sb_ms *ms, const struct sb_set *set)
{
    const char *name = sb_base_name (set->path), *prefix = sb_arena_printf (ms->arena, "%s_", ms->source);

    return set->database != NULL || sb_casecmp (sb_arena_strndup (ms->arena, name, strlen (prefix)), prefix) == 0;
}

static const char *
left_out (struct work *w)
{
    struct sb_buf b SB_CLEANUP (sb_buf_free) = { 0 };
    size_t count = 0;

    for (size_t n = 0; n < w->sets.count; n++) {
        const struct sb_set *set = &w->sets.list[n];

        if (!sb_chain_is_trouble (w->chain.verdicts[n]) || !is_ours (w->i.ms, set) || ++count > LEFT_OUT_MAX)
            continue;
        sb_buf_printf (&b, "%s%s: %s", count > 1 ? "; " : "", sb_base_name (set->path),
                       set->trouble != NULL ? set->trouble : sb_chain_word (w->chain.verdicts[n]));
    }
    if (count > LEFT_OUT_MAX)
        sb_buf_printf (&b, "; and %zu more", count - LEFT_OUT_MAX);
    return sb_arena_strdup (w->i.ms->arena, sb_buf_cstr (&b));
}

static bool
tell (struct work *w)
{
    struct sb_call *call = w->i.ms->call;
    struct sb_restored newest;

    if (!sb_restored_read (&w->i, false, &newest))
        return false;
    sb_result (call, "lsn", w->copy.redo_lsn);
    sb_result (call, "time", newest.finish);
    sb_result (call, "applied", sb_format (call, "%lld", (long long) w->applied));
    sb_result (call, "left out", left_out (w));
    return true;
}

static bool
reached (const struct work *w, const char *until)
{
    return until == NULL || *until == '\0' || sb_lsn_cmp (w->copy.redo_lsn, until) >= 0;
}

enum sb_rc
sb_run_apply_logs (struct sb_ms *ms)
{
    const char *folder = folder_of (ms), *until = sb_param (ms->call, "until"), *missing;
    struct work w = { 0 };
    struct sb_set *set;
    bool good = true;

    if (folder == NULL || !sb_ms_open (ms, ms->on, &w.i) || !sb_copy_read (&w.i, &w.copy) || !takes_logs (&w.i, &w.copy)
        || !gather (&w, folder))
        return ms->rc;
    while (good && (set = next_good (&w, &good)) != NULL)
        good = apply_one (&w, set);
    if (!good || !tell (&w))
        return ms->rc;
    if (reached (&w, until))
        return SB_OK;
    missing = left_out (&w);
    return sb_ms_fail (ms, SB_FAIL,
                       "database '%s' at instance '%s' stands at LSN %s, but %s must be reached and nothing in '%s' "
                       "leads there%s%s\nHINT: Find the missing log backup in the history of the source.",
                       ms->db, w.i.name, w.copy.redo_lsn, until, folder, *missing != '\0' ? "; left out: " : "",
                       missing);
}

bool
sb_apply_all (struct sb_inst *i, const char *folder, int64_t *ret_applied)
{
    struct work w = { .i = *i };
    struct sb_set *set;
    bool good = sb_copy_read (i, &w.copy) && takes_logs (i, &w.copy) && gather (&w, folder);

    while (good && (set = next_good (&w, &good)) != NULL)
        good = apply_one (&w, set);
    *ret_applied = w.applied;
    return good;
}

enum sb_seen
sb_see_apply_logs (struct sb_ms *ms)
{
    const char *folder = folder_of (ms), *until = sb_param (ms->call, "until");
    struct work w = { 0 };
    enum sb_seen seen;
    bool good;

    if (folder == NULL)
        return SB_SEEN_UNKNOWN;
    seen = sb_look (ms, &w.i, &w.copy);
    if (seen != SB_SEEN_YES)
        return seen;
    if ((!sb_copy_is (&w.copy, "RESTORING") && !w.copy.standby) || w.copy.mirrored)
        return SB_SEEN_NO;
    if (!gather (&w, folder))
        return SB_SEEN_UNKNOWN;
    if (next_good (&w, &good) != NULL)
        return SB_SEEN_NO;
    if (!good || !tell (&w))
        return SB_SEEN_UNKNOWN;
    return reached (&w, until) ? SB_SEEN_YES : SB_SEEN_NO;
}

/* ------------------------------------------------------------------ judge-logs */

/* What belongs to the chain: also what was applied already, and what lies behind a gap that may still be filled. */
static bool
belongs (enum sb_chain_verdict v)
{
    return v == SB_CHAIN_APPLY || v == SB_CHAIN_APPLIED || v == SB_CHAIN_GAP || v == SB_CHAIN_DOUBLE;
}

/* The names of the good files; NULL: one of them cannot stand in a list. */
static const char *
good_files (struct work *w)
{
    struct sb_buf b SB_CLEANUP (sb_buf_free) = { 0 };

    for (size_t n = 0; n < w->sets.count; n++) {
        const char *name = sb_base_name (w->sets.list[n].path);

        if (!belongs (w->chain.verdicts[n]))
            continue;
        if (strchr (name, ',') != NULL)
            return NULL;
        sb_buf_printf (&b, "%s%s", b.len > 0 ? ", " : "", name);
    }
    return sb_arena_strdup (w->i.ms->arena, sb_buf_cstr (&b));
}

static enum sb_rc
tell_judgement (struct sb_ms *ms, const char *files, const char *left)
{
    sb_result (ms->call, "checked", files != NULL ? "yes" : "no");
    sb_result (ms->call, "files", files != NULL ? files : "");
    sb_result (ms->call, "left out", files != NULL ? left : "");
    return SB_OK;
}

enum sb_rc
sb_run_judge_logs (struct sb_ms *ms)
{
    const char *folder = folder_of (ms), *trouble;
    struct work w = { 0 };

    if (folder == NULL || !sb_ms_open (ms, ms->on, &w.i) || !sb_copy_read (&w.i, &w.copy))
        return ms->rc;
    if ((!sb_copy_is (&w.copy, "RESTORING") && !w.copy.standby) || w.copy.mirrored)
        return tell_judgement (ms, NULL, "");
    if (!sb_point_read (&w.i, &w.copy, &w.point) || !sb_sets_read (&w.i, folder, &w.sets, &trouble))
        return ms->rc;
    if (trouble != NULL) {
        sb_log (ms->call, SB_NOTICE, "no header is read: %s", trouble);
        return tell_judgement (ms, NULL, "");
    }
    sb_chain_decide (ms->arena, w.sets.list, w.sets.count, &w.point, &w.chain);
    return tell_judgement (ms, good_files (&w), left_out (&w));
}
