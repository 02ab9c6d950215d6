/* What may leave a worker: text without secrets, without bytes that are not
 * UTF-8, without control characters, and not longer than allowed.  Every log
 * line, sentence, progress word and result passes here.  A secret is looked for
 * as it is, percent-encoded and as it stands inside a JSON string. */
#ifndef SB_HOST_SCRUB_H
#define SB_HOST_SCRUB_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct sb_scrub {
    char **words; /* longest first */
    size_t count, cap;
};

#define SB_SCRUBBED "********"

/* Remembers a secret; an empty one is nothing to hide. */
void sb_scrub_add (struct sb_scrub *s, const char *secret);

/* Adds the cleaned text to `out`: at most `limit` bytes, then "...".  `lines`: newlines stay. */
void sb_scrub_text (const struct sb_scrub *s, const char *text, size_t limit, bool lines, struct sb_buf *out);

/* Wipes and forgets. */
void sb_scrub_release (struct sb_scrub *s);

#endif
