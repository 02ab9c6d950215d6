/* The record: one line of a run's history, and the words for it.
 *
 * Records are never changed.  Each carries the hash of the one before it and
 * its own: SHA-256 over
 *
 *     "switchback record 1" NUL, prev_hash (32 bytes), seq, run, at_ms, kind, step, name, attempt, body
 *
 * where a number is eight bytes, big endian (two's complement), and a text is
 * its length as such a number and then its bytes; the kind is its name and an
 * absent name is an empty text.  The first record of a journal has 32 zero
 * bytes before it.  The body is JSON in one spelling (sorted keys, no blanks).
 * All runs of a journal stand in one chain, so that a run cannot be taken out.
 *
 * The table of kinds also says which state a step is in after a record, so
 * that the table of step states can be rebuilt without knowing the engine. */
#ifndef SB_JOURNAL_RECORD_H
#define SB_JOURNAL_RECORD_H

#include <stdint.h>

#define SB_HASH_BYTES     32
#define SB_RECORD_NO_STEP UINT32_MAX /* a record about the run */

enum sb_record_kind {
    SB_REC_RUN_BEGIN = 0, /* workflow, pool, plan digest, SHA-256 of the plan's JSON, parameters, caller */
    SB_REC_RUN_RESUME,    /* another process took the run up: caller */
    SB_REC_RUN_FINISH,    /* outcome, counts */
    SB_REC_ABORT,         /* a person wants the run taken back: by */
    SB_REC_REFUSED,       /* a gate that refuses was not agreed to */
    SB_REC_UNDO_BEGIN,    /* from here on steps are undone: why */
    SB_REC_ADOPTED,       /* verify said yes before anything was done: results */
    SB_REC_INTENT,        /* will be run now: target, parameters, results seen before */
    SB_REC_ANSWER,        /* run returned: class, sentence, results */
    SB_REC_CLEARED,       /* verify said no after an intention: nothing of it stands */
    SB_REC_DONE,          /* verify said yes: results */
    SB_REC_FAILED,        /* verify said no, and it will not be tried again */
    SB_REC_HELD,          /* stopped with a reason, waits for a person */
    SB_REC_OWED,          /* dark: to be done when the site answers: target, parameters */
    SB_REC_SKIPPED,       /* by rule or by a person: reason */
    SB_REC_UNDO_INTENT,   /* the same for the undo verb */
    SB_REC_UNDO_ANSWER,
    SB_REC_UNDO_CLEARED,
    SB_REC_UNDO_HELD,
    SB_REC_UNDONE,      /* the undo verb's verify said yes */
    SB_REC_UNDO_LEFT,   /* ran, and the workflow says it may be left */
    SB_REC_GATE_OPEN,   /* a person is asked: question, evidence */
    SB_REC_GATE_ANSWER, /* answer, by, grade, how long it took people */
    SB_REC_PROVED,      /* an old proof was asked again and still holds */
    SB_REC_DARK,        /* a site: nothing of it has answered for `dark after` */
    SB_REC_LIGHT,       /* a dark site answered again */
    SB_REC_PERSON,      /* retry, skip, hold from a person: what, by, whether it was accepted */
    SB_REC_NOTE,        /* for the report; changes nothing */
    SB_REC_GATE_FIRST,  /* the first of two persons agrees: by */
    SB_REC_GATE_GLASS,  /* one person alone breaks the glass: by, countdown */
    SB_REC_OPERATOR,    /* the run is handed over: by, to */
    SB_REC_TAKEN_OVER,  /* another run's hold on the pool was ended: by, from */
    SB_REC_KINDS
};

struct sb_record {
    int64_t seq; /* from 1, over all runs; given by the journal */
    const char *run;
    int64_t at_ms;
    enum sb_record_kind kind;
    uint32_t step;    /* index in the plan, or SB_RECORD_NO_STEP */
    const char *name; /* of the step; NULL: about the run */
    unsigned attempt;
    const char *body;                                      /* JSON object, canonical */
    uint8_t prev_hash[SB_HASH_BYTES], hash[SB_HASH_BYTES]; /* given by the journal */
};

struct sb_record_word {
    const char *name;  /* as stored */
    const char *state; /* state of the step after it; NULL: unchanged */
    const char *text;  /* for people */
};

extern const struct sb_record_word sb_record_words[SB_REC_KINDS];

/* The kind called so, or SB_REC_KINDS. */
enum sb_record_kind sb_record_kind_find (const char *name);

/* Computes r->hash from r->prev_hash and the fields. */
void sb_record_seal (struct sb_record *r);

#endif
