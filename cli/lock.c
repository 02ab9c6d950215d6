/* The plan lock: making it, writing it, telling what differs. */
#include "cli/lock.h"

#include "cli/ask.h"
#include "core/base/sha256.h"
#include "core/sys/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT      "switchback plan lock 1"
#define LEAST_DIGIT 12 /* of a lock given by hand */
#define MOST_TOLD   20 /* differences */

static const char *const seen_words[] = { "no", "yes", "partly", "unknown" };

static json_t *
observed (struct cli *c, const struct sb_plan *p, int *ret_code)
{
    struct cli_answers a = { 0 };
    json_t *marks = NULL;
    uint32_t i;

    *ret_code = cli_ask_plan (c, p, CLI_ASK_VERIFY, &a);
    if (*ret_code == EXIT_DONE)
        marks = json_object ();
    for (i = 0; marks != NULL && i < p->count; i++)
        if (a.list[i].asked)
            json_object_set_new (marks, p->steps[i].name, json_string (seen_words[a.list[i].seen]));
    cli_answers_free (&a);
    return marks;
}

/* Versions of the plugins that the plan calls. */
static json_t *
plugins_of (struct cli *c, const struct sb_plan *p)
{
    const struct sb_catalogue *catalogue = sb_registry_catalogue (c->registry);
    json_t *o = json_object ();
    uint32_t i;

    for (i = 0; i < p->count; i++) {
        const struct sb_catalogue_plugin *found =
                p->steps[i].plugin == NULL ? NULL : sb_catalogue_find (catalogue, p->steps[i].plugin);

        if (found != NULL)
            json_object_set_new (o, found->name, json_string (found->version != NULL ? found->version : ""));
    }
    return o;
}

static char *
digest_of (struct cli *c, const char *what, json_t *value)
{
    struct sb_sha256 h;
    char *text = json_dumps (value, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
    char hex[SB_SHA256_HEX];

    sb_sha256_init (&h);
    sb_sha256_str (&h, what);
    sb_sha256_str (&h, text);
    sb_sha256_hex (&h, hex);
    free (text);
    return sb_arena_strdup (&c->arena, hex);
}

json_t *
cli_lock_make (struct cli *c, const struct sb_plan *p, int *ret_code)
{
    json_t *marks = observed (c, p, ret_code), *lock, *bound;
    char *plan SB_AUTOFREE = NULL;
    const char *fingerprint;

    if (marks == NULL)
        return NULL;
    plan = sb_plan_to_json (p);
    fingerprint = digest_of (c, "switchback fingerprint 1", marks);
    bound = json_pack ("{s:s, s:o, s:s}", "digest", p->digest, "plugins", plugins_of (c, p), "fingerprint",
                       fingerprint);
    lock = json_pack ("{s:s, s:s, s:s, s:o, s:s, s:s, s:O}", "format", FORMAT, "workflow", p->workflow,
                      "topology_digest", p->topology_digest, "observed", marks, "fingerprint", fingerprint, "lock",
                      digest_of (c, FORMAT, bound), "plugins", json_object_get (bound, "plugins"));
    json_object_set_new (lock, "digest", json_string (p->digest));
    json_object_set_new (lock, "plan", json_loads (plan, 0, NULL));
    json_decref (bound);
    return lock;
}

int
cli_lock_write (struct cli *c, const struct sb_plan *p, const char *file)
{
    int rc;
    json_t *lock = cli_lock_make (c, p, &rc);
    char *text;

    if (lock == NULL)
        return rc;
    text = json_dumps (lock, JSON_INDENT (1));
    if (!sb_file_write (file, text, strlen (text), 0600, &c->faults))
        rc = cli_fail (c, EXIT_CONFIG);
    else if (c->json)
        rc = cli_print_json (json_pack ("{s:s, s:s, s:O, s:O, s:O}", "file", file, "workflow", p->workflow, "digest",
                                        json_object_get (lock, "digest"), "fingerprint",
                                        json_object_get (lock, "fingerprint"), "lock", json_object_get (lock, "lock")));
    else
        printf ("plan %s, observed %.16s\nlock %s\nwritten to %s; 'switchback run %s --plan %s' holds to it\n",
                p->digest, json_string_value (json_object_get (lock, "fingerprint")),
                json_string_value (json_object_get (lock, "lock")), file, p->workflow, file);
    free (text);
    json_decref (lock);
    return rc;
}

/* ---------------------------------------------------------------- what differs */

struct telling {
    int told;
};

static void
tell (struct telling *t, const char *what, const char *name, const json_t *was, const json_t *is)
{
    char *before = was == NULL ? NULL : json_dumps (was, JSON_ENCODE_ANY | JSON_COMPACT);
    char *now = is == NULL ? NULL : json_dumps (is, JSON_ENCODE_ANY | JSON_COMPACT);

    if (t->told++ < MOST_TOLD)
        fprintf (stderr, "  %s %s: %.200s -> %.200s\n", what, name, before == NULL ? "not there" : before,
                 now == NULL ? "not there" : now);
    free (before);
    free (now);
}

/* Members of two objects that are not the same. */
static void
compare (struct telling *t, const char *what, json_t *was, json_t *is)
{
    const char *key;
    json_t *value;

    json_object_foreach (was, key, value) if (!json_equal (value, json_object_get (is, key)))
            tell (t, what, key, value, json_object_get (is, key));
    json_object_foreach (is, key, value) if (json_object_get (was, key) == NULL) tell (t, what, key, NULL, value);
}

static json_t *
by_name (const json_t *list)
{
    json_t *o = json_object (), *item;
    size_t i;

    json_array_foreach (list, i, item)
    {
        const char *name = json_string_value (json_object_get (item, "name"));

        if (name != NULL)
            json_object_set (o, name, item);
    }
    return o;
}

/* Steps (or gates) by name; of one that is in both, the members that differ.  Places in the list and lines do not count:
 * they differ whenever one is added. */
static void
compare_lists (struct telling *t, const char *what, const json_t *was, const json_t *is)
{
    static const char *const places[] = { "line", "after", "proofs", "gate" };
    json_t *old = by_name (was), *new = by_name (is), *item, *other;
    const char *name;
    size_t i;

    json_object_foreach (old, name, item)
    {
        char *title SB_AUTOFREE = sb_xprintf ("%s %s:", what, name);

        other = json_object_get (new, name);
        for (i = 0; i < sizeof places / sizeof *places; i++) {
            json_object_del (item, places[i]);
            json_object_del (other, places[i]);
        }
        if (other == NULL)
            tell (t, what, name, json_true (), NULL);
        else
            compare (t, title, item, other);
    }
    json_object_foreach (new, name, item) if (json_object_get (old, name) == NULL)
            tell (t, what, name, NULL, json_true ());
    json_decref (old);
    json_decref (new);
}

static void
tell_difference (json_t *was, json_t *is)
{
    struct telling t = { 0 };
    json_t *old = json_object_get (was, "plan"), *new = json_object_get (is, "plan");

    if (!json_equal (json_object_get (was, "topology_digest"), json_object_get (is, "topology_digest")))
        tell (&t, "the", "topology", json_object_get (was, "topology_digest"), json_object_get (is, "topology_digest"));
    compare (&t, "plugin", json_object_get (was, "plugins"), json_object_get (is, "plugins"));
    compare_lists (&t, "gate", json_object_get (old, "gates"), json_object_get (new, "gates"));
    compare_lists (&t, "step", json_object_get (old, "steps"), json_object_get (new, "steps"));
    compare (&t, "observed", json_object_get (was, "observed"), json_object_get (is, "observed"));
    if (t.told == 0) /* title, order, milestones */
        tell (&t, "the", "plan", json_object_get (was, "digest"), json_object_get (is, "digest"));
    if (t.told > MOST_TOLD)
        fprintf (stderr, "  and %d more\n", t.told - MOST_TOLD);
}

/* ---------------------------------------------------------------- holding to it */

static json_t *
read_lock (struct cli *c, const char *file)
{
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    json_t *o = NULL;
    const char *format;

    if (!sb_file_read (file, 64u << 20, &text, &c->faults))
        return NULL;
    o = json_loads (sb_buf_cstr (&text), 0, NULL);
    format = json_string_value (json_object_get (o, "format"));
    if (format != NULL && strcmp (format, FORMAT) == 0)
        return o;
    sb_fault (&c->faults, file, 0, "this is no plan that was written with 'switchback plan --out'");
    sb_fault_hint (&c->faults, "'switchback plan WORKFLOW --out FILE' writes one.");
    json_decref (o);
    return NULL;
}

static bool
same (json_t *was, json_t *is, const char *key)
{
    return json_equal (json_object_get (was, key), json_object_get (is, key));
}

static int
hold_to_file (struct cli *c, const char *file, json_t *now)
{
    json_t *was = read_lock (c, file);
    int rc = EXIT_DONE;

    if (was == NULL)
        return cli_fail (c, EXIT_CONFIG);
    if (!same (was, now, "digest") || !same (was, now, "fingerprint") || !same (was, now, "plugins")) {
        cli_error ("the plan lock differs: what would be done now is not what %s holds; nothing was begun", file);
        tell_difference (was, now);
        cli_hint ("Look at it, and make a new plan: 'switchback plan %s --out %s'.",
                  json_string_value (json_object_get (now, "workflow")), file);
        rc = EXIT_FAILED;
    }
    json_decref (was);
    return rc;
}

static int
hold_to_digest (const char *given, json_t *now)
{
    const char *lock = json_string_value (json_object_get (now, "lock"));

    if (strlen (given) >= LEAST_DIGIT && strncmp (lock, given, strlen (given)) == 0)
        return EXIT_DONE;
    if (strlen (given) < LEAST_DIGIT) {
        cli_error ("'--approve-plan %s': at least %d digits of the lock are needed", given, LEAST_DIGIT);
        return EXIT_USAGE;
    }
    cli_error ("the plan lock differs: it is %s now, not %s; nothing was begun", lock, given);
    cli_hint ("'run --plan FILE', with the file that 'plan --out FILE' wrote, shows what is different.");
    return EXIT_FAILED;
}

int
cli_lock_check (struct cli *c, const struct sb_plan *p, json_t **ret_lock)
{
    const char *file = cli_opt (c, "plan"), *digest = cli_opt (c, "approve-plan");
    int rc = EXIT_DONE;

    *ret_lock = NULL;
    if (file == NULL && digest == NULL)
        return EXIT_DONE;
    *ret_lock = cli_lock_make (c, p, &rc);
    if (*ret_lock != NULL && file != NULL)
        rc = hold_to_file (c, file, *ret_lock);
    if (*ret_lock != NULL && rc == EXIT_DONE && digest != NULL)
        rc = hold_to_digest (digest, *ret_lock);
    return rc;
}
