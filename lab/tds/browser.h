/* SQL Browser of the machines of a site: who asks for a named instance at UDP 1434 of its machine's address is told its
 * port.  It runs as long as its machine has power, whether the instance runs or not. */
#ifndef SB_TDS_BROWSER_H
#define SB_TDS_BROWSER_H

#include "lab/world/door.h"

/* One thread answers for all doors that have a name (`named`); none of them: nothing happens.  The configuration must
 * stay.  0, or -1 with a line on stderr. */
int lab_browser_start (const struct lab_door_cfg *doors, size_t n);

#endif
