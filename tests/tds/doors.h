/* More doors into a lab that runs, opened by this process on ports of its own:
 * for tests of other TLS policies and of bytes that no client would send. */
#ifndef SB_TESTS_TDS_DOORS_H
#define SB_TESTS_TDS_DOORS_H

#include "lab/tds/tds_door.h"

#include <jansson.h>

struct extra_doors {
    json_t *lab; /* DIR/lab.json */
    struct lab_door_cfg *list;
    size_t n;
};

/* Reads DIR/lab.json and opens a door for every instance; false with a line on stderr. */
int extra_doors_open (struct extra_doors *d, const char *dir, enum lab_tds_tls tls);

#endif
