/* One table: what each kind of operation needs before it is tried and which
 * message closes its failure.  Then the handlers, each in the file of its
 * subject; then what every operation may have caused elsewhere. */
#include "lab/world/intern.h"

#include <stdio.h>
#include <string.h>

enum need {
    NOTHING = 0,
    INSTANCE = 1 << 0,  /* the instance answers */
    DATABASE = 1 << 1,  /* db exists there: 911 */
    ALTERABLE = 1 << 2, /* db exists there: 5011; a failure is closed by 5069 */
    BY_3013 = 1 << 3,   /* a failure is closed by 3013 */
    NO_TRAN = 1 << 4,   /* refused in a transaction: 226 alone, or 3021 */
    SYSADMIN = 1 << 5,  /* 15247 */
    TRANSIENT = 1 << 6, /* a mirroring statement */
    QUIET = 1 << 7      /* changes nothing that others see by itself */
};

struct kind {
    w_op_fn run;
    unsigned need;
    const char *statement; /* for 226 and 3013 */
};

#define ALTER     (INSTANCE | ALTERABLE | NO_TRAN)
#define MIRRORING (ALTER | TRANSIENT)
#define SHIPPING  (INSTANCE | SYSADMIN)

static const struct kind kinds[W_OP_LAST] = {
    [W_OP_LOGIN] = { w_do_login, NOTHING, NULL },
    [W_OP_LOGOUT] = { w_do_logout, NOTHING, NULL },
    [W_OP_USE] = { w_do_use, INSTANCE, NULL },
    [W_OP_KILL] = { w_do_kill, INSTANCE, NULL },
    [W_OP_TRAN] = { w_do_tran, INSTANCE, NULL },
    [W_OP_STATEMENT] = { w_do_statement, INSTANCE | QUIET, NULL },
    [W_OP_ATTENTION] = { w_do_attention, INSTANCE, NULL },
    [W_OP_CREATE_DB] = { w_do_create_db, INSTANCE | NO_TRAN, "CREATE DATABASE" },
    [W_OP_DROP_DB] = { w_do_drop_db, INSTANCE | NO_TRAN, "DROP DATABASE" },
    [W_OP_ACCESS] = { w_do_access, ALTER, "ALTER DATABASE" },
    [W_OP_OFFLINE] = { w_do_offline, ALTER, "ALTER DATABASE" },
    [W_OP_ONLINE] = { w_do_online, ALTER, "ALTER DATABASE" },
    [W_OP_READ_ONLY] = { w_do_read_only, ALTER, "ALTER DATABASE" },
    [W_OP_RECOVERY] = { w_do_recovery, ALTER, "ALTER DATABASE" },
    [W_OP_OPTION] = { w_do_option, ALTER, "ALTER DATABASE" },
    [W_OP_OWNER] = { w_do_owner, INSTANCE | DATABASE, NULL },
    [W_OP_BACKUP] = { w_do_backup, INSTANCE | DATABASE | BY_3013 | NO_TRAN, "BACKUP" },
    [W_OP_RESTORE] = { w_do_restore, INSTANCE | BY_3013 | NO_TRAN, "RESTORE" },
    [W_OP_RESTORE_STATE] = { w_do_restore_state, INSTANCE | DATABASE | BY_3013 | NO_TRAN, "RESTORE" },
    [W_OP_PARTNER] = { w_do_partner, MIRRORING, "ALTER DATABASE" },
    [W_OP_PARTNER_OFF] = { w_do_partner_off, MIRRORING, "ALTER DATABASE" },
    [W_OP_FAILOVER] = { w_do_failover, MIRRORING, "ALTER DATABASE" },
    [W_OP_FORCE] = { w_do_force, MIRRORING, "ALTER DATABASE" },
    [W_OP_SUSPEND] = { w_do_suspend, MIRRORING, "ALTER DATABASE" },
    [W_OP_RESUME] = { w_do_resume, MIRRORING, "ALTER DATABASE" },
    [W_OP_SAFETY] = { w_do_safety, MIRRORING, "ALTER DATABASE" },
    [W_OP_TIMEOUT] = { w_do_timeout, MIRRORING, "ALTER DATABASE" },
    [W_OP_WITNESS] = { w_do_witness, MIRRORING, "ALTER DATABASE" },
    [W_OP_WITNESS_OFF] = { w_do_witness_off, MIRRORING, "ALTER DATABASE" },
    [W_OP_ENDPOINT_CREATE] = { w_do_endpoint_create, INSTANCE | NO_TRAN, "CREATE ENDPOINT" },
    [W_OP_ENDPOINT_STATE] = { w_do_endpoint_state, INSTANCE | NO_TRAN, "ALTER ENDPOINT" },
    [W_OP_ENDPOINT_DROP] = { w_do_endpoint_drop, INSTANCE | NO_TRAN, "DROP ENDPOINT" },
    [W_OP_LS_ADD_PRIMARY] = { w_do_ls_primary, SHIPPING, NULL },
    [W_OP_LS_CHANGE_PRIMARY] = { w_do_ls_primary, SHIPPING, NULL },
    [W_OP_LS_DELETE_PRIMARY] = { w_do_ls_delete_primary, SHIPPING, NULL },
    [W_OP_LS_ADD_PAIR] = { w_do_ls_pair, SHIPPING, NULL },
    [W_OP_LS_DELETE_PAIR] = { w_do_ls_delete_pair, SHIPPING, NULL },
    [W_OP_LS_ADD_SECONDARY] = { w_do_ls_secondary, SHIPPING, NULL },
    [W_OP_LS_CHANGE_SECONDARY] = { w_do_ls_secondary, SHIPPING, NULL },
    [W_OP_LS_DELETE_SECONDARY] = { w_do_ls_delete_secondary, SHIPPING, NULL },
    [W_OP_LS_ADD_SECONDARY_DB] = { w_do_ls_secondary_db, SHIPPING, NULL },
    [W_OP_LS_CHANGE_SECONDARY_DB] = { w_do_ls_secondary_db, SHIPPING, NULL },
    [W_OP_LS_DELETE_SECONDARY_DB] = { w_do_ls_delete_secondary_db, SHIPPING, NULL },
    [W_OP_LS_ADD_ALERT_JOB] = { w_do_ls_alert, SHIPPING, NULL },
    [W_OP_JOB_START] = { w_do_job_start, INSTANCE, NULL },
    [W_OP_JOB_STOP] = { w_do_job_stop, INSTANCE, NULL },
    [W_OP_JOB_UPDATE] = { w_do_job_update, INSTANCE, NULL },
    [W_OP_JOB_SCHEDULE] = { w_do_job_schedule, INSTANCE, NULL },
    [W_OP_JOB_DELETE] = { w_do_job_delete, INSTANCE, NULL },
    [W_OP_POOL_STATE] = { w_do_pool_state, NOTHING, NULL },
    [W_OP_POOL_ACTIVE] = { w_do_pool_active, NOTHING, NULL },
    [W_OP_REPLICATE] = { w_do_replicate, NOTHING, NULL },
    [W_OP_CENTRAL_MOVE] = { w_do_central_move, NOTHING, NULL },
    [W_OP_SERVICE] = { w_do_service, NOTHING, NULL },
    [W_OP_SERVER_REPORT] = { w_do_server_report, NOTHING, NULL },
    [W_OP_INSTALL_DB] = { w_do_create_db, INSTANCE, NULL },
    [W_OP_SITE_POWER] = { w_do_site_power, NOTHING, NULL },
    [W_OP_SITE_REBUILD] = { w_do_site_rebuild, NOTHING, NULL },
    [W_OP_INSTANCE_POWER] = { w_do_instance_power, NOTHING, NULL },
    [W_OP_FRONTEND_POWER] = { w_do_frontend_power, NOTHING, NULL },
    [W_OP_LINK] = { w_do_link, NOTHING, NULL },
    [W_OP_FAULT_SLOW] = { w_do_fault, NOTHING, NULL },
    [W_OP_FAULT_FAIL_NEXT] = { w_do_fault, NOTHING, NULL },
    [W_OP_FAULT_TRANSIENT] = { w_do_fault, NOTHING, NULL },
    [W_OP_FAULT_WITNESS] = { w_do_fault, NOTHING, NULL },
    [W_OP_FAULT_AGENT] = { w_do_fault, NOTHING, NULL },
    [W_OP_FAULT_DISK] = { w_do_fault, NOTHING, NULL },
    [W_OP_FAULT_SHARE] = { w_do_fault, NOTHING, NULL },
    [W_OP_FAULT_CENTRAL] = { w_do_pool_fault, NOTHING, NULL },
    [W_OP_FAULT_REPLICA] = { w_do_pool_fault, NOTHING, NULL },
    [W_OP_FAULT_NEXT_HOP] = { w_do_pool_fault, NOTHING, NULL },
};

void
w_op_init (struct w_op *op, enum w_op_kind kind, w_id instance, uint16_t spid, const char *db)
{
    memset (op, 0, sizeof *op);
    op->kind = (uint16_t) kind;
    op->instance = instance;
    op->spid = spid;
    if (db != NULL)
        w_put (op->db, sizeof op->db, db);
}

/* "BACKUP LOG", "RESTORE DATABASE": what 3013 names. */
static void
name_3013 (const struct w_op *op, const char *statement, char *ret, size_t size)
{
    snprintf (ret, size, "%s %s", statement, (op->flags & W_WITH_LOG) != 0 ? "LOG" : "DATABASE");
}

static bool
allowed (struct w_ctx *c, const struct kind *k)
{
    char name[32];

    if ((k->need & INSTANCE) != 0 && !w_answers (c->w, c->op->instance)) {
        c->out->status = W_UNREACHABLE;
        return false;
    }
    if ((k->need & SYSADMIN) != 0 && c->me != NULL && !c->me->sysadmin) {
        fail (c, 15247, NULL);
        return false;
    }
    if ((k->need & NO_TRAN) != 0 && c->me != NULL && c->me->in_tran) {
        if ((k->need & BY_3013) != 0) {
            name_3013 (c->op, k->statement, name, sizeof name);
            fail (c, 3021, NULL);
            fail (c, 3013, "%s", name);
        } else {
            fail (c, 226, "%s", k->statement);
        }
        return false;
    }
    if ((k->need & (DATABASE | ALTERABLE)) != 0 && c->copy == NULL) {
        fail (c, (k->need & ALTERABLE) != 0 ? 5011 : 911, "%s", c->op->db);
        return false;
    }
    if ((k->need & TRANSIENT) != 0 && c->inst->transient != 0) {
        fail (c, c->inst->transient, "%s", c->op->db);
        c->inst->transient = 0;
        return false;
    }
    return true;
}

/* A statement that takes time is remembered whole and done when it is due. */
static bool
begin_work (struct w_ctx *c)
{
    w_id slot;
    struct w_work *k;

    if (c->op->delay_ms <= 0)
        return false;
    slot = w_slot_new (c->w, W_T_WORKS);
    if (slot == 0)
        return false; /* too many at a time: done at once */
    k = &c->w->works[slot - 1];
    c->w->next_work = c->w->next_work % 65535 + 1;
    k->id = (uint16_t) c->w->next_work;
    k->started_ms = c->w->now_ms;
    k->done_ms = c->w->now_ms + c->op->delay_ms;
    k->op = *c->op;
    c->out->status = W_WORKING;
    c->out->work = k->id;
    c->out->done_ms = k->done_ms;
    return true;
}

void
w_run (struct world *w, const struct w_files *files, const struct w_op *op, struct w_out *out)
{
    struct w_ctx c = { .w = w, .files = files, .op = op, .out = out };
    const struct kind *k;
    char name[32];

    w_out_init (out);
    if (op->kind == W_OP_NONE || op->kind >= W_OP_LAST || kinds[op->kind].run == NULL) {
        w_fail (out, W_LAB_NO_SUCH, "operation %u", op->kind);
        return;
    }
    k = &kinds[op->kind];
    c.inst = w_instance (w, op->instance);
    c.copy = w_copy (w, w_find_copy (w, op->instance, op->db));
    c.me = w_session (w, op->instance, op->spid);
    if (allowed (&c, k) && !begin_work (&c))
        k->run (&c);
    if (out->status == W_FAILED && (k->need & BY_3013) != 0 && !w_out_has (out, 3013)) {
        name_3013 (op, k->statement, name, sizeof name);
        w_fail (out, 3013, "%s", name);
    }
    if (out->status == W_FAILED && (k->need & ALTERABLE) != 0 && !w_out_has (out, 226))
        w_fail (out, 5069, NULL);
    if ((k->need & QUIET) == 0) {
        w_mirror_settle (w);
        w->version++;
    }
}
