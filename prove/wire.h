/* A lab of one's own for a replay: its folder, the product run in it, what is
 * done to it from outside, its users, and its world as it stands.  It goes on
 * living in DIR until p_wire_close(); its processes end with this one, whatever
 * happens.
 *
 * What it leaves to others: when something is done (replay.c), what it should
 * have led to (script.c), whether an invariant holds (rules.c, by p_wire_shadow). */
#ifndef SB_PROVE_WIRE_H
#define SB_PROVE_WIRE_H

#include "prove/prove.h"

#include "core/sys/spawn.h"
#include "lab/world/client.h"

struct p_wire {
    struct p_case *c;
    const char *program;  /* of the product */
    const char *workflow; /* file or name */
    const struct sb_pair *params;
    size_t nparams;
    const char *const *plugins; /* folders, NULL at the end */
    char *dir;                  /* of all this: lab/, state/, stage */
    char *lab, *topology, *state, *stage;
    bool keep;
    int owner[2];
    struct w_client *client;
    int users[W_MAX_SERVERS + 1]; /* a connection by server; -1: none */
    unsigned nmessages;
    struct p_message messages[P_MESSAGES]; /* in the order of the script's */
    pid_t run;
    char run_id[128];
};

/* A lab of the topology, in the world that the workflow begins in. */
bool p_wire_open (struct p_wire *w, const char *topology, const char *dir, struct sb_faults *faults);
void p_wire_close (struct p_wire *w);

/* The real program: `switchback run WORKFLOW`, or `resume` where a run of this folder is unfinished. */
bool p_wire_run (struct p_wire *w, bool again, struct sb_faults *faults);
/* Waits for its end; false: it still runs at the deadline. */
bool p_wire_ended (struct p_wire *w, int64_t deadline, struct sb_exit *ret);
/* Kills it; its workers die with it. */
void p_wire_kill (struct p_wire *w);
/* How many records its journal holds. */
int64_t p_wire_records (const struct p_wire *w);
/* What the newest run came to: the report as JSON; NULL: there is none.  The caller owns it. */
json_t *p_wire_report (struct p_wire *w);

/* An event of events.c.  False: the lab refuses it. */
bool p_wire_event (struct p_wire *w, size_t what, struct sb_faults *faults);
/* The next statement of a step to an instance fails with this number. */
bool p_wire_fail_next (struct p_wire *w, const char *instance, const char *step, int number, struct sb_faults *faults);
bool p_wire_failed (struct p_wire *w, const char *instance); /* it has */

/* The state of a script with the lab's world, files and messages in place of the models'.  The caller frees it. */
struct p_state *p_wire_shadow (struct p_wire *w, const struct p_state *state);

#endif
