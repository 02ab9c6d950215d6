/* Building a world: its things by name, and for each database the steady state
 * of a stretched pool (pool sheet 3.1, 6.3 to 6.5), by the same operations that
 * an administrator would use. */
#ifndef SB_LAB_WORLD_SETUP_H
#define SB_LAB_WORLD_SETUP_H

#include "lab/world/ops.h"

w_id w_add_site (struct world *w, const char *name);
/* `host` is its name in the network; the endpoint listens on `endpoint_port` as partner and witness. */
w_id
w_add_instance (struct world *w, const char *name, const char *host, w_id site, uint16_t port, uint16_t endpoint_port);
w_id w_add_server (struct world *w, const char *name, const char *fqdn, w_id site, bool active);
w_id w_add_frontend (struct world *w, const char *name, const char *host, w_id site, uint16_t port);
/* unc: \\host\share, or a folder on a drive of `instance`. */
w_id w_add_share (struct world *w, const char *name, const char *unc, w_id site, w_id instance);

struct w_database_plan {
    const char *name;
    w_id primary, mirror, witness, backup; /* 0: none */
    const char *primary_share;             /* where the log backups go, as SQL Server sees it; NULL: no log shipping */
    const char *copy_folder;
    const char *seed_folder; /* where the first full backup goes; NULL: primary_share */
    int tables;              /* 1: those of mgc, 2: of mgccomp, 0: none */
    int shipping_min;        /* schedule of the jobs in minutes */
};

/* Called when a database was made and its tables are due. */
typedef void (*w_made_fn) (void *ctx, struct world *w, w_id copy, int tables);

/* Creates, backs up, mirrors and ships one database and lets the clock run until a log backup has gone all the way.
 * False: `out` says which operation was refused. */
bool w_setup_database (struct world *w, const struct w_files *files, const struct w_database_plan *p, w_made_fn made,
                       void *ctx, struct w_out *out);

#endif
