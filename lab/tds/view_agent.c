/* msdb: the Agent's jobs, their history and schedules (SQL sheet 4.7). */
#include "lab/tds/view_msdb.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *
server_name (struct world *w, w_id instance)
{
    return w_str (w, w->instances[instance - 1].server);
}

static void
clock_numbers (int64_t unix_ms, int64_t *date, int64_t *time_of_day)
{
    time_t t = (time_t) (unix_ms / 1000);
    struct tm tm;

    gmtime_r (&t, &tm);
    *date = (tm.tm_year + 1900) * 10000LL + (tm.tm_mon + 1) * 100 + tm.tm_mday;
    *time_of_day = tm.tm_hour * 10000LL + tm.tm_min * 100 + tm.tm_sec;
}

static void
fill_jobs (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    static const int category[] = { 0, 5, 6, 7, 8 };

    for (unsigned i = 0; i < w->njobs; i++) {
        const struct w_job *j = &w->jobs[i];
        if (j->instance != s->instance)
            continue;
        tds_row (k);
        tds_put_guid (k, "job_id", w, j->guid);
        tds_put_int (k, "originating_server_id", 0);
        tds_put_text (k, "originating_server", server_name (w, j->instance));
        tds_put_text (k, "name", w_str (w, j->name));
        tds_put_int (k, "enabled", j->enabled);
        tds_put_text (k, "description", "No description available.");
        tds_put_int (k, "start_step_id", 1);
        tds_put_int (k, "category_id", category[j->kind % 5]);
        tds_put_text (k, "owner", "sa");
        tds_put_time (k, "date_created", w->instances[j->instance - 1].started_ms);
        tds_put_int (k, "version_number", 1);
        tds_put_int (k, "current_execution_status", j->running ? 1 : 4);
        tds_put_text (k, "current_execution_step", j->running ? "1 (Log shipping step.)" : "0 (unknown)");
        tds_put_int (k, "last_run_outcome", j->runs[0].instance_id == 0 ? 5 : j->runs[0].status);
        tds_put_int (k, "last_run_date", 0);
        tds_put_int (k, "last_run_time", 0);
        if (j->runs[0].instance_id != 0) {
            int64_t date, clock;
            clock_numbers (j->runs[0].started_ms, &date, &clock);
            tds_put_int (k, "last_run_date", date);
            tds_put_int (k, "last_run_time", clock);
        }
        tds_put_int (k, "has_step", 1);
        tds_put_int (k, "has_schedule", j->scheduled != 0);
        tds_put_int (k, "type", 1);
    }
}

static void
fill_activity (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    for (unsigned i = 0; i < w->njobs; i++) {
        const struct w_job *j = &w->jobs[i];
        const struct w_run *last = &j->runs[0];
        if (j->instance != s->instance)
            continue;
        tds_row (k);
        tds_put_int (k, "session_id", 1);
        tds_put_guid (k, "job_id", w, j->guid);
        tds_put_text (k, "job_name", w_str (w, j->name));
        tds_put_int (k, "run_requested_source", j->by_user ? 4 : 1);
        tds_put_time (k, "run_requested_date", j->running ? j->started_ms : last->started_ms);
        tds_put_time (k, "start_execution_date", j->running ? j->started_ms : last->started_ms);
        if (!j->running && last->instance_id != 0) {
            tds_put_int (k, "last_executed_step_id", 1);
            tds_put_time (k, "last_executed_step_date", last->started_ms);
            tds_put_time (k, "last_exectued_step_date", last->started_ms);
            tds_put_time (k, "stop_execution_date", last->ended_ms);
            tds_put_int (k, "job_history_id", last->instance_id);
            tds_put_int (k, "run_status", last->status);
        }
        if (j->enabled && j->scheduled)
            tds_put_time (k, "next_scheduled_run_date", j->next_ms);
    }
}

static void
put_run (struct world *w, const struct w_job *j, const struct w_run *run, int step, struct tds_sink *k)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    int64_t date, clock, seconds = TDS_SECONDS (run->started_ms, run->ended_ms);
    bool failed = run->status == W_RUN_FAILED;

    clock_numbers (run->started_ms, &date, &clock);
    if (step == 1)
        tds_explain_run (w, j, run, &text);
    else
        sb_buf_printf (&text, "The job %s.  The Job was invoked by %s.  The last step to run was step 1.",
                       run->status == W_RUN_SUCCEEDED ? "succeeded"
                       : failed                       ? "failed"
                                                      : "was stopped prior to completion",
                       "Schedule or User");
    tds_row (k);
    tds_put_int (k, "instance_id", step == 1 ? run->instance_id - 1 : run->instance_id);
    tds_put_guid (k, "job_id", w, j->guid);
    tds_put_int (k, "step_id", step);
    tds_put_text (k, "step_name", step == 1 ? "Log shipping step." : "(Job outcome)");
    tds_put_int (k, "sql_message_id", failed && step == 1 ? run->message : 0);
    tds_put_int (k, "sql_severity", failed && step == 1 ? 16 : 0);
    tds_put_text (k, "message", sb_buf_cstr (&text));
    tds_put_int (k, "run_status", run->status);
    tds_put_int (k, "run_date", date);
    tds_put_int (k, "run_time", clock);
    tds_put_int (k, "run_duration", seconds / 3600 * 10000 + seconds / 60 % 60 * 100 + seconds % 60);
    tds_put_int (k, "operator_id_emailed", 0);
    tds_put_int (k, "operator_id_netsent", 0);
    tds_put_int (k, "operator_id_paged", 0);
    tds_put_int (k, "retries_attempted", 0);
    tds_put_text (k, "server", server_name (w, j->instance));
}

static void
fill_job_history (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    for (unsigned i = 0; i < w->njobs; i++)
        for (unsigned n = 0; n < W_MAX_RUNS && w->jobs[i].instance == s->instance; n++)
            for (int step = 1; step >= 0 && w->jobs[i].runs[n].instance_id != 0; step--)
                put_run (w, &w->jobs[i], &w->jobs[i].runs[n], step, k);
}

static void
fill_schedules (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    for (unsigned i = 0; i < w->njobs; i++) {
        const struct w_job *j = &w->jobs[i];
        SB_AUTOFREE char *name = NULL;
        if (j->instance != s->instance || !j->scheduled)
            continue;
        name = sb_xprintf ("%s schedule", w_str (w, j->name));
        tds_row (k);
        tds_put_int (k, "schedule_id", (int64_t) i + 1);
        tds_put_guid (k, "job_id", w, j->guid);
        tds_put_text (k, "name", name);
        tds_put_int (k, "enabled", 1);
        tds_put_int (k, "freq_type", 4);
        tds_put_int (k, "freq_interval", 1);
        tds_put_int (k, "freq_subday_type", 4);
        tds_put_int (k, "freq_subday_interval", j->every_min);
        tds_put_int (k, "next_run_date", 0);
        tds_put_int (k, "next_run_time", 0);
    }
}

static void
fill_job_steps (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    static const char *const verb[] = { "", "-Backup", "-Copy", "-Restore", "" };

    for (unsigned i = 0; i < w->njobs; i++) {
        const struct w_job *j = &w->jobs[i];
        char guid[W_GUID_TEXT] = "";
        SB_AUTOFREE char *command = NULL;
        if (j->instance != s->instance)
            continue;
        if (tds_agent_guid (w, j) != 0)
            w_guid_text (w, tds_agent_guid (w, j), guid);
        command =
                j->kind == W_JOB_ALERT
                        ? sb_xstrdup ("exec sys.sp_check_log_shipping_monitor_alert")
                        : sb_xprintf (
                                "\"C:\\Program Files\\Microsoft SQL Server\\160\\Tools\\Binn\\sqllogship.exe\" %s %s -server %s",
                                verb[j->kind % 5], guid, server_name (w, j->instance));
        tds_row (k);
        tds_put_guid (k, "job_id", w, j->guid);
        tds_put_int (k, "step_id", 1);
        tds_put_text (k, "step_name", "Log shipping step.");
        tds_put_text (k, "subsystem", j->kind == W_JOB_ALERT ? "TSQL" : "CMDEXEC");
        tds_put_text (k, "command", command);
    }
}

static void
fill_categories (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    static const char *const names[] = { "Log Shipping Backup", "Log Shipping Copy", "Log Shipping Restore",
                                         "Log Shipping Alert" };

    (void) s;
    (void) w;
    for (int i = 0; i < 4; i++) {
        tds_row (k);
        tds_put_int (k, "category_id", 5 + i);
        tds_put_int (k, "category_class", 1);
        tds_put_int (k, "category_type", 1);
        tds_put_text (k, "name", names[i]);
    }
}

static void
fill_agent_sessions (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    tds_row (k);
    tds_put_int (k, "session_id", 1);
    tds_put_time (k, "agent_start_date", w->instances[s->instance - 1].started_ms);
}

#define SCHEDULE                                                                                    \
    "schedule_id int not null, job_id uniqueidentifier, name sysname, enabled int, freq_type int, " \
    "freq_interval int, freq_subday_type int, freq_subday_interval int, next_run_date int, next_run_time int"

const struct tds_view tds_views_agent[] = {
    MSDB ("sysjobs",
          "job_id uniqueidentifier not null, originating_server_id int not null, name sysname not null, enabled tinyint not null, "
          "description nvarchar(512), start_step_id int not null, category_id int not null, owner_sid varbinary(85), "
          "notify_level_eventlog int, date_created datetime, date_modified datetime, version_number int",
          fill_jobs),
    MSDB ("sysjobs_view",
          "job_id uniqueidentifier not null, originating_server sysname, name sysname not null, enabled tinyint not null, "
          "description nvarchar(512), category_id int not null",
          fill_jobs),
    MSDB ("sysjobactivity",
          "session_id int not null, job_id uniqueidentifier not null, run_requested_date datetime, run_requested_source sysname, "
          "queued_date datetime, start_execution_date datetime, last_executed_step_id int, last_executed_step_date datetime, "
          "stop_execution_date datetime, job_history_id int, next_scheduled_run_date datetime",
          fill_activity),
    MSDB ("sysjobhistory",
          "instance_id int not null, job_id uniqueidentifier not null, step_id int not null, step_name sysname not null, "
          "sql_message_id int not null, sql_severity int not null, message nvarchar(4000), run_status int not null, "
          "run_date int not null, run_time int not null, run_duration int not null, operator_id_emailed int not null, "
          "operator_id_netsent int not null, operator_id_paged int not null, retries_attempted int not null, "
          "server sysname not null",
          fill_job_history),
    MSDB ("sysjobsteps",
          "job_id uniqueidentifier not null, step_id int not null, step_name sysname not null, subsystem nvarchar(40), "
          "command nvarchar(max)",
          fill_job_steps),
    MSDB ("sysschedules", SCHEDULE, fill_schedules),
    MSDB ("sysjobschedules", "schedule_id int, job_id uniqueidentifier, next_run_date int, next_run_time int",
          fill_schedules),
    MSDB ("syscategories", "category_id int not null, category_class int, category_type tinyint, name sysname not null",
          fill_categories),
    MSDB ("syssessions", "session_id int not null, agent_start_date datetime not null", fill_agent_sessions),
    { NULL, NULL, NULL, NULL, NULL, 0 },
};

/* The result sets of procedures. */
const struct tds_view tds_result_jobs = {
    "",
    "",
    "sp_help_job",
    "job_id uniqueidentifier, originating_server sysname, name sysname, enabled tinyint, description nvarchar(512), "
    "start_step_id int, category sysname, owner sysname, notify_level_eventlog int, notify_level_email int, "
    "notify_level_netsend int, notify_level_page int, notify_email_operator sysname, notify_netsend_operator sysname, "
    "notify_page_operator sysname, delete_level int, date_created datetime, date_modified datetime, version_number int, "
    "last_run_date int, last_run_time int, last_run_outcome int, next_run_date int, next_run_time int, "
    "next_run_schedule_id int, current_execution_status int, current_execution_step sysname, current_retry_attempt int, "
    "has_step int, has_schedule int, has_target int, type int",
    fill_jobs,
    0
};
const struct tds_view tds_result_activity = {
    "",
    "",
    "sp_help_jobactivity",
    "session_id int, job_id uniqueidentifier, job_name sysname, run_requested_date datetime, run_requested_source sysname, "
    "queued_date datetime, start_execution_date datetime, last_executed_step_id int, last_exectued_step_date datetime, "
    "stop_execution_date datetime, next_scheduled_run_date datetime, job_history_id int, message nvarchar(1024), "
    "run_status int, operator_id_emailed int, operator_id_netsent int, operator_id_paged int",
    fill_activity,
    0
};
