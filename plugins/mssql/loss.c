/* quote: what would be lost if the copy were recovered now, as a point.
 *
 * The point is where the newest applied log ends; its time is when that backup
 * was begun, for a transaction committed while it was written may not be in it. */
#include "plugins/mssql/facts.h"
#include "plugins/mssql/verbs.h"

#include "core/base/text.h"

#include <string.h>

static const char *
window_words (struct sb_ms *ms, int64_t window_ms)
{
    struct sb_buf b SB_CLEANUP (sb_buf_free) = { 0 };

    sb_format_duration (&b, window_ms);
    return sb_arena_strdup (ms->arena, sb_buf_cstr (&b));
}

enum sb_rc
sb_run_quote (struct sb_ms *ms)
{
    const char *source = sb_param (ms->call, "source"), *left_out = sb_param (ms->call, "left out"), *since;
    struct sb_restored newest;
    struct sb_clock clock;
    struct sb_copy c;
    struct sb_inst i;
    int64_t at, window_ms = 0;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c))
        return ms->rc;
    if ((!sb_copy_is (&c, "RESTORING") && !c.standby) || *c.redo_lsn == '\0')
        return sb_ms_fail (ms, SB_FAIL, "no loss can be quoted for '%s' at instance '%s': it is %s", ms->db, i.name,
                           sb_copy_words (ms, &c));
    if (!sb_restored_read (&i, false, &newest) || !sb_clock_read (&i, &clock))
        return ms->rc;
    if (newest.start != NULL && sb_parse_utc (newest.start, &at))
        window_ms = clock.utc_ms > at ? clock.utc_ms - at : 0;
    since = newest.start == NULL ? "at a time that is not known"
                                 : sb_format (ms->call, "at %s, %s ago", newest.start, window_words (ms, window_ms));
    sb_result (ms->call, "lsn", c.redo_lsn);
    sb_result (ms->call, "time", newest.start);
    if (newest.start != NULL)
        sb_result (ms->call, "window s", sb_format (ms->call, "%lld", (long long) ((window_ms + 999) / 1000)));
    sb_result (ms->call, "estimate", ""); /* a restoring copy cannot be asked for its rate */
    sb_result (ms->call, "sentence",
               sb_format (ms->call,
                          "Everything committed to %s up to LSN %s, backed up %s, is safe at %s. What was acknowledged "
                          "later may be lost.%s%s%s%s%s",
                          ms->db, c.redo_lsn, since, i.name,
                          source != NULL && *source != '\0' && strcmp (source, "done") != 0
                                  ? " The newest log backups may be missing: "
                                  : "",
                          source != NULL && *source != '\0' && strcmp (source, "done") != 0 ? source : "",
                          source != NULL && *source != '\0' && strcmp (source, "done") != 0 ? "." : "",
                          left_out != NULL && *left_out != '\0' ? " Left out: " : "",
                          left_out != NULL && *left_out != '\0' ? left_out : ""));
    return SB_OK;
}
