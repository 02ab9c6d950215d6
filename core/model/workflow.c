/* Reading a workflow: which sections and keys there are, and how each value is
 * written.  What a step means (is there such a verb, is something before it)
 * is asked by lint.c; nothing is resolved here. */
#include "core/model/workflow.h"

#include "core/base/buf.h"
#include "core/base/ini.h"
#include "core/base/map.h"
#include "core/base/text.h"
#include "core/model/workflow_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 64 * 1024 * 1024 };

enum section { IN_NOTHING = 0, IN_WORKFLOW, IN_PARAMS, IN_GATE, IN_STEP };

struct reader {
    struct sb_workflow *w;
    struct sb_faults *faults;
    enum section in;
    struct sb_map seen; /* "gate NAME", "step NAME" */
};

#define STEP(r) (&(r)->w->steps[(r)->w->count - 1])
#define GATE(r) (&(r)->w->gates[(r)->w->ngates - 1])

typedef void (*set_fn) (struct reader *r, const char *key, const char *value, int line);

struct key {
    const char *name;
    set_fn set;
};

static char *
keep (struct reader *r, const char *text)
{
    return sb_arena_strdup (&r->w->arena, text);
}

static void
bad (struct reader *r, int line, const char *key, const char *value, const char *why)
{
    sb_fault (r->faults, r->w->file, line, "%s = %s %s", key, value, why);
}

static void
set_duration (struct reader *r, const char *key, const char *value, int line, int64_t *to)
{
    if (!sb_parse_duration (value, to) || *to <= 0)
        bad (r, line, key, value, "is not a duration such as 250ms, 90s, 5m or 2h");
}

static void
set_flag (struct reader *r, const char *key, const char *value, int line, bool *to)
{
    if (!sb_parse_bool (value, to))
        bad (r, line, key, value, "is neither yes nor no");
}

/* The index of `value` in `words`; -1 with a fault. */
static int
choose (struct reader *r, const char *key, const char *value, int line, const char *const *words)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf all = { 0 };
    size_t n;

    for (n = 0; words[n] != NULL; n++) {
        if (strcmp (words[n], value) == 0)
            return (int) n;
        sb_buf_printf (&all, "%s%s", n ? ", " : "", words[n]);
    }
    sb_fault (r->faults, r->w->file, line, "%s = %s is not %s%s", key, value, n > 1 ? "one of " : "",
              sb_buf_cstr (&all));
    return -1;
}

/* ---- [workflow NAME] ---- */

static void
set_title (struct reader *r, const char *key, const char *value, int line)
{
    (void) key, (void) line;
    if (r->in == IN_WORKFLOW)
        r->w->title = keep (r, value);
    else if (r->in == IN_GATE)
        GATE (r)->title = keep (r, value);
    else
        STEP (r)->title = keep (r, value);
}

static void
set_help (struct reader *r, const char *key, const char *value, int line)
{
    (void) key, (void) line;
    r->w->help = keep (r, value);
}

static void
set_needs (struct reader *r, const char *key, const char *value, int line)
{
    r->w->needs_approval = choose (r, key, value, line, (const char *const[]){ "approval", NULL }) == 0;
}

static void
set_leaves (struct reader *r, const char *key, const char *value, int line)
{
    (void) key;
    r->w->leaves = keep (r, value);
    r->w->leaves_line = line;
}

static void
set_kind (struct reader *r, const char *key, const char *value, int line)
{
    r->w->checks = choose (r, key, value, line, (const char *const[]){ "procedure", "check", NULL }) == 1;
}

static const struct key workflow_keys[] = {
    { "title", set_title },   { "help", set_help }, { "needs", set_needs },
    { "leaves", set_leaves }, { "kind", set_kind }, { NULL, NULL },
};

/* ---- [gate NAME] ---- */

static void
set_ask (struct reader *r, const char *key, const char *value, int line)
{
    (void) key, (void) line;
    GATE (r)->ask = keep (r, value);
}

static void
set_when (struct reader *r, const char *key, const char *value, int line)
{
    (void) key, (void) line;
    GATE (r)->when = keep (r, value);
}

static void
set_named (struct reader *r, const char *key, const char *value, int line)
{
    set_flag (r, key, value, line, &GATE (r)->named);
}

static void
set_refuse (struct reader *r, const char *key, const char *value, int line)
{
    set_flag (r, key, value, line, &GATE (r)->refuse);
}

static void
set_expires (struct reader *r, const char *key, const char *value, int line)
{
    set_duration (r, key, value, line, &GATE (r)->expires_ms);
}

static void
set_persons (struct reader *r, const char *key, const char *value, int line)
{
    GATE (r)->persons = choose (r, key, value, line, (const char *const[]){ "1", "2", NULL }) == 1 ? 2 : 0;
}

static const struct key gate_keys[] = {
    { "title", set_title },   { "ask", set_ask },         { "when", set_when },       { "named", set_named },
    { "refuse", set_refuse }, { "expires", set_expires }, { "persons", set_persons }, { NULL, NULL },
};

/* ---- [step NAME] ---- */

static void
set_action (struct reader *r, const char *key, const char *value, int line)
{
    const char *dot = strchr (value, '.');

    if (dot == NULL || dot == value || dot[1] == '\0' || strchr (dot + 1, '.') != NULL
        || strpbrk (value, " \t$") != NULL) {
        bad (r, line, key, value, "is not ROLE.VERB");
        sb_fault_hint (r->faults, "For example database.recover; 'switchback plugin list --contracts' shows all.");
        return;
    }
    STEP (r)->role = sb_arena_strndup (&r->w->arena, value, (size_t) (dot - value));
    STEP (r)->verb = keep (r, dot + 1);
}

static void
set_each (struct reader *r, const char *key, const char *value, int line)
{
    (void) key, (void) line;
    STEP (r)->each = keep (r, value);
}

static void
set_by (struct reader *r, const char *key, const char *value, int line)
{
    (void) key, (void) line;
    STEP (r)->by = keep (r, value);
}

static void
set_on (struct reader *r, const char *key, const char *value, int line)
{
    (void) key, (void) line;
    STEP (r)->on = keep (r, value);
}

static void
set_after (struct reader *r, const char *key, const char *value, int line)
{
    size_t n;
    char **names = sb_split_list (&r->w->arena, value, &n);

    STEP (r)->after = (const char **) names;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i && n < 1000; j++)
            if (strcmp (names[i], names[j]) == 0) {
                sb_fault (r->faults, r->w->file, line, "%s names '%s' twice", key, names[i]);
                return;
            }
}

static void
set_gate (struct reader *r, const char *key, const char *value, int line)
{
    (void) key, (void) line;
    STEP (r)->gate = keep (r, value);
}

/* "STEP within DURATION, ..." */
static void
set_proof (struct reader *r, const char *key, const char *value, int line)
{
    struct sb_wf_step *s = STEP (r);
    size_t n;
    char **items = sb_split_list (&r->w->arena, value, &n);

    for (size_t i = 0; i < n; i++) {
        struct sb_wf_proof proof = { 0 };
        char *within = strstr (items[i], " within ");

        if (within == NULL || !sb_parse_duration (sb_trim (within + 8), &proof.within_ms)) {
            bad (r, line, key, items[i], "is not STEP within DURATION");
            sb_fault_hint (r->faults, "For example: proof = isolate within 60s");
            continue;
        }
        *within = '\0';
        proof.step = sb_trim (items[i]);
        SB_PUSH (s->proofs, s->nproofs, s->proofs_cap) = proof;
    }
}

static void
set_dark (struct reader *r, const char *key, const char *value, int line)
{
    int n = choose (r, key, value, line, (const char *const[]){ "hold", "owe", "skip", NULL });

    STEP (r)->if_dark = n < 0 ? SB_DARK_HOLD : (enum sb_dark) n;
}

/* "VERB", "ROLE.VERB" of the step's own role, "not needed", "none" */
static void
set_undo (struct reader *r, const char *key, const char *value, int line)
{
    struct sb_wf_step *s = STEP (r);

    if (strcmp (value, "not needed") == 0)
        s->undo = SB_UNDO_NOT_NEEDED;
    else if (strcmp (value, "none") == 0)
        s->undo = SB_UNDO_NONE;
    else if (strpbrk (value, " \t$") != NULL)
        bad (r, line, key, value, "is neither a verb nor 'not needed' nor 'none'");
    else {
        s->undo = SB_UNDO_VERB;
        s->undo_verb = keep (r, value);
    }
}

/* "N every DURATION", "no" */
static void
set_retry (struct reader *r, const char *key, const char *value, int line)
{
    struct sb_wf_step *s = STEP (r);
    SB_AUTOFREE char *copy = sb_xstrdup (value);
    char *every = strstr (copy, " every ");
    int64_t n;

    if (strcmp (value, "no") == 0)
        return;
    if (every != NULL)
        *every = '\0';
    if (every != NULL && sb_parse_int (sb_trim (copy), &n) && n >= 0 && n <= SB_MAX_RETRIES
        && sb_parse_duration (sb_trim (every + 7), &s->retry_ms)) {
        s->retries = (int) n;
        return;
    }
    bad (r, line, key, value, "is not 'N every DURATION'");
    sb_fault_hint (r->faults, "For example: retry = 3 every 10s; at most %d times.", SB_MAX_RETRIES);
}

static void
set_timeout (struct reader *r, const char *key, const char *value, int line)
{
    set_duration (r, key, value, line, &STEP (r)->timeout_ms);
}

static void
set_settle (struct reader *r, const char *key, const char *value, int line)
{
    set_duration (r, key, value, line, &STEP (r)->settle_ms);
}

static void
set_optional (struct reader *r, const char *key, const char *value, int line)
{
    set_flag (r, key, value, line, &STEP (r)->optional);
}

static const struct key step_keys[] = {
    { "title", set_title },   { "action", set_action },     { "for each", set_each }, { "by", set_by },
    { "on", set_on },         { "after", set_after },       { "gate", set_gate },     { "proof", set_proof },
    { "if dark", set_dark },  { "undo", set_undo },         { "retry", set_retry },   { "timeout", set_timeout },
    { "settle", set_settle }, { "optional", set_optional }, { NULL, NULL },
};

static void
add_param (struct reader *r, const char *key, const char *value, int line)
{
    struct sb_wf_step *s = STEP (r);

    if (strncmp (key, "undo ", 5) == 0)
        SB_PUSH (s->undo_params, s->nundo, s->undo_cap) =
                (struct sb_pair){ keep (r, key + 5 + strspn (key + 5, " ")), keep (r, value), line };
    else
        SB_PUSH (s->params, s->nparams, s->params_cap) = (struct sb_pair){ keep (r, key), keep (r, value), line };
}

/* ---- sections ---- */

static bool
is_name (const char *s)
{
    if (*s == '\0')
        return false;
    for (; *s; s++)
        if (!isalnum ((unsigned char) *s) && *s != '-' && *s != '_')
            return false;
    return true;
}

static void
begin_workflow (struct reader *r, const char *name, int line)
{
    if (r->w->name != NULL) {
        sb_fault (r->faults, r->w->file, line, "a second workflow '%s'; this file is already '%s'", name, r->w->name);
        return;
    }
    r->w->name = keep (r, name);
    r->in = IN_WORKFLOW;
}

static void
begin_gate (struct reader *r, const char *name, int line)
{
    SB_PUSH (r->w->gates, r->w->ngates, r->w->gates_cap) = (struct sb_wf_gate){ .name = keep (r, name), .line = line };
    r->in = IN_GATE;
}

static void
begin_step (struct reader *r, const char *name, int line)
{
    static const char *nothing[] = { NULL };

    SB_PUSH (r->w->steps, r->w->count, r->w->cap) =
            (struct sb_wf_step){ .name = keep (r, name), .after = nothing, .line = line };
    r->in = IN_STEP;
}

static void
begin_section (struct reader *r, const char *section, int line)
{
    static const struct {
        const char *kind;
        void (*begin) (struct reader *r, const char *name, int line);
    } kinds[] = { { "workflow", begin_workflow }, { "gate", begin_gate }, { "step", begin_step } };
    static const char *const words[] = { "workflow", "params", "gate", "step" };
    SB_AUTOFREE char *kind = sb_xstrdup (section);
    char *name = kind + strcspn (kind, " \t");
    SB_AUTOFREE char *id = NULL;
    const char *near;

    if (*name != '\0')
        *name++ = '\0';
    name = sb_trim (name);
    id = sb_xprintf ("%s %s", kind, name);
    r->in = IN_NOTHING;
    if (sb_map_get (&r->seen, id) != NULL) {
        sb_fault (r->faults, r->w->file, line, "%s '%s' appears a second time", kind, name);
        return;
    }
    sb_map_set (&r->seen, id, r->w);
    if (strcmp (kind, "params") == 0 && *name == '\0') {
        r->in = IN_PARAMS;
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp (kind, kinds[i].kind) == 0) {
            if (is_name (name)) {
                kinds[i].begin (r, name, line);
                return;
            }
            sb_fault (r->faults, r->w->file, line, "'%s' is not a name for a %s", name, kind);
            sb_fault_hint (r->faults, "Write [%s NAME]; a name has letters, digits, '-' and '_'.", kind);
            return;
        }
    near = sb_nearest (kind, words, sizeof words / sizeof *words);
    sb_fault (r->faults, r->w->file, line, "a workflow has no section [%s]", section);
    if (near != NULL)
        sb_fault_hint (r->faults, "Did you mean [%s%s%s]?", near, *name ? " " : "", name);
}

/* ---- lines ---- */

static bool
set_known (struct reader *r, const struct key *keys, const char *key, const char *value, int line)
{
    for (; keys->name != NULL; keys++)
        if (strcmp (keys->name, key) == 0) {
            keys->set (r, key, value, line);
            return true;
        }
    return false;
}

static void
unknown_key (struct reader *r, const struct key *keys, const char *what, const char *key, int line)
{
    const char *words[32];
    const char *near;
    size_t n = 0;

    for (; keys->name != NULL && n < 32; keys++)
        words[n++] = keys->name;
    near = sb_nearest (key, words, n);
    sb_fault (r->faults, r->w->file, line, "a %s has no key '%s'", what, key);
    if (near != NULL)
        sb_fault_hint (r->faults, "Did you mean '%s'?", near);
}

static void
step_line (struct reader *r, const char *key, const char *value, int line)
{
    struct sb_wf_step *s = STEP (r);

    SB_PUSH (s->written, s->nwritten, s->written_cap) = (struct sb_pair){ keep (r, key), keep (r, value), line };
    if (set_known (r, step_keys, key, value, line))
        return;
    add_param (r, key, value, line);
}

static void
gate_line (struct reader *r, const char *key, const char *value, int line)
{
    struct sb_wf_gate *g = GATE (r);

    SB_PUSH (g->written, g->nwritten, g->written_cap) = (struct sb_pair){ keep (r, key), keep (r, value), line };
    if (!set_known (r, gate_keys, key, value, line))
        unknown_key (r, gate_keys, "gate", key, line);
}

static void
on_line (void *ctx, const char *section, const char *key, const char *value, int line)
{
    struct reader *r = ctx;

    if (key == NULL)
        begin_section (r, section, line);
    else if (*section == '\0')
        sb_fault (r->faults, r->w->file, line, "'%s' stands before the first section", key);
    else if (*value == '\0' && r->in != IN_NOTHING && r->in != IN_PARAMS)
        sb_fault (r->faults, r->w->file, line, "'%s' has no value", key);
    else if (r->in == IN_PARAMS)
        SB_PUSH (r->w->params, r->w->nparams, r->w->params_cap) =
                (struct sb_pair){ keep (r, key), keep (r, value), line };
    else if (r->in == IN_GATE)
        gate_line (r, key, value, line);
    else if (r->in == IN_STEP)
        step_line (r, key, value, line);
    else if (r->in == IN_WORKFLOW && !set_known (r, workflow_keys, key, value, line))
        unknown_key (r, workflow_keys, "workflow", key, line);
}

int
sb_written_line (const struct sb_pair *written, size_t n, const char *key, int otherwise)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp (written[i].key, key) == 0)
            return written[i].line;
    return otherwise;
}

/* "undo = database.release" and "undo = release" are the same. */
static void
strip_undo_role (struct sb_workflow *w, struct sb_wf_step *s, struct sb_faults *faults)
{
    const char *dot = s->undo_verb ? strchr (s->undo_verb, '.') : NULL;
    size_t n = dot ? (size_t) (dot - s->undo_verb) : 0;

    if (dot == NULL || s->role == NULL)
        return;
    if (strlen (s->role) != n || strncmp (s->role, s->undo_verb, n) != 0) {
        sb_fault (faults, w->file, sb_written_line (s->written, s->nwritten, "undo", s->line),
                  "step '%s': undo = %s is of another role than its action %s.%s", s->name, s->undo_verb, s->role,
                  s->verb);
        sb_fault_hint (faults, "What a %s did, a %s takes back.", s->role, s->role);
    }
    s->undo_verb = dot + 1;
}

/* `needs = approval`: one question before everything else, so that nothing is touched before somebody agreed.  A workflow
 * that has a step or gate called "start" asks in its own way. */
static void
add_start (struct sb_workflow *w)
{
    const char **after = sb_arena_alloc (&w->arena, 2 * sizeof *after),
               **none = sb_arena_alloc (&w->arena, sizeof *none);
    struct sb_wf_step first = { .name = "start", .title = "Begin", .gate = "start", .after = none };

    for (size_t i = 0; i < w->count; i++)
        if (strcmp (w->steps[i].name, "start") == 0)
            return;
    for (size_t i = 0; i < w->ngates; i++)
        if (strcmp (w->gates[i].name, "start") == 0)
            return;
    after[0] = "start";
    for (size_t i = 0; i < w->count; i++)
        if (w->steps[i].after == NULL || w->steps[i].after[0] == NULL)
            w->steps[i].after = after;
    SB_PUSH (w->gates, w->ngates, w->gates_cap) = (struct sb_wf_gate){
        .name = "start", .title = "Begin", .ask = sb_arena_printf (&w->arena, "%s?", w->title)
    };
    (void) SB_PUSH (w->steps, w->count, w->cap);
    memmove (w->steps + 1, w->steps, (w->count - 1) * sizeof *w->steps);
    w->steps[0] = first;
}

bool
sb_workflow_parse (struct sb_workflow *w, const char *file, const char *text, size_t len, struct sb_faults *faults)
{
    struct reader r = { .w = w, .faults = faults };
    size_t before = faults->count;

    w->file = sb_arena_strdup (&w->arena, file);
    if (len > MAX_BYTES) {
        sb_fault (faults, w->file, 0, "a workflow of %zu bytes; at most %d are possible", len, (int) MAX_BYTES);
        return false;
    }
    sb_ini_parse (w->file, text, len, on_line, &r, faults);
    sb_map_free (&r.seen);
    if (w->name == NULL) {
        sb_fault (faults, w->file, 0, "there is no workflow in this file");
        sb_fault_hint (faults, "A workflow begins with [workflow NAME].");
    } else if (w->count == 0) {
        sb_fault (faults, w->file, 0, "workflow '%s' has no step", w->name);
    }
    if (w->title == NULL)
        w->title = w->name;
    for (size_t i = 0; i < w->count; i++) {
        if (w->steps[i].title == NULL)
            w->steps[i].title = w->steps[i].name;
        strip_undo_role (w, &w->steps[i], faults);
    }
    for (size_t i = 0; i < w->ngates; i++)
        if (w->gates[i].title == NULL)
            w->gates[i].title = w->gates[i].name;
    if (w->needs_approval && faults->count == before)
        add_start (w);
    sb_faults_sort (faults, before);
    return faults->count == before;
}

void
sb_workflow_release (struct sb_workflow *w)
{
    for (size_t i = 0; i < w->count; i++) {
        free (w->steps[i].proofs);
        free (w->steps[i].params);
        free (w->steps[i].undo_params);
        free (w->steps[i].written);
    }
    for (size_t i = 0; i < w->ngates; i++)
        free (w->gates[i].written);
    free (w->steps);
    free (w->gates);
    free (w->params);
    sb_arena_release (&w->arena);
    *w = (struct sb_workflow){ 0 };
}
