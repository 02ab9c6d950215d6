/* What a story hears of; nothing happens without a teller. */
#ifndef SB_PROVE_STORY_H
#define SB_PROVE_STORY_H

#include "core/base/buf.h"
#include "core/base/map.h"
#include "prove/prove.h"

struct p_script;
struct p_teller {
    struct sb_buf text;
    unsigned count;
    struct sb_map told;      /* rules whose breach was told */
    struct p_script *script; /* script.c writes along; NULL: nobody does */
};

void p_tell_record (struct p_run *r, const struct sb_engine_record *rec);
void p_tell_answer (struct p_run *r, const struct p_call *call, unsigned word, const struct d_answer *a);
void p_tell_end (struct p_run *r, const struct p_call *call, enum p_end end);
void p_tell_ghost (struct p_run *r, const struct p_call *call);
void p_tell_gate (struct p_run *r, uint32_t step, bool yes);
void p_tell_event (struct p_run *r, size_t index);
void p_tell_lost (struct p_run *r, const struct p_call *call);
void p_tell_broken (struct p_run *r, const struct p_broken *b);
void p_tell_death (struct p_run *r, bool servers_go_on);
/* For scripts only. */
void p_tell_choice (struct p_run *r, struct p_choice choice, const struct p_call *at); /* at: NULL, no call is due */
void p_tell_begin (struct p_run *r, const struct p_call *call);
void p_tell_step (struct p_run *r, const struct p_call *call, bool changed); /* it went on and has not ended */
void p_tell_over (struct p_run *r);                                          /* the history has ended */

#endif
