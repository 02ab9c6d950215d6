/* save-shipping, stop-shipping, start-shipping, ship-once: the log shipping that
 * stands.  Jobs are found by the ids in the definition, never by name. */
#include "plugins/mssql/access.h"
#include "plugins/mssql/jobs.h"
#include "plugins/mssql/lsn.h"
#include "plugins/mssql/verbs.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ save-shipping */

static json_t *
rows_json (const struct sb_rows *r)
{
    json_t *list = json_array ();

    for (size_t n = 0; n < r->count; n++) {
        json_t *row = json_object ();

        for (size_t c = 0; c < r->ncolumns; c++)
            json_object_set_new (row, r->columns[c],
                                 r->cells[n][c] != NULL ? json_string (r->cells[n][c]) : json_null ());
        json_array_append_new (list, row);
    }
    return list;
}

static bool
add_rows (struct sb_inst *i, json_t *to, const char *key, enum sb_stmt id, const char *argument)
{
    struct sb_answer a;

    if (!sb_must_ask (i, &a, "the log shipping definition cannot be read", id, argument))
        return false;
    json_object_set_new (to, key, rows_json (&a.rows));
    return true;
}

static bool
add_job (struct sb_inst *i, json_t *to, const char *key, const char *id)
{
    struct sb_job job;

    if (!sb_job_read (i, id, &job))
        return false;
    if (job.there)
        json_object_set_new (to, key,
                             json_pack ("{s:s, s:s, s:b}", "id", id, "name", job.name, "enabled", job.enabled));
    return true;
}

static bool
read_definition (struct sb_inst *i, json_t *to, const char **ret_last)
{
    struct sb_primary p;
    struct sb_secondary s;

    if (!sb_primary_read (i, &p) || !sb_secondary_read (i, &s)
        || !add_rows (i, to, "primary", SB_STMT_PRIMARY, i->ms->db)
        || !add_rows (i, to, "secondaries", SB_STMT_PRIMARY_SECONDARIES, i->ms->db)
        || !add_rows (i, to, "secondary", SB_STMT_SECONDARY, i->ms->db)
        || !add_rows (i, to, "monitor primary", SB_STMT_MONITOR_PRIMARY, i->ms->db)
        || !add_rows (i, to, "monitor secondary", SB_STMT_MONITOR_SECONDARY, i->ms->db)
        || !add_job (i, to, "backup job", p.job) || !add_job (i, to, "copy job", s.copy_job)
        || !add_job (i, to, "restore job", s.restore_job))
        return false;
    *ret_last = s.last_restored != NULL ? s.last_restored : "";
    return true;
}

enum sb_rc
sb_run_save_shipping (struct sb_ms *ms)
{
    json_t *definition = json_object ();
    const char *last = "";
    struct sb_inst i;
    char *text = NULL;
    bool good = sb_ms_open (ms, ms->on, &i) && read_definition (&i, definition, &last);

    if (good) {
        json_object_set_new (definition, "instance", json_string (i.name));
        json_object_set_new (definition, "server", json_string (i.server_name));
        text = json_dumps (definition, JSON_COMPACT);
    }
    json_decref (definition);
    if (!good)
        return ms->rc;
    sb_result (ms->call, "definition", text != NULL ? text : "{}");
    sb_result (ms->call, "last restored", last);
    free (text);
    return SB_OK;
}

/* ------------------------------------------------------------------ stop-shipping, start-shipping */

struct jobs {
    struct sb_job list[3];
    size_t count;
};

/* All jobs of the definitions there; a job that a definition names but that is gone is left out. */
static bool
jobs_of (struct sb_inst *i, struct jobs *ret)
{
    struct sb_primary p;
    struct sb_secondary s;
    const char *ids[3];

    *ret = (struct jobs){ 0 };
    if (!sb_primary_read (i, &p) || !sb_secondary_read (i, &s))
        return false;
    ids[0] = p.job;
    ids[1] = s.copy_job;
    ids[2] = s.restore_job;
    for (size_t n = 0; n < 3; n++) {
        if (!sb_job_read (i, ids[n], &ret->list[ret->count]))
            return false;
        ret->count += ret->list[ret->count].there;
    }
    return true;
}

enum sb_rc
sb_run_stop_shipping (struct sb_ms *ms)
{
    struct sb_inst i;
    struct jobs jobs;

    if (!sb_ms_open (ms, ms->on, &i) || !jobs_of (&i, &jobs))
        return ms->rc;
    for (size_t n = 0; n < jobs.count; n++)
        if (jobs.list[n].enabled && !sb_job_enable (&i, jobs.list[n].id, false))
            return ms->rc;
    for (size_t n = 0; n < jobs.count; n++)
        if (!sb_job_await_idle (&i, jobs.list[n].id))
            return ms->rc;
    return SB_OK;
}

enum sb_seen
sb_see_stop_shipping (struct sb_ms *ms)
{
    size_t enabled = 0, running = 0;
    struct sb_inst i;
    struct jobs jobs;

    if (!sb_ms_open (ms, ms->on, &i) || !jobs_of (&i, &jobs))
        return SB_SEEN_UNKNOWN;
    for (size_t n = 0; n < jobs.count; n++) {
        enabled += jobs.list[n].enabled;
        running += jobs.list[n].running;
    }
    if (enabled == 0)
        return running == 0 ? SB_SEEN_YES : SB_SEEN_PARTLY;
    return enabled == jobs.count ? SB_SEEN_NO : SB_SEEN_PARTLY;
}

enum sb_rc
sb_run_start_shipping (struct sb_ms *ms)
{
    struct sb_inst i;
    struct jobs jobs;

    if (!sb_ms_open (ms, ms->on, &i) || !jobs_of (&i, &jobs))
        return ms->rc;
    if (jobs.count == 0)
        return sb_ms_fail (ms, SB_FAIL,
                           "no log shipping of '%s' is defined at instance '%s'\n"
                           "HINT: Build it again with build-primary or build-secondary.",
                           ms->db, i.name);
    for (size_t n = 0; n < jobs.count; n++)
        if (!jobs.list[n].enabled && !sb_job_enable (&i, jobs.list[n].id, true))
            return ms->rc;
    return SB_OK;
}

enum sb_seen
sb_see_start_shipping (struct sb_ms *ms)
{
    size_t enabled = 0;
    struct sb_inst i;
    struct jobs jobs;

    if (!sb_ms_open (ms, ms->on, &i) || !jobs_of (&i, &jobs))
        return SB_SEEN_UNKNOWN;
    for (size_t n = 0; n < jobs.count; n++)
        enabled += jobs.list[n].enabled;
    if (enabled == jobs.count && enabled > 0)
        return SB_SEEN_YES;
    return enabled > 0 ? SB_SEEN_PARTLY : SB_SEEN_NO;
}

/* ------------------------------------------------------------------ ship-once */

/* A pattern for LIKE: whatever, then this very name ([ begins a class there). */
static const char *
ends_with (struct sb_ms *ms, const char *name)
{
    struct sb_buf b SB_CLEANUP (sb_buf_free) = { 0 };

    sb_buf_char (&b, '%');
    for (; *name != '\0'; name++)
        if (*name == '[' || *name == '%' || *name == '_')
            sb_buf_printf (&b, "[%c]", *name);
        else
            sb_buf_char (&b, *name);
    return sb_arena_strdup (ms->arena, sb_buf_cstr (&b));
}

/* The newest restored file, if this primary made it; "" if not. */
static bool
shipped_file (struct sb_inst *from, struct sb_inst *to, const char **ret_file)
{
    struct sb_secondary s;
    struct sb_answer a;
    const char *base;

    *ret_file = "";
    if (!sb_secondary_read (to, &s))
        return false;
    if (s.last_restored == NULL || *s.last_restored == '\0')
        return true;
    base = sb_base_name (s.last_restored);
    if (!sb_must_ask (from, &a, "the backup history cannot be read", SB_STMT_SET_BY_FILE, from->ms->db,
                      ends_with (from->ms, base)))
        return false;
    if (a.rows.count > 0)
        *ret_file = base;
    return true;
}

static bool
run_and_look (struct sb_inst *from, struct sb_inst *to, const struct sb_primary *p, const struct sb_secondary *s,
              const char **ret_file)
{
    struct sb_answer made;
    struct sb_copy copy;
    const char *end;

    if (!sb_job_run (from, p->job)
        || !sb_must_ask (from, &made, "the backup history cannot be read", SB_STMT_LAST_BACKUP, from->ms->db, "L"))
        return false;
    end = sb_rows_get (&made.rows, 0, "last_lsn");
    /* A copy or restore run that was under way may have listed the folder too early: hence the second round. */
    for (int round = 0; round < 3; round++) {
        if (!sb_job_run (to, s->copy_job) || !sb_job_run (to, s->restore_job) || !sb_copy_read (to, &copy))
            return false;
        if (end != NULL && sb_lsn_cmp (copy.redo_lsn, end) >= 0)
            return shipped_file (from, to, ret_file);
    }
    sb_ms_fail (from->ms, SB_RETRY,
                "the newest log backup of '%s' at instance '%s' did not arrive at instance '%s': "
                "the copy stands at %s, the backup ends at %s\n"
                "HINT: Look at the history of the copy and restore jobs there.",
                from->ms->db, from->name, to->name, copy.redo_lsn, end != NULL ? end : "(unknown)");
    return false;
}

enum sb_rc
sb_run_ship_once (struct sb_ms *ms)
{
    struct sb_inst from, to;
    struct sb_primary p;
    struct sb_secondary s;
    const char *file;

    if (!sb_ms_open (ms, ms->on, &from) || !sb_ms_open (ms, sb_param (ms->call, "to"), &to)
        || !sb_primary_read (&from, &p) || !sb_secondary_read (&to, &s))
        return ms->rc;
    if (!p.there || s.count == 0)
        return sb_ms_fail (ms, SB_FAIL, "log shipping of '%s' is not defined at instance '%s'", ms->db,
                           p.there ? to.name : from.name);
    if (!run_and_look (&from, &to, &p, &s, &file))
        return ms->rc;
    sb_result (ms->call, "file", file);
    return SB_OK;
}

enum sb_seen
sb_see_ship_once (struct sb_ms *ms)
{
    struct sb_inst from, to;
    const char *file;

    if (!sb_ms_open (ms, ms->on, &from) || !sb_ms_open (ms, sb_param (ms->call, "to"), &to)
        || !shipped_file (&from, &to, &file))
        return SB_SEEN_UNKNOWN;
    sb_result (ms->call, "file", file);
    return *file != '\0' ? SB_SEEN_YES : SB_SEEN_NO;
}
