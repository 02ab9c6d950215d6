/* The Agent's procedures in msdb (SQL sheet 4.7). */
#include "lab/tds/do.h"
#include "lab/tds/view.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The job that @job_id or @job_name means; 0 after a message. */
static w_id
job_of (struct tds_call *call)
{
    struct world *w = tds_world (call->s);
    const char *id = tds_arg_text (call, "job_id"), *name = tds_arg_text (call, "job_name");
    w_id job = 0;

    if (w == NULL)
        return 0;
    if (id[0] != 0 && w_guid_parse (w, id) != 0)
        job = w_find_job (w, call->s->instance, w_guid_parse (w, id));
    else if (id[0] == 0 && name[0] != 0)
        job = w_find_job_named (w, call->s->instance, name);
    if (job == 0)
        tds_say (call->s, call->r, 14262, id[0] != 0 ? "@job_id" : "@job_name", id[0] != 0 ? id : name);
    return job;
}

static int
job_op (struct tds_call *call, enum w_op_kind kind, int n0, const char *name)
{
    w_id job = job_of (call);
    struct w_op op;

    if (job == 0)
        return 1;
    tds_op_init (call->s, &op, kind, "");
    op.subject = job;
    op.n[0] = n0;
    snprintf (op.name[0], sizeof op.name[0], "%s", name);
    return tds_do (call->s, call->r, &op) ? 0 : 1;
}

static int
start_job (struct tds_call *call)
{
    return job_op (call, W_OP_JOB_START, 0, "");
}

static int
stop_job (struct tds_call *call)
{
    return job_op (call, W_OP_JOB_STOP, 0, "");
}

static int
update_job (struct tds_call *call)
{
    return job_op (call, W_OP_JOB_UPDATE, (int) tds_arg_int (call, "enabled", -1), tds_arg_text (call, "new_name"));
}

static int
delete_job (struct tds_call *call)
{
    return job_op (call, W_OP_JOB_DELETE, 0, "");
}

/* Minutes between runs, from the four numbers of a schedule. */
static int
minutes (struct tds_call *call)
{
    int64_t type = tds_arg_int (call, "freq_subday_type", 4), n = tds_arg_int (call, "freq_subday_interval", 15);

    if (n < 1 || n > 1440)
        n = 15;
    return (int) (type == 8 ? n * 60 : type == 2 ? (n + 59) / 60 : type == 1 ? 1440 : n);
}

/* A schedule made by name is remembered by the session until it is attached. */
static int
add_schedule (struct tds_call *call)
{
    struct tds_session *s = call->s;
    char id[16];

    snprintf (s->schedule_name, sizeof s->schedule_name, "%s", tds_arg_text (call, "schedule_name"));
    s->schedule_minutes = minutes (call);
    s->schedule_id = 100 + s->spid;
    snprintf (id, sizeof id, "%d", s->schedule_id);
    tds_out_text (call, "schedule_id", id);
    tds_out_text (call, "schedule_uid", "00000000-0000-4000-8000-000000000001");
    return 0;
}

static int
attach_schedule (struct tds_call *call)
{
    struct tds_session *s = call->s;
    const char *name = tds_arg_text (call, "schedule_name");
    int64_t id = tds_arg_int (call, "schedule_id", 0);

    if (s->schedule_minutes == 0 || (name[0] != 0 && sb_casecmp (name, s->schedule_name) != 0)
        || (id != 0 && id != s->schedule_id)) {
        char shown[24];
        snprintf (shown, sizeof shown, "%lld", (long long) id);
        tds_say (s, call->r, 14262, name[0] != 0 ? "@schedule_name" : "@schedule_id", name[0] != 0 ? name : shown);
        return 1;
    }
    return job_op (call, W_OP_JOB_SCHEDULE, s->schedule_minutes, "");
}

static int
add_job_schedule (struct tds_call *call)
{
    return job_op (call, W_OP_JOB_SCHEDULE, minutes (call), "");
}

/* One row when a job is named, else all of them. */
static int
show_jobs (struct tds_call *call, const struct tds_view *v)
{
    int64_t rows = 0;

    if ((tds_arg_given (call, "job_id") || tds_arg_given (call, "job_name")) && job_of (call) == 0)
        return 1;
    tds_send_view (call->s, call->r, v, &rows);
    tds_done (call->s, call->r, SB_TDS_COUNT, TDS_CMD_SELECT, rows);
    return 0;
}

static int
help_job (struct tds_call *call)
{
    return show_jobs (call, &tds_result_jobs);
}

static int
help_activity (struct tds_call *call)
{
    return show_jobs (call, &tds_result_activity);
}

#define JOB "?job_id uniqueidentifier, ?job_name sysname"
#define FREQUENCY                                                                                              \
    "?enabled tinyint, ?freq_type int, ?freq_interval int, ?freq_subday_type int, ?freq_subday_interval int, " \
    "?freq_relative_interval int, ?freq_recurrence_factor int, ?active_start_date int, ?active_end_date int, " \
    "?active_start_time int, ?active_end_time int"

const struct tds_proc tds_procs_job[] = {
    { "sp_start_job",
      "?job_name sysname, ?job_id uniqueidentifier, ?error_flag int, ?server_name sysname, ?step_name sysname, ?output_flag int",
      start_job, false },
    { "sp_stop_job", "?job_name sysname, ?job_id uniqueidentifier, ?originating_server sysname, ?server_name sysname",
      stop_job, false },
    { "sp_update_job",
      JOB
      ", ?new_name sysname, ?enabled tinyint, ?description nvarchar(512), ?start_step_id int, ?category_name sysname, "
      "?owner_login_name sysname, ?notify_level_eventlog int, ?delete_level int, ?automatic_post bit",
      update_job, false },
    { "sp_delete_job", JOB ", ?originating_server sysname, ?delete_history bit, ?delete_unused_schedule bit",
      delete_job, false },
    { "sp_add_schedule",
      "schedule_name sysname, " FREQUENCY
      ", ?owner_login_name sysname, ?schedule_uid uniqueidentifier, ?schedule_id int",
      add_schedule, false },
    { "sp_attach_schedule", JOB ", ?schedule_id int, ?schedule_name sysname, ?automatic_post bit", attach_schedule,
      false },
    { "sp_add_jobschedule",
      JOB ", ?name sysname, " FREQUENCY ", ?schedule_id int, ?automatic_post bit, ?schedule_uid uniqueidentifier",
      add_job_schedule, false },
    { "sp_help_job",
      JOB ", ?job_aspect varchar(9), ?job_type varchar(12), ?owner_login_name sysname, ?subsystem nvarchar(40), "
          "?category_name sysname, ?enabled tinyint, ?execution_status int",
      help_job, false },
    { "sp_help_jobactivity", JOB ", ?session_id int", help_activity, false },
    { NULL, NULL, NULL, false },
};
