/* The TDS doors of one site: every SQL instance listens here. */
#ifndef SB_LAB_TDS_DOOR_H
#define SB_LAB_TDS_DOOR_H

#include "lab/world/door.h"

/* What is asked of clients that speak TLS: everything encrypted (the default), what they want (a client may encrypt
 * its login only), or nothing.  A door says it in its configuration; where that says nothing else, this does, called
 * before lab_tds_start(). */
enum lab_tds_tls { LAB_TDS_TLS_FORCED = 0, LAB_TDS_TLS_OPTIONAL, LAB_TDS_TLS_NONE };
void lab_tds_policy (enum lab_tds_tls wanted);

/* Starts one listener per entry, in threads of its own, and returns when all of them accept connections (or, for an
 * instance that is switched off, wait for W_EV_OPEN).  The configuration must stay.  0, or -1 with a line on stderr.
 * The process ends them. */
int lab_tds_start (const struct lab_door_cfg *doors, size_t n);

#endif
