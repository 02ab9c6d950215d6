/* Channels, and news from outside a run; see channels.h. */
#include "cli/channels.h"

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/engine/message.h"
#include "core/host/lane.h"
#include "core/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALL_MS 60000

/* ---------------------------------------------------------------- one call */

static void
take (void *ctx, const struct sb_lane_event *e)
{
    struct cli_called *a = ctx;
    size_t i;

    if (e->type != SB_LANE_ANSWER && e->type != SB_LANE_DIED)
        return;
    a->rc = e->type == SB_LANE_ANSWER ? e->rc : SB_UNSURE;
    free (a->sentence);
    a->sentence = sb_xstrdup (e->sentence);
    for (i = 0; e->type == SB_LANE_ANSWER && i < e->nresults; i++) {
        free (sb_map_get (&a->results, e->results[i].name));
        sb_map_set (&a->results, e->results[i].name, sb_xstrdup (e->results[i].value));
    }
}

void
cli_called_free (struct cli_called *a)
{
    free (a->sentence);
    sb_map_free_with (&a->results, free);
    *a = (struct cli_called){ 0 };
}

/* An action called so; the "*" of a bridge is none: its program would take a preview for the real thing. */
static bool
has_action (struct cli *c, const char *plugin, const char *verb)
{
    const struct sb_catalogue_plugin *p = sb_catalogue_find (sb_registry_catalogue (c->registry), plugin);
    const struct sb_action *a;

    for (a = p == NULL ? NULL : p->actions; a != NULL && a->verb != NULL; a++)
        if (strcmp (a->verb, verb) == 0 || (strcmp (a->verb, "*") == 0 && strcmp (verb, "send") == 0))
            return true;
    return false;
}

int
cli_call_channel (struct cli *c, const struct sb_object *channel, const char *verb, const struct sb_note *note,
                  struct cli_called *ret)
{
    const struct sb_call_spec spec = { .id = 1,
                                       .plugin = channel->plugin,
                                       .kind = "channel",
                                       .object = channel->name,
                                       .verb = verb,
                                       .op = SB_OP_RUN,
                                       .deadline_ms = CALL_MS,
                                       .attempt = 1 };
    struct sb_laneset *lanes;
    struct sb_launcher launch;

    *ret = (struct cli_called){ .rc = SB_UNSURE };
    if (!has_action (c, channel->plugin, verb))
        return EXIT_DONE;
    lanes = cli_lanes (c);
    if (lanes == NULL)
        return cli_fail (c, EXIT_CONFIG);
    sb_launcher_of (&launch, lanes);
    ret->asked = note == NULL ? sb_lanes_call (lanes, &spec) : sb_note_call (&launch, note, channel->plugin, verb, 1);
    while (sb_lanes_under_way (lanes) > 0)
        sb_lanes_wait (lanes, 1000, take, ret);
    sb_lanes_free (lanes);
    return EXIT_DONE;
}

/* ---------------------------------------------------------------- the patient */

static struct cli_channel
judge (struct cli *c, const struct sb_object *o, const struct cli_called *a, const char *leaves, bool alone)
{
    const char *depends = sb_map_get (&a->results, "depends"), *site = sb_object_attr (o, "site");
    struct cli_channel ret = { .name = o->name, .verdict = "green" };

    if (depends != NULL && *depends != 0) {
        ret.verdict = "red";
        ret.found = sb_arena_printf (&c->arena, "it runs through %s, which it is to report about", depends);
    } else if (a->asked && a->rc != SB_OK) {
        ret.verdict = "unknown";
        ret.found = sb_arena_strdup (&c->arena, a->sentence == NULL ? "" : a->sentence);
    } else if (site != NULL && leaves != NULL && strcmp (site, leaves) == 0) {
        ret.verdict = alone ? "red" : "amber";
        ret.found = sb_arena_printf (&c->arena, "it stands in site '%s', which is left%s", site,
                                     alone ? ", and so does every other channel" : "");
    } else if (site != NULL && leaves == NULL && alone) {
        ret.verdict = "red";
        ret.found = sb_arena_printf (&c->arena, "every channel stands in site '%s' and falls silent with it", site);
    } else if (site != NULL && leaves == NULL) {
        ret.verdict = "amber";
        ret.found = sb_arena_printf (&c->arena, "it stands in site '%s' and falls silent with it", site);
    } else {
        ret.found = a->asked ? "it does not run through what it reports about"
                             : "its plugin cannot tell what it runs through";
    }
    return ret;
}

/* Do all channels stand in the same site? */
static bool
one_site (const struct sb_topology *t)
{
    const struct sb_object *o, *first = sb_topology_nth (t, "channel", 0);
    const char *site = first == NULL ? NULL : sb_object_attr (first, "site"), *other;
    size_t i;

    for (i = 0; site != NULL && (o = sb_topology_nth (t, "channel", i)) != NULL; i++) {
        other = sb_object_attr (o, "site");
        if (other == NULL || strcmp (other, site) != 0)
            return false;
    }
    return site != NULL;
}

int
cli_look_at_channels (struct cli *c, const char *leaves, struct cli_channel **ret, size_t *ret_count)
{
    bool alone = one_site (&c->topology);
    const struct sb_object *o;
    size_t n = 0;
    int rc = EXIT_DONE;

    while (sb_topology_nth (&c->topology, "channel", n) != NULL)
        n++;
    *ret = sb_arena_alloc (&c->arena, (n + 1) * sizeof **ret);
    *ret_count = 0;
    while (rc == EXIT_DONE && (o = sb_topology_nth (&c->topology, "channel", *ret_count)) != NULL) {
        struct cli_called a;

        rc = cli_call_channel (c, o, "inspect", NULL, &a);
        (*ret)[(*ret_count)++] = judge (c, o, &a, leaves, alone);
        cli_called_free (&a);
    }
    return rc;
}

/* ---------------------------------------------------------------- news from outside a run */

void
cli_common_values (struct cli *c, struct sb_map *values)
{
    const struct sb_object *pool = sb_topology_pool (&c->topology);
    SB_CLEANUP (sb_buf_free) struct sb_buf now = { 0 };
    char host[256] = "";

    if (pool != NULL)
        sb_map_set (values, "pool", sb_arena_strdup (&c->arena, pool->name));
    if (gethostname (host, sizeof host - 1) == 0)
        sb_map_set (values, "host", sb_arena_strdup (&c->arena, host));
    sb_format_utc (&now, sb_now_ms ());
    sb_map_set (values, "time", sb_arena_strdup (&c->arena, sb_buf_cstr (&now)));
}

struct sb_run_cfg
cli_outside (struct cli *c, struct sb_journal *j)
{
    const char *file = cli_topology_file (c);
    SB_AUTOFREE char *full = realpath (file, NULL);

    return (struct sb_run_cfg){ .journal = j,
                                .topology = &c->topology,
                                .registry = c->registry,
                                .topology_file = sb_arena_strdup (&c->arena, full == NULL ? file : full),
                                .topology_text = sb_buf_cstr (&c->topology_text),
                                .base = c->base,
                                .state_dir = cli_state_dir (c),
                                .run = "",
                                .messages = &c->messages,
                                .signal_fd = -1 };
}

static void
queue (struct cli *c, struct sb_journal *j, const char *what, const char *key, struct sb_map *values, bool drill)
{
    struct sb_run_cfg cfg = cli_outside (c, j);

    cfg.drill = drill;
    cli_common_values (c, values);
    if (!sb_notify_tell (&cfg, what, key, values, &c->faults))
        cli_fail (c, EXIT_JOURNAL);
}

/* "check/POOL/DIGEST/TIME": the digest of what was told last about the pool; NULL: nothing was. */
static const char *
last_told (struct cli *c, struct sb_journal *j, const char *prefix)
{
    struct sb_note *notes;
    size_t n;

    if (!sb_journal_notes (j, "", NULL, &c->arena, &notes, &n, &c->faults)) {
        cli_fail (c, EXIT_JOURNAL);
        return NULL;
    }
    while (n-- > 0)
        if (strncmp (notes[n].key, prefix, strlen (prefix)) == 0)
            return notes[n].key + strlen (prefix);
    return NULL;
}

void
cli_tell_readiness (struct cli *c, struct sb_journal *j, const char *bad)
{
    const struct sb_object *pool = sb_topology_pool (&c->topology);
    const char *prefix = sb_arena_printf (&c->arena, "check/%s/", pool == NULL ? "" : pool->name);
    const char *before = last_told (c, j, prefix);
    SB_CLEANUP (sb_map_free) struct sb_map values = { 0 };
    char digest[SB_SHA256_HEX] = "ready";
    struct sb_sha256 h;

    if (*bad != 0) {
        sb_sha256_init (&h);
        sb_sha256_str (&h, bad);
        sb_sha256_hex (&h, digest);
        digest[16] = 0;
    }
    if (before == NULL ? *bad == 0 : strncmp (before, digest, strlen (digest)) == 0)
        return;
    sb_map_set (&values, "changed", (void *) (uintptr_t) bad);
    sb_map_set (&values, "about", sb_arena_strdup (&c->arena, *bad == 0 ? "ready" : "not ready"));
    queue (c, j, *bad == 0 ? "ready" : "not-ready",
           sb_arena_printf (&c->arena, "%s%s/%lld", prefix, digest, (long long) sb_now_ms ()), &values, false);
}

void
cli_tell_watch (struct cli *c, struct sb_journal *j, const char *about, const char *changed, bool drill)
{
    const struct sb_object *pool = sb_topology_pool (&c->topology);
    SB_CLEANUP (sb_map_free) struct sb_map values = { 0 };

    if (!sb_notify_wanted (&c->topology, "watch"))
        return;
    sb_map_set (&values, "about", (void *) (uintptr_t) about);
    sb_map_set (&values, "changed", (void *) (uintptr_t) changed);
    queue (c, j, "watch",
           sb_arena_printf (&c->arena, "watch/%s/%lld", pool == NULL ? "" : pool->name, (long long) sb_now_ms ()),
           &values, drill);
}
