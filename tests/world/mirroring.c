/* The state machine and the quorum table of mirroring (SQL sheet 2.3 to 2.6):
 * one test per row, and one per number that refuses a statement. */
#include "tests/lib/tap.h"
#include "tests/world/fixture.h"

#include <stdio.h>
#include <string.h>

static void
instance_power (struct fixture *f, w_id instance, bool on)
{
    fixture_op (f, W_OP_INSTANCE_POWER, instance)->n[0] = on;
    CU_ASSERT_TRUE (fixture_go (f));
}

static void
lose_witness (struct fixture *f, bool lost)
{
    fixture_op (f, W_OP_FAULT_WITNESS, f->wit)->n[0] = lost;
    CU_ASSERT_TRUE (fixture_go (f));
}

static void
endpoint (struct fixture *f, w_id instance, int state)
{
    fixture_op (f, W_OP_ENDPOINT_STATE, instance)->n[1] = state;
    strcpy (f->op.name[0], "Mirroring");
    CU_ASSERT_TRUE (fixture_go (f));
}

static bool
serves (struct fixture *f, w_id instance)
{
    return fixture_copy (f, instance)->role == W_PRINCIPAL && fixture_write (f, instance, 1) > 0;
}

static void
without_witness (struct fixture *f)
{
    fixture_steady (f);
    fixture_jobs (f, false);
    CU_ASSERT_TRUE (fixture_do (f, W_OP_WITNESS_OFF, f->p));
}

/* ---- quorum */

static void
no_witness_partner_lost (void)
{
    struct fixture f;

    without_witness (&f);
    instance_power (&f, f.m, false);
    CU_ASSERT_TRUE (serves (&f, f.p));
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->mirroring, W_DISCONNECTED);
    instance_power (&f, f.m, true);
    instance_power (&f, f.p, false);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->role, W_MIRROR); /* never by itself */
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_FORCE, f.m));
    CU_ASSERT_TRUE (serves (&f, f.m));
    fixture_free (&f);
}

static void
witness_mirror_lost (void)
{
    struct fixture f;

    fixture_steady (&f);
    instance_power (&f, f.m, false);
    CU_ASSERT_TRUE (serves (&f, f.p));
    fixture_free (&f);
}

static void
witness_principal_lost (void)
{
    struct fixture f;
    int seq;

    fixture_steady (&f);
    seq = fixture_copy (&f, f.m)->role_seq;
    instance_power (&f, f.p, false);
    CU_ASSERT_TRUE (serves (&f, f.m));
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->role_seq, seq + 1);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->fork, fixture_copy (&f, f.p)->fork); /* no loss, no new fork */
    instance_power (&f, f.p, true);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->role, W_MIRROR);
    fixture_wait (&f, 200);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->mirroring, W_SYNCHRONIZED);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->lsn, fixture_copy (&f, f.m)->lsn);
    fixture_free (&f);
}

static void
suspended_mirror_does_not_take_over (void)
{
    struct fixture f;

    fixture_steady (&f);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_SUSPEND, f.p));
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->mirroring, W_SUSPENDED);
    instance_power (&f, f.p, false);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->role, W_MIRROR);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->state, W_RECOVERING);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_FORCE, f.m));
    fixture_free (&f);
}

static void
witness_lost_then_principal (void)
{
    struct fixture f;

    fixture_steady (&f);
    lose_witness (&f, true);
    CU_ASSERT_TRUE (serves (&f, f.p));
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->witness_state, W_WITNESS_DISCONNECTED);
    instance_power (&f, f.p, false);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->role, W_MIRROR);
    fixture_op (&f, W_OP_FORCE, f.m);
    CU_ASSERT_EQUAL (fixture_first (&f), 1431);
    lose_witness (&f, false); /* mirror and witness meet after a total loss: no automatic failover */
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->role, W_MIRROR);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_FORCE, f.m));
    fixture_free (&f);
}

static void
principal_alone_stops (void)
{
    struct fixture f;

    fixture_steady (&f);
    instance_power (&f, f.m, false);
    lose_witness (&f, true);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->state, W_RECOVERING);
    CU_ASSERT_EQUAL (fixture_write (&f, f.p, 1), 0);
    CU_ASSERT_EQUAL (f.out.msgs[0].number, 955);
    lose_witness (&f, false);
    CU_ASSERT_TRUE (serves (&f, f.p));
    fixture_free (&f);
}

static void
partners_apart_but_witness_sees_both (void)
{
    struct fixture f;

    fixture_steady (&f);
    endpoint (&f, f.m, W_EP_STOPPED);
    fixture_wait (&f, 15000);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->role, W_MIRROR);
    CU_ASSERT_TRUE (serves (&f, f.p));
    endpoint (&f, f.m, W_EP_STARTED);
    fixture_wait (&f, 200);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->mirroring, W_SYNCHRONIZED);
    fixture_free (&f);
}

/* P and M in different sites: a cut link is noticed after a while. */
static void
cut_link_is_noticed_later (void)
{
    struct fixture f;

    without_witness (&f);
    f.w.instances[f.m - 1].site = f.south;
    fixture_op (&f, W_OP_LINK, 0);
    f.op.n[0] = f.north;
    f.op.n[1] = f.south;
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->mirroring, W_SYNCHRONIZED);
    fixture_wait (&f, 3000);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->mirroring, W_DISCONNECTED);
    CU_ASSERT_TRUE (serves (&f, f.p));
    fixture_free (&f);
}

/* ---- the state machine */

static void
planned_failover (void)
{
    struct fixture f;
    uint16_t spid;

    fixture_steady (&f);
    spid = fixture_login (&f, f.p, "mgc");
    CU_ASSERT_TRUE (spid > 50);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_FAILOVER, f.p));
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->role, W_MIRROR);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->role, W_PRINCIPAL);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->mirroring, W_SYNCHRONIZING);
    CU_ASSERT_PTR_NULL (w_session (&f.w, f.p, spid)); /* users are thrown out */
    fixture_wait (&f, 100);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->mirroring, W_SYNCHRONIZED);
    fixture_op (&f, W_OP_FAILOVER, f.p);
    CU_ASSERT_EQUAL (fixture_first (&f), 1470);
    CU_ASSERT_TRUE (w_out_has (&f.out, 5069));
    fixture_free (&f);
}

static void
forced_service_forks (void)
{
    struct fixture f;
    w_lsn unsent, common;
    w_id old;

    without_witness (&f);
    old = fixture_copy (&f, f.p)->fork;
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_SUSPEND, f.p));
    common = fixture_copy (&f, f.m)->lsn;
    unsent = fixture_write (&f, f.p, 2);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->lsn, common);
    instance_power (&f, f.p, false);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_FORCE, f.m));
    CU_ASSERT_EQUAL (f.w.forks[fixture_copy (&f, f.m)->fork - 1].point, common);
    fixture_write (&f, f.m, 1);
    instance_power (&f, f.p, true); /* the old principal returns: suspended, not rolled back */
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->role, W_MIRROR);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->mirroring, W_SUSPENDED);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->mirroring, W_SUSPENDED);
    CU_ASSERT_TRUE (w_copy_has (&f.w, w_find_copy (&f.w, f.p, "mgc"), old, unsent));
    fixture_op (&f, W_OP_RESUME, f.p);
    CU_ASSERT_EQUAL (fixture_first (&f), 1470);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_RESUME, f.m));
    fixture_wait (&f, 200);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->mirroring, W_SYNCHRONIZED);
    CU_ASSERT_FALSE (w_copy_has (&f.w, w_find_copy (&f.w, f.p, "mgc"), old, unsent)); /* discarded */
    fixture_free (&f);
}

static void
suspension_survives_restarts (void)
{
    struct fixture f;

    fixture_steady (&f);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_SUSPEND, f.m));
    instance_power (&f, f.m, false);
    instance_power (&f, f.m, true);
    fixture_wait (&f, 300);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->mirroring, W_SUSPENDED);
    CU_ASSERT_TRUE (serves (&f, f.p));
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_RESUME, f.p));
    fixture_wait (&f, 100);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->mirroring, W_SYNCHRONIZED);
    fixture_free (&f);
}

static void
off_reaches_the_other_side_when_it_can (void)
{
    struct fixture f;

    fixture_steady (&f);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_PARTNER_OFF, f.p));
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->mirror_guid, 0);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->state, W_RESTORING);
    CU_ASSERT_TRUE (fixture_write (&f, f.p, 1) > 0);
    fixture_op (&f, W_OP_PARTNER_OFF, f.p);
    CU_ASSERT_EQUAL (fixture_first (&f), 1416);
    fixture_free (&f);

    fixture_steady (&f);
    instance_power (&f, f.m, false);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_PARTNER_OFF, f.p));
    CU_ASSERT_NOT_EQUAL (fixture_copy (&f, f.m)->mirror_guid, 0);
    instance_power (&f, f.m, true);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->mirror_guid, 0);
    fixture_free (&f);
}

static void
whole_site_wakes_as_it_was (void)
{
    struct fixture f;

    fixture_steady (&f);
    fixture_site (&f, f.north, false);
    fixture_wait (&f, 5000);
    fixture_site (&f, f.north, true);
    CU_ASSERT_TRUE (serves (&f, f.p));
    fixture_wait (&f, 200);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->mirroring, W_SYNCHRONIZED);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->role, W_MIRROR);
    fixture_free (&f);
}

static void
safety_off_follows_later (void)
{
    struct fixture f;
    w_lsn lsn;

    without_witness (&f);
    fixture_op (&f, W_OP_SAFETY, f.p)->n[0] = W_SAFETY_OFF;
    CU_ASSERT_TRUE (fixture_go (&f));
    lsn = fixture_write (&f, f.p, 1);
    CU_ASSERT_TRUE (fixture_copy (&f, f.m)->lsn < lsn);
    fixture_wait (&f, 1000);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->lsn, lsn);
    fixture_op (&f, W_OP_FAILOVER, f.p);
    CU_ASSERT_EQUAL (fixture_first (&f), 1477);
    f.w.instances[f.p - 1].edition = 2;
    fixture_op (&f, W_OP_SAFETY, f.p)->n[0] = W_SAFETY_OFF;
    CU_ASSERT_EQUAL (fixture_first (&f), 1473);
    fixture_free (&f);
}

/* ---- what refuses a statement */

static int
set_partner (struct fixture *f, w_id on, const char *address)
{
    fixture_op (f, W_OP_PARTNER, on);
    snprintf (f->op.path[0], sizeof f->op.path[0], "%s", address);
    return fixture_first (f);
}

static void
pairing_is_refused_by_number (void)
{
    struct fixture f;

    fixture_init (&f);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_CREATE_DB, f.p));
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "\\\\south-fs\\shiplogs\\full.bak", W_WITH_INIT), 0);
    CU_ASSERT_EQUAL (set_partner (&f, f.p, "north-sql2:5023"), 1449);
    CU_ASSERT_EQUAL (set_partner (&f, f.p, "TCP://north-sql1.example.net:5022"), 1452);
    CU_ASSERT_EQUAL (set_partner (&f, f.p, "TCP://north-sql2.example.net:9999"), 1418);
    CU_ASSERT_EQUAL (set_partner (&f, f.p, "TCP://north-sql2.example.net:5023"), 1448);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.m, "\\\\south-fs\\shiplogs\\full.bak", W_WITH_NORECOVERY), 0);
    CU_ASSERT_EQUAL (set_partner (&f, f.p, "TCP://north-sql2.example.net:5023"),
                     1418); /* the mirror was not asked first */
    CU_ASSERT_EQUAL (set_partner (&f, f.m, "TCP://north-sql1.example.net:5022"), 0);
    CU_ASSERT_EQUAL (set_partner (&f, f.m, "TCP://north-sql1.example.net:5022"), 1405);
    CU_ASSERT_EQUAL (set_partner (&f, f.p, "TCP://north-sql2.example.net:5023"), 1478); /* no log restored yet */
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_PARTNER_OFF, f.m));
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "\\\\south-fs\\shiplogs\\1.trn", W_WITH_LOG | W_WITH_INIT), 0);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.m, "\\\\south-fs\\shiplogs\\1.trn", W_WITH_LOG | W_WITH_NORECOVERY), 0);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "\\\\south-fs\\shiplogs\\2.trn", W_WITH_LOG | W_WITH_INIT), 0);
    CU_ASSERT_EQUAL (set_partner (&f, f.m, "TCP://north-sql1.example.net:5022"), 0);
    CU_ASSERT_EQUAL (set_partner (&f, f.p, "TCP://127.0.0.1:5023"), 1412); /* a log backup in between breaks the seed */
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_PARTNER_OFF, f.m));
    CU_ASSERT_EQUAL (fixture_restore (&f, f.m, "\\\\south-fs\\shiplogs\\2.trn", W_WITH_LOG | W_WITH_NORECOVERY), 0);
    CU_ASSERT_EQUAL (set_partner (&f, f.m, "TCP://127.0.0.1:5022"), 0);
    CU_ASSERT_EQUAL (set_partner (&f, f.p, "TCP://127.0.0.1:5023"), 0);
    fixture_wait (&f, 100);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.m)->mirroring, W_SYNCHRONIZED);
    fixture_free (&f);
}

static void
unfit_options_forbid_pairing (void)
{
    static const struct {
        enum w_op_kind kind;
        int value, number;
    } rows[] = { { W_OP_RECOVERY, W_SIMPLE, 1465 }, { W_OP_READ_ONLY, 1, 1466 }, { W_OP_ACCESS, W_SINGLE_USER, 1488 } };
    struct fixture f;

    for (unsigned i = 0; i < 3; i++) {
        fixture_steady (&f);
        CU_ASSERT_TRUE (fixture_do (&f, W_OP_PARTNER_OFF, f.p));
        CU_ASSERT_EQUAL (set_partner (&f, f.m, "TCP://127.0.0.1:5022"), 0);
        fixture_op (&f, rows[i].kind, f.p)->n[0] = rows[i].value;
        CU_ASSERT_TRUE (fixture_go (&f));
        CU_ASSERT_EQUAL (set_partner (&f, f.p, "TCP://127.0.0.1:5023"), rows[i].number);
        fixture_free (&f);
    }
}

static void
mirroring_forbids (void)
{
    struct fixture f;

    fixture_steady (&f);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "D:\\t.trn", W_WITH_LOG | W_WITH_NORECOVERY), 1468);
    CU_ASSERT_TRUE (w_out_has (&f.out, 3013));
    CU_ASSERT_EQUAL (fixture_backup (&f, f.m, "D:\\t.bak", 0), 954);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.p, "\\\\south-fs\\shiplogs\\mgc_seed.bak", W_WITH_REPLACE), 3104);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.m, "\\\\south-fs\\shiplogs\\mgc_seed.bak", W_WITH_REPLACE), 3104);
    fixture_op (&f, W_OP_DROP_DB, f.p);
    CU_ASSERT_EQUAL (fixture_first (&f), 3743);
    fixture_op (&f, W_OP_OFFLINE, f.p);
    CU_ASSERT_EQUAL (fixture_first (&f), 1468);
    fixture_op (&f, W_OP_RECOVERY, f.p)->n[0] = W_SIMPLE;
    CU_ASSERT_EQUAL (fixture_first (&f), 1468);
    fixture_op (&f, W_OP_ACCESS, f.p)->n[0] = W_SINGLE_USER;
    CU_ASSERT_EQUAL (fixture_first (&f), 1468);
    fixture_op (&f, W_OP_FORCE, f.m);
    CU_ASSERT_EQUAL (fixture_first (&f), 1455);
    fixture_free (&f);
}

static void
witness_is_refused_by_number (void)
{
    struct fixture f;

    fixture_steady (&f);
    fixture_op (&f, W_OP_WITNESS, f.p);
    strcpy (f.op.path[0], "TCP://north-wit.example.net:7022");
    CU_ASSERT_EQUAL (fixture_first (&f), 0); /* it is already: 1446 is information */
    CU_ASSERT_TRUE (w_out_has (&f.out, 1446));
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_WITNESS_OFF, f.p));
    fixture_op (&f, W_OP_WITNESS_OFF, f.p);
    CU_ASSERT_EQUAL (fixture_first (&f), 1439);
    fixture_op (&f, W_OP_WITNESS, f.p);
    strcpy (f.op.path[0], "TCP://north-sql2.example.net:5023");
    CU_ASSERT_EQUAL (fixture_first (&f), 1429);
    instance_power (&f, f.wit, false);
    fixture_op (&f, W_OP_WITNESS, f.p);
    strcpy (f.op.path[0], "TCP://north-wit.example.net:7022");
    CU_ASSERT_EQUAL (fixture_first (&f), 1456);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_SUSPEND, f.p));
    fixture_op (&f, W_OP_WITNESS, f.p);
    strcpy (f.op.path[0], "TCP://north-wit.example.net:7022");
    CU_ASSERT_EQUAL (fixture_first (&f), 1426);
    fixture_free (&f);
}

static void
transient_number_comes_once (void)
{
    struct fixture f;

    fixture_steady (&f);
    fixture_op (&f, W_OP_FAULT_TRANSIENT, f.p)->n[0] = 1404;
    CU_ASSERT_TRUE (fixture_go (&f));
    fixture_op (&f, W_OP_TIMEOUT, f.p)->n[0] = 3;
    CU_ASSERT_EQUAL (fixture_first (&f), 1404);
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->timeout_s, 5);
    fixture_op (&f, W_OP_TIMEOUT, f.p)->n[0] = 40000;
    CU_ASSERT_EQUAL (fixture_first (&f), 1476);
    fixture_free (&f);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "without a witness the principal serves alone and the mirror is taken by force only",
          no_witness_partner_lost },
        { "with a witness the principal serves when its mirror is lost", witness_mirror_lost },
        { "the mirror takes over when the principal is lost and the witness sees it; the old one returns as mirror",
          witness_principal_lost },
        { "a suspended mirror does not take over, but can be forced", suspended_mirror_does_not_take_over },
        { "without the witness nobody takes over, not even when it returns later", witness_lost_then_principal },
        { "a principal that sees neither partner nor witness stops with 955", principal_alone_stops },
        { "no take-over while the witness sees both partners", partners_apart_but_witness_sees_both },
        { "a cut link is noticed after the time-out, not before", cut_link_is_noticed_later },
        { "a planned failover swaps the roles and throws users out; again it is 1470", planned_failover },
        { "forced service forks; the old principal is suspended with its unsent log until RESUME",
          forced_service_forks },
        { "a suspension survives restarts", suspension_survives_restarts },
        { "OFF clears both sides at once, or the other one when it reconnects",
          off_reaches_the_other_side_when_it_can },
        { "a site that gets its power back wakes with the same principal, writable", whole_site_wakes_as_it_was },
        { "with SAFETY OFF the mirror follows later; failover is 1477, Standard edition 1473",
          safety_off_follows_later },
        { "pairing: 1449 1452 1418 1448 1405 1478 1412, then it works", pairing_is_refused_by_number },
        { "SIMPLE, READ_ONLY and SINGLE_USER forbid pairing with 1465, 1466 and 1488", unfit_options_forbid_pairing },
        { "a mirrored database refuses tail backup, restore, drop, OFFLINE, SIMPLE and force while connected",
          mirroring_forbids },
        { "a witness is refused with 1439, 1429, 1456 and 1426", witness_is_refused_by_number },
        { "a transient error comes once", transient_number_comes_once },
        { NULL, NULL }
    };

    return sb_tap_run ("mirroring", tests);
}
