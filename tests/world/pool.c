/* The central store, replicas, services and power (pool sheet 2.6, 3, 4). */
#include "tests/lib/tap.h"
#include "tests/world/fixture.h"

#include <string.h>

static int
from (struct fixture *f, enum w_op_kind kind, w_id site, int value)
{
    fixture_op (f, kind, 0)->n[11] = site;
    f->op.n[0] = value;
    return fixture_first (f);
}

static void
replication_takes_its_time (void)
{
    struct fixture f;

    fixture_init (&f);
    CU_ASSERT_EQUAL (from (&f, W_OP_POOL_STATE, f.south, W_FAILED_OVER), 0);
    CU_ASSERT_EQUAL (f.w.servers[7].replica.state, W_NORMAL);
    fixture_wait (&f, 500);
    CU_ASSERT_EQUAL (f.w.servers[7].replica.state, W_NORMAL);
    fixture_wait (&f, 700);
    CU_ASSERT_EQUAL (f.w.servers[7].replica.state, W_FAILED_OVER);
    CU_ASSERT_EQUAL (f.w.servers[7].replica.version, f.w.central.version);
    CU_ASSERT_EQUAL (from (&f, W_OP_POOL_ACTIVE, f.south, 0), 0);
    CU_ASSERT_EQUAL (from (&f, W_OP_REPLICATE, f.south, -1), 0);
    fixture_wait (&f, 300); /* pushed */
    CU_ASSERT_EQUAL (f.w.servers[7].replica.active, 0);
    fixture_free (&f);
}

static void
active_list_has_a_limit (void)
{
    struct fixture f;

    fixture_init (&f);
    CU_ASSERT_EQUAL (from (&f, W_OP_POOL_ACTIVE, f.north, 0x1f), W_POOL_TOO_MANY);
    CU_ASSERT_EQUAL (f.w.central.active, 0x0f);
    CU_ASSERT_EQUAL (from (&f, W_OP_POOL_ACTIVE, f.north, 0x100), W_POOL_NO_SERVER);
    CU_ASSERT_EQUAL (from (&f, W_OP_POOL_ACTIVE, f.north, 0xf0), 0);
    fixture_free (&f);
}

static void
central_store_dies_with_its_site (void)
{
    struct fixture f;

    fixture_init (&f);
    fixture_site (&f, f.north, false);
    CU_ASSERT_EQUAL (from (&f, W_OP_POOL_STATE, f.south, W_FAILED_OVER), W_POOL_DARK);
    CU_ASSERT_EQUAL (from (&f, W_OP_CENTRAL_MOVE, f.south, f.south), W_POOL_DARK); /* not without force */
    fixture_op (&f, W_OP_CENTRAL_MOVE, 0)->n[11] = f.south;
    f.op.n[0] = f.north;
    f.op.flags = W_WITH_FORCE;
    CU_ASSERT_EQUAL (fixture_first (&f), W_POOL_BAD_TARGET); /* it must run at the target */
    f.op.n[0] = f.south;
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (from (&f, W_OP_POOL_STATE, f.south, W_FAILED_OVER), 0);
    fixture_free (&f);
}

static void
returning_servers_start_stale (void)
{
    struct fixture f;

    fixture_init (&f);
    fixture_site (&f, f.north, false);
    CU_ASSERT_EQUAL (f.w.servers[0].chat, 0);
    fixture_op (&f, W_OP_CENTRAL_MOVE, 0)->n[11] = f.south;
    f.op.n[0] = f.south;
    f.op.flags = W_WITH_FORCE;
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (from (&f, W_OP_POOL_STATE, f.south, W_FAILED_OVER), 0);
    CU_ASSERT_EQUAL (from (&f, W_OP_POOL_ACTIVE, f.south, 0xf0), 0);
    fixture_wait (&f, 10000);
    fixture_site (&f, f.north, true);
    fixture_wait (&f, 1000);
    CU_ASSERT_EQUAL (f.w.servers[0].chat, 1);
    CU_ASSERT_EQUAL (f.w.servers[0].replica.state, W_NORMAL);
    CU_ASSERT_EQUAL (f.w.servers[0].replica.active, 0x0f);
    fixture_wait (&f, 4000);
    CU_ASSERT_EQUAL (f.w.servers[0].replica.state, W_FAILED_OVER);
    CU_ASSERT_EQUAL (f.w.servers[0].replica.active, 0xf0);
    fixture_free (&f);
}

static void
services_of_a_dark_site_cannot_be_stopped (void)
{
    struct fixture f;

    fixture_init (&f);
    fixture_op (&f, W_OP_SERVICE, 0)->n[11] = f.south;
    f.op.n[0] = 1;
    f.op.n[1] = 3;
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (f.w.servers[0].chat, 0);
    CU_ASSERT_EQUAL (f.w.servers[0].compliance, 0);
    fixture_site (&f, f.north, false);
    fixture_op (&f, W_OP_SERVICE, 0)->n[11] = f.south;
    f.op.n[0] = 1;
    f.op.n[1] = 3;
    CU_ASSERT_EQUAL (fixture_first (&f), W_POOL_NOT_READY);
    fixture_site (&f, f.north, true);
    CU_ASSERT_EQUAL (f.w.servers[0].chat, 1); /* services start with the machine */
    fixture_free (&f);
}

static void
controller_holds_a_site_off (void)
{
    struct fixture f;

    fixture_init (&f);
    fixture_op (&f, W_OP_SITE_POWER, 0)->n[0] = f.north;
    f.op.n[2] = 1;
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_EQUAL (f.w.sites[f.north - 1].powered, 0);
    CU_ASSERT_EQUAL (f.w.sites[f.north - 1].held_off, 1);
    f.op.n[1] = 1; /* release */
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_EQUAL (f.w.sites[f.north - 1].powered, 1);
    fixture_site (&f, f.north, false); /* the mains fail */
    fixture_op (&f, W_OP_SITE_POWER, 0)->n[0] = f.north;
    f.op.n[2] = 1;
    CU_ASSERT_TRUE (fixture_go (&f));
    f.op.n[1] = 1;
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_EQUAL (f.w.sites[f.north - 1].powered, 0); /* released, but there is still no power */
    fixture_site (&f, f.north, true);
    CU_ASSERT_EQUAL (f.w.sites[f.north - 1].powered, 1);
    fixture_free (&f);
}

static void
identifiers_of_the_schema_are_complete (void)
{
    struct fixture f;

    fixture_init (&f);
    fixture_op (&f, W_OP_INSTALL_DB, f.p)->n[0] = 1;
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_EQUAL (f.out.value[2], 1);
    CU_ASSERT_TRUE (fixture_write (&f, f.p, 1) > 0);
    fixture_op (&f, W_OP_INSTALL_DB, f.p)->n[0] = 1;
    CU_ASSERT_TRUE (fixture_go (&f)); /* again: it is there, nothing changes */
    CU_ASSERT_EQUAL (f.out.value[2], 0);
    fixture_free (&f);
}

static void
a_stuck_replica_stays_behind (void)
{
    struct fixture f;
    struct w_replica *r;

    fixture_init (&f);
    r = &f.w.servers[0].replica;
    fixture_op (&f, W_OP_FAULT_REPLICA, 0)->subject = 1;
    f.op.n[0] = 1;
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_EQUAL (from (&f, W_OP_POOL_STATE, f.south, W_FAILED_OVER), 0);
    fixture_wait (&f, 10000);
    CU_ASSERT_EQUAL (r->state, W_NORMAL);
    CU_ASSERT_EQUAL (f.w.servers[1].replica.state, W_FAILED_OVER);
    fixture_op (&f, W_OP_FAULT_REPLICA, 0)->subject = 1;
    CU_ASSERT_TRUE (fixture_go (&f));
    fixture_wait (&f, 10000);
    CU_ASSERT_EQUAL (r->state, W_FAILED_OVER);
    fixture_op (&f, W_OP_FAULT_REPLICA, 0)->subject = 99;
    CU_ASSERT_FALSE (fixture_go (&f));
    fixture_free (&f);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "a changed pool state reaches the replicas after the replication delay, sooner when pushed",
          replication_takes_its_time },
        { "never more than four active servers, and none that does not exist", active_list_has_a_limit },
        { "the central store dies with its site and is moved by force from the target",
          central_store_dies_with_its_site },
        { "servers of a returning site start from their stale replica until replication reaches them",
          returning_servers_start_stale },
        { "services of a dark site cannot be stopped; they start with the machine",
          services_of_a_dark_site_cannot_be_stopped },
        { "a power controller holds a site off; releasing it brings no power back", controller_holds_a_site_off },
        { "a machine that replication does not reach keeps what it has, alone", a_stuck_replica_stays_behind },
        { "installing a chat database makes it once", identifiers_of_the_schema_are_complete },
        { NULL, NULL }
    };

    return sb_tap_run ("pool", tests);
}
