/* One run per pool across hosts: a lock on a file in the log share of the backup
 * site, where every host that could run a workflow meets.  The file server
 * decides who holds it and lets it go when the holder's host is gone.
 *
 * A share may hang, so a process of its own (`switchback __hold`) opens, locks
 * and watches the file; it dies with its parent, and nobody waits for it longer
 * than he said.  A share that cannot be reached keeps nobody from running: its
 * site may be the one that is lost.  That is noted in the journal. */
#ifndef SB_ENGINE_HOLD_H
#define SB_ENGINE_HOLD_H

#include "core/base/fault.h"
#include "core/base/mem.h"
#include "core/model/topology.h"

#include <stdbool.h>
#include <sys/types.h>

struct sb_hold {
    pid_t pid; /* 0: nothing is held */
    int fd;    /* readable when the hold was lost; -1: none */
};
#define SB_HOLD_NONE ((struct sb_hold){ 0, -1 })

enum sb_held {
    SB_HELD,      /* *ret_text: with take_over, from whom, or NULL */
    SB_HELD_BUSY, /* *ret_text: who holds it */
    SB_HELD_NOT   /* it could not be taken: *ret_text says why; NULL: the topology has no share for it */
};

struct sb_hold_cfg {
    const char *program; /* that knows __hold */
    const struct sb_topology *topology;
    const char *label; /* "run X, pid N": the host is added */
    bool take_over;    /* put the file of another holder aside; he is told by finding it gone */
    int64_t ms;        /* how long the share may take to answer */
};

/* *ret_text: caller frees. */
enum sb_held sb_hold_take (struct sb_hold *h, const struct sb_hold_cfg *cfg, char **ret_text);
void sb_hold_let_go (struct sb_hold *h);
/* Where it is; NULL: no share of the topology has a path here. */
char *sb_hold_path (struct sb_arena *a, const struct sb_topology *t);
/* `switchback __hold PATH LABEL [take-over]`: says "held", "held FROM", "busy WHO" or "not WHY", then "lost" when the file
 * is another one. */
int sb_hold_main (int argc, char **argv);

#endif
