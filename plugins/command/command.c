/* The plugin `command`: the bridge to a site's own program.  It plays any role
 * and any verb: the program gets one JSON object on stdin and answers with one
 * on stdout (doc: switchback-command(7)).
 *
 *   in   {"role", "verb", "op": "run"|"verify", "object", "attributes": {}, "on", "on_attributes": {}, "params": {},
 *         "run", "step", "attempt", "drill", "deadline_ms", "secret"}
 *   out  {"rc": "ok"|"retry"|"fail"|"unsure"|"stopped", "seen": "yes"|"no"|"partly"|"unknown", "message",
 *         "results": {}}
 *
 * Parameters are strings, lists are arrays of strings.  What the program does
 * is its own business; what it fails to say becomes doubt, never success: no
 * answer, a bad answer, a signal or a time-out is "unsure" of a run and
 * "unknown" of a verify.  Only a program that could not be started at all has
 * changed nothing for certain. */
#include "plugins/lib/child.h"

#include <switchback/plugin.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_WORDS 64u
#define OUT_MAX   (1u << 20)
#define GRACE_MS  1000
#define END          \
    {                \
        .name = NULL \
    }

static const struct sb_option settings[] = {
    { .name = "program", .type = SB_LIST, .flags = SB_REQUIRED, .help = "the program and its first arguments" },
    { .name = "timeout", .type = SB_DURATION, .fallback = "5m", .help = "how long one call may take at most" },
    { .name = "environment", .type = SB_LIST, .help = "further variables of the environment that it may see" },
    { .name = "secret", .type = SB_SECRET, .help = "handed over on stdin as \"secret\"" },
    END
};

static const char *const rcs[] = { "ok", "retry", "fail", "unsure", "stopped", NULL };
static const char *const seens[] = { "no", "yes", "partly", "unknown", NULL };

/* Everything one call needs. */
struct bridge {
    struct sb_call *call;
    const char *op;
    const char *argv[MAX_WORDS + 1];
    const char *env[MAX_WORDS + 1];
    struct sb_buf out;
    json_t *answer;
};

static int
index_of (const char *const *words, const char *word)
{
    int i;

    for (i = 0; word != NULL && words[i] != NULL; i++)
        if (strcmp (words[i], word) == 0)
            return i;
    return -1;
}

/* ---- what goes in --------------------------------------------------------------------------------------- */

static json_t *
value_of (struct sb_call *call, const char *name)
{
    const char *text = sb_param (call, name), *item;
    json_t *list;
    size_t i;

    if (text != NULL)
        return json_string (text);
    list = json_array ();
    for (i = 0; (item = sb_item (call, name, i)) != NULL; i++)
        json_array_append_new (list, json_string (item));
    return list;
}

/* What the topology says of the objects of a call, so that a program need not read the file itself. */
static const struct known {
    const char *kind;
    const char *keys[12];
} kinds[] = {
    { "pool", { "fqdn", "primary site", "backup site", "central store", "next hop", "control" } },
    { "database",
      { "name", "primary", "mirror", "witness", "backup", "backup mirror", "backup witness", "log share",
        "copy folder" } },
    { "share", { "site", "path", "unc" } },
    { "channel", { "events" } },
    { "instance", { "site", "host", "fqdn", "port", "instance name", "endpoint port" } },
    { "server", { "site", "fqdn", "active" } },
    { "site", { "fence", "mirror setup share" } },
};

static json_t *
attributes (struct sb_call *call, const char *kind, const char *name)
{
    json_t *root = json_object ();
    const char *value;
    size_t i, k;

    for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (k = 0; strcmp (kinds[i].kind, kind) == 0 && kinds[i].keys[k] != NULL; k++)
            if ((value = sb_attr (call, kind, name, kinds[i].keys[k])) != NULL)
                json_object_set_new (root, kinds[i].keys[k], json_string (value));
    return root;
}

/* The kind of a target is not told; its name is unique among those that can be one. */
static const char *
kind_of_target (struct sb_call *call, const char *name)
{
    static const char *const targets[] = { "instance", "server", "site" };
    const char *other;
    size_t i, k;

    for (i = 0; i < sizeof targets / sizeof *targets; i++)
        for (k = 0; (other = sb_object (call, targets[i], k)) != NULL; k++)
            if (strcmp (other, name) == 0)
                return targets[i];
    return "";
}

static void
add_attributes (struct sb_call *call, json_t *root)
{
    const char *role = sb_about (call, "role"), *on = sb_param (call, "on");

    json_object_set_new (root, "attributes",
                         attributes (call, strcmp (role, "notify") == 0 ? "channel" : role, sb_about (call, "object")));
    if (on != NULL)
        json_object_set_new (root, "on_attributes", attributes (call, kind_of_target (call, on), on));
}

static char *
request (struct bridge *b)
{
    struct sb_call *call = b->call;
    json_t *root = json_object (), *params = json_object ();
    static const char *const known[] = { "role", "verb", "object", "run", "step", NULL };
    const char *name, *secret = sb_setting (call, "secret"), *attempt = sb_about (call, "attempt");
    char *text;
    size_t i;

    for (i = 0; known[i] != NULL; i++)
        if ((name = sb_about (call, known[i])) != NULL)
            json_object_set_new (root, known[i], json_string (name));
    json_object_set_new (root, "op", json_string (b->op));
    if (sb_param (call, "on") != NULL)
        json_object_set_new (root, "on", json_string (sb_param (call, "on")));
    for (i = 0; (name = sb_param_name (call, i)) != NULL; i++)
        if (strcmp (name, "on") != 0)
            json_object_set_new (params, name, value_of (call, name));
    json_object_set_new (root, "params", params);
    add_attributes (call, root);
    json_object_set_new (root, "attempt", json_integer (attempt != NULL ? atoi (attempt) : 1));
    json_object_set_new (root, "drill", json_boolean (sb_about (call, "drill") != NULL));
    json_object_set_new (root, "deadline_ms", json_integer (sb_left_ms (call)));
    if (secret != NULL)
        json_object_set_new (root, "secret", json_string (secret));
    text = json_dumps (root, JSON_COMPACT);
    json_decref (root);
    return text;
}

/* The program itself must be beyond the reach of others, as a plugin must. */
static const char *
distrust (struct sb_call *call, const char *path)
{
    struct stat st;

    if (stat (path, &st) != 0)
        return sb_format (call, "the program '%s' cannot be used: %s", path, strerror (errno));
    if (!S_ISREG (st.st_mode) || access (path, X_OK) != 0)
        return sb_format (call, "'%s' is not a program that can be executed", path);
    if ((st.st_mode & 022) != 0 || (st.st_uid != 0 && st.st_uid != geteuid ()))
        return sb_format (call,
                          "the program '%s' can be changed by others (owner %u, mode %04o)\n"
                          "HINT: Give it to root or to the user of this run, without write permission for others.",
                          path, (unsigned) st.st_uid, (unsigned) (st.st_mode & 07777));
    return NULL;
}

/* NULL, or why not. */
static const char *
find_program (struct bridge *b)
{
    struct sb_call *call = b->call;
    const char *word;
    size_t i;

    for (i = 0; i < MAX_WORDS && (word = sb_item (call, "program", i)) != NULL; i++)
        b->argv[i] = word;
    if (i == 0 || i == MAX_WORDS)
        return sb_format (call, "[%s] program has %s", sb_about (call, "object"),
                          i == 0 ? "no word" : "too many words");
    if (*b->argv[0] != '/')
        b->argv[0] = sb_format (call, "%s/%s", sb_about (call, "base"), b->argv[0]);
    return distrust (call, b->argv[0]);
}

static void
pass_variable (struct bridge *b, size_t *n, const char *name)
{
    const char *value = getenv (name);

    if (value != NULL && *n < MAX_WORDS)
        b->env[(*n)++] = sb_format (b->call, "%s=%s", name, value);
}

static void
fill_env (struct bridge *b)
{
    static const char *const always[] = { "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", NULL };
    const char *name;
    size_t n = 0, i;

    for (i = 0; always[i] != NULL; i++)
        pass_variable (b, &n, always[i]);
    for (i = 0; (name = sb_item (b->call, "environment", i)) != NULL; i++)
        pass_variable (b, &n, name);
}

static void
log_line (void *ctx, const char *line)
{
    sb_log (ctx, SB_INFO, "%s", line);
}

/* ---- what comes back ------------------------------------------------------------------------------------ */

static const char *
result_text (struct sb_call *call, json_t *value)
{
    struct sb_buf b = { 0 };
    const char *copy;
    size_t i;

    if (json_is_string (value))
        return json_string_value (value);
    if (json_is_boolean (value))
        return json_is_true (value) ? "yes" : "no";
    if (json_is_integer (value))
        return sb_format (call, "%lld", (long long) json_integer_value (value));
    if (json_is_real (value))
        return sb_format (call, "%.17g", json_real_value (value));
    for (i = 0; i < json_array_size (value); i++)
        sb_buf_printf (&b, "%s%s", i == 0 ? "" : ", ", result_text (call, json_array_get (value, i)));
    copy = sb_format (call, "%s", sb_buf_cstr (&b));
    sb_buf_free (&b);
    return copy;
}

static void
take_results (struct bridge *b)
{
    json_t *value;
    const char *key;

    json_object_foreach (json_object_get (b->answer, "results"), key, value)
            sb_result (b->call, key, result_text (b->call, value));
}

static const char *
message_of (struct bridge *b, const char *otherwise)
{
    const char *message = json_string_value (json_object_get (b->answer, "message"));

    return message != NULL && *message != '\0' ? message : otherwise;
}

/* NULL: it ended by itself and gave an answer.  Else what went wrong, and in *ret_rc how much is in doubt. */
static const char *
trouble (struct bridge *b, enum sb_child_how how, int code, enum sb_rc *ret_rc)
{
    struct sb_call *call = b->call;
    const char *program = b->argv[0];
    json_error_t error;

    *ret_rc = SB_UNSURE;
    switch (how) {
    case SB_CHILD_NOT_STARTED:
        *ret_rc = SB_FAIL;
        return sb_format (call, "'%s' cannot be started: %s", program, strerror (code));
    case SB_CHILD_SIGNALLED:
        return sb_format (call, "'%s' was killed by signal %d (%s)", program, code, strsignal (code));
    case SB_CHILD_LATE:
        return sb_format (call, "'%s' did not end in its time and was killed", program);
    case SB_CHILD_TOO_MUCH:
        return sb_format (call, "'%s' wrote more than %u bytes and was killed", program, OUT_MAX);
    case SB_CHILD_STOPPED:
    case SB_CHILD_EXITED:
        break;
    }
    b->answer = json_loadb (b->out.s != NULL ? b->out.s : "", b->out.len, 0, &error);
    if (json_is_object (b->answer))
        return NULL;
    if (how == SB_CHILD_STOPPED)
        return sb_format (call, "'%s' was asked to stop and gave no answer", program);
    return sb_format (call, "'%s' ended with exit code %d and gave no JSON object: %s", program, code,
                      b->answer == NULL ? error.text : "it is of another type");
}

/* Runs the program; NULL: there is an answer. */
static const char *
ask (struct bridge *b, int *ret_code, enum sb_rc *ret_rc)
{
    int64_t left = sb_left_ms (b->call), limit = sb_number (b->call, "timeout");
    struct sb_child child = { .argv = b->argv,
                              .env = b->env,
                              .cwd = sb_about (b->call, "base"),
                              .limit = OUT_MAX,
                              .grace_ms = GRACE_MS,
                              .stop_fd = sb_stop_fd (b->call),
                              .err_line = log_line,
                              .ctx = b->call };
    const char *why = find_program (b);
    enum sb_child_how how;
    char *input;

    *ret_rc = SB_FAIL;
    if (why != NULL)
        return why;
    input = request (b);
    if (input == NULL)
        return "the request is not UTF-8";
    fill_env (b);
    child.input = input;
    child.input_len = strlen (input);
    child.deadline_ms = limit < left - 2 * GRACE_MS ? limit : left > 4 * GRACE_MS ? left - 2 * GRACE_MS : left / 2;
    how = sb_child_run (&child, &b->out, ret_code);
    explicit_bzero (input, strlen (input));
    free (input);
    return trouble (b, how, *ret_code, ret_rc);
}

static void
release (struct bridge *b)
{
    json_decref (b->answer);
    sb_buf_free (&b->out);
}

static enum sb_rc
judge_run (struct bridge *b, int code)
{
    struct sb_call *call = b->call;
    int rc = index_of (rcs, json_string_value (json_object_get (b->answer, "rc")));

    if (rc < 0)
        return sb_fail (call, SB_UNSURE, "'%s' gave an answer without a proper \"rc\"", b->argv[0]);
    if (rc == SB_OK && code != 0)
        return sb_fail (call, SB_UNSURE, "'%s' said ok and ended with exit code %d", b->argv[0], code);
    take_results (b);
    if (rc == SB_OK)
        return SB_OK;
    return sb_fail (call, (enum sb_rc) rc, "%s", message_of (b, sb_format (call, "'%s' gave no reason", b->argv[0])));
}

static enum sb_rc
run (struct sb_call *call, void *self)
{
    struct bridge b = { .call = call, .op = "run" };
    const char *why;
    enum sb_rc rc;
    int code = 0;

    (void) self;
    why = ask (&b, &code, &rc);
    rc = why != NULL ? sb_fail (call, rc, "%s", why) : judge_run (&b, code);
    release (&b);
    return rc;
}

static enum sb_seen
judge_verify (struct bridge *b)
{
    struct sb_call *call = b->call;
    int seen = index_of (seens, json_string_value (json_object_get (b->answer, "seen")));

    if (seen < 0) {
        sb_fail (call, SB_RETRY, "'%s' gave an answer without a proper \"seen\"", b->argv[0]);
        return SB_SEEN_UNKNOWN;
    }
    take_results (b);
    if (seen == SB_SEEN_UNKNOWN)
        sb_fail (call, SB_RETRY, "%s", message_of (b, sb_format (call, "'%s' does not know", b->argv[0])));
    return (enum sb_seen) seen;
}

static enum sb_seen
verify (struct sb_call *call, void *self)
{
    struct bridge b = { .call = call, .op = "verify" };
    enum sb_seen seen = SB_SEEN_UNKNOWN;
    const char *why;
    enum sb_rc rc;
    int code = 0;

    (void) self;
    why = ask (&b, &code, &rc);
    if (why == NULL && code != 0)
        why = sb_format (call, "'%s' ended with exit code %d", b.argv[0], code);
    if (why != NULL)
        sb_fail (call, rc, "%s", why);
    else
        seen = judge_verify (&b);
    release (&b);
    return seen;
}

static const struct sb_action actions[] = { { .verb = "*",
                                              .help = "whatever the program makes of the verb",
                                              .effect = SB_CHANGES,
                                              .timeout_ms = 300000,
                                              .run = run,
                                              .verify = verify },
                                            { .verb = NULL } };

SB_PLUGIN (command, .name = "command", .role = "*", .version = "0.1.0",
           .summary = "runs a site's own program, JSON in and out", .lanes = SB_PARALLEL, .settings = settings,
           .actions = actions);
