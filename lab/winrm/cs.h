/* The cmdlets of the chat pool's management shell (pool sheet 2.6 and 3.2), as a
 * table for ps.h, and what they need of the world.  A cmdlet that writes the
 * central store fails while that store does not answer from the front end's site. */
#ifndef SB_LAB_WINRM_CS_H
#define SB_LAB_WINRM_CS_H

#include "lab/winrm/ps.h"
#include "lab/world/client.h"
#include "lab/world/door.h"

/* One process on a front end: ps_host.world. */
struct cs_world {
    const struct lab_door_cfg *door;
    struct w_client *client; /* opened when first needed */
    w_id frontend;
    bool alone; /* signed in by a ticket that was not handed on: no other server lets this user in */
};

extern const struct ps_cmdlet cs_cmdlets[]; /* ends with a NULL name */
void cs_world_close (struct cs_world *w);

#endif
