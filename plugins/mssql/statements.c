/* The table of statements; see statements.h.
 *
 * Comments give what must hold before, where that is not obvious; section
 * numbers are those of the vendor's topics on mirroring, backup and log shipping.
 * Columns are read by name, so a column more or less does no harm. */
#include "plugins/mssql/statements.h"

#include "plugins/mssql/quote.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#define READS   0
#define CHANGES 1
#define LONG    2

struct stmt {
    const char *name;
    int kind;
    const char *text;
};

#define RUN_PROC  "DECLARE @rc int; EXEC @rc = "
#define RETURN_RC "; SELECT @rc AS rc"
#define COPY_FROM "FROM sys.databases d JOIN sys.database_mirroring m ON m.database_id = d.database_id "
#define SET_COLUMNS                                                                                               \
    "b.backup_set_id, b.backup_set_uuid, b.database_name, b.type, b.first_lsn, b.last_lsn, b.backup_start_date, " \
    "b.backup_finish_date, b.last_recovery_fork_guid, b.family_guid "

/* clang-format off */
static const struct stmt stmts[SB_STMT_COUNT] = {
    /* DB-Library leaves the ANSI options off; texts shall not depend on the server's language. */
    [SB_STMT_SESSION] = { "SET", READS,
        "SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, QUOTED_IDENTIFIER, CONCAT_NULL_YIELDS_NULL, ARITHABORT ON; "
        "SET NUMERIC_ROUNDABORT OFF; SET NOCOUNT ON; SET XACT_ABORT ON; SET IMPLICIT_TRANSACTIONS OFF; "
        "SET LOCK_TIMEOUT 10000; SET LANGUAGE us_english" },
    [SB_STMT_SERVER] = { "SELECT", READS,
        "SELECT CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)) AS server_name, "
        "CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS version, "
        "CAST(SERVERPROPERTY('EngineEdition') AS int) AS edition, IS_SRVROLEMEMBER('sysadmin') AS is_sysadmin" },
    /* 2012 and later; NULL before */
    [SB_STMT_PATHS] = { "SELECT", READS,
        "SELECT CAST(SERVERPROPERTY('InstanceDefaultDataPath') AS nvarchar(260)) AS data_path, "
        "CAST(SERVERPROPERTY('InstanceDefaultLogPath') AS nvarchar(260)) AS log_path" },
    [SB_STMT_CLOCK] = { "SELECT", READS, "SELECT GETUTCDATE() AS utc, GETDATE() AS here" },
    [SB_STMT_AGENT] = { "SELECT", READS,
        "SELECT COUNT(*) AS agents FROM master.dbo.sysprocesses WHERE program_name LIKE N'SQLAgent%%'" },

    /* sysadmin, else the columns of a mirror are NULL */
    [SB_STMT_COPY] = { "SELECT", READS,
        "SELECT d.name, d.database_id, d.state_desc, d.user_access_desc, d.recovery_model_desc, d.is_in_standby, "
        "d.is_read_only, m.mirroring_guid, m.mirroring_role_desc, m.mirroring_state_desc, "
        "m.mirroring_safety_level_desc, m.mirroring_partner_name, m.mirroring_partner_instance, "
        "m.mirroring_witness_name, m.mirroring_witness_state_desc, m.mirroring_role_sequence, "
        "m.mirroring_failover_lsn, m.mirroring_end_of_log_lsn " COPY_FROM "WHERE d.name = %L" },
    [SB_STMT_REDO] = { "SELECT", READS,
        "SELECT f.redo_start_lsn, f.redo_start_fork_guid FROM sys.master_files f "
        "WHERE f.database_id = DB_ID(%L) AND f.type = 0" },
    [SB_STMT_DB_FILES] = { "SELECT", READS,
        "SELECT f.name, f.type, f.physical_name FROM sys.master_files f WHERE f.database_id = DB_ID(%L)" },
    /* The form with dbid works on every version (sessions have no database_id before 2012). */
    [SB_STMT_SESSIONS] = { "SELECT", READS,
        "SELECT spid, hostname, program_name, loginame FROM master.dbo.sysprocesses "
        "WHERE dbid = DB_ID(%L) AND spid > 50 AND spid <> @@SPID" },
    [SB_STMT_LOCKS] = { "SELECT", READS,
        "SELECT l.request_session_id AS spid FROM sys.dm_tran_locks l "
        "WHERE l.resource_type = N'DATABASE' AND l.resource_database_id = DB_ID(%L) AND l.request_session_id <> @@SPID" },
    [SB_STMT_OURS] = { "SELECT", READS,
        "SELECT s.session_id, s.program_name, r.command, r.percent_complete FROM sys.dm_exec_requests r "
        "JOIN sys.dm_exec_sessions s ON s.session_id = r.session_id "
        "WHERE s.program_name LIKE N'switchback/%%' AND s.session_id <> @@SPID" },
    [SB_STMT_LOG_WAIT] = { "SELECT", READS,
        "SELECT d.log_reuse_wait_desc FROM sys.databases d WHERE d.name = %L" },
    [SB_STMT_LOG_SPACE] = { "DBCC SQLPERF", READS, "DBCC SQLPERF(LOGSPACE)" },
    /* 2008 R2 SP1 and later; file 2 is the log */
    [SB_STMT_VOLUME] = { "SELECT", READS,
        "SELECT v.volume_mount_point, v.total_bytes, v.available_bytes FROM sys.dm_os_volume_stats(DB_ID(%L), 2) v" },
    [SB_STMT_ENDPOINT] = { "SELECT", READS,
        "SELECT e.name, e.state_desc, e.role_desc, t.port FROM sys.database_mirroring_endpoints e "
        "JOIN sys.tcp_endpoints t ON t.endpoint_id = e.endpoint_id" },

    [SB_STMT_MIRRORED_TOO] = { "SELECT", READS,
        "SELECT d.name " COPY_FROM "WHERE m.mirroring_guid IS NOT NULL AND d.name <> %L ORDER BY d.name" },
    [SB_STMT_PROPERTIES] = { "SELECT", READS,
        "SELECT d.is_trustworthy_on, d.is_broker_enabled, SUSER_SNAME(d.owner_sid) AS owner FROM sys.databases d "
        "WHERE d.name = %L" },
    /* readable; users of SQL logins whose SID no login here has, and whether a login of their name is there */
    [SB_STMT_ORPHANS] = { "SELECT", READS,
        "SELECT p.name, (SELECT COUNT(*) FROM sys.server_principals n WHERE n.name = p.name AND n.type = 'S') AS logins "
        "FROM %I.sys.database_principals p WHERE p.type = 'S' AND p.principal_id > 4 AND p.sid IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 AS one FROM sys.server_principals l WHERE l.sid = p.sid) ORDER BY p.name" },
    [SB_STMT_TABLES] = { "SELECT", READS,
        "SELECT s.name AS schema_name, t.name AS table_name FROM %I.sys.tables t "
        "JOIN %I.sys.schemas s ON s.schema_id = t.schema_id WHERE t.is_ms_shipped = 0 ORDER BY s.name, t.name" },
    [SB_STMT_TABLE_ROWS] = { "SELECT", LONG, "SELECT COUNT_BIG(*) AS rows_there FROM %I.%I.%I" },
    /* online; reads every page */
    [SB_STMT_CHECKDB] = { "DBCC CHECKDB", LONG, "DBCC CHECKDB (%L) WITH NO_INFOMSGS, ALL_ERRORMSGS" },

    [SB_STMT_PRINT_DATABASES] = { "SELECT", READS,
        "SELECT d.name, d.state_desc, d.user_access_desc, d.recovery_model_desc, d.is_in_standby, d.is_read_only, "
        "d.is_trustworthy_on FROM sys.databases d WHERE d.database_id > 4 ORDER BY d.name" },
    [SB_STMT_PRINT_MIRRORING] = { "SELECT", READS,
        "SELECT d.name, m.mirroring_role_desc, m.mirroring_safety_level_desc, m.mirroring_partner_name, "
        "m.mirroring_witness_name " COPY_FROM "WHERE m.mirroring_guid IS NOT NULL ORDER BY d.name" },
    [SB_STMT_PRINT_PRIMARIES] = { "SELECT", READS,
        "SELECT p.primary_database, p.backup_directory, p.backup_share, p.backup_retention_period "
        "FROM msdb.dbo.log_shipping_primary_databases p ORDER BY p.primary_database" },
    [SB_STMT_PRINT_PAIRS] = { "SELECT", READS,
        "SELECT p.primary_database, s.secondary_server, s.secondary_database "
        "FROM msdb.dbo.log_shipping_primary_secondaries s JOIN msdb.dbo.log_shipping_primary_databases p "
        "ON p.primary_id = s.primary_id ORDER BY p.primary_database, s.secondary_server" },
    [SB_STMT_PRINT_SECONDARIES] = { "SELECT", READS,
        "SELECT s.primary_server, s.primary_database, s.backup_source_directory, s.backup_destination_directory, "
        "s.file_retention_period FROM msdb.dbo.log_shipping_secondary s ORDER BY s.primary_server, s.primary_database" },
    [SB_STMT_PRINT_SECONDARY_DBS] = { "SELECT", READS,
        "SELECT d.secondary_database, d.restore_delay, d.restore_all, d.restore_mode, d.disconnect_users "
        "FROM msdb.dbo.log_shipping_secondary_databases d ORDER BY d.secondary_database" },
    [SB_STMT_PRINT_JOBS] = { "SELECT", READS, "SELECT j.name, j.enabled FROM msdb.dbo.sysjobs j ORDER BY j.name" },

    [SB_STMT_LAST_RESTORED] = { "SELECT", READS,
        "SELECT TOP 1 r.restore_history_id, r.restore_date, r.restore_type, " SET_COLUMNS
        "FROM msdb.dbo.restorehistory r JOIN msdb.dbo.backupset b ON b.backup_set_id = r.backup_set_id "
        "WHERE r.destination_database_name = %L AND r.restore_type <> 'V' ORDER BY r.restore_history_id DESC" },
    [SB_STMT_LAST_FULL_RESTORED] = { "SELECT", READS,
        "SELECT TOP 1 r.restore_history_id, r.restore_date, " SET_COLUMNS
        "FROM msdb.dbo.restorehistory r JOIN msdb.dbo.backupset b ON b.backup_set_id = r.backup_set_id "
        "WHERE r.destination_database_name = %L AND r.restore_type = 'D' ORDER BY r.restore_history_id DESC" },
    [SB_STMT_LAST_BACKUP] = { "SELECT", READS,
        "SELECT TOP 1 " SET_COLUMNS "FROM msdb.dbo.backupset b WHERE b.database_name = %L AND b.type = %L "
        "AND b.is_copy_only = 0 ORDER BY b.backup_set_id DESC" },
    [SB_STMT_LAST_LOG] = { "SELECT", READS,
        "SELECT TOP 1 b.last_lsn, f.physical_device_name FROM msdb.dbo.backupset b "
        "JOIN msdb.dbo.backupmediafamily f ON f.media_set_id = b.media_set_id "
        "WHERE b.database_name = %L AND b.type = 'L' AND b.is_copy_only = 0 ORDER BY b.backup_set_id DESC" },
    /* a restored set has its row too, so a secondary can be asked as well as a primary */
    [SB_STMT_LOG_SIZES] = { "SELECT", READS,
        "SELECT TOP 12 b.backup_size, b.backup_start_date, b.backup_finish_date FROM msdb.dbo.backupset b "
        "WHERE b.database_name = %L AND b.type = 'L' AND b.is_copy_only = 0 ORDER BY b.backup_set_id DESC" },
    [SB_STMT_SET_BY_GUID] = { "SELECT", READS,
        "SELECT TOP 1 " SET_COLUMNS "FROM msdb.dbo.backupset b WHERE b.backup_set_uuid = %L" },
    [SB_STMT_SET_BY_FILE] = { "SELECT", READS,
        "SELECT TOP 1 " SET_COLUMNS ", f.physical_device_name FROM msdb.dbo.backupset b "
        "JOIN msdb.dbo.backupmediafamily f ON f.media_set_id = b.media_set_id "
        "WHERE b.database_name = %L AND b.type = 'L' AND f.physical_device_name LIKE %L ORDER BY b.backup_set_id DESC" },

    [SB_STMT_PRIMARY] = { "SELECT", READS,
        "SELECT p.primary_id, p.primary_database, p.backup_directory, p.backup_share, p.backup_retention_period, "
        "p.backup_job_id, p.last_backup_file, p.last_backup_date "
        "FROM msdb.dbo.log_shipping_primary_databases p WHERE p.primary_database = %L" },
    [SB_STMT_PRIMARY_SECONDARIES] = { "SELECT", READS,
        "SELECT s.secondary_server, s.secondary_database FROM msdb.dbo.log_shipping_primary_secondaries s "
        "JOIN msdb.dbo.log_shipping_primary_databases p ON p.primary_id = s.primary_id WHERE p.primary_database = %L" },
    [SB_STMT_SECONDARY] = { "SELECT", READS,
        "SELECT s.secondary_id, s.primary_server, s.primary_database, s.backup_source_directory, "
        "s.backup_destination_directory, s.file_retention_period, s.copy_job_id, s.restore_job_id, "
        "s.last_copied_file, s.last_copied_date, d.secondary_database, d.restore_delay, d.restore_all, d.restore_mode, "
        "d.disconnect_users, d.last_restored_file, d.last_restored_date "
        "FROM msdb.dbo.log_shipping_secondary_databases d "
        "JOIN msdb.dbo.log_shipping_secondary s ON s.secondary_id = d.secondary_id WHERE d.secondary_database = %L" },
    [SB_STMT_SECONDARY_HALF] = { "SELECT", READS,
        "SELECT s.secondary_id, s.primary_server, s.primary_database, s.backup_source_directory, "
        "s.backup_destination_directory, s.copy_job_id, s.restore_job_id "
        "FROM msdb.dbo.log_shipping_secondary s WHERE s.primary_database = %L" },
    [SB_STMT_MONITOR_PRIMARY] = { "SELECT", READS,
        "SELECT m.backup_threshold, m.last_backup_file, m.last_backup_date_utc "
        "FROM msdb.dbo.log_shipping_monitor_primary m WHERE m.primary_database = %L" },
    [SB_STMT_MONITOR_SECONDARY] = { "SELECT", READS,
        "SELECT m.restore_threshold, m.last_copied_file, m.last_copied_date_utc, m.last_restored_file, "
        "m.last_restored_date_utc, m.last_restored_latency "
        "FROM msdb.dbo.log_shipping_monitor_secondary m WHERE m.secondary_database = %L" },
    [SB_STMT_JOB] = { "SELECT", READS, "SELECT j.job_id, j.name, j.enabled FROM msdb.dbo.sysjobs j WHERE j.job_id = %L" },
    /* running: started and not stopped, in the newest Agent session */
    [SB_STMT_JOB_RUNNING] = { "SELECT", READS,
        "SELECT TOP 1 a.session_id, a.start_execution_date, a.stop_execution_date FROM msdb.dbo.sysjobactivity a "
        "WHERE a.job_id = %L ORDER BY a.session_id DESC" },
    [SB_STMT_JOB_NEWEST] = { "SELECT", READS,
        "SELECT MAX(h.instance_id) AS newest FROM msdb.dbo.sysjobhistory h WHERE h.job_id = %L AND h.step_id = 0" },
    [SB_STMT_JOB_OUTCOME] = { "SELECT", READS,
        "SELECT TOP 1 h.instance_id, h.run_status, h.message FROM msdb.dbo.sysjobhistory h "
        "WHERE h.job_id = %L AND h.step_id = 0 AND h.instance_id > %N ORDER BY h.instance_id" },
    [SB_STMT_JOB_DETAIL] = { "SELECT", READS,
        "SELECT TOP 1 h.message FROM msdb.dbo.sysjobhistory h WHERE h.job_id = %L AND h.step_id = 1 "
        "AND h.instance_id > %N ORDER BY h.instance_id DESC" },

    [SB_STMT_JOB_NAMED] = { "SELECT", READS, "SELECT j.job_id FROM msdb.dbo.sysjobs j WHERE j.name = %L" },
    [SB_STMT_JOB_LAST] = { "SELECT", READS,
        "SELECT TOP 1 h.run_status, h.run_date, h.run_time, h.message FROM msdb.dbo.sysjobhistory h "
        "WHERE h.job_id = %L AND h.step_id = 0 ORDER BY h.instance_id DESC" },

    [SB_STMT_LIST] = { "xp_dirtree", READS, "EXEC master.sys.xp_dirtree %L, 1, 1" },
    /* needs CREATE DATABASE; the file is opened by the service account */
    [SB_STMT_HEADER] = { "RESTORE HEADERONLY", READS, "RESTORE HEADERONLY FROM DISK = %L" },
    [SB_STMT_FILELIST] = { "RESTORE FILELISTONLY", READS, "RESTORE FILELISTONLY FROM DISK = %L WITH FILE = %N" },
    [SB_STMT_VERIFYONLY] = { "RESTORE VERIFYONLY", LONG, "RESTORE VERIFYONLY FROM DISK = %L WITH FILE = %N" },
    [SB_STMT_FILE_EXIST] = { "xp_fileexist", READS, "EXEC master.dbo.xp_fileexist %L" },

    [SB_STMT_SERVERS] = { "SELECT", READS,
        "SELECT serverID, serverAddress, serverLastPingTime FROM %I.dbo.tblServerIdentity" },
    [SB_STMT_CHAT_TABLE] = { "SELECT", READS, "SELECT COUNT(*) AS rows_there FROM %I.dbo.tblChat" },
    [SB_STMT_CHAT_BATCH] = { "SELECT", READS,
        "SELECT TOP 500 channelId, chatId, chatDate, userId, content FROM %I.dbo.tblChat ORDER BY channelId, chatId" },
    [SB_STMT_CHAT_FROM] = { "SELECT", READS,
        "SELECT TOP 500 channelId, chatId, chatDate, userId, content FROM %I.dbo.tblChat "
        "WHERE channelId > %V OR (channelId = %V AND chatId > %V) ORDER BY channelId, chatId" },
    /* rows of type 9 are placeholders far ahead in time */
    [SB_STMT_WAITING] = { "SELECT", READS,
        "SELECT COUNT(*) AS waiting FROM %I.dbo.tblComplianceData WHERE cmplType <> 9" },

    [SB_STMT_KILL] = { "KILL", CHANGES, "KILL %N" },
    /* not on a restoring copy (5052); administrators stay admitted, and no single slot can be lost */
    [SB_STMT_RESTRICT] = { "ALTER DATABASE", CHANGES | LONG,
        "ALTER DATABASE %I SET RESTRICTED_USER WITH ROLLBACK IMMEDIATE" },
    [SB_STMT_MULTI_USER] = { "ALTER DATABASE", CHANGES | LONG,
        "ALTER DATABASE %I SET MULTI_USER WITH ROLLBACK IMMEDIATE" },
    /* one slot, and whoever comes first has it: for people, never for a step that goes on with another session */
    [SB_STMT_SINGLE_USER] = { "ALTER DATABASE", CHANGES | LONG,
        "ALTER DATABASE %I SET SINGLE_USER WITH ROLLBACK IMMEDIATE" },
    [SB_STMT_FULL_RECOVERY] = { "ALTER DATABASE", CHANGES, "ALTER DATABASE %I SET RECOVERY FULL" },
    [SB_STMT_TRUSTWORTHY_ON] = { "ALTER DATABASE", CHANGES, "ALTER DATABASE %I SET TRUSTWORTHY ON" },
    [SB_STMT_TRUSTWORTHY_OFF] = { "ALTER DATABASE", CHANGES, "ALTER DATABASE %I SET TRUSTWORTHY OFF" },
    [SB_STMT_BROKER_ON] = { "ALTER DATABASE", CHANGES | LONG,
        "ALTER DATABASE %I SET ENABLE_BROKER WITH ROLLBACK IMMEDIATE" },
    [SB_STMT_BROKER_OFF] = { "ALTER DATABASE", CHANGES | LONG,
        "ALTER DATABASE %I SET DISABLE_BROKER WITH ROLLBACK IMMEDIATE" },
    [SB_STMT_OWNER] = { "ALTER AUTHORIZATION", CHANGES, "ALTER AUTHORIZATION ON DATABASE::%I TO %I" },
    /* inside the database: SB_STMT_INSIDE carries it there, so that our session stays in master */
    [SB_STMT_ADOPT_USER] = { "ALTER USER", CHANGES, "ALTER USER %I WITH LOGIN = %I" },
    [SB_STMT_INSIDE] = { "ALTER USER", CHANGES, "EXEC %I.sys.sp_executesql %L" },
    /* not while mirrored (1468) */
    [SB_STMT_OFFLINE] = { "ALTER DATABASE", CHANGES | LONG, "ALTER DATABASE %I SET OFFLINE WITH ROLLBACK IMMEDIATE" },
    [SB_STMT_ONLINE] = { "ALTER DATABASE", CHANGES | LONG, "ALTER DATABASE %I SET ONLINE" },
    [SB_STMT_DROP] = { "DROP DATABASE", CHANGES | LONG, "DROP DATABASE %I" },

    [SB_STMT_BACKUP_FULL] = { "BACKUP DATABASE", CHANGES | LONG,
        "BACKUP DATABASE %I TO DISK = %L WITH FORMAT, INIT, CHECKSUM, STATS = 5" },
    [SB_STMT_BACKUP_COPY_ONLY] = { "BACKUP DATABASE", CHANGES | LONG,
        "BACKUP DATABASE %I TO DISK = %L WITH COPY_ONLY, FORMAT, INIT, CHECKSUM, STATS = 5" },
    [SB_STMT_BACKUP_LOG] = { "BACKUP LOG", CHANGES | LONG,
        "BACKUP LOG %I TO DISK = %L WITH FORMAT, INIT, CHECKSUM, STATS = 5" },
    /* copy-only: the set goes to the mirror alone and must leave no hole in the shipped chain */
    [SB_STMT_BACKUP_LOG_COPY] = { "BACKUP LOG", CHANGES | LONG,
        "BACKUP LOG %I TO DISK = %L WITH COPY_ONLY, FORMAT, INIT, CHECKSUM, STATS = 5" },
    /* not mirrored; nobody else in the database (3101) */
    [SB_STMT_BACKUP_TAIL] = { "BACKUP LOG", CHANGES | LONG,
        "BACKUP LOG %I TO DISK = %L WITH NORECOVERY, FORMAT, INIT, CHECKSUM, STATS = 5" },
    [SB_STMT_RESTORE_LOG] = { "RESTORE LOG", CHANGES | LONG,
        "RESTORE LOG %I FROM DISK = %L WITH FILE = %N, NORECOVERY, STATS = 5" },
    /* not mirrored (3104); REPLACE also overrides a tail that was not backed up (3159) */
    /* three pieces: head, a MOVE for each file that must lie elsewhere, end */
    [SB_STMT_RESTORE_FULL] = { "RESTORE DATABASE", CHANGES | LONG,
        "RESTORE DATABASE %I FROM DISK = %L WITH FILE = %N, " },
    [SB_STMT_RESTORE_MOVE] = { "RESTORE DATABASE", CHANGES | LONG, "MOVE %L TO %L, " },
    [SB_STMT_RESTORE_END] = { "RESTORE DATABASE", CHANGES | LONG, "REPLACE, NORECOVERY, STATS = 5" },
    [SB_STMT_RECOVER] = { "RESTORE DATABASE", CHANGES | LONG, "RESTORE DATABASE %I WITH RECOVERY" },

    [SB_STMT_CREATE_ENDPOINT] = { "CREATE ENDPOINT", CHANGES,
        "CREATE ENDPOINT %I STATE = STARTED AS TCP (LISTENER_PORT = %N) FOR DATABASE_MIRRORING (ROLE = ALL)" },
    [SB_STMT_START_ENDPOINT] = { "ALTER ENDPOINT", CHANGES, "ALTER ENDPOINT %I STATE = STARTED" },
    [SB_STMT_STOP_ENDPOINT] = { "ALTER ENDPOINT", CHANGES, "ALTER ENDPOINT %I STATE = STOPPED" },
    /* first on the mirror, then on the principal */
    [SB_STMT_PARTNER] = { "ALTER DATABASE", CHANGES | LONG, "ALTER DATABASE %I SET PARTNER = %L" },
    [SB_STMT_PARTNER_OFF] = { "ALTER DATABASE", CHANGES | LONG, "ALTER DATABASE %I SET PARTNER OFF" },
    /* on the principal, SAFETY FULL, SYNCHRONIZED */
    [SB_STMT_FAILOVER] = { "ALTER DATABASE", CHANGES | LONG, "ALTER DATABASE %I SET PARTNER FAILOVER" },
    /* on a mirror that is disconnected from its principal (else 1455) */
    [SB_STMT_FORCE] = { "ALTER DATABASE", CHANGES | LONG,
        "ALTER DATABASE %I SET PARTNER FORCE_SERVICE_ALLOW_DATA_LOSS" },
    [SB_STMT_RESUME] = { "ALTER DATABASE", CHANGES | LONG, "ALTER DATABASE %I SET PARTNER RESUME" },
    [SB_STMT_SAFETY_FULL] = { "ALTER DATABASE", CHANGES | LONG, "ALTER DATABASE %I SET PARTNER SAFETY FULL" },
    [SB_STMT_WITNESS] = { "ALTER DATABASE", CHANGES | LONG, "ALTER DATABASE %I SET WITNESS = %L" },

    [SB_STMT_WITNESS_OFF] = { "ALTER DATABASE", CHANGES | LONG, "ALTER DATABASE %I SET WITNESS OFF" },

    [SB_STMT_JOB_ENABLE] = { "sp_update_job", CHANGES,
        RUN_PROC "msdb.dbo.sp_update_job @job_id = %L, @enabled = %N" RETURN_RC },
    [SB_STMT_JOB_START] = { "sp_start_job", CHANGES, RUN_PROC "msdb.dbo.sp_start_job @job_id = %L" RETURN_RC },
    /* daily, every n units (2 seconds, 4 minutes) */
    [SB_STMT_SCHEDULE] = { "sp_attach_schedule", CHANGES,
        "DECLARE @rc int, @schedule int; EXEC @rc = msdb.dbo.sp_add_schedule @schedule_name = %L, @enabled = 1, "
        "@freq_type = 4, @freq_interval = 1, @freq_subday_type = %N, @freq_subday_interval = %N, "
        "@active_start_time = 0, @active_end_time = 235959, @schedule_id = @schedule OUTPUT; "
        "EXEC @rc = msdb.dbo.sp_attach_schedule @job_id = %L, @schedule_id = @schedule; SELECT @rc AS rc" },

    /* ONLINE (32007), FULL (32015); the job is created disabled */
    [SB_STMT_ADD_PRIMARY] = { "sp_add_log_shipping_primary_database", CHANGES,
        "DECLARE @rc int, @job uniqueidentifier, @id uniqueidentifier; "
        "EXEC @rc = master.dbo.sp_add_log_shipping_primary_database @database = %L, @backup_directory = %L, "
        "@backup_share = %L, @backup_job_name = %L, @backup_retention_period = %N, @backup_threshold = %N, "
        "@threshold_alert = 14420, @threshold_alert_enabled = 1, @history_retention_period = 5760, "
        "@backup_compression = 2, @backup_job_id = @job OUTPUT, @primary_id = @id OUTPUT, @overwrite = 1" RETURN_RC },
    [SB_STMT_ADD_PRIMARY_SECONDARY] = { "sp_add_log_shipping_primary_secondary", CHANGES,
        RUN_PROC "master.dbo.sp_add_log_shipping_primary_secondary @primary_database = %L, @secondary_server = %L, "
        "@secondary_database = %L, @overwrite = 1" RETURN_RC },
    [SB_STMT_ADD_ALERT_JOB] = { "sp_add_log_shipping_alert_job", CHANGES,
        RUN_PROC "master.sys.sp_add_log_shipping_alert_job" RETURN_RC },
    /* with the name of the original primary, for ever */
    [SB_STMT_ADD_SECONDARY_PRIMARY] = { "sp_add_log_shipping_secondary_primary", CHANGES,
        "DECLARE @rc int, @copy uniqueidentifier, @restore uniqueidentifier, @id uniqueidentifier; "
        "EXEC @rc = master.dbo.sp_add_log_shipping_secondary_primary @primary_server = %L, @primary_database = %L, "
        "@backup_source_directory = %L, @backup_destination_directory = %L, @copy_job_name = %L, "
        "@restore_job_name = %L, @file_retention_period = %N, @copy_job_id = @copy OUTPUT, "
        "@restore_job_id = @restore OUTPUT, @secondary_id = @id OUTPUT, @overwrite = 1" RETURN_RC },
    /* the copy is restoring already; the one before was run (32023) */
    [SB_STMT_ADD_SECONDARY] = { "sp_add_log_shipping_secondary_database", CHANGES,
        RUN_PROC "master.dbo.sp_add_log_shipping_secondary_database @secondary_database = %L, @primary_server = %L, "
        "@primary_database = %L, @restore_delay = 0, @restore_all = 1, @restore_mode = 0, @disconnect_users = 0, "
        "@restore_threshold = %N, @threshold_alert = 14421, @threshold_alert_enabled = 1, "
        "@history_retention_period = 5760, @overwrite = 1" RETURN_RC },
    [SB_STMT_DELETE_PRIMARY_SECONDARY] = { "sp_delete_log_shipping_primary_secondary", CHANGES,
        RUN_PROC "master.dbo.sp_delete_log_shipping_primary_secondary @primary_database = %L, @secondary_server = %L, "
        "@secondary_database = %L" RETURN_RC },
    /* no secondaries listed (32011); deletes the backup job */
    [SB_STMT_DELETE_PRIMARY] = { "sp_delete_log_shipping_primary_database", CHANGES,
        RUN_PROC "master.dbo.sp_delete_log_shipping_primary_database @database = %L" RETURN_RC },
    /* deletes both jobs when it was the last database of its registration */
    [SB_STMT_DELETE_SECONDARY] = { "sp_delete_log_shipping_secondary_database", CHANGES,
        RUN_PROC "master.dbo.sp_delete_log_shipping_secondary_database @secondary_database = %L" RETURN_RC },
    [SB_STMT_DELETE_SECONDARY_PRIMARY] = { "sp_delete_log_shipping_secondary_primary", CHANGES,
        RUN_PROC "master.dbo.sp_delete_log_shipping_secondary_primary @primary_server = %L, @primary_database = %L" RETURN_RC },
};
/* clang-format on */

/* %V: a value of the server's own as it came: a bare number where the column is one, else a literal. */
static bool
add_value (struct sb_buf *out, int is_number, const char *text)
{
    if (!is_number || text == NULL)
        return sb_quote_literal (out, text);
    if (*text == '\0' || text[(*text == '-') + strspn (text + (*text == '-'), "0123456789")] != '\0')
        return false;
    sb_buf_str (out, text);
    return true;
}

bool
sb_stmt_fill (struct sb_buf *out, enum sb_stmt id, va_list args, const char **ret_bad)
{
    for (const char *p = stmts[id].text; *p != '\0'; p++) {
        const char *word = NULL;
        bool good = true;
        int is_number;

        if (*p != '%') {
            sb_buf_char (out, *p);
            continue;
        }
        switch (*++p) {
        case 'I':
            word = va_arg (args, const char *);
            good = sb_quote_ident (out, word);
            break;
        case 'L':
            word = va_arg (args, const char *);
            good = sb_quote_literal (out, word);
            break;
        case 'V':
            is_number = va_arg (args, int);
            word = va_arg (args, const char *);
            good = add_value (out, is_number, word);
            break;
        case 'N':
            sb_buf_printf (out, "%" PRId64, va_arg (args, int64_t));
            break;
        default:
            sb_buf_char (out, *p);
        }
        if (!good) {
            *ret_bad = word != NULL ? word : "(nothing)";
            return false;
        }
    }
    return true;
}

bool
sb_stmt_changes (enum sb_stmt id)
{
    return (stmts[id].kind & CHANGES) != 0;
}

bool
sb_stmt_is_long (enum sb_stmt id)
{
    return (stmts[id].kind & LONG) != 0;
}

const char *
sb_stmt_name (enum sb_stmt id)
{
    return stmts[id].name;
}
