/* The steady state, and what survives a restart of the lab. */
#include "tests/lib/tap.h"
#include "tests/world/fixture.h"

#include <string.h>

static void
pair_is_synchronized (void)
{
    struct fixture f;
    struct w_copy *p, *m;

    fixture_steady (&f);
    p = fixture_copy (&f, f.p);
    m = fixture_copy (&f, f.m);
    CU_ASSERT_EQUAL (p->state, W_ONLINE);
    CU_ASSERT_EQUAL (p->role, W_PRINCIPAL);
    CU_ASSERT_EQUAL (p->mirroring, W_SYNCHRONIZED);
    CU_ASSERT_EQUAL (m->state, W_RESTORING);
    CU_ASSERT_EQUAL (m->role, W_MIRROR);
    CU_ASSERT_EQUAL (m->mirroring, W_SYNCHRONIZED);
    CU_ASSERT_EQUAL (m->safety, W_SAFETY_FULL);
    CU_ASSERT_EQUAL (p->witness_state, W_WITNESS_CONNECTED);
    CU_ASSERT_EQUAL (m->witness_state, W_WITNESS_CONNECTED);
    fixture_free (&f);
}

static void
logs_arrive (void)
{
    struct fixture f;
    w_lsn lsn;

    fixture_steady (&f);
    lsn = fixture_write (&f, f.p, 3);
    CU_ASSERT_TRUE (lsn > 0);
    fixture_wait (&f, 8000);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->state, W_RESTORING);
    CU_ASSERT_TRUE (
            w_copy_has (&f.w, w_find_copy (&f.w, f.b, "mgc"), fixture_copy (&f, f.p)->fork, lsn + 2 * W_LSN_STEP));
    fixture_free (&f);
}

static void
dormant_source_succeeds_with_32008 (void)
{
    struct fixture f;
    unsigned dormant = 0;

    fixture_steady (&f);
    fixture_wait (&f, 6000);
    for (unsigned i = 0; i < f.w.njobs; i++)
        if (f.w.jobs[i].kind == W_JOB_BACKUP && f.w.jobs[i].instance == f.m) {
            dormant++;
            CU_ASSERT_EQUAL (f.w.jobs[i].runs[0].status, W_RUN_SUCCEEDED);
            CU_ASSERT_EQUAL (f.w.jobs[i].runs[0].message, 32008);
        }
    CU_ASSERT_EQUAL (dormant, 1);
    fixture_free (&f);
}

static void
replicas_are_up_to_date (void)
{
    struct fixture f;

    fixture_steady (&f);
    for (unsigned i = 0; i < f.w.nservers; i++)
        CU_ASSERT_EQUAL (f.w.servers[i].replica.version, f.w.central.version);
    CU_ASSERT_EQUAL (f.w.servers[7].replica.active, 15);
    fixture_free (&f);
}

static void
packed_world_is_the_same_world (void)
{
    struct fixture f;
    struct sb_buf b = { 0 };
    static struct world again, copied;

    fixture_steady (&f);
    w_pack (&f.w, &b);
    CU_ASSERT_TRUE (w_unpack (&again, b.s, b.len));
    CU_ASSERT_EQUAL (memcmp (&again, &f.w, sizeof again), 0);
    w_assign (&copied, &f.w);
    CU_ASSERT_EQUAL (memcmp (&copied, &f.w, sizeof copied), 0);
    CU_ASSERT_FALSE (w_unpack (&again, b.s, b.len - 1));
    sb_buf_free (&b);
    fixture_free (&f);
}

static void
assign_leaves_nothing_behind (void)
{
    struct fixture f;
    static struct world small, big;

    w_init (&small, 1, 1);
    fixture_steady (&f);
    w_assign (&big, &f.w);
    w_assign (&big, &small);
    CU_ASSERT_EQUAL (memcmp (&big, &small, sizeof big), 0);
    fixture_free (&f);
}

static void
equal_histories_give_equal_bytes (void)
{
    static struct fixture a, b;

    fixture_steady (&a);
    fixture_steady (&b);
    CU_ASSERT_EQUAL (memcmp (&a.w, &b.w, sizeof a.w), 0);
    fixture_free (&a);
    fixture_free (&b);
}

static void
strings_survive_compaction (void)
{
    struct fixture f;
    char name[64];

    fixture_steady (&f);
    for (int i = 0; i < 4000; i++) { /* more than fits: unused ones are dropped on the way */
        snprintf (name, sizeof name, "word-%d", i);
        f.w.instances[0].slow_pattern = w_intern (&f.w, name);
    }
    CU_ASSERT_STRING_EQUAL (w_str (&f.w, f.w.instances[0].slow_pattern), "word-3999");
    CU_ASSERT_EQUAL (w_find_instance (&f.w, "SOUTH-SQL1"), f.b);
    CU_ASSERT_EQUAL (w_find_copy (&f.w, f.b, "MGC"), w_find_copy (&f.w, f.b, "mgc"));
    fixture_free (&f);
}

static void
identifiers_come_back (void)
{
    struct fixture f;
    char text[W_GUID_TEXT];

    fixture_init (&f);
    for (w_guid g = 1; g < 70000; g += 997) {
        w_guid_text (&f.w, g, text);
        CU_ASSERT_EQUAL (w_guid_parse (&f.w, text), g);
    }
    CU_ASSERT_EQUAL (w_guid_parse (&f.w, "00000000-0000-0000-0000-000000000000"), 0);
    CU_ASSERT_EQUAL (w_guid_parse (&f.w, "nonsense"), 0);
    fixture_free (&f);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "the pair is synchronized with its witness connected", pair_is_synchronized },
        { "a row written at the principal arrives at the secondary by backup, copy and restore", logs_arrive },
        { "the backup job of the mirror succeeds and says 32008", dormant_source_succeeds_with_32008 },
        { "every chat server's replica is up to date", replicas_are_up_to_date },
        { "a packed world unpacks to the same bytes, a shortened one is refused", packed_world_is_the_same_world },
        { "assigning a small world to a big one leaves nothing of the big one", assign_leaves_nothing_behind },
        { "equal histories give equal bytes", equal_histories_give_equal_bytes },
        { "strings in use survive when unused ones are dropped", strings_survive_compaction },
        { "identifiers are found again from their text, foreign ones are not", identifiers_come_back },
        { NULL, NULL }
    };

    return sb_tap_run ("steady state", tests);
}
