/* The TDS doors of one site: every SQL instance listens here. */
#ifndef SB_LAB_TDS_DOOR_H
#define SB_LAB_TDS_DOOR_H

#include "lab/world/door.h"

/* Starts one listener per entry, in threads of its own, and returns when all of them accept connections (or, for an
 * instance that is switched off, wait for W_EV_OPEN).  The configuration must stay.  0, or -1 with a line on stderr.
 * The process ends them. */
int lab_tds_start (const struct lab_door_cfg *doors, size_t n);

#endif
