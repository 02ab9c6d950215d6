/* Log shipping procedures and Agent jobs (SQL sheet 4). */
#include "tests/lib/tap.h"
#include "tests/world/fixture.h"

#include <stdio.h>
#include <string.h>

static struct w_job *
job_of (struct fixture *f, w_id instance, enum w_job_kind kind)
{
    for (unsigned i = 0; i < f->w.njobs; i++)
        if (f->w.jobs[i].instance == instance && f->w.jobs[i].kind == kind)
            return &f->w.jobs[i];
    CU_FAIL_FATAL ("no such job");
    return NULL;
}

/* Starts a job by hand and waits for its outcome. */
static const struct w_run *
run (struct fixture *f, w_id instance, enum w_job_kind kind)
{
    struct w_job *j = job_of (f, instance, kind);

    fixture_op (f, W_OP_JOB_START, instance)->subject = (w_id) (j - f->w.jobs + 1);
    CU_ASSERT_EQUAL (fixture_first (f), 0);
    CU_ASSERT_TRUE (w_out_has (&f->out, 14243));
    fixture_wait (f, 200);
    return &j->runs[0];
}

static void
jobs_obey_start_and_stop (void)
{
    struct fixture f;
    struct w_job *j;

    fixture_steady (&f);
    fixture_jobs (&f, false);
    j = job_of (&f, f.b, W_JOB_COPY);
    fixture_op (&f, W_OP_JOB_START, f.b)->subject = (w_id) (j - f.w.jobs + 1);
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (j->running, 1);
    CU_ASSERT_EQUAL (fixture_first (&f), 22022); /* one run at a time */
    CU_ASSERT_EQUAL (f.out.msgs[0].nargs, 3);
    f.op.kind = W_OP_JOB_STOP;
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (j->runs[0].status, W_RUN_CANCELLED);
    fixture_op (&f, W_OP_FAULT_AGENT, f.b)->n[0] = 0;
    CU_ASSERT_TRUE (fixture_go (&f));
    fixture_op (&f, W_OP_JOB_START, f.b)->subject = (w_id) (j - f.w.jobs + 1);
    CU_ASSERT_EQUAL (fixture_first (&f), 22022); /* the Agent does not run */
    CU_ASSERT_EQUAL (f.out.msgs[0].nargs, 0);
    f.op.subject = 60;
    CU_ASSERT_EQUAL (fixture_first (&f), 14262);
    fixture_free (&f);
}

static void
disabling_does_not_stop_a_run (void)
{
    struct fixture f;
    struct w_job *j;
    int32_t before;

    fixture_steady (&f);
    fixture_jobs (&f, false);
    j = job_of (&f, f.p, W_JOB_BACKUP);
    before = j->runs[0].instance_id;
    fixture_op (&f, W_OP_JOB_START, f.p)->subject = (w_id) (j - f.w.jobs + 1);
    CU_ASSERT_TRUE (fixture_go (&f));
    fixture_op (&f, W_OP_JOB_UPDATE, f.p)->subject = (w_id) (j - f.w.jobs + 1);
    f.op.n[0] = 0;
    CU_ASSERT_TRUE (fixture_go (&f));
    fixture_wait (&f, 200);
    CU_ASSERT_TRUE (j->runs[0].instance_id > before);
    CU_ASSERT_EQUAL (j->runs[0].status, W_RUN_SUCCEEDED);
    before = j->runs[0].instance_id;
    fixture_wait (&f, 10000);
    CU_ASSERT_EQUAL (j->runs[0].instance_id, before);
    fixture_free (&f);
}

static void
each_job_does_its_part (void)
{
    struct fixture f;
    w_lsn lsn;
    w_id b, fork;

    fixture_steady (&f);
    fixture_jobs (&f, false);
    b = w_find_copy (&f.w, f.b, "mgc");
    fork = fixture_copy (&f, f.p)->fork;
    lsn = fixture_write (&f, f.p, 1);
    CU_ASSERT_EQUAL (run (&f, f.p, W_JOB_BACKUP)->files, 1);
    CU_ASSERT_TRUE (run (&f, f.b, W_JOB_RESTORE)->status == W_RUN_SUCCEEDED);
    CU_ASSERT_FALSE (w_copy_has (&f.w, b, fork, lsn)); /* not copied yet */
    CU_ASSERT_TRUE (run (&f, f.b, W_JOB_COPY)->files >= 1);
    CU_ASSERT_TRUE (run (&f, f.b, W_JOB_RESTORE)->files >= 1);
    CU_ASSERT_TRUE (w_copy_has (&f.w, b, fork, lsn));
    CU_ASSERT_EQUAL (run (&f, f.b, W_JOB_RESTORE)->files, 0);
    fixture_free (&f);
}

static void
restore_job_stops_at_a_gap (void)
{
    struct fixture f;
    const struct w_run *r;

    fixture_steady (&f);
    fixture_jobs (&f, false);
    run (&f, f.b, W_JOB_COPY);
    run (&f, f.b, W_JOB_RESTORE);
    CU_ASSERT_EQUAL (fixture_backup (&f, f.p, "D:\\Backup\\foreign.trn", W_WITH_LOG | W_WITH_INIT), 0);
    fixture_wait (&f, 1100);
    run (&f, f.p, W_JOB_BACKUP);
    run (&f, f.b, W_JOB_COPY);
    r = run (&f, f.b, W_JOB_RESTORE);
    CU_ASSERT_EQUAL (r->status, W_RUN_FAILED);
    CU_ASSERT_EQUAL (r->message, 4305);
    fixture_free (&f);
}

static void
restore_job_heeds_delay_and_one_by_one (void)
{
    struct fixture f;

    fixture_steady (&f);
    fixture_jobs (&f, false);
    run (&f, f.b, W_JOB_COPY);
    run (&f, f.b, W_JOB_RESTORE);
    for (int i = 0; i < 3; i++) {
        run (&f, f.p, W_JOB_BACKUP);
        fixture_wait (&f, 1000);
    }
    run (&f, f.b, W_JOB_COPY);
    fixture_op (&f, W_OP_LS_CHANGE_SECONDARY_DB, f.b);
    memset (f.op.n, 0xff, sizeof f.op.n);
    f.op.n[0] = 1;
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (run (&f, f.b, W_JOB_RESTORE)->files, 0); /* a minute's delay */
    f.op.kind = W_OP_LS_CHANGE_SECONDARY_DB;
    fixture_op (&f, W_OP_LS_CHANGE_SECONDARY_DB, f.b);
    memset (f.op.n, 0xff, sizeof f.op.n);
    f.op.n[0] = 0;
    f.op.n[1] = 0;
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (run (&f, f.b, W_JOB_RESTORE)->files, 1);
    CU_ASSERT_EQUAL (run (&f, f.b, W_JOB_RESTORE)->files, 1);
    fixture_free (&f);
}

static void
the_restore_mode_opens_and_closes_the_copy (void)
{
    struct fixture f;

    fixture_steady (&f);
    fixture_jobs (&f, false);
    for (int standby = 1; standby >= 0; standby--) {
        f.w.secondary_dbs[0].restore_mode = (uint8_t) standby;
        CU_ASSERT_TRUE (fixture_write (&f, f.p, 1) > 0);
        CU_ASSERT_EQUAL (run (&f, f.p, W_JOB_BACKUP)->status, W_RUN_SUCCEEDED);
        CU_ASSERT_EQUAL (run (&f, f.b, W_JOB_COPY)->status, W_RUN_SUCCEEDED);
        CU_ASSERT_EQUAL (run (&f, f.b, W_JOB_RESTORE)->files, 1);
        CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->standby, standby);
        CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->state, standby ? W_ONLINE : W_RESTORING);
    }
    fixture_free (&f);
}

static void
share_gone_fails_the_jobs (void)
{
    struct fixture f;

    fixture_steady (&f);
    fixture_jobs (&f, false);
    fixture_op (&f, W_OP_FAULT_SHARE, 0)->subject = f.share;
    f.op.n[0] = 1;
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_EQUAL (run (&f, f.p, W_JOB_BACKUP)->status, W_RUN_FAILED);
    CU_ASSERT_EQUAL (run (&f, f.b, W_JOB_COPY)->message, 3201);
    fixture_op (&f, W_OP_FAULT_SHARE, 0)->subject = f.share;
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_EQUAL (run (&f, f.p, W_JOB_BACKUP)->status, W_RUN_SUCCEEDED);
    fixture_op (&f, W_OP_FAULT_DISK, f.b)->n[0] = 1; /* where the copies go */
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_EQUAL (run (&f, f.b, W_JOB_COPY)->message, 3202);
    fixture_op (&f, W_OP_FAULT_DISK, f.b)->n[0] = 0;
    CU_ASSERT_TRUE (fixture_go (&f));
    CU_ASSERT_EQUAL (run (&f, f.b, W_JOB_COPY)->status, W_RUN_SUCCEEDED);
    fixture_free (&f);
}

static void
chain_survives_a_mirror_failover (void)
{
    struct fixture f;
    w_lsn lsn;

    fixture_steady (&f);
    CU_ASSERT_TRUE (fixture_do (&f, W_OP_FAILOVER, f.p));
    fixture_wait (&f, 200);
    lsn = fixture_write (&f, f.m, 1);
    fixture_wait (&f, 8000);
    CU_ASSERT_TRUE (w_copy_has (&f.w, w_find_copy (&f.w, f.b, "mgc"), fixture_copy (&f, f.m)->fork, lsn));
    fixture_free (&f);
}

static void
power_loss_ends_a_run_without_outcome (void)
{
    struct fixture f;
    struct w_job *j;
    int32_t before;

    fixture_steady (&f);
    fixture_jobs (&f, false);
    j = job_of (&f, f.p, W_JOB_BACKUP);
    before = j->runs[0].instance_id;
    fixture_op (&f, W_OP_JOB_START, f.p)->subject = (w_id) (j - f.w.jobs + 1);
    CU_ASSERT_TRUE (fixture_go (&f));
    fixture_site (&f, f.north, false);
    fixture_wait (&f, 1000);
    CU_ASSERT_EQUAL (j->running, 0);
    CU_ASSERT_EQUAL (j->runs[0].instance_id, before);
    fixture_free (&f);
}

static void
procedures_by_number (void)
{
    struct fixture f;

    fixture_steady (&f);
    fixture_op (&f, W_OP_LS_ADD_PRIMARY, f.p);
    strcpy (f.op.name[0], "x");
    CU_ASSERT_EQUAL (fixture_first (&f), 32009);
    f.op.flags = W_WITH_OVERWRITE;
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    fixture_op (&f, W_OP_LS_ADD_PRIMARY, f.m);
    CU_ASSERT_EQUAL (fixture_first (&f), 32007);
    fixture_op (&f, W_OP_LS_CHANGE_PRIMARY, f.b);
    CU_ASSERT_EQUAL (fixture_first (&f), 32010);
    fixture_op (&f, W_OP_LS_DELETE_PRIMARY, f.p);
    CU_ASSERT_EQUAL (fixture_first (&f), 32011);
    fixture_op (&f, W_OP_LS_ADD_PAIR, f.p);
    strcpy (f.op.name[0], "SOUTH-SQL1");
    strcpy (f.op.name[1], "mgc");
    CU_ASSERT_EQUAL (fixture_first (&f), 32012);
    f.op.kind = W_OP_LS_DELETE_PAIR;
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    fixture_op (&f, W_OP_LS_DELETE_PRIMARY, f.p);
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    CU_ASSERT_EQUAL (fixture_first (&f), 32010);
    CU_ASSERT_EQUAL (w_find_job_named (&f.w, f.p, "LSBackup_mgc"), 0);
    fixture_op (&f, W_OP_LS_ADD_SECONDARY, f.b);
    strcpy (f.op.name[0], "NORTH-SQL1");
    CU_ASSERT_EQUAL (fixture_first (&f), 32024);
    f.op.kind = W_OP_LS_DELETE_SECONDARY;
    CU_ASSERT_EQUAL (fixture_first (&f), 32025);
    fixture_op (&f, W_OP_LS_ADD_SECONDARY_DB, f.b);
    strcpy (f.op.name[0], "NOBODY");
    CU_ASSERT_EQUAL (fixture_first (&f), 32023);
    strcpy (f.op.name[0], "NORTH-SQL1");
    strcpy (f.op.name[1], "mgc");
    CU_ASSERT_EQUAL (fixture_first (&f), 32013);
    fixture_free (&f);
}

static void
last_secondary_database_takes_the_jobs_along (void)
{
    struct fixture f;

    fixture_steady (&f);
    fixture_op (&f, W_OP_LS_DELETE_SECONDARY_DB, f.b);
    CU_ASSERT_EQUAL (fixture_first (&f), 0);
    for (unsigned i = 0; i < f.w.njobs; i++)
        CU_ASSERT_NOT_EQUAL (f.w.jobs[i].instance, f.b);
    CU_ASSERT_EQUAL (f.w.nsecondaries, 0);
    CU_ASSERT_EQUAL (fixture_copy (&f, f.b)->state, W_RESTORING); /* mgc itself is untouched */
    CU_ASSERT_EQUAL (fixture_first (&f), 32014);
    fixture_free (&f);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "a job runs once at a time (22022), can be stopped, and needs the Agent (22022)", jobs_obey_start_and_stop },
        { "disabling a job does not stop its run, but there is no next one", disabling_does_not_stop_a_run },
        { "backup, copy and restore each do their part", each_job_does_its_part },
        { "the restore job stops at a gap with 4305", restore_job_stops_at_a_gap },
        { "the restore job heeds its delay and can restore one file a run", restore_job_heeds_delay_and_one_by_one },
        { "the restore mode opens the copy for readers, and closes it again",
          the_restore_mode_opens_and_closes_the_copy },
        { "jobs fail while the share is gone or the disk is full, and succeed when it is back",
          share_gone_fails_the_jobs },
        { "the chain of logs survives a mirror failover", chain_survives_a_mirror_failover },
        { "power loss ends a run without an outcome", power_loss_ends_a_run_without_outcome },
        { "procedures: 32009 32007 32010 32011 32012 32024 32025 32023 32013", procedures_by_number },
        { "deleting the last secondary database deletes copy and restore job, then it is 32014",
          last_secondary_database_takes_the_jobs_along },
        { NULL, NULL }
    };

    return sb_tap_run ("log shipping", tests);
}
