/* The direct door of the lab: what the packaged plugins do to the world, without
 * wires, processes and clocks.
 *
 * Every verb of the roles database, pool, share, fence and notify has a model
 * here: a resumable function that causes the same world operations (ops.h) as
 * the plugin's statements and cmdlets, at most one in a step, in the same
 * order.  A call is one flat struct without pointers, so that it may be copied,
 * hashed, dropped (its process died) or gone on with later ("still working
 * there").  What a model knows it has read as its plugin reads it: from the
 * servers that answer the host it works on, never from the whole world.
 *
 * The models are held to the plugins by tests/direct/differential.py.  This
 * room knows the world; it knows no engine, no workflow and no contract. */
#ifndef SB_LAB_DIRECT_DIRECT_H
#define SB_LAB_DIRECT_DIRECT_H

#include "core/base/fault.h"
#include "lab/world/ops.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In so many scenarios at least, a start situation and a call, the whole differential campaign (tests/direct/differential.py
 * --long) finds models and plugins equal; it fails when it compares fewer. */
#define D_SCENARIOS 200

/* ------------------------------------------------------------------ what stands, and what never changes */

/* Names, sites and roles of a topology; constant once it is made, so threads may share it. */
struct direct;

/* Reads a topology (the product's own file).  NULL: `faults` says why. */
struct direct *direct_new (const char *topology, struct sb_faults *faults);
/* The same from a lab that was built (DIR/lab.cfg). */
struct direct *direct_of_lab (const char *dir, struct sb_faults *faults);
void direct_free (struct direct *d);

/* ------------------------------------------------------------------ files, flat */

#define D_FILES     96 /* files at a time; more: W_FILE_FULL */
#define D_FILE_NAME 104

/* One file: the backup set in it, and where it lies.  Folders are not kept: they are there when they are needed. */
struct d_file {
    w_id share;     /* where it lies: share of the world; 0: on a drive of `instance` */
    w_id instance;  /* whose drive; 0: of a share */
    uint8_t damage; /* enum w_set_class of what reading it says */
    uint8_t type, user_access, recovery_model;
    w_id database, server; /* whose backup, by the topology (index + 1), and the instance that wrote it */
    w_id family, fork, first_fork;
    uint16_t version;
    uint32_t flags;
    w_guid guid, database_guid;
    w_lsn first, last, checkpoint, database_backup, fork_point;
    int64_t created_ms, start_ms, finish_ms, size;
    char name[D_FILE_NAME]; /* below the share or the drive: folder\file; the rest is zero */
};

/* All files there are, sorted by share, instance and name: equal sets of files are equal bytes.  Slots from `count` on
 * are zero.  Only the first direct_files_size() bytes need to be copied, compared or hashed. */
struct d_files {
    uint16_t count, lost; /* lost: files that did not fit */
    uint32_t reserved;
    struct d_file list[D_FILES];
};

size_t direct_files_size (const struct d_files *f);
struct d_place;
/* Puts a set at a path as an instance writes it (a test, a damaged file); `class`: what reading it says. */
bool direct_put_file (const struct direct *d, struct d_place *p, w_id instance, const char *path,
                      const struct w_set *set, enum w_set_class class);
void direct_files_assign (struct d_files *to, const struct d_files *from); /* `to`: files, or all zero */

/* ------------------------------------------------------------------ a moment */

struct d_call;

/* Where a message lies that a client was told is safe; the explorer keeps them. */
struct d_message {
    w_id family, fork;
    uint32_t reserved;
    w_lsn lsn;
};

/* What a call sees and changes. */
struct d_place {
    struct world *world;
    struct d_files *files;
    w_id site; /* where the host stands that makes the call; usually world->tool_site */

    /* May be NULL and 0.  Acknowledged messages: what salvage counts. */
    const struct d_message *messages;
    size_t nmessages;
    /* Calls whose process is gone while their statement runs on: what a verify finds at work (it answers partly). */
    const struct d_call *const *at_work;
    size_t nat_work;
    /* Told of every operation of a model before it is done; for stories and tests. */
    void (*watch) (void *ctx, const struct w_op *op);
    void *watch_ctx;
};

/* Builds the world that `lab up` would build, in its steady state, for exploration: Agent jobs run only when somebody
 * starts them, replication and mirroring take a second, ports are counted from 1433.  False: `faults` says what the
 * simulated server refused. */
bool direct_build (const struct direct *d, int64_t now_ms, struct world *ret_world, struct d_files *ret_files,
                   struct sb_faults *faults);
/* The clock goes on: everything that is due until then is done. */
void direct_tick (const struct direct *d, struct d_place *p, int64_t now_ms);
/* An operation of the lab, of a fault, or of a person who does the next step by hand. */
void direct_do (const struct direct *d, struct d_place *p, const struct w_op *op, struct w_out *out);
/* Forgets what nothing can tell any more: history that no verb reads, runs of jobs but the last, times that only
 * describe, unused strings; and gives the rest one order.  What any model answers afterwards is the same. */
void direct_tidy (const struct direct *d, struct d_place *p);

/* Chat servers, as the lab runs them.  direct_server_copy: the copy a server's own replica points at and that it can
 * reach and write; 0: none.  `database` counts from 0 in the order of the topology. */
w_id direct_server_copy (const struct direct *d, const struct world *w, w_id server, size_t database);
/* Every server that runs and is active by its replica holds a session in its copy and writes its ping; every other one
 * holds none.  True: sessions or pings changed. */
bool direct_servers (const struct direct *d, struct d_place *p);
/* One message through that server: acknowledged, at *ret; or refused. */
bool direct_write (const struct direct *d, struct d_place *p, w_id server, size_t database, struct d_message *ret);

/* A database of the topology; instances are ids of the world, 0: none. */
struct d_database {
    const char *object, *name;
    bool fail_over;
    w_id primary, mirror, witness, backup, backup_mirror, backup_witness;
    w_id log_share, copy_folder;
};
size_t direct_databases (const struct direct *d);
const struct d_database *direct_database (const struct direct *d, size_t index);

/* ------------------------------------------------------------------ calls */

enum d_more {
    D_MORE, /* one operation was done, or one look was taken; step again */
    D_WAIT, /* nothing to do until the world changes or its clock reaches call->wake_ms; then step again */
    D_END   /* the answer is complete */
};

/* What a step did that is no operation of the world. */
enum { D_DID_COPY = 1000 /* one file was copied */, D_DID_MOVE /* one was moved */, D_DID_SEND /* a message left */ };

/* The same numbers as enum sb_rc and enum sb_seen of switchback/plugin.h. */
enum d_rc { D_OK = 0, D_RETRY = 1, D_FAIL = 2, D_UNSURE = 3, D_STOPPED = 4 };
enum d_seen { D_NO = 0, D_YES = 1, D_PARTLY = 2, D_UNKNOWN = 3 };

#define D_TEXT 1600 /* bytes of all options of one call */

/* A call.  Only the first direct_call_size() bytes count, and they are canonical: what a phase no longer needs is zero. */
struct d_call {
    uint16_t verb;   /* of the table in this room, from 1; 0: no call */
    uint8_t verify;  /* the question, not the deed */
    uint8_t phase;   /* of the verb's list of phases */
    uint8_t round;   /* inside a phase */
    uint8_t stop;    /* set by the caller: asked to stop; noticed where the plugin notices it, in a pause */
    uint8_t changed; /* it has done at least one operation that changes the world */
    uint8_t pending; /* 1 + rc of a failure whose cleaning up is still under way */
    uint8_t napping; /* it waits */
    uint8_t reserved;
    w_id database; /* index + 1 of the topology; 0: none */
    w_id on;       /* instance, server, site or share, by the role; 0: none */
    w_id other;    /* the second of them; 0: none */
    uint16_t count, bits, list;
    uint16_t ntext;
    int64_t wake_ms;     /* after D_WAIT: step again when the clock is here or the world has changed */
    int64_t deadline_ms; /* by the world's clock; 0: none.  Noticed in pauses */
    int64_t since_ms;
    w_lsn lsn;
    char text[D_TEXT]; /* options as "key\0value\0" */
};

size_t direct_call_size (const struct d_call *c);

#define D_RESULTS 2400

struct d_answer {
    uint16_t did; /* enum w_op_kind that this step did, or D_DID_x; 0: it looked or waited */
    uint8_t word; /* at the end: enum d_rc; of a verify enum d_seen */
    uint8_t reserved;
    uint16_t ntext;
    int32_t number;       /* the server's message behind a failure; 0: none */
    char text[D_RESULTS]; /* results as "key\0value\0" */
    char sentence[256];   /* what failed, in a few words; for stories, not for comparing */
};

/* Is there a model of it?  Of an unknown one the explorer must answer everything. */
bool direct_knows (const char *role, const char *verb);
/* Does the verb have a verify? */
bool direct_verifies (const char *role, const char *verb);

/* Begins a call.  `object` is the database, pool, share, fence or channel by the topology's name; `target` the object that
 * `on =` names (instance, server, site), NULL or "": none.  False: no such verb or name, and the plugin would fail. */
bool direct_begin (const struct direct *d, const struct world *w, struct d_call *c, const char *role, const char *verb,
                   bool verify, const char *object, const char *target);
/* Gives an option (key = value of the step).  False: no room. */
bool direct_option (struct d_call *c, const char *key, const char *value);
/* One step. */
enum d_more direct_step (const struct direct *d, struct d_call *c, struct d_place *p, struct d_answer *ret);
/* Goes on until the end; the clock is moved on while it waits, at most to c->deadline_ms (0: ten minutes). */
void direct_finish (const struct direct *d, struct d_call *c, struct d_place *p, struct d_answer *ret);
/* The value of a result; NULL: not given. */
const char *direct_result (const struct d_answer *a, const char *key);
/* The next result after *key (NULL: the first); false: no more. */
bool direct_next (const struct d_answer *a, const char **key, const char **value);

#endif
