/* Secrets, from references as they stand in a topology:
 *
 *   file:PATH          relative to the folder of the topology; a regular file of root or the caller that nobody
 *                      else can read, at most 64 KiB; one newline at its end is cut
 *   env:NAME           an environment variable
 *   command:WORDS      a program's standard output; words are parted by blanks, "..." keeps blanks; no shell
 *   credential:NAME    the file of that name in $CREDENTIALS_DIRECTORY (systemd.exec(5), LoadCredential=)
 *
 * Anything else is refused: a secret never stands in the topology itself. */
#ifndef SB_HOST_SECRET_H
#define SB_HOST_SECRET_H

#include "core/base/fault.h"

#include <stdint.h>

#define SB_SECRET_MAX 65536u

/* The secret, or NULL with one fault that does not quote it.  The caller wipes and frees (sb_secret_free). */
char *sb_secret_read (const char *reference, const char *base, int64_t deadline, struct sb_faults *faults);
void sb_secret_free (char *secret); /* NULL is fine */

#endif
