/* The message catalogue: number, severity, state and text of every message this
 * door can say; see messages.h.  The texts are the server's own, printf-like in
 * the catalogue's dialect (%.*ls, %I64d, %S_MSG); severity and state are what a
 * client sees where that is known.  Sorted by number. */
#include "lab/tds/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const struct sb_sql_message catalogue[] = {
    { 102, 15, 1, "Incorrect syntax near '%.*ls'." },
    { 103, 15, 1, "The %S_MSG that starts with '%.*ls' is too long. Maximum length is %d." },
    { 105, 15, 1, "Unclosed quotation mark after the character string '%.*ls'." },
    { 113, 15, 1, "Missing end comment mark '*/'." },
    { 134, 15, 1, "The variable name '%.*ls' has already been declared. Variable names must be unique within a query batch or stored procedure." },
    { 137, 15, 1, "Must declare the scalar variable \"%.*ls\"." },
    { 147, 15, 1, "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING clause or a select list, and the column being aggregated is an outer reference." },
    { 155, 15, 1, "'%.*ls' is not a recognized %ls option." },
    { 156, 15, 1, "Incorrect syntax near the keyword '%.*ls'." },
    { 174, 15, 1, "The %.*ls function requires %d argument(s)." },
    { 191, 15, 1, "Some part of your SQL statement is nested too deeply. Rewrite the query or break it up into smaller queries." },
    { 195, 15, 1, "'%.*ls' is not a recognized %S_MSG." },
    { 201, 16, 1, "Procedure or function '%.*ls' expects parameter '%.*ls', which was not supplied." },
    { 207, 16, 1, "Invalid column name '%.*ls'." },
    { 208, 16, 1, "Invalid object name '%.*ls'." },
    { 209, 16, 1, "Ambiguous column name '%.*ls'." },
    { 213, 16, 1, "Column name or number of supplied values does not match table definition." },
    { 214, 16, 1, "Procedure expects parameter '%ls' of type '%ls'." },
    { 226, 16, 6, "%ls statement not allowed within multi-statement transaction." },
    { 229, 14, 1, "The %ls permission was denied on the object '%.*ls', database '%.*ls', schema '%.*ls'." },
    { 241, 16, 1, "Conversion failed when converting date and/or time from character string." },
    { 243, 16, 1, "Type %.*ls is not a defined system type." },
    { 245, 16, 1, "Conversion failed when converting the %ls value '%.*ls' to data type %ls." },
    { 262, 14, 1, "%ls permission denied in database '%.*ls'." },
    { 266, 16, 1, "Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. Previous count = %ld, current count = %ld." },
    { 515, 16, 1, "Cannot insert the value NULL into column '%.*ls', table '%.*ls'; column does not allow nulls. %ls fails." },
    { 544, 16, 1, "Cannot insert explicit value for identity column in table '%.*ls' when IDENTITY_INSERT is set to OFF." },
    { 596, 21, 1, "Cannot continue the execution because the session is in the kill state." },
    { 911, 16, 11, "Database '%.*ls' does not exist. Make sure that the name is entered correctly." },
    { 916, 14, 1, "The server principal \"%.*ls\" is not able to access the database \"%.*ls\" under the current security context." },
    { 921, 14, 1, "Database '%.*ls' has not been recovered yet. Wait and try again." },
    { 922, 14, 1, "Database '%.*ls' is being recovered. Waiting until recovery is finished." },
    { 923, 14, 1, "Database '%.*ls' is in restricted mode. Only the database owner and members of the dbcreator and sysadmin roles can access it." },
    { 924, 14, 1, "Database '%.*ls' is already open and can only have one user at a time." },
    { 926, 14, 1, "Database '%.*ls' cannot be opened. It has been marked SUSPECT by recovery. See the SQL Server errorlog for more information." },
    { 927, 14, 2, "Database '%.*ls' cannot be opened. It is in the middle of a restore." },
    { 941, 16, 1, "Database '%.*ls' cannot be opened because it is not started. Retry when the database is started." },
    { 942, 14, 1, "Database '%.*ls' cannot be opened because it is offline." },
    { 945, 16, 1, "Database '%.*ls' cannot be opened due to inaccessible files or insufficient memory or disk space. See the SQL Server errorlog for details." },
    { 948, 20, 1, "The database '%.*ls' cannot be opened because it is version %d. This server supports version %d and earlier. A downgrade path is not supported." },
    { 952, 16, 1, "Database '%.*ls' is in transition. Try the statement later." },
    { 954, 14, 1, "The database \"%.*ls\" cannot be opened. It is acting as a mirror database." },
    { 955, 14, 1, "Database %.*ls is enabled for Database Mirroring, but the database lacks quorum: the database cannot be opened. Check the partner and witness connections if configured." },
    { 956, 14, 1, "Database %.*ls is enabled for Database Mirroring, but has not yet synchronized with its partner. Try the operation again later." },
    { 957, 17, 1, "Database '%.*ls' is enabled for database mirroring or has joined an availability group. The name of the database cannot be changed." },
    { 1205, 13, 1, "Transaction (Process ID %d) was deadlocked on %.*ls resources with another process and has been chosen as the deadlock victim. Rerun the transaction." },
    { 1222, 16, 1, "Lock request time out period exceeded." },
    { 1402, 20, 1, "Witness did not find an entry for database mirroring GUID %ls. A configuration mismatch exists. Retry the command, or reset the witness from one of the database mirroring partners." },
    { 1404, 16, 1, "The command failed because the database mirror is busy. Reissue the command later." },
    { 1405, 16, 1, "The database \"%.*ls\" is already enabled for database mirroring." },
    { 1406, 16, 1, "Unable to force service safely. Remove database mirroring and recover database \"%.*ls\" to gain access." },
    { 1407, 16, 1, "The remote copy of database \"%.*ls\" is not related to the local copy of the database." },
    { 1408, 16, 1, "The remote copy of database \"%.*ls\" is not recovered far enough to enable database mirroring." },
    { 1409, 16, 1, "Database mirroring cannot be enabled for the remote copy of database \"%.*ls\". Restore database logs to the remote copy." },
    { 1410, 16, 1, "The remote copy of database \"%.*ls\" is already enabled for database mirroring." },
    { 1411, 16, 1, "The remote copy of database \"%.*ls\" has not had enough log backups applied to roll forward all of its files to a common point in time." },
    { 1412, 16, 0, "The remote copy of database \"%.*ls\" has not been rolled forward to a point in time that is encompassed in the local copy of the database log." },
    { 1413, 16, 1, "Communications to the remote server instance '%.*ls' failed before database mirroring was fully started. The ALTER DATABASE command failed. Retry the command when the remote database is started." },
    { 1414, 16, 1, "The database is being closed before database mirroring is fully initialized. The ALTER DATABASE command failed." },
    { 1415, 16, 1, "The database mirroring operation for database \"%.*ls\" failed. The requested operation could not be performed." },
    { 1416, 16, 1, "Database \"%.*ls\" is not configured for database mirroring." },
    { 1417, 16, 1, "Database mirroring has been disabled by the administrator for database \"%.*ls\"." },
    { 1418, 16, 1, "The server network address \"%.*ls\" can not be reached or does not exist. Check the network address name and that the ports for the local and remote endpoints are operational." },
    { 1419, 16, 1, "The remote copy of database \"%.*ls\" cannot be opened. Check the database name and ensure that it is in the restoring state, and then reissue the command." },
    { 1420, 16, 1, "Database mirroring was unable to obtain the network hostname. Operating system error %ls encountered. Verify the network configuration." },
    { 1421, 16, 1, "Communications to the remote server instance '%.*ls' failed to complete before its timeout. The ALTER DATABASE command may have not completed. Retry the command." },
    { 1422, 16, 1, "The mirror server instance is not caught up to the recent changes to database \"%.*ls\". Unable to fail over." },
    { 1424, 16, 1, "The remote server instance has a more recent value for the property '%.*ls'. Property value not changed." },
    { 1426, 16, 1, "To issue ALTER DATABASE SET WITNESS, all three server instances must be interconnected, and the mirror database must be caught up. When these conditions are met, reissue the command." },
    { 1427, 16, 1, "The server instance '%.*ls' could not act as the witness. The ALTER DATABASE SET WITNESS command failed." },
    { 1428, 16, 1, "The request is refused because the responding server instance is not in a state to service the request." },
    { 1429, 16, 1, "The witness server instance name must be distinct from both of the server instances that manage the database. The ALTER DATABASE SET WITNESS command failed." },
    { 1430, 16, 1, "Database '%.*ls' is in an unstable state for removing database mirroring, so recovery may fail. Verify the data after recovery." },
    { 1431, 16, 1, "Neither the partner nor the witness server instance for database \"%.*ls\" is available. Reissue the command when at least one of the instances becomes available." },
    { 1433, 16, 1, "All three server instances did not remain interconnected for the duration of the ALTER DATABASE SET WITNESS command. There may be no witness associated with the database. Verify the status and when necessary repeat the command." },
    { 1436, 16, 1, "The Service Broker ID for the remote copy of database \"%.*ls\" does not match the ID on the principal server." },
    { 1438, 16, 1, "The server instance %ls rejected configure request; read its error log file for more information. The reason %u, and state %u, can be of use for diagnostics by Microsoft. This is a transient error hence retrying the request is likely to succeed. Correct the cause if any and retry." },
    { 1439, 16, 1, "There is currently no witness associated with database \"%.*ls\"." },
    { 1440, 10, 1, "Database mirroring is active with database '%.*ls' as the principal copy. This is an informational message only. No user action is required." },
    { 1441, 10, 1, "Database mirroring is active with database '%.*ls' as the mirror copy. This is an informational message only. No user action is required." },
    { 1442, 10, 1, "Database mirroring is inactive for database '%.*ls'. This is an informational message only. No user action is required." },
    { 1443, 10, 1, "Database mirroring has been terminated for database '%.*ls'. This is an informational message only. No user action is required." },
    { 1444, 10, 1, "Bypassing recovery for database '%ls' because it is marked as a mirror database, which cannot be recovered. This is an informational message only. No user action is required." },
    { 1445, 10, 1, "Bypassing recovery for database '%ls' because it is marked as an inaccessible database mirroring database. A problem exists with the mirroring session. The session either lacks a quorum or the communications links are broken because of problems with links, endpoint configuration, or permissions (for the server account or security certificate). To gain access to the database, figure out what has changed in the session configuration and undo the change." },
    { 1446, 10, 1, "The \"%.*ls\" server instance is already acting as the witness." },
    { 1447, 16, 1, "ALTER DATABASE \"%.*ls\" command cannot be executed until both partner server instances are up, running, and connected. Start the partner and reissue the command." },
    { 1448, 16, 1, "The remote copy of database \"%.*ls\" does not exist. Check the database name and reissue the command." },
    { 1449, 16, 1, "ALTER DATABASE command failed due to an invalid server connection string." },
    { 1451, 16, 1, "Database mirroring information was not found in the system table." },
    { 1452, 16, 1, "The partner server instance name must be distinct from the server instance that manages the database. The ALTER DATABASE SET PARTNER command failed." },
    { 1453, 17, 1, "'%.*ls', the remote mirroring partner for database '%.*ls', encountered error %d, status %d, severity %d. Database mirroring has been suspended. Resolve the error on the remote server and resume mirroring, or remove mirroring and re-establish the mirror server instance." },
    { 1454, 17, 1, "Database mirroring will be suspended. Server instance '%.*ls' encountered error %d, state %d, severity %d when it was acting as a mirroring partner for database '%.*ls'. The database mirroring partners might try to recover automatically from the error and resume the mirroring session. For more information, view the error log for additional error messages." },
    { 1455, 16, 1, "The database mirroring service cannot be forced for database \"%.*ls\" because the database is not in the correct state to become the principal database." },
    { 1456, 16, 1, "The ALTER DATABASE command could not be sent to the remote server instance '%.*ls'. The database mirroring configuration was not changed. Verify that the server is connected, and try again." },
    { 1457, 23, 1, "Synchronization of the mirror database, '%.*ls', was interrupted, leaving the database in an inconsistent state. The ALTER DATABASE command failed. Ensure that the principal database, if available, is back up and online, and then reconnect the mirror server instance and allow the mirror database to finish synchronizing." },
    { 1458, 17, 1, "The principal copy of the '%.*ls' database encountered error %d, status %d, severity %d while sending page %S_PGID to the mirror. Database mirroring has been suspended. Try to resolve the error condition, and resume mirroring." },
    { 1459, 24, 1, "An error occurred while accessing the database mirroring metadata. Drop mirroring (ALTER DATABASE database_name SET PARTNER OFF) and reconfigure it." },
    { 1460, 16, 1, "The database \"%.*ls\" is already configured for database mirroring on the remote server. Drop database mirroring on the remote server to establish a new partner." },
    { 1462, 16, 1, "Database mirroring is disabled due to a failed redo operation. Unable to resume." },
    { 1463, 16, 1, "Database mirroring is not available in the edition of this SQL Server instance. See books online for more details on feature support in different SQL Server editions." },
    { 1464, 16, 1, "Database \"%.*ls\" is not in a recovering state which is required for a mirror database or secondary database. The remote database must be restored using WITH NORECOVERY." },
    { 1465, 16, 1, "Database \"%.*ls\" database is not in full recovery mode on each of the server instances. The full recovery model is required for a database to participate in database mirroring or in an availability group." },
    { 1466, 16, 1, "Database \"%.*ls\" is read-only on one of the server instances which is incompatible with participating in database mirroring or in an availability group. Set the database to read-write mode, and retry the operation." },
    { 1467, 16, 1, "Database \"%.*ls\" database is in emergency or suspect mode on one of the partners which is incompatible with participating in database mirroring or in an availability group." },
    { 1468, 16, 1, "The operation cannot be performed on database \"%.*ls\" because it is involved in a database mirroring session or an availability group. Some operations are not allowed on a database that is participating in a database mirroring session or in an availability group." },
    { 1469, 16, 1, "Database \"%.*ls\" database is an auto-close database on one of the partnerswhich is incompatible with participating in database mirroring or in an availability group." },
    { 1470, 16, 1, "The alter database for this partner config values may only be initiated on the current principal server for database \"%.*ls\"." },
    { 1472, 16, 1, "The database mirroring connection terminated. Communications error sending message for database \"%.*ls\"." },
    { 1473, 16, 6, "This SQL Server edition does not allow changing the safety level. ALTER DATABASE command failed." },
    { 1474, 16, 1, "Database mirroring connection error %d '%.*ls' for '%.*ls'." },
    { 1475, 16, 1, "Database \"%.*ls\" might contain bulk logged changes that have not been backed up. Take a log backup on the principal database or primary database. Then restore this backup either on the mirror database to enable database mirroring or on every secondary database to enable you to join it to the availability group." },
    { 1476, 16, 1, "Database mirroring timeout value %d exceeds the maximum value 32767." },
    { 1477, 16, 1, "The database mirroring safety level must be FULL to manually failover database \"%.*ls\". Set safety level to FULL and retry." },
    { 1478, 16, 1, "The mirror database, \"%.*ls\", has insufficient transaction log data to preserve the log backup chain of the principal database. This may happen if a log backup from the principal database has not been taken or has not been restored on the mirror database." },
    { 1479, 16, 1, "The mirroring connection to \"%.*ls\" has timed out for database \"%.*ls\" after %d seconds without a response. Check the service and network connections." },
    { 1480, 10, 1, "The %S_MSG database \"%.*ls\" is changing roles from \"%ls\" to \"%ls\" because the mirroring session or availability group failed over due to %S_MSG. This is an informational message only. No user action is required." },
    { 1488, 16, 1, "Database \"%.*ls\" database is in single user mode which is incompatible with participating in database mirroring or in an availability group. Set database to multi-user mode, and retry the operation." },
    { 1490, 16, 1, "The remote copy of database \"%.*ls\" has not been restored to a log backup that includes all filestream data files." },
    { 1499, 16, 1, "Database mirroring error: status %u, severity %u, state %u, string %.*ls." },
    { 1801, 16, 1, "Database '%.*ls' already exists. Choose a different database name." },
    { 1807, 17, 1, "Could not obtain exclusive lock on database '%.*ls'. Retry the operation later." },
    { 1828, 16, 1, "The logical file name \"%.*ls\" is already in use. Choose a different name." },
    { 1834, 16, 1, "The file '%ls' cannot be overwritten.  It is being used by database '%.*ls'." },
    { 2601, 14, 1, "Cannot insert duplicate key row in object '%.*ls' with unique index '%.*ls'. The duplicate key value is %ls." },
    { 2627, 14, 1, "Violation of %ls constraint '%.*ls'. Cannot insert duplicate key in object '%.*ls'. The duplicate key value is %ls." },
    { 2702, 16, 1, "Database '%.*ls' does not exist." },
    { 2714, 16, 1, "There is already an object named '%.*ls' in the database." },
    { 2812, 16, 1, "Could not find stored procedure '%.*ls'." },
    { 3007, 16, 1, "The backup of the file or filegroup \"%ls\" is not permitted because it is not online. Container state: \"%ls\" (%d). Restore status: %d. BACKUP can be performed by using the FILEGROUP or FILE clauses to restrict the selection to include only online data." },
    { 3009, 16, 1, "Could not insert a backup or restore history/detail record in the msdb database. This may indicate a problem with the msdb database. The backup/restore operation was still successful." },
    { 3013, 16, 1, "%hs is terminating abnormally." },
    { 3014, 10, 1, "%hs successfully processed %I64d pages in %d.%03d seconds (%d.%03d MB/sec)." },
    { 3021, 16, 0, "Cannot perform a backup or restore operation within a transaction." },
    { 3023, 16, 1, "Backup, file manipulation operations (such as ALTER DATABASE ADD FILE) and encryption changes on a database must be serialized. Reissue the statement after the current backup or file manipulation operation is completed." },
    { 3031, 16, 1, "Option '%ls' conflicts with option(s) '%ls'. Remove the conflicting option and reissue the statement." },
    { 3032, 16, 1, "One or more of the options (%ls) are not supported for this statement. Review the documentation for supported options." },
    { 3035, 16, 1, "Cannot perform a differential backup for database \"%ls\", because a current database backup does not exist. Perform a full database backup by reissuing BACKUP DATABASE, omitting the WITH DIFFERENTIAL option." },
    { 3036, 16, 1, "The database \"%ls\" is in warm-standby state (set by executing RESTORE WITH STANDBY) and cannot be backed up until the entire restore sequence is completed." },
    { 3041, 16, 1, "BACKUP failed to complete the command %.*ls. Check the backup application log for detailed messages." },
    { 3048, 16, 1, "BACKUP LOG WITH TRUNCATE_ONLY cannot operate on database '%ls' because it is configured for database mirroring." },
    { 3051, 16, 1, "BACKUP LOG was unable to maintain mirroring consistency for database '%ls'. Database mirroring has been suspended." },
    { 3059, 16, 1, "This BACKUP or RESTORE command is not supported on a database mirror or secondary replica." },
    { 3101, 16, 1, "Exclusive access could not be obtained because the database is in use." },
    { 3102, 16, 1, "%ls cannot process database '%ls' because it is in use by this session. It is recommended that the master database be used when performing this operation." },
    { 3104, 16, 1, "RESTORE cannot operate on database '%ls' because it is configured for database mirroring or has joined an availability group. If you intend to restore the database, use ALTER DATABASE to remove mirroring or to remove the database from its availability group." },
    { 3110, 14, 1, "User does not have permission to RESTORE database '%.*ls'." },
    { 3117, 16, 1, "The log or differential backup cannot be restored because no files are ready to rollforward." },
    { 3118, 16, 1, "The database \"%ls\" does not exist. RESTORE can only create a database when restoring either a full backup or a file backup of the primary file." },
    { 3119, 16, 1, "Problems were identified while planning for the RESTORE statement. Previous messages provide details." },
    { 3120, 16, 1, "This backup set will not be restored because all data has already been restored to a point beyond the time covered by this backup set." },
    { 3132, 16, 1, "The media set has %d media families but only %d are provided. All members must be provided." },
    { 3136, 16, 1, "This differential backup cannot be restored because the database has not been restored to the correct earlier state." },
    { 3141, 16, 1, "The database to be restored was named '%ls'. Reissue the statement using the WITH REPLACE option to overwrite the '%ls' database." },
    { 3153, 16, 1, "The database is already fully recovered." },
    { 3154, 16, 4, "The backup set holds a backup of a database other than the existing '%ls' database." },
    { 3156, 16, 4, "File '%ls' cannot be restored to '%ls'. Use WITH MOVE to identify a valid location for the file." },
    { 3159, 16, 1, "The tail of the log for the database \"%ls\" has not been backed up. Use BACKUP LOG WITH NORECOVERY to backup the log if it contains work you do not want to lose. Use the WITH REPLACE or WITH STOPAT clause of the RESTORE statement to just overwrite the contents of the log." },
    { 3169, 16, 1, "The database was backed up on a server running version %ls. That version is incompatible with this server, which is running version %ls. Either restore the database on a server that supports the backup, or use a backup that is compatible with this server." },
    { 3170, 16, 1, "The STANDBY filename is invalid." },
    { 3173, 16, 1, "The STOPAT clause provided with this RESTORE statement indicates that the tail of the log contains changes that must be backed up to reach the target point in time. The tail of the log for the database \"%ls\" has not been backed up. Use BACKUP LOG WITH NORECOVERY to back up the log, or use the WITH REPLACE clause in your RESTORE statement to overwrite the tail of the log." },
    { 3180, 16, 1, "This backup cannot be restored using WITH STANDBY because a database upgrade is needed. Reissue the RESTORE without WITH STANDBY." },
    { 3182, 16, 1, "The backup set cannot be restored because the database was damaged when the backup occurred. Salvage attempts may exploit WITH CONTINUE_AFTER_ERROR." },
    { 3183, 16, 1, "RESTORE detected an error on page (%d:%d) in database \"%ls\" as read from the backup set." },
    { 3186, 16, 1, "The backup set has been damaged. RESTORE will not attempt to apply this backup set." },
    { 3187, 16, 1, "RESTORE WITH CHECKSUM cannot be specified because the backup set does not contain checksum information." },
    { 3189, 16, 1, "Damage to the backup set was detected." },
    { 3201, 16, 2, "Cannot open backup device '%ls'. Operating system error %ls." },
    { 3202, 16, 1, "Write on \"%ls\" failed: %ls" },
    { 3203, 16, 1, "Read on \"%ls\" failed: %ls" },
    { 3204, 16, 1, "The backup or restore was aborted." },
    { 3211, 10, 1, "%d percent processed." },
    { 3234, 16, 2, "Logical file '%.*ls' is not part of database '%ls'. Use RESTORE FILELISTONLY to list the logical file names." },
    { 3241, 16, 0, "The media family on device '%ls' is incorrectly formed. SQL Server cannot process this media family." },
    { 3254, 16, 1, "The volume on device '%ls' is empty." },
    { 3256, 16, 1, "The backup set on device '%ls' was terminated while it was being created and is incomplete. RESTORE sequence is terminated abnormally." },
    { 3257, 16, 1, "There is insufficient free space on disk volume '%ls' to create the database. The database requires %I64u additional free bytes, while only %I64u bytes are available." },
    { 3262, 10, 1, "The backup set on file %d is valid." },
    { 3266, 16, 1, "The backup data at the end of \"%ls\" is incorrectly formatted. Backup sets on the media might be damaged and unusable. To determine the backup sets on the media, use RESTORE HEADERONLY. To determine the usability of the backup sets, run RESTORE VERIFYONLY. If all of the backup sets are incomplete, reformat the media using BACKUP WITH FORMAT, which destroys all the backup sets." },
    { 3271, 16, 1, "A nonrecoverable I/O error occurred on file \"%ls:\" %ls." },
    { 3287, 16, 1, "The file ID %d on device '%ls' is incorrectly formed and can not be read." },
    { 3604, 16, 1, "Duplicate key was ignored." },
    { 3701, 11, 1, "Cannot %S_MSG the %S_MSG '%.*ls', because it does not exist or you do not have permission." },
    { 3702, 16, 4, "Cannot drop database \"%.*ls\" because it is currently in use." },
    { 3708, 16, 4, "Cannot drop the database '%.*ls' because it is a system database." },
    { 3743, 16, 1, "The database '%.*ls' is enabled for database mirroring. Database mirroring must be removed before you drop the database." },
    { 3902, 16, 1, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION." },
    { 3903, 16, 1, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION." },
    { 3906, 16, 1, "Failed to update database \"%.*ls\" because the database is read-only." },
    { 4002, 16, 1, "The incoming tabular data stream (TDS) protocol stream is incorrect. The stream ended unexpectedly." },
    { 4035, 10, 1, "Processed %I64d pages for database '%ls', file '%ls' on file %d." },
    { 4060, 11, 1, "Cannot open database \"%.*ls\" requested by the login. The login failed." },
    { 4104, 16, 1, "The multi-part identifier \"%.*ls\" could not be bound." },
    { 4208, 16, 1, "The statement %hs is not allowed while the recovery model is SIMPLE. Use BACKUP DATABASE or change the recovery model using ALTER DATABASE." },
    { 4214, 16, 1, "BACKUP LOG cannot be performed because there is no current database backup." },
    { 4219, 16, 1, "The log backup chain is broken. You must perform a full database backup before you can perform a log backup." },
    { 4303, 16, 1, "The roll forward start point is now at log sequence number (LSN) %.*s. Additional roll forward past LSN %.*s is required to complete the restore sequence." },
    { 4305, 16, 1, "The log in this backup set begins at LSN %.*ls, which is too recent to apply to the database. An earlier log backup that includes LSN %.*ls can be restored." },
    { 4308, 10, 1, "The online restore is complete, but WITH NORECOVERY was specified. Use RESTORE WITH RECOVERY to bring affected data online." },
    { 4312, 16, 1, "This log cannot be restored because a gap in the log chain was created. Use more recent data backups to bridge the gap." },
    { 4318, 16, 1, "File '%ls' has been rolled forward to LSN %.*ls. This log terminates at LSN %.*ls, which is too early to apply the WITH RECOVERY option. Reissue the RESTORE LOG statement WITH NORECOVERY." },
    { 4319, 16, 1, "A previous restore operation was interrupted and did not complete processing on file '%ls'. Either restore the backup set that was interrupted or restart the restore sequence." },
    { 4322, 10, 1, "This backup set contains records that were logged before the designated point in time. The database is being left in the restoring state so that more roll forward can be performed." },
    { 4326, 16, 1, "The log in this backup set terminates at LSN %.*ls, which is too early to apply to the database. A more recent log backup that includes LSN %.*ls can be restored." },
    { 4330, 16, 1, "This backup set cannot be applied because it is on a recovery path that is inconsistent with the database. The recovery path is the sequence of data and log backups that have brought the database to a particular recovery point. Find a compatible backup to restore, or restore the rest of the database to match a recovery point within this backup set, which will restore the database to a different point in time." },
    { 4334, 16, 1, "The named mark does not identify a valid LSN." },
    { 4335, 16, 1, "The specified STOPAT time is too early. All or part of the database is already rolled forward beyond that point." },
    { 5002, 16, 1, "Database '%.*ls' does not exist. Verify the name in sys.databases and try the operation again." },
    { 5003, 16, 1, "Database mirroring cannot be enabled while the database has offline files." },
    { 5004, 16, 1, "To use ALTER DATABASE, the database must be in a writable state in which a checkpoint can be executed." },
    { 5008, 16, 1, "This ALTER DATABASE statement is not supported. Correct the syntax and execute the statement again." },
    { 5011, 14, 5, "User does not have permission to alter database '%.*ls', the database does not exist, or the database is not in a state that allows access checks." },
    { 5030, 16, 1, "The database could not be exclusively locked to perform the operation." },
    { 5052, 16, 1, "%ls is not permitted while a database is in the %ls state." },
    { 5058, 16, 2, "Option '%.*ls' cannot be set in database '%.*ls'." },
    { 5059, 16, 1, "Database '%.*ls' is in transition. Try the ALTER DATABASE statement later." },
    { 5060, 10, 2, "Nonqualified transactions are being rolled back. Estimated rollback completion: %d%%." },
    { 5061, 16, 1, "ALTER DATABASE failed because a lock could not be placed on database '%.*ls'. Try again later." },
    { 5063, 16, 1, "Database '%.*ls' is in warm standby. A warm-standby database is read-only." },
    { 5064, 16, 1, "Changes to the state or options of database '%.*ls' cannot be made at this time. The database is in single-user mode, and a user is currently connected to it." },
    { 5068, 10, 1, "Failed to restart the current database. The current database is switched to master." },
    { 5069, 16, 1, "ALTER DATABASE statement failed." },
    { 5070, 16, 2, "Database state cannot be changed while other users are using the database '%.*ls'" },
    { 5701, 10, 1, "Changed database context to '%.*ls'." },
    { 5703, 10, 1, "Changed language setting to %.*ls." },
    { 5901, 16, 1, "One or more recovery units belonging to database '%ls' failed to generate a checkpoint. This is typically caused by lack of system resources such as disk or memory, or in some cases due to database corruption. Examine previous entries in the error log for more detailed information on this failure." },
    { 6101, 16, 1, "Session ID %d is not valid." },
    { 6102, 14, 1, "User does not have permission to use the KILL statement." },
    { 6104, 16, 1, "Cannot use KILL to kill your own process." },
    { 6106, 16, 1, "Process ID %d is not an active process ID." },
    { 6107, 14, 1, "Only user processes can be killed." },
    { 6109, 10, 1, "SPID %d: transaction rollback in progress. Estimated rollback completion: %d%%. Estimated time remaining: %d seconds." },
    { 6115, 16, 1, "KILL command cannot be used inside user transactions." },
    { 6120, 16, 1, "Status report cannot be obtained. Rollback operation for Process ID %d is not in progress." },
    { 7862, 16, 1, "An endpoint of the requested type already exists.  Only one endpoint of this type is supported.  Use ALTER ENDPOINT or DROP the existing endpoint and execute the CREATE ENDPOINT statement." },
    { 8003, 16, 1, "The incoming request has too many parameters. The server supports a maximum of %d parameters. Reduce the number of parameters and resend the request." },
    { 8134, 16, 1, "Divide by zero error encountered." },
    { 8144, 16, 1, "Procedure or function %.*ls has too many arguments specified." },
    { 8145, 16, 1, "%.*ls is not a parameter for procedure %.*ls." },
    { 8152, 16, 1, "String or binary data would be truncated." },
    { 8169, 16, 1, "Conversion failed when converting from a character string to uniqueidentifier." },
    { 12104, 16, 2, "ALTER DATABASE CURRENT failed because '%.*ls' is a system database. System databases cannot be altered by using the CURRENT keyword. Use the database name to alter a system database." },
    { 14234, 16, 1, "The specified '%s' is invalid (valid values are returned by %s)." },
    { 14242, 16, 1, "Job '%s' could not be stopped." },
    { 14243, 10, 1, "Job '%s' started successfully." },
    { 14261, 16, 1, "The specified %s ('%s') already exists." },
    { 14262, 16, 1, "The specified %s ('%s') does not exist." },
    { 14420, 16, 1, "The log shipping primary database %s.%s has backup threshold of %d minutes and has not performed a backup log operation for %d minutes. Check agent log and logshipping monitor information." },
    { 14421, 16, 1, "The log shipping secondary database %s.%s has restore threshold of %d minutes and is out of sync. No restore was performed for %d minutes. Restored latency is %d minutes. Check agent log and logshipping monitor information." },
    { 15007, 16, 1, "'%s' is not a valid login or you do not have permission." },
    { 15023, 16, 1, "User, group, or role '%s' already exists in the current database." },
    { 15025, 16, 1, "The server principal '%s' already exists." },
    { 15151, 16, 1, "Cannot %S_MSG the %S_MSG '%.*ls', because it does not exist or you do not have permission." },
    { 15247, 16, 1, "User does not have permission to perform this action." },
    { 15281, 16, 1, "SQL Server blocked access to procedure 'sys.xp_cmdshell' of component 'xp_cmdshell' because this component is turned off as part of the security configuration for this server. A system administrator can enable the use of 'xp_cmdshell' by using sp_configure. For more information about enabling 'xp_cmdshell', search for 'xp_cmdshell' in SQL Server Books Online." },
    { 17809, 20, 1, "Could not connect because the maximum number of '%ld' user connections has already been reached. The system administrator can use sp_configure to increase the maximum value. The connection has been closed." },
    { 17836, 20, 1, "Length specified in network packet payload did not match number of bytes read; the connection has been closed. Please contact the vendor of the client library." },
    { 18452, 14, 1, "Login failed. The login is from an untrusted domain and cannot be used with Integrated authentication." },
    { 18456, 14, 1, "Login failed for user '%.*ls'." },
    { 22022, 16, 1, "SQLServerAgent Error: %s" },
    { 22048, 16, 1, "xp_create_subdir() returned error 3, 'The system cannot find the path specified.'" },
    { 32001, 10, 1, "Log shipping backup log job for %s." },
    { 32002, 10, 1, "Log shipping copy job for %s:%s." },
    { 32003, 10, 1, "Log shipping restore log job for %s:%s." },
    { 32004, 10, 1, "Log shipping backup log job step." },
    { 32005, 10, 1, "Log shipping copy job step." },
    { 32006, 10, 1, "Log shipping restore log job step." },
    { 32007, 16, 1, "Database %s is not ONLINE." },
    { 32008, 10, 1, "Database %s is not ONLINE. The backup job will not be performed until this database is brought online." },
    { 32009, 16, 1, "A log shipping primary entry already exists for database %s." },
    { 32010, 16, 1, "Database %s does not exist as log shipping primary." },
    { 32011, 16, 1, "Primary Database %s has active log shipping secondary database(s). Drop the secondary database(s) first." },
    { 32012, 16, 1, "Secondary %s.%s already exists for primary %s." },
    { 32013, 16, 1, "A log shipping entry already exists for secondary database %s." },
    { 32014, 16, 1, "Database %s does not exist as log shipping secondary." },
    { 32015, 16, 1, "The primary database %s cannot have SIMPLE recovery for log shipping to work properly." },
    { 32016, 16, 1, "The specified agent_id %s or agent_type %d do not form a valid pair for log shipping monitoring processing." },
    { 32017, 16, 1, "Log shipping is supported on Enterprise, Developer and Standard editions of SQL Server. This instance has %s and is not supported." },
    { 32018, 16, 1, "Log shipping is not installed on this instance." },
    { 32019, 10, 1, "Log shipping alert job." },
    { 32020, 10, 1, "Log shipping alert job step." },
    { 32021, 10, 1, "Log shipping alert job schedule." },
    { 32022, 16, 1, "Cannot add a log shipping job with name %s. A job with same name already exists in the system and this job does not belong to log shipping category." },
    { 32023, 16, 1, "An entry for primary server %s, primary database %s does not exist on this secondary. Register the primary first." },
    { 32024, 16, 1, "An entry for primary server %s, primary database %s already exists." },
    { 32025, 16, 1, "Primary Server %s, Database %s has active log shipping secondary database(s) on the secondary. Drop the secondary database(s) first." },
    { 32026, 10, 1, "Log shipping Primary Server Alert." },
    { 32027, 10, 1, "Log shipping Secondary Server Alert." },
    { 32028, 16, 1, "Invalid value = %d for parameter @threshold_alert was specified." },
    { 32029, 10, 1, "Log shipping backup agent [%s] has verified log backup file '%s.wrk' and renamed it as '%s.trn'. This is an informational message only. No user action is required." },
    { 32030, 10, 1, "Could not query monitor information for log shipping primary %s.%s from monitor server %s." },
    { 32031, 10, 1, "Could not query monitor information for log shipping secondary %s.%s from monitor server %s." },
    { 32039, 16, 1, "The database '%s' is not being mirrored. No update of the base table was done." },
    { 32040, 16, 1, "The alert for 'oldest unsent transaction' has been raised. The current value of '%d' surpasses the threshold '%d'." },
    { 32041, 16, 1, "The database mirroring monitor base tables have not been created. Please run sys.sp_dbmmonitorupdate to create them." },
    { 32042, 16, 1, "The alert for 'unsent log' has been raised. The current value of '%d' surpasses the threshold '%d'." },
    { 32043, 16, 1, "The alert for 'unrestored log' has been raised. The current value of '%d' surpasses the threshold '%d'." },
    { 32044, 16, 1, "The alert for 'mirror commit overhead' has been raised. The current value of '%d' surpasses the threshold '%d'." },
    { 32045, 16, 1, "'%s' must be executed in msdb." },
    { 32046, 16, 1, "Only members of the sysadmin fixed server role or the 'dbm_monitor' role in msdb can perform this operation." },
    { 32052, 16, 1, "Parameter '%s' cannot be null or empty. Specify a value for the named parameter and retry the operation." },
    { 32053, 16, 1, "The server name, given by '@@servername', is currently null." },
    { 32054, 16, 1, "There was an error establishing a link to the remote monitor server." },
    { 32055, 16, 1, "There was an error configuring the remote monitor server." },
    { 33009, 16, 1, "The database owner SID recorded in the master database differs from the database owner SID recorded in database '%.*ls'. You should correct this situation by resetting the owner of database '%.*ls' using the ALTER AUTHORIZATION statement." },
};
/* clang-format on */

static int
compare (const void *key, const void *row)
{
    return *(const int *) key - ((const struct sb_sql_message *) row)->number;
}

const struct sb_sql_message *
sb_sql_message_find (int number)
{
    return bsearch (&number, catalogue, sizeof catalogue / sizeof *catalogue, sizeof *catalogue, compare);
}

const struct sb_sql_message *
sb_sql_message_at (size_t index)
{
    return index < sizeof catalogue / sizeof *catalogue ? &catalogue[index] : NULL;
}

/* One conversion of the dialect, behind its '%'; returns what follows it. */
static const char *
convert (const char *p, va_list *args, struct sb_buf *out)
{
    size_t zeros = strspn (p, "0123456789");
    int width = zeros > 0 ? atoi (p) : 0;
    const char *s;

    p += zeros;
    if (*p == '%') {
        sb_buf_char (out, '%');
        return p + 1;
    }
    if (strncmp (p, "I64", 3) == 0) {
        sb_buf_printf (out, "%lld", (long long) va_arg (*args, int64_t));
        return p + 4;
    }
    if (strncmp (p, "S_", 2) == 0)
        p += 1 + strspn (p + 1, "_MSGPIDLN") - 1;
    else
        p += strspn (p, ".*lh");
    if (*p == 'd' || *p == 'u') {
        sb_buf_printf (out, "%0*d", width, va_arg (*args, int));
        return p + 1;
    }
    s = va_arg (*args, const char *);
    sb_buf_str (out, s == NULL ? "(null)" : s);
    return *p == 0 ? p : p + 1;
}

void
sb_sql_message_format (const char *text, va_list *args, struct sb_buf *out)
{
    const char *p = text;

    while (*p != 0) {
        size_t plain = strcspn (p, "%");
        sb_buf_add (out, p, plain);
        p += plain;
        if (*p == '%')
            p = convert (p + 1, args, out);
    }
}
