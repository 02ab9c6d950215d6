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

/* What the packaged failover does when the first site is gone, for one database. */
static const char *const failover[] = { "fence.isolate north-power north",
                                        "pool.move-central-store pchat; site = south",
                                        "database.stop-shipping mgc south-sql1",
                                        "share.copy shiplogs; to = south-copy; prefix = mgc_; suffix = .trn",
                                        "database.apply-logs mgc south-sql1; from = south-copy",
                                        "database.end-sessions mgc south-sql1",
                                        "database.recover mgc south-sql1; evidence = confirmed",
                                        "database.remove-secondary mgc south-sql1",
                                        "pool.set-state pchat; state = FailedOver",
                                        "pool.await-replication pchat; servers = pchat05, pchat06, pchat07, pchat08",
                                        NULL };

static void
print (struct scene *s, const char *line, int rc)
{
    const char *key = NULL, *value = NULL;

    fprintf (stderr, "# %d %s\n", rc, line);
    if (rc != 0)
        fprintf (stderr, "#    %s\n", s->a.sentence);
    while (direct_next (&s->a, &key, &value))
        fprintf (stderr, "#    %s = %s\n", key, value);
}

static void
failover_goes_through (void)
{
    struct scene s;

    scene_begin (&s);
    site_power (&s, 1, false);
    for (const char *const *line = failover; *line != NULL; line++) {
        print (&s, *line, run (&s, *line));
        print (&s, *line, see (&s, *line));
    }
    fprintf (stderr, "# world %zu files %zu call %zu\n", sizeof *s.w, direct_files_size (s.f),
             offsetof (struct d_call, text));
    scene_end (&s);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "the failover of one database goes through", failover_goes_through },
        { NULL, NULL },
    };

    return sb_tap_run ("models", tests);
}
