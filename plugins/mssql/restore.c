/* recover, restore-full, drop-copy: what replaces or opens a copy. */
#include "plugins/mssql/restore.h"

#include "core/base/text.h"
#include "plugins/mssql/files.h"
#include "plugins/mssql/lsn.h"
#include "plugins/mssql/verbs.h"

#include <string.h>

#define ONLINE_MS 600000

/* ------------------------------------------------------------------ recover */

bool
sb_is_recovered (const struct sb_copy *c)
{
    return sb_copy_serves (c) && strcmp (c->access, "MULTI_USER") == 0;
}

bool
sb_recover (struct sb_inst *i, struct sb_copy *c)
{
    const char *what = sb_format (i->ms->call, "database '%s' cannot be recovered", i->ms->db);
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    int64_t ended = 0;
    struct sb_answer a;

    if (!sb_piece (i, &text, SB_STMT_RECOVER, i->ms->db) || (c->standby && !sb_users_end (i, &ended)))
        return false;
    if (!sb_copy_serves (c) && !sb_ask_text (i, &a, SB_STMT_RECOVER, sb_buf_cstr (&text))) {
        if (sb_answer_class (&a) == SB_MSG_BUSY) {
            if (!sb_ask_alone (i, &a, what, SB_STMT_RECOVER, sb_buf_cstr (&text)))
                return false;
        } else if (sb_answer_class (&a) != SB_MSG_ALREADY) { /* 3153: the state decides below */
            sb_ms_failed (i, &a, SB_STMT_RECOVER, what);
            return false;
        }
    }
    if (!sb_await_state (i, c, "ONLINE", ONLINE_MS))
        return false;
    /* a restore brings user access back as it was when the backup was made */
    if (strcmp (c->access, "MULTI_USER") != 0 && !(sb_set_state (i, what, SB_STMT_MULTI_USER) && sb_copy_read (i, c)))
        return false;
    if (sb_is_recovered (c))
        return true;
    sb_ms_fail (i->ms, SB_UNSURE, "database '%s' at instance '%s' was recovered but is %s", i->ms->db, i->name,
                sb_copy_words (i->ms, c));
    return false;
}

static bool
may_recover (struct sb_inst *i, const struct sb_copy *c, const char *expect)
{
    struct sb_ms *ms = i->ms;

    if (!c->there || c->mirrored) {
        sb_ms_fail (ms, SB_FAIL, "database '%s' at instance '%s' cannot be recovered: it is %s", ms->db, i->name,
                    c->there ? "mirrored" : "absent");
        return false;
    }
    if (sb_copy_serves (c)) /* only its access is still to be opened */
        return true;
    if (!sb_copy_is (c, "RESTORING") && !c->standby) {
        sb_ms_fail (ms, SB_FAIL, "database '%s' at instance '%s' cannot be recovered: it is %s", ms->db, i->name,
                    sb_copy_words (ms, c));
        return false;
    }
    if (expect != NULL && *expect != '\0' && !sb_lsn_same (expect, c->redo_lsn)) {
        sb_ms_fail (ms, SB_FAIL,
                    "database '%s' at instance '%s' stands at LSN %s, but %s was expected\n"
                    "HINT: Somebody applied or restored something since; apply the logs and quote the loss again.",
                    ms->db, i->name, c->redo_lsn, expect);
        return false;
    }
    return true;
}

enum sb_rc
sb_run_recover (struct sb_ms *ms)
{
    const char *evidence = sb_param (ms->call, "evidence");
    struct sb_restored newest;
    struct sb_copy c;
    struct sb_inst i;
    const char *lsn, *fork;

    if (evidence == NULL || strcmp (evidence, "silent") == 0)
        return sb_ms_fail (
                ms, SB_FAIL,
                "database '%s' is not recovered at instance '%s': nothing but silence says that the old "
                "copy cannot serve\nHINT: Have the old site cut off by its fence, or let a person declare it dead.",
                ms->db, ms->on);
    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c) || !may_recover (&i, &c, sb_param (ms->call, "expect")))
        return ms->rc;
    lsn = c.redo_lsn;
    fork = c.redo_fork;
    if (!sb_recover (&i, &c) || (*lsn == '\0' && !sb_restored_read (&i, false, &newest)))
        return ms->rc;
    sb_result (ms->call, "lsn", *lsn != '\0' ? lsn : newest.last_lsn);
    sb_log (ms->call, SB_INFO, "the fork that ended here was %s", *fork != '\0' ? fork : "not told");
    sb_result (ms->call, "fork", "");
    sb_result (ms->call, "at", sb_ms_now (ms));
    return SB_OK;
}

/* Online is not enough: it must have been recovered at the expected point. */
enum sb_seen
sb_see_recover (struct sb_ms *ms)
{
    const char *expect = sb_param (ms->call, "expect");
    struct sb_restored newest;
    struct sb_copy c;
    struct sb_inst i;
    enum sb_seen seen = sb_look (ms, &i, &c);

    if (seen != SB_SEEN_YES)
        return seen;
    if (!sb_is_recovered (&c))
        return sb_copy_is (&c, "RECOVERING") && !c.mirrored ? SB_SEEN_PARTLY : SB_SEEN_NO;
    if (!sb_restored_read (&i, false, &newest))
        return SB_SEEN_UNKNOWN;
    if (expect != NULL && *expect != '\0' && newest.type != NULL && *newest.type == 'L'
        && !sb_lsn_same (newest.last_lsn, expect)) {
        sb_ms_fail (ms, SB_UNSURE,
                    "database '%s' is online at instance '%s', but what was restored last ends at LSN %s and not "
                    "at %s",
                    ms->db, i.name, newest.last_lsn, expect);
        return SB_SEEN_UNKNOWN;
    }
    sb_result (ms->call, "lsn", newest.last_lsn);
    sb_result (ms->call, "fork", "");
    sb_result (ms->call, "at", sb_ms_now (ms));
    return SB_SEEN_YES;
}

/* ------------------------------------------------------------------ restore-full */

bool
sb_may_overwrite (struct sb_inst *i, const struct sb_copy *c, const char *doing)
{
    struct sb_user *users;
    size_t count;

    if (c->mirrored) {
        sb_ms_fail (i->ms, SB_FAIL,
                    "database '%s' at instance '%s' is not %s: it is mirrored\n"
                    "HINT: End its mirroring session first (fence or break-mirror).",
                    i->ms->db, i->name, doing);
        return false;
    }
    if (!sb_copy_is (c, "ONLINE"))
        return true;
    if (!sb_users_read (i, &users, &count))
        return false;
    if (count == 0)
        return true;
    sb_ms_fail (i->ms, SB_FAIL,
                "database '%s' at instance '%s' is not %s: it is online and in use by %s\n"
                "HINT: Fence the copy first, if it really is the one to give up.",
                i->ms->db, i->name, doing, sb_users_words (i->ms, users, count));
    return false;
}

/* The folder of a path, as it is written. */
static const char *
folder_of (struct sb_ms *ms, const char *path)
{
    const char *base = sb_base_name (path);

    return sb_arena_strndup (ms->arena, path, base > path ? (size_t) (base - path) : 0);
}

/* Beside the files of whoever lives there: its own name in front. */
static const char *
place_aside (struct sb_ms *ms, const struct sb_rows *paths, const char *physical, bool is_log)
{
    const char *folder = sb_rows_get (paths, 0, is_log ? "log_path" : "data_path");

    if (folder == NULL || *folder == '\0')
        folder = folder_of (ms, physical);
    return sb_path_join (ms, folder, sb_arena_printf (ms->arena, "%s_%s", ms->db, sb_base_name (physical)));
}

/* Where a file of the backup shall lie; NULL: where it lay. */
static bool
place_of (struct sb_inst *i, const struct sb_rows *there, const struct sb_rows *paths, const char *logical,
          const char *physical, bool is_log, const char **ret)
{
    struct sb_answer a;
    const char *folder;

    *ret = NULL;
    for (size_t n = 0; n < there->count; n++) {
        const char *name = sb_rows_get (there, n, "name"), *path = sb_rows_get (there, n, "physical_name");

        if (name == NULL || path == NULL || strcmp (name, logical) != 0)
            continue;
        *ret = sb_casecmp (path, physical) != 0 ? path : NULL;
        return true;
    }
    if (!sb_must_ask (i, &a, "a database file cannot be looked at", SB_STMT_FILE_EXIST, physical))
        return false;
    if (sb_rows_int (&a.rows, 0, "Parent Directory Exists", 1) == 1)
        return true;
    folder = sb_rows_get (paths, 0, is_log ? "log_path" : "data_path");
    if (folder != NULL && *folder != '\0')
        *ret = sb_path_join (i->ms, folder, sb_base_name (physical));
    return true;
}

/* The whole statement: head, a MOVE for each file that must lie elsewhere, end. */
static bool
write_restore (struct sb_inst *i, const struct sb_copy *c, const struct sb_set *set, bool aside, struct sb_buf *out)
{
    struct sb_answer files, there = { 0 }, paths = { 0 };

    if (!sb_must_ask (i, &files, "the files in the backup cannot be listed", SB_STMT_FILELIST, set->path,
                      (int64_t) set->position))
        return false;
    if (c->there && !sb_must_ask (i, &there, "the database files cannot be listed", SB_STMT_DB_FILES, i->ms->db))
        return false;
    if (i->major >= 11 && !sb_must_ask (i, &paths, "the default paths cannot be read", SB_STMT_PATHS))
        return false;
    if (!sb_piece (i, out, SB_STMT_RESTORE_FULL, i->ms->db, set->path, (int64_t) set->position))
        return false;
    for (size_t n = 0; n < files.rows.count; n++) {
        const char *logical = sb_rows_get (&files.rows, n, "LogicalName"), *type = sb_rows_get (&files.rows, n, "Type");
        const char *physical = sb_rows_get (&files.rows, n, "PhysicalName"), *place;

        if (logical == NULL || physical == NULL)
            continue;
        if (aside)
            place = place_aside (i->ms, &paths.rows, physical, type != NULL && *type == 'L');
        else if (!place_of (i, &there.rows, &paths.rows, logical, physical, type != NULL && *type == 'L', &place))
            return false;
        if (place != NULL && !sb_piece (i, out, SB_STMT_RESTORE_MOVE, logical, place))
            return false;
    }
    return sb_piece (i, out, SB_STMT_RESTORE_END);
}

const struct sb_set *
sb_full_set (struct sb_inst *i, const char *file)
{
    const char *trouble = "";
    const struct sb_set *set = sb_header_one (i, file, &trouble);

    if (set != NULL && set->type == 1 && set->database != NULL && sb_casecmp (set->database, i->ms->source) == 0)
        return set;
    sb_ms_fail (i->ms, SB_FAIL, "the backup '%s' cannot be used at instance '%s': %s", file, i->name,
                set == NULL      ? trouble
                : set->type != 1 ? "it is not a full backup"
                                 : "it is one of another database");
    return NULL;
}

bool
sb_restore_set (struct sb_inst *i, struct sb_copy *c, const struct sb_set *set, bool aside)
{
    const char *what = sb_format (i->ms->call, "database '%s' cannot be restored", i->ms->db);
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_answer a;

    return write_restore (i, c, set, aside, &text)
           && (!sb_copy_is (c, "ONLINE") || sb_set_state (i, what, SB_STMT_RESTRICT))
           && sb_ask_alone (i, &a, what, SB_STMT_RESTORE_FULL, sb_buf_cstr (&text)) && sb_copy_read (i, c);
}

enum sb_rc
sb_run_restore_full (struct sb_ms *ms)
{
    const struct sb_set *set;
    struct sb_copy c;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c) || !sb_may_overwrite (&i, &c, "restored over")
        || (set = sb_full_set (&i, sb_param (ms->call, "file"))) == NULL || !sb_restore_set (&i, &c, set, false))
        return ms->rc;
    sb_result (ms->call, "lsn", c.redo_lsn);
    return SB_OK;
}

enum sb_seen
sb_see_restore_full (struct sb_ms *ms)
{
    struct sb_restored full;
    struct sb_sets sets;
    struct sb_copy c;
    struct sb_inst i;
    enum sb_seen seen = sb_look (ms, &i, &c);

    if (seen != SB_SEEN_YES)
        return seen;
    if (!sb_copy_is (&c, "RESTORING") || c.mirrored)
        return SB_SEEN_NO;
    if (!sb_header_read (&i, sb_param (ms->call, "file"), &sets) || !sb_restored_read (&i, true, &full))
        return SB_SEEN_UNKNOWN;
    sb_result (ms->call, "lsn", c.redo_lsn);
    if (sets.count != 1 || sets.list[0].guid == NULL || full.guid == NULL)
        return SB_SEEN_NO;
    return sb_casecmp (sets.list[0].guid, full.guid) == 0 && sb_lsn_valid (c.redo_lsn) ? SB_SEEN_YES : SB_SEEN_NO;
}

/* ------------------------------------------------------------------ drop-copy */

enum sb_rc
sb_run_drop_copy (struct sb_ms *ms)
{
    const char *what = sb_format (ms->call, "database '%s' cannot be dropped", ms->db);
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_answer a;
    struct sb_copy c;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c) || !sb_may_overwrite (&i, &c, "dropped"))
        return ms->rc;
    if (!c.there)
        return SB_OK;
    if (!sb_piece (&i, &text, SB_STMT_DROP, ms->db) || !sb_ask_alone (&i, &a, what, SB_STMT_DROP, sb_buf_cstr (&text)))
        return ms->rc;
    return SB_OK;
}

enum sb_seen
sb_see_drop_copy (struct sb_ms *ms)
{
    struct sb_copy c;
    struct sb_inst i;
    enum sb_seen seen = sb_look (ms, &i, &c);

    return seen != SB_SEEN_YES ? seen : c.there ? SB_SEEN_NO : SB_SEEN_YES;
}
