/* One rig, one event at a time: what goes in, what comes out.  The expected text
 * is the turn's commands in order; "done:a" is a record, "run:a" a call. */
#ifndef SB_TESTS_ENGINE_SAY_H
#define SB_TESTS_ENGINE_SAY_H

#include "tests/engine/lib.h"
#include "tests/lib/tap.h"

extern struct sb_plan plan;
extern struct rig rig;

void begin (const struct plan_row *rows, const struct gate_row *gates);
void end (void);
void expect (const char *expected, const char *file, int line);

/* An event, then what the engine said. */
#define SAYS(event, expected)                  \
    do {                                       \
        event;                                 \
        expect (expected, __FILE__, __LINE__); \
    } while (0)

/* Six steps, one after the other, and START with the first so many of them done. */
extern const struct plan_row chain[];
void run_chain (uint32_t steps);

#define START           rig_start (&rig)
#define SAW(step, seen) rig_saw (&rig, step, SB_SEEN_##seen)
#define RAN(step, rc)   rig_ran (&rig, step, SB_##rc)
#define RING            rig_ring (&rig)

#endif
