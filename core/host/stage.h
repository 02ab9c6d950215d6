/* Rehearsals: somebody beside a run may decide when each call of it begins and
 * when its answer is heard, so that a moment which lasts a millisecond can be
 * kept for as long as it takes to do something at it.
 *
 * SWITCHBACK_STAGE names a UNIX socket.  Where it is set, a worker connects
 * before it performs a call of a step, and again before it sends the answer,
 * says one line and goes on when the other side closes the connection:
 *
 *   begin PID ID STEP VERB          answer PID ID STEP VERB WORD     (tabs between them)
 *
 * ID is sb_call_spec.id; WORD is what the plugin returned.  Whoever listens cannot change
 * a call or an answer.  Where the variable is not set, or nobody listens, or
 * after two minutes, the worker goes on at once; deadlines go on meanwhile. */
#ifndef SB_HOST_STAGE_H
#define SB_HOST_STAGE_H

#include "core/host/call.h"

void sb_stage_begin (const struct sb_call_in *in);
void sb_stage_answer (const struct sb_call_in *in, const struct sb_call_out *out);

#endif
