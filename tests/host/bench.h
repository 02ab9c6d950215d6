/* A bench for plugins: a folder of its own, a topology, lanes, and calls that
 * are made one at a time and waited for.  The test program itself is the
 * worker: main() begins with bench_enter(). */
#ifndef SB_TESTS_BENCH_H
#define SB_TESTS_BENCH_H

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/host/lane.h"

struct bench {
    char *dir;     /* fresh; removed by bench_free(); base of the topology */
    char *plugins; /* folder of the built plugins */
    struct sb_registry *registry;
    struct sb_laneset *lanes;
    struct sb_faults faults;
    uint64_t last_id;
};

struct outcome {
    struct sb_arena arena;
    uint64_t id;
    bool over, begun;
    enum sb_lane_event_type type; /* ANSWER or DIED */
    enum sb_rc rc;
    enum sb_seen seen;
    const char *sentence;
    enum sb_died reason;
    int signal, exit_code;
    int64_t took_ms;
    struct sb_lane_result results[32];
    size_t nresults;
    struct sb_buf said; /* every log line and progress word */
    unsigned percent;
};

/* In main(): when this process was started as a worker, does its work and exits. */
void bench_enter (int argc, char **argv);

/* `fmt` gives the topology's text.  extra_dir: searched before the built plugins, or NULL. */
struct bench *bench_new (const char *extra_dir, const char *fmt, ...) __attribute__ ((format (printf, 2, 3)));
void bench_restart (struct bench *b, const struct sb_lanes_cfg *changes); /* other limits, same topology */
void bench_free (struct bench *b);
char *bench_path (struct bench *b, const char *name); /* in its folder; caller frees */
void bench_file (struct bench *b, const char *name, const char *text, unsigned mode);

/* "name", "value" pairs up to NULL; a value "a|b|c" behind a name that starts with '+' is a list. */
uint64_t bench_send (struct bench *b, const char *kind, const char *object, const char *verb, enum sb_op op,
                     const char *on, int64_t deadline_ms, ...);
#define bench_run(b, kind, object, verb, on, ...) \
    bench_await (b, bench_send (b, kind, object, verb, SB_OP_RUN, on, 20000, __VA_ARGS__))
#define bench_verify(b, kind, object, verb, on, ...) \
    bench_await (b, bench_send (b, kind, object, verb, SB_OP_VERIFY, on, 20000, __VA_ARGS__))
/* The outcome lives until the next bench_await() or bench_free(). */
const struct outcome *bench_await (struct bench *b, uint64_t id);
const char *outcome_result (const struct outcome *o, const char *name); /* "(not set)": it was not */

/* Waits until the condition holds, at most ten seconds. */
bool bench_eventually (bool (*condition) (void *ctx), void *ctx);

#endif
