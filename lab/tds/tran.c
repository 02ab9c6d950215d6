/* Transactions: rows wait in the session and go to the world together, at the outermost COMMIT. */
#include "lab/tds/applock.h"
#include "lab/tds/session.h"
#include "lab/tds/temp.h"

#include <stdlib.h>
#include <string.h>

static void
tell_world (struct tds_session *s, bool begun)
{
    struct w_op op;
    struct w_out out;

    tds_op_init (s, &op, W_OP_TRAN, "");
    op.n[0] = begun;
    w_out_init (&out);
    w_client_op (s->world, &op, &out);
}

bool
tds_begin (struct tds_session *s, const struct sb_sql_run *r)
{
    static atomic_uint_least64_t counter = 0x100000001;

    (void) r;
    if (s->trancount++ > 0)
        return true;
    s->transaction = atomic_fetch_add (&counter, 1);
    tds_temp_begin (s);
    tell_world (s, true);
    sb_tds_env_transaction (&s->out, SB_TDS_ENV_BEGIN, s->transaction, 0);
    return true;
}

static void
forget (struct tds_session *s)
{
    for (size_t i = 0; i < s->npending; i++)
        json_decref (s->pending[i].changes);
    free (s->pending);
    s->pending = NULL;
    s->npending = s->pending_cap = 0;
    s->trancount = 0;
    s->doomed = false;
    tds_applocks_end (s, false);
    tell_world (s, false);
}

bool
tds_commit (struct tds_session *s, const struct sb_sql_run *r)
{
    bool good = true;

    if (s->trancount == 0) {
        tds_say (s, r, 3902);
        return false;
    }
    if (s->doomed) {
        tds_say (s, r, 3930);
        return false;
    }
    if (--s->trancount > 0)
        return true;
    for (size_t i = 0; i < s->npending && good; i++) {
        struct w_out out;
        w_out_init (&out);
        w_client_rows (s->world, s->pending[i].copy, s->spid, s->pending[i].changes, &out);
        if (out.status == W_UNREACHABLE)
            s->wire.dead = true;
        good = tds_say_out (s, r, &out);
    }
    sb_tds_env_transaction (&s->out, good ? SB_TDS_ENV_COMMIT : SB_TDS_ENV_ROLLBACK, 0, s->transaction);
    s->transaction = 0;
    tds_temp_end (s, good);
    forget (s);
    return good;
}

void
tds_rollback (struct tds_session *s)
{
    if (s->trancount == 0)
        return;
    sb_tds_env_transaction (&s->out, SB_TDS_ENV_ROLLBACK, 0, s->transaction);
    s->transaction = 0;
    tds_temp_end (s, false);
    forget (s);
}
