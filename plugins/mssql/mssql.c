/* The plugin 'mssql': role database, over FreeTDS.  This file holds its tables
 * and nothing else: settings, verbs with parameters and results as the contract
 * of the role says (core/model/contracts.c), and the small functions that turn
 * a call of the host into one of this plugin. */
#include "plugins/mssql/ms.h"
#include "plugins/mssql/verbs.h"

/* clang-format off */
#define S(n) ((n) * 1000u)
#define MIN(n) ((n) * 60000u)
#define HOUR(n) ((n) * 3600000u)
#define END { .name = NULL }
#define OPTIONS(...) (const struct sb_option[]) { __VA_ARGS__ END }
#define CHOICES(...) (const char *const[]) { __VA_ARGS__, NULL }
#define NEED SB_REQUIRED
#define TEXT(n, f, h) { .name = n, .type = SB_STRING, .flags = f, .help = h },
#define LIST(n, f, h) { .name = n, .type = SB_LIST, .flags = f, .help = h },
#define FLAG(n, d, h) { .name = n, .type = SB_BOOL, .fallback = d, .help = h },
#define CHOICE(n, f, h, ...) { .name = n, .type = SB_CHOICE, .flags = f, .choices = CHOICES (__VA_ARGS__), .help = h },
#define TARGET(n, f, k, h) { .name = n, .type = SB_TARGET, .flags = f, .choices = CHOICES (k), .help = h },
#define RESULT(n, h) { .name = n, .type = SB_STRING, .help = h },
#define NUMBER(n, h) { .name = n, .type = SB_INT, .help = h },
#define SPAN(n, d, h) { .name = n, .type = SB_DURATION, .fallback = d, .help = h },

static const struct sb_option settings[] = {
    SPAN ("login timeout", "15s", "longest time for reaching an instance and logging in")
    SPAN ("query timeout", "30s", "longest time for a statement that is not a backup, a restore or a role change")
    SPAN ("backup every", "15m", "how often the log is backed up")
    SPAN ("copy every", "15m", "how often log backups are copied")
    SPAN ("restore every", "15m", "how often log backups are restored")
    SPAN ("backup alert", "1h", "age of the newest log backup that raises an alert")
    SPAN ("restore alert", "45m", "age of the newest restored log backup that raises an alert")
    SPAN ("keep backups", "3d", "how long log backups stay on the share")
    SPAN ("keep copies", "3d", "how long copied log backups stay in the copy folder")
    SPAN ("session grace", "15s", "how long sessions may take to leave before they are ended")
    SPAN ("ping within", "30s", "a chat server has reported in when its last ping is not older than this")
    { .name = "compliance limit", .type = SB_INT, .fallback = "1000", .help = "waiting compliance events that are still normal" },
    END
};

/* ------------------------------------------------------------------ from the host's call to ours */

#define RUN(id)                                               \
    static enum sb_rc run_##id (struct sb_call *call, void *self) \
    {                                                         \
        struct sb_ms ms;                                      \
                                                              \
        sb_ms_begin (&ms, call, self);                        \
        return sb_run_##id (&ms);                             \
    }
#define RUN_AND_SEE(id)                                         \
    RUN (id)                                                    \
    static enum sb_seen see_##id (struct sb_call *call, void *self) \
    {                                                           \
        struct sb_ms ms;                                        \
                                                                \
        sb_ms_begin (&ms, call, self);                          \
        return sb_see_##id (&ms);                               \
    }

RUN (observe)
RUN (check)
RUN (locate)
RUN (survey)
RUN (save_shipping)
RUN (quote)
RUN (judge_logs)
RUN (check_store)
RUN_AND_SEE (fence)
RUN_AND_SEE (release)
RUN_AND_SEE (stop_shipping)
RUN_AND_SEE (start_shipping)
RUN_AND_SEE (take_tail)
RUN_AND_SEE (apply_logs)
RUN_AND_SEE (end_sessions)
RUN_AND_SEE (await_no_sessions)
RUN_AND_SEE (await_servers)
RUN_AND_SEE (recover)
RUN_AND_SEE (remove_secondary)
RUN_AND_SEE (remove_primary)
RUN_AND_SEE (build_primary)
RUN_AND_SEE (build_secondary)
RUN_AND_SEE (ship_once)
RUN_AND_SEE (backup_full)
RUN_AND_SEE (restore_full)
RUN_AND_SEE (drop_copy)
RUN_AND_SEE (make_mirror)
RUN_AND_SEE (break_mirror)
RUN_AND_SEE (mirror_failover)
RUN_AND_SEE (freeze)
RUN_AND_SEE (unfreeze)
RUN_AND_SEE (salvage)
RUN_AND_SEE (await_drained)
RUN (verify_backup)
RUN (check_integrity)
RUN (count_rows)
RUN (fingerprint)
RUN_AND_SEE (start_endpoint)
RUN_AND_SEE (stop_endpoint)
RUN_AND_SEE (set_witness)
RUN_AND_SEE (remove_witness)
RUN_AND_SEE (resume_mirror)
RUN_AND_SEE (backup_log)
RUN_AND_SEE (run_job)
RUN_AND_SEE (set_access)
RUN_AND_SEE (full_recovery)
RUN_AND_SEE (mend_copy)
RUN_AND_SEE (restore_as)
RUN_AND_SEE (drop_as)
RUN_AND_SEE (seed_copy)
RUN_AND_SEE (build_dormant)

#define READS(id) .effect = SB_READS, .run = run_##id
#define SETTLES(id) .effect = SB_SETTLES, .run = run_##id, .verify = see_##id
#define CHANGES(id) .effect = SB_CHANGES, .run = run_##id, .verify = see_##id

static const struct sb_action actions[] = {
    { .verb = "observe", READS (observe), .timeout_ms = S (30),
      .params = OPTIONS (),
      .results = OPTIONS (RESULT ("answers", "yes when the instance answered")
                         RESULT ("state", "state of the copy, or absent")
                         RESULT ("role", "PRINCIPAL, MIRROR or none")
                         RESULT ("mirroring", "mirroring state, or none")
                         RESULT ("partner", "partner instance as the server names it")
                         RESULT ("lsn", "redo point of a restoring copy, end of log of an online one")
                         RESULT ("shipping", "primary, secondary or none")
                         RESULT ("sentence", "all of it in words")),
      .help = "tell the state of the copy on an instance" },
    { .verb = "check", READS (check), .timeout_ms = S (60),
      .params = OPTIONS (TEXT ("fact", NEED, "H3 to H13, H15 or H16 of the steady state")),
      .results = OPTIONS (RESULT ("verdict", "green, amber, red or unknown") RESULT ("found", "what was found, in words")),
      .help = "hold one fact of the steady state against the servers" },
    { .verb = "locate", READS (locate), .timeout_ms = S (30),
      .params = OPTIONS (TARGET ("site", NEED, "site", "where to look")),
      .results = OPTIONS (RESULT ("principal", "instance that serves there, else the mirror that lost it; empty: none answers")),
      .help = "find the instance of a site that holds the end of the log" },
    { .verb = "survey", READS (survey), .timeout_ms = S (60),
      .params = OPTIONS (TARGET ("site", NEED, "site", "the site that is to be left")
                         CHOICE ("to", 0, "who of the site shall become principal: tells the risk", "mirror", "primary")),
      .results = OPTIONS (RESULT ("answering", "instances of the site that answer; empty: none")
                         RESULT ("principal", "instance that is principal, if one answers")
                         RESULT ("mirror alive", "yes when the mirror answers while the principal is gone")
                         RESULT ("risk", "what it may cost to make `to` principal, in words; empty: nothing")
                         RESULT ("sentence", "what answered, and which workflow is the right one")),
      .help = "ask every instance of a site that holds the database whether it answers" },
    { .verb = "fence", SETTLES (fence), .timeout_ms = MIN (3), .undo = "release",
      .params = OPTIONS (),
      .results = OPTIONS (RESULT ("found", "state before") RESULT ("at", "when it was seen to be fenced, UTC")),
      .help = "make sure that the copy cannot serve: jobs off, mirroring off, restricted, offline" },
    { .verb = "release", SETTLES (release), .timeout_ms = MIN (3), .undo = "fence",
      .params = OPTIONS (),
      .results = OPTIONS (),
      .help = "let a fenced copy serve again" },
    { .verb = "save-shipping", READS (save_shipping), .timeout_ms = S (60),
      .params = OPTIONS (),
      .results = OPTIONS (RESULT ("definition", "JSON of the log shipping rows and jobs found there")
                         RESULT ("last restored", "newest file that was restored")),
      .help = "read the log shipping definition of a secondary or primary, to be kept" },
    { .verb = "stop-shipping", SETTLES (stop_shipping), .timeout_ms = MIN (10), .undo = "start-shipping",
      .params = OPTIONS (),
      .results = OPTIONS (),
      .help = "disable the log shipping jobs of the database there and wait until they are idle" },
    { .verb = "start-shipping", SETTLES (start_shipping), .timeout_ms = MIN (2), .undo = "stop-shipping",
      .params = OPTIONS (),
      .results = OPTIONS (),
      .help = "enable the log shipping jobs of the database there" },
    { .verb = "take-tail", CHANGES (take_tail), .timeout_ms = HOUR (1),
      .params = OPTIONS (TEXT ("file", NEED, "path of the backup as the instance sees it")),
      .results = OPTIONS (RESULT ("lsn", "end of the tail") RESULT ("taken", "yes, or why not")),
      .help = "force service if it is a mirror that lost its principal, end the mirroring session, back the tail of the log up and leave the copy restoring" },
    { .verb = "apply-logs", SETTLES (apply_logs), .timeout_ms = HOUR (4),
      .params = OPTIONS (TARGET ("from", NEED, "share", "the share or folder that holds the log backups")
                        TEXT ("until", 0, "LSN that must be reached")),
      .results = OPTIONS (RESULT ("lsn", "redo point reached") RESULT ("time", "end of the newest set applied, UTC")
                         NUMBER ("applied", "sets applied by this call")
                         RESULT ("left out", "files that could not be used, and why")),
      .help = "apply every log backup that continues the copy, in LSN order" },
    { .verb = "judge-logs", READS (judge_logs), .timeout_ms = HOUR (1),
      .params = OPTIONS (TARGET ("from", NEED, "share", "the share or folder that holds the log backups")),
      .results = OPTIONS (RESULT ("checked", "yes: the headers were read; no: they could not be, and nothing is said")
                         RESULT ("files", "names of the log backups that belong to the copy's chain, with commas")
                         RESULT ("left out", "files that do not, or cannot be read, and why")),
      .help = "read the headers of log backups and say which belong to the chain" },
    { .verb = "quote", READS (quote), .timeout_ms = S (60),
      .params = OPTIONS (TEXT ("source", 0, "how the copy step ended: done, or why the share could not be read")
                        TEXT ("left out", 0, "files that could not be used")
                        TEXT ("tail", 0, "how taking the tail of the log ended; empty: the instances that may hold it are asked")
                        TARGET ("shared", 0, "share", "where log backups are shared; none: it is not looked at")),
      .results = OPTIONS (RESULT ("lsn", "everything committed up to here is safe")
                         RESULT ("time", "when the newest applied set was backed up, UTC")
                         NUMBER ("window s", "seconds from there to now")
                         RESULT ("on share", "where the newest log backup on the share ends (LSN); empty: not known")
                         RESULT ("copied", "where the newest log backup in the copy folder ends (LSN); empty: not known")
                         NUMBER ("waiting bytes", "bytes of the log backups that were found and are not applied")
                         RESULT ("tail", "whether the tail of the log can still be had, and how long that would take")
                         RESULT ("estimate", "log written in the window at the rate observed before, marked as an estimate; empty: none")
                         RESULT ("sentence", "the quote in words")),
      .help = "say what would be lost if the copy were recovered now" },
    { .verb = "end-sessions", SETTLES (end_sessions), .timeout_ms = MIN (2),
      .params = OPTIONS (),
      .results = OPTIONS (NUMBER ("ended", "sessions ended by this call")),
      .help = "end the sessions of others in the copy" },
    { .verb = "await-no-sessions", SETTLES (await_no_sessions), .timeout_ms = MIN (5),
      .params = OPTIONS (FLAG ("end", "yes", "end what is left after a grace time")),
      .results = OPTIONS (NUMBER ("ended", "sessions ended by this call")),
      .help = "wait until no chat server has a session in the copy" },
    { .verb = "await-servers", SETTLES (await_servers), .timeout_ms = MIN (10),
      .params = OPTIONS (LIST ("servers", NEED, "chat servers that must have reported in")),
      .results = OPTIONS (),
      .help = "wait until the chat servers have reported in at the copy" },
    { .verb = "recover", CHANGES (recover), .timeout_ms = HOUR (1),
      .params = OPTIONS (CHOICE ("evidence", NEED, "evidence grade of the fence", "confirmed", "declared", "none needed", "silent")
                        TEXT ("expect", 0, "LSN at which the copy must stand")),
      .results = OPTIONS (RESULT ("lsn", "point of recovery") RESULT ("fork", "recovery fork begun") RESULT ("at", "UTC")),
      .help = "bring the copy online" },
    { .verb = "remove-secondary", SETTLES (remove_secondary), .timeout_ms = MIN (2), .undo = "build-secondary",
      .params = OPTIONS (),
      .results = OPTIONS (),
      .help = "delete the log shipping definition and jobs of a secondary" },
    { .verb = "remove-primary", SETTLES (remove_primary), .timeout_ms = MIN (2), .undo = "build-primary",
      .params = OPTIONS (),
      .results = OPTIONS (),
      .help = "delete the log shipping definition and job of a primary" },
    { .verb = "build-primary", SETTLES (build_primary), .timeout_ms = MIN (3), .undo = "remove-primary",
      .params = OPTIONS (TARGET ("secondary", 0, "instance", "the instance that will restore; none: logs are only backed up")),
      .results = OPTIONS (RESULT ("job", "backup job")),
      .help = "define the database as log shipping primary there, with its backup job enabled" },
    { .verb = "build-secondary", SETTLES (build_secondary), .timeout_ms = MIN (3), .undo = "remove-secondary",
      .params = OPTIONS (TARGET ("primary", NEED, "instance", "the original log shipping primary")),
      .results = OPTIONS (RESULT ("copy job", "copy job") RESULT ("restore job", "restore job")),
      .help = "define the restoring copy as log shipping secondary, with its jobs enabled" },
    { .verb = "ship-once", SETTLES (ship_once), .timeout_ms = MIN (30),
      .params = OPTIONS (TARGET ("to", NEED, "instance", "the secondary")),
      .results = OPTIONS (RESULT ("file", "the file that went the whole way")),
      .help = "run backup, copy and restore once and see a new file arrive" },
    { .verb = "backup-full", SETTLES (backup_full), .timeout_ms = HOUR (4),
      .params = OPTIONS (TEXT ("file", NEED, "path as the instance sees it") FLAG ("copy only", "no", "leave the chain alone")),
      .results = OPTIONS (RESULT ("file", "path") RESULT ("lsn", "last LSN of the set") RESULT ("time", "when it was taken, UTC")),
      .help = "take a full backup with checksum and verify it" },
    { .verb = "restore-full", CHANGES (restore_full), .timeout_ms = HOUR (4),
      .params = OPTIONS (TEXT ("file", NEED, "path of the full backup as the instance sees it")),
      .results = OPTIONS (RESULT ("lsn", "redo point after the restore")),
      .help = "restore a full backup over whatever stands there, leaving it restoring" },
    { .verb = "drop-copy", CHANGES (drop_copy), .timeout_ms = MIN (3),
      .params = OPTIONS (),
      .results = OPTIONS (),
      .help = "drop a stale copy that is not mirrored" },
    { .verb = "make-mirror", SETTLES (make_mirror), .timeout_ms = HOUR (1), .undo = "break-mirror",
      .params = OPTIONS (TARGET ("mirror", NEED, "instance", "holds a restoring copy")
                        TARGET ("witness", 0, "instance", "optional")
                        TEXT ("file", NEED, "path of the log backup that brings the mirror level")),
      .results = OPTIONS (RESULT ("session", "mirroring session")),
      .help = "pair a principal with a restoring copy and wait until they are synchronized" },
    { .verb = "break-mirror", SETTLES (break_mirror), .timeout_ms = MIN (3), .undo = "make-mirror",
      .params = OPTIONS (),
      .results = OPTIONS (),
      .help = "end the mirroring session of the copy" },
    { .verb = "mirror-failover", CHANGES (mirror_failover), .timeout_ms = MIN (10),
      .params = OPTIONS (TEXT ("force", 0, "grade with which loss was accepted: forces service when the principal is silent, resumes a suspended session; empty: never")),
      .results = OPTIONS (),
      .help = "make the instance the principal of its mirroring session" },
    { .verb = "freeze", CHANGES (freeze), .timeout_ms = HOUR (1), .undo = "unfreeze",
      .params = OPTIONS (TEXT ("file", NEED, "path of the tail as the instance sees it")),
      .results = OPTIONS (RESULT ("lsn", "end of the frozen log")),
      .help = "back the tail of the live copy up and leave it restoring, so that nothing can be written any more" },
    { .verb = "unfreeze", CHANGES (unfreeze), .timeout_ms = HOUR (1),
      .params = OPTIONS (),
      .results = OPTIONS (),
      .help = "recover a frozen copy" },
    { .verb = "salvage", SETTLES (salvage), .timeout_ms = HOUR (4), .undo = "fence",
      .params = OPTIONS (TARGET ("live", NEED, "instance", "holds the live copy")
                        TEXT ("file", NEED, "path of the backup as the instance sees it")
                        TEXT ("list", NEED, "path of the list of messages, as this host sees it")),
      .results = OPTIONS (RESULT ("old", "yes: an old copy was there; no: none") NUMBER ("messages", "messages only the old copy has")
                         RESULT ("file", "the backup; empty: no old copy was there") RESULT ("list", "the list")
                         RESULT ("sentence", "in words, for the person who gives the old copy up")),
      .help = "back an old copy up and list the messages that exist only there" },
    { .verb = "await-drained", SETTLES (await_drained), .timeout_ms = MIN (10),
      .params = OPTIONS (),
      .results = OPTIONS (NUMBER ("waiting", "compliance events not yet taken")),
      .help = "wait until the compliance database is drained" },
    { .verb = "check-store", READS (check_store), .timeout_ms = S (60),
      .params = OPTIONS (),
      .results = OPTIONS (RESULT ("state", "state of the copy") RESULT ("sentence", "in words")),
      .help = "see that a database exists and is online there" },
    { .verb = "verify-backup", READS (verify_backup), .timeout_ms = HOUR (4),
      .params = OPTIONS (TEXT ("file", NEED, "path of the backup as the instance sees it")),
      .results = OPTIONS (RESULT ("kind", "full, log, tail, differential or other")
                         RESULT ("first lsn", "first LSN of the set")
                         RESULT ("lsn", "last LSN of the set")
                         RESULT ("time", "when the backup ended, UTC")
                         NUMBER ("bytes", "size of the backup")),
      .help = "read a backup of the database whole and see that it can be used" },
    { .verb = "check-integrity", READS (check_integrity), .timeout_ms = HOUR (4),
      .params = OPTIONS (TEXT ("as", 0, "name of a rehearsal (restore-as); empty: the copy itself")),
      .results = OPTIONS (RESULT ("sentence", "in words")),
      .help = "read every page of a copy that serves and see that they hold together" },
    { .verb = "count-rows", READS (count_rows), .timeout_ms = MIN (30),
      .params = OPTIONS (TEXT ("as", 0, "name of a rehearsal (restore-as); empty: the copy itself")
                        TEXT ("at least", 0, "rows that must be there")),
      .results = OPTIONS (NUMBER ("rows", "rows of all tables")
                         RESULT ("tables", "rows of each table")),
      .help = "count the rows of all tables of a copy that serves" },
    { .verb = "fingerprint", READS (fingerprint), .timeout_ms = S (60),
      .params = OPTIONS (TEXT ("was", 0, "lines of an earlier call: fail where they differ")),
      .results = OPTIONS (RESULT ("digest", "SHA-256 of the lines")
                         RESULT ("lines", "databases, mirroring, log shipping and jobs of all instances of the database")),
      .help = "tell how the instances stand, to be compared: nothing that moves by itself" },
    { .verb = "start-endpoint", SETTLES (start_endpoint), .timeout_ms = S (60), .undo = "stop-endpoint",
      .params = OPTIONS (),
      .results = OPTIONS (NUMBER ("port", "port of the endpoint")),
      .help = "see that the mirroring endpoint of the instance is there and started" },
    { .verb = "stop-endpoint", SETTLES (stop_endpoint), .timeout_ms = S (60), .undo = "start-endpoint",
      .params = OPTIONS (),
      .results = OPTIONS (NUMBER ("port", "port of the endpoint")),
      .help = "stop the mirroring endpoint, unless another database is mirrored through it" },
    { .verb = "set-witness", SETTLES (set_witness), .timeout_ms = MIN (3), .undo = "remove-witness",
      .params = OPTIONS (TARGET ("witness", NEED, "instance", "the witness")),
      .results = OPTIONS (RESULT ("witness", "address of the witness; empty: none")),
      .help = "give the mirroring session a witness and wait until it is connected" },
    { .verb = "remove-witness", SETTLES (remove_witness), .timeout_ms = MIN (2), .undo = "set-witness",
      .params = OPTIONS (),
      .results = OPTIONS (RESULT ("witness", "address of the witness; empty: none")),
      .help = "take the witness of the mirroring session away" },
    { .verb = "resume-mirror", SETTLES (resume_mirror), .timeout_ms = MIN (30),
      .params = OPTIONS (TEXT ("force", 0, "grade with which loss was accepted: resumes even where the mirror may hold what the principal lacks")),
      .results = OPTIONS (),
      .help = "resume a suspended mirroring session and wait until it is synchronized" },
    { .verb = "backup-log", SETTLES (backup_log), .timeout_ms = HOUR (1),
      .params = OPTIONS (TEXT ("file", NEED, "path as the instance sees it")
                        FLAG ("copy only", "no", "leave the chain alone")),
      .results = OPTIONS (RESULT ("file", "path")
                         RESULT ("first lsn", "first LSN of the set")
                         RESULT ("lsn", "last LSN of the set")),
      .help = "take a log backup with checksum and verify it" },
    { .verb = "run-job", SETTLES (run_job), .timeout_ms = HOUR (1),
      .params = OPTIONS (TEXT ("job", NEED, "name of the job of the Agent")
                        TEXT ("since", NEED, "UTC: a good run that began after this second is the one wanted")),
      .results = OPTIONS (RESULT ("outcome", "what the job said at its end")),
      .help = "run a job of the Agent and see it succeed" },
    { .verb = "set-access", SETTLES (set_access), .timeout_ms = MIN (2), .undo = "set-access",
      .params = OPTIONS (TEXT ("as", 0, "name of a rehearsal (restore-as); empty: the copy itself")
                        CHOICE ("access", NEED, "who is let in", "multi", "restricted", "single")),
      .results = OPTIONS (RESULT ("was", "the access before")),
      .help = "let everybody, administrators or one session into a copy that serves" },
    { .verb = "full-recovery", SETTLES (full_recovery), .timeout_ms = MIN (1),
      .params = OPTIONS (),
      .results = OPTIONS (),
      .help = "set the recovery model to FULL; a full backup must follow" },
    { .verb = "mend-copy", SETTLES (mend_copy), .timeout_ms = MIN (5),
      .params = OPTIONS (TEXT ("as", 0, "name of a rehearsal (restore-as); empty: the copy itself")
                        TEXT ("owner", 0, "login that shall own it")
                        CHOICE ("trustworthy", 0, "TRUSTWORTHY wanted", "keep", "yes", "no")
                        CHOICE ("broker", 0, "service broker wanted", "keep", "yes", "no")),
      .results = OPTIONS (NUMBER ("users", "users that got their login again by this call")
                         RESULT ("left", "users whose login is not on the instance")),
      .help = "give a restored copy back what a restore takes away: owner, TRUSTWORTHY, broker, logins of its users" },
    { .verb = "restore-as", SETTLES (restore_as), .timeout_ms = HOUR (4), .undo = "drop-as",
      .params = OPTIONS (TEXT ("as", NEED, "another name; it begins with the real one and _drill")
                        TEXT ("file", NEED, "path of the full backup as the instance sees it")
                        TARGET ("from", 0, "share", "the share or folder that holds the log backups")
                        TEXT ("until", 0, "LSN that must be reached")),
      .results = OPTIONS (RESULT ("lsn", "where it ends")
                         RESULT ("time", "when the newest restored set was backed up, UTC")
                         NUMBER ("applied", "log backups applied by this call")),
      .help = "restore a full backup and the log backups beside the real copy, under another name and in files of its own, and bring it online" },
    { .verb = "drop-as", CHANGES (drop_as), .timeout_ms = MIN (3),
      .params = OPTIONS (TEXT ("as", NEED, "the other name")),
      .results = OPTIONS (),
      .help = "drop what restore-as made" },
    { .verb = "seed-copy", CHANGES (seed_copy), .timeout_ms = HOUR (8),
      .params = OPTIONS (TARGET ("from", NEED, "instance", "holds the copy that serves")
                        TEXT ("file", NEED, "path of the full backup as both instances see it")),
      .results = OPTIONS (RESULT ("lsn", "redo point of the copy")),
      .help = "make a restoring copy that the log of the serving one can bring up to date" },
    { .verb = "build-dormant", SETTLES (build_dormant), .timeout_ms = MIN (20), .undo = "remove-primary",
      .params = OPTIONS (TARGET ("secondary", 0, "instance", "the instance that will restore; none: logs are only backed up")),
      .results = OPTIONS (RESULT ("job", "backup job")),
      .help = "define the mirror as second log shipping primary; it becomes principal for that moment" },
    { .verb = NULL }
};

/* clang-format on */

static enum sb_rc
open_plugin (struct sb_call *call, void **ret_self)
{
    (void) call;
    *ret_self = sb_ms_self_new ();
    return SB_OK;
}

static void
close_plugin (void *self)
{
    sb_ms_self_free (self);
}

SB_PLUGIN (mssql, .name = "mssql", .role = "database", .version = "1",
           .summary = "mirrored, log-shipped databases of SQL Server 2008 R2 to 2022", .lanes = SB_SERIAL,
           .settings = settings, .actions = actions, .open = open_plugin, .close = close_plugin);
