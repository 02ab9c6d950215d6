/* Stands in until lab/tds has its function; then this file goes. */
#include "lab/tds/tds_door.h"

#include <stdio.h>

int
lab_tds_start (const struct lab_door_cfg *doors, size_t n)
{
    (void) doors;
    (void) n;
    fprintf (stderr, "the doors of lab/tds are not built in yet\n");
    return 0;
}
