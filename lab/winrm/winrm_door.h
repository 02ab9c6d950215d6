/* The WS-Man doors of one site: every front end listens here over HTTPS. */
#ifndef SB_LAB_WINRM_DOOR_H
#define SB_LAB_WINRM_DOOR_H

#include "lab/world/door.h"

/* As lab_tds_start(). */
int lab_winrm_start (const struct lab_door_cfg *doors, size_t n);

#endif
