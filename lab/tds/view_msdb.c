/* msdb: log shipping (SQL sheet 4.4); the Agent is in view_agent.c. */
#include "lab/tds/view_msdb.h"

#include "core/base/text.h"
#include "lab/tds/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *
server_name (struct world *w, w_id instance)
{
    return w_str (w, w->instances[instance - 1].server);
}

static w_guid
job_guid (const struct world *w, w_id job)
{
    return job == 0 ? 0 : w->jobs[job - 1].guid;
}

static const char *
or_null (const char *s)
{
    return s[0] == 0 ? NULL : s;
}

static void
fill_primaries (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    for (unsigned i = 0; i < w->nprimaries; i++) {
        const struct w_primary *p = &w->primaries[i];
        if (p->instance != s->instance)
            continue;
        tds_row (k);
        tds_put_guid (k, "primary_id", w, p->guid);
        tds_put_text (k, "primary_database", w_str (w, p->database));
        tds_put_text (k, "backup_directory", w_str (w, p->directory));
        tds_put_text (k, "backup_share", w_str (w, p->share));
        tds_put_int (k, "backup_retention_period", p->retention_min);
        tds_put_guid (k, "backup_job_id", w, job_guid (w, p->job));
        tds_put_text (k, "monitor_server",
                      w_str (w, p->monitor)[0] == 0 ? server_name (w, p->instance) : w_str (w, p->monitor));
        tds_put_int (k, "monitor_server_security_mode", 1);
        tds_put_text (k, "last_backup_file", or_null (w_str (w, p->last_file)));
        tds_put_time (k, "last_backup_date", p->last_ms);
        tds_put_time (k, "last_backup_date_utc", p->last_ms);
        tds_put_int (k, "user_specified_monitor", w_str (w, p->monitor)[0] != 0);
        tds_put_int (k, "backup_compression", p->compression);
        tds_put_text (k, "primary_server", server_name (w, p->instance));
        tds_put_int (k, "backup_threshold", p->threshold_min);
        tds_put_int (k, "threshold_alert", p->threshold_alert);
        tds_put_int (k, "threshold_alert_enabled", p->alert_enabled);
        tds_put_int (k, "history_retention_period", p->history_min);
    }
}

static void
fill_pairs (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    for (unsigned i = 0; i < w->npairs; i++) {
        const struct w_pair *p = &w->pairs[i];
        if (p->primary == 0 || w->primaries[p->primary - 1].instance != s->instance)
            continue;
        tds_row (k);
        tds_put_guid (k, "primary_id", w, w->primaries[p->primary - 1].guid);
        tds_put_text (k, "secondary_server", w_str (w, p->server));
        tds_put_text (k, "secondary_database", w_str (w, p->database));
    }
}

static void
put_secondary (struct world *w, const struct w_secondary *p, struct tds_sink *k)
{
    tds_put_guid (k, "secondary_id", w, p->guid);
    tds_put_text (k, "primary_server", w_str (w, p->server));
    tds_put_text (k, "primary_database", w_str (w, p->database));
    tds_put_text (k, "backup_source_directory", w_str (w, p->source));
    tds_put_text (k, "backup_destination_directory", w_str (w, p->destination));
    tds_put_int (k, "file_retention_period", p->retention_min);
    tds_put_guid (k, "copy_job_id", w, job_guid (w, p->copy_job));
    tds_put_guid (k, "restore_job_id", w, job_guid (w, p->restore_job));
    tds_put_text (k, "monitor_server",
                  w_str (w, p->monitor)[0] == 0 ? server_name (w, p->instance) : w_str (w, p->monitor));
    tds_put_int (k, "monitor_server_security_mode", 1);
    tds_put_int (k, "user_specified_monitor", w_str (w, p->monitor)[0] != 0);
    tds_put_text (k, "last_copied_file", or_null (w_str (w, p->last_copied)));
    tds_put_time (k, "last_copied_date", p->last_copied_ms);
    tds_put_time (k, "last_copied_date_utc", p->last_copied_ms);
}

static void
fill_secondaries (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    for (unsigned i = 0; i < w->nsecondaries; i++)
        if (w->secondaries[i].instance == s->instance) {
            tds_row (k);
            put_secondary (w, &w->secondaries[i], k);
        }
}

static void
fill_secondary_dbs (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    for (unsigned i = 0; i < w->nsecondary_dbs; i++) {
        const struct w_secondary_db *d = &w->secondary_dbs[i];
        if (d->secondary == 0 || w->secondaries[d->secondary - 1].instance != s->instance)
            continue;
        tds_row (k);
        put_secondary (w, &w->secondaries[d->secondary - 1], k);
        tds_put_text (k, "secondary_server", server_name (w, s->instance));
        tds_put_text (k, "secondary_database", w_str (w, d->database));
        tds_put_int (k, "restore_delay", d->delay_min);
        tds_put_int (k, "restore_all", d->restore_all);
        tds_put_int (k, "restore_mode", d->restore_mode);
        tds_put_int (k, "disconnect_users", d->disconnect_users);
        tds_put_int (k, "block_size", d->block_size);
        tds_put_int (k, "buffer_count", d->buffer_count);
        tds_put_int (k, "max_transfer_size", d->max_transfer);
        tds_put_int (k, "restore_threshold", d->threshold_min);
        tds_put_int (k, "threshold_alert", d->threshold_alert);
        tds_put_int (k, "threshold_alert_enabled", d->alert_enabled);
        tds_put_text (k, "last_restored_file", or_null (w_str (w, d->last_restored)));
        tds_put_time (k, "last_restored_date", d->last_restored_ms);
        tds_put_time (k, "last_restored_date_utc", d->last_restored_ms);
        if (d->latency_min >= 0)
            tds_put_int (k, "last_restored_latency", d->latency_min);
        tds_put_int (k, "history_retention_period", d->history_min);
    }
}

/* ---- what the agents noted: one detail row per run of a log shipping job ---- */

static const char *
log_database (const struct world *w, const struct w_job *j)
{
    if (j->kind == W_JOB_BACKUP && j->subject != 0)
        return w_str (w, w->primaries[j->subject - 1].database);
    if (j->kind == W_JOB_RESTORE && j->subject != 0)
        return w_str (w, w->secondaries[j->subject - 1].database);
    return "";
}

w_guid
tds_agent_guid (const struct world *w, const struct w_job *j)
{
    if (j->subject == 0)
        return 0;
    return j->kind == W_JOB_BACKUP ? w->primaries[j->subject - 1].guid : w->secondaries[j->subject - 1].guid;
}

void
tds_explain_run (struct world *w, const struct w_job *j, const struct w_run *run, struct sb_buf *out)
{
    static const char *const what[] = { "", "Backup", "Copy", "Restore", "Alert" };
    const struct sb_sql_message *m = run->message == 0 ? NULL : sb_sql_message_find (run->message);

    if (run->message == 32008)
        sb_buf_printf (
                out,
                "Database %s is not ONLINE. The backup job will not be performed until this database is brought online.",
                w_str (w, run->arg));
    else if (m != NULL || run->message != 0)
        sb_buf_printf (out, "*** Error: %d %s ***", run->message, w_str (w, run->arg));
    else
        sb_buf_printf (out, "%s operation was successful. Files handled: %u.", what[j->kind % 5], run->files);
}

static void
fill_log (struct tds_session *s, struct world *w, struct tds_sink *k, bool errors)
{
    for (unsigned i = 0; i < w->njobs; i++) {
        const struct w_job *j = &w->jobs[i];
        if (j->instance != s->instance || j->kind == W_JOB_ALERT)
            continue;
        for (unsigned n = 0; n < W_MAX_RUNS; n++) {
            const struct w_run *run = &j->runs[n];
            SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
            if (run->instance_id == 0 || (errors && run->status != W_RUN_FAILED))
                continue;
            tds_explain_run (w, j, run, &text);
            tds_row (k);
            tds_put_guid (k, "agent_id", w, tds_agent_guid (w, j));
            tds_put_int (k, "agent_type", j->kind - 1);
            tds_put_int (k, "session_id", run->instance_id);
            tds_put_text (k, "database_name", log_database (w, j));
            tds_put_int (k, "session_status", run->message == 32008 ? 4 : run->status == W_RUN_SUCCEEDED ? 2 : 3);
            tds_put_int (k, "sequence_number", 1);
            tds_put_time (k, "log_time", run->ended_ms);
            tds_put_time (k, "log_time_utc", run->ended_ms);
            tds_put_text (k, "message", sb_buf_cstr (&text));
            tds_put_text (k, "source", "sqllogship");
            tds_put_text (k, "help_url", "");
        }
    }
}

static void
fill_history_detail (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    fill_log (s, w, k, false);
}

static void
fill_error_detail (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    fill_log (s, w, k, true);
}

static void
fill_alert (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    for (unsigned i = 0; i < w->njobs; i++)
        if (w->jobs[i].instance == s->instance && w->jobs[i].kind == W_JOB_ALERT) {
            tds_row (k);
            tds_put_guid (k, "alert_job_id", w, w->jobs[i].guid);
        }
}

/* ---- sp_help_log_shipping_monitor ---- */

static void
fill_monitor (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    for (unsigned i = 0; i < w->nprimaries; i++) {
        const struct w_primary *p = &w->primaries[i];
        int64_t minutes;
        if (p->instance != s->instance)
            continue;
        minutes = (tds_now (s) - (p->last_ms != 0 ? p->last_ms : p->since_ms)) / 60000;
        tds_row (k);
        tds_put_int (k, "status", minutes > p->threshold_min);
        tds_put_int (k, "is_primary", 1);
        tds_put_text (k, "server", server_name (w, p->instance));
        tds_put_text (k, "database_name", w_str (w, p->database));
        tds_put_int (k, "time_since_last_backup", minutes);
        tds_put_text (k, "last_backup_file", or_null (w_str (w, p->last_file)));
        tds_put_int (k, "backup_threshold", p->threshold_min);
        tds_put_int (k, "is_backup_alert_enabled", p->alert_enabled);
    }
    for (unsigned i = 0; i < w->nsecondary_dbs; i++) {
        const struct w_secondary_db *d = &w->secondary_dbs[i];
        const struct w_secondary *p = d->secondary == 0 ? NULL : &w->secondaries[d->secondary - 1];
        int64_t minutes;
        if (p == NULL || p->instance != s->instance)
            continue;
        minutes = (tds_now (s) - (d->last_restored_ms != 0 ? d->last_restored_ms : d->since_ms)) / 60000;
        tds_row (k);
        tds_put_int (k, "status", minutes > d->threshold_min || d->latency_min > d->threshold_min);
        tds_put_int (k, "is_primary", 0);
        tds_put_text (k, "server", server_name (w, p->instance));
        tds_put_text (k, "database_name", w_str (w, d->database));
        tds_put_int (k, "time_since_last_copy",
                     (tds_now (s) - (p->last_copied_ms != 0 ? p->last_copied_ms : d->since_ms)) / 60000);
        tds_put_text (k, "last_copied_file", or_null (w_str (w, p->last_copied)));
        tds_put_int (k, "time_since_last_restore", minutes);
        tds_put_text (k, "last_restored_file", or_null (w_str (w, d->last_restored)));
        if (d->latency_min >= 0)
            tds_put_int (k, "last_restored_latency", d->latency_min);
        tds_put_int (k, "restore_threshold", d->threshold_min);
        tds_put_int (k, "is_restore_alert_enabled", d->alert_enabled);
    }
}

#define PATH "nvarchar(500)"
#define DETAIL                                                                                   \
    "agent_id uniqueidentifier not null, agent_type tinyint not null, session_id int not null, " \
    "database_name sysname, "

const struct tds_view tds_views_msdb[] = {
    MSDB ("log_shipping_primary_databases",
          "primary_id uniqueidentifier not null, primary_database sysname not null, backup_directory " PATH
          " not null, backup_share " PATH
          " not null, backup_retention_period int not null, backup_job_id uniqueidentifier, "
          "monitor_server sysname not null, monitor_server_security_mode bit not null, last_backup_file " PATH
          ", last_backup_date datetime, user_specified_monitor bit, backup_compression tinyint not null",
          fill_primaries),
    MSDB ("log_shipping_primary_secondaries",
          "primary_id uniqueidentifier not null, secondary_server sysname not null, secondary_database sysname not null",
          fill_pairs),
    MSDB ("log_shipping_secondary",
          "secondary_id uniqueidentifier not null, primary_server sysname not null, primary_database sysname not null, "
          "backup_source_directory " PATH " not null, backup_destination_directory " PATH " not null, "
          "file_retention_period int not null, copy_job_id uniqueidentifier not null, restore_job_id uniqueidentifier not null, "
          "monitor_server sysname not null, monitor_server_security_mode bit not null, user_specified_monitor bit, "
          "last_copied_file " PATH ", last_copied_date datetime",
          fill_secondaries),
    MSDB ("log_shipping_secondary_databases",
          "secondary_database sysname not null, secondary_id uniqueidentifier not null, restore_delay int not null, "
          "restore_all bit not null, restore_mode bit not null, disconnect_users bit not null, block_size int, "
          "buffer_count int, max_transfer_size int, last_restored_file " PATH ", last_restored_date datetime",
          fill_secondary_dbs),
    MSDB ("log_shipping_monitor_primary",
          "primary_id uniqueidentifier not null, primary_server sysname not null, primary_database sysname not null, "
          "backup_threshold int not null, threshold_alert int not null, threshold_alert_enabled bit not null, "
          "last_backup_file " PATH ", last_backup_date datetime, last_backup_date_utc datetime, "
          "history_retention_period int not null",
          fill_primaries),
    MSDB ("log_shipping_monitor_secondary",
          "secondary_server sysname not null, secondary_database sysname not null, secondary_id uniqueidentifier not null, "
          "primary_server sysname not null, primary_database sysname not null, restore_threshold int not null, "
          "threshold_alert int not null, threshold_alert_enabled bit not null, last_copied_file " PATH
          ", last_copied_date datetime, last_copied_date_utc datetime, last_restored_file " PATH
          ", last_restored_date datetime, last_restored_date_utc datetime, last_restored_latency int, "
          "history_retention_period int not null",
          fill_secondary_dbs),
    MSDB ("log_shipping_monitor_history_detail",
          DETAIL "session_status tinyint not null, log_time datetime not null, log_time_utc datetime not null, "
                 "message nvarchar(max)",
          fill_history_detail),
    MSDB ("log_shipping_monitor_error_detail",
          DETAIL "sequence_number int not null, log_time datetime not null, log_time_utc datetime not null, "
                 "message nvarchar(max), source nvarchar(max), help_url nvarchar(max)",
          fill_error_detail),
    MSDB ("log_shipping_monitor_alert", "alert_job_id uniqueidentifier not null", fill_alert),
    { NULL, NULL, NULL, NULL, NULL, 0 },
};

/* The result sets of procedures. */
const struct tds_view tds_result_monitor = {
    "",
    "",
    "sp_help_log_shipping_monitor",
    "status bit, is_primary bit not null, server sysname not null, database_name sysname not null, "
    "time_since_last_backup int, last_backup_file " PATH ", backup_threshold int, is_backup_alert_enabled bit, "
    "time_since_last_copy int, last_copied_file " PATH ", time_since_last_restore int, last_restored_file " PATH
    ", last_restored_latency int, restore_threshold int, is_restore_alert_enabled bit",
    fill_monitor,
    0
};
const struct tds_view tds_result_primary = {
    "",
    "",
    "sp_help_log_shipping_primary_database",
    "primary_id uniqueidentifier, primary_database sysname, backup_directory " PATH ", backup_share " PATH
    ", backup_retention_period int, backup_compression tinyint, backup_job_id uniqueidentifier, monitor_server sysname, "
    "monitor_server_security_mode bit, backup_threshold int, threshold_alert int, threshold_alert_enabled bit, "
    "last_backup_file " PATH ", last_backup_date datetime, last_backup_date_utc datetime, history_retention_period int",
    fill_primaries,
    0
};
const struct tds_view tds_result_pairs = {
    "",
    "",
    "sp_help_log_shipping_primary_secondary",
    "secondary_server sysname, secondary_database sysname, primary_id uniqueidentifier",
    fill_pairs,
    0
};
const struct tds_view tds_result_secondary_primary = {
    "",
    "",
    "sp_help_log_shipping_secondary_primary",
    "secondary_id uniqueidentifier, primary_server sysname, primary_database sysname, backup_source_directory " PATH
    ", backup_destination_directory " PATH ", file_retention_period int, copy_job_id uniqueidentifier, "
    "restore_job_id uniqueidentifier, monitor_server sysname, monitor_server_security_mode bit",
    fill_secondaries,
    0
};
const struct tds_view tds_result_secondary = {
    "",
    "",
    "sp_help_log_shipping_secondary_database",
    "secondary_id uniqueidentifier, primary_server sysname, primary_database sysname, backup_source_directory " PATH
    ", backup_destination_directory " PATH ", file_retention_period int, copy_job_id uniqueidentifier, "
    "restore_job_id uniqueidentifier, monitor_server sysname, monitor_server_security_mode bit, secondary_database sysname, "
    "restore_delay int, restore_all bit, restore_mode bit, disconnect_users bit, block_size int, buffer_count int, "
    "max_transfer_size int, restore_threshold int, threshold_alert int, threshold_alert_enabled bit, last_copied_file " PATH
    ", last_copied_date datetime, last_copied_date_utc datetime, last_restored_file " PATH
    ", last_restored_date datetime, last_restored_date_utc datetime, history_retention_period int, last_restored_latency int",
    fill_secondary_dbs,
    0
};
const struct tds_view tds_result_alert = {
    "", "", "sp_help_log_shipping_alert_job", "alert_job_id uniqueidentifier", fill_alert, 0
};
