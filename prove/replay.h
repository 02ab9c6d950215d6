/* `switchback lab replay SEED`: the story of a seed over the real wire. */
#ifndef SB_PROVE_REPLAY_H
#define SB_PROVE_REPLAY_H

#include "prove/wire.h"

/* Exit codes besides those of every command. */
enum { P_REPLAY_SAME = 0, P_REPLAY_OTHER = 1, P_REPLAY_CONFIG = 3, P_REPLAY_IMPOSSIBLE = 7 };

/* Plays it and tells each step on stdout; `dir` NULL: a folder of its own that is gone afterwards. */
int p_replay (struct p_case *c, const struct p_input *in, const char *seed, const char *dir, bool json);

/* sample.c: `count` histories of the budget, chosen by `dice`, each with its seed and what it comes to. */
struct p_sampling {
    unsigned count;
    uint64_t dice;
    bool playable; /* only those that can be played over the wire */
};
int p_sample (struct p_case *c, const struct p_budget *b, const struct p_sampling *s, bool json);

/* conduct.c: the stage where workers of the run wait until it is their turn. */
struct p_conduct {
    struct p_script *script;
    struct p_wire *wire;
    int listener;
    uint16_t life;
    struct p_cue *cue; /* that comes next; NULL: none */
    struct p_held {
        int fd, word; /* word: of an answer; P_WORD_NONE: it has not begun */
        long pid;
        uint32_t act;
    } * held;
    size_t nheld, held_cap;
    struct p_seen { /* by act */
        unsigned begun, answers;
        int word;
        bool killed;
    } * seen;
    struct p_last { /* by step: the newest act */
        uint8_t op, undo;
        uint16_t index;
        bool any, yes; /* yes: its newest question was answered so */
    } * last;
    struct sb_buf *said; /* by step: what its calls of this life did, in words */
    int64_t heard_ms;    /* when somebody last came to the stage */
    bool kill_answer;    /* of the cue's act: its worker is ended when it wants to answer */
    bool ended;          /* the run, with `end` */
    struct sb_exit end;
};

bool p_conduct_open (struct p_conduct *d, struct p_script *s, struct p_wire *w, struct sb_faults *faults);
void p_conduct_close (struct p_conduct *d);
/* Hears who comes, at most so long; lets go who may. */
void p_conduct_pump (struct p_conduct *d, int ms);
/* Is everybody where the cue wants them?  Otherwise *ret_why, an acquired text, says who is not. */
bool p_conduct_ready (const struct p_conduct *d, char **ret_why);
/* The call of an act that waits at its entrance or exit; NULL: none does. */
struct p_held *p_conduct_find (struct p_conduct *d, uint32_t act, bool answer);
void p_conduct_let_go (struct p_conduct *d, struct p_held *h);
void p_conduct_kill (struct p_conduct *d, struct p_held *h);
/* The run has died: nobody waits any more. */
void p_conduct_new_life (struct p_conduct *d);

#endif
