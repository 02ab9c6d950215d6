/* Plans made of tables, and short ways to drive the pure engine. */
#ifndef SB_TESTS_ENGINE_LIB_H
#define SB_TESTS_ENGINE_LIB_H

#include "core/engine/engine.h"

/* One step of a test plan; everything else has the values a planner would choose.  after: names, separated by blanks. */
struct plan_row {
    const char *name, *after;
    enum sb_effect effect;
    enum sb_undo undo;
    enum sb_dark if_dark;
    const char *site, *gate; /* gate: name of a row of gates */
    const char *proof;       /* name of a step; within 60 s */
    int retries;
    bool optional, principal, idle; /* idle: no action, a milestone */
};

struct gate_row {
    const char *name;
    bool named, refuse;
    int64_t expires_ms;
    int persons;
    int64_t glass_ms;
};

/* gates may be NULL; both tables end with a row without a name.  Release with sb_plan_release(). */
void make_plan (struct sb_plan *p, const struct plan_row *rows, const struct gate_row *gates);

#define DARK_AFTER 60000
#define SETTLE     5000
#define TIMEOUT    20000
#define RETRY_MS   2000

/* A driver that holds one engine and the commands of its last event. */
struct rig {
    struct sb_plan *plan;
    struct sb_engine *e;
    struct sb_turn turn;
    int64_t now;
    struct sb_engine_record *log; /* every record so far */
    size_t nlog, log_cap;
    bool wait, pay;
};

void rig_new (struct rig *r, struct sb_plan *plan);
void rig_free (struct rig *r);
void rig_event (struct rig *r, struct sb_event ev);
void rig_crash (struct rig *r); /* a new engine, replayed from the log; START is the caller's */

void rig_start (struct rig *r);
void rig_saw (struct rig *r, uint32_t step, enum sb_seen seen);
void rig_ran (struct rig *r, uint32_t step, enum sb_rc rc);
void rig_died (struct rig *r, uint32_t step, enum sb_call_op op);
void rig_gate (struct rig *r, uint32_t step, enum sb_gate_answer answer);
void rig_probed (struct rig *r, uint32_t site, uint32_t answers);
void rig_located (struct rig *r, uint32_t step, uint32_t target);
void rig_person (struct rig *r, enum sb_event_kind kind, uint32_t step);
/* Moves the clock to the next timer and lets it ring. */
void rig_ring (struct rig *r);

/* The commands of the last event as words: "intent:a run:a"; NOTIFY is left out, texts live until the next event. */
const char *rig_said (struct rig *r);
enum sb_phase rig_phase (const struct rig *r, uint32_t step);
enum sb_outcome rig_outcome (const struct rig *r);

#endif
