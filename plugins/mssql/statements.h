/* Every statement that is ever sent, in one place.
 *
 * A text has typed holes: %I an identifier, %L a literal (NULL gives NULL), %N
 * a number, %V a value of the server, %% a percent sign.  There is no other way to build a statement, so
 * that no foreign word can reach a server unquoted.  All run in `master`, one
 * statement per batch, outside transactions (SQL sheet 8.3). */
#ifndef SB_MSSQL_STATEMENTS_H
#define SB_MSSQL_STATEMENTS_H

#include "core/base/buf.h"

#include <stdarg.h>
#include <stdbool.h>

enum sb_stmt {
    /* reading: server */
    SB_STMT_SESSION = 0,
    SB_STMT_SERVER,
    SB_STMT_PATHS,
    SB_STMT_CLOCK,
    SB_STMT_AGENT,
    /* reading: a copy */
    SB_STMT_COPY,
    SB_STMT_REDO,
    SB_STMT_DB_FILES,
    SB_STMT_SESSIONS,
    SB_STMT_LOCKS,
    SB_STMT_OURS,
    SB_STMT_LOG_WAIT,
    SB_STMT_LOG_SPACE,
    SB_STMT_VOLUME,
    SB_STMT_ENDPOINT,
    SB_STMT_MIRRORED_TOO,
    SB_STMT_PROPERTIES,
    SB_STMT_ORPHANS,
    SB_STMT_TABLES,
    SB_STMT_TABLE_ROWS,
    SB_STMT_CHECKDB,
    /* reading: what stands on an instance, to be compared */
    SB_STMT_PRINT_DATABASES,
    SB_STMT_PRINT_MIRRORING,
    SB_STMT_PRINT_PRIMARIES,
    SB_STMT_PRINT_PAIRS,
    SB_STMT_PRINT_SECONDARIES,
    SB_STMT_PRINT_SECONDARY_DBS,
    SB_STMT_PRINT_JOBS,
    /* reading: history */
    SB_STMT_LAST_RESTORED,
    SB_STMT_LAST_FULL_RESTORED,
    SB_STMT_LAST_BACKUP,
    SB_STMT_LAST_LOG,
    SB_STMT_LOG_SIZES,
    SB_STMT_SET_BY_GUID,
    SB_STMT_SET_BY_FILE,
    /* reading: log shipping and jobs */
    SB_STMT_PRIMARY,
    SB_STMT_PRIMARY_SECONDARIES,
    SB_STMT_SECONDARY,
    SB_STMT_SECONDARY_HALF,
    SB_STMT_MONITOR_PRIMARY,
    SB_STMT_MONITOR_SECONDARY,

    SB_STMT_JOB,
    SB_STMT_JOB_RUNNING,
    SB_STMT_JOB_NEWEST,
    SB_STMT_JOB_OUTCOME,
    SB_STMT_JOB_DETAIL,
    SB_STMT_JOB_NAMED,
    SB_STMT_JOB_LAST,
    /* reading: files */
    SB_STMT_LIST,
    SB_STMT_HEADER,
    SB_STMT_FILELIST,
    SB_STMT_VERIFYONLY,
    SB_STMT_FILE_EXIST,
    /* reading: the chat tables */
    SB_STMT_SERVERS,
    SB_STMT_CHAT_TABLE,
    SB_STMT_CHAT_BATCH,
    SB_STMT_CHAT_FROM,
    SB_STMT_WAITING,
    /* state of a copy */
    SB_STMT_KILL,
    SB_STMT_RESTRICT,
    SB_STMT_MULTI_USER,
    SB_STMT_SINGLE_USER,
    SB_STMT_FULL_RECOVERY,
    SB_STMT_TRUSTWORTHY_ON,
    SB_STMT_TRUSTWORTHY_OFF,
    SB_STMT_BROKER_ON,
    SB_STMT_BROKER_OFF,
    SB_STMT_OWNER,
    SB_STMT_ADOPT_USER,
    SB_STMT_INSIDE,
    SB_STMT_OFFLINE,
    SB_STMT_ONLINE,
    SB_STMT_DROP,
    /* backup and restore */
    SB_STMT_BACKUP_FULL,
    SB_STMT_BACKUP_COPY_ONLY,
    SB_STMT_BACKUP_LOG,
    SB_STMT_BACKUP_LOG_COPY,
    SB_STMT_BACKUP_TAIL,
    SB_STMT_RESTORE_LOG,
    SB_STMT_RESTORE_FULL,
    SB_STMT_RESTORE_MOVE,
    SB_STMT_RESTORE_END,
    SB_STMT_RECOVER,
    /* mirroring */
    SB_STMT_CREATE_ENDPOINT,
    SB_STMT_START_ENDPOINT,
    SB_STMT_STOP_ENDPOINT,
    SB_STMT_PARTNER,
    SB_STMT_PARTNER_OFF,
    SB_STMT_FAILOVER,
    SB_STMT_FORCE,
    SB_STMT_RESUME,
    SB_STMT_SAFETY_FULL,
    SB_STMT_WITNESS,
    SB_STMT_WITNESS_OFF,

    /* jobs */
    SB_STMT_JOB_ENABLE,
    SB_STMT_JOB_START,

    SB_STMT_SCHEDULE,
    /* log shipping */
    SB_STMT_ADD_PRIMARY,
    SB_STMT_ADD_PRIMARY_SECONDARY,
    SB_STMT_ADD_ALERT_JOB,
    SB_STMT_ADD_SECONDARY_PRIMARY,
    SB_STMT_ADD_SECONDARY,
    SB_STMT_DELETE_PRIMARY_SECONDARY,
    SB_STMT_DELETE_PRIMARY,
    SB_STMT_DELETE_SECONDARY,
    SB_STMT_DELETE_SECONDARY_PRIMARY,
    SB_STMT_COUNT
};

/* The text with its holes filled.  False: an argument cannot be quoted (*ret_bad is its text). */
bool sb_stmt_fill (struct sb_buf *out, enum sb_stmt id, va_list args, const char **ret_bad);

/* It changes something: when its answer is lost, nobody knows whether it did. */
bool sb_stmt_changes (enum sb_stmt id);

/* It may take as long as the call has: backups, restores, role changes.  The others are bounded (setting "query timeout"). */
bool sb_stmt_is_long (enum sb_stmt id);

/* How it is called in messages: "RESTORE LOG". */
const char *sb_stmt_name (enum sb_stmt id);

#endif
