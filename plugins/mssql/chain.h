/* Which log backups continue a copy, in which order, and why the others do not.
 *
 * Pure: headers and a point in, a decision out.  The rules are those of the
 * server (messages 4305, 4326, 4330): a log applies when it begins at or before
 * the redo point and ends after it, on a fork that leads through the point.
 * File names and dates decide nothing: with both partners writing to one share
 * they carry two clocks. */
#ifndef SB_MSSQL_CHAIN_H
#define SB_MSSQL_CHAIN_H

#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the header of one set says.  Absent values are NULL. */
struct sb_set {
    const char *path;         /* as the server sees it */
    const char *database;     /* DatabaseName */
    const char *family;       /* FamilyGUID */
    const char *fork;         /* RecoveryForkID: the fork on which the set ends */
    const char *first_fork;   /* FirstRecoveryForkID: the fork on which it begins */
    const char *fork_point;   /* ForkPointLSN, where the two differ */
    const char *first, *last; /* FirstLSN, LastLSN (the latter exclusive) */
    const char *checkpoint;   /* CheckpointLSN */
    const char *finish;       /* BackupFinishDate, UTC text */
    const char *start;        /* BackupStartDate, UTC text */
    const char *guid;         /* BackupSetGUID */
    const char *recovery;     /* RecoveryModel */
    int64_t size;             /* BackupSize, bytes */
    int type;                 /* BackupType: 1 full, 2 log, 5 differential */
    int position;             /* FILE = n */
    bool tail;                /* IsForceOffline: taken WITH NORECOVERY */
    bool copy_only, checksums;
    bool damaged;        /* IsDamaged, or found incomplete */
    const char *trouble; /* the header could not be read: why; then the rest is NULL */
};

enum sb_chain_verdict {
    SB_CHAIN_APPLY = 0,
    SB_CHAIN_APPLIED, /* ends at or before the point: nothing new in it */
    SB_CHAIN_NOT_LOG, /* not a log backup */
    SB_CHAIN_FOREIGN, /* another database or family */
    SB_CHAIN_OTHER_FORK,
    SB_CHAIN_GAP, /* begins after everything that can be reached */
    SB_CHAIN_DAMAGED,
    SB_CHAIN_UNREADABLE,
    SB_CHAIN_DOUBLE /* another set covers the same stretch */
};

/* Where the copy stands. */
struct sb_point {
    const char *database; /* name, compared without case */
    const char *family;   /* NULL: unknown, not compared */
    const char *lsn;      /* redo point */
    const char *fork;     /* fork of the redo point; NULL: unknown, not compared */
};

struct sb_chain {
    size_t *order; /* indexes of the sets to apply, in order */
    size_t count;
    enum sb_chain_verdict *verdicts; /* one for each set */
    const char *end;                 /* the point reached when all of them are applied */
    const char *gap_from, *gap_to;   /* the missing stretch, when a set lies behind one; else NULL */
};

/* Everything returned lives in the arena or in the sets. */
void sb_chain_decide (struct sb_arena *a, const struct sb_set *sets, size_t count, const struct sb_point *point,
                      struct sb_chain *ret);

/* "damaged", "on another recovery fork", ... for reports. */
const char *sb_chain_word (enum sb_chain_verdict v);
/* The set is something the operator must hear about: it should have been usable, or would continue the copy. */
bool sb_chain_is_trouble (enum sb_chain_verdict v);

#endif
