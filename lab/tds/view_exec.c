/* Who is connected and what runs: sessions, requests, locks (SQL sheet 4.7, 5.1, 7). */
#include "lab/tds/store.h"
#include "lab/tds/view.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

static int
database_of (const struct world *w, const struct w_session *x)
{
    return x->copy == 0 ? 1 : w->copies[x->copy - 1].number;
}

/* The work that a session waits for; NULL: none. */
static const struct w_work *
work_of (const struct world *w, w_id instance, uint16_t spid)
{
    for (unsigned i = 0; i < w->nworks; i++)
        if (w->works[i].id != 0 && w->works[i].op.instance == instance && w->works[i].op.spid == spid)
            return &w->works[i];
    return NULL;
}

static const char *
command_of (const struct w_work *x)
{
    switch (x->op.kind) {
    case W_OP_BACKUP:
        return x->op.flags & W_WITH_LOG ? "BACKUP LOG" : "BACKUP DATABASE";
    case W_OP_RESTORE:
        return x->op.flags & W_WITH_LOG ? "RESTORE LOG" : "RESTORE DATABASE";
    case W_OP_RESTORE_STATE:
        return "RESTORE DATABASE";
    default:
        return "ALTER DATABASE";
    }
}

static bool
is_transfer (const struct w_work *x)
{
    return x->op.kind == W_OP_BACKUP || x->op.kind == W_OP_RESTORE;
}

static int
percent_of (const struct world *w, const struct w_work *x)
{
    int64_t all = x->done_ms - x->started_ms, gone = w_clock (w) - x->started_ms;

    return all <= 0 ? 0 : gone >= all ? 99 : (int) (gone * 100 / all);
}

static void
fill_sessions (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    for (unsigned i = 0; i < w->nsessions; i++) {
        const struct w_session *x = &w->sessions[i];
        bool runs;
        if (x->instance != s->instance || (!s->sysadmin && x->spid != s->spid))
            continue;
        runs = x->spid == s->spid || work_of (w, s->instance, x->spid) != NULL;
        tds_row (k);
        tds_put_int (k, "session_id", x->spid);
        tds_put_time (k, "login_time", x->login_ms);
        tds_put_text (k, "host_name", w_str (w, x->host));
        tds_put_text (k, "program_name", w_str (w, x->program));
        tds_put_int (k, "host_process_id", x->pid);
        tds_put_int (k, "client_version", 7);
        tds_put_text (k, "client_interface_name", "DB-Library");
        tds_put_text (k, "login_name", w_str (w, x->login));
        tds_put_text (k, "original_login_name", w_str (w, x->login));
        tds_put_text (k, "status", runs ? "running" : "sleeping");
        tds_put_int (k, "cpu_time", 0);
        tds_put_int (k, "memory_usage", 4);
        tds_put_int (k, "endpoint_id", 4);
        tds_put_time (k, "last_request_start_time", x->last_ms);
        tds_put_time (k, "last_request_end_time", runs ? 0 : x->last_ms);
        tds_put_int (k, "is_user_process", 1);
        tds_put_text (k, "language", "us_english");
        tds_put_text (k, "date_format", "mdy");
        tds_put_int (k, "date_first", 7);
        tds_put_int (k, "transaction_isolation_level", 2);
        tds_put_int (k, "lock_timeout", -1);
        tds_put_int (k, "database_id", database_of (w, x));
        tds_put_int (k, "authenticating_database_id", 1);
        tds_put_int (k, "open_transaction_count", x->in_tran);
    }
}

static void
put_request (struct world *w, const struct w_session *x, struct tds_sink *k)
{
    const struct w_work *work = work_of (w, x->instance, x->spid);

    tds_row (k);
    tds_put_int (k, "session_id", x->spid);
    tds_put_int (k, "request_id", 0);
    tds_put_time (k, "start_time", work == NULL ? x->last_ms : work->started_ms);
    tds_put_text (k, "status", work == NULL ? "running" : "suspended");
    tds_put_text (k, "command", work == NULL ? "SELECT" : command_of (work));
    tds_put_int (k, "database_id", database_of (w, x));
    tds_put_int (k, "blocking_session_id", 0);
    tds_put_text (k, "wait_type", work == NULL ? NULL : is_transfer (work) ? "BACKUPIO" : "ASYNC_IO_COMPLETION");
    tds_put_int (k, "wait_time", 0);
    tds_put_int (k, "open_transaction_count", x->in_tran);
    tds_put_int (k, "percent_complete", work == NULL ? 0 : percent_of (w, work));
    tds_put_int (k, "estimated_completion_time",
                 work == NULL || work->done_ms < w_clock (w) ? 0 : work->done_ms - w_clock (w));
    tds_put_int (k, "total_elapsed_time", work == NULL ? 0 : w_clock (w) - work->started_ms);
}

static void
fill_requests (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    for (unsigned i = 0; i < w->nsessions; i++) {
        const struct w_session *x = &w->sessions[i];
        if (x->instance == s->instance
            && (x->spid == s->spid || (s->sysadmin && work_of (w, s->instance, x->spid) != NULL)))
            put_request (w, x, k);
    }
    for (unsigned i = 0; i < w->nworks; i++) { /* whose client died: the work goes on */
        const struct w_work *x = &w->works[i];
        struct w_session gone = { .instance = s->instance, .spid = x->op.spid, .last_ms = x->started_ms };
        if (x->id != 0 && x->op.instance == s->instance && w_session (w, s->instance, x->op.spid) == NULL)
            put_request (w, &gone, k);
    }
}

static void
put_process (struct tds_sink *k, int spid, int dbid, const char *login, const char *host, const char *program,
             const char *status)
{
    tds_row (k);
    tds_put_int (k, "spid", spid);
    tds_put_int (k, "kpid", strcmp (status, "runnable") == 0 ? 4000 + spid : 0);
    tds_put_int (k, "blocked", 0);
    tds_put_int (k, "dbid", dbid);
    tds_put_int (k, "uid", 1);
    tds_put_int (k, "cpu", 0);
    tds_put_int (k, "physical_io", 0);
    tds_put_text (k, "status", status);
    tds_put_text (k, "loginame", login);
    tds_put_text (k, "hostname", host);
    tds_put_text (k, "program_name", program);
    tds_put_text (k, "cmd", strcmp (status, "runnable") == 0 ? "SELECT" : "AWAITING COMMAND");
    tds_put_text (k, "lastwaittype", "MISCELLANEOUS");
}

static void
fill_processes (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    const struct w_instance *me = w_instance (w, s->instance);

    put_process (k, 1, 1, "sa", "", "", "background");
    if (me->agent) {
        put_process (k, 48, 4, "NT SERVICE\\SQLSERVERAGENT", w_str (w, me->server), "SQLAgent - Generic Refresher",
                     "sleeping");
        tds_put_time (k, "login_time", me->started_ms);
        put_process (k, 49, 4, "NT SERVICE\\SQLSERVERAGENT", w_str (w, me->server), "SQLAgent - Job invocation engine",
                     "sleeping");
        tds_put_time (k, "login_time", me->started_ms);
    }
    for (unsigned i = 0; i < w->nsessions; i++) {
        const struct w_session *x = &w->sessions[i];
        const struct w_work *work;
        if (x->instance != s->instance || (!s->sysadmin && x->spid != s->spid))
            continue;
        work = work_of (w, s->instance, x->spid);
        put_process (k, x->spid, database_of (w, x), w_str (w, x->login), w_str (w, x->host), w_str (w, x->program),
                     x->spid == s->spid ? "runnable"
                     : work != NULL     ? "suspended"
                                        : "sleeping");
        if (work != NULL)
            tds_put_text (k, "cmd", command_of (work));
        tds_put_time (k, "login_time", x->login_ms);
        tds_put_time (k, "last_batch", x->last_ms);
        tds_put_int (k, "open_tran", x->in_tran);
    }
}

/* A shared lock on the database of the context, and on one that is held in SINGLE_USER. */
static void
fill_locks (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    for (unsigned i = 0; i < w->nsessions; i++) {
        const struct w_session *x = &w->sessions[i];
        if (x->instance != s->instance)
            continue;
        for (unsigned c = 0; c < w->ncopies; c++) {
            const struct w_copy *copy = &w->copies[c];
            if (copy->instance != s->instance || (copy->holder != x->spid && x->copy != c + 1))
                continue;
            tds_row (k);
            tds_put_text (k, "resource_type", "DATABASE");
            tds_put_int (k, "resource_database_id", copy->number);
            tds_put_text (k, "request_mode", "S");
            tds_put_text (k, "request_type", "LOCK");
            tds_put_text (k, "request_status", "GRANT");
            tds_put_text (k, "request_owner_type", "SHARED_TRANSACTION_WORKSPACE");
            tds_put_int (k, "request_session_id", x->spid);
        }
    }
    tds_applock_rows (s, k);
}

#define PROCESSES                                                                                                 \
    "spid smallint not null, kpid smallint not null, blocked smallint not null, waittype varbinary(2), "          \
    "waittime bigint, lastwaittype nchar(32), waitresource nchar(256), dbid smallint not null, uid smallint, "    \
    "cpu int, physical_io bigint, memusage int, login_time datetime, last_batch datetime, ecid smallint, "        \
    "open_tran smallint, status nchar(30), sid varbinary(86), hostname nchar(128), program_name nchar(128), "     \
    "hostprocess nchar(10), cmd nchar(26), nt_domain nchar(128), nt_username nchar(128), net_address nchar(12), " \
    "net_library nchar(12), loginame nchar(128)"

const struct tds_view tds_views_exec[] = {
    { "", "sys", "dm_exec_sessions",
      "session_id smallint not null, login_time datetime not null, host_name nvarchar(128), program_name nvarchar(128), "
      "host_process_id int, client_version int, client_interface_name nvarchar(32), security_id varbinary(85), "
      "login_name nvarchar(128) not null, nt_domain nvarchar(128), nt_user_name nvarchar(128), status nvarchar(30) not null, "
      "context_info varbinary(128), cpu_time int, memory_usage int, total_scheduled_time int, total_elapsed_time int, "
      "endpoint_id int, last_request_start_time datetime, last_request_end_time datetime, reads bigint, writes bigint, "
      "logical_reads bigint, is_user_process bit not null, text_size int, language nvarchar(128), date_format nvarchar(3), "
      "date_first smallint, quoted_identifier bit, arithabort bit, ansi_null_dflt_on bit, ansi_defaults bit, "
      "ansi_warnings bit, ansi_padding bit, ansi_nulls bit, concat_null_yields_null bit, "
      "transaction_isolation_level smallint, lock_timeout int, deadlock_priority int, row_count bigint, prev_error int, "
      "original_security_id varbinary(85), original_login_name nvarchar(128), last_successful_logon datetime, "
      "last_unsuccessful_logon datetime, unsuccessful_logons bigint, group_id int, database_id smallint not null, "
      "authenticating_database_id int, open_transaction_count int not null, page_server_reads bigint, "
      "contained_availability_group_id uniqueidentifier",
      fill_sessions, 0 },
    { "", "sys", "dm_exec_requests",
      "session_id smallint not null, request_id int not null, start_time datetime not null, status nvarchar(30) not null, "
      "command nvarchar(32) not null, sql_handle varbinary(64), database_id smallint not null, user_id int, "
      "blocking_session_id smallint, wait_type nvarchar(60), wait_time int, last_wait_type nvarchar(60), "
      "open_transaction_count int, percent_complete float not null, estimated_completion_time bigint not null, "
      "cpu_time int, total_elapsed_time int",
      fill_requests, 0 },
    { "", "sys", "sysprocesses", PROCESSES, fill_processes, 0 },
    { "master", "dbo", "sysprocesses", PROCESSES, fill_processes, 0 },
    { "", "sys", "dm_tran_locks",
      "resource_type nvarchar(60) not null, resource_subtype nvarchar(60), resource_database_id int not null, "
      "resource_description nvarchar(256), request_mode nvarchar(60), request_type nvarchar(60), "
      "request_status nvarchar(60), request_session_id int not null, request_owner_type nvarchar(60)",
      fill_locks, 0 },
    { NULL, NULL, NULL, NULL, NULL, 0 },
};
