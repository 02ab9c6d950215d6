/* The inside of a call, shared by call.c (checks, order of events) and
 * services.c (what the plugin can ask for); nobody else includes it. */
#ifndef SB_HOST_CALLIMPL_H
#define SB_HOST_CALLIMPL_H

#include "core/host/call.h"

#include "core/base/fault.h"
#include "core/base/mem.h"

struct sb_call {
    struct sb_call_head head; /* must be first: plugins reach the host through it */
    const struct sb_call_world *world;
    const struct sb_call_in *in;
    struct sb_call_out *out;
    const struct sb_object *object;
    const struct sb_action *action;
    const struct sb_option *params, *results; /* NULL: any (a site's own verb played by a "*" action) */
    struct sb_arena arena;
    struct sb_call_param *given; /* checked parameters; "on" among them */
    size_t ngiven, given_cap;
    struct sb_secret_item {
        const char *reference;
        char *value; /* NULL: could not be read */
    } * secrets;
    size_t nsecrets, secrets_cap;
    struct sb_scrub scrub;
    int64_t deadline; /* monotonic */
    size_t results_bytes;
    unsigned log_lines;
    int64_t progress_at;
    bool failed;   /* sb_fail() was called */
    char *defect;  /* the plugin broke its own tables; in the arena */
    char *trouble; /* why a secret could not be read; in the arena */
};

extern const struct sb_host sb_services;

/* Is the value of the type?  The text says what is wrong, or is NULL. */
const char *sb_value_fault (struct sb_call *c, const struct sb_option *o, const char *value);
void sb_call_defect (struct sb_call *c, const char *fmt, ...) __attribute__ ((format (printf, 2, 3)));
/* Cleaned, in the arena. */
char *sb_call_clean (struct sb_call *c, const char *text, size_t limit, bool lines);

#endif
