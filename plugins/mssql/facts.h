/* What stands on an instance: the copy of the database, its users, its log
 * shipping definition, its Agent jobs, its clock.  Reads only; decides nothing.
 *
 * Functions that return false have told the host why (sb_fail) and set ms->rc. */
#ifndef SB_MSSQL_FACTS_H
#define SB_MSSQL_FACTS_H

#include "plugins/mssql/ms.h"

/* The copy of the database.  Strings are never NULL; "" is "none". */
struct sb_copy {
    bool there;
    const char *state;    /* ONLINE, RESTORING, RECOVERING, OFFLINE, ...; "absent" */
    const char *access;   /* MULTI_USER, RESTRICTED_USER, SINGLE_USER */
    const char *recovery; /* FULL, BULK_LOGGED, SIMPLE */
    bool standby, read_only;
    bool mirrored;
    const char *session;   /* mirroring_guid */
    const char *role;      /* PRINCIPAL, MIRROR */
    const char *mirroring; /* SYNCHRONIZED, ... */
    const char *safety;    /* FULL, OFF */
    const char *partner;   /* TCP://host:port */
    const char *partner_instance;
    const char *witness, *witness_state;
    const char *redo_lsn, *redo_fork; /* of a restoring copy */
    const char *end_lsn;              /* of a mirrored copy: end of its log on disk */
    const char *failover_lsn;         /* of a mirrored copy: up to here both partners have the log on disk */
};

bool sb_copy_read (struct sb_inst *i, struct sb_copy *ret);
bool sb_copy_is (const struct sb_copy *c, const char *state);
bool sb_copy_is_mirror (const struct sb_copy *c);
/* Clients can write to it: ONLINE, not a mirror, not read-only, not standby. */
bool sb_copy_serves (const struct sb_copy *c);
/* "ONLINE, principal, SYNCHRONIZED". */
const char *sb_copy_words (struct sb_ms *ms, const struct sb_copy *c);

/* Somebody else's session in the database. */
struct sb_user {
    int64_t spid;
    const char *host, *program, *login;
};
bool sb_users_read (struct sb_inst *i, struct sb_user **ret, size_t *ret_count);
const char *sb_users_words (struct sb_ms *ms, const struct sb_user *users, size_t count);

/* A statement of ours still runs there on this database, in another session: its end must be awaited. */
bool sb_ours_at_work (struct sb_inst *i);

/* The log shipping definition.  Strings may be NULL. */
struct sb_primary {
    bool there;
    const char *id, *directory, *share, *job, *last_file;
    struct sb_rows secondaries; /* secondary_server, secondary_database */
};
struct sb_secondary {
    size_t count; /* definitions of this database; one is right */
    const char *id, *primary_server, *primary_database, *source, *destination, *copy_job, *restore_job;
    const char *last_copied, *last_restored;
    int64_t mode, delay, all;
};
bool sb_primary_read (struct sb_inst *i, struct sb_primary *ret);
bool sb_secondary_read (struct sb_inst *i, struct sb_secondary *ret);

/* Times of the server. */
struct sb_clock {
    int64_t utc_ms;
    int64_t ahead_ms; /* local time minus UTC */
};
bool sb_clock_read (struct sb_inst *i, struct sb_clock *ret);
/* A local time of that server as UTC text; NULL stays NULL. */
const char *sb_clock_utc (struct sb_ms *ms, const struct sb_clock *c, const char *local);

bool sb_agent_runs (struct sb_inst *i, bool *ret);

/* The newest set that was restored into the copy; `guid` NULL: none is known. */
struct sb_restored {
    const char *guid, *type, *first_lsn, *last_lsn, *family, *start, *finish; /* times in UTC */
};
bool sb_restored_read (struct sb_inst *i, bool full_only, struct sb_restored *ret);

/* The file's name without folders, whichever way they are written. */
const char *sb_base_name (const char *path);

#endif
