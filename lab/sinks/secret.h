/* Comparing what a client shows with a secret of the lab: the first line of
 * DIR/secrets/NAME.secret, read anew each time so that a test may change it.
 * Takes as long for a wrong byte at the end as for one at the beginning. */
#ifndef SB_LAB_SINKS_SECRET_H
#define SB_LAB_SINKS_SECRET_H

#include <stddef.h>

enum lab_secret { LAB_SECRET_NONE, LAB_SECRET_WRONG, LAB_SECRET_RIGHT }; /* NONE: no such file, or an empty line */

enum lab_secret lab_secret_check (const char *dir, const char *name, const char *shown, size_t n);

#endif
