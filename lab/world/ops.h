/* What can be done to the world: one kind per thing that a statement, a cmdlet
 * or a fault can do.  Doors fill a struct w_op and send it (client.h); tests and
 * exploration call w_run() in the process.  The answer is numbers and arguments in order,
 * never text: the door renders messages. */
#ifndef SB_LAB_WORLD_OPS_H
#define SB_LAB_WORLD_OPS_H

#include "lab/world/files.h"
#include "lab/world/world.h"

/* `db` is the database; what else is read stands behind each kind.  [v0..] says what `value` of the answer holds. */
enum w_op_kind {
    W_OP_NONE,
    /* sessions */
    W_OP_LOGIN,     /* instance; name[0] login, name[1] client host, name[2] program, db (may be empty); n[0] pid,
                          W_WITH_SYSADMIN; [v0 spid] [v1 copy, 0: a system database]; 4060 when db cannot be opened;
                          status W_UNREACHABLE: drop the connection without an answer */
    W_OP_LOGOUT,    /* spid; always succeeds; a work of the session goes on */
    W_OP_USE,       /* db; [v1 copy]; 911 927 942 954 955 956 922 923 924 */
    W_OP_KILL,      /* n[0] spid of the victim; 6104 6106 6107 */
    W_OP_TRAN,      /* n[0] 1 begun, 0 ended */
    W_OP_STATEMENT, /* path[0] beginning of the statement's text: faults; [v0 ms that it takes more]; status W_FAILED
                          with the number of `fail-next`, or 596 when the session was ended */
    W_OP_ATTENTION, /* n[0] work to be ended: 3204 */
    /* databases */
    W_OP_CREATE_DB, /* db; 1801 */
    W_OP_DROP_DB,   /* db; 911 3701 3702 3743 */
    W_OP_ACCESS,    /* db, n[0] enum w_access, W_WITH_ROLLBACK or W_WITH_NO_WAIT */
    W_OP_OFFLINE,   /* db, W_WITH_ROLLBACK, W_WITH_NO_WAIT */
    W_OP_ONLINE,    /* db */
    W_OP_READ_ONLY, /* db, n[0] 1 read only, 0 read write; W_WITH_ROLLBACK, W_WITH_NO_WAIT */
    W_OP_RECOVERY,  /* db, n[0] enum w_recovery */
    W_OP_OPTION,    /* db, name[0] trustworthy | broker | auto_close, n[0] 0 or 1 */
    W_OP_OWNER,     /* db, name[0] login */
    /* backup and restore */
    W_OP_BACKUP, /* db, path[0], W_WITH_LOG INIT FORMAT COPY_ONLY NORECOVERY NO_TRUNCATE CHECKSUM STANDBY DIFFERENTIAL; name[0]
                          NAME; [v0 pages] [v1 first LSN] [v2 last LSN] [v3 set] */
    W_OP_RESTORE, /* db, path[0], n[0] position (0: 1), W_WITH_LOG NORECOVERY STANDBY REPLACE RESTRICTED; [v0 pages] */
    W_OP_RESTORE_STATE, /* RESTORE DATABASE without FROM; db, W_WITH_NORECOVERY, W_WITH_STANDBY or neither */
    /* mirroring; path[0] is an address */
    W_OP_PARTNER,
    W_OP_PARTNER_OFF,
    W_OP_FAILOVER,
    W_OP_FORCE,
    W_OP_SUSPEND,
    W_OP_RESUME,
    W_OP_SAFETY,  /* n[0] enum w_safety */
    W_OP_TIMEOUT, /* n[0] seconds */
    W_OP_WITNESS,
    W_OP_WITNESS_OFF,
    W_OP_ENDPOINT_CREATE, /* name[0], n[0] port, n[1] enum w_endpoint_state, n[2] enum w_endpoint_role; 7862 */
    W_OP_ENDPOINT_STATE,  /* name[0], n[1] state; 6217 */
    W_OP_ENDPOINT_DROP,   /* name[0] */
    /* log shipping: all need sysadmin (15247) and master */
    W_OP_LS_ADD_PRIMARY, /* db, path[0] directory, path[1] share, name[0] job, name[1] monitor, n: 0 retention, 1 threshold,
                                 2 alert number, 3 alert enabled, 4 history, 5 compression; W_WITH_OVERWRITE; [v0 job
                                 guid] [v1 primary id]; 32007 32009 32015 */
    W_OP_LS_CHANGE_PRIMARY, /* as add; 32010 */
    W_OP_LS_DELETE_PRIMARY, /* db; 32010 32011 */
    W_OP_LS_ADD_PAIR,       /* db, name[0] secondary server, name[1] its database; W_WITH_OVERWRITE; 32010 32012 */
    W_OP_LS_DELETE_PAIR,    /* as add */
    W_OP_LS_ADD_SECONDARY, /* name[0] primary server, db its database, path[0] source, path[1] destination, name[1] copy
                                 job, name[2] restore job, name[3] monitor, n[0] retention; W_WITH_OVERWRITE; [v0 copy job]
                                 [v1 restore job] [v2 secondary id]; 32024 */
    W_OP_LS_CHANGE_SECONDARY, /* the same; 32023 */
    W_OP_LS_DELETE_SECONDARY, /* name[0] primary server, db; 32023 32025 */
    W_OP_LS_ADD_SECONDARY_DB, /* db secondary database, name[0] primary server, name[1] primary database, n: 0 delay, 1 all,
                                 2 mode, 3 disconnect, 4 threshold, 5 alert number, 6 alert enabled, 7 history, 8 block size,
                                 9 buffers, 10 max transfer; W_WITH_OVERWRITE; 32013 32023 */
    W_OP_LS_CHANGE_SECONDARY_DB, /* the same; n[] < 0: leave; 32014 */
    W_OP_LS_DELETE_SECONDARY_DB, /* db; 32014 */
    W_OP_LS_ADD_ALERT_JOB,       /* [v0 job guid] */
    /* Agent; subject is a job */
    W_OP_JOB_START, /* 22022 */
    W_OP_JOB_STOP,
    W_OP_JOB_UPDATE,   /* n[0] enabled 0, 1 or -1: leave; name[0] new name or empty */
    W_OP_JOB_SCHEDULE, /* n[0] every minutes */
    W_OP_JOB_DELETE,
    /* the pool; subject is the front end that runs the cmdlet, or 0 with n[11] = site */
    W_OP_POOL_STATE,    /* n[0] enum w_pool_state */
    W_OP_POOL_ACTIVE,   /* n[0] the whole list as bits; W_POOL_TOO_MANY W_POOL_DARK */
    W_OP_REPLICATE,     /* n[0] bits of servers, -1: all */
    W_OP_CENTRAL_MOVE,  /* n[0] site; W_WITH_FORCE */
    W_OP_SERVICE,       /* n[0] server, n[1] 1 chat, 2 compliance, 3 both, n[2] 1 start, 0 stop */
    W_OP_SERVER_REPORT, /* n[0] server, n[1] clients, n[2] 1: it wrote its ping */
    W_OP_INSTALL_DB,    /* instance; db; n[0] 1: mgc tables, 2: mgccomp tables; W_WITH_REPLACE: -Clean */
    /* the lab */
    W_OP_SITE_POWER,      /* n[0] site, n[1] 1 on, 0 off, n[2] 1: by the power controller (holds off, releases) */
    W_OP_SITE_REBUILD,    /* n[0] site, which has no power: new machines stand where the old ones stood */
    W_OP_INSTANCE_POWER,  /* instance, n[0] 1 on, 0 off */
    W_OP_FRONTEND_POWER,  /* n[0] front end, n[1] */
    W_OP_LINK,            /* n[0], n[1] sites, n[2] 1 join, 0 cut */
    W_OP_FAULT_SLOW,      /* instance, path[0] pattern, n[0] ms */
    W_OP_FAULT_FAIL_NEXT, /* instance, n[0] number, path[0] program name of the sessions meant; empty: all */
    W_OP_FAULT_TRANSIENT, /* instance, n[0] 1404 1421 1438 */
    W_OP_FAULT_WITNESS,   /* instance, n[0] 1 lost, 0 back */
    W_OP_FAULT_AGENT,     /* instance, n[0] 1 running, 0 stopped */
    W_OP_FAULT_DISK,      /* instance or subject = share, n[0] 1 full, 0 room */
    W_OP_FAULT_SHARE,     /* subject = share, n[0] 1 gone, 0 back */
    W_OP_FAULT_CENTRAL,   /* n[0] 1 down, 0 up */
    W_OP_FAULT_REPLICA,   /* subject = chat server, n[0] 1: replication does not reach it, 0 it does */
    W_OP_FAULT_NEXT_HOP,  /* n[0] 1 down, 0 up */
    W_OP_LAST
};

enum {
    W_WITH_LOG = 1 << 0,
    W_WITH_NORECOVERY = 1 << 1,
    W_WITH_STANDBY = 1 << 2,
    W_WITH_REPLACE = 1 << 3,
    W_WITH_INIT = 1 << 4,
    W_WITH_FORMAT = 1 << 5,
    W_WITH_COPY_ONLY = 1 << 6,
    W_WITH_NO_TRUNCATE = 1 << 7,
    W_WITH_CHECKSUM = 1 << 8,
    W_WITH_RESTRICTED = 1 << 9,
    W_WITH_ROLLBACK = 1 << 10,
    W_WITH_NO_WAIT = 1 << 11,
    W_WITH_OVERWRITE = 1 << 12,
    W_WITH_SYSADMIN = 1 << 13,
    W_WITH_FORCE = 1 << 14,
    W_WITH_SKIP = 1 << 15,
    W_WITH_DIFFERENTIAL = 1 << 16
};

/* Numbers of our own, for answers to cmdlets and to the lab; SQL Server has none of these. */
enum {
    W_POOL_DARK = -1,       /* the central store does not answer */
    W_POOL_TOO_MANY = -2,   /* args: how many, limit */
    W_POOL_NO_SERVER = -3,  /* no such server; arg */
    W_POOL_NOT_READY = -4,  /* the computer does not answer; arg */
    W_POOL_BAD_TARGET = -5, /* the target of a central store failover does not run; arg */
    W_LAB_HELD_OFF = -6,    /* the power controller holds the site off; arg */
    W_LAB_NO_SUCH = -7,     /* arg */
    W_LAB_FULL = -8         /* a limit of limits.h; arg: which */
};

enum w_status { W_DONE, W_FAILED, W_WORKING, W_UNREACHABLE };

struct w_msg {
    int32_t number;
    uint8_t state, nargs; /* state 0: the door's default for the number */
    uint16_t arg[4];      /* offsets into w_out.text */
};

struct w_out {
    uint8_t status;  /* enum w_status */
    uint8_t percent; /* of a work */
    uint16_t work;   /* W_WORKING: ask again with this */
    uint16_t nmsgs, nvictims, ntext, reserved;
    int64_t done_ms; /* W_WORKING: when it will be done */
    int64_t value[4];
    struct w_msg msgs[12]; /* in order; information (5060, 14243, 1446) and errors; 3013 and 5069 are in it */
    uint16_t victims[64];  /* sessions that are cut, on the op's instance; doors get events as well */
    char text[1536];
};

/* Does it.  Long work (delay_ms, jobs) is only begun; w_tick() finishes it. */
void w_run (struct world *w, const struct w_files *files, const struct w_op *op, struct w_out *out);
void w_op_init (struct w_op *op, enum w_op_kind kind, w_id instance, uint16_t spid, const char *db);

void w_out_init (struct w_out *out);
void w_out_say (struct w_out *out, int number, const char *fmt, ...) /* fmt: arguments joined by \1; NULL: none */
        __attribute__ ((format (printf, 3, 4)));
const char *w_out_arg (const struct w_out *out, const struct w_msg *m, unsigned i); /* never NULL */
bool w_out_has (const struct w_out *out, int number);

/* Rows.  Before a row change is stored the world says whether it may be and at which LSN it is.
 * True: *ret_fork and *ret_first are where the first of `count` records goes, the others follow at W_LSN_STEP. */
bool w_append (struct world *w, w_id copy, uint16_t spid, unsigned count, w_id *ret_fork, w_lsn *ret_first,
               struct w_out *out);

/* Finishes what is due: works, jobs, mirroring, replication.  `finished` gets (work id, outcome) of statements. */
typedef void (*w_finished_fn) (void *ctx, const struct w_op *op, uint16_t work, const struct w_out *out);
void w_tick (struct world *w, const struct w_files *files, int64_t now_ms, w_finished_fn finished, void *ctx);
int64_t w_next_due (const struct world *w); /* when w_tick() is next needed */

/* Events: what doors must do because of something elsewhere; collected while operations run. */
enum w_event_kind {
    W_EV_CUT = 1, /* session `spid` of `instance` ends: 596 when a request is under way, else the socket just closes */
    W_EV_CLOSE,   /* the listener of `instance` (or front end) closes and all its sessions are reset */
    W_EV_OPEN,    /* it listens again */
    W_EV_FRONT_CLOSE,
    W_EV_FRONT_OPEN /* `instance` is the id of a front end */
};
struct w_event {
    uint16_t kind;
    w_id instance;
    uint16_t spid;
    uint16_t killed; /* 1: by KILL or ROLLBACK IMMEDIATE (596), 0: the connection is simply lost */
};
/* Takes the events collected since the last call in this thread; at most `max`. */
size_t w_events_take (struct w_event *ret, size_t max);

#endif
