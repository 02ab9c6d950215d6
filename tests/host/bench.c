/* The bench; see bench.h. */
#include "tests/host/bench.h"

#include "core/sys/clock.h"
#include "core/sys/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct outcome current;

void
bench_enter (int argc, char **argv)
{
    if (argc == 2 && strcmp (argv[1], "__lane") == 0)
        exit (sb_lane_main ());
    if (argc == 3 && strcmp (argv[1], "__describe") == 0)
        exit (sb_describe_main (argv[2]));
}

static char *
built_plugins (void)
{
    const char *build = getenv ("SWITCHBACK_BUILD_DIR");
    char exe[4096];
    ssize_t n;

    if (build != NULL)
        return sb_xprintf ("%s/.libs", build);
    n = readlink ("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = '\0';
    *strrchr (exe, '/') = '\0';
    return sb_xprintf ("%s/../../.libs", exe);
}

static void
start_lanes (struct bench *b, const struct sb_lanes_cfg *changes)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    SB_AUTOFREE char *file = bench_path (b, "topology.ini");
    struct sb_lanes_cfg cfg = changes != NULL ? *changes : (struct sb_lanes_cfg){ .grace_ms = 300 };

    sb_file_read (file, 1 << 20, &text, &b->faults);
    cfg.registry = b->registry;
    cfg.topology_file = file;
    cfg.topology_text = text.s;
    cfg.topology_len = text.len;
    cfg.base = b->dir;
    cfg.run = "r1";
    b->lanes = sb_lanes_new (&cfg, &b->faults);
    if (b->lanes == NULL) {
        printf ("Bail out! %s\n", b->faults.list[0].text);
        exit (99);
    }
}

struct bench *
bench_new (const char *extra_dir, const char *fmt, ...)
{
    struct bench *b = sb_xcalloc (1, sizeof *b);
    char dir[] = "/tmp/sb-bench-XXXXXX";
    const char *dirs[3] = { NULL };
    SB_AUTOFREE char *text = NULL;
    va_list args;

    if (mkdtemp (dir) == NULL) {
        puts ("Bail out! no folder in /tmp");
        exit (99);
    }
    b->dir = sb_xstrdup (dir);
    b->plugins = built_plugins ();
    va_start (args, fmt);
    text = sb_xvprintf (fmt, args);
    va_end (args);
    bench_file (b, "topology.ini", text, 0644);
    dirs[0] = extra_dir != NULL ? extra_dir : b->plugins;
    dirs[1] = extra_dir != NULL ? b->plugins : NULL;
    b->registry = sb_registry_new (&(struct sb_registry_cfg){ .dirs = dirs });
    start_lanes (b, NULL);
    return b;
}

void
bench_restart (struct bench *b, const struct sb_lanes_cfg *changes)
{
    sb_lanes_free (b->lanes);
    start_lanes (b, changes);
}

static void
forget (void)
{
    sb_buf_free (&current.said);
    sb_arena_release (&current.arena);
    memset (&current, 0, sizeof current);
}

void
bench_free (struct bench *b)
{
    sb_lanes_free (b->lanes);
    sb_registry_free (b->registry);
    sb_tree_remove (b->dir, &b->faults);
    sb_faults_free (&b->faults);
    free (b->dir);
    free (b->plugins);
    free (b);
    forget ();
}

char *
bench_path (struct bench *b, const char *name)
{
    return sb_path_join (b->dir, name);
}

void
bench_file (struct bench *b, const char *name, const char *text, unsigned mode)
{
    SB_AUTOFREE char *path = bench_path (b, name);
    FILE *f = fopen (path, "w");

    if (f == NULL || fputs (text, f) < 0 || fclose (f) != 0 || chmod (path, mode) != 0) {
        printf ("Bail out! cannot write %s\n", path);
        exit (99);
    }
}

static const char *const *
as_list (struct sb_arena *a, const char *text)
{
    char *copy = sb_arena_strdup (a, text), *word;
    const char **items = sb_arena_alloc (a, (strlen (text) + 2) * sizeof *items);
    size_t n = 0;

    while (*text != '\0' && (word = strsep (&copy, "|")) != NULL)
        items[n++] = word;
    return items;
}

uint64_t
bench_send (struct bench *b, const char *kind, const char *object, const char *verb, enum sb_op op, const char *on,
            int64_t deadline_ms, ...)
{
    struct sb_arena arena = { 0 };
    struct sb_call_param params[24];
    struct sb_call_spec spec = { .id = ++b->last_id,
                                 .kind = kind,
                                 .object = object,
                                 .verb = verb,
                                 .op = op,
                                 .on = on,
                                 .params = params,
                                 .deadline_ms = deadline_ms,
                                 .step = "step",
                                 .attempt = 1 };
    SB_AUTOFREE char *file = bench_path (b, "topology.ini");
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    struct sb_topology t = { 0 };
    struct sb_faults ignored = { 0 };
    const struct sb_object *o;
    const char *name, *value;
    va_list args;

    va_start (args, deadline_ms);
    while ((name = va_arg (args, const char *)) != NULL) {
        value = va_arg (args, const char *);
        params[spec.nparams++] = (struct sb_call_param){ *name == '+' ? name + 1 : name, *name == '+' ? NULL : value,
                                                         *name == '+' ? as_list (&arena, value) : NULL };
    }
    va_end (args);
    sb_file_read (file, 1 << 20, &text, &ignored);
    sb_topology_parse (&t, file, text.s, text.len, &ignored);
    o = sb_topology_find (&t, kind, object);
    spec.plugin = o != NULL && o->plugin != NULL ? o->plugin : kind;
    sb_registry_describe (b->registry, spec.plugin, &ignored);
    if (!sb_lanes_call (b->lanes, &spec))
        spec.id = 0;
    sb_topology_release (&t);
    sb_faults_free (&ignored);
    sb_arena_release (&arena);
    return spec.id;
}

static void
note (void *ctx, const struct sb_lane_event *e)
{
    struct outcome *o = ctx;
    size_t i;

    if (e->id != o->id)
        return;
    if (e->type == SB_LANE_LOG || e->type == SB_LANE_PROGRESS) {
        sb_buf_printf (&o->said, "%s\n", e->text);
        if (e->type == SB_LANE_PROGRESS)
            o->percent = e->percent;
        return;
    }
    if (e->type == SB_LANE_STARTED)
        return;
    o->over = true;
    o->type = e->type;
    o->begun = e->begun;
    o->rc = e->rc;
    o->seen = e->seen;
    o->reason = e->reason;
    o->signal = e->signal;
    o->exit_code = e->exit_code;
    o->took_ms = e->took_ms;
    o->sentence = sb_arena_strdup (&o->arena, e->sentence);
    for (i = 0; i < e->nresults && i < sizeof o->results / sizeof *o->results; i++) {
        o->results[i].name = sb_arena_strdup (&o->arena, e->results[i].name);
        o->results[i].value = sb_arena_strdup (&o->arena, e->results[i].value);
        o->nresults++;
    }
}

const struct outcome *
bench_await (struct bench *b, uint64_t id)
{
    int64_t deadline = sb_deadline_in (60000);

    forget ();
    current.id = id;
    current.sentence = id == 0 ? "the call was not accepted" : "nothing came back";
    while (id != 0 && !current.over && sb_deadline_left (deadline) > 0)
        sb_lanes_wait (b->lanes, sb_deadline_left (deadline), note, &current);
    if (getenv ("BENCH_TALK") != NULL)
        printf ("# %d rc %d seen %d: %s\n# %s\n", current.type, current.rc, current.seen, current.sentence,
                sb_buf_cstr (&current.said));
    return &current;
}

const char *
outcome_result (const struct outcome *o, const char *name)
{
    size_t i;

    for (i = 0; i < o->nresults; i++)
        if (strcmp (o->results[i].name, name) == 0)
            return o->results[i].value;
    return "(not set)";
}

bool
bench_eventually (bool (*condition) (void *ctx), void *ctx)
{
    int64_t deadline = sb_deadline_in (10000);

    while (!condition (ctx)) {
        if (sb_deadline_left (deadline) == 0)
            return false;
        sb_sleep_ms (5);
    }
    return true;
}
