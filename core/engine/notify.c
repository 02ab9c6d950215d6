/* Messages to people: queued in the journal in the same batch as what they tell,
 * delivered through lanes beside the run, tried again with growing pauses (or the
 * longer one that the endpoint asks for), marked with a receipt, and told to the
 * next channel when nobody acknowledges a warning in time.  A channel has one
 * message under way at a time, in order.  Nothing here delays or fails a step.
 * What messages say is in tell.c and message.c. */
#include "core/engine/run_internal.h"

#include "core/base/text.h"
#include "core/engine/message.h"
#include "core/model/channel.h"
#include "core/sys/clock.h"

#include <stdlib.h>
#include <string.h>

#define DEADLINE_MS    60000
#define FIRST_PAUSE_MS 1000
#define MOST_PAUSE_MS  60000
#define MOST_WAIT_MS   3600000 /* no endpoint is left alone for longer */
#define MOST_TRIES     100

struct message {
    struct sb_note note; /* texts in the arena of the notifier */
    bool flying, unsaved, escalated;
};

struct channel {
    const char *name, *plugin, *to; /* to: the next one; NULL: none */
    int64_t after_ms;
    char **events;
    const struct sb_messages *messages;
    bool busy;
};

struct sb_notifier {
    struct sb_journal *journal;
    const char *run;
    bool drill;
    struct sb_arena arena;
    struct sb_messages *plain; /* used where none are given */
    struct channel *channels;
    size_t nchannels, channels_cap;
    struct message *messages;
    size_t count, cap;
    int64_t acked_ms; /* somebody was seen; 0: nobody since the last save */
    uint32_t acked_uid;
    bool stale; /* the journal has messages that are not in the list */
};

/* ---------------------------------------------------------------- channels */

struct sb_notifier *
sb_notifier_new (const struct sb_topology *t, struct sb_journal *j, const char *run, bool drill,
                 const struct sb_map *messages)
{
    struct sb_notifier *n = sb_xcalloc (1, sizeof *n);
    const struct sb_object *o, *to;
    size_t i, count;

    n->journal = j;
    n->run = run;
    n->drill = drill;
    n->plain = sb_messages_new ();
    for (i = 0; (o = sb_topology_nth (t, "channel", i)); i++) {
        const char *events = sb_object_attr (o, "events");
        struct channel *c = &SB_PUSH (n->channels, n->nchannels, n->channels_cap);
        *c = (struct channel){ .name = o->name, .plugin = o->plugin };
        to = sb_channel_escalation (t, o, &c->after_ms);
        c->to = to ? to->name : NULL;
        c->events = sb_split_list (&n->arena, events ? events : "", &count);
        c->messages = messages ? sb_map_get (messages, o->name) : NULL;
        if (!c->messages)
            c->messages = n->plain;
    }
    return n;
}

void
sb_notifier_free (struct sb_notifier *n)
{
    if (!n)
        return;
    free (n->channels);
    free (n->messages);
    sb_messages_free (n->plain);
    sb_arena_release (&n->arena);
    free (n);
}

static struct channel *
find_channel (struct sb_notifier *n, const char *name)
{
    size_t k;

    for (k = 0; k < n->nchannels; k++)
        if (strcmp (n->channels[k].name, name) == 0)
            return &n->channels[k];
    return NULL;
}

/* ---------------------------------------------------------------- queue */

static bool
wants (const struct channel *c, const struct sb_message_kind *kind)
{
    return sb_list_has (c->events, kind->event) || (kind->also && sb_list_has (c->events, kind->also));
}

bool
sb_notifier_wants (const struct sb_notifier *n, const char *what)
{
    const struct sb_message_kind *kind = sb_message_kind_find (what);
    size_t k;

    for (k = 0; kind && k < n->nchannels; k++)
        if (wants (&n->channels[k], kind))
            return true;
    return false;
}

bool
sb_notifier_queue (struct sb_notifier *n, const char *what, const char *key, const struct sb_map *values, int64_t now,
                   struct sb_faults *faults)
{
    const struct sb_message_kind *kind = sb_message_kind_find (what);
    size_t k;

    for (k = 0; kind && k < n->nchannels; k++) {
        SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
        const struct channel *c = &n->channels[k];
        struct sb_note note = { .at_ms = now, .run = n->run, .channel = c->name, .key = key, .next_ms = now };
        struct sb_message m;

        if (!wants (c, kind))
            continue;
        sb_messages_make (c->messages, what, values, n->drill, &a, &m);
        note.event = kind->event;
        note.subject = m.subject;
        note.body = m.body;
        note.data = m.data;
        note.drill = n->drill;
        note.escalate_ms = c->to && sb_message_wants_ack (m.level) ? now + c->after_ms : 0;
        if (!sb_journal_note_add (n->journal, &note, faults))
            return false;
        n->stale = true;
    }
    return true;
}

static bool
is_known (const struct sb_notifier *n, int64_t id)
{
    size_t k;

    for (k = n->count; k > 0; k--)
        if (n->messages[k - 1].note.id == id)
            return true;
    return false;
}

bool
sb_notifier_load (struct sb_notifier *n, struct sb_faults *faults)
{
    struct sb_note *notes;
    size_t count, i;

    if (n->nchannels == 0)
        return true;
    if (!sb_journal_notes (n->journal, n->run, "open", &n->arena, &notes, &count, faults))
        return false;
    for (i = 0; i < count; i++)
        if (!is_known (n, notes[i].id))
            SB_PUSH (n->messages, n->count, n->cap) = (struct message){ .note = notes[i] };
    n->stale = false;
    return true;
}

static bool
is_open (const struct message *m)
{
    return strcmp (m->note.state, "queued") == 0;
}

/* ---------------------------------------------------------------- delivery */

#define MOST_FACTS 64

/* The parts of a message, from the JSON that stands in the journal. */
static size_t
add_parts (const json_t *data, struct sb_call_param *params, const char **facts)
{
    static const char *const names[] = { "what", "level", "text", "hint" };
    const json_t *list = json_object_get (data, "facts"), *item;
    size_t n = 0, k, nfacts = 0;

    for (k = 0; k < sizeof names / sizeof *names; k++) {
        const char *value = json_string_value (json_object_get (data, names[k]));
        if (value && *value)
            params[n++] = (struct sb_call_param){ .name = names[k], .value = value };
    }
    json_array_foreach (list, k, item) if (nfacts < MOST_FACTS && json_string_value (item)) facts[nfacts++] =
            json_string_value (item);
    facts[nfacts] = NULL;
    if (nfacts > 0)
        params[n++] = (struct sb_call_param){ .name = "facts", .items = facts };
    return n;
}

bool
sb_note_call (const struct sb_launcher *l, const struct sb_note *note, const char *plugin, const char *verb,
              uint64_t id)
{
    const char *facts[MOST_FACTS + 1];
    struct sb_call_param params[16] = { { .name = "id", .value = note->key },
                                        { .name = "event", .value = note->event },
                                        { .name = "subject", .value = note->subject },
                                        { .name = "body", .value = note->body },
                                        { .name = "drill", .value = note->drill ? "yes" : "no" } };
    struct sb_call_spec spec = { .id = id,
                                 .plugin = plugin,
                                 .kind = "channel",
                                 .object = note->channel,
                                 .verb = verb,
                                 .op = SB_OP_RUN,
                                 .params = params,
                                 .deadline_ms = DEADLINE_MS,
                                 .attempt = note->tries + 1 };
    json_t *data = note->data ? json_loads (note->data, 0, NULL) : NULL;
    bool taken;

    spec.nparams = 5 + add_parts (data, params + 5, facts);
    taken = l->call (l->self, &spec);
    json_decref (data);
    return taken;
}

static bool
send (struct message *m, const struct channel *c, const struct sb_launcher *l)
{
    return sb_note_call (l, &m->note, c->plugin, "send", SB_NOTE_CALLS | (uint64_t) m->note.id);
}

/* Nobody acknowledged it in time, or it will never arrive: the next save tells the next channel. */
static void
look_for_silence (struct sb_notifier *n, int64_t now)
{
    size_t k;

    for (k = 0; k < n->count; k++) {
        struct message *m = &n->messages[k];
        bool lost = strcmp (m->note.state, "given up") == 0;
        if (m->note.escalate_ms > 0 && (m->note.escalate_ms <= now || lost))
            m->escalated = true;
    }
}

void
sb_notifier_pump (struct sb_notifier *n, const struct sb_launcher *l, int64_t now)
{
    SB_CLEANUP (sb_faults_free) struct sb_faults ignored = { 0 };
    size_t k;

    if (n->stale)
        sb_notifier_load (n, &ignored); /* a journal that cannot be read is the run's own trouble */
    look_for_silence (n, now);
    for (k = 0; k < n->count; k++) {
        struct message *m = &n->messages[k];
        struct channel *c = is_open (m) ? find_channel (n, m->note.channel) : NULL;
        if (!c || c->busy)
            continue;
        if (m->flying || m->note.next_ms > now) {
            c->busy = true; /* those behind it wait their turn; see below */
            continue;
        }
        m->flying = c->busy = send (m, c, l);
    }
    for (k = 0; k < n->nchannels; k++)
        n->channels[k].busy = false;
}

void
sb_notifier_event (struct sb_notifier *n, const struct sb_lane_event *ev, int64_t now)
{
    int64_t id = (int64_t) (ev->id & ~SB_NOTE_CALLS), pause = FIRST_PAUSE_MS, wait_s = 0;
    size_t k;

    for (k = 0; k < n->count && n->messages[k].note.id != id; k++)
        continue;
    if (k == n->count || (ev->type != SB_LANE_ANSWER && ev->type != SB_LANE_DIED))
        return;
    struct message *m = &n->messages[k];
    m->flying = false;
    m->unsaved = true;
    m->note.tries++;
    m->note.receipt = sb_arena_strdup (&n->arena, ev->sentence ? ev->sentence : "");
    for (k = 0; k < ev->nresults; k++)
        if (strcmp (ev->results[k].name, "receipt") == 0)
            m->note.receipt = sb_arena_strdup (&n->arena, ev->results[k].value);
        else if (strcmp (ev->results[k].name, "wait s") == 0)
            sb_parse_int (ev->results[k].value, &wait_s);
    if (ev->type == SB_LANE_ANSWER && ev->rc == SB_OK)
        m->note.state = "sent";
    else if (m->note.tries >= MOST_TRIES || (ev->type == SB_LANE_ANSWER && ev->rc == SB_FAIL))
        m->note.state = "given up";
    for (k = 1; k < m->note.tries && pause < MOST_PAUSE_MS; k++)
        pause *= 2;
    pause = pause < MOST_PAUSE_MS ? pause : MOST_PAUSE_MS;
    if (wait_s > pause / 1000)
        pause = wait_s < MOST_WAIT_MS / 1000 ? wait_s * 1000 : MOST_WAIT_MS;
    m->note.next_ms = now + pause;
}

void
sb_notifier_seen (struct sb_notifier *n, uint32_t uid, int64_t now)
{
    size_t k;

    n->acked_ms = now;
    n->acked_uid = uid;
    for (k = 0; k < n->count; k++)
        n->messages[k].note.escalate_ms = 0;
}

bool
sb_notifier_unsaved (const struct sb_notifier *n)
{
    size_t k;

    for (k = 0; k < n->count; k++)
        if (n->messages[k].unsaved || n->messages[k].escalated)
            return true;
    return false;
}

/* What the escalation says, with the facts and the hint of what nobody acknowledged. */
static char *
merge_data (struct sb_arena *a, const char *ours, const char *theirs)
{
    json_t *data = json_loads (ours, 0, NULL), *old = json_loads (theirs ? theirs : "{}", 0, NULL);
    json_t *text = json_object_get (old, "text");
    char *dump, *kept;

    if (json_object_get (old, "facts"))
        json_object_set (data, "facts", json_object_get (old, "facts"));
    json_object_set_new (data, "text",
                         json_sprintf ("%s\n%s", json_string_value (json_object_get (data, "text")),
                                       text ? json_string_value (text) : ""));
    dump = json_dumps (data, JSON_COMPACT);
    kept = sb_arena_strdup (a, dump ? dump : "{}");
    free (dump);
    json_decref (data);
    json_decref (old);
    return kept;
}

/* The same message once more, on the next channel, in the words of that channel's template. */
static bool
escalate (struct sb_notifier *n, struct message *m, int64_t now, struct sb_faults *faults)
{
    SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
    SB_CLEANUP (sb_map_free) struct sb_map values = { 0 };
    SB_CLEANUP (sb_buf_free) struct sb_buf waited = { 0 };
    const struct channel *from = find_channel (n, m->note.channel),
                         *to = from && from->to ? find_channel (n, from->to) : NULL;
    struct sb_note note = { .at_ms = now };
    struct sb_message made;
    const char *subject = strstr (m->note.subject, "switchback: ");

    m->escalated = false;
    m->note.escalate_ms = 0;
    if (!to)
        return sb_journal_note_escalate (n->journal, m->note.id, NULL, faults);
    sb_format_duration (&waited, now - m->note.at_ms);
    sb_map_set (&values, "channel", (void *) (uintptr_t) m->note.channel);
    sb_map_set (&values, "subject", (void *) (uintptr_t) (subject ? subject : m->note.subject));
    sb_map_set (&values, "waited", sb_arena_strdup (&a, sb_buf_cstr (&waited)));
    sb_map_set (&values, "run", (void *) (uintptr_t) m->note.run);
    sb_messages_make (to->messages, "escalation", &values, m->note.drill, &a, &made);
    note.channel = to->name;
    note.key = sb_arena_printf (&a, "%s/%s", m->note.key, m->note.channel);
    note.subject = made.subject;
    note.body = sb_arena_printf (&a, "%s\n%s", made.body, m->note.body);
    note.data = merge_data (&a, made.data, m->note.data);
    note.escalate_ms = to->to ? now + to->after_ms : 0;
    n->stale = true;
    return sb_journal_note_escalate (n->journal, m->note.id, &note, faults);
}

bool
sb_notifier_save (struct sb_notifier *n, int64_t now, struct sb_faults *faults)
{
    int64_t ignored;
    size_t k;

    if (n->acked_ms > 0 && !sb_journal_note_ack (n->journal, n->run, n->acked_ms, n->acked_uid, &ignored, faults))
        return false;
    n->acked_ms = 0;
    for (k = 0; k < n->count; k++) {
        struct message *m = &n->messages[k];
        if (m->unsaved
            && !sb_journal_note_result (n->journal, m->note.id, m->note.state, m->note.tries, m->note.next_ms,
                                        m->note.receipt, faults))
            return false;
        m->unsaved = false;
        if (m->escalated && !escalate (n, m, now, faults))
            return false;
    }
    return true;
}

size_t
sb_notifier_waiting (const struct sb_notifier *n)
{
    size_t k, waiting = n->stale ? 1 : 0;

    for (k = 0; k < n->count; k++)
        waiting += is_open (&n->messages[k]) ? 1 : 0;
    return waiting;
}

size_t
sb_notifier_flying (const struct sb_notifier *n)
{
    size_t k, flying = 0;

    for (k = 0; k < n->count; k++)
        flying += n->messages[k].flying ? 1 : 0;
    return flying;
}

int64_t
sb_notifier_due (const struct sb_notifier *n)
{
    int64_t due = n->stale ? 0 : SB_NEVER;
    size_t k;

    for (k = 0; k < n->count; k++) {
        const struct message *m = &n->messages[k];
        if (is_open (m) && !m->flying && m->note.next_ms < due)
            due = m->note.next_ms;
        if (m->note.escalate_ms > 0 && m->note.escalate_ms < due)
            due = m->note.escalate_ms;
    }
    return due;
}
