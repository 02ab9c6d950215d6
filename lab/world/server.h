/* The world as a process: one poll loop that owns the state, the rows, the clock
 * and the state file, and answers doors (rpc.h).  Starting and killing the
 * process groups of sites is somebody else's work: it is told through `site`. */
#ifndef SB_LAB_WORLD_SERVER_H
#define SB_LAB_WORLD_SERVER_H

#include "core/base/buf.h"
#include "core/base/fault.h"
#include "lab/world/ops.h"

struct w_server_cfg {
    const char *dir;
    int ready_fd;  /* one byte is written when doors may come; -1: nobody waits */
    int owner_fd;  /* the lab ends when it closes; -1: none */
    int signal_fd; /* the lab ends when a signal comes; -1: none */
    void *ctx;
    void (*site) (void *ctx, struct world *w, w_id site, bool powered); /* power came or went; also once at the start */
    void (*turn) (void *ctx, struct world *w);                          /* after every turn of the loop; may be NULL */
    void (*ended) (void *ctx);                                          /* before DIR/world.sock goes; may be NULL */
};

/* Reads DIR/state; false with one fault when there is none that can be used. */
bool w_state_load (const char *dir, struct world *w, struct sb_faults *faults);
bool w_state_save (const char *dir, const struct world *w, struct sb_faults *faults);
/* Keeps the file up to date: `changes` (delta.h) since the last call, which made the world what it is now. */
struct w_keeper {
    int fd;       /* -1: nothing was saved yet */
    size_t added; /* bytes behind the whole */
};
bool w_keeper_save (struct w_keeper *k, const char *dir, const struct world *w, const struct sb_buf *changes,
                    struct sb_faults *faults);
void w_keeper_close (struct w_keeper *k);
/* Adds the tables of a chat database that was made (w_made_fn; ctx is DIR). */
void w_state_tables (void *dir, struct world *w, w_id copy, int tables);

/* Serves until it is told to stop; 0, or -1 with faults. */
int w_server_run (const struct w_server_cfg *cfg, struct world *w, struct sb_faults *faults);

#endif
