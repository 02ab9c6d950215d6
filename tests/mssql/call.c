/* Makes calls of plugins for scripts ("plugin" and "kind": else mssql and database): one JSON object a line on stdin, one on
 * stdout.  `call TOPOLOGY` keeps its workers between calls, as a run does.
 *
 *   {"object": "mgc", "verb": "fence", "op": "run", "on": "north-sql1", "params": {"file": "D:\\x.bak"}}
 *   {"rc": "ok", "sentence": "", "results": {"found": "ONLINE"}, "said": ["..."], "ms": 12}
 */
#include "core/base/mem.h"
#include "core/host/lane.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "tests/host/bench.h"

#include <jansson.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct result {
    uint64_t id;
    bool over;
    json_t *json, *said;
};

static const char *const rcs[] = { "ok", "retry", "fail", "unsure", "stopped" };
static const char *const seens[] = { "no", "yes", "partly", "unknown" };

static void
note (void *ctx, const struct sb_lane_event *e)
{
    struct result *r = ctx;
    json_t *results;

    if (e->id != r->id || e->type == SB_LANE_STARTED)
        return;
    if (e->type == SB_LANE_LOG || e->type == SB_LANE_PROGRESS) {
        json_array_append_new (r->said, json_string (e->text));
        return;
    }
    r->over = true;
    results = json_object ();
    for (size_t i = 0; i < e->nresults; i++)
        json_object_set_new (results, e->results[i].name, json_string (e->results[i].value));
    json_object_set_new (r->json, "rc", json_string (e->type == SB_LANE_DIED ? "died" : rcs[e->rc]));
    json_object_set_new (r->json, "seen", json_string (e->type == SB_LANE_DIED ? "died" : seens[e->seen]));
    json_object_set_new (r->json, "sentence", json_string (e->sentence));
    json_object_set_new (r->json, "results", results);
    json_object_set_new (r->json, "ms", json_integer (e->took_ms));
}

static const char *
text_of (const json_t *o, const char *key)
{
    return json_string_value (json_object_get (o, key));
}

static const char *
text_or (const json_t *o, const char *key, const char *otherwise)
{
    const char *text = text_of (o, key);

    return text != NULL ? text : otherwise;
}

static const char *const *
items_of (struct sb_arena *a, const json_t *list)
{
    const char **items = sb_arena_alloc (a, (json_array_size (list) + 1) * sizeof *items);

    for (size_t i = 0; i < json_array_size (list); i++)
        items[i] = json_string_value (json_array_get (list, i));
    return items;
}

static void
one_call (struct sb_laneset *lanes, const json_t *in, uint64_t id)
{
    struct result r = { .id = id, .json = json_object (), .said = json_array () };
    struct sb_arena arena = { 0 };
    struct sb_call_param params[16];
    struct sb_call_spec spec = { .id = id,
                                 .plugin = text_or (in, "plugin", "mssql"),
                                 .kind = text_or (in, "kind", "database"),
                                 .object = text_of (in, "object"),
                                 .verb = text_of (in, "verb"),
                                 .on = text_of (in, "on"),
                                 .params = params,
                                 .deadline_ms = 60000,
                                 .step = text_of (in, "step"),
                                 .attempt = 1 };
    int64_t deadline = sb_deadline_in (70000);
    const char *op = text_of (in, "op"), *key;
    json_t *value;
    char *line;

    spec.op = op != NULL && strcmp (op, "verify") == 0 ? SB_OP_VERIFY : SB_OP_RUN;
    json_object_foreach (json_object_get (in, "params"), key, value) if (spec.nparams < 16) params[spec.nparams++] =
            (struct sb_call_param){ key, json_string_value (value),
                                    json_is_array (value) ? items_of (&arena, value) : NULL };
    if (json_integer_value (json_object_get (in, "deadline")) > 0)
        spec.deadline_ms = json_integer_value (json_object_get (in, "deadline"));
    if (!sb_lanes_call (lanes, &spec))
        r.over = true;
    while (!r.over && sb_deadline_left (deadline) > 0)
        sb_lanes_wait (lanes, sb_deadline_left (deadline), note, &r);
    json_object_set_new (r.json, "said", r.said);
    line = json_dumps (r.json, JSON_COMPACT);
    puts (line != NULL ? line : "{}");
    fflush (stdout);
    free (line);
    json_decref (r.json);
    sb_arena_release (&arena);
}

static void
serve (struct sb_laneset *lanes)
{
    char *line = NULL;
    size_t cap = 0;
    uint64_t id = 0;

    while (getline (&line, &cap, stdin) > 0) {
        json_t *in = json_loads (line, 0, NULL);

        if (in != NULL)
            one_call (lanes, in, ++id);
        json_decref (in);
    }
    free (line);
}

int
main (int argc, char **argv)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    const char *build = getenv ("SWITCHBACK_BUILD_DIR"), *dirs[2] = { NULL };
    struct sb_faults faults = { 0 };
    struct sb_registry *registry;
    struct sb_laneset *lanes = NULL;

    bench_enter (argc, argv);
    if (argc != 2 || build == NULL || !sb_file_read (argv[1], 1 << 20, &text, &faults))
        return 2;
    SB_AUTOFREE char *plugins = sb_xprintf ("%s/.libs", build), *copy = sb_xstrdup (argv[1]);
    dirs[0] = plugins;
    registry = sb_registry_new (&(struct sb_registry_cfg){ .dirs = dirs });
    if (sb_registry_describe_all (registry, &faults))
        lanes = sb_lanes_new (&(struct sb_lanes_cfg){ .registry = registry,
                                                      .topology_file = argv[1],
                                                      .topology_text = text.s,
                                                      .topology_len = text.len,
                                                      .base = dirname (copy),
                                                      .run = "t1" },
                              &faults);
    if (lanes != NULL) {
        serve (lanes);
        sb_lanes_free (lanes);
    } else {
        SB_AUTOFREE char *said = sb_faults_text (&faults);

        fputs (said, stderr);
    }
    sb_registry_free (registry);
    sb_faults_free (&faults);
    return lanes != NULL ? 0 : 1;
}
