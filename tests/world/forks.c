/* Forks and horizons: which rows a copy has after backups, restores, recovery
 * and loss (SQL sheet 3.7, 10.3). */
#include "tests/lib/tap.h"
#include "tests/world/fixture.h"

#include <string.h>

#define SHARE "\\\\south-fs\\shiplogs\\"

static bool
has (struct fixture *f, w_id instance, w_id fork, w_lsn lsn)
{
    return w_copy_has (&f->w, w_find_copy (&f->w, instance, "mgc"), fork, lsn);
}

/* mgc at P alone, with a full backup, restored at B WITH NORECOVERY. */
static void
pair_by_hand (struct fixture *f)
{
    fixture_init (f);
    CU_ASSERT_TRUE (fixture_do (f, W_OP_CREATE_DB, f->p));
    CU_ASSERT_EQUAL (fixture_backup (f, f->p, SHARE "full.bak", W_WITH_INIT), 0);
    CU_ASSERT_EQUAL (fixture_restore (f, f->b, SHARE "full.bak", W_WITH_NORECOVERY), 0);
}

static void
what_was_not_shipped_is_lost (void)
{
    struct fixture f;
    w_lsn shipped, lost;
    w_id old;

    fixture_steady (&f);
    old = fixture_copy (&f, f.p)->fork;
    shipped = fixture_write (&f, f.p, 1);
    fixture_wait (&f, 8000);
    fixture_jobs (&f, false);
    lost = fixture_write (&f, f.p, 1);
    fixture_site (&f, f.north, false);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_RESTORE_STATE, f.b));
    CU_ASSERT_TRUE (has (&f, f.b, old, shipped));
    CU_ASSERT_FALSE (has (&f, f.b, old, lost));
    CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->state, W_ONLINE);
    CU_ASSERT_NOT_EQUAL (fixture_copy (&f, f.b)->fork, old);
    fixture_free (&f);
}

static void
strays_live_on_the_old_fork_only (void)
{
    struct fixture f;
    w_lsn stray, live;
    w_id old, fork;

    fixture_steady (&f);
    old = fixture_copy (&f, f.p)->fork;
    fixture_jobs (&f, false);
    fixture_site (&f, f.north, false);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_RESTORE_STATE, f.b));
    fork = fixture_copy (&f, f.b)->fork;
    live = fixture_write (&f, f.b, 1);
    fixture_site (&f, f.north, true);
    fixture_wait (&f, 300);
    stray = fixture_write (&f, f.p, 1); /* the old principal woke up writable */
    CU_ASSERT_TRUE (stray > 0);
    CU_ASSERT_TRUE (has (&f, f.p, old, stray));
    CU_ASSERT_TRUE (has (&f, f.m, old, stray));
    CU_ASSERT_FALSE (has (&f, f.b, old, stray));
    CU_ASSERT_TRUE (has (&f, f.b, fork, live));
    CU_ASSERT_FALSE (has (&f, f.p, fork, live));
    fixture_free (&f);
}

static void
consecutive_logs_touch (void)
{
    struct fixture f;
    w_lsn last;

    pair_by_hand (&f);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, SHARE "1.trn", W_WITH_LOG | W_WITH_INIT), 0);
    last = f.out.value[2];
    fixture_write (&f, f.p, 2);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, SHARE "2.trn", W_WITH_LOG | W_WITH_INIT), 0);
    CU_ASSERT_EQUAL (f.out.value[1], last);
    CU_ASSERT_TRUE (f.out.value[2] > last);
    fixture_free (&f);
}

static void
gap_is_4305_and_repeat_is_4326 (void)
{
    struct fixture f;

    pair_by_hand (&f);
    fixture_backup (&f, f.p, SHARE "1.trn", W_WITH_LOG | W_WITH_INIT);
    fixture_backup (&f, f.p, SHARE "2.trn", W_WITH_LOG | W_WITH_INIT);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.b, SHARE "2.trn", W_WITH_LOG | W_WITH_NORECOVERY), 4305);
    CU_ASSERT_TRUE (w_out_has (&f.out, 3013));
    CU_ASSERT_EQUAL (fixture_restore (&f, f.b, SHARE "1.trn", W_WITH_LOG | W_WITH_NORECOVERY), 0);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.b, SHARE "1.trn", W_WITH_LOG | W_WITH_NORECOVERY), 4326);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.b, SHARE "2.trn", W_WITH_LOG | W_WITH_NORECOVERY), 0);
    fixture_free (&f);
}

static void
copy_only_log_leaves_the_chain_alone (void)
{
    struct fixture f;
    w_lsn first;

    pair_by_hand (&f);
    fixture_backup (&f, f.p, SHARE "c.trn", W_WITH_LOG | W_WITH_INIT | W_WITH_COPY_ONLY);
    first = f.out.value[1];
    fixture_backup (&f, f.p, SHARE "1.trn", W_WITH_LOG | W_WITH_INIT);
    CU_ASSERT_EQUAL (f.out.value[1], first);
    fixture_free (&f);
}

static void
foreign_log_backup_makes_a_hole (void)
{
    struct fixture f;

    pair_by_hand (&f);
    fixture_backup (&f, f.p, "D:\\Backup\\other.trn", W_WITH_LOG | W_WITH_INIT);
    fixture_backup (&f, f.p, SHARE "1.trn", W_WITH_LOG | W_WITH_INIT);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.b, SHARE "1.trn", W_WITH_LOG | W_WITH_NORECOVERY), 4305);
    fixture_free (&f);
}

static void
recovery_closes_the_way_for_old_logs (void)
{
    struct fixture f;

    pair_by_hand (&f);
    fixture_backup (&f, f.p, SHARE "1.trn", W_WITH_LOG | W_WITH_INIT);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_RESTORE_STATE, f.b));
    CU_ASSERT_EQUAL (fixture_restore (&f, f.b, SHARE "1.trn", W_WITH_LOG | W_WITH_NORECOVERY), 3117);
    CU_ASSERT_EQUAL (fixture_write (&f, f.b, 1) > 0, true);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.b, SHARE "b.trn", W_WITH_LOG | W_WITH_INIT | W_WITH_NORECOVERY), 0);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.b, SHARE "1.trn", W_WITH_LOG | W_WITH_NORECOVERY), 4326);
    fixture_write (&f, f.p, 5);
    fixture_backup (&f, f.p, SHARE "2.trn", W_WITH_LOG | W_WITH_INIT);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.b, SHARE "2.trn", W_WITH_LOG | W_WITH_NORECOVERY), 4330);
    fixture_free (&f);
}

/* Section 5.7 of the pool sheet: freeze at B, apply at P, nothing lost. */
static void
frozen_copy_and_applied_copy_end_equal (void)
{
    struct fixture f;
    w_lsn lsn;
    w_id fork;

    pair_by_hand (&f);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_RESTORE_STATE, f.b));
    lsn = fixture_write (&f, f.b, 1);
    fork = fixture_copy (&f, f.b)->fork;
    CU_ASSERT_EQUAL (fixture_backup (&f, f.b, SHARE "b.bak", W_WITH_INIT), 0);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.p, SHARE "b.bak", W_WITH_REPLACE | W_WITH_NORECOVERY), 0);
    lsn = fixture_write (&f, f.b, 1);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.b, SHARE "b.trn", W_WITH_LOG | W_WITH_INIT | W_WITH_NORECOVERY), 0);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->state, W_RESTORING);
    CU_ASSERT_EQUAL (fixture_write (&f, f.b, 1), 0);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.p, SHARE "b.trn", W_WITH_LOG | W_WITH_NORECOVERY), 0);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.p)->lsn, fixture_copy (&f, f.b)->lsn);
    CU_ASSERT_TRUE (has (&f, f.p, fork, lsn));
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_RESTORE_STATE, f.p));
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, SHARE "p.trn", W_WITH_LOG | W_WITH_INIT), 0);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.b, SHARE "p.trn", W_WITH_LOG | W_WITH_NORECOVERY), 0);
    fixture_free (&f);
}

static void
family_protects (void)
{
    struct fixture f;

    pair_by_hand (&f);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_CREATE_DB, f.bm));
    CU_ASSERT_EQUAL (fixture_restore (&f, f.bm, SHARE "full.bak", W_WITH_NORECOVERY), 3154);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.p, SHARE "full.bak", W_WITH_NORECOVERY), 3159);
    CU_ASSERT_EQUAL (fixture_restore (&f, f.bm, SHARE "full.bak", W_WITH_NORECOVERY | W_WITH_REPLACE), 0);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.bm)->family, fixture_copy (&f, f.p)->family);
    fixture_free (&f);
}

static void
restore_carries_user_access (void)
{
    struct fixture f;
    uint16_t me;

    pair_by_hand (&f);
    me = fixture_login (&f, f.p, "master");
    fixture_op (&f, W_OP_ACCESS, f.p)->n[0] = W_SINGLE_USER;
    f.op.spid = me;
    CU_ASSERT_TRUE (fixture_go (&f));
    fixture_op (&f, W_OP_BACKUP, f.p);
    f.op.spid = me;
    f.op.flags = W_WITH_LOG | W_WITH_INIT | W_WITH_NORECOVERY;
    strcpy (f.op.path[0], SHARE "tail.trn");
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_EQUAL (fixture_restore (&f, f.b, SHARE "tail.trn", W_WITH_LOG | W_WITH_NORECOVERY), 0);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_RESTORE_STATE, f.b));
    CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->user_access, W_SINGLE_USER);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->trustworthy, 0);
    fixture_free (&f);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "what was not shipped is lost at recovery, what was shipped is there", what_was_not_shipped_is_lost },
        { "what the old principal accepts after its return lives on the old fork only",
          strays_live_on_the_old_fork_only },
        { "a log backup begins where the one before it ended", consecutive_logs_touch },
        { "a gap is 4305, a log that was applied is 4326, both with 3013", gap_is_4305_and_repeat_is_4326 },
        { "a copy-only log backup leaves the chain alone", copy_only_log_leaves_the_chain_alone },
        { "a log backup elsewhere makes a hole in what is shipped", foreign_log_backup_makes_a_hole },
        { "after recovery old logs are 3117, 4326 or 4330, never applied", recovery_closes_the_way_for_old_logs },
        { "a frozen copy and the copy that applied its tail end at the same LSN",
          frozen_copy_and_applied_copy_end_equal },
        { "another family is 3154, an unsaved tail 3159, REPLACE overrides both", family_protects },
        { "a tail taken in SINGLE_USER brings the secondary up in SINGLE_USER", restore_carries_user_access },
        { NULL, NULL }
    };

    return sb_tap_run ("forks", tests);
}
