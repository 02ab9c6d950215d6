/* The inside of a replay's lab, shared by wire.c (processes and commands),
 * wire_begin.c (users, and the world a workflow begins in) and wire_shadow.c
 * (the lab's world as a state); nobody else includes it. */
#ifndef SB_PROVE_WIRE_INT_H
#define SB_PROVE_WIRE_INT_H

#include "prove/wire.h"

#define WIRE_WORLD_MS 60000 /* until replication, a mirror or a job has done what it does */

struct wire_words {
    const char *list[96];
    size_t count;
};

void wire_word (struct wire_words *w, const char *text);
struct wire_words wire_own_words (const struct p_wire *w, const char *verb); /* with topology, state and plugins */
/* Runs the product to its end.  False: it did not end well; `faults` says how. */
bool wire_command (struct p_wire *w, const struct wire_words *words, struct sb_buf *ret_out, struct sb_faults *faults);
/* `switchback lab fault`, with up to three words. */
bool wire_fault (struct p_wire *w, const char *a, const char *b, const char *c, struct sb_faults *faults);

struct world *wire_world (struct p_wire *w);
/* Names are those of the models' world, which has the same ids: a snapshot of the lab's lives only until the next one. */
const char *wire_site_name (const struct p_wire *w, w_id site);
/* A user of this server writes a message, which is acknowledged and found in the lab's rows. */
bool wire_say (struct p_wire *w, w_id server, struct sb_faults *faults);
/* Traffic, and then what the workflow begins with. */
bool wire_begin_world (struct p_wire *w, struct sb_faults *faults);

#endif
