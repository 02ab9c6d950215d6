/* A small stretched pool in memory; see fixture.h. */
#include "tests/world/fixture.h"

#include "tests/lib/tap.h"

#include <stdio.h>
#include <string.h>

#define START INT64_C (1795000000000)

void
fixture_init (struct fixture *f)
{
    memset (f, 0, sizeof *f);
    w_init (&f->w, 4711, START);
    w_files_memory (&f->files);
    f->north = w_add_site (&f->w, "north");
    f->south = w_add_site (&f->w, "south");
    f->w.tool_site = f->south;
    f->w.central.site = f->north;
    f->p = w_add_instance (&f->w, "north-sql1", "north-sql1.example.net", f->north, 14331, 5022);
    f->m = w_add_instance (&f->w, "north-sql2", "north-sql2.example.net", f->north, 14332, 5023);
    f->wit = w_add_instance (&f->w, "north-wit", "north-wit.example.net", f->north, 14333, 7022);
    f->b = w_add_instance (&f->w, "south-sql1", "south-sql1.example.net", f->south, 14334, 5024);
    f->bm = w_add_instance (&f->w, "south-sql2", "south-sql2.example.net", f->south, 14335, 5025);
    for (int i = 0; i < 8; i++) {
        char name[16];

        snprintf (name, sizeof name, "pchat%02d", i + 1);
        w_add_server (&f->w, name, name, i < 4 ? f->north : f->south, i < 4);
    }
    w_add_frontend (&f->w, "fe-north", "fe-north.example.net", f->north, 15986);
    w_add_frontend (&f->w, "fe-south", "fe-south.example.net", f->south, 15987);
    f->share = w_add_share (&f->w, "shiplogs", "\\\\south-fs\\shiplogs", f->south, 0);
    w_add_share (&f->w, "south-copy", "D:\\LSCopy", f->south, f->b);
    f->w.central.version = 2;
    w_tick (&f->w, &f->files, START + 2000, NULL, NULL);
}

void
fixture_steady (struct fixture *f)
{
    struct w_database_plan plan = { .name = "mgc",
                                    .primary_share = "\\\\south-fs\\shiplogs",
                                    .copy_folder = "D:\\LSCopy" };

    fixture_init (f);
    plan.primary = f->p;
    plan.mirror = f->m;
    plan.witness = f->wit;
    plan.backup = f->b;
    if (!w_setup_database (&f->w, &f->files, &plan, NULL, NULL, &f->out)) {
        fprintf (stderr, "# steady state: operation refused with %d\n", f->out.nmsgs > 0 ? f->out.msgs[0].number : 0);
        CU_FAIL_FATAL ("the steady state was not reached");
    }
}

void
fixture_free (struct fixture *f)
{
    struct w_event none[8];

    while (w_events_take (none, 8) > 0)
        ;
    w_files_memory_free (&f->files);
}

struct w_op *
fixture_op (struct fixture *f, enum w_op_kind kind, w_id instance)
{
    w_op_init (&f->op, kind, instance, 0, "mgc");
    return &f->op;
}

bool
fixture_go (struct fixture *f)
{
    w_run (&f->w, &f->files, &f->op, &f->out);
    return f->out.status == W_DONE;
}

int
fixture_first (struct fixture *f)
{
    return fixture_go (f) ? 0 : f->out.nmsgs > 0 ? f->out.msgs[0].number : f->out.status == W_WORKING ? -100 : -101;
}

bool
fixture_do (struct fixture *f, enum w_op_kind kind, w_id instance)
{
    fixture_op (f, kind, instance);
    return fixture_go (f);
}

void
fixture_wait (struct fixture *f, int64_t ms)
{
    for (int64_t end = f->w.now_ms + ms; f->w.now_ms < end;)
        w_tick (&f->w, &f->files, f->w.now_ms + 50, NULL, NULL);
}

struct w_copy *
fixture_copy (struct fixture *f, w_id instance)
{
    return w_copy (&f->w, w_find_copy (&f->w, instance, "mgc"));
}

w_lsn
fixture_write (struct fixture *f, w_id instance, unsigned rows)
{
    w_id fork;
    w_lsn first;

    w_out_init (&f->out);
    return w_append (&f->w, w_find_copy (&f->w, instance, "mgc"), 0, rows, &fork, &first, &f->out) ? first : 0;
}

int
fixture_backup (struct fixture *f, w_id instance, const char *path, uint32_t flags)
{
    struct w_op *op = fixture_op (f, W_OP_BACKUP, instance);

    snprintf (op->path[0], sizeof op->path[0], "%s", path);
    op->flags = flags;
    return fixture_first (f);
}

int
fixture_restore (struct fixture *f, w_id instance, const char *path, uint32_t flags)
{
    struct w_op *op = fixture_op (f, W_OP_RESTORE, instance);

    snprintf (op->path[0], sizeof op->path[0], "%s", path);
    op->flags = flags;
    return fixture_first (f);
}

uint16_t
fixture_login (struct fixture *f, w_id instance, const char *db)
{
    struct w_op *op = fixture_op (f, W_OP_LOGIN, instance);

    snprintf (op->db, sizeof op->db, "%s", db);
    snprintf (op->name[0], sizeof op->name[0], "switchback");
    snprintf (op->name[1], sizeof op->name[1], "%s", w_str (&f->w, f->w.instances[instance - 1].server));
    op->flags = W_WITH_SYSADMIN;
    return fixture_go (f) ? (uint16_t) f->out.value[0] : 0;
}

void
fixture_site (struct fixture *f, w_id site, bool on)
{
    struct w_op *op = fixture_op (f, W_OP_SITE_POWER, 0);

    op->n[0] = site;
    op->n[1] = on;
    CU_ASSERT_TRUE (fixture_go (f));
}

void
fixture_jobs (struct fixture *f, bool enabled)
{
    for (unsigned i = 0; i < f->w.njobs; i++)
        f->w.jobs[i].enabled = enabled;
    fixture_wait (f, 300);
}
