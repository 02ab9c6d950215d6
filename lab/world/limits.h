/* How many of each thing a world can hold, in one place.  Raise a number and
 * build again: the state file, copies and the wire carry the used slots only, so
 * small worlds stay small whatever is written here.  They suffice for 200 instances
 * and for 1,000 databases of four copies each, shipped and failed over. */
#ifndef SB_LAB_WORLD_LIMITS_H
#define SB_LAB_WORLD_LIMITS_H

#define W_NAME 132 /* bytes of a name with its NUL */
#define W_PATH 520 /* bytes of a path with its NUL */

#define W_MAX_SITES         4
#define W_MAX_INSTANCES     256
#define W_MAX_COPIES        4352 /* (instance, database) pairs */
#define W_MAX_FORKS         8192
#define W_MAX_FAMILIES      2048
#define W_MAX_SERVERS       16 /* chat servers */
#define W_MAX_FRONTENDS     8
#define W_MAX_SHARES        64
#define W_MAX_JOBS          8192
#define W_MAX_PRIMARIES     4352 /* log shipping */
#define W_MAX_PAIRS         4352 /* log_shipping_primary_secondaries */
#define W_MAX_SECONDARIES   4352
#define W_MAX_SECONDARY_DBS 4352
#define W_MAX_SESSIONS      2048
#define W_MAX_WORKS         64   /* long statements under way */
#define W_MAX_HISTORY       8192 /* backups and restores remembered, all instances together; see W_HISTORY_LEAST */
#define W_MAX_RUNS          8    /* runs remembered per job */
#define W_TEXT_UNIT         8    /* a string begins at a multiple of this */
#define W_MAX_TEXT          (65535 * W_TEXT_UNIT) /* bytes of all strings together: a string's place has sixteen bits */

/* A small world remembers so much history, a large one eight times its copies (world.limit_history). */
#define W_HISTORY_LEAST 192

#endif
