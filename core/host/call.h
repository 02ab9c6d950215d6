/* One call, seen from the worker: the services of struct sb_host, and the
 * checks before and after the plugin's own code.  Everything that belongs to a
 * call lives in its arena and is gone when it ends; secrets are wiped.
 *
 * The plugin sees parameters and settings only after they were held against
 * their types; what it says leaves through `send` after secrets were taken out.
 * A plugin that breaks its own tables (a result it did not declare, an answer
 * that does not exist) is a defect: the answer becomes unsure or unknown. */
#ifndef SB_HOST_CALL_H
#define SB_HOST_CALL_H

#include "core/host/lane.h"
#include "core/host/scrub.h"
#include "core/model/topology.h"

#include <switchback/plugin.h>

#include <stdbool.h>
#include <stdint.h>

#define SB_SENTENCE_MAX 4096u
#define SB_LOG_MAX      2048u
#define SB_WHAT_MAX     256u
#define SB_RESULT_MAX   (256u * 1024)
#define SB_RESULTS_MAX  (1024u * 1024) /* all of one call */
#define SB_LOG_LINES    2000u          /* of one call */

/* What a worker knows besides the call. */
struct sb_call_world {
    const struct sb_topology *topology;
    const struct sb_plugin *plugin;
    const char *base, *run, *run_dir;
    bool drill;
    int stop_fd;
    void (*log) (void *ctx, uint64_t id, enum sb_level level, const char *text);
    void (*progress) (void *ctx, uint64_t id, unsigned percent, const char *what);
    void *ctx;
};

/* The call as it came over the wire. */
struct sb_call_in {
    uint64_t id;
    const char *kind, *object, *verb, *on, *step;
    enum sb_op op;
    unsigned attempt;
    int64_t deadline_ms;
    const struct sb_call_param *params;
    size_t nparams;
};

struct sb_call_out {
    enum sb_rc rc;
    enum sb_seen seen;
    char *sentence;                 /* never NULL */
    struct sb_lane_result *results; /* name and value owned by the arena of the call */
    size_t nresults, cap;
};

struct sb_call; /* begins with struct sb_call_head */

/* Plugin instances of one worker: what open() gave for each object. */
struct sb_selves {
    struct sb_self {
        const struct sb_object *object;
        void *self;
    } * list;
    size_t count, cap;
};

/* Runs one call to its end.  *out lives until sb_call_release(). */
struct sb_call *sb_call_perform (const struct sb_call_world *world, struct sb_selves *selves,
                                 const struct sb_call_in *in, struct sb_call_out *out);
void sb_call_release (struct sb_call *call, struct sb_call_out *out);

/* close() for every instance. */
void sb_selves_close (struct sb_selves *s, const struct sb_plugin *plugin);

#endif
