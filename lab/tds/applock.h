/* Application locks of one instance: sp_getapplock, sp_releaseapplock, APPLOCK_MODE, APPLOCK_TEST.
 *
 * Knows: who holds which resource in which mode, for the session or for its transaction; which modes bear each other.
 * Promises: what a session or a transaction held is free when it ends, however it ends.  Leaves to others: waiting. */
#ifndef SB_TDS_APPLOCK_H
#define SB_TDS_APPLOCK_H

#include <stdbool.h>
#include <stddef.h>

struct tds_door;
struct tds_session;

enum tds_lock_mode { TDS_LOCK_NONE = 0, TDS_LOCK_IS, TDS_LOCK_S, TDS_LOCK_U, TDS_LOCK_IX, TDS_LOCK_SIX, TDS_LOCK_X };

struct tds_applock {
    struct tds_session *owner;
    int spid, database;
    bool transaction;  /* ends with the owner's transaction, else with the session */
    unsigned count[7]; /* by mode: as often it must be released */
    char *principal, *resource;
};

struct tds_applocks {
    struct tds_applock *list;
    size_t count, cap;
};

/* "Exclusive", "IntentShared"; TDS_LOCK_NONE: no such mode. */
enum tds_lock_mode tds_lock_mode_named (const char *name);
/* As APPLOCK_MODE says it: "NoLock", "Shared", "SharedIntentExclusive". */
const char *tds_lock_mode_name (enum tds_lock_mode mode);
/* As sys.dm_tran_locks says it: "S", "X". */
const char *tds_lock_mode_short (enum tds_lock_mode mode);
/* The strongest mode that is held. */
enum tds_lock_mode tds_applock_mode (const struct tds_applock *l);

/* The lock of the session on a resource; NULL: none.  The door's lock must be held by the caller of all that follows. */
struct tds_applock *tds_applock_find (struct tds_applocks *all, const struct tds_session *s, int database,
                                      const char *principal, const char *resource, bool transaction);
/* Is another session in the way? */
bool tds_applock_free (const struct tds_applocks *all, const struct tds_session *s, int database, const char *principal,
                       const char *resource, enum tds_lock_mode mode);
void tds_applock_take (struct tds_applocks *all, struct tds_session *s, int database, const char *principal,
                       const char *resource, bool transaction, enum tds_lock_mode mode);
/* Gives back one; false: it was not held. */
bool tds_applock_give (struct tds_applocks *all, struct tds_session *s, int database, const char *principal,
                       const char *resource, bool transaction);

/* The end of a session's transaction, or of the session; these lock the door themselves. */
void tds_applocks_end (struct tds_session *s, bool session);

#endif
