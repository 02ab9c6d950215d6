/* How many of each thing a world can hold, in one place.  Raise a number and
 * build again: the state file and the wire carry the used slots only, so small
 * worlds stay small whatever is written here. */
#ifndef SB_LAB_WORLD_LIMITS_H
#define SB_LAB_WORLD_LIMITS_H

#define W_NAME 132 /* bytes of a name with its NUL */
#define W_PATH 520 /* bytes of a path with its NUL */

#define W_MAX_SITES         4
#define W_MAX_INSTANCES     32
#define W_MAX_COPIES        64 /* (instance, database) pairs */
#define W_MAX_FORKS         256
#define W_MAX_FAMILIES      64
#define W_MAX_SERVERS       16 /* chat servers */
#define W_MAX_FRONTENDS     8
#define W_MAX_SHARES        12
#define W_MAX_JOBS          64
#define W_MAX_PRIMARIES     32 /* log shipping */
#define W_MAX_PAIRS         32 /* log_shipping_primary_secondaries */
#define W_MAX_SECONDARIES   32
#define W_MAX_SECONDARY_DBS 32
#define W_MAX_SESSIONS      256
#define W_MAX_WORKS         8     /* long statements under way */
#define W_MAX_HISTORY       192   /* backups and restores remembered, all instances together */
#define W_MAX_RUNS          8     /* runs remembered per job */
#define W_MAX_TEXT          60000 /* bytes of all strings together; at most 65535 */

#endif
