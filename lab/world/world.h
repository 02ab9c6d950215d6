/* The world: two (or more) data centres as one flat struct without pointers.
 *
 * It knows sites, links, SQL instances, copies of databases with LSNs and
 * forks, mirroring, log shipping, Agent jobs, the central store and the chat
 * servers.  It promises that equal histories give equal bytes: time comes in,
 * unused slots are zero, identifiers are counted, nothing is random.  Rows are
 * not in it (rows.h), files are not in it (files.h), message texts are not in
 * it (a door renders numbers).  Operations and the clock are in ops.h.
 *
 * A copy holds (family, fork, lsn).  It contains a row exactly when the row's
 * LSN lies at or below the copy's LSN on the copy's line of forks.  So restore,
 * mirroring and loss are assignments of integers. */
#ifndef SB_LAB_WORLD_WORLD_H
#define SB_LAB_WORLD_WORLD_H

#include "core/base/buf.h"
#include "lab/world/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint16_t w_id;   /* index + 1 into one of the tables below; 0: none */
typedef uint16_t w_text; /* place in world.text, in units of W_TEXT_UNIT bytes; 0: the empty string */
typedef int64_t w_lsn;   /* as SQL Server's numeric(25,0): VLF, 10 digits of block, 5 digits of slot */
typedef uint32_t w_guid; /* number of an identifier; w_guid_text() makes it a GUID; 0: NULL */

#define W_LSN_FIRST INT64_C (39000000100000001)
#define W_LSN_STEP  100000 /* one block: what every record advances */

/* sys.databases.state */
enum w_state { W_ONLINE = 0, W_RESTORING = 1, W_RECOVERING = 2, W_OFFLINE = 6 };
/* sys.databases.user_access */
enum w_access { W_MULTI_USER = 0, W_SINGLE_USER = 1, W_RESTRICTED_USER = 2 };
/* sys.databases.recovery_model */
enum w_recovery { W_FULL = 1, W_BULK_LOGGED = 2, W_SIMPLE = 3 };
/* sys.database_mirroring: role, state, safety, witness state */
enum w_role { W_NO_ROLE = 0, W_PRINCIPAL = 1, W_MIRROR = 2 };
enum w_mirroring {
    W_SUSPENDED = 0,
    W_DISCONNECTED = 1,
    W_SYNCHRONIZING = 2,
    W_PENDING_FAILOVER = 3,
    W_SYNCHRONIZED = 4
};
enum w_safety { W_SAFETY_OFF = 1, W_SAFETY_FULL = 2 };
enum w_witness { W_WITNESS_UNKNOWN = 0, W_WITNESS_CONNECTED = 1, W_WITNESS_DISCONNECTED = 2 };

struct w_site {
    w_text name;
    uint8_t powered;  /* neither cut nor held off */
    uint8_t cut;      /* power was lost */
    uint8_t held_off; /* by the power controller, until it releases */
    uint8_t reserved[3];
    uint8_t link_down[W_MAX_SITES]; /* by index; both directions are set */
    uint8_t reserved2[4];
    int64_t powered_ms; /* when it last got power */
};

enum w_edition { W_STANDARD = 2, W_ENTERPRISE = 3, W_EXPRESS = 4 };
enum w_endpoint_state { W_EP_STARTED = 0, W_EP_STOPPED = 1, W_EP_DISABLED = 2 };
enum w_endpoint_role { W_EP_NONE = 0, W_EP_PARTNER = 1, W_EP_WITNESS = 2, W_EP_ALL = 3 };

struct w_instance {
    w_text name, host; /* as in the topology; SERVERPROPERTY('ServerName') is `host` without its domain */
    w_text server;     /* what @@SERVERNAME answers */
    w_id site;
    uint16_t port;          /* where its door listens on loopback */
    uint16_t next_session;  /* spid to be given next */
    uint16_t version;       /* major: 10 is 2008 R2, 16 is 2022 */
    uint16_t edition;       /* EngineEdition: 2 Standard, 3 Enterprise, 4 Express: W_EXPRESS */
    uint8_t running, agent; /* running: the service was not stopped; it answers when the site has power too */
    uint8_t witness_lost;   /* fault: cannot be reached as a witness */
    uint8_t disk_full;      /* fault: backups to local disks fail */
    uint8_t on_linux;       /* paths begin with a slash, there are no drives, no UNC names and no mirroring */
    uint8_t reserved[3];
    int64_t started_ms;
    /* the one mirroring endpoint */
    w_text endpoint; /* name; 0: none */
    uint16_t endpoint_port;
    uint8_t endpoint_state, endpoint_role;
    w_guid endpoint_guid;
    /* faults */
    int32_t fail_next;   /* the next statement fails with this number; 0: none */
    int32_t slow_ms;     /* statements that match slow_pattern take this long more */
    w_text slow_pattern; /* words with * and ?, case ignored */
    w_text fail_program; /* fail_next: only of sessions whose program name matches; 0: of all */
    uint16_t transient;  /* fault: answer to the next mirroring statement: 1404, 1421, 1438; 0: none */
};

/* One database on one instance.  Slots are stable while the copy exists. */
struct w_copy {
    w_id instance; /* 0: slot unused */
    w_id number;   /* database_id on its instance, from 5 */
    w_text name;
    w_id family, fork;
    w_text owner;
    w_lsn lsn;             /* ONLINE: end of log; RESTORING: redo point; mirror: end of hardened log */
    w_lsn last_log_backup; /* where the next log backup begins; 0: no chain */
    w_lsn full_backup;     /* checkpoint LSN of the last full backup; 0: none */
    int64_t created_ms;
    w_guid guid; /* database_guid: new with every restore */
    uint8_t state, standby, read_only, user_access;
    uint8_t recovery_model, trustworthy, broker, auto_close;
    uint8_t log_applied; /* RESTORING: at least one log was restored after the full backup */
    uint8_t restored;    /* came out of a restore (has a redo start) */
    uint16_t holder;     /* session that holds it in SINGLE_USER; 0: nobody */
    /* the mirroring half; all zero: not mirrored */
    w_guid mirror_guid;
    w_text partner, witness;     /* TCP://host:port as given */
    w_id partner_id, witness_id; /* instances they resolve to; 0: nowhere */
    uint8_t role, mirroring, safety, witness_state;
    uint8_t suspended; /* wanted by somebody or by a forced role conflict */
    uint8_t forced;    /* principal: came by force, partner not reconciled */
    uint8_t synced;    /* was SYNCHRONIZED when the partner was last seen */
    uint8_t pairing;   /* mirror: waiting for SET PARTNER on the principal */
    uint16_t timeout_s;
    w_id partner_copy; /* the other half, as w_mirror_settle() found it; 0: not there */
    int32_t role_seq, safety_seq;
    int64_t lost_ms;    /* partner silent since; 0: not */
    w_lsn failover_lsn; /* last LSN known to be on both */
};

struct w_fork {
    w_id family; /* 0: slot unused */
    w_id parent; /* 0: the root of its family */
    w_guid guid;
    w_lsn point; /* rows of the parent at or below it belong to this line too */
};

struct w_family {
    w_guid guid; /* 0: slot unused */
    w_id root;
    uint16_t reserved;
};

/* Agent jobs */
enum w_job_kind { W_JOB_BACKUP = 1, W_JOB_COPY = 2, W_JOB_RESTORE = 3, W_JOB_ALERT = 4 };
enum w_run_status { W_RUN_FAILED = 0, W_RUN_SUCCEEDED = 1, W_RUN_CANCELLED = 3 };

struct w_run {
    int32_t instance_id; /* sysjobhistory.instance_id of the outcome row (step 0); step 1 is one less; 0: unused */
    int32_t status;
    int64_t started_ms, ended_ms;
    int32_t message; /* number that explains it: 32008, 3201, 4305 ...; 0: nothing to say */
    w_text arg;      /* its first argument */
    uint16_t files;  /* how many files it handled */
};

struct w_job {
    w_id instance; /* 0: slot unused */
    w_id subject;  /* backup: w_primary; copy, restore: w_secondary; alert: none */
    w_guid guid;
    w_text name;
    uint8_t kind, enabled, running, scheduled;
    uint16_t by_user;   /* the present run was asked for by sp_start_job */
    uint16_t every_min; /* as scheduled; used with real rates only */
    int64_t started_ms, ends_ms, next_ms;
    struct w_run runs[W_MAX_RUNS]; /* newest first */
};

/* Log shipping; a row is unused when its instance is 0. */
struct w_primary {
    w_id instance, job;
    w_guid guid;
    w_text database, directory, share, monitor;
    int32_t retention_min, threshold_min, threshold_alert, history_min;
    uint8_t alert_enabled, compression;
    w_text last_file; /* full path */
    int64_t last_ms;
    int64_t since_ms; /* when it was defined: age of "never" */
};
struct w_pair {
    w_id primary; /* 0: unused */
    w_text server, database;
    uint16_t reserved;
};
struct w_secondary {
    w_id instance, copy_job, restore_job;
    w_text server, database; /* the primary's */
    w_text source, destination, monitor;
    w_guid guid;
    int32_t retention_min;
    w_text last_copied;
    uint16_t reserved[3];
    int64_t last_copied_ms;
};
struct w_secondary_db {
    w_id secondary; /* 0: unused */
    w_text database, last_restored;
    uint8_t restore_all, restore_mode, disconnect_users, alert_enabled;
    uint8_t reserved[2];
    int32_t delay_min, threshold_min, threshold_alert, history_min, block_size, buffer_count, max_transfer;
    int32_t latency_min; /* of the last restored file; -1: none yet */
    int64_t last_restored_ms;
    int64_t since_ms;
};

struct w_session {
    w_id instance; /* 0: slot unused */
    uint16_t spid;
    w_id copy; /* the database of its context; 0: master and other system databases */
    w_id site; /* where its client stands */
    w_text login, host, program;
    uint8_t sysadmin, in_tran;
    uint32_t pid;
    uint32_t door; /* connection of the door that opened it; 0: unknown */
    int64_t login_ms, last_ms;
};

/* What was backed up and restored; a ring, newest at (history_next - 1). */
enum w_history_kind { W_WAS_BACKUP = 1, W_WAS_RESTORE = 2 };
struct w_history {
    w_id instance;
    uint8_t kind, type; /* type: enum w_set_type */
    w_text database, server, file, user;
    uint32_t flags; /* W_SET_*, for restores W_WITH_* too */
    w_guid set;
    int32_t id; /* backup_set_id or restore_history_id, counted per world */
    w_id family, fork, first_fork;
    uint8_t recovery_model, reserved;
    w_lsn first, last, checkpoint, database_backup, fork_point;
    int64_t start_ms, finish_ms, created_ms, at_ms; /* at_ms: when this happened here */
    int64_t size;
};

/* The central store and the chat servers */
enum w_pool_state { W_NORMAL = 0, W_FAILED_OVER = 1 };
struct w_replica {
    int64_t at_ms;    /* when it was last brought up to date */
    uint32_t version; /* of the central store that it holds */
    uint16_t active;  /* bit per chat server */
    uint8_t state;    /* enum w_pool_state */
    uint8_t stuck;    /* fault: replication does not reach it */
};
struct w_server {
    w_text name, fqdn;
    w_id site;
    uint8_t chat, compliance;               /* the two services run */
    uint8_t chat_wanted, compliance_wanted; /* start with the machine */
    uint16_t clients;                       /* as it last reported */
    uint32_t reserved;
    int64_t ping_ms; /* last time it wrote tblServerIdentity */
    struct w_replica replica;
};
struct w_frontend {
    w_text name, host;
    w_id site;
    uint16_t port;
    uint8_t running, reserved[7];
    struct w_replica replica;
};
struct w_central {
    w_id site;             /* where the active store is */
    uint8_t down;          /* fault: it does not answer */
    uint8_t state;         /* enum w_pool_state */
    uint16_t active;       /* bit per chat server */
    uint8_t next_hop_down; /* fault: the front end pool routes no message to the servers */
    uint8_t reserved;
    uint32_t version; /* counts changes */
    uint32_t reserved2;
    int64_t changed_ms, push_ms; /* last change; an enforced push is due */
};

struct w_share {
    w_text name, unc; /* unc: \\host\share, or X:\... for a local folder of `instance` */
    w_id site, instance;
    uint8_t gone, full;
    uint16_t reserved;
};

/* One request to do something; see ops.h for what each kind reads. */
struct w_op {
    uint16_t kind;    /* enum w_op_kind */
    w_id instance;    /* the instance it is said to */
    uint16_t spid;    /* the session that says it; 0: the lab itself */
    uint16_t subject; /* an id: job, session, server, site, ... */
    uint32_t flags;   /* W_WITH_* */
    int32_t delay_ms; /* > 0: it takes this long; the answer is W_WORKING */
    int32_t n[12];
    char db[W_NAME];
    char name[4][W_NAME];
    char path[2][W_PATH];
};

/* A long statement.  It goes on when its client dies; attention, KILL and power loss end it. */
struct w_work {
    uint16_t id; /* 0: slot unused */
    uint16_t reserved[3];
    int64_t started_ms, done_ms;
    struct w_op op;
};

struct w_rates { /* all in ms; INT32_MAX for a kind of job: it runs only when it is started */
    int32_t backup, copy, restore, alert, replication;
    int32_t boot_replication; /* a machine that was started is reached by replication after this */
    int32_t reserved2;
    int32_t job;              /* how long a run takes at least */
    int32_t mirror_silent;    /* a cut link is noticed after at most this; 0: the session's own timeout */
    uint8_t real, no_history; /* no_history: for exploration */
    uint8_t reserved[2];
};

/* Counts are high-water marks: slots at and above them are all zero. */
struct world {
    uint32_t magic, format;
    uint64_t version; /* counts changes; the fast path of snapshots */
    uint64_t seed;    /* makes identifiers of this world differ from those of another */
    int64_t now_ms;   /* the clock as of the last operation */
    uint32_t next_guid, next_history, next_run, next_work;
    uint32_t history_next; /* ring position */
    uint16_t nsites, ninstances, ncopies, nforks, nfamilies, nservers, nfrontends, nshares;
    uint16_t njobs, nprimaries, npairs, nsecondaries, nsecondary_dbs, nsessions, nworks, nhistory;
    uint16_t ntext; /* units */
    w_id tool_site;
    uint16_t limit_active;  /* 4: servers that may be active at a time */
    uint16_t limit_servers; /* 8 */
    w_text pool;            /* fqdn */
    uint16_t text_live;     /* units in use when strings were last compacted */
    uint16_t limit_history; /* how long the ring of history is; changed only while it is not full */
    uint16_t reserved;
    struct w_rates rates;
    struct w_central central;
    struct w_site sites[W_MAX_SITES];
    struct w_instance instances[W_MAX_INSTANCES];
    struct w_copy copies[W_MAX_COPIES];
    struct w_fork forks[W_MAX_FORKS];
    struct w_family families[W_MAX_FAMILIES];
    struct w_server servers[W_MAX_SERVERS];
    struct w_frontend frontends[W_MAX_FRONTENDS];
    struct w_share shares[W_MAX_SHARES];
    struct w_job jobs[W_MAX_JOBS];
    struct w_primary primaries[W_MAX_PRIMARIES];
    struct w_pair pairs[W_MAX_PAIRS];
    struct w_secondary secondaries[W_MAX_SECONDARIES];
    struct w_secondary_db secondary_dbs[W_MAX_SECONDARY_DBS];
    struct w_session sessions[W_MAX_SESSIONS];
    struct w_work works[W_MAX_WORKS];
    struct w_history history[W_MAX_HISTORY];
    char text[W_MAX_TEXT];
};

/* The clock of a world that other threads may wind: a snapshot of a process (client.h) changes in nothing else. */
static inline int64_t
w_clock (const struct world *w)
{
    return __atomic_load_n (&w->now_ms, __ATOMIC_RELAXED);
}

/* Life.  All functions are pure but for the world given. */
void w_init (struct world *w, uint64_t seed, int64_t now_ms);
void w_assign (struct world *to, const struct world *from);  /* copies used slots only; `to` must be a world or zero */
void w_compact (struct world *w);                            /* drops unused strings; canonical order */
void w_pack (const struct world *w, struct sb_buf *out);     /* used slots only */
bool w_unpack (struct world *w, const void *data, size_t n); /* false: not a world of this program */
bool w_is_world (const struct world *w);                     /* false: its counts cannot be */
size_t w_packed_size (const struct world *w);
uint64_t w_digest (const struct world *w); /* of everything but version, clock and history */

/* Text */
const char *w_str (const struct world *w, w_text t); /* never NULL */
w_text w_intern (struct world *w, const char *s);

/* Identifiers: 36 characters and NUL, upper case */
#define W_GUID_TEXT 37
void w_guid_text (const struct world *w, w_guid g, char ret[W_GUID_TEXT]);
void w_guid_bytes (const struct world *w, w_guid g, uint8_t ret[16]); /* as TDS sends a uniqueidentifier */
w_guid w_guid_parse (const struct world *w, const char *text);        /* 0: none of this world */
void w_lsn_hex (w_lsn lsn, char ret[24]);                             /* 00000027:000006b8:0001 */

/* Finding; 0 or NULL: not there.  Names compare without regard to ASCII case. */
w_id w_find_site (const struct world *w, const char *name);
w_id w_find_instance (const struct world *w, const char *name); /* name, host, server name, host:port */
w_id w_find_copy (const struct world *w, w_id instance, const char *database);
w_id w_find_server (const struct world *w, const char *name); /* name or fqdn */
w_id w_find_frontend (const struct world *w, const char *name);
w_id w_find_job (const struct world *w, w_id instance, w_guid guid);
w_id w_find_job_named (const struct world *w, w_id instance, const char *name);
w_id w_find_share (const struct world *w, w_id instance, const char *path); /* the share a path lies in */
w_id w_site_of_host (const struct world *w, const char *host);              /* of any machine; else the tool's site */
struct w_site *w_site (struct world *w, w_id id);
struct w_instance *w_instance (struct world *w, w_id id);
struct w_copy *w_copy (struct world *w, w_id id);
struct w_session *w_session (struct world *w, w_id instance, uint16_t spid);
/* The other half of a mirrored copy; NULL: not there. */
struct w_copy *w_partner (struct world *w, const struct w_copy *c);

/* Who is there */
bool w_linked (const struct world *w, w_id site_a, w_id site_b);       /* both powered, link up, or the same site */
bool w_answers (const struct world *w, w_id instance);                 /* powered and running */
bool w_reaches (const struct world *w, w_id from_site, w_id instance); /* a client there can talk to it */
bool w_central_answers (const struct world *w, w_id from_site);

/* Lines of forks */
/* Does position (fork, lsn) lie on the line that ends at (line, horizon)? */
bool w_on_line (const struct world *w, w_id line, w_lsn horizon, w_id fork, w_lsn lsn);
bool w_copy_has (const struct world *w, w_id copy, w_id fork, w_lsn lsn);

/* Can a session read or write it?  0, or the number that says why not (927, 942, 954, 955, 956, 922, 923, 924, 3906). */
int w_copy_readable (const struct world *w, w_id copy, uint16_t spid);
int w_copy_writable (const struct world *w, w_id copy, uint16_t spid);

#endif
