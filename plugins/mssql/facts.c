/* Reading facts; see facts.h. */
#include "plugins/mssql/facts.h"

#include "core/base/text.h"
#include "plugins/mssql/lsn.h"

#include <stdlib.h>
#include <string.h>

static const char *
text (const struct sb_answer *a, size_t row, const char *column)
{
    const char *value = sb_rows_get (&a->rows, row, column);

    return value != NULL ? value : "";
}

/* ------------------------------------------------------------------ the copy */

/* The redo point of a copy is the smallest of its data files. */
static bool
read_redo (struct sb_inst *i, struct sb_copy *c)
{
    struct sb_answer a;

    if (!sb_must_ask (i, &a, "the redo point cannot be read", SB_STMT_REDO, i->ms->db))
        return false;
    for (size_t n = 0; n < a.rows.count; n++) {
        const char *lsn = text (&a, n, "redo_start_lsn");

        if (sb_lsn_valid (lsn) && (*c->redo_lsn == '\0' || sb_lsn_cmp (lsn, c->redo_lsn) < 0)) {
            c->redo_lsn = lsn;
            c->redo_fork = text (&a, n, "redo_start_fork_guid");
        }
    }
    return true;
}

/* An answer without the column is none: "no such database" must not be read from it. */
static bool
answers_with (struct sb_inst *i, const struct sb_answer *a, const char *column)
{
    for (size_t n = 0; n < a->rows.ncolumns; n++)
        if (sb_casecmp (a->rows.columns[n], column) == 0)
            return true;
    sb_ms_fail (i->ms, SB_RETRY,
                "instance '%s' gives another answer than it was asked for: column '%s' is missing\n"
                "HINT: See whether it really is SQL Server that listens there.",
                i->name, column);
    return false;
}

bool
sb_copy_read (struct sb_inst *i, struct sb_copy *ret)
{
    struct sb_answer a;

    *ret = (struct sb_copy){ .state = "absent",
                             .access = "",
                             .recovery = "",
                             .session = "",
                             .role = "",
                             .mirroring = "",
                             .safety = "",
                             .partner = "",
                             .partner_instance = "",
                             .witness = "",
                             .witness_state = "",
                             .redo_lsn = "",
                             .redo_fork = "",
                             .end_lsn = "",
                             .failover_lsn = "" };
    if (!sb_must_ask (i, &a, "the state of the copy cannot be read", SB_STMT_COPY, i->ms->db)
        || !answers_with (i, &a, "state_desc"))
        return false;
    if (a.rows.count == 0)
        return true;
    ret->there = true;
    ret->state = text (&a, 0, "state_desc");
    ret->access = text (&a, 0, "user_access_desc");
    ret->recovery = text (&a, 0, "recovery_model_desc");
    ret->standby = sb_rows_int (&a.rows, 0, "is_in_standby", 0) != 0;
    ret->read_only = sb_rows_int (&a.rows, 0, "is_read_only", 0) != 0;
    ret->session = text (&a, 0, "mirroring_guid");
    ret->mirrored = *ret->session != '\0';
    ret->role = text (&a, 0, "mirroring_role_desc");
    ret->mirroring = text (&a, 0, "mirroring_state_desc");
    ret->safety = text (&a, 0, "mirroring_safety_level_desc");
    ret->partner = text (&a, 0, "mirroring_partner_name");
    ret->partner_instance = text (&a, 0, "mirroring_partner_instance");
    ret->witness = text (&a, 0, "mirroring_witness_name");
    ret->witness_state = *ret->witness != '\0' ? text (&a, 0, "mirroring_witness_state_desc") : "";
    ret->end_lsn = text (&a, 0, "mirroring_end_of_log_lsn");
    ret->failover_lsn = text (&a, 0, "mirroring_failover_lsn");
    return (!sb_copy_is (ret, "RESTORING") && !ret->standby) || read_redo (i, ret);
}

bool
sb_copy_is (const struct sb_copy *c, const char *state)
{
    return c->there && strcmp (c->state, state) == 0;
}

bool
sb_copy_is_mirror (const struct sb_copy *c)
{
    return c->mirrored && strcmp (c->role, "MIRROR") == 0;
}

bool
sb_copy_serves (const struct sb_copy *c)
{
    return sb_copy_is (c, "ONLINE") && !sb_copy_is_mirror (c) && !c->standby && !c->read_only;
}

const char *
sb_copy_words (struct sb_ms *ms, const struct sb_copy *c)
{
    struct sb_buf b SB_CLEANUP (sb_buf_free) = { 0 };

    sb_buf_str (&b, c->state);
    if (c->standby)
        sb_buf_str (&b, ", standby");
    else if (c->read_only)
        sb_buf_str (&b, ", read-only");
    if (c->there && strcmp (c->access, "MULTI_USER") != 0 && *c->access != '\0')
        sb_buf_printf (&b, ", %s", c->access);
    if (c->mirrored)
        sb_buf_printf (&b, ", %s, %s", strcmp (c->role, "MIRROR") == 0 ? "mirror" : "principal", c->mirroring);
    return sb_arena_strdup (ms->arena, sb_buf_cstr (&b));
}

/* ------------------------------------------------------------------ sessions */

static const char *
trimmed (struct sb_ms *ms, const char *padded)
{
    return sb_trim (sb_arena_strdup (ms->arena, padded != NULL ? padded : ""));
}

bool
sb_users_read (struct sb_inst *i, struct sb_user **ret, size_t *ret_count)
{
    struct sb_answer a;

    if (!sb_must_ask (i, &a, "the sessions cannot be read", SB_STMT_SESSIONS, i->ms->db))
        return false;
    *ret = sb_arena_alloc (i->ms->arena, (a.rows.count + 1) * sizeof **ret);
    *ret_count = 0;
    for (size_t n = 0; n < a.rows.count; n++) {
        struct sb_user u = { .spid = sb_rows_int (&a.rows, n, "spid", 0),
                             .host = trimmed (i->ms, sb_rows_get (&a.rows, n, "hostname")),
                             .program = trimmed (i->ms, sb_rows_get (&a.rows, n, "program_name")),
                             .login = trimmed (i->ms, sb_rows_get (&a.rows, n, "loginame")) };

        if (strncmp (u.program, "switchback/", 11) != 0)
            (*ret)[(*ret_count)++] = u;
    }
    return true;
}

const char *
sb_users_words (struct sb_ms *ms, const struct sb_user *users, size_t count)
{
    struct sb_buf b SB_CLEANUP (sb_buf_free) = { 0 };

    sb_buf_printf (&b, "%zu session%s", count, count == 1 ? "" : "s");
    for (size_t n = 0; n < count && n < 5; n++)
        sb_buf_printf (&b, "%s%s from %s", n == 0 ? " (" : ", ", *users[n].program != '\0' ? users[n].program : "?",
                       *users[n].host != '\0' ? users[n].host : "?");
    if (count > 0)
        sb_buf_str (&b, count > 5 ? ", ...)" : ")");
    return sb_arena_strdup (ms->arena, sb_buf_cstr (&b));
}

/* Steps are called NAME[DATABASE]: the brackets tell what the other session works at. */
static const char *
bracket (const char *name)
{
    const char *open = strrchr (name, '[');

    return open != NULL ? open : "";
}

bool
sb_ours_at_work (struct sb_inst *i)
{
    const char *mine = sb_about (i->ms->call, "session");
    struct sb_answer a;
    int percent;

    if (mine == NULL || !sb_ask (i, &a, SB_STMT_OURS))
        return false;
    for (size_t n = 0; n < a.rows.count; n++) {
        const char *name = trimmed (i->ms, sb_rows_get (&a.rows, n, "program_name"));

        if (strncmp (name, mine, 120) != 0 && (*bracket (mine) == '\0' || strcmp (bracket (name), bracket (mine)) != 0))
            continue;
        percent = (int) strtod (text (&a, n, "percent_complete"), NULL);
        sb_progress (i->ms->call, percent >= 0 && percent <= 100 ? (unsigned) percent : 101,
                     sb_format (i->ms->call, "%s of '%s' is still running at instance '%s', %d percent done",
                                text (&a, n, "command"), name, i->name, percent));
        return true;
    }
    return false;
}

/* ------------------------------------------------------------------ log shipping */

bool
sb_primary_read (struct sb_inst *i, struct sb_primary *ret)
{
    struct sb_answer a;

    *ret = (struct sb_primary){ 0 };
    if (!sb_must_ask (i, &a, "the log shipping definition cannot be read", SB_STMT_PRIMARY, i->ms->db))
        return false;
    if (a.rows.count == 0)
        return true;
    ret->there = true;
    ret->id = sb_rows_get (&a.rows, 0, "primary_id");
    ret->directory = text (&a, 0, "backup_directory");
    ret->share = text (&a, 0, "backup_share");
    ret->job = sb_rows_get (&a.rows, 0, "backup_job_id");
    ret->last_file = sb_rows_get (&a.rows, 0, "last_backup_file");
    if (!sb_must_ask (i, &a, "the list of secondaries cannot be read", SB_STMT_PRIMARY_SECONDARIES, i->ms->db))
        return false;
    ret->secondaries = a.rows;
    return true;
}

bool
sb_secondary_read (struct sb_inst *i, struct sb_secondary *ret)
{
    struct sb_answer a;

    *ret = (struct sb_secondary){ 0 };
    if (!sb_must_ask (i, &a, "the log shipping definition cannot be read", SB_STMT_SECONDARY, i->ms->db))
        return false;
    ret->count = a.rows.count;
    ret->id = sb_rows_get (&a.rows, 0, "secondary_id");
    ret->primary_server = text (&a, 0, "primary_server");
    ret->primary_database = text (&a, 0, "primary_database");
    ret->source = text (&a, 0, "backup_source_directory");
    ret->destination = text (&a, 0, "backup_destination_directory");
    ret->copy_job = sb_rows_get (&a.rows, 0, "copy_job_id");
    ret->restore_job = sb_rows_get (&a.rows, 0, "restore_job_id");
    ret->last_copied = sb_rows_get (&a.rows, 0, "last_copied_file");
    ret->last_restored = sb_rows_get (&a.rows, 0, "last_restored_file");
    ret->mode = sb_rows_int (&a.rows, 0, "restore_mode", 0);
    ret->delay = sb_rows_int (&a.rows, 0, "restore_delay", 0);
    ret->all = sb_rows_int (&a.rows, 0, "restore_all", 1);
    return true;
}

/* ------------------------------------------------------------------ clock, Agent, history */

bool
sb_clock_read (struct sb_inst *i, struct sb_clock *ret)
{
    struct sb_answer a;
    int64_t here;

    if (!sb_must_ask (i, &a, "the clock cannot be read", SB_STMT_CLOCK))
        return false;
    if (!sb_parse_utc (text (&a, 0, "utc"), &ret->utc_ms) || !sb_parse_utc (text (&a, 0, "here"), &here)) {
        sb_ms_fail (i->ms, SB_RETRY, "instance '%s' does not tell the time", i->name);
        return false;
    }
    /* zones are multiples of a quarter of an hour; the two readings are not of one instant */
    ret->ahead_ms = (here - ret->utc_ms + (here >= ret->utc_ms ? 450000 : -450000)) / 900000 * 900000;
    return true;
}

const char *
sb_clock_utc (struct sb_ms *ms, const struct sb_clock *c, const char *local)
{
    struct sb_buf b SB_CLEANUP (sb_buf_free) = { 0 };
    int64_t at;

    if (local == NULL || !sb_parse_utc (local, &at))
        return NULL;
    sb_format_utc (&b, at - c->ahead_ms);
    return sb_arena_strdup (ms->arena, sb_buf_cstr (&b));
}

bool
sb_agent_runs (struct sb_inst *i, bool *ret)
{
    struct sb_answer a;

    if (!sb_must_ask (i, &a, "whether the Agent runs cannot be read", SB_STMT_AGENT))
        return false;
    *ret = sb_rows_int (&a.rows, 0, "agents", 0) > 0;
    return true;
}

bool
sb_restored_read (struct sb_inst *i, bool full_only, struct sb_restored *ret)
{
    struct sb_clock clock;
    struct sb_answer a;

    *ret = (struct sb_restored){ 0 };
    if (!sb_clock_read (i, &clock)
        || !sb_must_ask (i, &a, "the restore history cannot be read",
                         full_only ? SB_STMT_LAST_FULL_RESTORED : SB_STMT_LAST_RESTORED, i->ms->db))
        return false;
    ret->guid = sb_rows_get (&a.rows, 0, "backup_set_uuid");
    ret->type = sb_rows_get (&a.rows, 0, "type");
    ret->first_lsn = sb_rows_get (&a.rows, 0, "first_lsn");
    ret->last_lsn = sb_rows_get (&a.rows, 0, "last_lsn");
    ret->family = sb_rows_get (&a.rows, 0, "family_guid");
    ret->start = sb_clock_utc (i->ms, &clock, sb_rows_get (&a.rows, 0, "backup_start_date"));
    ret->finish = sb_clock_utc (i->ms, &clock, sb_rows_get (&a.rows, 0, "backup_finish_date"));
    return true;
}

const char *
sb_base_name (const char *path)
{
    const char *base = path;

    for (const char *p = path; p != NULL && *p != '\0'; p++)
        if (*p == '\\' || *p == '/')
            base = p + 1;
    return base;
}
