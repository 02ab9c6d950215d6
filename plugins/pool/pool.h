/* What the plugin knows how to read from the pool (read.c), to hold against the
 * steady state (facts.c), and to change (pool.c). */
#ifndef SB_PLUGINS_POOL_POOL_H
#define SB_PLUGINS_POOL_POOL_H

#include "plugins/pool/shell.h"

#define POOL_MAX_SERVERS 16
#define POOL_MAX_ACTIVE  4 /* vendor's limit: "at most four active" */

/* FQDNs; strings belong to the call. */
struct pool_list {
    const char *names[POOL_MAX_SERVERS];
    size_t count;
};

void pool_list_add (struct pool_list *l, const char *name); /* once; further than the room: left out */
bool pool_list_has (const struct pool_list *l, const char *name);
bool pool_list_same (const struct pool_list *a, const struct pool_list *b);
/* Names of sections where they are known, else FQDNs: "a, b". */
const char *pool_list_text (struct sb_call *call, const struct pool_list *l);

struct pool_seen {
    const char *state;    /* Normal, FailedOver */
    const char *identity; /* of the state object */
    struct pool_list active;
};

/* Pool state and active list from the central store.  Not SB_OK: sb_fail() was called. */
enum sb_rc pool_look (struct sb_call *call, struct pool *p, struct pool_seen *ret);

struct pool_store {
    const char *master; /* FQDN; NULL: there is none */
    const char *site;   /* of the master, when it is a known front end */
};

/* Where the central store is, as a front end of `asked` (NULL: any) says. */
enum sb_rc pool_store (struct sb_call *call, struct pool *p, const char *asked, struct pool_store *ret);

/* Which of these replicas are not up to date. */
enum sb_rc
pool_replicas (struct sb_call *call, struct pool *p, const struct pool_list *servers, struct pool_list *ret_late);

struct pool_services {
    struct {
        const char *name, *status; /* Running, Stopped, StopPending, ... */
        bool compliance;           /* the compliance service; else the chat service itself */
    } list[8];
    size_t count; /* at least one */
};

/* The chat services of one server. */
enum sb_rc pool_services (struct sb_call *call, struct pool *p, const char *fqdn, struct pool_services *ret);

struct pool_message {
    bool success;
    const char *latency, *why;
};

enum sb_rc pool_message (struct sb_call *call, struct pool *p, struct pool_message *ret);

struct pool_mirror {
    const char *name;                   /* of the database */
    const char *on_primary, *on_mirror; /* Principal, Mirror, or what cannot be told apart */
    bool both_synchronized;
};

/* The mirrored databases of a DatabaseType, at most `max`. */
enum sb_rc pool_mirrors (struct sb_call *call, struct pool *p, const char *type, struct pool_mirror *ret, size_t max,
                         size_t *ret_count);

const char *pool_known_site (const struct pool_store *store); /* its site, or "unknown" */

/* The actions. */
enum sb_rc pool_check (struct sb_call *call, void *self);
enum sb_rc pool_services_run (struct sb_call *call, void *self);
enum sb_rc pool_stop_run (struct sb_call *call, void *self);
enum sb_seen pool_stop_verify (struct sb_call *call, void *self);
enum sb_rc pool_start_run (struct sb_call *call, void *self);
enum sb_seen pool_start_verify (struct sb_call *call, void *self);
enum sb_rc pool_move_run (struct sb_call *call, void *self);
enum sb_seen pool_move_verify (struct sb_call *call, void *self);
enum sb_rc pool_mirror_state_run (struct sb_call *call, void *self);
enum sb_rc pool_install_mirror_run (struct sb_call *call, void *self);
enum sb_seen pool_install_mirror_verify (struct sb_call *call, void *self);

void pool_remember (struct sb_call *call, struct pool *p, const char *was);
void pool_tell_was (struct sb_call *call, struct pool *p, const char *now);

#endif
