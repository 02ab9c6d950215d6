/* The table of contracts.  It knows words, not plugins: what each verb of a
 * packaged role is called, takes, gives, may take in time, and is undone by.
 * Renaming a verb later needs an alias here. */
#include "core/model/contracts.h"

#include <string.h>

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

static const struct sb_verb database_verbs[] = {
    { "observe", SB_READS, NULL, S (30), 0, "instance", OPTIONS (),
      OPTIONS (RESULT ("answers", "yes when the instance answered")
               RESULT ("state", "state of the copy, or absent")
               RESULT ("role", "PRINCIPAL, MIRROR or none")
               RESULT ("mirroring", "mirroring state, or none")
               RESULT ("partner", "partner instance as the server names it")
               RESULT ("lsn", "redo point of a restoring copy, end of log of an online one")
               RESULT ("shipping", "primary, secondary or none")
               RESULT ("sentence", "all of it in words")),
      "tell the state of the copy on an instance" },
    { "check", SB_READS, NULL, S (60), 0, NULL,
      OPTIONS (TEXT ("fact", NEED, "H3 to H13, H15 or H16 of the steady state")),
      OPTIONS (RESULT ("verdict", "green, amber, red or unknown") RESULT ("found", "what was found, in words")),
      "hold one fact of the steady state against the servers" },
    { "locate", SB_READS, NULL, S (30), 0, NULL,
      OPTIONS (TARGET ("site", NEED, "site", "where to look")),
      OPTIONS (RESULT ("principal", "instance that serves there, else the mirror that lost it; empty: none answers")),
      "find the instance of a site that holds the end of the log" },
    { "survey", SB_READS, NULL, S (60), 0, NULL,
      OPTIONS (TARGET ("site", NEED, "site", "the site that is to be left")
               CHOICE ("to", 0, "who of the site shall become principal: tells the risk", "mirror", "primary")),
      OPTIONS (RESULT ("answering", "instances of the site that answer; empty: none")
               RESULT ("principal", "instance that is principal, if one answers")
               RESULT ("mirror alive", "yes when the mirror answers while the principal is gone")
               RESULT ("risk", "what it may cost to make `to` principal, in words; empty: nothing")
               RESULT ("sentence", "what answered, and which workflow is the right one")),
      "ask every instance of a site that holds the database whether it answers" },
    { "fence", SB_SETTLES, "release", MIN (3), S (30), "instance", OPTIONS (),
      OPTIONS (RESULT ("found", "state before") RESULT ("at", "when it was seen to be fenced, UTC")),
      "make sure that the copy cannot serve: jobs off, mirroring off, restricted, offline" },
    { "release", SB_SETTLES, "fence", MIN (3), S (30), "instance", OPTIONS (), OPTIONS (),
      "let a fenced copy serve again" },
    { "save-shipping", SB_READS, NULL, S (60), 0, "instance", OPTIONS (),
      OPTIONS (RESULT ("definition", "JSON of the log shipping rows and jobs found there")
               RESULT ("last restored", "newest file that was restored")),
      "read the log shipping definition of a secondary or primary, to be kept" },
    { "stop-shipping", SB_SETTLES, "start-shipping", MIN (10), S (30), "instance", OPTIONS (), OPTIONS (),
      "disable the log shipping jobs of the database there and wait until they are idle" },
    { "start-shipping", SB_SETTLES, "stop-shipping", MIN (2), S (10), "instance", OPTIONS (), OPTIONS (),
      "enable the log shipping jobs of the database there" },
    { "take-tail", SB_CHANGES, NULL, HOUR (1), S (30), "instance",
      OPTIONS (TEXT ("file", NEED, "path of the backup as the instance sees it")),
      OPTIONS (RESULT ("lsn", "end of the tail") RESULT ("taken", "yes, or why not")),
      "force service if it is a mirror that lost its principal, end the mirroring session, back the tail of the log up and leave the copy restoring" },
    { "apply-logs", SB_SETTLES, NULL, HOUR (4), S (30), "instance",
      OPTIONS (TARGET ("from", NEED, "share", "the share or folder that holds the log backups")
               TEXT ("until", 0, "LSN that must be reached")),
      OPTIONS (RESULT ("lsn", "redo point reached") RESULT ("time", "end of the newest set applied, UTC")
               NUMBER ("applied", "sets applied by this call")
               RESULT ("left out", "files that could not be used, and why")),
      "apply every log backup that continues the copy, in LSN order" },
    { "judge-logs", SB_READS, NULL, HOUR (1), 0, "instance",
      OPTIONS (TARGET ("from", NEED, "share", "the share or folder that holds the log backups")),
      OPTIONS (RESULT ("checked", "yes: the headers were read; no: they could not be, and nothing is said")
               RESULT ("files", "names of the log backups that belong to the copy's chain, with commas")
               RESULT ("left out", "files that do not, or cannot be read, and why")),
      "read the headers of log backups and say which belong to the chain" },
    { "quote", SB_READS, NULL, S (60), 0, "instance",
      OPTIONS (TEXT ("source", 0, "how the copy step ended: done, or why the share could not be read")
               TEXT ("left out", 0, "files that could not be used")
               TEXT ("tail", 0, "how taking the tail of the log ended; empty: the instances that may hold it are asked")
               TARGET ("shared", 0, "share", "where log backups are shared; none: it is not looked at")),
      OPTIONS (RESULT ("lsn", "everything committed up to here is safe")
               RESULT ("time", "when the newest applied set was backed up, UTC")
               NUMBER ("window s", "seconds from there to now")
               RESULT ("on share", "where the newest log backup on the share ends (LSN); empty: not known")
               RESULT ("copied", "where the newest log backup in the copy folder ends (LSN); empty: not known")
               NUMBER ("waiting bytes", "bytes of the log backups that were found and are not applied")
               RESULT ("tail", "whether the tail of the log can still be had, and how long that would take")
               RESULT ("estimate", "log written in the window at the rate observed before, marked as an estimate; empty: none")
               RESULT ("sentence", "the quote in words")),
      "say what would be lost if the copy were recovered now" },
    { "end-sessions", SB_SETTLES, NULL, MIN (2), S (30), "instance", OPTIONS (),
      OPTIONS (NUMBER ("ended", "sessions ended by this call")),
      "end the sessions of others in the copy" },
    { "await-no-sessions", SB_SETTLES, NULL, MIN (5), MIN (4), "instance",
      OPTIONS (FLAG ("end", "yes", "end what is left after a grace time")),
      OPTIONS (NUMBER ("ended", "sessions ended by this call")),
      "wait until no chat server has a session in the copy" },
    { "await-servers", SB_SETTLES, NULL, MIN (10), MIN (9), "instance",
      OPTIONS (LIST ("servers", NEED, "chat servers that must have reported in")), OPTIONS (),
      "wait until the chat servers have reported in at the copy" },
    { "recover", SB_CHANGES, NULL, HOUR (1), MIN (5), "instance",
      OPTIONS (CHOICE ("evidence", NEED, "evidence grade of the fence", "confirmed", "declared", "none needed", "silent")
               TEXT ("expect", 0, "LSN at which the copy must stand")),
      OPTIONS (RESULT ("lsn", "point of recovery") RESULT ("fork", "recovery fork begun") RESULT ("at", "UTC")),
      "bring the copy online" },
    { "remove-secondary", SB_SETTLES, "build-secondary", MIN (2), S (30), "instance", OPTIONS (), OPTIONS (),
      "delete the log shipping definition and jobs of a secondary" },
    { "remove-primary", SB_SETTLES, "build-primary", MIN (2), S (30), "instance", OPTIONS (), OPTIONS (),
      "delete the log shipping definition and job of a primary" },
    { "build-primary", SB_SETTLES, "remove-primary", MIN (3), S (30), "instance",
      OPTIONS (TARGET ("secondary", 0, "instance", "the instance that will restore; none: logs are only backed up")),
      OPTIONS (RESULT ("job", "backup job")),
      "define the database as log shipping primary there, with its backup job enabled" },
    { "build-secondary", SB_SETTLES, "remove-secondary", MIN (3), S (30), "instance",
      OPTIONS (TARGET ("primary", NEED, "instance", "the original log shipping primary")),
      OPTIONS (RESULT ("copy job", "copy job") RESULT ("restore job", "restore job")),
      "define the restoring copy as log shipping secondary, with its jobs enabled" },
    { "ship-once", SB_SETTLES, NULL, MIN (30), MIN (10), "instance",
      OPTIONS (TARGET ("to", NEED, "instance", "the secondary")),
      OPTIONS (RESULT ("file", "the file that went the whole way")),
      "run backup, copy and restore once and see a new file arrive" },
    { "backup-full", SB_SETTLES, NULL, HOUR (4), S (60), "instance",
      OPTIONS (TEXT ("file", NEED, "path as the instance sees it") FLAG ("copy only", "no", "leave the chain alone")),
      OPTIONS (RESULT ("file", "path") RESULT ("lsn", "last LSN of the set") RESULT ("time", "when it was taken, UTC")),
      "take a full backup with checksum and verify it" },
    { "restore-full", SB_CHANGES, NULL, HOUR (4), S (60), "instance",
      OPTIONS (TEXT ("file", NEED, "path of the full backup as the instance sees it")),
      OPTIONS (RESULT ("lsn", "redo point after the restore")),
      "restore a full backup over whatever stands there, leaving it restoring" },
    { "drop-copy", SB_CHANGES, NULL, MIN (3), S (30), "instance", OPTIONS (), OPTIONS (),
      "drop a stale copy that is not mirrored" },
    { "make-mirror", SB_SETTLES, "break-mirror", HOUR (1), MIN (10), "instance",
      OPTIONS (TARGET ("mirror", NEED, "instance", "holds a restoring copy")
               TARGET ("witness", 0, "instance", "optional")
               TEXT ("file", NEED, "path of the log backup that brings the mirror level")),
      OPTIONS (RESULT ("session", "mirroring session")),
      "pair a principal with a restoring copy and wait until they are synchronized" },
    { "break-mirror", SB_SETTLES, "make-mirror", MIN (3), S (60), "instance", OPTIONS (), OPTIONS (),
      "end the mirroring session of the copy" },
    { "mirror-failover", SB_CHANGES, NULL, MIN (10), MIN (5), "instance",
      OPTIONS (TEXT ("force", 0, "grade with which loss was accepted: forces service when the principal is silent, resumes a suspended session; empty: never")),
      OPTIONS (),
      "make the instance the principal of its mirroring session" },
    { "freeze", SB_CHANGES, "unfreeze", HOUR (1), S (60), "instance",
      OPTIONS (TEXT ("file", NEED, "path of the tail as the instance sees it")),
      OPTIONS (RESULT ("lsn", "end of the frozen log")),
      "back the tail of the live copy up and leave it restoring, so that nothing can be written any more" },
    { "unfreeze", SB_CHANGES, NULL, HOUR (1), MIN (5), "instance", OPTIONS (), OPTIONS (),
      "recover a frozen copy" },
    { "salvage", SB_SETTLES, "fence", HOUR (4), S (60), "instance",
      OPTIONS (TARGET ("live", NEED, "instance", "holds the live copy")
               TEXT ("file", NEED, "path of the backup as the instance sees it")
               TEXT ("list", NEED, "path of the list of messages, as this host sees it")),
      OPTIONS (RESULT ("old", "yes: an old copy was there; no: none") NUMBER ("messages", "messages only the old copy has")
               RESULT ("file", "the backup; empty: no old copy was there") RESULT ("list", "the list")
               RESULT ("sentence", "in words, for the person who gives the old copy up")),
      "back an old copy up and list the messages that exist only there" },
    { "await-drained", SB_SETTLES, NULL, MIN (10), MIN (9), "instance", OPTIONS (),
      OPTIONS (NUMBER ("waiting", "compliance events not yet taken")),
      "wait until the compliance database is drained" },
    { "check-store", SB_READS, NULL, S (60), 0, "instance", OPTIONS (),
      OPTIONS (RESULT ("state", "state of the copy") RESULT ("sentence", "in words")),
      "see that a database exists and is online there" },
    { "verify-backup", SB_READS, NULL, HOUR (4), 0, "instance",
      OPTIONS (TEXT ("file", NEED, "path of the backup as the instance sees it")),
      OPTIONS (RESULT ("kind", "full, log, tail, differential or other")
               RESULT ("first lsn", "first LSN of the set")
               RESULT ("lsn", "last LSN of the set")
               RESULT ("time", "when the backup ended, UTC")
               NUMBER ("bytes", "size of the backup")),
      "read a backup of the database whole and see that it can be used" },
    { "check-integrity", SB_READS, NULL, HOUR (4), 0, "instance",
      OPTIONS (TEXT ("as", 0, "name of a rehearsal (restore-as); empty: the copy itself")),
      OPTIONS (RESULT ("sentence", "in words")),
      "read every page of a copy that serves and see that they hold together" },
    { "count-rows", SB_READS, NULL, MIN (30), 0, "instance",
      OPTIONS (TEXT ("as", 0, "name of a rehearsal (restore-as); empty: the copy itself")
               TEXT ("at least", 0, "rows that must be there")),
      OPTIONS (NUMBER ("rows", "rows of all tables")
               RESULT ("tables", "rows of each table")),
      "count the rows of all tables of a copy that serves" },
    { "fingerprint", SB_READS, NULL, S (60), 0, NULL,
      OPTIONS (TEXT ("was", 0, "lines of an earlier call: fail where they differ")),
      OPTIONS (RESULT ("digest", "SHA-256 of the lines")
               RESULT ("lines", "databases, mirroring, log shipping and jobs of all instances of the database")),
      "tell how the instances stand, to be compared: nothing that moves by itself" },
    { "start-endpoint", SB_SETTLES, "stop-endpoint", S (60), S (10), "instance",
      OPTIONS (),
      OPTIONS (NUMBER ("port", "port of the endpoint")),
      "see that the mirroring endpoint of the instance is there and started" },
    { "stop-endpoint", SB_SETTLES, "start-endpoint", S (60), S (10), "instance",
      OPTIONS (),
      OPTIONS (NUMBER ("port", "port of the endpoint")),
      "stop the mirroring endpoint, unless another database is mirrored through it" },
    { "set-witness", SB_SETTLES, "remove-witness", MIN (3), S (60), "instance",
      OPTIONS (TARGET ("witness", NEED, "instance", "the witness")),
      OPTIONS (RESULT ("witness", "address of the witness; empty: none")),
      "give the mirroring session a witness and wait until it is connected" },
    { "remove-witness", SB_SETTLES, "set-witness", MIN (2), S (30), "instance",
      OPTIONS (),
      OPTIONS (RESULT ("witness", "address of the witness; empty: none")),
      "take the witness of the mirroring session away" },
    { "resume-mirror", SB_SETTLES, NULL, MIN (30), MIN (10), "instance",
      OPTIONS (TEXT ("force", 0, "grade with which loss was accepted: resumes even where the mirror may hold what the principal lacks")),
      OPTIONS (),
      "resume a suspended mirroring session and wait until it is synchronized" },
    { "backup-log", SB_SETTLES, NULL, HOUR (1), S (30), "instance",
      OPTIONS (TEXT ("file", NEED, "path as the instance sees it")
               FLAG ("copy only", "no", "leave the chain alone")),
      OPTIONS (RESULT ("file", "path")
               RESULT ("first lsn", "first LSN of the set")
               RESULT ("lsn", "last LSN of the set")),
      "take a log backup with checksum and verify it" },
    { "run-job", SB_SETTLES, NULL, HOUR (1), S (30), "instance",
      OPTIONS (TEXT ("job", NEED, "name of the job of the Agent")
               TEXT ("since", NEED, "UTC: a good run that began after this second is the one wanted")),
      OPTIONS (RESULT ("outcome", "what the job said at its end")),
      "run a job of the Agent and see it succeed" },
    { "set-access", SB_SETTLES, "set-access", MIN (2), S (30), "instance",
      OPTIONS (TEXT ("as", 0, "name of a rehearsal (restore-as); empty: the copy itself")
               CHOICE ("access", NEED, "who is let in", "multi", "restricted", "single")),
      OPTIONS (RESULT ("was", "the access before")),
      "let everybody, administrators or one session into a copy that serves" },
    { "full-recovery", SB_SETTLES, NULL, MIN (1), S (30), "instance",
      OPTIONS (),
      OPTIONS (),
      "set the recovery model to FULL; a full backup must follow" },
    { "mend-copy", SB_SETTLES, NULL, MIN (5), S (30), "instance",
      OPTIONS (TEXT ("as", 0, "name of a rehearsal (restore-as); empty: the copy itself")
               TEXT ("owner", 0, "login that shall own it")
               CHOICE ("trustworthy", 0, "TRUSTWORTHY wanted", "keep", "yes", "no")
               CHOICE ("broker", 0, "service broker wanted", "keep", "yes", "no")),
      OPTIONS (NUMBER ("users", "users that got their login again by this call")
               RESULT ("left", "users whose login is not on the instance")),
      "give a restored copy back what a restore takes away: owner, TRUSTWORTHY, broker, logins of its users" },
    { "restore-as", SB_SETTLES, "drop-as", HOUR (4), S (60), "instance",
      OPTIONS (TEXT ("as", NEED, "another name; it begins with the real one and _drill")
               TEXT ("file", NEED, "path of the full backup as the instance sees it")
               TARGET ("from", 0, "share", "the share or folder that holds the log backups")
               TEXT ("until", 0, "LSN that must be reached")),
      OPTIONS (RESULT ("lsn", "where it ends")
               RESULT ("time", "when the newest restored set was backed up, UTC")
               NUMBER ("applied", "log backups applied by this call")),
      "restore a full backup and the log backups beside the real copy, under another name and in files of its own, and bring it online" },
    { "drop-as", SB_CHANGES, NULL, MIN (3), S (30), "instance",
      OPTIONS (TEXT ("as", NEED, "the other name")),
      OPTIONS (),
      "drop what restore-as made" },
    { "seed-copy", SB_CHANGES, NULL, HOUR (8), S (60), "instance",
      OPTIONS (TARGET ("from", NEED, "instance", "holds the copy that serves")
               TEXT ("file", NEED, "path of the full backup as both instances see it")),
      OPTIONS (RESULT ("lsn", "redo point of the copy")),
      "make a restoring copy that the log of the serving one can bring up to date" },
    { "build-dormant", SB_SETTLES, "remove-primary", MIN (20), MIN (5), "instance",
      OPTIONS (TARGET ("secondary", 0, "instance", "the instance that will restore; none: logs are only backed up")),
      OPTIONS (RESULT ("job", "backup job")),
      "define the mirror as second log shipping primary; it becomes principal for that moment" },
    { .name = NULL }
};

#define WHICH                                                                                           \
    { .name = "which",                                                                                   \
      .type = SB_CHOICE,                                                                                 \
      .fallback = "all",                                                                                 \
      .choices = CHOICES ("all", "chat", "compliance"),                                                  \
      .help = "the chat service, the compliance service, or both" },

#define MIRROR_TYPE                                                                                     \
    { .name = "type",                                                                                    \
      .type = SB_CHOICE,                                                                                 \
      .fallback = "PersistentChat",                                                                      \
      .choices = CHOICES ("PersistentChat", "PersistentChatCompliance"),                                 \
      .help = "kind of the databases" },

static const struct sb_verb pool_verbs[] = {
    { "observe", SB_READS, NULL, S (60), 0, NULL, OPTIONS (),
      OPTIONS (RESULT ("state", "Normal or FailedOver") LIST ("active", 0, "active servers")
               RESULT ("central store", "site that holds the active central store, or unknown")
               RESULT ("sentence", "in words")),
      "tell the pool state, the active servers and the central store" },
    { "check", SB_READS, NULL, S (60), 0, NULL, OPTIONS (TEXT ("fact", NEED, "H1, H2, H13, H14 or H17")),
      OPTIONS (RESULT ("verdict", "green, amber, red or unknown") RESULT ("found", "what was found, in words")),
      "hold one fact of the steady state against the pool" },
    { "set-state", SB_SETTLES, "set-state", MIN (3), S (30), NULL,
      OPTIONS (CHOICE ("state", NEED, "the pool state wanted", "Normal", "FailedOver")),
      OPTIONS (RESULT ("was", "the state before")),
      "set the pool state" },
    { "set-active", SB_SETTLES, "set-active", MIN (3), S (30), NULL,
      OPTIONS (LIST ("servers", 0, "the active servers wanted; none clears the list")),
      OPTIONS (LIST ("was", 0, "the list before")),
      "set the active servers, never more than four at any moment" },
    { "await-replication", SB_SETTLES, NULL, MIN (15), MIN (14), NULL,
      OPTIONS (LIST ("servers", NEED, "servers whose replicas must be up to date")), OPTIONS (),
      "push replication and wait until the replicas are up to date" },
    { "stop-services", SB_SETTLES, "start-services", MIN (5), MIN (2), "server", OPTIONS (WHICH), OPTIONS (),
      "stop the chat services of a server" },
    { "start-services", SB_SETTLES, "stop-services", MIN (5), MIN (2), "server", OPTIONS (WHICH), OPTIONS (),
      "start the chat services of a server" },
    { "services", SB_READS, NULL, S (60), 0, "server", OPTIONS (),
      OPTIONS (RESULT ("chat", "status of the chat service, or absent")
               RESULT ("compliance", "status of the compliance service, or absent") RESULT ("sentence", "in words")),
      "tell the status of the chat services of a server" },
    { "mirror-state", SB_READS, NULL, S (60), 0, NULL, OPTIONS (MIRROR_TYPE),
      OPTIONS (RESULT ("principal", "Primary or Mirror as the topology labels them, differs, or unknown")
               FLAG ("synchronized", NULL, "yes when both halves of every database say so") RESULT ("sentence", "in words")),
      "tell the mirroring of the pool's databases as the chat system sees it" },
    { "install-mirror", SB_SETTLES, NULL, HOUR (1), MIN (10), "instance",
      OPTIONS (TARGET ("share", NEED, "share", "carries the backups that seed the mirror") MIRROR_TYPE),
      OPTIONS (RESULT ("sentence", "in words")),
      "let the chat system build the mirrors of its databases at a principal" },
    { "move-central-store", SB_CHANGES, NULL, MIN (15), MIN (5), NULL,
      OPTIONS (TARGET ("site", NEED, "site", "the site whose front end shall hold it")),
      OPTIONS (RESULT ("was", "site that held it before, or unknown")),
      "move the central management store to a site" },
    { "send-message", SB_READS, NULL, MIN (2), 0, NULL, OPTIONS (), OPTIONS (RESULT ("latency", "as reported")),
      "send a synthetic message through the pool" },
    { .name = NULL }
};

static const struct sb_verb share_verbs[] = {
    { "observe", SB_READS, NULL, S (60), 0, NULL, OPTIONS (),
      OPTIONS (RESULT ("answers", "yes when it can be listed") NUMBER ("files", "files there") NUMBER ("free", "free bytes")
               RESULT ("sentence", "in words")),
      "tell whether the share answers and how much room it has" },
    { "check", SB_READS, NULL, S (60), 0, NULL, OPTIONS (TEXT ("fact", NEED, "H12")),
      OPTIONS (RESULT ("verdict", "green, amber, red or unknown") RESULT ("found", "what was found, in words")),
      "hold one fact of the steady state against the share" },
    { "list", SB_READS, NULL, MIN (5), 0, NULL,
      OPTIONS (TEXT ("prefix", 0, "files whose name starts so") TEXT ("suffix", 0, "files whose name ends so")),
      OPTIONS (NUMBER ("files", "files that fit") NUMBER ("bytes", "their bytes") RESULT ("newest", "the one changed last")
               RESULT ("names", "a line each: bytes, time, name; at most 500")),
      "list files by prefix and suffix" },
    { "read", SB_READS, NULL, HOUR (4), 0, NULL, OPTIONS (TEXT ("file", NEED, "name in the share")),
      OPTIONS (NUMBER ("size", "its bytes") RESULT ("modified", "when it was changed, UTC")
               RESULT ("sha256", "checksum of all of it") RESULT ("text", "its first 4 KiB where they are text")),
      "read one file to its end: size, time, checksum, first words" },
    { "rights", SB_SETTLES, NULL, MIN (2), S (10), NULL, OPTIONS (),
      OPTIONS (RESULT ("create", "yes or no: may make a file") RESULT ("write", "yes or no: may write into it")
               RESULT ("rename", "yes or no: may rename it") RESULT ("delete", "yes or no: may delete it")
               RESULT ("sentence", "in words")),
      "try whether this account can create, write, rename and delete there, with a file of its own" },
    { "copy", SB_SETTLES, NULL, HOUR (4), S (10), NULL,
      OPTIONS (TARGET ("to", NEED, "share", "where the files shall be") TEXT ("prefix", NEED, "files whose name starts so")
               TEXT ("suffix", 0, "files whose name ends so") LIST ("files", 0, "with 'checked': only these")
               FLAG ("checked", "no", "'files' are those whose headers were read and found good")
               TEXT ("left out", 0, "what is told of files that were not found good")),
      OPTIONS (NUMBER ("copied", "files copied by this call") NUMBER ("bytes", "bytes copied by this call")
               RESULT ("newest", "newest file there") RESULT ("outcome", "done, or why not")),
      "copy what is missing: temporary name, checksum, sync, rename" },
    { "archive", SB_SETTLES, NULL, MIN (30), S (10), NULL,
      OPTIONS (TEXT ("folder", NEED, "folder below the share") TEXT ("prefix", NEED, "files whose name starts so")
               TEXT ("suffix", 0, "files whose name ends so") TEXT ("before", 0, "only files older than this, UTC")),
      OPTIONS (NUMBER ("moved", "files moved by this call")),
      "move files aside into a folder of the share" },
    { "rename", SB_SETTLES, NULL, MIN (2), S (10), NULL,
      OPTIONS (TEXT ("file", NEED, "name in the share") TEXT ("as", NEED, "its new name")),
      OPTIONS (RESULT ("done", "yes when this call did it")),
      "give one file another name, never over another file" },
    { "delete", SB_SETTLES, NULL, MIN (2), S (10), NULL, OPTIONS (TEXT ("file", NEED, "name in the share")),
      OPTIONS (RESULT ("done", "yes when this call did it")), "delete one file" },
    { .name = NULL }
};

static const struct sb_verb fence_verbs[] = {
    { "isolate", SB_SETTLES, "release", MIN (2), S (30), "site", OPTIONS (),
      OPTIONS (CHOICE ("grade", 0, "evidence grade", "confirmed", "declared", "silent") RESULT ("at", "when it was seen, UTC")),
      "cut a site off so that nothing there can serve" },
    { "release", SB_SETTLES, "isolate", MIN (5), S (60), "site", OPTIONS (), OPTIONS (RESULT ("at", "when it was seen, UTC")), "let a site serve again" },
    { .name = NULL }
};

#define MESSAGE \
    TEXT ("id", NEED, "identifier that makes a repeat harmless") TEXT ("event", NEED, "kind of event") \
    TEXT ("subject", NEED, "one line; begins with DRILL in a drill") TEXT ("body", 0, "all of it as plain text") \
    TEXT ("what", SB_MAY_LACK, "name of the text it was made from: begin, gate, held ...") \
    CHOICE ("level", SB_MAY_LACK, "how much it matters", "info", "good", "warning", "critical") \
    { .name = "drill", .type = SB_BOOL, .flags = SB_MAY_LACK, .fallback = "no", .help = "whether it tells of a drill" }, \
    TEXT ("text", SB_MAY_LACK, "the sentences of body") \
    LIST ("facts", SB_MAY_LACK, "NAME=VALUE, what stands below the sentences") TEXT ("hint", SB_MAY_LACK, "what to do")

static const struct sb_verb notify_verbs[] = {
    { "send", SB_SETTLES, NULL, S (60), 0, NULL, OPTIONS (MESSAGE),
      OPTIONS (RESULT ("receipt", "what the endpoint answered")
               { .name = "wait s", .type = SB_INT, .flags = SB_MAY_LACK,
                 .help = "seconds for which the endpoint wants to be left alone" },),
      "deliver one message" },
    { "preview", SB_READS, NULL, S (10), 0, NULL, OPTIONS (MESSAGE),
      OPTIONS (RESULT ("service", "who would get it") RESULT ("payload", "what would be sent")
               RESULT ("cut", "yes: something was left out, for the service takes no more")),
      "make the message and do not send it" },
    { "inspect", SB_READS, NULL, S (10), 0, NULL, OPTIONS (),
      OPTIONS (RESULT ("service", "who gets the messages")
               RESULT ("depends", "objects of the topology that it runs through; empty: none")),
      "tell whether the channel depends on what it is to report about; asks the resolver alone" },
    { .name = NULL }
};

const struct sb_role sb_roles[] = {
    { "database", "database", "mssql", database_verbs, "a mirrored, log-shipped database and its copies" },
    { "pool", "pool", "pool", pool_verbs, "the chat pool: state, active servers, services, central store" },
    { "share", "share", "share", share_verbs, "a backup share or copy folder" },
    { "fence", "fence", NULL, fence_verbs, "what can cut a site off: power controller, switch, firewall" },
    { "notify", "channel", "notify", notify_verbs, "a channel that carries messages to people" },
    { .name = NULL }
};
/* clang-format on */

const struct sb_role *
sb_role_find (const char *name)
{
    const struct sb_role *r;

    for (r = sb_roles; r->name != NULL; r++)
        if (strcmp (r->name, name) == 0)
            return r;
    return NULL;
}

const struct sb_role *
sb_role_of_kind (const char *kind)
{
    const struct sb_role *r;

    for (r = sb_roles; r->name != NULL; r++)
        if (strcmp (r->kind, kind) == 0)
            return r;
    return NULL;
}

const struct sb_verb *
sb_verb_find (const struct sb_role *role, const char *verb)
{
    const struct sb_verb *v;

    for (v = role->verbs; v->name != NULL; v++)
        if (strcmp (v->name, verb) == 0)
            return v;
    return NULL;
}

const struct sb_option *
sb_option_find (const struct sb_option *list, const char *name)
{
    const struct sb_option *o;

    for (o = list; o != NULL && o->name != NULL; o++)
        if (strcmp (o->name, name) == 0)
            return o;
    return NULL;
}
