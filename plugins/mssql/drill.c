/* restore-as, drop-as: a rehearsal of recovery under another name.
 *
 * The real copies are not touched: a full backup and the shipped logs are restored beside them, into files of their own,
 * under a name that no database of the topology has and that begins with the real one and "_drill". */
#include "plugins/mssql/files.h"
#include "plugins/mssql/lsn.h"
#include "plugins/mssql/restore.h"
#include "plugins/mssql/verbs.h"

#include "core/base/text.h"

#include <string.h>

static bool
rehearses (struct sb_ms *ms)
{
    const char *as = sb_param (ms->call, "as");

    if (as != NULL && *as != '\0')
        return sb_ms_as (ms);
    sb_ms_fail (ms, SB_FAIL, "no other name is given for the rehearsal of '%s'", ms->source);
    return false;
}

static const char *
log_folder (struct sb_ms *ms)
{
    const char *share = sb_param (ms->call, "from");
    const char *unc = share != NULL && *share != '\0' ? sb_attr (ms->call, "share", share, "unc") : NULL;

    return unc != NULL ? unc : "";
}

/* It was restored from this very file, and where it ended. */
static bool
stems_from (struct sb_inst *i, const struct sb_set *set, bool *ret)
{
    struct sb_restored full;

    if (!sb_restored_read (i, true, &full))
        return false;
    *ret = full.guid != NULL && set->guid != NULL && sb_casecmp (full.guid, set->guid) == 0;
    return true;
}

static bool
tell (struct sb_inst *i)
{
    struct sb_restored newest;

    if (!sb_restored_read (i, false, &newest))
        return false;
    sb_result (i->ms->call, "lsn", newest.last_lsn);
    sb_result (i->ms->call, "time", newest.start);
    return true;
}

enum sb_rc
sb_run_restore_as (struct sb_ms *ms)
{
    const char *folder = log_folder (ms), *until = sb_param (ms->call, "until");
    const struct sb_set *set;
    int64_t applied = 0;
    struct sb_copy c;
    struct sb_inst i;
    bool begun;

    if (!rehearses (ms) || !sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c)
        || !sb_may_overwrite (&i, &c, "restored over") || (set = sb_full_set (&i, sb_param (ms->call, "file"))) == NULL
        || !stems_from (&i, set, &begun))
        return ms->rc;
    if (!(begun && sb_copy_is (&c, "RESTORING")) && !sb_restore_set (&i, &c, set, true))
        return ms->rc;
    if (*folder != '\0' && !sb_apply_all (&i, folder, &applied))
        return ms->rc;
    if (!sb_copy_read (&i, &c))
        return ms->rc;
    if (until != NULL && *until != '\0' && sb_lsn_cmp (c.redo_lsn, until) < 0)
        return sb_ms_fail (
                ms, SB_FAIL,
                "the rehearsal of '%s' at instance '%s' ends at LSN %s, but %s must be reached and nothing in "
                "'%s' leads there",
                ms->source, i.name, c.redo_lsn, until, folder);
    if (!sb_recover (&i, &c) || !tell (&i))
        return ms->rc;
    sb_result (ms->call, "applied", sb_format (ms->call, "%lld", (long long) applied));
    return SB_OK;
}

enum sb_seen
sb_see_restore_as (struct sb_ms *ms)
{
    const char *until = sb_param (ms->call, "until");
    struct sb_restored newest;
    struct sb_sets sets;
    struct sb_copy c;
    struct sb_inst i;
    enum sb_seen seen;
    bool stems;

    if (!rehearses (ms))
        return SB_SEEN_UNKNOWN;
    seen = sb_look (ms, &i, &c);
    if (seen != SB_SEEN_YES)
        return seen;
    if (!sb_is_recovered (&c))
        return SB_SEEN_NO;
    if (!sb_header_read (&i, sb_param (ms->call, "file"), &sets) || !sb_restored_read (&i, false, &newest)
        || !stems_from (&i, &sets.list[0], &stems) || !tell (&i))
        return SB_SEEN_UNKNOWN;
    if (!stems || (until != NULL && *until != '\0' && sb_lsn_cmp (newest.last_lsn, until) < 0))
        return SB_SEEN_NO;
    return SB_SEEN_YES;
}

enum sb_rc
sb_run_drop_as (struct sb_ms *ms)
{
    return rehearses (ms) ? sb_run_drop_copy (ms) : ms->rc;
}

enum sb_seen
sb_see_drop_as (struct sb_ms *ms)
{
    return rehearses (ms) ? sb_see_drop_copy (ms) : SB_SEEN_UNKNOWN;
}
