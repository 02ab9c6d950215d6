/* Messages to people: queued in the journal in the same batch as what they tell,
 * delivered through lanes beside the run, tried again with growing pauses, marked
 * with a receipt.  A channel has one message under way at a time, in order.
 * Nothing here delays or fails a step. */
#include "core/engine/run_internal.h"

#include "core/base/text.h"
#include "core/sys/clock.h"

#include <stdlib.h>
#include <string.h>

#define DEADLINE_MS    60000
#define FIRST_PAUSE_MS 1000
#define MOST_PAUSE_MS  60000
#define MOST_TRIES     100

struct message {
    struct sb_note note; /* texts in the arena of the notifier */
    bool flying, unsaved;
};

struct channel {
    const char *name, *plugin;
    char **events;
    bool busy;
};

struct sb_notifier {
    struct sb_journal *journal;
    const char *run;
    bool drill;
    struct sb_arena arena;
    struct channel *channels;
    size_t nchannels, channels_cap;
    struct message *messages;
    size_t count, cap;
    bool stale; /* the journal has messages that are not in the list */
};

/* ---------------------------------------------------------------- channels */

struct sb_notifier *
sb_notifier_new (const struct sb_topology *t, struct sb_journal *j, const char *run, bool drill)
{
    struct sb_notifier *n = sb_xcalloc (1, sizeof *n);
    const struct sb_object *o;
    size_t i, count;

    n->journal = j;
    n->run = run;
    n->drill = drill;
    for (i = 0; (o = sb_topology_nth (t, "channel", i)); i++) {
        const char *events = sb_object_attr (o, "events");
        struct channel *c = &SB_PUSH (n->channels, n->nchannels, n->channels_cap);
        *c = (struct channel){ .name = o->name, .plugin = o->plugin };
        c->events = sb_split_list (&n->arena, events ? events : "", &count);
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

bool
sb_notifier_queue (struct sb_notifier *n, const char *event, const char *key, const char *subject, const char *body,
                   int64_t now, struct sb_faults *faults)
{
    SB_AUTOFREE char *line = sb_xprintf ("%s%s", n->drill ? "DRILL " : "", subject);
    size_t k;

    for (k = 0; k < n->nchannels; k++) {
        struct sb_note note = { .at_ms = now,
                                .run = n->run,
                                .channel = n->channels[k].name,
                                .event = event,
                                .key = key,
                                .subject = line,
                                .body = body,
                                .next_ms = now };
        if (!sb_list_has (n->channels[k].events, event))
            continue;
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
    if (!sb_journal_notes (n->journal, n->run, "queued", &n->arena, &notes, &count, faults))
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

static bool
send (struct message *m, const struct channel *c, const struct sb_launcher *l)
{
    const struct sb_call_param params[] = { { .name = "id", .value = m->note.key },
                                            { .name = "event", .value = m->note.event },
                                            { .name = "subject", .value = m->note.subject },
                                            { .name = "body", .value = m->note.body } };
    const struct sb_call_spec spec = { .id = SB_NOTE_CALLS | (uint64_t) m->note.id,
                                       .plugin = c->plugin,
                                       .kind = "channel",
                                       .object = c->name,
                                       .verb = "send",
                                       .op = SB_OP_RUN,
                                       .params = params,
                                       .nparams = 4,
                                       .deadline_ms = DEADLINE_MS,
                                       .attempt = m->note.tries + 1 };

    return l->call (l->self, &spec);
}

void
sb_notifier_pump (struct sb_notifier *n, const struct sb_launcher *l, int64_t now)
{
    SB_CLEANUP (sb_faults_free) struct sb_faults ignored = { 0 };
    size_t k;

    if (n->stale)
        sb_notifier_load (n, &ignored); /* a journal that cannot be read is the run's own trouble */
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
    int64_t id = (int64_t) (ev->id & ~SB_NOTE_CALLS);
    int64_t pause = FIRST_PAUSE_MS;
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
    if (ev->type == SB_LANE_ANSWER && ev->rc == SB_OK)
        m->note.state = "sent";
    else if (m->note.tries >= MOST_TRIES || (ev->type == SB_LANE_ANSWER && ev->rc == SB_FAIL))
        m->note.state = "given up";
    for (k = 1; k < m->note.tries && pause < MOST_PAUSE_MS; k++)
        pause *= 2;
    m->note.next_ms = now + (pause < MOST_PAUSE_MS ? pause : MOST_PAUSE_MS);
}

bool
sb_notifier_unsaved (const struct sb_notifier *n)
{
    size_t k;

    for (k = 0; k < n->count; k++)
        if (n->messages[k].unsaved)
            return true;
    return false;
}

bool
sb_notifier_save (struct sb_notifier *n, struct sb_faults *faults)
{
    size_t k;

    for (k = 0; k < n->count; k++) {
        struct message *m = &n->messages[k];
        if (!m->unsaved)
            continue;
        if (!sb_journal_note_result (n->journal, m->note.id, m->note.state, m->note.tries, m->note.next_ms,
                                     m->note.receipt, faults))
            return false;
        m->unsaved = false;
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

int64_t
sb_notifier_due (const struct sb_notifier *n)
{
    int64_t due = n->stale ? 0 : SB_NEVER;
    size_t k;

    for (k = 0; k < n->count; k++)
        if (is_open (&n->messages[k]) && !n->messages[k].flying && n->messages[k].note.next_ms < due)
            due = n->messages[k].note.next_ms;
    return due;
}

/* ---------------------------------------------------------------- what a message says */

static const char *const news_lines[SB_NEWS] = {
    [SB_NEWS_BEGIN] = "begins",
    [SB_NEWS_GATE] = "waits for an answer",
    [SB_NEWS_FAILED] = "failed",
    [SB_NEWS_HELD] = "is held",
    [SB_NEWS_OWED] = "is owed",
    [SB_NEWS_DARK] = "a site is dark",
    [SB_NEWS_UNDO] = "is being taken back",
    [SB_NEWS_FINISH] = "ended",
};

static void
add_step (struct sb_run *run, struct sb_buf *out, uint32_t step)
{
    const struct sb_run_step *w = &run->steps[step];
    const struct sb_engine_step *s = &sb_engine_steps (run->e)[step];

    sb_buf_printf (out, "\nStep %s: %s\n", run->plan->steps[step].name, run->plan->steps[step].title);
    if (s->why != SB_WHY_NONE)
        sb_buf_printf (out, "Reason: %s\n", sb_reason_texts[s->why]);
    if (w->sentence)
        sb_buf_printf (out, "%s\n", w->sentence);
    if (w->question && s->phase == SB_PHASE_ASKED)
        sb_buf_printf (out, "%s\nHINT: Answer with: switchback approve %s %s\n", w->question, run->cfg->run,
                       run->plan->gates[run->plan->steps[step].gate].name);
}

bool
sb_run_tell (struct sb_run *run, const struct sb_command *c)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf subject = { 0 }, body = { 0 }, key = { 0 };
    const struct sb_plan *p = run->plan;

    if (run->notify->nchannels == 0)
        return true;
    sb_buf_printf (&subject, "switchback: %s of %s: ", p->workflow, p->pool);
    sb_buf_printf (&key, "%s/%d/%s/%lld", run->cfg->run, (int) c->news,
                   c->step == SB_NO_STEP ? "" : p->steps[c->step].name, (long long) sb_run_now (run));
    if (c->step != SB_NO_STEP)
        sb_buf_printf (&subject, "%s %s", p->steps[c->step].name, news_lines[c->news]);
    else if (c->news == SB_NEWS_FINISH)
        sb_buf_printf (&subject, "%s", sb_outcome_words[run->e->outcome].text);
    else
        sb_buf_printf (&subject, "%s", news_lines[c->news]);
    sb_buf_printf (&body, "%sRun %s on pool %s: %s\n", p->drill ? "This is a DRILL.\n" : "", run->cfg->run, p->pool,
                   p->title);
    if (c->step != SB_NO_STEP)
        add_step (run, &body, c->step);
    sb_buf_printf (&body, "\nJournal head: record %lld", (long long) run->head.seq);
    if (run->head.seq > 0) {
        sb_buf_str (&body, ", ");
        sb_hex (run->head.hash, SB_HASH_BYTES, &body);
    }
    sb_buf_char (&body, '\n');
    return sb_notifier_queue (run->notify, sb_news_names[c->news], sb_buf_cstr (&key), sb_buf_cstr (&subject),
                              sb_buf_cstr (&body), sb_run_now (run), run->faults);
}

/* For channels that want every step. */
bool
sb_run_tell_step (struct sb_run *run, const struct sb_engine_record *r)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf subject = { 0 }, key = { 0 };
    const char *state = sb_record_words[r->kind].text;
    bool ends = r->kind == SB_REC_DONE || r->kind == SB_REC_ADOPTED || r->kind == SB_REC_SKIPPED
                || r->kind == SB_REC_UNDONE;

    if (!ends || run->notify->nchannels == 0)
        return true;
    sb_buf_printf (&subject, "switchback: %s of %s: %s: %s", run->plan->workflow, run->plan->pool,
                   run->plan->steps[r->step].title, state);
    sb_buf_printf (&key, "%s/step/%s/%lld", run->cfg->run, run->plan->steps[r->step].name, (long long) r->at);
    return sb_notifier_queue (run->notify, "step", sb_buf_cstr (&key), sb_buf_cstr (&subject), "", r->at, run->faults);
}
