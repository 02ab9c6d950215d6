/* seed-copy, build-dormant: what establishing a pool from nothing needs besides the verbs of a failback, asked in a way
 * that the steady state answers with "it is so already". */
#include "plugins/mssql/access.h"
#include "plugins/mssql/files.h"
#include "plugins/mssql/lsn.h"
#include "plugins/mssql/restore.h"
#include "plugins/mssql/verbs.h"

#include "core/base/text.h"

#include <string.h>

/* ------------------------------------------------------------------ seed-copy */

struct seed {
    struct sb_inst from, to;
    struct sb_copy source, copy;
};

static bool
open_seed (struct sb_ms *ms, struct seed *s)
{
    return sb_ms_open (ms, sb_param (ms->call, "from"), &s->from) && sb_copy_read (&s->from, &s->source)
           && sb_ms_open (ms, ms->on, &s->to) && sb_copy_read (&s->to, &s->copy);
}

static bool
are_paired (const struct seed *s)
{
    return s->copy.mirrored && s->source.mirrored && sb_casecmp (s->copy.session, s->source.session) == 0;
}

/* The newest set that the source backed up, of a type; NULL: none. */
static bool
newest_of_source (struct seed *s, const char *type, struct sb_answer *ret)
{
    return sb_must_ask (&s->from, ret, "the backup history cannot be read", SB_STMT_LAST_BACKUP, s->from.ms->db, type);
}

/* The logs on the share lead from the copy to the end of the newest log backup of the source. */
static bool
is_within_reach (struct seed *s, const struct sb_point *point, const char *end, bool *ret)
{
    const char *share = sb_ms_attr (s->to.ms, "log share"), *trouble;
    const char *folder = share != NULL ? sb_attr (s->to.ms->call, "share", share, "unc") : NULL;
    struct sb_chain chain;
    struct sb_sets sets;

    *ret = end == NULL || sb_lsn_cmp (point->lsn, end) >= 0;
    if (*ret || folder == NULL)
        return true;
    if (!sb_sets_read (&s->to, folder, &sets, &trouble))
        return false;
    sb_chain_decide (s->to.ms->arena, sets.list, sets.count, point, &chain);
    *ret = trouble == NULL && chain.count > 0 && sb_lsn_cmp (chain.end, end) >= 0;
    return true;
}

/* A restoring copy of the same family that the source's log can bring up to date. */
static bool
is_seeded (struct seed *s, bool *ret)
{
    struct sb_answer full, log;
    struct sb_point point;
    const char *family, *end;

    *ret = false;
    if (!sb_copy_is (&s->copy, "RESTORING") || s->copy.mirrored)
        return true;
    if (!sb_point_read (&s->to, &s->copy, &point) || !newest_of_source (s, "D", &full)
        || !newest_of_source (s, "L", &log))
        return false;
    family = sb_rows_get (&full.rows, 0, "family_guid");
    if (family == NULL)
        family = sb_rows_get (&log.rows, 0, "family_guid");
    if (family == NULL || point.family == NULL || sb_casecmp (family, point.family) != 0)
        return true;
    end = sb_rows_get (&log.rows, 0, "last_lsn");
    if (!is_within_reach (s, &point, end, ret))
        return false;
    /* one that was just made may still bear its temporary name */
    return *ret || !sb_copy_serves (&s->source)
           || (sb_ms_pause (s->to.ms, 2000, "the newest log backup is on the share")
               && is_within_reach (s, &point, end, ret));
}

/* The first full backup begins the log chain and cannot be a copy-only one (4214). */
static bool
back_up (struct seed *s, const char *file)
{
    struct sb_answer full, a;

    if (!newest_of_source (s, "D", &full))
        return false;
    return sb_must_ask (&s->from, &a, sb_format (s->from.ms->call, "database '%s' cannot be backed up", s->from.ms->db),
                        full.rows.count > 0 ? SB_STMT_BACKUP_COPY_ONLY : SB_STMT_BACKUP_FULL, s->from.ms->db, file);
}

enum sb_rc
sb_run_seed_copy (struct sb_ms *ms)
{
    const char *file = sb_param (ms->call, "file");
    const struct sb_set *set;
    struct seed s;

    if (!open_seed (ms, &s))
        return ms->rc;
    if (are_paired (&s))
        return SB_OK;
    if (!sb_copy_serves (&s.source))
        return sb_ms_fail (ms, SB_FAIL, "database '%s' cannot be copied from instance '%s': it is %s", ms->db,
                           s.from.name, sb_copy_words (ms, &s.source));
    if (!sb_may_overwrite (&s.to, &s.copy, "restored over") || !back_up (&s, file)
        || (set = sb_full_set (&s.to, file)) == NULL || !sb_restore_set (&s.to, &s.copy, set, false))
        return ms->rc;
    sb_result (ms->call, "lsn", s.copy.redo_lsn);
    return SB_OK;
}

enum sb_seen
sb_see_seed_copy (struct sb_ms *ms)
{
    struct seed s;
    bool seeded;

    if (!open_seed (ms, &s))
        return SB_SEEN_UNKNOWN;
    if (sb_ours_at_work (&s.from) || sb_ours_at_work (&s.to))
        return SB_SEEN_PARTLY;
    sb_result (ms->call, "lsn", s.copy.redo_lsn);
    if (are_paired (&s))
        return SB_SEEN_YES;
    if (!is_seeded (&s, &seeded))
        return SB_SEEN_UNKNOWN;
    return seeded ? SB_SEEN_YES : SB_SEEN_NO;
}

/* ------------------------------------------------------------------ build-dormant */

/* Makes the instance principal; `on` of the call is the mirror all the time but here. */
static bool
switch_to (struct sb_ms *ms, const char *instance)
{
    const char *on = ms->on;
    enum sb_rc rc;

    ms->on = instance;
    rc = sb_run_mirror_failover (ms);
    ms->on = on;
    return rc == SB_OK;
}

/* A definition can be made on a principal alone, so the roles are swapped for that moment; they are swapped back whatever
 * became of it, and a call that finds them swapped begins there. */
enum sb_rc
sb_run_build_dormant (struct sb_ms *ms)
{
    const char *primary = sb_ms_attr (ms, "primary");
    enum sb_rc rc = SB_OK;

    if (primary == NULL || ms->on == NULL || strcmp (primary, ms->on) == 0)
        return sb_ms_fail (ms, SB_FAIL, "the dormant source of '%s' must be its mirror and not '%s'", ms->db,
                           ms->on != NULL ? ms->on : "(none)");
    if (sb_see_build_primary (ms) != SB_SEEN_YES)
        rc = switch_to (ms, ms->on) ? sb_run_build_primary (ms) : ms->rc;
    if (!switch_to (ms, primary) && rc == SB_OK)
        rc = ms->rc;
    return rc;
}

/* Roles that are still swapped are half of it, also where no definition was made yet: somebody has to swap them back. */
enum sb_seen
sb_see_build_dormant (struct sb_ms *ms)
{
    enum sb_seen seen = sb_see_build_primary (ms);
    struct sb_copy c;
    struct sb_inst i;

    if (seen == SB_SEEN_UNKNOWN)
        return seen;
    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c))
        return SB_SEEN_UNKNOWN;
    if (seen == SB_SEEN_YES)
        return sb_copy_is_mirror (&c) ? SB_SEEN_YES : SB_SEEN_PARTLY;
    return c.mirrored && !sb_copy_is_mirror (&c) ? SB_SEEN_PARTLY : seen;
}
