/* What the files of lab/world share and nobody else needs: the context of one
 * operation, and the small verbs that operations are made of. */
#ifndef SB_LAB_WORLD_INTERN_H
#define SB_LAB_WORLD_INTERN_H

#include "lab/world/ops.h"

/* One operation under way. */
struct w_ctx {
    struct world *w;
    const struct w_files *files;
    const struct w_op *op;
    struct w_out *out;
    struct w_instance *inst; /* of op->instance; NULL: none */
    struct w_copy *copy;     /* of op->db on it; NULL: none */
    struct w_session *me;    /* who says it; NULL: the lab itself */
};

typedef void (*w_op_fn) (struct w_ctx *c);

/* world.c: slots.  Returns the id of a free, zeroed slot of a table, raising its count; 0: the table is full. */
enum w_table {
    W_T_SITES,
    W_T_INSTANCES,
    W_T_COPIES,
    W_T_FORKS,
    W_T_FAMILIES,
    W_T_SERVERS,
    W_T_FRONTENDS,
    W_T_SHARES,
    W_T_JOBS,
    W_T_PRIMARIES,
    W_T_PAIRS,
    W_T_SECONDARIES,
    W_T_SECONDARY_DBS,
    W_T_SESSIONS,
    W_T_WORKS,
    W_T_HISTORY,
    W_TABLES
};
w_id w_slot_new (struct world *w, enum w_table t);
void w_slot_drop (struct world *w, enum w_table t, w_id id);
const char *w_table_name (enum w_table t);
void w_put (char *ret, size_t size, const char *s); /* a copy, cut to fit */
uint32_t w_crc (const void *data, size_t n);        /* FNV-1a; for trailers and digests */

/* out.c */
#define fail(c, number, ...) w_fail ((c)->out, number, __VA_ARGS__)
void w_fail (struct w_out *out, int number, const char *fmt, ...) __attribute__ ((format (printf, 3, 4)));
void w_event (enum w_event_kind kind, w_id instance, uint16_t spid, bool killed);

/* sessions.c */
void w_session_end (struct world *w, w_id session, bool killed, bool tell);
/* Sessions other than `spid` whose context is the copy; ends them when `out` is given (as victims). */
unsigned w_sessions_in (const struct world *w, const struct w_copy *c, uint16_t spid);
void w_sessions_cut (struct world *w, const struct w_copy *c, uint16_t spid, bool killed, struct w_out *out);
void w_sessions_cut_instance (struct world *w, w_id instance);
void w_works_cut (struct world *w, w_id instance, uint16_t spid); /* spid 0: all of the instance */

/* lines.c */
w_id w_copy_id (const struct world *w, const struct w_copy *c);
w_id w_fork_new (struct world *w, w_id family, w_id parent, w_lsn point);
bool w_family_new (struct world *w, struct w_copy *c); /* a family with one root fork; the copy stands on it */
bool w_copy_busy (const struct world *w, const struct w_copy *c); /* a long statement works on it */
/* One log record, followed by the mirror at once where the session says so. */
w_lsn w_log (struct world *w, struct w_copy *c, unsigned records);

/* database.c: a new, empty slot for a database of that name; NULL: no room */
struct w_copy *w_copy_new (struct world *w, w_id instance, const char *name);

/* mirror.c */
bool w_pair_connected (const struct world *w, const struct w_copy *a, const struct w_copy *b);
bool w_witness_connected (const struct world *w, const struct w_copy *c);
void w_mirror_clear (struct world *w, struct w_copy *c); /* forgets the half; a former mirror stays RESTORING */
void w_mirror_settle (struct world *w);                  /* all halves as connections are now */
void w_mirror_step (struct world *w);                    /* what takes time: synchronizing */
int64_t w_mirror_due (const struct world *w);

/* backup.c */
struct w_backup {
    w_id copy;
    uint16_t spid;
    uint32_t flags;
    const char *path, *name, *user;
    const char *known_as; /* the path that history shall show; NULL: path */
};
/* Backs up to a file; used by the statement and by Agent jobs.  Errors without the 3013. */
bool w_backup_run (struct world *w, const struct w_files *files, const struct w_backup *b, struct w_set *ret,
                   struct w_out *out);
/* Applies a log set to a copy; 0 or 4305 4326 4330.  `recover`: begin a new fork and open. */
int w_log_apply (struct world *w, struct w_copy *c, const struct w_set *set);
bool w_recover (struct world *w, struct w_copy *c);
void w_history_restore (struct world *w, const struct w_copy *c, const struct w_set *set, const char *file,
                        const char *user, uint32_t flags);
void w_history_backup (struct world *w, w_id instance, const struct w_set *set, const char *file);
int w_set_problem (enum w_set_class class); /* the message number of a class; 0: good */

/* shipping.c: every definition of an instance is gone, with its jobs */
void w_shipping_forget (struct world *w, w_id instance);

/* world.c: where the used part of each table lies, the text last; false: there are no more.  The head lies before all. */
bool w_part (const struct world *w, unsigned part, size_t *ret_at, size_t *ret_size);
size_t w_head_size (void);

/* jobs.c */
void w_job_begin (struct world *w, struct w_job *j, bool by_user);
void w_jobs_tick (struct world *w, const struct w_files *files);
int64_t w_jobs_due (const struct world *w);
w_id w_job_new (struct world *w, w_id instance, enum w_job_kind kind, const char *name);
void w_job_drop (struct world *w, w_id job);
void w_path_join (char *ret, size_t size, const char *folder, const char *name);
const char *w_path_name (const char *path); /* after the last \ */

/* pool.c */
void w_replicate (struct world *w);
int64_t w_replicate_due (const struct world *w);

/* Handlers, by file */
void w_do_login (struct w_ctx *c), w_do_logout (struct w_ctx *c), w_do_use (struct w_ctx *c),
        w_do_kill (struct w_ctx *c);
void w_do_tran (struct w_ctx *c), w_do_statement (struct w_ctx *c), w_do_attention (struct w_ctx *c);
void w_do_create_db (struct w_ctx *c), w_do_drop_db (struct w_ctx *c), w_do_access (struct w_ctx *c);
void w_do_offline (struct w_ctx *c), w_do_online (struct w_ctx *c), w_do_read_only (struct w_ctx *c);
void w_do_recovery (struct w_ctx *c), w_do_option (struct w_ctx *c), w_do_owner (struct w_ctx *c);
void w_do_backup (struct w_ctx *c), w_do_restore (struct w_ctx *c), w_do_restore_state (struct w_ctx *c);
void w_do_partner (struct w_ctx *c), w_do_partner_off (struct w_ctx *c), w_do_failover (struct w_ctx *c);
void w_do_force (struct w_ctx *c), w_do_suspend (struct w_ctx *c), w_do_resume (struct w_ctx *c);
void w_do_safety (struct w_ctx *c), w_do_timeout (struct w_ctx *c), w_do_witness (struct w_ctx *c);
void w_do_witness_off (struct w_ctx *c), w_do_endpoint_create (struct w_ctx *c), w_do_endpoint_state (struct w_ctx *c);
void w_do_endpoint_drop (struct w_ctx *c);
void w_do_ls_primary (struct w_ctx *c), w_do_ls_delete_primary (struct w_ctx *c), w_do_ls_pair (struct w_ctx *c);
void w_do_ls_delete_pair (struct w_ctx *c), w_do_ls_secondary (struct w_ctx *c),
        w_do_ls_delete_secondary (struct w_ctx *c);
void w_do_ls_secondary_db (struct w_ctx *c), w_do_ls_delete_secondary_db (struct w_ctx *c),
        w_do_ls_alert (struct w_ctx *c);
void w_do_job_start (struct w_ctx *c), w_do_job_stop (struct w_ctx *c), w_do_job_update (struct w_ctx *c);
void w_do_job_schedule (struct w_ctx *c), w_do_job_delete (struct w_ctx *c);
void w_do_pool_state (struct w_ctx *c), w_do_pool_active (struct w_ctx *c), w_do_replicate (struct w_ctx *c);
void w_do_central_move (struct w_ctx *c), w_do_service (struct w_ctx *c), w_do_server_report (struct w_ctx *c);
void w_do_site_power (struct w_ctx *c), w_do_instance_power (struct w_ctx *c), w_do_frontend_power (struct w_ctx *c);
void w_do_site_rebuild (struct w_ctx *c), w_do_link (struct w_ctx *c), w_do_fault (struct w_ctx *c);
void w_do_pool_fault (struct w_ctx *c);

#endif
