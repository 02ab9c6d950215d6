/* What the files of lab/direct share: the topology as it is written, one step
 * of one call, and the small verbs that models are made of.
 *
 * A model is a list of phases.  A phase looks and does at most one operation;
 * then it says whether the next phase is due, the same one again, or the end.
 * It keeps what it must remember in the call. */
#ifndef SB_LAB_DIRECT_INTERN_H
#define SB_LAB_DIRECT_INTERN_H

#include "core/base/mem.h"
#include "lab/direct/direct.h"
#include "lab/lab.h"

#define D_FAR INT64_C (4000000000000000) /* a time that never comes */

/* ------------------------------------------------------------------ the topology */

struct d_key {
    char *name, *value;
};
struct d_section {
    char *kind, *name;
    struct d_key *keys;
    size_t nkeys, cap;
    uint16_t index; /* among those of its kind, from 1: the id of the thing in the world */
};

struct direct {
    struct d_section *list;
    size_t count, cap;
    struct d_database *databases;
    size_t ndatabases, cdatabases;
    struct lab_cfg cfg; /* empty when it was read from a lab that stands */
    bool chat_schema;
};

/* NULL: not written. */
const char *d_attr (const struct direct *d, const char *kind, const char *name, const char *key);
/* The name of the index-th (from 0) object of a kind; NULL: no more. */
const char *d_object (const struct direct *d, const char *kind, size_t index);
/* Its place among its kind, from 1, which is its id in the world; 0: none.  NULL and "" are none. */
w_id d_id (const struct direct *d, const char *kind, const char *name);
/* A duration setting of the database's plugin. */
int64_t d_setting_ms (const struct direct *d, const struct d_database *db, const char *key, int64_t fallback_ms);

/* ------------------------------------------------------------------ files */

struct d_bound {
    const struct direct *d;
    struct world *w;
    struct d_files *files;
};
/* The world's table of functions over flat files; `bound` must outlive it. */
void
d_files_bind (struct w_files *ret, struct d_bound *bound, const struct direct *d, struct world *w, struct d_files *f);
/* The file at a path as an instance writes it; NULL: not there (or no such place). */
struct d_file *d_file_at (struct d_files *f, const struct world *w, w_id instance, const char *path);
/* The files of a share (or of a drive) whose name below it starts with `under` ("" or "folder\") and goes no deeper;
 * calls for `*at` = 0, 1, ... ; NULL: no more. */
struct d_file *
d_file_next (struct d_files *f, w_id share, w_id instance, const char *under, unsigned *at, const char **ret_name);
bool d_file_move (struct d_files *f, struct d_file *file, const char *new_name);
bool d_file_copy (struct d_files *f, const struct d_file *file, w_id share, w_id instance, const char *new_name);

/* ------------------------------------------------------------------ one step */

enum d_class { D_C_OK, D_C_RETRY, D_C_BUSY, D_C_ALREADY, D_C_GONE, D_C_FILE, D_C_UNSURE, D_C_FAIL, D_C_LOST };

struct step {
    const struct direct *d;
    struct d_call *c;
    struct d_place *p;
    struct d_answer *a;
    struct world *w;
    const struct d_database *db;
    struct w_files files;
    struct d_bound bound;
    struct w_out out;
    bool acted;
};

enum go {
    GO_NEXT,  /* the next phase; after the last one the verb is done */
    GO_AGAIN, /* the same phase */
    GO_WAIT,  /* the same phase, when the world changed or at c->wake_ms */
    GO_END    /* the answer is set */
};

typedef enum go (*phase_fn) (struct step *s);
typedef enum d_seen (*see_fn) (struct step *s);

struct d_verb {
    const char *role, *name;
    const phase_fn *phases; /* ends with NULL */
    see_fn see;             /* NULL: it only reads */
    /* After a failure in a phase from `guarded` to `guarded_to`, these are gone through before it is told; NULL: none. */
    const phase_fn *cleanup;
    uint8_t guarded, guarded_to;
};
extern const struct d_verb d_verbs[];
extern const size_t d_nverbs;

/* Options and results */
const char *d_option (const struct step *s, const char *key); /* NULL: not given or empty */
void d_tell (struct step *s, const char *key, const char *value);
void d_tellf (struct step *s, const char *key, const char *fmt, ...) __attribute__ ((format (printf, 3, 4)));
void d_tell_lsn (struct step *s, const char *key, w_lsn lsn);
void d_tell_time (struct step *s, const char *key, int64_t ms); /* UTC */

/* Ends */
enum go d_fail (struct step *s, enum d_rc rc, const char *fmt, ...) __attribute__ ((format (printf, 3, 4)));
enum go d_done (struct step *s);
/* The plugin sleeps in a loop; it looks again when the world has changed, at the latest at `until` (D_FAR: never by itself). */
enum go d_nap (struct step *s, int64_t until_ms);

/* Operations.  Says what the answer is to the plugin; D_C_LOST: the instance cannot be reached. */
void d_op (struct step *s, struct w_op *op, enum w_op_kind kind, w_id instance);
enum d_class d_act (struct step *s, const struct w_op *op);
enum d_class d_class_of (int number);
/* What a failure of a statement is to the engine. */
enum go d_failed (struct step *s, enum d_class class, const char *what);

/* ------------------------------------------------------------------ reading, as the servers tell it */

bool d_reach (const struct step *s, w_id instance);
/* A look at the beginning: the instance can be reached, else the call fails for now. */
enum go d_open (struct step *s, w_id instance);
struct w_copy *d_copy (struct step *s, w_id instance); /* of the call's database; NULL: absent */
bool d_mirrored (const struct w_copy *c);
bool d_is_mirror (const struct w_copy *c);
bool d_online (const struct w_copy *c);
bool d_restoring (const struct w_copy *c);
bool d_serves (const struct w_copy *c);    /* clients can write to it */
bool d_takes_log (const struct w_copy *c); /* restoring or standby, and not mirrored */
const char *d_copy_words (const struct w_copy *c);
const char *d_copy_state (const struct w_copy *c);
const char *d_instance_name (const struct step *s, w_id instance);
const char *d_server_name (const struct step *s, w_id instance);
/* A session of somebody else in the copy: the first; 0: none. */
uint16_t d_user (const struct step *s, w_id instance, const struct w_copy *c);
unsigned d_users (const struct step *s, w_id instance, const struct w_copy *c);
/* Somebody's statement of ours still runs there on this database. */
bool d_at_work (const struct step *s, w_id instance);

struct w_primary *d_primary (struct step *s, w_id instance);
struct w_secondary_db *d_secondary_db (struct step *s, w_id instance, unsigned *ret_count);
struct w_secondary *d_secondary (struct step *s, w_id instance); /* of d_secondary_db() */
struct w_secondary *d_secondary_half (struct step *s, w_id instance);
struct w_job *d_job (struct step *s, w_id id); /* NULL: gone */

/* The newest set that was restored into the copy; NULL: none is known. */
const struct w_history *d_restored (const struct step *s, w_id instance, bool full_only);
/* The newest backup of a kind that was taken there (copy-only ones do not count). */
const struct w_history *d_backed_up (const struct step *s, w_id instance, enum w_set_type type);

/* A file as an instance reads its header; false: trouble. */
bool d_header (struct step *s, w_id instance, const char *path, struct d_file *ret);
/* The path of a share as SQL Server sees it; NULL: none. */
const char *d_unc (const struct step *s, w_id share);

/* ------------------------------------------------------------------ what verbs share */

enum go d_set_state (struct step *s, w_id instance, enum w_op_kind kind, int n0, const char *what);
enum go d_alone (struct step *s, w_id instance, const struct w_op *op, const char *what);
enum go d_unmirror (struct step *s, w_id instance);
enum go d_await_online (struct step *s, w_id instance, int64_t at_most_ms);
enum go d_apply_next (struct step *s, w_id instance, const char *folder);
enum go d_job_off (struct step *s, struct w_job *j);
enum go d_job_on (struct step *s, struct w_job *j);
enum d_seen d_look (struct step *s, w_id instance); /* D_YES: go on */
struct d_chain_end {
    w_lsn lsn;          /* where all of them together lead */
    bool more;          /* a set continues the copy */
    struct d_file next; /* which */
};
/* The log backups of a folder, as the instance sees it, that end after `lsn`: where the newest ends (0: the folder has
 * no log backup, `lsn`: none that goes beyond) and their bytes.  False: the folder cannot be listed. */
bool d_beyond (struct step *s, w_id instance, const char *folder, w_lsn lsn, w_lsn *ret_end, int64_t *ret_bytes);
/* False: the folder cannot be listed. */
bool d_chain (struct step *s, w_id instance, const char *folder, struct d_chain_end *ret, char *ret_left, size_t size);

#endif
