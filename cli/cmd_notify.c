/* switchback notify preview|test|deliver|ack|list: what a message looks like on a
 * channel, whether a test arrives, that somebody has seen what was told, and
 * what became of it. */
#include "cli/channels.h"

#include "core/base/text.h"
#include "core/engine/message.h"
#include "core/sys/clock.h"
#include "core/sys/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DELIVER_MS 70000 /* a call ends within 60 s */

static int
load (struct cli *c)
{
    int rc = cli_load_topology (c);

    return rc == EXIT_DONE ? cli_load_plugins (c) : rc;
}

/* The channel of --channel; NULL: a message was printed. */
static const struct sb_object *
chosen (struct cli *c, const char *name)
{
    const struct sb_object *o = name == NULL ? NULL : sb_topology_find (&c->topology, "channel", name);

    if (name == NULL && sb_topology_nth (&c->topology, "channel", 1) == NULL)
        o = sb_topology_nth (&c->topology, "channel", 0);
    if (o != NULL)
        return o;
    if (name == NULL)
        cli_error ("which channel?");
    else
        cli_error ("the topology has no channel '%s'", name);
    for (size_t i = 0; (o = sb_topology_nth (&c->topology, "channel", i)) != NULL; i++)
        cli_hint ("--channel %s", o->name);
    return NULL;
}

/* A message with sample values, and what is known really. */
static struct sb_note
sample (struct cli *c, const struct sb_object *channel, const struct sb_message_kind *kind, bool drill)
{
    SB_CLEANUP (sb_map_free) struct sb_map values = { 0 };
    const struct sb_message_value *v;
    struct sb_message m;
    char hex[9];

    for (v = sb_message_values; v->name != NULL && strcmp (kind->what, "test") != 0; v++)
        sb_map_set (&values, v->name, (void *) (uintptr_t) v->sample);
    cli_common_values (c, &values);
    sb_map_set (&values, "channel", (void *) (uintptr_t) channel->name);
    sb_messages_make (sb_map_get (&c->messages, channel->name), kind->what, &values, drill, &c->arena, &m);
    sb_random_hex (hex, 8);
    return (struct sb_note){ .channel = channel->name,
                             .run = "",
                             .event = kind->event,
                             .key = sb_arena_printf (&c->arena, "%s/%s", kind->what, hex),
                             .subject = m.subject,
                             .body = m.body,
                             .data = m.data,
                             .drill = drill };
}

static const struct sb_message_kind *
kind_of (const char *word)
{
    const struct sb_message_kind *k = sb_message_kind_find (word);
    const char *names[32], *near;
    size_t n = 0;

    if (k != NULL)
        return k;
    for (k = sb_message_kinds; k->what != NULL && n < 32; k++)
        names[n++] = k->what;
    near = sb_nearest (word, names, n);
    cli_error ("there is no message '%s'", word);
    if (near != NULL)
        cli_hint ("Did you mean '%s'?", near);
    for (k = sb_message_kinds; near == NULL && k->what != NULL; k++)
        cli_hint ("%s: %s", k->what, k->help);
    return NULL;
}

/* A plugin that makes no preview is shown what it would be given. */
static const char *
given (struct cli *c, const struct sb_note *n)
{
    json_t *data = json_loads (n->data, 0, NULL), *all;
    SB_AUTOFREE char *text = NULL;

    all = json_pack ("{s:s, s:{s:s, s:s, s:s, s:s, s:b}}", "verb", "send", "params", "id", n->key, "event", n->event,
                     "subject", n->subject, "body", n->body, "drill", n->drill);
    json_object_update_missing (json_object_get (all, "params"), data);
    text = json_dumps (all, JSON_INDENT (2));
    json_decref (all);
    json_decref (data);
    return sb_arena_strdup (&c->arena, text == NULL ? "" : text);
}

int
cmd_notify_preview (struct cli *c)
{
    const struct sb_message_kind *kind = kind_of (c->args[0]);
    const struct sb_object *channel;
    bool drill = cli_opt (c, "drill") != NULL || strncmp (c->args[0], "drill-", 6) == 0;
    const char *payload, *service, *cut;
    struct cli_called a;
    struct sb_note note;
    int rc = kind == NULL ? EXIT_USAGE : load (c);

    if (rc != EXIT_DONE)
        return rc;
    if ((channel = chosen (c, cli_opt (c, "channel"))) == NULL)
        return EXIT_USAGE;
    note = sample (c, channel, kind, drill);
    rc = cli_call_channel (c, channel, "preview", &note, &a);
    payload = a.asked ? sb_map_get (&a.results, "payload") : given (c, &note);
    service = a.asked ? sb_map_get (&a.results, "service") : channel->plugin;
    cut = sb_map_get (&a.results, "cut");
    if (rc == EXIT_DONE && (payload == NULL || (a.asked && a.rc != SB_OK))) {
        cli_error ("channel '%s': %s", channel->name, a.sentence == NULL ? "no preview" : a.sentence);
        rc = EXIT_CONFIG;
    } else if (rc == EXIT_DONE && c->json) {
        cli_print_json (json_pack ("{s:s, s:s?, s:s, s:s, s:b, s:s, s:s, s:b}", "channel", channel->name, "service",
                                   service, "what", kind->what, "event", note.event, "drill", drill, "subject",
                                   note.subject, "payload", payload, "cut", cut != NULL && strcmp (cut, "yes") == 0));
    } else if (rc == EXIT_DONE) {
        puts (payload);
        if (cut != NULL && strcmp (cut, "yes") == 0)
            fprintf (stderr, "the service takes no more: something was left out\n");
    }
    cli_called_free (&a);
    return rc;
}

/* EXIT_DONE: it arrived. */
static int
fire (struct cli *c, const struct sb_object *channel, json_t *list)
{
    struct sb_note note = sample (c, channel, sb_message_kind_find ("test"), cli_opt (c, "drill") != NULL);
    const char *receipt;
    struct cli_called a;
    int rc = cli_call_channel (c, channel, "send", &note, &a);
    bool good = rc == EXIT_DONE && a.asked && a.rc == SB_OK;

    receipt = sb_map_get (&a.results, "receipt");
    if (rc == EXIT_DONE) {
        json_array_append_new (list, json_pack ("{s:s, s:b, s:s?, s:s?}", "channel", channel->name, "delivered", good,
                                                "receipt", receipt, "sentence", a.sentence));
        if (!c->json)
            printf ("%s%-8s%s %s: %s\n", cli_paint (c, good ? "green" : "red"), good ? "arrived" : "failed",
                    cli_paint (c, "off"), channel->name,
                    good && receipt != NULL ? receipt
                    : a.sentence == NULL    ? ""
                                            : a.sentence);
    }
    cli_called_free (&a);
    return good ? EXIT_DONE : rc == EXIT_DONE ? EXIT_FAILED : rc;
}

int
cmd_notify_test (struct cli *c)
{
    const char *name = cli_opt (c, "channel");
    const struct sb_object *o;
    json_t *list = json_array ();
    int rc = load (c), one;
    size_t i;

    if (rc == EXIT_DONE && name != NULL) {
        o = chosen (c, name);
        rc = o == NULL ? EXIT_USAGE : fire (c, o, list);
    } else if (rc == EXIT_DONE) {
        for (i = 0; (o = sb_topology_nth (&c->topology, "channel", i)) != NULL; i++)
            if ((one = fire (c, o, list)) != EXIT_DONE)
                rc = one;
        if (i == 0)
            fputs ("the topology has no channel\n", stderr);
    }
    if (c->json && rc != EXIT_USAGE && rc != EXIT_CONFIG)
        cli_print_json (json_incref (list));
    json_decref (list);
    return rc;
}

int
cmd_notify_deliver (struct cli *c)
{
    int rc = load (c);
    struct sb_journal *j = rc == EXIT_DONE ? cli_existing_journal (c, &rc) : NULL;

    if (rc == EXIT_DONE && j != NULL)
        cli_tell_rest (c, j, DELIVER_MS);
    sb_journal_close (j);
    return rc;
}

int
cmd_notify_ack (struct cli *c)
{
    const char *run = c->nargs > 0 ? c->args[0] : NULL;
    int64_t count = 0;
    int rc;
    struct sb_journal *j = cli_existing_journal (c, &rc);

    if (rc == EXIT_DONE && j != NULL
        && (!sb_journal_begin (j, &c->faults)
            || !sb_journal_note_ack (j, run, sb_now_ms (), getuid (), &count, &c->faults)
            || !sb_journal_commit (j, &c->faults)))
        rc = cli_fail (c, EXIT_JOURNAL);
    if (rc == EXIT_DONE && c->json)
        cli_print_json (json_pack ("{s:s?, s:I}", "run", run, "acknowledged", (json_int_t) count));
    else if (rc == EXIT_DONE)
        printf ("%lld message%s acknowledged\n", (long long) count, count == 1 ? "" : "s");
    sb_journal_close (j);
    return rc;
}

static json_t *
row_of (const struct sb_note *n)
{
    return json_pack ("{s:I, s:s, s:s, s:s, s:s, s:b, s:s, s:i, s:s?, s:b, s:I, s:s}", "at_ms", (json_int_t) n->at_ms,
                      "run", n->run, "channel", n->channel, "event", n->event, "subject", n->subject, "drill", n->drill,
                      "state", n->state, "tries", (int) n->tries, "receipt", n->receipt, "acknowledged", n->ack_ms > 0,
                      "escalates_ms", (json_int_t) n->escalate_ms, "id", n->key);
}

int
cmd_notify_list (struct cli *c)
{
    static const char *const heads[] = { "STATE", "TRIES", "CHANNEL", "EVENT", "SUBJECT", "RECEIPT" };
    struct cli_table t = { .heads = heads, .columns = 6 };
    json_t *list = json_array ();
    struct sb_note *notes = NULL;
    size_t n = 0, i;
    int rc;
    struct sb_journal *j = cli_journal (c, false, &rc);

    if (rc == EXIT_DONE && j != NULL
        && !sb_journal_notes (j, c->nargs > 0 ? c->args[0] : NULL, NULL, &c->arena, &notes, &n, &c->faults))
        rc = cli_fail (c, EXIT_JOURNAL);
    for (i = 0; i < n; i++) {
        json_array_append_new (list, row_of (&notes[i]));
        cli_table_row (&t, (const char *const[]){ notes[i].state, sb_arena_printf (&c->arena, "%u", notes[i].tries),
                                                  notes[i].channel, notes[i].event, notes[i].subject,
                                                  notes[i].receipt == NULL ? "" : notes[i].receipt });
    }
    if (rc == EXIT_DONE && c->json)
        cli_print_json (json_incref (list));
    else if (rc == EXIT_DONE)
        cli_table_print (&t);
    json_decref (list);
    sb_journal_close (j);
    return rc;
}
