/* Sessions, database options, backup and restore: consequences and the numbers
 * that refuse (SQL sheet 1.3, 3.4, 5.2, 5.3). */
#include "tests/lib/tap.h"
#include "tests/world/fixture.h"

#include <stdio.h>
#include <string.h>

static int
login_number (struct fixture *f, w_id instance, const char *db)
{
    return fixture_login (f, instance, db) != 0 ? 0 : f->out.nmsgs > 0 ? f->out.msgs[0].number : -1;
}

static void
login_follows_the_state (void)
{
    struct fixture f;

    fixture_steady (&f);
    CU_ASSERT_EQUAL (login_number (&f, f.p, "mgc"), 0);
    CU_ASSERT_EQUAL (login_number (&f, f.m, "mgc"), 4060);
    CU_ASSERT_TRUE (w_out_has (&f.out, 18456));
    CU_ASSERT_EQUAL (login_number (&f, f.b, "mgc"), 4060);
    CU_ASSERT_EQUAL (login_number (&f, f.b, "nowhere"), 4060);
    CU_ASSERT_EQUAL (login_number (&f, f.b, "master"), 0);
    CU_ASSERT_EQUAL (login_number (&f, f.b, "MSDB"), 0);
    fixture_free (&f);
}

static void
use_tells_why (void)
{
    struct fixture f;
    uint16_t spid;

    fixture_steady (&f);
    spid = fixture_login (&f, f.b, "master");
    fixture_op (&f, W_OP_USE, f.b)->spid = spid;
    CU_ASSERT_EQUAL (fixture_first (&f), 927);
    spid = fixture_login (&f, f.m, "master");
    fixture_op (&f, W_OP_USE, f.m)->spid = spid;
    CU_ASSERT_EQUAL (fixture_first (&f), 954);
    strcpy (f.op.db, "absent");
    CU_ASSERT_EQUAL (fixture_first (&f), 911);
    fixture_free (&f);
}

static void
client_beyond_a_cut_link_cannot_connect (void)
{
    struct fixture f;

    fixture_steady (&f);
    fixture_op (&f, W_OP_LINK, 0);
    f.op.n[0] = f.north;
    f.op.n[1] = f.south;
    CU_ASSERT_TRUE (fixture_go (&f));
    fixture_op (&f, W_OP_LOGIN, f.p);
    strcpy (f.op.name[1], "south-sql1");
    CU_ASSERT_FALSE (fixture_go (&f));
    CU_ASSERT_EQUAL (f.out.status, W_UNREACHABLE);
    fixture_op (&f, W_OP_LOGIN, f.p);
    f.op.db[0] = 0;
    strcpy (f.op.name[1], "pchat01");
    CU_ASSERT_TRUE (fixture_go (&f));
    fixture_free (&f);
}

static void
cut_link_ends_sessions_across_it (void)
{
    struct fixture f;
    struct w_event e[16];
    uint16_t spid;
    size_t n;
    bool told = false;

    fixture_steady (&f);
    fixture_op (&f, W_OP_LOGIN, f.p);
    f.op.db[0] = 0;
    strcpy (f.op.name[1], "somewhere"); /* the tool's site: south */
    CU_ASSERT_TRUE (fixture_go (&f));
    spid = (uint16_t) f.out.value[0];
    while (w_events_take (e, 16) > 0)
        ;
    fixture_op (&f, W_OP_LINK, 0);
    f.op.n[0] = f.north;
    f.op.n[1] = f.south;
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_PTR_NULL (w_session (&f.w, f.p, spid));
    n = w_events_take (e, 16);
    for (size_t i = 0; i < n; i++)
        told = told || (e[i].kind == W_EV_CUT && e[i].instance == f.p && e[i].spid == spid && !e[i].killed);
    CU_ASSERT_TRUE (told);
    fixture_free (&f);
}

static void
single_user_has_one_holder (void)
{
    struct fixture f;
    uint16_t me, victim;

    fixture_steady (&f);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_PARTNER_OFF, f.p));
    me = fixture_login (&f, f.p, "master");
    victim = fixture_login (&f, f.p, "mgc");
    fixture_op (&f, W_OP_ACCESS, f.p)->n[0] = W_SINGLE_USER;
    f.op.spid = me;
    f.op.flags = W_WITH_NO_WAIT;
    CU_ASSERT_EQUAL (fixture_first (&f), 5070);
    CU_ASSERT_TRUE (w_out_has (&f.out, 5069));
    f.op.flags = W_WITH_ROLLBACK;
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_TRUE (w_out_has (&f.out, 5060));
    CU_ASSERT_EQUAL (f.out.nvictims, 1);
    CU_ASSERT_EQUAL (f.out.victims[0], victim);
    CU_ASSERT_EQUAL (login_number (&f, f.p, "mgc"), 4060);
    victim = fixture_login (&f, f.p, "master");
    fixture_op (&f, W_OP_ACCESS, f.p)->n[0] = W_MULTI_USER;
    f.op.spid = victim;
    f.op.flags = W_WITH_ROLLBACK;
    CU_ASSERT_EQUAL (fixture_first (&f), 5064);
    fixture_op (&f, W_OP_USE, f.p)->spid = victim;
    CU_ASSERT_EQUAL (fixture_first (&f), 924);
    fixture_op (&f, W_OP_DROP_DB, f.p)->spid = victim;
    CU_ASSERT_EQUAL (fixture_first (&f), 3702);
    fixture_op (&f, W_OP_LOGOUT, f.p)->spid = me; /* the first comer takes it */
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (login_number (&f, f.p, "mgc"), 0);
    fixture_free (&f);
}

static void
state_options_by_number (void)
{
    struct fixture f;

    fixture_steady (&f);
    fixture_op (&f, W_OP_ACCESS, f.b)->n[0] = W_RESTRICTED_USER;
    CU_ASSERT_EQUAL (fixture_first (&f), 5052);
    strcpy (f.op.db, "absent");
    CU_ASSERT_EQUAL (fixture_first (&f), 5011);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_PARTNER_OFF, f.p));
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_OFFLINE, f.p));
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_OFFLINE, f.p)); /* the present value again is fine */
    CU_ASSERT_EQUAL (fixture_write (&f, f.p, 1), 0);
    CU_ASSERT_EQUAL (f.out.msgs[0].number, 942);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_ONLINE, f.p));
    fixture_op (&f, W_OP_READ_ONLY, f.p)->n[0] = 1;
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (fixture_write (&f, f.p, 1), 0);
    CU_ASSERT_EQUAL (f.out.msgs[0].number, 3906);
    fixture_free (&f);
}

static void
kill_by_number (void)
{
    struct fixture f;
    uint16_t me, victim;

    fixture_steady (&f);
    me = fixture_login (&f, f.p, "master");
    victim = fixture_login (&f, f.p, "mgc");
    fixture_op (&f, W_OP_KILL, f.p)->spid = me;
    f.op.n[0] = me;
    CU_ASSERT_EQUAL (fixture_first (&f), 6104);
    f.op.n[0] = 5;
    CU_ASSERT_EQUAL (fixture_first (&f), 6107);
    f.op.n[0] = 9999;
    CU_ASSERT_EQUAL (fixture_first (&f), 6106);
    f.op.n[0] = victim;
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (fixture_first (&f), 6106);
    fixture_free (&f);
}

static void
transactions_refuse (void)
{
    struct fixture f;
    uint16_t me;

    fixture_steady (&f);
    me = fixture_login (&f, f.p, "master");
    fixture_op (&f, W_OP_TRAN, f.p)->n[0] = 1;
    f.op.spid = me;
    CU_ASSERT_TRUE (fixture_go (&f));
    fixture_op (&f, W_OP_BACKUP, f.p)->spid = me;
    CU_ASSERT_EQUAL (fixture_first (&f), 3021);
    CU_ASSERT_TRUE (w_out_has (&f.out, 3013));
    fixture_op (&f, W_OP_SUSPEND, f.p)->spid = me;
    CU_ASSERT_EQUAL (fixture_first (&f), 226);
    CU_ASSERT_FALSE (w_out_has (&f.out, 5069));
    fixture_free (&f);
}

static void
backup_by_number (void)
{
    struct fixture f;

    fixture_init (&f);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "D:\\x.bak", 0), 911);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_CREATE_DB, f.p));
    fixture_op (&f, W_OP_CREATE_DB, f.p);
    CU_ASSERT_EQUAL (fixture_first (&f), 1801);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "D:\\x.trn", W_WITH_LOG), 4214);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "\\\\nobody\\share\\x.bak", 0), 3201);
    CU_ASSERT_EQUAL (f.out.msgs[0].state, 1);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "nonsense", 0), 3201);
    fixture_op (&f, W_OP_FAULT_DISK, 0)->subject = f.share;
    f.op.n[0] = 1;
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "\\\\south-fs\\shiplogs\\x.bak", 0), 3202);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "D:\\x.bak", 0), 0);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.p, "D:\\absent.bak", W_WITH_REPLACE), 3201);
    CU_ASSERT_EQUAL (f.out.msgs[0].state, 2);
    fixture_op (&f, W_OP_RECOVERY, f.p)->n[0] = W_SIMPLE;
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "D:\\x.trn", W_WITH_LOG), 4208);
    fixture_op (&f, W_OP_RECOVERY, f.p)->n[0] = W_FULL;
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "D:\\x.trn", W_WITH_LOG), 4214); /* the chain ended */
    fixture_free (&f);
}

static void
tail_needs_the_database_for_itself (void)
{
    struct fixture f;
    uint16_t other, me;

    fixture_steady (&f);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_PARTNER_OFF, f.p));
    other = fixture_login (&f, f.p, "mgc");
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "D:\\t.trn", W_WITH_LOG | W_WITH_NORECOVERY), 3101);
    fixture_op (&f, W_OP_LOGOUT, f.p)->spid = other;
    CU_ASSERT_TRUE (fixture_go (&f));
    me = fixture_login (&f, f.p, "mgc");
    fixture_op (&f, W_OP_BACKUP, f.p)->spid = me;
    f.op.flags = W_WITH_LOG | W_WITH_NORECOVERY;
    strcpy (f.op.path[0], "D:\\t.trn");
    CU_ASSERT_EQUAL (fixture_first (&f), 3102);
    fixture_op (&f, W_OP_LOGOUT, f.p)->spid = me;
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "D:\\t.trn", W_WITH_LOG | W_WITH_NORECOVERY), 0);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "D:\\u.trn", W_WITH_LOG | W_WITH_NORECOVERY), 927); /* already */
    fixture_free (&f);
}

static void
restore_by_number (void)
{
    struct fixture f;
    uint16_t spid;

    fixture_steady (&f);
    fixture_jobs (&f, false);
    strcpy (f.op.db, "x");
    fixture_op (&f, W_OP_RESTORE, f.bm);
    strcpy (f.op.path[0], "\\\\south-fs\\shiplogs\\mgc_seed.bkl");
    f.op.flags = W_WITH_LOG | W_WITH_NORECOVERY;
    CU_ASSERT_EQUAL (fixture_first (&f), 3118);
    f.op.flags = W_WITH_NORECOVERY;
    CU_ASSERT_EQUAL (fixture_first (&f), 3135);
    fixture_op (&f, W_OP_RESTORE, f.bm)->n[0] = 2;
    strcpy (f.op.path[0], "\\\\south-fs\\shiplogs\\mgc_seed.bak");
    CU_ASSERT_EQUAL (fixture_first (&f), 3287);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_RESTORE_STATE, f.b));
    fixture_op (&f, W_OP_RESTORE_STATE, f.b);
    CU_ASSERT_EQUAL (fixture_first (&f), 3153);
    spid = fixture_login (&f, f.b, "mgc");
    CU_ASSERT_EQUAL (fixture_restore (&f, f.b, "\\\\south-fs\\shiplogs\\mgc_seed.bak", W_WITH_REPLACE), 3101);
    fixture_op (&f, W_OP_RESTORE, f.b)->spid = spid;
    strcpy (f.op.path[0], "\\\\south-fs\\shiplogs\\mgc_seed.bak");
    CU_ASSERT_EQUAL (fixture_first (&f), 3102);
    f.w.instances[f.bm - 1].version = 15;
    CU_ASSERT_EQUAL (fixture_restore (&f, f.bm, "\\\\south-fs\\shiplogs\\mgc_seed.bak", 0), 3169);
    fixture_free (&f);
}

static void
standby_reads_and_goes_on (void)
{
    struct fixture f;

    fixture_steady (&f);
    fixture_jobs (&f, false);
    fixture_backup (&f, f.p, "\\\\south-fs\\shiplogs\\s.trn", W_WITH_LOG | W_WITH_INIT);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.b, "\\\\south-fs\\shiplogs\\s.trn", W_WITH_LOG | W_WITH_STANDBY), 0);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->state, W_ONLINE);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->standby, 1);
    CU_ASSERT_EQUAL (login_number (&f, f.b, "mgc"), 0);
    CU_ASSERT_EQUAL (fixture_write (&f, f.b, 1), 0);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.b, "D:\\n.bak", 0), 3036);
    fixture_op (&f, W_OP_RESTORE_STATE, f.b);
    CU_ASSERT_EQUAL (fixture_first (&f), 3101); /* a reader is inside */
    w_op_init (&f.op, W_OP_KILL, f.b, 0, NULL);
    f.op.n[0] = 51;
    fixture_go (&f);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_RESTORE_STATE, f.b));
    CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->standby, 0);
    CU_ASSERT_TRUE (fixture_write (&f, f.b, 1) > 0);
    fixture_free (&f);
}

static void
faults_of_statements (void)
{
    struct fixture f;

    fixture_steady (&f);
    fixture_op (&f, W_OP_FAULT_FAIL_NEXT, f.p)->n[0] = 1222;
    CU_ASSERT_TRUE (fixture_go (&f));
    fixture_op (&f, W_OP_FAULT_SLOW, f.p)->n[0] = 700;
    strcpy (f.op.path[0], "restore log");
    CU_ASSERT_TRUE (fixture_go (&f));
    fixture_op (&f, W_OP_STATEMENT, f.p);
    strcpy (f.op.path[0], "RESTORE LOG [mgc] FROM DISK = N'x'");
    CU_ASSERT_EQUAL (fixture_first (&f), 1222);
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (f.out.value[0], 700);
    strcpy (f.op.path[0], "SELECT 1");
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (f.out.value[0], 0);
    fixture_free (&f);
}

static uint16_t finished_work;
static struct w_out finished_out;

static void
remember (void *ctx, const struct w_op *op, uint16_t work, const struct w_out *out)
{
    (void) ctx;
    (void) op;
    finished_work = work;
    finished_out = *out;
}

static void
long_statement_outlives_its_client (void)
{
    struct fixture f;
    uint16_t me, work;

    fixture_steady (&f);
    fixture_jobs (&f, false);
    fixture_site (&f, f.north, false);
    me = fixture_login (&f, f.b, "master");
    fixture_op (&f, W_OP_RESTORE_STATE, f.b)->spid = me;
    f.op.delay_ms = 1000;
    CU_ASSERT_FALSE (fixture_go (&f));
    CU_ASSERT_EQUAL (f.out.status, W_WORKING);
    work = f.out.work;
    CU_ASSERT_EQUAL (fixture_backup (&f, f.b, "D:\\x.bak", 0), 927); /* it is still restoring */
    fixture_op (&f, W_OP_LOGOUT, f.b)->spid = me;
    CU_ASSERT_TRUE (fixture_go (&f));
    w_tick (&f.w, &f.files, f.w.now_ms + 500, remember, NULL);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->state, W_RESTORING);
    w_tick (&f.w, &f.files, f.w.now_ms + 600, remember, NULL);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->state, W_ONLINE);
    CU_ASSERT_EQUAL (finished_work, work);
    CU_ASSERT_EQUAL (finished_out.status, W_DONE);
    fixture_free (&f);
}

static void
attention_ends_a_long_statement (void)
{
    struct fixture f;

    fixture_steady (&f);
    fixture_jobs (&f, false);
    fixture_op (&f, W_OP_RESTORE_STATE, f.b)->delay_ms = 1000;
    CU_ASSERT_FALSE (fixture_go (&f));
    fixture_op (&f, W_OP_ATTENTION, f.b)->n[0] = f.out.work;
    CU_ASSERT_EQUAL (fixture_first (&f), 3204);
    fixture_wait (&f, 2000);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->state, W_RESTORING);
    fixture_free (&f);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "a login to a mirror, a restoring or an absent database is 4060 and 18456", login_follows_the_state },
        { "USE says why: 927, 954, 911", use_tells_why },
        { "a client beyond a cut link cannot connect, one at home can", client_beyond_a_cut_link_cannot_connect },
        { "a cut link ends the sessions across it and tells the doors", cut_link_ends_sessions_across_it },
        { "SINGLE_USER has one holder: 5070, victims with 5060, then 4060, 5064, 924 and 3702",
          single_user_has_one_holder },
        { "state options: 5052, 5011, repeats succeed, writes are 942 and 3906", state_options_by_number },
        { "KILL: 6104, 6107, 6106, and the victim is gone", kill_by_number },
        { "in a transaction BACKUP is 3021 and ALTER DATABASE 226 alone", transactions_refuse },
        { "BACKUP: 911, 4214, 3201, 3202, 4208, and SIMPLE ends the chain", backup_by_number },
        { "a tail needs the database for itself: 3101, 3102, done, then 927", tail_needs_the_database_for_itself },
        { "RESTORE: 3118, 3135, 3287, 3153, 3101, 3102, 3169", restore_by_number },
        { "a standby copy reads, does not write, and recovers when nobody is inside", standby_reads_and_goes_on },
        { "a statement can be made to fail once and to take longer", faults_of_statements },
        { "a long statement goes on when its client dies", long_statement_outlives_its_client },
        { "attention ends a long statement without effect", attention_ends_a_long_statement },
        { NULL, NULL }
    };

    return sb_tap_run ("statements", tests);
}
