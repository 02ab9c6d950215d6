/* The report as one HTML page: a timeline of the steps, what was found, who
 * decided what, and the head of the journal to hold it against. */
#include "cli/proof.h"
#include "cli/report.h"

#include "core/base/text.h"

#include <string.h>

static const char style[] =
        "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1c2733}"
        "h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}.sub{color:#5a6b7b}"
        ".drill{background:#b3261e;color:#fff;padding:.5rem 1rem;font-weight:700;position:sticky;top:0;z-index:1}"
        "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e3e8ee;"
        "vertical-align:top}th{color:#5a6b7b;font-weight:600;white-space:nowrap}td.n{white-space:nowrap}"
        ".box{border-left:.35rem solid #2f6fde;background:#eef4ff;padding:.6rem 1rem;margin:1rem 0}.box b{display:block}"
        ".box.owe{border-color:#c98a00;background:#fff7e5}.box.bad{border-color:#b3261e;background:#fdeeed}"
        ".bar{position:relative;height:1rem;background:#f2f5f8;min-width:20rem}"
        ".bar i{position:absolute;top:0;height:1rem;background:#2f6fde;min-width:3px}.bar i.already{background:#9fb0c0}"
        ".bar{overflow:hidden}.bar s{position:absolute;top:0;height:1rem;min-width:2px;border:1px dashed #5a6b7b;"
        "border-width:0 1px;background:#5a6b7b33}.over{color:#b3261e}"
        ".axis{display:flex;justify-content:space-between;font-weight:400}"
        ".done{color:#1b7f3b}.owed,.skipped,.undone,.left{color:#9a6700}.held,.failed{color:#b3261e;font-weight:600}"
        ".waiting{color:#8895a3}.res{color:#5a6b7b;font-size:.85rem}code{font-size:.85rem;word-break:break-all}"
        ".line td{background:#b3261e;color:#fff;font-weight:600;padding:.15rem .6rem}.nr{color:#b3261e;font-size:.85rem}"
        "@media(prefers-color-scheme:dark){body{background:#12181f;color:#dbe4ed}td,th{border-color:#26313c}.bar{background:#1c2630}"
        ".box{background:#16233a}.box.owe{background:#2e2610}.box.bad{background:#351a18}.done{color:#5cc27e}"
        ".owed,.skipped,.undone,.left{color:#e0b04c}.held,.failed,.nr,.over{color:#f28b82}}"
        "@media print{.drill{position:static}}";

static void
esc (struct sb_buf *b, const char *s)
{
    for (; s != NULL && *s != 0; s++)
        switch (*s) {
        case '&':
            sb_buf_str (b, "&amp;");
            break;
        case '<':
            sb_buf_str (b, "&lt;");
            break;
        case '>':
            sb_buf_str (b, "&gt;");
            break;
        case '"':
            sb_buf_str (b, "&quot;");
            break;
        case '\n':
            sb_buf_str (b, "<br>");
            break;
        default:
            sb_buf_char (b, *s);
        }
}

static void
utc (struct sb_buf *b, int64_t ms)
{
    struct sb_buf at SB_CLEANUP (sb_buf_free) = { 0 };

    sb_format_utc (&at, ms);
    sb_buf_str (b, sb_buf_cstr (&at));
}

/* ---------------------------------------------------------------- what has to be seen first */

static void
pair (struct sb_buf *b, const char *what, const char *value)
{
    sb_buf_printf (b, "<tr><th>%s</th><td>", what);
    esc (b, value);
    sb_buf_str (b, "</td></tr>\n");
}

/* "root, by --approve all: reason", out of a record's "by". */
static void
who (struct sb_buf *b, const json_t *by)
{
    const char *reason = report_str (by, "reason");

    esc (b, report_str (by, "name"));
    if (report_str (by, "how")[0] != 0) {
        sb_buf_str (b, ", by ");
        esc (b, report_str (by, "how"));
    }
    if (reason[0] != 0) {
        sb_buf_str (b, ": ");
        esc (b, reason);
    }
}

/* How the gate of a step was answered last; NULL: it was not. */
static const json_t *
answer_of (const json_t *events, const char *gate)
{
    const json_t *found = NULL, *e;
    size_t i;

    json_array_foreach (events, i, e) if (strcmp (report_str (e, "kind"), "gate-answer") == 0
                                          && strcmp (report_str (json_object_get (e, "body"), "gate"), gate) == 0)
            found = e;
    return found;
}

/* The quoted losses: what was promised to be safe before somebody agreed to lose the rest. */
static void
quotes (struct sb_buf *b, const json_t *steps, const json_t *events)
{
    const json_t *step, *answer, *body;
    size_t i;

    json_array_foreach (steps, i, step)
    {
        const json_t *results = json_object_get (step, "results");
        struct sb_buf gate SB_CLEANUP (sb_buf_free) = { 0 };

        if (strcmp (report_str (step, "action"), "database.quote") != 0 || results == NULL)
            continue;
        sb_buf_printf (b, "<div class=box><b>Quoted loss of ");
        esc (b, report_str (step, "object"));
        sb_buf_str (b, "</b>");
        esc (b, report_str (results, "sentence"));
        sb_buf_printf (&gate, "loss[%s]", report_str (step, "object"));
        answer = answer_of (events, sb_buf_cstr (&gate));
        body = json_object_get (answer, "body");
        if (answer != NULL) {
            sb_buf_str (b, "<div class=res>Answer: ");
            esc (b, report_str (body, "answer"));
            sb_buf_str (b, ", ");
            who (b, json_object_get (body, "by"));
            sb_buf_str (b, ", ");
            utc (b, report_ms (answer, "at_ms"));
            sb_buf_str (b, "</div>");
        }
        sb_buf_str (b, "</div>\n");
    }
}

/* The same held against what was really lost, as soon as a run has found out. */
static void
losses (struct sb_buf *b, const json_t *list)
{
    const json_t *loss;
    size_t i;

    json_array_foreach (list, i, loss)
    {
        struct sb_buf words SB_CLEANUP (sb_buf_free) = { 0 };

        report_loss_words (loss, &words);
        sb_buf_str (b, "<div class=\"box owe\"><b>Quoted and found</b>");
        esc (b, sb_buf_cstr (&words));
        sb_buf_str (b, "</div>\n");
    }
}

/* Glass that was broken: the mark stays on every page about the run. */
static void
glass (struct sb_buf *b, const json_t *marks)
{
    const json_t *mark;
    size_t i;

    json_array_foreach (marks, i, mark)
    {
        sb_buf_str (b, "<div class=\"box bad\"><b>BREAK GLASS at gate ");
        esc (b, report_str (mark, "gate"));
        sb_buf_str (b, ": one person alone, without a second</b>");
        esc (b, report_str (mark, "by"));
        sb_buf_str (b, ", ");
        utc (b, report_ms (mark, "at_ms"));
        sb_buf_str (b, ", with a countdown of ");
        sb_format_duration (b, report_ms (mark, "countdown_ms"));
        sb_buf_str (b, "; reason: ");
        esc (b, report_str (mark, "reason"));
        sb_buf_str (b, "</div>\n");
    }
}

/* A box with the steps that rest in a state. */
static void
resting (struct sb_buf *b, const json_t *steps, const char *state, const char *class, const char *head)
{
    const json_t *step;
    bool any = false;
    size_t i;

    json_array_foreach (steps, i, step)
    {
        if (strcmp (report_str (step, "state"), state) != 0)
            continue;
        if (!any)
            sb_buf_printf (b, "<div class=\"box %s\"><b>%s</b>", class, head);
        any = true;
        sb_buf_str (b, "<div>");
        esc (b, report_str (step, "title"));
        sb_buf_str (b, ", since ");
        utc (b, report_ms (step, "ended_ms"));
        sb_buf_str (b, "</div>");
    }
    if (any)
        sb_buf_str (b, "</div>\n");
}

/* ---------------------------------------------------------------- steps and their times */

/* Where the end was foretold: from the median to the 90th percentile. */
static void
foretold_end (struct sb_buf *b, const json_t *step, int64_t from, int64_t span)
{
    const json_t *foretold = json_object_get (step, "foretold");
    int64_t begun = report_ms (step, "begun_ms"), median = report_ms (foretold, "median_ms");

    if (foretold != NULL && begun > 0)
        sb_buf_printf (b, "<s style=\"left:%.2f%%;width:%.2f%%\"></s>",
                       100.0 * (double) (begun + median - from) / (double) span,
                       100.0 * (double) (report_ms (foretold, "p90_ms") - median) / (double) span);
}

static void
bar (struct sb_buf *b, const json_t *step, int64_t from, int64_t span)
{
    int64_t begun = report_ms (step, "begun_ms"), ended = report_ms (step, "ended_ms");
    double left;

    sb_buf_str (b, "<td><div class=bar");
    if (begun == 0)
        begun = ended;
    if (ended >= begun && begun > 0) {
        left = 100.0 * (double) (begun - from) / (double) span;
        sb_buf_str (b, " title=\"");
        utc (b, begun);
        sb_buf_str (b, " to ");
        utc (b, ended);
        sb_buf_printf (b, "\"><i%s style=\"left:%.2f%%;width:%.2f%%\"></i>",
                       json_is_true (json_object_get (step, "already")) ? " class=already" : "", left > 99 ? 99 : left,
                       100.0 * (double) (ended - begun) / (double) span);
        foretold_end (b, step, from, span);
        sb_buf_str (b, "</div></td>");
    } else {
        sb_buf_str (b, "></div></td>");
    }
}

static void
results (struct sb_buf *b, json_t *step)
{
    const char *key;
    json_t *value;

    json_object_foreach (json_object_get (step, "results"), key, value)
    {
        if (!json_is_string (value) || json_string_length (value) == 0)
            continue;
        sb_buf_str (b, "<div class=res>");
        esc (b, key);
        sb_buf_str (b, ": ");
        if (json_string_length (value) > 400)
            sb_buf_printf (b, "%zu bytes", json_string_length (value));
        else
            esc (b, json_string_value (value));
        sb_buf_str (b, "</div>");
    }
}

/* What a step took, and what was foretold of it: "1m, nine of ten 2m". */
static void
times (struct sb_buf *b, const json_t *step)
{
    const json_t *foretold = json_object_get (step, "foretold"), *took = json_object_get (step, "took_ms");
    bool over = foretold != NULL && json_integer_value (took) > report_ms (foretold, "p90_ms");

    sb_buf_printf (b, "<td class=\"n%s\">", over ? " over" : "");
    if (took != NULL)
        sb_format_duration (b, json_integer_value (took));
    sb_buf_str (b, over ? "<div class=res>longer than nine of ten</div></td><td class=n>" : "</td><td class=n>");
    if (foretold != NULL) {
        sb_format_duration (b, report_ms (foretold, "median_ms"));
        sb_buf_str (b, "<div class=res>nine of ten ");
        sb_format_duration (b, report_ms (foretold, "p90_ms"));
        sb_buf_str (b, "</div>");
    }
    sb_buf_str (b, "</td>");
}

static void
step_row (struct sb_buf *b, json_t *step, int64_t from, int64_t span)
{
    const char *state = report_str (step, "state");
    bool rests = strcmp (state, "done") != 0 && report_str (step, "why")[0] != 0;

    sb_buf_printf (b, "<tr><td class=%s>%s%s%s%s</td><td>", state, state, rests ? ": " : "",
                   rests ? report_str (step, "why") : "",
                   json_is_true (json_object_get (step, "already")) ? ", was so already" : "");
    esc (b, report_str (step, "title"));
    if (json_is_true (json_object_get (step, "no_return")))
        sb_buf_str (b, " <span class=nr>(no way back)</span>");
    results (b, step);
    if (report_ms (step, "owed_ms") > 0 && strcmp (state, "done") == 0) {
        sb_buf_str (b, "<div class=\"res owed\">owed since ");
        utc (b, report_ms (step, "owed_ms"));
        sb_buf_str (b, ", paid ");
        utc (b, report_ms (step, "ended_ms"));
        sb_buf_str (b, "</div>");
    }
    if (strcmp (state, "done") != 0 && report_str (step, "sentence")[0] != 0) {
        sb_buf_str (b, "<div class=res>");
        esc (b, report_str (step, "sentence"));
        sb_buf_str (b, "</div>");
    }
    sb_buf_str (b, "</td>");
    times (b, step);
    bar (b, step, from, span);
    sb_buf_str (b, "</tr>\n");
}

static void
all_steps (struct sb_buf *b, const json_t *steps, int64_t from, int64_t span)
{
    struct sb_buf length SB_CLEANUP (sb_buf_free) = { 0 };
    bool passed = false;
    json_t *step;
    size_t i;

    sb_format_duration (&length, span);
    sb_buf_printf (
            b,
            "<h2>Steps</h2><table><tr><th>State</th><th>Step</th><th>Took</th><th>Foretold</th><th><div class=axis><span>begin"
            "</span><span>%s</span></div></th></tr>\n",
            sb_buf_cstr (&length));
    json_array_foreach (steps, i, step)
    {
        if (!passed && json_is_true (json_object_get (step, "no_return"))) {
            sb_buf_str (
                    b,
                    "<tr class=line><td colspan=5>Point of no return: behind this line a run is not taken back, only "
                    "carried on</td></tr>\n");
            passed = true;
        }
        step_row (b, step, from, span);
    }
    sb_buf_str (b, "</table>\n");
}

/* ---------------------------------------------------------------- who decided what, and what else happened */

/* What the gate asked before the event `at`. */
static const char *
question_of (const json_t *events, const char *gate, size_t at)
{
    const char *question = "";
    const json_t *e;
    size_t i;

    json_array_foreach (events, i, e)
    {
        if (i < at && strcmp (report_str (e, "kind"), "gate-open") == 0
            && strcmp (report_str (json_object_get (e, "body"), "gate"), gate) == 0)
            question = report_str (json_object_get (e, "body"), "question");
    }
    return question;
}

/* What of it is a person's decision: "yes (declared)", "yes, the first of two", "skip", ...; false: nothing. */
static bool
decided (const json_t *e, struct sb_buf *out)
{
    const json_t *body = json_object_get (e, "body");
    const char *kind = report_str (e, "kind"), *grade = report_str (body, "grade");

    if (strcmp (kind, "gate-answer") == 0)
        sb_buf_printf (out, "%s%s%s%s", report_str (body, "answer"), grade[0] != 0 ? " (" : "", grade,
                       grade[0] != 0 ? ")" : "");
    else if (strcmp (kind, "gate-first") == 0)
        sb_buf_str (out, "yes, the first of two");
    else if (strcmp (kind, "gate-glass") == 0)
        sb_buf_str (out, "BREAK GLASS");
    else if (strcmp (kind, "person") == 0)
        sb_buf_printf (out, "%s%s", report_str (body, "wish"),
                       json_is_false (json_object_get (body, "accepted")) ? ", which did not fit" : "");
    return out->len > 0;
}

static void
decisions (struct sb_buf *b, const json_t *events)
{
    const char *question;
    json_t *e, *body;
    size_t i;

    sb_buf_str (
            b,
            "<h2>Decisions</h2><table><tr><th>When</th><th>Gate</th><th>Question</th><th>Answer</th><th>Who</th></tr>\n");
    json_array_foreach (events, i, e)
    {
        struct sb_buf answer SB_CLEANUP (sb_buf_free) = { 0 };

        body = json_object_get (e, "body");
        if (!decided (e, &answer))
            continue;
        sb_buf_str (b, "<tr><td class=n>");
        utc (b, report_ms (e, "at_ms"));
        sb_buf_str (b, "</td><td>");
        esc (b, report_str (body, "gate"));
        sb_buf_str (b, "</td><td>");
        question = question_of (events, report_str (body, "gate"), i);
        esc (b, question[0] != 0 ? question : report_str (e, "title"));
        sb_buf_str (b, "</td><td>");
        esc (b, sb_buf_cstr (&answer));
        sb_buf_str (b, "</td><td>");
        who (b, json_object_get (body, "by"));
        sb_buf_str (b, "</td></tr>\n");
    }
    sb_buf_str (b, "</table>\n");
}

/* What happened to the run as a whole: begun, taken up, a site dark or back, taken back, ended. */
static void
course (struct sb_buf *b, const json_t *events)
{
    json_t *e, *body;
    size_t i;

    sb_buf_str (b, "<h2>Course of the run</h2><table><tr><th>When</th><th>What</th><th>Who, or how</th></tr>\n");
    json_array_foreach (events, i, e)
    {
        body = json_object_get (e, "body");
        if (json_is_string (json_object_get (e, "step")))
            continue;
        sb_buf_str (b, "<tr><td class=n>");
        utc (b, report_ms (e, "at_ms"));
        sb_buf_str (b, "</td><td>");
        esc (b, report_str (e, "text"));
        sb_buf_str (b, report_str (body, "site")[0] != 0 ? ": " : "");
        esc (b, report_str (body, "site"));
        sb_buf_str (b, "</td><td>");
        esc (b, report_str (body, "outcome"));
        if (json_object_get (body, "by") != NULL)
            who (b, json_object_get (body, "by"));
        if (report_str (body, "host")[0] != 0) {
            sb_buf_str (b, ", on ");
            esc (b, report_str (body, "host"));
        }
        sb_buf_str (b, "</td></tr>\n");
    }
    sb_buf_str (b, "</table>\n");
}

/* One run: what has to be seen first, steps, decisions, course, evidence. */
static void
section (struct sb_buf *b, json_t *report)
{
    struct sb_buf at SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_buf took SB_CLEANUP (sb_buf_free) = { 0 };
    int64_t from = report_ms (report, "started_ms"), until = report_ms (report, "ended_ms");
    json_t *events = json_object_get (report, "events"), *steps = json_object_get (report, "steps");
    const json_t *head = json_object_get (report, "head");
    struct sb_buf proof SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_buf foretold SB_CLEANUP (sb_buf_free) = { 0 };

    if (json_array_size (events) > 0)
        until = report_ms (json_array_get (events, json_array_size (events) - 1), "at_ms");
    if (until <= from)
        until = from + 1;
    sb_format_utc (&at, from);
    sb_format_duration (&took, until - from);
    if (json_is_true (json_object_get (report, "drill")))
        sb_buf_str (b, "<p class=drill>DRILL: nothing of this was an emergency</p>\n");
    sb_buf_str (b, "<h1>");
    esc (b, report_str (report, "title"));
    sb_buf_str (b, "</h1>\n<table style=\"width:auto\">");
    pair (b, "Outcome", report_str (report, "outcome"));
    pair (b, "Run", report_str (report, "run"));
    pair (b, "Pool", report_str (report, "pool"));
    pair (b, "Begun", sb_buf_cstr (&at));
    pair (b, "Took", sb_buf_cstr (&took));
    if (report_foretold_words (report, &foretold))
        pair (b, "Foretold", sb_buf_cstr (&foretold));
    sb_buf_str (b, "</table>\n");
    glass (b, json_object_get (json_object_get (report, "standing"), "glass"));
    resting (b, steps, "held", "bad", "Held: a person must look");
    resting (b, steps, "failed", "bad", "Failed");
    resting (b, steps, "owed", "owe", "Owed: to be done when the site answers");
    quotes (b, steps, events);
    losses (b, json_object_get (report, "losses"));
    all_steps (b, steps, from, until - from);
    decisions (b, events);
    course (b, events);
    if (json_object_get (report, "proof") != NULL)
        cli_proof_words (json_object_get (report, "proof"), &proof);
    sb_buf_printf (b,
                   "<h2>Evidence</h2><p>Plan <code>%s</code><br>Topology <code>%s</code><br>Journal: record %lld, "
                   "<code>%s</code></p><p class=sub>When this page was written the journal ended with that record and "
                   "hash. 'switchback journal verify' tells whether its chain is unbroken.</p>\n%s%s%s",
                   report_str (report, "digest"), report_str (report, "topology_digest"),
                   (long long) report_ms (head, "seq"), report_str (head, "hash"), proof.len > 0 ? "<p>" : "",
                   sb_buf_cstr (&proof), proof.len > 0 ? "</p>\n" : "");
}

char *
report_html (json_t *reports)
{
    struct sb_buf b = { 0 };
    json_t *report;
    size_t i;

    sb_buf_str (
            &b,
            "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>");
    json_array_foreach (reports, i, report)
    {
        sb_buf_str (&b, i > 0 ? ", " : "");
        sb_buf_str (&b, json_is_true (json_object_get (report, "drill")) ? "DRILL " : "");
        esc (&b, report_str (report, "run"));
    }
    sb_buf_printf (&b, "</title><style>%s</style>\n", style);
    json_array_foreach (reports, i, report) section (&b, report);
    sb_buf_str (&b, "</html>\n");
    return sb_buf_take (&b);
}
