/* The live view: records as they are decided, in words. */
#include "cli/live.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* How a kind of record is shown; kinds that are not here are not shown. */
static const struct shown {
    enum sb_record_kind kind;
    const char *mark, *color;
} shown[] = {
    { SB_REC_ADOPTED, "already", "\033[2m" },   { SB_REC_INTENT, "begin", "" },
    { SB_REC_DONE, "done", "\033[32m" },        { SB_REC_FAILED, "FAILED", "\033[31m" },
    { SB_REC_HELD, "HELD", "\033[31m" },        { SB_REC_OWED, "owed", "\033[33m" },
    { SB_REC_SKIPPED, "skipped", "\033[33m" },  { SB_REC_UNDO_BEGIN, "undo", "\033[33m" },
    { SB_REC_UNDO_INTENT, "undoing", "" },      { SB_REC_UNDONE, "undone", "\033[33m" },
    { SB_REC_UNDO_LEFT, "left", "\033[2m" },    { SB_REC_UNDO_HELD, "HELD", "\033[31m" },
    { SB_REC_GATE_OPEN, "gate", "\033[1m" },    { SB_REC_GATE_ANSWER, "answer", "\033[1m" },
    { SB_REC_DARK, "dark", "\033[33m" },        { SB_REC_LIGHT, "light", "\033[32m" },
    { SB_REC_REFUSED, "refused", "\033[31m" },  { SB_REC_ABORT, "abort", "\033[31m" },
    { SB_REC_RUN_RESUME, "resume", "\033[1m" }, { SB_REC_PERSON, "person", "\033[1m" },
    { SB_REC_GATE_FIRST, "agreed", "\033[1m" }, { SB_REC_GATE_GLASS, "GLASS", "\033[31m" },
    { SB_REC_OPERATOR, "hands", "\033[1m" },    { SB_REC_TAKEN_OVER, "TAKEN", "\033[31m" },
};

static const struct shown *
find_shown (enum sb_record_kind kind)
{
    size_t i;

    for (i = 0; i < sizeof shown / sizeof *shown; i++)
        if (shown[i].kind == kind)
            return &shown[i];
    return NULL;
}

static void
print_time (const struct live *v, const struct sb_run *run)
{
    int64_t ms = sb_run_now (run) - v->began_ms;

    fprintf (stderr, "%s%3lld.%lld  ", v->drill ? "DRILL " : "", (long long) (ms / 1000),
             (long long) (ms % 1000 / 100));
}

/* What a person did: the word, who, and the reason. */
static void
print_person (const struct sb_engine_record *r, const char *body)
{
    json_t *json = body == NULL ? NULL : json_loads (body, 0, NULL), *by = json_object_get (json, "by");
    const char *wish = json_string_value (json_object_get (json, "wish"));
    const char *name = json_string_value (json_object_get (by, "name"));
    const char *reason = json_string_value (json_object_get (by, "reason"));
    const char *to = json_string_value (json_object_get (json_object_get (json, "to"), "name"));

    fprintf (stderr, ": %s%s%s%s", wish == NULL ? sb_record_words[r->kind].text : wish, name == NULL ? "" : ", ",
             name == NULL ? "" : name, r->accepted ? "" : " (refused)");
    if (to != NULL)
        fprintf (stderr, ", to %s", to);
    if (reason != NULL)
        fprintf (stderr, ": %s", reason);
    if (r->kind == SB_REC_GATE_FIRST)
        fputs ("; a second person is needed", stderr);
    if (!r->accepted && r->why != SB_WHY_NONE)
        fprintf (stderr, ": %s", sb_reason_texts[r->why]);
    json_decref (json);
}

static bool
is_persons (enum sb_record_kind kind)
{
    return kind == SB_REC_PERSON || kind == SB_REC_GATE_FIRST || kind == SB_REC_GATE_GLASS || kind == SB_REC_OPERATOR
           || kind == SB_REC_TAKEN_OVER;
}

/* "sentence" of a record, else its reason in words. */
static void
print_why (const struct sb_engine_record *r, const char *body)
{
    json_t *json = body == NULL ? NULL : json_loads (body, 0, NULL);
    const char *sentence = json_string_value (json_object_get (json, "sentence"));
    const char *hint;

    if (sentence != NULL && sentence[0] != 0) {
        hint = strstr (sentence, "\nHINT: ");
        fprintf (stderr, ": %.*s", hint == NULL ? (int) strlen (sentence) : (int) (hint - sentence), sentence);
        if (hint != NULL && r->kind != SB_REC_OWED && r->kind != SB_REC_SKIPPED) /* nothing to do about those now */
            fprintf (stderr, "\n                %s", hint + 1);
    } else if (r->why != SB_WHY_NONE) {
        fprintf (stderr, ": %s", sb_reason_texts[r->why]);
    }
    json_decref (json);
}

static bool
tells_why (enum sb_record_kind kind)
{
    return kind == SB_REC_FAILED || kind == SB_REC_HELD || kind == SB_REC_OWED || kind == SB_REC_SKIPPED
           || kind == SB_REC_UNDO_HELD || kind == SB_REC_REFUSED || kind == SB_REC_UNDO_BEGIN;
}

/* The forecast made again with what has come: what is at rest needs nothing more, what runs needs the rest of its time. */
static int64_t
left_of (const struct live *v, const struct sb_run *run, uint32_t done)
{
    const struct sb_plan *p = sb_run_plan (run);
    int64_t *ms = sb_xcalloc (p->count + 1, sizeof *ms), left;
    uint32_t i;

    for (i = 0; i < p->count; i++) {
        const struct sb_engine_step *s = &sb_engine_steps (sb_run_engine (run))[i];
        int64_t gone = s->phase == SB_PHASE_RUNNING ? sb_run_now (run) - s->asked_at : 0,
                all = v->forecast->past[i].median_ms;

        if (i != done && s->phase < SB_PHASE_DONE && all > gone)
            ms[i] = all - gone;
    }
    left = sb_forecast (p, ms, NULL, NULL);
    free (ms);
    return left;
}

/* Told when it has changed by a second or more, at the end of the line. */
static void
print_left (struct live *v, const struct sb_run *run, uint32_t done)
{
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    int64_t left;

    /* at most once a second: it looks at every step of the plan */
    if (v->forecast == NULL || v->forecast->known == 0 || sb_run_now (run) - v->told_at_ms < 1000)
        return;
    v->told_at_ms = sb_run_now (run);
    left = left_of (v, run, done);
    if (left / 1000 == v->told_left_ms / 1000)
        return;
    v->told_left_ms = left;
    sb_format_duration (&text, left / 1000 * 1000);
    fprintf (stderr, "  (about %s left)", sb_buf_cstr (&text));
}

static void
on_record (void *ctx, struct sb_run *run, const struct sb_engine_record *r, const char *body)
{
    struct live *v = ctx;
    const struct shown *s = find_shown (r->kind);
    const struct sb_plan *p = sb_run_plan (run);

    if (s == NULL)
        return;
    print_time (v, run);
    fprintf (stderr, "%s%-8s%s ", v->color ? s->color : "", s->mark, v->color ? "\033[0m" : "");
    if (r->step != SB_NO_STEP)
        fputs (p->steps[r->step].title, stderr);
    else if (r->kind == SB_REC_DARK || r->kind == SB_REC_LIGHT)
        fprintf (stderr, "site %s %s", p->sites[r->value], r->kind == SB_REC_DARK ? "is dark" : "answers");
    else
        fputs (p->title, stderr);
    if (is_persons (r->kind))
        print_person (r, body);
    if (tells_why (r->kind))
        print_why (r, body);
    if (r->kind == SB_REC_REFUSED && r->step != SB_NO_STEP && p->steps[r->step].gate != SB_NO_GATE)
        fprintf (stderr, "\n                HINT: To go on all the same, agree to it by name: --approve %s.",
                 p->gates[p->steps[r->step].gate].base);
    if (r->kind == SB_REC_DONE || r->kind == SB_REC_ADOPTED)
        print_left (v, run, r->step);
    fputc ('\n', stderr);
}

static void
on_log (void *ctx, struct sb_run *run, uint32_t step, enum sb_level level, const char *text)
{
    struct live *v = ctx;

    if (level < SB_WARNING)
        return;
    print_time (v, run);
    fprintf (stderr, "warning  %s%s%s\n", step == SB_NO_STEP ? "" : sb_run_plan (run)->steps[step].name,
             step == SB_NO_STEP ? "" : ": ", text);
}

static enum sb_gate_answer
on_gate (void *ctx, struct sb_run *run, uint32_t step, const char *question)
{
    struct live *v = ctx;
    const struct sb_plan *p = sb_run_plan (run);
    uint32_t gate = p->steps[step].gate;

    print_time (v, run);
    fprintf (stderr, "%sgate %s%s: %s\n", v->color ? "\033[1m" : "", p->gates[gate].name, v->color ? "\033[0m" : "",
             question);
    return SB_GATE_OPEN;
}

/* The first step whose gate nobody has answered yet. */
static uint32_t
next_asked (const struct sb_run *run)
{
    const struct sb_engine *e = sb_run_engine (run);
    uint32_t i;

    for (i = 0; e->asked > 0 && i < e->count; i++)
        if (sb_engine_steps (e)[i].phase == SB_PHASE_ASKED)
            return i;
    return SB_NO_STEP;
}

/* What was typed before the question cannot be an answer to it. */
static void
prompt (const struct live *v, const struct sb_run *run)
{
    const struct sb_plan *p = sb_run_plan (run);
    uint32_t gate = p->steps[v->asking].gate;
    bool back = !sb_engine_past_no_return (sb_run_engine (run));

    tcflush (STDIN_FILENO, TCIFLUSH);
    if (p->steps[v->asking].no_return)
        fprintf (stderr, "                %s nothing takes this step back.\n",
                 back ? "This is the point of no return:" : "The point of no return was passed;");
    if (sb_engine_firsts (sb_run_engine (run))[gate] != 0)
        fprintf (stderr,
                 "                Gate %s: one person has agreed; another user answers with 'switchback approve'.\n",
                 p->gates[gate].name);
    fprintf (stderr, "                Gate %s: go on? Type yes or no: ", p->gates[gate].name);
}

static void
read_answer (struct live *v, struct sb_run *run)
{
    char line[64];
    ssize_t n = read (STDIN_FILENO, line, sizeof line - 1);

    if (n <= 0) {
        v->terminal = false;
        fprintf (stderr,
                 "\n                Nobody can answer here any more: 'switchback approve RUN %s' answers from another"
                 " terminal, Ctrl-C stops the run.\n",
                 sb_run_plan (run)->gates[sb_run_plan (run)->steps[v->asking].gate].name);
        return;
    }
    line[n] = 0;
    line[strcspn (line, "\r\n")] = 0;
    if (strcmp (line, "yes") == 0 || strcmp (line, "no") == 0) {
        sb_run_gate (run, v->asking, line[0] == 'y');
        v->asking = SB_NO_STEP;
    } else {
        prompt (v, run);
    }
}

/* One question at a time; one that was answered elsewhere, or expired, makes room for the next. */
static void
on_turn (void *ctx, struct sb_run *run, int *ret_fd)
{
    struct live *v = ctx;
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    uint32_t step;

    if (!v->terminal)
        return;
    step = v->asking != SB_NO_STEP && sb_engine_steps (sb_run_engine (run))[v->asking].phase == SB_PHASE_ASKED
                   ? v->asking
                   : next_asked (run);
    if (step != v->asking) {
        v->asking = step;
        if (step != SB_NO_STEP)
            prompt (v, run);
    }
    if (v->asking != SB_NO_STEP && poll (&in, 1, 0) > 0)
        read_answer (v, run);
    if (v->terminal && v->asking != SB_NO_STEP)
        *ret_fd = STDIN_FILENO;
}

const struct sb_run_view live_view = {
    .record = on_record,
    .log = on_log,
    .gate = on_gate,
    .turn = on_turn,
};
