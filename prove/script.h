/* A history as a script for the wire: what has to happen there, and at which
 * place among the calls of the run.
 *
 * Calls of one step that ask the same thing again and again are one act: how
 * often a server is polled differs from night to night.  An act is known by
 * the life of the program (deaths so far), its step, its operation and how many
 * acts of that step came before it; the engine that runs over the wire makes
 * the same acts, so both sides count them with the same function.
 *
 * A cue is a place where somebody else acts: what must be over there, what must
 * not have begun, what is kept waiting.  script.c says for each of them whether
 * it can be played; that it was, is up to replay.c. */
#ifndef SB_PROVE_SCRIPT_H
#define SB_PROVE_SCRIPT_H

#include "prove/story.h"

#define P_WORD_NONE (-1) /* it was never answered */
#define P_WORD_DIED 5

struct p_act {
    uint16_t life, index; /* index: acts of this step in this life that came before */
    uint32_t step;
    uint8_t op, undo;
    int word;         /* of its last answer, P_WORD_... */
    uint32_t changes; /* of its last call */
};

enum p_line_kind {
    P_LINE_SENTENCE = 0,
    P_LINE_BEGIN,
    P_LINE_CHANGE, /* one operation of the world was done */
    P_LINE_LOOK,   /* it looked, and waits */
    P_LINE_ANSWER,
    P_LINE_CHOICE,
    P_LINE_DEATH,
    P_LINE_EVENT,
    P_LINE_BROKEN,
    P_LINE_FINISH
};

struct p_line {
    enum p_line_kind kind;
    uint32_t act; /* of lines about calls, and of choices at a call; P_NO_ACT */
    int word;     /* ANSWER; DEATH: servers go on; EVENT: which */
    struct p_choice choice;
    unsigned number; /* of a sentence */
    char *text;      /* a sentence; the name of a rule */
    struct p_state *state;
};
#define P_NO_ACT UINT32_MAX

/* How an act stands to a cue. */
enum p_relation {
    P_REL_LATER = 0, /* must not begin before it */
    P_REL_OVER,      /* must have ended as the script says */
    P_REL_ENTRANCE,  /* has begun and has done nothing: it is kept there */
    P_REL_ASKING,    /* has begun, looked and waits: it goes on */
    P_REL_PAUSE,     /* was answered and will ask again: it is kept from that */
    P_REL_EXIT,      /* has done all and was not heard yet: its answer is kept back */
    P_REL_BETWEEN    /* between two of its operations: nobody can keep it there */
};

enum p_cue_kind {
    P_CUE_EVENT = 0,
    P_CUE_DEATH,
    P_CUE_BROKEN,
    P_CUE_REFUSED,   /* the act's next statement is refused, */
    P_CUE_TRANSIENT, /* fails for a moment, */
    P_CUE_NOT_DONE,  /* its worker is ended before it does anything, */
    P_CUE_NOT_HEARD, /* or after it has done all and before anybody hears of it */
    P_CUE_IMPOSSIBLE
};

struct p_cue {
    enum p_cue_kind kind;
    uint32_t line; /* of the script */
    uint32_t act;  /* at which it happens; P_NO_ACT */
    int what;      /* EVENT: which; DEATH: 1: after the act's answer is on disk; BROKEN: 1: it is the call itself */
    uint8_t *relations; /* enum p_relation by act */
    char *why;          /* it cannot be played over the wire: because; NULL: it can */
    char *text;         /* its sentence, borrowed */
    unsigned number;
};

struct p_script {
    struct p_case *c;
    struct p_line *lines;
    size_t nlines, lines_cap;
    struct p_act *acts;
    size_t nacts, acts_cap;
    struct p_cue *cues;
    size_t ncues, cues_cap;
    uint16_t life;       /* while it is made */
    struct p_state *end; /* where the history ends */
    int64_t waits_ms;    /* by the clock of the story it takes so much longer than the undisturbed one */
    uint32_t finish;     /* line of the last end of the run; 0: it does not end */
};

/* Walks the history and writes it down.  p_script_free() takes it apart. */
void p_script_make (struct p_script *s, struct p_case *c, const struct p_budget *b, const struct p_path *path);
void p_script_free (struct p_script *s);
/* Why it cannot be played over the wire (borrowed); NULL: it can. */
const char *p_script_why_not (const struct p_script *s);
/* A cue of it stands where somebody waits for a server, which over the wire may not be needed.  NULL: none does. */
const char *p_script_unsure (const struct p_script *s);
/* The act a call belongs to, by the same counting: `last` is the act of the step's call before it, or P_NO_ACT.
 * P_NO_ACT: the script has none such. */
uint32_t p_script_act (const struct p_script *s, uint16_t life, uint32_t step, uint8_t op, bool undo, uint16_t index);
/* Can servers, files and messages show that this invariant is broken? */
bool p_script_shown (const struct p_rule *rule);
/* The rule that the history breaks last, one that servers can show before any other; NULL: none. */
const char *p_script_breaks (const struct p_script *s);

/* story.c tells */
void p_script_sentence (struct p_script *s, unsigned number, const char *text);
void p_script_begin (struct p_script *s, const struct p_call *call);
void p_script_step (struct p_script *s, const struct p_call *call, bool changed);
void p_script_answer (struct p_script *s, const struct p_call *call, int word);
void p_script_choice (struct p_script *s, struct p_choice choice, const struct p_call *at);
void p_script_death (struct p_script *s, bool servers_go_on);
void p_script_event (struct p_script *s, const struct p_run *r, size_t index);
void p_script_broken (struct p_script *s, const struct p_run *r, const char *rule);
void p_script_finish (struct p_script *s);
void p_script_over (struct p_script *s, const struct p_run *r);

#endif
