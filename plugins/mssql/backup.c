/* backup-full, take-tail, freeze, unfreeze: what makes a backup.
 *
 * Every file is named by the caller and unique to the run, so a repeat writes the
 * same file again (FORMAT) and never appends.  A backup counts when the history
 * of the server has it (the row is written when it is whole) and the header in
 * the file says the same. */
#include "plugins/mssql/files.h"
#include "plugins/mssql/jobs.h"
#include "plugins/mssql/lsn.h"
#include "plugins/mssql/restore.h"
#include "plugins/mssql/verbs.h"

#include "core/base/text.h"

#include <string.h>

static bool
of_this_database (struct sb_ms *ms, const struct sb_set *set, int type)
{
    return set->type == type && set->database != NULL && sb_casecmp (set->database, ms->db) == 0 && !set->damaged;
}

/* ------------------------------------------------------------------ backup-full */

enum sb_rc
sb_run_backup_full (struct sb_ms *ms)
{
    const char *file = sb_param (ms->call, "file"), *trouble;
    const char *what = sb_format (ms->call, "database '%s' cannot be backed up", ms->db);
    enum sb_stmt id = sb_number (ms->call, "copy only") != 0 ? SB_STMT_BACKUP_COPY_ONLY : SB_STMT_BACKUP_FULL;
    const struct sb_set *set;
    struct sb_answer a;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_must_ask (&i, &a, what, id, ms->db, file))
        return ms->rc;
    set = sb_header_one (&i, file, &trouble);
    if (set != NULL && !sb_set_verify (&i, set, &trouble))
        return ms->rc;
    if (set == NULL || trouble != NULL || !of_this_database (ms, set, 1))
        return sb_ms_fail (ms, SB_RETRY, "the backup '%s' of '%s' was made but cannot be used: %s", file, ms->db,
                           trouble != NULL ? trouble : "its header says something else");
    sb_result (ms->call, "file", file);
    sb_result (ms->call, "lsn", set->last);
    sb_result (ms->call, "time", set->finish);
    return SB_OK;
}

enum sb_seen
sb_see_backup_full (struct sb_ms *ms)
{
    const char *file = sb_param (ms->call, "file");
    const struct sb_set *set;
    struct sb_answer a;
    struct sb_sets sets;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i))
        return SB_SEEN_UNKNOWN;
    if (sb_ours_at_work (&i))
        return SB_SEEN_PARTLY;
    if (!sb_header_read (&i, file, &sets))
        return SB_SEEN_UNKNOWN;
    set = &sets.list[0];
    if (sets.count != 1 || set->trouble != NULL || !of_this_database (ms, set, 1) || set->guid == NULL
        || set->copy_only != (sb_number (ms->call, "copy only") != 0))
        return SB_SEEN_NO;
    if (!sb_must_ask (&i, &a, "the backup history cannot be read", SB_STMT_SET_BY_GUID, set->guid))
        return SB_SEEN_UNKNOWN;
    sb_result (ms->call, "file", file);
    sb_result (ms->call, "lsn", set->last);
    sb_result (ms->call, "time", set->finish);
    return a.rows.count > 0 ? SB_SEEN_YES : SB_SEEN_NO;
}

/* ------------------------------------------------------------------ the tail of the log */

/* The tail in the file, if it is one and the copy stands at its end. */
static const struct sb_set *
tail_in (struct sb_ms *ms, const struct sb_sets *sets, const struct sb_copy *c)
{
    const struct sb_set *set = &sets->list[0];

    if (sets->count != 1 || set->trouble != NULL || !of_this_database (ms, set, 2) || !set->tail)
        return NULL;
    return !sb_lsn_valid (c->redo_lsn) || sb_lsn_cmp (c->redo_lsn, set->last) >= 0 ? set : NULL;
}

static void
tell_tail (struct sb_ms *ms, const char *lsn, const char *taken)
{
    sb_result (ms->call, "lsn", lsn);
    if (taken != NULL)
        sb_result (ms->call, "taken", taken);
}

/* Ends sessions, backs the tail up and leaves the copy restoring.  927: it is restoring already; the state decides. */
static bool
back_tail_up (struct sb_inst *i, const char *file, const char **ret_lsn)
{
    struct sb_ms *ms = i->ms;
    const char *what = sb_format (ms->call, "the tail of the log of '%s' cannot be backed up", ms->db);
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    const struct sb_set *tail;
    struct sb_answer a;
    struct sb_sets sets;
    struct sb_copy c;

    if (!sb_piece (i, &text, SB_STMT_BACKUP_TAIL, ms->db, file) || !sb_copy_read (i, &c))
        return false;
    if (sb_copy_is (&c, "ONLINE")) {
        if (!sb_set_state (i, what, SB_STMT_RESTRICT)
            || !sb_ask_alone (i, &a, what, SB_STMT_BACKUP_TAIL, sb_buf_cstr (&text)) || !sb_copy_read (i, &c))
            return false;
    }
    if (!sb_header_read (i, file, &sets))
        return false;
    tail = sb_copy_is (&c, "RESTORING") ? tail_in (ms, &sets, &c) : NULL;
    if (tail == NULL) {
        sb_ms_fail (ms, sb_copy_is (&c, "RESTORING") ? SB_FAIL : SB_UNSURE,
                    "the tail of the log of '%s' is not in '%s': the copy at instance '%s' is %s%s%s", ms->db, file,
                    i->name, sb_copy_words (ms, &c), sets.list[0].trouble != NULL ? "; the file: " : "",
                    sets.list[0].trouble != NULL ? sets.list[0].trouble : "");
        return false;
    }
    *ret_lsn = tail->last;
    return true;
}

/* ------------------------------------------------------------------ take-tail */

/* The mirror that lost its principal holds every acknowledged commit.  Service is forced; where a lost witness
 * forbids that, the session is ended and the copy recovered: the same log, without asking anybody. */
static bool
open_orphan (struct sb_inst *i, struct sb_copy *c)
{
    const char *what = sb_format (i->ms->call, "the mirror of '%s' cannot be opened", i->ms->db);
    struct sb_answer a;

    if (strcmp (c->mirroring, "DISCONNECTED") != 0) {
        sb_ms_fail (i->ms, SB_FAIL,
                    "the tail of '%s' is not taken at instance '%s': it is a mirror and its principal lives (%s)\n"
                    "HINT: Use mirror-failover or switchover.",
                    i->ms->db, i->name, c->mirroring);
        return false;
    }
    if (sb_ask (i, &a, SB_STMT_FORCE, i->ms->db))
        return sb_await_state (i, c, "ONLINE", 120000);
    if (a.end != SB_END_ERROR) {
        sb_ms_failed (i, &a, SB_STMT_FORCE, what);
        return false;
    }
    return sb_unmirror (i, c) && sb_must_ask (i, &a, what, SB_STMT_RECOVER, i->ms->db)
           && sb_await_state (i, c, "ONLINE", 120000);
}

enum sb_rc
sb_run_take_tail (struct sb_ms *ms)
{
    const char *lsn, *what = sb_format (ms->call, "the tail of the log of '%s' cannot be taken", ms->db);
    struct sb_primary p;
    struct sb_copy c;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c) || !sb_primary_read (&i, &p))
        return ms->rc;
    if (!c.there) {
        tell_tail (ms, "", "no: there is no copy");
        return SB_OK;
    }
    /* no other log backup may come between */
    if (p.job != NULL && (!sb_job_enable (&i, p.job, false) || !sb_job_await_idle (&i, p.job)))
        return ms->rc;
    if (sb_copy_is_mirror (&c) && !open_orphan (&i, &c))
        return ms->rc;
    if (sb_copy_is (&c, "OFFLINE")
        && (!sb_set_state (&i, what, SB_STMT_ONLINE) || !sb_await_state (&i, &c, "ONLINE", 120000)))
        return ms->rc;
    if (!sb_unmirror (&i, &c) || !back_tail_up (&i, sb_param (ms->call, "file"), &lsn))
        return ms->rc;
    tell_tail (ms, lsn, "yes");
    return SB_OK;
}

static enum sb_seen
see_tail (struct sb_ms *ms, bool absent_is_done)
{
    const struct sb_set *tail;
    struct sb_sets sets;
    struct sb_copy c;
    struct sb_inst i;
    enum sb_seen seen = sb_look (ms, &i, &c);

    if (seen != SB_SEEN_YES)
        return seen;
    if (!c.there && absent_is_done) {
        tell_tail (ms, "", "no: there is no copy");
        return SB_SEEN_YES;
    }
    if (!sb_copy_is (&c, "RESTORING") || c.mirrored)
        return SB_SEEN_NO;
    if (!sb_header_read (&i, sb_param (ms->call, "file"), &sets))
        return SB_SEEN_UNKNOWN;
    tail = tail_in (ms, &sets, &c);
    if (tail == NULL) /* frozen, and what makes it whole is missing: "no" would say that nothing was changed */
        return absent_is_done ? SB_SEEN_NO : SB_SEEN_PARTLY;
    tell_tail (ms, tail->last, absent_is_done ? "yes" : NULL);
    return SB_SEEN_YES;
}

enum sb_seen
sb_see_take_tail (struct sb_ms *ms)
{
    return see_tail (ms, true);
}

/* ------------------------------------------------------------------ freeze, unfreeze */

/* The tail could not be taken: a copy that still serves serves everybody again.  The failure that is told stays. */
static enum sb_rc
open_again (struct sb_inst *i)
{
    enum sb_rc rc = i->ms->rc;
    struct sb_answer a;
    struct sb_copy c;

    if (sb_copy_read (i, &c) && sb_copy_serves (&c) && !sb_ask (i, &a, SB_STMT_MULTI_USER, i->ms->db))
        sb_log (i->ms->call, SB_WARNING, "database '%s' at instance '%s' was left open to administrators alone",
                i->ms->db, i->name);
    return rc;
}

enum sb_rc
sb_run_freeze (struct sb_ms *ms)
{
    const char *lsn;
    struct sb_copy c;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c))
        return ms->rc;
    if (c.mirrored)
        return sb_ms_fail (ms, SB_FAIL,
                           "database '%s' at instance '%s' is not frozen: it is mirrored\n"
                           "HINT: End its mirroring session first (break-mirror).",
                           ms->db, i.name);
    if (!sb_copy_serves (&c) && !sb_copy_is (&c, "RESTORING"))
        return sb_ms_fail (ms, SB_FAIL, "database '%s' at instance '%s' is not frozen: it is %s", ms->db, i.name,
                           sb_copy_words (ms, &c));
    if (!back_tail_up (&i, sb_param (ms->call, "file"), &lsn))
        return open_again (&i);
    tell_tail (ms, lsn, NULL);
    return SB_OK;
}

enum sb_seen
sb_see_freeze (struct sb_ms *ms)
{
    return see_tail (ms, false);
}

enum sb_rc
sb_run_unfreeze (struct sb_ms *ms)
{
    struct sb_copy c;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c))
        return ms->rc;
    if (!sb_copy_serves (&c) && (!sb_copy_is (&c, "RESTORING") || c.mirrored))
        return sb_ms_fail (ms, SB_FAIL, "database '%s' at instance '%s' cannot be recovered: it is %s", ms->db, i.name,
                           sb_copy_words (ms, &c));
    return sb_recover (&i, &c) ? SB_OK : ms->rc;
}

enum sb_seen
sb_see_unfreeze (struct sb_ms *ms)
{
    struct sb_copy c;
    struct sb_inst i;
    enum sb_seen seen = sb_look (ms, &i, &c);

    if (seen != SB_SEEN_YES)
        return seen;
    return sb_is_recovered (&c) ? SB_SEEN_YES : sb_copy_is (&c, "RECOVERING") ? SB_SEEN_PARTLY : SB_SEEN_NO;
}
