/* struct sb_host, worker side: what a plugin can ask for while it is called.
 * Each service is a few lines over the checked parameters and the topology;
 * see <switchback/plugin.h> for what is promised. */
#include "core/host/callimpl.h"

#include "core/base/text.h"
#include "core/host/secret.h"
#include "core/sys/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define PROGRESS_EVERY_MS 100

void
sb_call_defect (struct sb_call *c, const char *fmt, ...)
{
    va_list args;

    if (c->defect != NULL)
        return;
    va_start (args, fmt);
    c->defect = sb_arena_vprintf (&c->arena, fmt, args);
    va_end (args);
}

char *
sb_call_clean (struct sb_call *c, const char *text, size_t limit, bool lines)
{
    struct sb_buf b = { 0 };
    char *copy;

    sb_scrub_text (&c->scrub, text, limit, lines, &b);
    copy = sb_arena_strdup (&c->arena, sb_buf_cstr (&b));
    sb_buf_free (&b);
    return copy;
}

/* ---- values --------------------------------------------------------------------------------------------- */

static bool
target_exists (struct sb_call *c, const struct sb_option *o, const char *name)
{
    size_t i;

    for (i = 0; o->choices != NULL && o->choices[i] != NULL; i++)
        if (sb_topology_find (c->world->topology, o->choices[i], name) != NULL)
            return true;
    return o->choices == NULL;
}

const char *
sb_value_fault (struct sb_call *c, const struct sb_option *o, const char *value)
{
    int64_t number;
    bool flag;

    switch (o->type) {
    case SB_INT:
        return sb_parse_int (value, &number) ? NULL : "not a whole number";
    case SB_BOOL:
        return sb_parse_bool (value, &flag) ? NULL : "neither yes nor no";
    case SB_DURATION:
        return sb_parse_duration (value, &number) ? NULL : "not a duration such as 90s";
    case SB_CHOICE:
        return sb_list_has ((char *const *) o->choices, value) ? NULL : "not one of the choices";
    case SB_TARGET:
        return target_exists (c, o, value) ? NULL : "not an object of the topology";
    default:
        return NULL;
    }
}

static const struct sb_call_param *
given (struct sb_call *c, const char *name)
{
    size_t i;

    for (i = 0; i < c->ngiven; i++)
        if (strcmp (c->given[i].name, name) == 0)
            return &c->given[i];
    return NULL;
}

static const char *
written_attr (const struct sb_object *o, const char *key)
{
    const char *value = sb_object_attr (o, key);

    return value != NULL && *value != '\0' ? value : NULL;
}

/* ---- secrets -------------------------------------------------------------------------------------------- */

static const char *
resolve (struct sb_call *c, const char *reference)
{
    struct sb_faults faults = { 0 };
    struct sb_secret_item *item;
    size_t i;

    for (i = 0; i < c->nsecrets; i++)
        if (strcmp (c->secrets[i].reference, reference) == 0)
            return c->secrets[i].value;
    item = &SB_PUSH (c->secrets, c->nsecrets, c->secrets_cap);
    item->reference = sb_arena_strdup (&c->arena, reference);
    item->value = sb_secret_read (reference, c->world->base, c->deadline, &faults);
    if (item->value != NULL)
        sb_scrub_add (&c->scrub, item->value);
    else if (faults.count > 0 && faults.list[0].hint != NULL)
        c->trouble = sb_arena_printf (&c->arena, "%s\nHINT: %s", faults.list[0].text, faults.list[0].hint);
    else
        c->trouble = sb_arena_strdup (&c->arena, faults.count > 0 ? faults.list[0].text : "no reason given");
    sb_faults_free (&faults);
    return item->value;
}

static const char *
secret (struct sb_call *c, const char *kind, const char *name, const char *key)
{
    const struct sb_object *o = sb_topology_find (c->world->topology, kind, name);
    const char *reference = o != NULL ? written_attr (o, key) : NULL;

    return reference != NULL ? resolve (c, reference) : NULL;
}

/* ---- what is known -------------------------------------------------------------------------------------- */

static const char *
about (struct sb_call *c, const char *what)
{
    const struct sb_call_in *in = c->in;

    if (strcmp (what, "verb") == 0)
        return in->verb;
    if (strcmp (what, "role") == 0)
        return c->object->role;
    if (strcmp (what, "object") == 0)
        return in->object;
    if (strcmp (what, "run") == 0)
        return c->world->run;
    if (strcmp (what, "run dir") == 0)
        return c->world->run_dir;
    if (strcmp (what, "step") == 0)
        return in->step;
    if (strcmp (what, "attempt") == 0)
        return sb_arena_printf (&c->arena, "%u", in->attempt);
    if (strcmp (what, "session") == 0)
        return sb_arena_printf (&c->arena, "switchback/%s/%s", c->world->run, in->step != NULL ? in->step : in->verb);
    if (strcmp (what, "drill") == 0)
        return c->world->drill ? "yes" : NULL;
    if (strcmp (what, "base") == 0)
        return c->world->base;
    if (strcmp (what, "op") == 0)
        return in->op == SB_OP_VERIFY ? "verify" : "run";
    return NULL;
}

static const char *
setting (struct sb_call *c, const char *name)
{
    const struct sb_option *o = sb_option_find (c->world->plugin->settings, name);
    const char *value = o != NULL ? written_attr (c->object, name) : NULL;

    if (o == NULL)
        sb_call_defect (c, "it asked for the setting '%s', which it does not declare", name);
    if (value == NULL)
        return o != NULL ? o->fallback : NULL;
    return o->type == SB_SECRET ? resolve (c, value) : value;
}

static const char *
param (struct sb_call *c, const char *name)
{
    const struct sb_call_param *p = given (c, name);
    const struct sb_option *o = sb_option_find (c->params, name);

    if (p != NULL)
        return p->value;
    return o != NULL ? o->fallback : NULL;
}

/* Those that were given, then those with a fallback. */
static const char *
param_name (struct sb_call *c, size_t index)
{
    const struct sb_option *o;

    if (index < c->ngiven)
        return c->given[index].name;
    index -= c->ngiven;
    for (o = c->params; o != NULL && o->name != NULL; o++)
        if (o->fallback != NULL && given (c, o->name) == NULL && index-- == 0)
            return o->name;
    return NULL;
}

static const char *
nth_of_text (struct sb_call *c, const char *text, size_t index)
{
    size_t n = 0;
    char **list = text != NULL ? sb_split_list (&c->arena, text, &n) : NULL;

    return index < n ? list[index] : NULL;
}

static const char *
item (struct sb_call *c, const char *name, size_t index)
{
    const struct sb_call_param *p = given (c, name);
    const struct sb_option *o;
    size_t i;

    if (p != NULL && p->items != NULL) {
        for (i = 0; i < index && p->items[i] != NULL; i++)
            ;
        return p->items[i];
    }
    if (p != NULL)
        return nth_of_text (c, p->value, index);
    if ((o = sb_option_find (c->params, name)) != NULL)
        return nth_of_text (c, o->fallback, index);
    return nth_of_text (c, setting (c, name), index);
}

static const char *
object (struct sb_call *c, const char *kind, size_t index)
{
    const struct sb_object *o = sb_topology_nth (c->world->topology, kind, index);

    return o != NULL ? o->name : NULL;
}

static const char *
attr (struct sb_call *c, const char *kind, const char *name, const char *key)
{
    const struct sb_object *o = name != NULL ? sb_topology_find (c->world->topology, kind, name) : NULL;

    return o != NULL ? written_attr (o, key) : NULL;
}

static int64_t
number (struct sb_call *c, const char *name)
{
    const struct sb_option *o = sb_option_find (c->params, name);
    const char *text = o != NULL || given (c, name) != NULL ? param (c, name) : setting (c, name);
    int64_t value = 0;
    bool flag;

    if (o == NULL)
        o = sb_option_find (c->world->plugin->settings, name);
    if (text == NULL)
        return 0;
    if (o != NULL && o->type == SB_DURATION)
        return sb_parse_duration (text, &value) ? value : 0;
    if (o != NULL && o->type == SB_BOOL)
        return sb_parse_bool (text, &flag) && flag;
    return sb_parse_int (text, &value) ? value : 0;
}

/* ---- what the plugin says ------------------------------------------------------------------------------- */

static void
result (struct sb_call *c, const char *key, const char *value)
{
    const struct sb_option *o = sb_option_find (c->results, key);
    struct sb_lane_result *r = NULL;
    const char *fault;
    size_t i;

    if (c->results != NULL && o == NULL && strcmp (c->action->verb, "*") == 0) {
        /* It comes from a site's program behind the plugin; the plugin cannot know which results the verb has. */
        sb_log (c, SB_WARNING, "the result '%.100s' is none of %s.%s and is left out", key, c->object->role,
                c->in->verb);
        return;
    }
    if (c->results != NULL && o == NULL) {
        sb_call_defect (c, "it set the result '%s', which it does not declare", key);
        return;
    }
    if (value == NULL)
        value = "";
    if (o != NULL && *value != '\0' && o->type != SB_TARGET && (fault = sb_value_fault (c, o, value)) != NULL) {
        sb_call_defect (c, "it set the result '%s' to '%.100s', which is %s", key, value, fault);
        return;
    }
    c->results_bytes += strlen (value);
    if (strlen (value) > SB_RESULT_MAX || c->results_bytes > SB_RESULTS_MAX) {
        sb_call_defect (c, "its result '%s' is too long (%zu bytes)", key, strlen (value));
        return;
    }
    for (i = 0; i < c->out->nresults; i++)
        if (strcmp (c->out->results[i].name, key) == 0)
            r = &c->out->results[i];
    if (r == NULL) {
        r = &SB_PUSH (c->out->results, c->out->nresults, c->out->cap);
        r->name = sb_arena_strdup (&c->arena, key);
    }
    r->value = sb_call_clean (c, value, SB_RESULT_MAX, true);
}

static void
progress (struct sb_call *c, unsigned percent, const char *what)
{
    int64_t now = sb_mono_ms ();

    if (now - c->progress_at < PROGRESS_EVERY_MS && percent != 100)
        return;
    c->progress_at = now;
    c->world->progress (c->world->ctx, c->in->id, percent,
                        sb_call_clean (c, what != NULL ? what : "", SB_WHAT_MAX, false));
}

SB_PRINTF (3, 0)
static void
log_line (struct sb_call *c, enum sb_level level, const char *fmt, va_list args)
{
    char *text;

    if (++c->log_lines > SB_LOG_LINES)
        return;
    if ((unsigned) level > SB_WARNING)
        level = SB_WARNING;
    text = sb_arena_vprintf (&c->arena, fmt, args);
    if (c->log_lines == SB_LOG_LINES)
        text = sb_arena_strdup (&c->arena, "the plugin says too much; the rest of this call is left out");
    c->world->log (c->world->ctx, c->in->id, level, sb_call_clean (c, text, SB_LOG_MAX, false));
}

SB_PRINTF (3, 0)
static enum sb_rc
fail (struct sb_call *c, enum sb_rc rc, const char *fmt, va_list args)
{
    char *text = sb_arena_vprintf (&c->arena, fmt, args), *sentence;

    c->failed = true;
    if (c->trouble != NULL)
        text = sb_arena_printf (&c->arena, "%s: %s", text, c->trouble);
    sentence = sb_call_clean (c, text, SB_SENTENCE_MAX, true);
    c->out->sentence = sentence;
    return rc;
}

/* ---- time and memory ------------------------------------------------------------------------------------ */

static int64_t
left_ms (struct sb_call *c)
{
    int64_t left = c->deadline - sb_mono_ms ();

    return left > 0 ? left : 0;
}

static int
stop_fd (struct sb_call *c)
{
    return c->world->stop_fd;
}

static int
pause_ms (struct sb_call *c, int64_t ms)
{
    struct pollfd p = { .fd = c->world->stop_fd, .events = POLLIN };
    int64_t until = sb_mono_ms () + (ms > 0 ? ms : 0), left;

    if (until > c->deadline)
        until = c->deadline;
    do {
        left = until - sb_mono_ms ();
        if (left < 0)
            left = 0;
        if (poll (&p, 1, left > 60000 ? 60000 : (int) left) > 0)
            return 1;
    } while (left > 0);
    return sb_mono_ms () >= c->deadline;
}

static void *
alloc (struct sb_call *c, size_t size)
{
    return sb_arena_alloc (&c->arena, size);
}

SB_PRINTF (2, 0)
static char *
format (struct sb_call *c, const char *fmt, va_list args)
{
    return sb_arena_vprintf (&c->arena, fmt, args);
}

const struct sb_host sb_services = {
    .size = sizeof (struct sb_host),
    .about = about,
    .setting = setting,
    .param = param,
    .item = item,
    .object = object,
    .attr = attr,
    .secret = secret,
    .number = number,
    .result = result,
    .progress = progress,
    .log = log_line,
    .fail = fail,
    .left_ms = left_ms,
    .stop_fd = stop_fd,
    .pause = pause_ms,
    .alloc = alloc,
    .format = format,
    .param_name = param_name,
};
