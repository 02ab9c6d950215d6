/* The models of the packaged verbs, in the process: whole stories, a death
 * after every operation, and the promises of the flat state. */
#include "lab/direct/direct.h"
#include "tests/lib/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0 INT64_C (1800000000000)

struct scene {
    struct direct *d;
    struct world *w;
    struct d_files *f;
    struct d_place p;
    struct d_answer a;
    unsigned ops;
};

static void
scene_begin (struct scene *s)
{
    struct sb_faults faults = { 0 };
    char path[4096];
    const char *src = getenv ("SB_SRCDIR");

    memset (s, 0, sizeof *s);
    snprintf (path, sizeof path, "%s/examples/stretched-pool.ini", src != NULL ? src : "..");
    s->d = direct_new (path, &faults);
    s->w = calloc (1, sizeof *s->w);
    s->f = calloc (1, sizeof *s->f);
    CU_ASSERT_PTR_NOT_NULL_FATAL (s->d);
    CU_ASSERT_TRUE_FATAL (direct_build (s->d, T0, s->w, s->f, &faults));
    s->p = (struct d_place){ .world = s->w, .files = s->f, .site = s->w->tool_site };
}

static void
scene_end (struct scene *s)
{
    direct_free (s->d);
    free (s->w);
    free (s->f);
}

/* One line of a story: "role.verb object target; key = value; ..." */
static void
begin (struct scene *s, struct d_call *c, bool verify, const char *line)
{
    char text[1024], role[32] = "", verb[32] = "", object[64] = "", target[64] = "", *at, *eq;

    snprintf (text, sizeof text, "%s", line);
    at = strchr (text, ';');
    if (at != NULL)
        *at++ = 0;
    sscanf (text, "%31[^.].%31s %63s %63s", role, verb, object, target);
    if (!direct_begin (s->d, s->w, c, role, verb, verify, object, target)) {
        fprintf (stderr, "# no such call: %s\n", line);
        CU_FAIL_FATAL ("no such call");
        return;
    }
    while (at != NULL && *at != 0) {
        char *next = strchr (at, ';');

        if (next != NULL)
            *next++ = 0;
        at += strspn (at, " ");
        eq = strstr (at, " = ");
        if (eq != NULL) {
            *eq = 0;
            CU_ASSERT_TRUE (direct_option (c, at, eq + 3));
        }
        at = next;
    }
}

static int
run (struct scene *s, const char *line)
{
    static struct d_call c;

    begin (s, &c, false, line);
    direct_finish (s->d, &c, &s->p, &s->a);
    return s->a.word;
}

static int
see (struct scene *s, const char *line)
{
    static struct d_call c;

    begin (s, &c, true, line);
    direct_finish (s->d, &c, &s->p, &s->a);
    return s->a.word;
}

static void
site_power (struct scene *s, w_id site, bool on)
{
    struct w_op op;
    struct w_out out;

    w_op_init (&op, W_OP_SITE_POWER, 0, 0, NULL);
    op.n[0] = site;
    op.n[1] = on;
    direct_do (s->d, &s->p, &op, &out);
}

static w_id
id_of (const struct scene *s, const char *instance)
{
    return w_find_instance (s->w, instance);
}

static const struct w_copy *
copy_at (const struct scene *s, const char *instance)
{
    w_id id = w_find_copy (s->w, id_of (s, instance), "mgc");

    return id == 0 ? NULL : &s->w->copies[id - 1];
}

/* Runs a line and its question; tells which line was not as it should be. */
static void
does (struct scene *s, const char *line, bool has_verify)
{
    int rc = run (s, line), seen;

    if (rc != D_OK)
        fprintf (stderr, "# %s: %d %s\n", line, rc, s->a.sentence);
    CU_ASSERT_EQUAL (rc, D_OK);
    seen = has_verify ? see (s, line) : D_YES;
    if (seen != D_YES)
        fprintf (stderr, "# %s: verify %d\n", line, seen);
    CU_ASSERT_EQUAL (seen, D_YES);
}

static void
play (struct scene *s, const char *const *lines)
{
    for (; *lines != NULL; lines++) {
        does (s, *lines, strstr (*lines, ".send-message") == NULL && strstr (*lines, ".quote") == NULL);
        direct_servers (s->d, &s->p);
    }
}

#define SHARE "\\\\south-fs\\shiplogs\\"
#define SETUP "\\\\south-fs\\setup\\"
#define HOME  "\\\\north-fs\\setup\\"

/* What the packaged failover does when the first site is gone. */
static const char *const failover[] = {
    "fence.isolate north-power north",
    "pool.move-central-store pchat; site = south",
    "database.stop-shipping mgc south-sql1",
    "share.copy shiplogs; to = south-copy; prefix = mgc_; suffix = .trn",
    "database.apply-logs mgc south-sql1; from = south-copy",
    "database.quote mgc south-sql1; shared = shiplogs",
    "database.end-sessions mgc south-sql1",
    "database.recover mgc south-sql1; evidence = confirmed",
    "database.remove-secondary mgc south-sql1",
    "pool.set-state pchat; state = FailedOver",
    "pool.await-replication pchat; servers = pchat05, pchat06, pchat07, pchat08",
    "pool.set-active pchat; servers = pchat05, pchat06, pchat07, pchat08",
    "pool.start-services pchat pchat05",
    "pool.await-replication pchat; servers = pchat05, pchat06, pchat07, pchat08",
    "database.await-servers mgc south-sql1; servers = pchat05, pchat06, pchat07, pchat08",
    "pool.send-message pchat",
    "database.backup-full mgc south-sql1; file = " SETUP "mgc_protect.bak",
    "database.restore-full mgc south-sql2; file = " SETUP "mgc_protect.bak",
    "database.make-mirror mgc south-sql1; mirror = south-sql2; file = " SETUP "mgc_pair.trn",
    "database.build-primary mgc south-sql1",
    NULL
};

/* And home again. */
static const char *const failback[] = {
    "fence.release north-power north",
    "pool.stop-services pchat pchat01",
    "pool.stop-services pchat pchat02",
    "pool.stop-services pchat pchat03",
    "pool.stop-services pchat pchat04",
    "database.fence mgc north-sql1",
    "database.fence mgc north-sql2",
    "database.salvage mgc north-sql1; live = south-sql1; file = " SHARE "mgc_salvage.bak; list = /run/salvage.jsonl",
    "database.remove-primary mgc north-sql1",
    "database.remove-primary mgc north-sql2",
    "database.backup-full mgc south-sql1; file = " SHARE "mgc_home.bak",
    "database.restore-full mgc north-sql1; file = " SHARE "mgc_home.bak",
    "database.restore-full mgc north-sql2; file = " SHARE "mgc_home.bak",
    "pool.set-active pchat; servers = ",
    "pool.stop-services pchat pchat05; which = chat",
    "pool.stop-services pchat pchat06",
    "pool.stop-services pchat pchat07",
    "pool.stop-services pchat pchat08",
    "database.await-no-sessions mgc south-sql1",
    "database.break-mirror mgc south-sql1",
    "database.stop-shipping mgc south-sql1",
    "database.freeze mgc south-sql1; file = " SHARE "mgc_frozen.trn",
    "database.apply-logs mgc north-sql1; from = shiplogs",
    "database.apply-logs mgc north-sql2; from = shiplogs",
    "database.recover mgc north-sql1; evidence = none needed",
    "database.make-mirror mgc north-sql1; mirror = north-sql2; witness = north-wit; file = " HOME "mgc_back.trn",
    "share.archive shiplogs; folder = old; prefix = mgc_; suffix = .trn",
    "share.archive south-copy; folder = old; prefix = mgc_; suffix = .trn",
    "database.remove-primary mgc south-sql1",
    "database.build-primary mgc north-sql1; secondary = south-sql1",
    "database.build-secondary mgc south-sql1; primary = north-sql1",
    "database.mirror-failover mgc north-sql2",
    "database.build-primary mgc north-sql2; secondary = south-sql1",
    "database.mirror-failover mgc north-sql1",
    "pool.move-central-store pchat; site = north",
    "pool.set-state pchat; state = Normal",
    "pool.await-replication pchat; servers = pchat01, pchat02, pchat03, pchat04",
    "pool.set-active pchat; servers = pchat01, pchat02, pchat03, pchat04",
    "pool.await-replication pchat; servers = pchat01, pchat02, pchat03, pchat04",
    "pool.start-services pchat pchat01",
    "pool.start-services pchat pchat02",
    "pool.start-services pchat pchat03",
    "pool.start-services pchat pchat04",
    "database.await-servers mgc north-sql1; servers = pchat01, pchat02, pchat03, pchat04",
    "pool.send-message pchat",
    "database.drop-copy mgc south-sql2",
    "database.ship-once mgc north-sql1; to = south-sql1",
    "database.backup-full mgc north-sql1; file = " HOME "mgc_close.bak",
    NULL
};

static void
there_and_back (void)
{
    struct scene s;

    scene_begin (&s);
    direct_servers (s.d, &s.p);
    site_power (&s, 1, false);
    play (&s, failover);
    CU_ASSERT_EQUAL (copy_at (&s, "south-sql1")->state, W_ONLINE);
    CU_ASSERT_EQUAL (copy_at (&s, "south-sql2")->mirroring, W_SYNCHRONIZED);
    site_power (&s, 1, true);
    play (&s, failback);
    CU_ASSERT_EQUAL (copy_at (&s, "north-sql1")->role, W_PRINCIPAL);
    CU_ASSERT_EQUAL (copy_at (&s, "south-sql1")->state, W_RESTORING);
    CU_ASSERT_PTR_NULL (copy_at (&s, "south-sql2"));
    CU_ASSERT_EQUAL (s.f->lost, 0);
    scene_end (&s);
}

/* Messages are positions: what was written after the last log backup is lost, and salvage counts it. */
static void
losses_are_counted (void)
{
    struct d_message written[4];
    struct scene s;

    scene_begin (&s);
    direct_servers (s.d, &s.p);
    for (unsigned i = 0; i < 4; i++)
        CU_ASSERT_TRUE (direct_write (s.d, &s.p, 1, 0, &written[i]));
    s.p.messages = written;
    s.p.nmessages = 4;
    site_power (&s, 1, false);
    play (&s, failover);
    for (unsigned i = 0; i < 4; i++)
        CU_ASSERT_FALSE (
                w_copy_has (s.w, w_find_copy (s.w, id_of (&s, "south-sql1"), "mgc"), written[i].fork, written[i].lsn));
    site_power (&s, 1, true);
    for (const char *const *line = failback; strstr (*line, ".salvage") == NULL; line++)
        does (&s, *line, true);
    does (&s, failback[7], true);
    CU_ASSERT_STRING_EQUAL (direct_result (&s.a, "messages"), "4");
    scene_end (&s);
}

/* The process dies after each operation of each step; another one begins the step anew. */
static void
death_between_any_two (void)
{
    static struct d_call c;
    struct scene s, at;
    unsigned deaths = 0;
    enum d_more more;

    scene_begin (&s);
    scene_begin (&at);
    site_power (&s, 1, false);
    for (const char *const *line = failover; *line != NULL; line++) {
        if (strstr (*line, ".await-servers") != NULL || strstr (*line, ".send-message") != NULL)
            continue;
        for (unsigned ops = 1;; ops++) {
            unsigned done = 0;

            w_assign (at.w, s.w);
            direct_files_assign (at.f, s.f);
            begin (&at, &c, false, *line);
            while (done < ops && (more = direct_step (at.d, &c, &at.p, &at.a)) != D_END) {
                done += at.a.did != 0;
                if (more == D_WAIT)
                    direct_tick (at.d, &at.p, at.w->now_ms + 500);
            }
            if (done < ops)
                break;
            deaths++;
            if (strstr (*line, ".quote") == NULL && see (&at, *line) != D_YES)
                does (&at, *line, true);
        }
        does (&s, *line, strstr (*line, ".quote") == NULL);
        direct_servers (s.d, &s.p);
    }
    CU_ASSERT_TRUE (deaths >= 20);
    scene_end (&s);
    scene_end (&at);
}

/* A copy of a call, made anywhere, goes on to the same end: nothing of it lies elsewhere. */
static void
calls_are_flat (void)
{
    static struct d_call c, copy;
    struct scene s, other;
    enum d_more more = D_MORE;

    scene_begin (&s);
    scene_begin (&other);
    site_power (&s, 1, false);
    for (const char *const *line = failover; strstr (*line, ".make-mirror") == NULL; line++) {
        run (&s, *line);
        direct_servers (s.d, &s.p);
    }
    begin (&s, &c, false, "database.make-mirror mgc south-sql1; mirror = south-sql2; file = " SETUP "mgc_pair.trn");
    while (more != D_END) {
        memset (&copy, 0xee, sizeof copy);
        memcpy (&copy, &c, direct_call_size (&c));
        w_assign (other.w, s.w);
        direct_files_assign (other.f, s.f);
        direct_finish (other.d, &copy, &other.p, &other.a);
        CU_ASSERT_EQUAL (other.a.word, D_OK);
        more = direct_step (s.d, &c, &s.p, &s.a);
        if (more == D_WAIT)
            direct_tick (s.d, &s.p, w_next_due (s.w));
    }
    CU_ASSERT_EQUAL (w_digest (s.w), w_digest (other.w));
    scene_end (&s);
    scene_end (&other);
}

static uint64_t
digest (struct scene *s)
{
    int64_t now = s->w->now_ms;
    uint64_t h;

    s->w->now_ms = 0;
    h = w_digest (s->w);
    s->w->now_ms = now;
    return h;
}

/* Tidied worlds answer as they did; to tidy twice changes nothing more. */
static void
tidy_forgets_nothing (void)
{
    struct scene s, tidy;

    scene_begin (&s);
    scene_begin (&tidy);
    site_power (&s, 1, false);
    site_power (&tidy, 1, false);
    for (const char *const *line = failover; *line != NULL; line++) {
        int a = run (&s, *line), b = run (&tidy, *line);

        CU_ASSERT_EQUAL (a, b);
        direct_servers (s.d, &s.p);
        direct_servers (tidy.d, &tidy.p);
        direct_tidy (tidy.d, &tidy.p);
        if (strstr (*line, ".quote") == NULL && strstr (*line, ".send-message") == NULL) {
            a = see (&s, *line);
            b = see (&tidy, *line);
            CU_ASSERT_EQUAL (a, b);
        }
    }
    direct_tidy (s.d, &s.p);
    direct_tidy (tidy.d, &tidy.p);
    CU_ASSERT_EQUAL (digest (&s), digest (&tidy));
    CU_ASSERT_EQUAL (direct_files_size (s.f), direct_files_size (tidy.f));
    CU_ASSERT_EQUAL (memcmp (s.f, tidy.f, direct_files_size (s.f)), 0);
    scene_end (&s);
    scene_end (&tidy);
}

/* What nobody can see is not known, and a statement that still runs is half done. */
static void
doubt_is_told (void)
{
    static struct d_call left;
    const struct d_call *const calls[] = { &left };
    struct scene s;

    scene_begin (&s);
    begin (&s, &left, false, "database.fence mgc north-sql1");
    s.p.at_work = calls;
    s.p.nat_work = 1;
    CU_ASSERT_EQUAL (see (&s, "database.fence mgc north-sql1"), D_PARTLY);
    s.p.nat_work = 0;
    CU_ASSERT_EQUAL (see (&s, "database.fence mgc north-sql1"), D_NO);
    site_power (&s, 1, false);
    CU_ASSERT_EQUAL (see (&s, "database.fence mgc north-sql1"), D_UNKNOWN);
    CU_ASSERT_EQUAL (run (&s, "database.fence mgc north-sql1"), D_RETRY);
    CU_ASSERT_EQUAL (see (&s, "pool.set-state pchat; state = FailedOver"), D_UNKNOWN);
    CU_ASSERT_EQUAL (run (&s, "database.recover mgc south-sql1; evidence = silent"), D_FAIL);
    CU_ASSERT_FALSE (direct_knows ("database", "no-such-verb"));
    scene_end (&s);
}

/* A server that was taken off the list keeps its clients, and so its session in the copy, until it is stopped. */
static void
connections_outlive_the_list (void)
{
    struct d_message m;
    struct scene s;

    scene_begin (&s);
    direct_servers (s.d, &s.p);
    does (&s, "pool.set-active pchat; servers = pchat02", true);
    does (&s, "pool.await-replication pchat; servers = pchat01, pchat02", true);
    direct_servers (s.d, &s.p);
    CU_ASSERT_TRUE (direct_write (s.d, &s.p, 1, 0, &m));
    does (&s, "pool.stop-services pchat pchat01; which = chat", true);
    direct_servers (s.d, &s.p);
    CU_ASSERT_FALSE (direct_write (s.d, &s.p, 1, 0, &m));
    scene_end (&s);
}

/* A call that must wait says so, and notices in its pauses that it shall stop or that its time is over. */
static void
waiting_ends (void)
{
    static struct d_call c;
    struct scene s;

    scene_begin (&s);
    begin (&s, &c, false, "database.await-servers mgc north-sql1; servers = pchat01");
    CU_ASSERT_EQUAL (direct_step (s.d, &c, &s.p, &s.a), D_WAIT);
    c.stop = 1;
    CU_ASSERT_EQUAL (direct_step (s.d, &c, &s.p, &s.a), D_END);
    CU_ASSERT_EQUAL (s.a.word, D_STOPPED);
    begin (&s, &c, false, "database.await-servers mgc north-sql1; servers = pchat01");
    c.deadline_ms = s.w->now_ms + 5000;
    CU_ASSERT_EQUAL (direct_step (s.d, &c, &s.p, &s.a), D_WAIT);
    direct_tick (s.d, &s.p, c.deadline_ms);
    CU_ASSERT_EQUAL (direct_step (s.d, &c, &s.p, &s.a), D_END);
    CU_ASSERT_EQUAL (s.a.word, D_RETRY);
    direct_servers (s.d, &s.p);
    CU_ASSERT_EQUAL (run (&s, "database.await-servers mgc north-sql1; servers = pchat01"), D_OK);
    scene_end (&s);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "a failover and the way home go through by models alone", there_and_back },
        { "messages that only the lost site had are counted by salvage", losses_are_counted },
        { "after a death between any two operations the step can be taken up again", death_between_any_two },
        { "a call that is copied on the way goes on to the same end", calls_are_flat },
        { "a tidied world gives the answers it gave", tidy_forgets_nothing },
        { "doubt is told as doubt", doubt_is_told },
        { "connections outlive the active list until the server is stopped", connections_outlive_the_list },
        { "waiting ends when it shall, or when its time is over", waiting_ends },
        { NULL, NULL },
    };

    return sb_tap_run ("models", tests);
}
