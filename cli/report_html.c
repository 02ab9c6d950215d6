/* The report as one HTML page: a timeline of the steps, what was found, who
 * decided what, and the head of the journal to hold it against. */
#include "cli/report.h"

#include "core/base/text.h"

#include <string.h>

static const char style[] =
        "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1c2733}"
        "h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}.sub{color:#5a6b7b}"
        ".drill{background:#b3261e;color:#fff;padding:.4rem 1rem;font-weight:700}"
        "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e3e8ee;"
        "vertical-align:top}th{color:#5a6b7b;font-weight:600}.bar{position:relative;height:1rem;background:#f2f5f8;min-width:16rem}"
        ".bar i{position:absolute;top:0;height:1rem;background:#2f6fde;min-width:2px}.bar i.already{background:#b8c4d0}"
        ".done,.adopted{color:#1b7f3b}.owed,.skipped{color:#9a6700}.held,.failed{color:#b3261e;font-weight:600}.waiting{color:#8895a3}"
        ".res{color:#5a6b7b;font-size:.85rem}.nr td{border-top:3px double #b3261e}code{font-size:.85rem;word-break:break-all}"
        "@media(prefers-color-scheme:dark){body{background:#12181f;color:#dbe4ed}td,th{border-color:#26313c}.bar{background:#1c2630}}";

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
        default:
            sb_buf_char (b, *s);
        }
}

static const char *
text_of (const json_t *o, const char *key)
{
    const char *s = json_string_value (json_object_get (o, key));

    return s == NULL ? "" : s;
}

static int64_t
ms_of (const json_t *o, const char *key)
{
    return json_integer_value (json_object_get (o, key));
}

static void
bar (struct sb_buf *b, const json_t *step, int64_t from, int64_t span)
{
    int64_t begun = ms_of (step, "begun_ms"), ended = ms_of (step, "ended_ms");

    sb_buf_str (b, "<td><div class=bar>");
    if (begun == 0)
        begun = ended;
    if (ended >= begun && begun > 0)
        sb_buf_printf (b, "<i%s style=\"left:%.2f%%;width:%.2f%%\"></i>",
                       json_is_true (json_object_get (step, "already")) ? " class=already" : "",
                       100.0 * (double) (begun - from) / (double) span,
                       100.0 * (double) (ended - begun) / (double) span);
    sb_buf_str (b, "</div></td>");
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

static void
step_row (struct sb_buf *b, json_t *step, int64_t from, int64_t span)
{
    struct sb_buf took SB_CLEANUP (sb_buf_free) = { 0 };

    if (ms_of (step, "begun_ms") > 0)
        sb_format_duration (&took, ms_of (step, "ended_ms") - ms_of (step, "begun_ms"));
    sb_buf_printf (b, "<tr%s><td class=%s>%s%s</td><td>",
                   json_is_true (json_object_get (step, "no_return")) ? " class=nr" : "", text_of (step, "state"),
                   text_of (step, "state"), json_is_true (json_object_get (step, "already")) ? ", was so already" : "");
    esc (b, text_of (step, "title"));
    if (json_is_true (json_object_get (step, "no_return")))
        sb_buf_str (b, " <b>(point of no return)</b>");
    results (b, step);
    if (strcmp (text_of (step, "state"), "done") != 0 && text_of (step, "sentence")[0] != 0) {
        sb_buf_str (b, "<div class=res>");
        esc (b, text_of (step, "sentence"));
        sb_buf_str (b, "</div>");
    }
    sb_buf_printf (b, "</td><td>%s</td>", sb_buf_cstr (&took));
    bar (b, step, from, span);
    sb_buf_str (b, "</tr>\n");
}

static void
decisions (struct sb_buf *b, json_t *events)
{
    json_t *e, *body;
    size_t i;

    sb_buf_str (b, "<h2>Decisions</h2><table><tr><th>When</th><th>What</th><th>Answer</th></tr>\n");
    json_array_foreach (events, i, e)
    {
        struct sb_buf at SB_CLEANUP (sb_buf_free) = { 0 };

        if (strcmp (text_of (e, "kind"), "gate answer") != 0 && strcmp (text_of (e, "kind"), "person") != 0
            && strcmp (text_of (e, "kind"), "gate-answer") != 0)
            continue;
        body = json_object_get (e, "body");
        sb_format_utc (&at, ms_of (e, "at_ms"));
        sb_buf_printf (b, "<tr><td>%s</td><td>", sb_buf_cstr (&at));
        esc (b, text_of (e, "title"));
        sb_buf_str (b, "</td><td>");
        esc (b, text_of (body, "answer"));
        sb_buf_str (b, " ");
        esc (b, text_of (body, "by"));
        sb_buf_str (b, "</td></tr>\n");
    }
    sb_buf_str (b, "</table>\n");
}

/* One run: heading, steps, decisions, evidence. */
static void
section (struct sb_buf *b, json_t *report)
{
    struct sb_buf at SB_CLEANUP (sb_buf_free) = { 0 }, took SB_CLEANUP (sb_buf_free) = { 0 };
    int64_t from = ms_of (report, "started_ms"), until = ms_of (report, "ended_ms");
    json_t *events = json_object_get (report, "events"), *step;
    size_t i;

    if (until == 0 && json_array_size (events) > 0)
        until = ms_of (json_array_get (events, json_array_size (events) - 1), "at_ms");
    if (until <= from)
        until = from + 1;
    sb_format_utc (&at, from);
    sb_format_duration (&took, until - from);
    if (json_is_true (json_object_get (report, "drill")))
        sb_buf_str (b, "<p class=drill>DRILL: nothing of this was an emergency</p>\n");
    sb_buf_str (b, "<h1>");
    esc (b, text_of (report, "title"));
    sb_buf_str (b, "</h1><p class=sub>");
    esc (b, text_of (report, "run"));
    sb_buf_printf (b, "; begun %s; took %s; outcome: <b>", sb_buf_cstr (&at), sb_buf_cstr (&took));
    esc (b, text_of (report, "outcome"));
    sb_buf_str (b, "</b></p>\n<table><tr><th>State</th><th>Step</th><th>Took</th><th>When</th></tr>\n");
    json_array_foreach (json_object_get (report, "steps"), i, step) step_row (b, step, from, until - from);
    sb_buf_str (b, "</table>\n");
    decisions (b, events);
    sb_buf_printf (
            b,
            "<h2>Evidence</h2><p>Plan <code>%s</code><br>Topology <code>%s</code><br>Journal: record %lld, <code>%s</code>"
            "</p><p class=sub>'switchback journal verify' holds the journal against this number and hash.</p>\n",
            text_of (report, "digest"), text_of (report, "topology_digest"),
            (long long) ms_of (json_object_get (report, "head"), "seq"),
            text_of (json_object_get (report, "head"), "hash"));
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
        esc (&b, text_of (report, "run"));
    }
    sb_buf_printf (&b, "</title><style>%s</style>\n", style);
    json_array_foreach (reports, i, report) section (&b, report);
    sb_buf_str (&b, "</html>\n");
    return sb_buf_take (&b);
}
