/* The world as a process: answers, events, power as a connection, rows on disk,
 * and what survives its end. */
#include "tests/lib/tap.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "lab/world/client.h"
#include "lab/world/rows.h"
#include "lab/world/server.h"
#include "lab/world/setup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/sb-world-server-XXXXXX";
static char *sock;
static pid_t server;

static void
power (void *ctx, struct world *w, w_id site, bool powered)
{
    (void) ctx;
    (void) w;
    (void) site;
    (void) powered;
}

static void
serve (int ready)
{
    struct world *w = sb_xcalloc (1, sizeof *w);
    struct sb_faults faults = { 0 };
    struct w_server_cfg cfg = { .dir = dir, .ready_fd = ready, .owner_fd = -1, .signal_fd = -1, .site = power };

    _exit (w_state_load (dir, w, &faults) && w_server_run (&cfg, w, &faults) == 0 ? 0 : 1);
}

static void
start (void)
{
    int ready[2];
    char byte;

    CU_ASSERT_EQUAL_FATAL (pipe (ready), 0);
    server = fork ();
    if (server == 0) {
        close (ready[0]);
        serve (ready[1]);
    }
    close (ready[1]);
    CU_ASSERT_EQUAL_FATAL (read (ready[0], &byte, 1), 1);
    close (ready[0]);
}

static void
end (int sig)
{
    kill (server, sig);
    waitpid (server, NULL, 0);
}

/* mgc with its tables on one instance per site. */
static void
build (void)
{
    struct world *w = sb_xcalloc (1, sizeof *w);
    struct w_disk disk = { dir, NULL };
    struct w_files files;
    struct w_database_plan plan = { .name = "mgc", .tables = 1 };
    struct sb_faults faults = { 0 };
    struct w_out out;
    SB_AUTOFREE char *rows = sb_path_join (dir, "rows");

    CU_ASSERT_TRUE_FATAL (sb_dir_make (rows, 0755, &faults));
    w_files_disk (&files, &disk);
    w_init (w, 99, sb_now_ms ());
    w_add_site (w, "north");
    w_add_site (w, "south");
    w->tool_site = 2;
    w->central.site = 1;
    plan.primary = w_add_instance (w, "p", "p.example.net", 1, 1111, 5022);
    w_add_instance (w, "b", "b.example.net", 2, 1112, 5023);
    CU_ASSERT_TRUE_FATAL (w_setup_database (w, &files, &plan, w_state_tables, dir, &out));
    CU_ASSERT_TRUE_FATAL (w_state_save (dir, w, &faults));
    free (w);
}

static struct w_client *
client (void)
{
    struct sb_faults faults = { 0 };
    struct w_client *c = w_client_open (sock, &faults);

    CU_ASSERT_PTR_NOT_NULL_FATAL (c);
    return c;
}

static void
insert (struct w_client *c, int id, struct w_out *out)
{
    json_t *changes = json_pack ("[[s, s, s, [i, i, i, i, i, s, n]]]", "tblChat", "i", "", 1, id, 0, 7, 0, "text");
    char key[32];

    snprintf (key, sizeof key, "1/%d", id);
    json_array_set_new (json_array_get (changes, 0), 2, json_string (key));
    w_client_rows (c, 1, 0, changes, out);
    json_decref (changes);
}

static void
is_served (void)
{
    struct w_client *c;

    build ();
    start ();
    c = client ();
    CU_ASSERT_PTR_NOT_NULL (w_client_world (c));
    w_client_close (c);
}

static size_t
messages (struct world *w)
{
    struct w_rows *r = w_rows_open (dir);
    struct w_row *list;
    size_t n = w_rows_select (r, w, 1, "TBLCHAT", &list);

    free (list);
    w_rows_free (r);
    return n;
}

static void
rows_come_and_go (void)
{
    struct w_client *c = client ();
    struct w_out out;
    json_t *gone = json_pack ("[[s, s, s, n]]", "tblChat", "d", "1/2");

    insert (c, 1, &out);
    CU_ASSERT_EQUAL (out.status, W_DONE);
    insert (c, 2, &out);
    insert (c, 1, &out);
    CU_ASSERT_EQUAL (out.status, W_FAILED);
    CU_ASSERT_EQUAL (out.msgs[0].number, 2627);
    CU_ASSERT_EQUAL (messages (w_client_world (c)), 2);
    w_client_rows (c, 1, 0, gone, &out);
    CU_ASSERT_EQUAL (out.status, W_DONE);
    CU_ASSERT_EQUAL (messages (w_client_world (c)), 1);
    insert (c, 2, &out);
    CU_ASSERT_EQUAL (out.status, W_DONE);
    CU_ASSERT_EQUAL (messages (w_client_world (c)), 2);
    json_decref (gone);
    w_client_close (c);
}

static void
unchanged_world_is_not_sent_again (void)
{
    struct w_client *c = client ();
    struct world *w = w_client_world (c);
    uint64_t version;

    CU_ASSERT_PTR_NOT_NULL_FATAL (w);
    version = w->version;
    w->tool_site = 1; /* a mark that a new copy would not have */
    w = w_client_world (c);
    CU_ASSERT_EQUAL (w->version, version);
    CU_ASSERT_EQUAL (w->tool_site, 1);
    w_client_close (c);
}

/* Two clients of one process share snapshots: what one of them still looks at does not change under it, and what it is
 * given next is what the state file holds. */
static void
old_snapshots_stay_and_new_ones_are_right (void)
{
    struct w_client *a = client (), *b = client ();
    struct world *file = sb_xcalloc (1, sizeof *file), *old;
    struct sb_faults faults = { 0 };
    struct w_out out;
    uint64_t digest;

    for (int i = 0; i < 20; i++) {
        old = w_client_world (a);
        digest = w_digest (old);
        insert (b, 100 + i, &out);
        CU_ASSERT_EQUAL (out.status, W_DONE);
        CU_ASSERT_NOT_EQUAL (w_digest (w_client_world (b)), digest);
        CU_ASSERT_EQUAL (w_digest (old), digest);
        if (i % 3 == 0)
            w_client_rest (a);
        CU_ASSERT_TRUE (w_state_load (dir, file, &faults));
        CU_ASSERT_EQUAL (w_digest (w_client_world (a)), w_digest (file));
        CU_ASSERT_EQUAL (w_digest (w_client_world (b)), w_digest (file));
    }
    for (int i = 0; i < 20; i++) {
        json_t *gone = json_pack ("[[s, s, o, n]]", "tblChat", "d", json_sprintf ("1/%d", 100 + i));

        w_client_rows (b, 1, 0, gone, &out);
        json_decref (gone);
    }
    free (file);
    w_client_close (a);
    w_client_close (b);
}

static bool
await (bool (*is) (struct world *w), int wait_ms)
{
    struct w_client *c = client ();
    int64_t deadline = sb_deadline_in (wait_ms);
    bool good;

    while (!(good = is (w_client_world (c))) && sb_mono_ms () < deadline)
        sb_sleep_ms (10);
    w_client_close (c);
    return good;
}

static bool
north_is_dark (struct world *w)
{
    return w != NULL && !w->sites[0].powered;
}

static bool
nobody_is_connected (struct world *w)
{
    return w != NULL && w->nsessions == 0;
}

static void
broken_connection_is_power_loss (void)
{
    struct sb_faults faults = { 0 };
    struct w_client *c = client ();
    struct w_op op;
    struct w_out out;
    int power_fd = w_client_site (sock, 1, &faults);

    CU_ASSERT_TRUE_FATAL (power_fd >= 0);
    close (power_fd);
    CU_ASSERT_TRUE (await (north_is_dark, 5000));
    w_op_init (&op, W_OP_SITE_POWER, 0, 0, NULL);
    op.n[0] = 1;
    op.n[1] = 1;
    w_client_op (c, &op, &out);
    CU_ASSERT_EQUAL (out.status, W_DONE);
    CU_ASSERT_EQUAL (w_client_world (c)->sites[0].powered, 1);
    w_client_close (c);
}

static void
sessions_end_with_their_connection (void)
{
    struct w_client *c = client ();
    struct w_op op;
    struct w_out out;

    w_op_init (&op, W_OP_LOGIN, 1, 0, "mgc");
    w_client_op (c, &op, &out);
    CU_ASSERT_EQUAL (out.status, W_DONE);
    CU_ASSERT_EQUAL (w_client_world (c)->nsessions, 1);
    w_client_close (c);
    CU_ASSERT_TRUE (await (nobody_is_connected, 5000));
}

static void
subscribers_hear_of_kills (void)
{
    struct sb_faults faults = { 0 };
    struct w_client *c = client ();
    int fd = w_client_subscribe (sock, 1, &faults);
    struct w_event e;
    struct w_op op;
    struct w_out out;
    uint16_t spid;
    bool gone;

    CU_ASSERT_TRUE_FATAL (fd >= 0);
    w_op_init (&op, W_OP_LOGIN, 1, 0, "mgc");
    w_client_op (c, &op, &out);
    spid = (uint16_t) out.value[0];
    w_op_init (&op, W_OP_KILL, 1, 0, NULL);
    op.n[0] = spid;
    w_client_op (c, &op, &out);
    CU_ASSERT_TRUE (w_client_event (fd, sb_deadline_in (5000), &e, &gone));
    CU_ASSERT_EQUAL (e.kind, W_EV_CUT);
    CU_ASSERT_EQUAL (e.spid, spid);
    CU_ASSERT_EQUAL (e.killed, 1);
    w_op_init (&op, W_OP_INSTANCE_POWER, 1, 0, NULL);
    w_client_op (c, &op, &out);
    CU_ASSERT_TRUE (w_client_event (fd, sb_deadline_in (5000), &e, &gone));
    CU_ASSERT_EQUAL (e.kind, W_EV_CLOSE);
    op.n[0] = 1;
    w_client_op (c, &op, &out);
    close (fd);
    w_client_close (c);
}

static void
long_statements_are_polled (void)
{
    struct w_client *c = client ();
    struct w_op op;
    struct w_out out;

    w_op_init (&op, W_OP_READ_ONLY, 1, 0, "mgc");
    op.n[0] = 1;
    op.delay_ms = 300;
    w_client_op (c, &op, &out);
    CU_ASSERT_EQUAL (out.status, W_WORKING);
    CU_ASSERT_EQUAL (w_client_world (c)->copies[0].read_only, 0);
    w_client_work (c, out.work, 5000, &out);
    CU_ASSERT_EQUAL (out.status, W_DONE);
    CU_ASSERT_EQUAL (w_client_world (c)->copies[0].read_only, 1);
    op.n[0] = 0;
    op.delay_ms = 0;
    w_client_op (c, &op, &out);
    w_client_work (c, 4242, 0, &out);
    CU_ASSERT_EQUAL (out.status, W_FAILED);
    w_client_close (c);
}

static void
killed_world_comes_back_as_it_was (void)
{
    struct w_client *c = client ();
    struct w_out out;
    w_lsn lsn;

    insert (c, 77, &out);
    CU_ASSERT_EQUAL (out.status, W_DONE);
    lsn = out.value[0];
    end (SIGKILL); /* what was answered is in the state file */
    CU_ASSERT_PTR_NULL (w_client_world (c));
    CU_ASSERT_TRUE (w_client_gone (c));
    w_client_close (c);
    start ();
    c = client ();
    CU_ASSERT_EQUAL (w_client_world (c)->copies[0].lsn, lsn);
    CU_ASSERT_EQUAL (messages (w_client_world (c)), 3);
    insert (c, 77, &out);
    CU_ASSERT_EQUAL (out.msgs[0].number, 2627);
    w_client_close (c);
}

static void
nonsense_is_refused (void)
{
    struct w_client *c = client ();
    struct w_req r = { .kind = 999 };
    struct w_op op;
    struct w_out out;

    w_client_send (c, &r);
    CU_ASSERT_FALSE (w_client_gone (c));
    memset (&op, 0xff, sizeof op);
    w_client_op (c, &op, &out);
    CU_ASSERT_EQUAL (out.status, W_FAILED);
    w_op_init (&op, W_OP_BACKUP, 60000, 60000, "x");
    w_client_op (c, &op, &out);
    CU_ASSERT_EQUAL (out.status, W_UNREACHABLE);
    CU_ASSERT_PTR_NOT_NULL (w_client_world (c));
    w_client_close (c);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "a world that was built is served", is_served },
        { "rows are inserted, deleted and inserted again; a key twice is 2627", rows_come_and_go },
        { "a world that has not changed is not sent again", unchanged_world_is_not_sent_again },
        { "an old snapshot stays as it was, a new one is what the state file holds",
          old_snapshots_stay_and_new_ones_are_right },
        { "a broken connection of a site is its power loss", broken_connection_is_power_loss },
        { "sessions end with the connection that opened them", sessions_end_with_their_connection },
        { "subscribers hear of kills and of instances that stop", subscribers_hear_of_kills },
        { "a long statement is polled to its outcome", long_statements_are_polled },
        { "a world that was killed comes back with everything it had answered", killed_world_comes_back_as_it_was },
        { "nonsense is refused and does no harm", nonsense_is_refused },
        { NULL, NULL }
    };
    struct sb_faults faults = { 0 };
    int ret;

    signal (SIGPIPE, SIG_IGN);
    if (mkdtemp (dir) == NULL)
        return 99;
    sock = sb_path_join (dir, "world.sock");
    ret = sb_tap_run ("world process", tests);
    end (SIGKILL);
    sb_tree_remove (dir, &faults);
    sb_faults_free (&faults);
    free (sock);
    return ret;
}
