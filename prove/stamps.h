/* Times in names of files as ranks; stamps.c. */
#ifndef SB_PROVE_STAMPS_H
#define SB_PROVE_STAMPS_H

#include "core/base/buf.h"

#include <stdint.h>

#define P_STAMPS 200

struct p_stamps {
    char list[P_STAMPS + 1][14]; /* in order */
    unsigned count;
};

void p_stamps_meet (struct p_stamps *s, const char *text); /* of all texts, before one is put */
/* The text with its time replaced by its rank, ended by a zero. */
void p_stamps_put (const struct p_stamps *s, const char *text, struct sb_buf *out);

#endif
