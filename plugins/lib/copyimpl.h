/* What the parent (copy.c) and the lanes (lane.c) of one copy share; see copy.h. */
#ifndef SB_PLUGINS_COPYIMPL_H
#define SB_PLUGINS_COPYIMPL_H

#include "plugins/lib/copy.h"

#include <stdatomic.h>

#define SB_COPY_BLOCK (4 << 20)
#define SB_COPY_UNIT  8 /* blocks */

struct sb_unit {
    size_t file;
    uint32_t first, count; /* blocks */
};

/* In memory that parent and lanes share. */
struct sb_copy_shared {
    atomic_size_t next_unit;
    atomic_llong done, copied; /* bytes */
    atomic_int stop;
    atomic_int lane_error; /* errno of a lane that got no connection */
};

struct sb_copy_slot {
    atomic_uint units_left;
    atomic_int how, error; /* enum sb_copied */
};

struct sb_copy_work {
    struct sb_copy *c;
    struct sb_copy_shared *shared;
    struct sb_copy_slot *slots;
    atomic_ullong *sums; /* of all blocks; 0: not known */
    size_t *first_sum;   /* by file */
    struct sb_unit *units;
    size_t nunits, cunits, nsums;
    void *map;
    size_t map_size;
    void (*tick) (struct sb_copy_work *); /* between two pieces, when the lane is the parent itself; NULL else */
    int64_t began_ms, told_ms;
};

/* First bytes of a .sums file. */
struct sb_sums_head {
    char magic[8];
    int64_t size, mtime_ns, block;
};

uint32_t sb_copy_blocks (int64_t size);
bool sb_copy_is_large (int64_t size); /* has a .sums, is synced on its own */

/* Takes units until none is left or the copy shall stop. */
void sb_copy_lane (struct sb_copy_work *w, struct sb_store *from, struct sb_store *to);

#endif
