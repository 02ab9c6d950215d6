/* Channels, asked one call at a time: whether they depend on the patient, what a
 * message looks like there, whether a test arrives; and news from outside a run. */
#ifndef SB_CLI_CHANNELS_H
#define SB_CLI_CHANNELS_H

#include "cli/runs.h"

/* What a channel answered. */
struct cli_called {
    bool asked; /* false: its plugin has no such action */
    enum sb_rc rc;
    char *sentence;
    struct sb_map results; /* char * */
};
void cli_called_free (struct cli_called *a);

/* One call of the role notify.  `note` may be NULL (inspect).  EXIT_DONE, or an exit code with a message printed. */
int cli_call_channel (struct cli *c, const struct sb_object *channel, const char *verb, const struct sb_note *note,
                      struct cli_called *ret);

/* How a channel stands to what it is to report about. */
struct cli_channel {
    const char *name;
    const char *verdict; /* green, amber: it falls silent with a site; red: with the pool itself; unknown */
    const char *found;   /* in words */
};
/* All channels; `leaves`: the site that a workflow leaves, or NULL.  In the arena of `c`. */
int cli_look_at_channels (struct cli *c, const char *leaves, struct cli_channel **ret, size_t *ret_count);

/* Values that every message outside a run has: pool, host, time. */
void cli_common_values (struct cli *c, struct sb_map *values);
/* The cfg for sb_notify_tell() and sb_notify_rest() outside a run. */
struct sb_run_cfg cli_outside (struct cli *c, struct sb_journal *j);

/* Tells the channels that want `check` when the steady state is lost, changed, or there again.  `bad`: what is not as it
 * should be, one line each, sorted; "": nothing.  Trouble is printed and changes no exit code. */
void cli_tell_readiness (struct cli *c, struct sb_journal *j, const char *bad);
/* One look at the steady state, told as above; EXIT_DONE: nothing is red or unknown (cmd_check.c). */
int cli_check_readiness (struct cli *c, struct sb_journal *j);
/* Tells the channels that want `watch`. */
void cli_tell_watch (struct cli *c, struct sb_journal *j, const char *about, const char *changed, bool drill);

#endif
