/* The stage: workers come to a socket before a call and before its answer
 * (core/host/stage.h), and wait there until the cue that is due lets them go. */
#include "prove/replay.h"
#include "prove/script.h"

#include "core/sys/clock.h"
#include "core/sys/socket.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MS 5000  /* a worker says its line at once */
#define CALM_MS 10000 /* who has not come by then waits behind somebody else */

static const char *const seen_words[] = { "no", "yes", "partly", "unknown" };
static const char *const rc_words[] = { "ok", "retry", "fail", "unsure", "stopped", "died" };

bool
p_conduct_open (struct p_conduct *d, struct p_script *s, struct p_wire *w, struct sb_faults *faults)
{
    *d = (struct p_conduct){ .script = s, .wire = w, .listener = -1, .heard_ms = sb_mono_ms () };
    d->seen = sb_xcalloc (s->nacts + 1, sizeof *d->seen);
    d->last = sb_xcalloc (s->c->plan.count + 1, sizeof *d->last);
    d->said = sb_xcalloc (s->c->plan.count + 1, sizeof *d->said);
    d->listener = sb_unix_listen (w->stage, faults);
    return d->listener >= 0 && sb_fd_nonblock (d->listener, true);
}

static void
forget (struct p_conduct *d, struct p_held *h)
{
    sb_fd_close (&h->fd);
    *h = d->held[--d->nheld];
}

void
p_conduct_close (struct p_conduct *d)
{
    uint32_t i;

    while (d->nheld > 0)
        forget (d, &d->held[0]);
    sb_fd_close (&d->listener);
    for (i = 0; d->said && i < d->script->c->plan.count; i++)
        sb_buf_free (&d->said[i]);
    free (d->held);
    free (d->seen);
    free (d->last);
    free (d->said);
}

void
p_conduct_new_life (struct p_conduct *d)
{
    size_t i;

    for (i = 0; i < d->nheld; i++)
        kill ((pid_t) d->held[i].pid, SIGKILL); /* as its parent's death does */
    while (d->nheld > 0)
        forget (d, &d->held[0]);
    for (i = 0; i < d->script->c->plan.count; i++) {
        d->last[i] = (struct p_last){ 0 };
        sb_buf_clear (&d->said[i]);
    }
    d->life++;
    d->ended = false;
}

struct p_held *
p_conduct_find (struct p_conduct *d, uint32_t act, bool answer)
{
    size_t i;

    for (i = 0; i < d->nheld; i++)
        if (d->held[i].act == act && (d->held[i].word != P_WORD_NONE) == answer)
            return &d->held[i];
    return NULL;
}

/* ---------------------------------------------------------------- who may go */

static enum p_relation
stands (const struct p_conduct *d, uint32_t act)
{
    return !d->cue || act == P_NO_ACT ? P_REL_ASKING : (enum p_relation) d->cue->relations[act];
}

static bool
may_go (const struct p_conduct *d, const struct p_held *h)
{
    enum p_relation is = stands (d, h->act);

    if (d->cue && h->act == d->cue->act && h->act != P_NO_ACT) {
        if (d->cue->kind == P_CUE_NOT_HEARD)
            return h->word == P_WORD_NONE;
        if (d->cue->kind == P_CUE_DEATH && d->cue->what == 1)
            return h->word == P_WORD_NONE || (is == P_REL_OVER && d->script->acts[h->act].word != h->word);
    }
    if (h->word != P_WORD_NONE)
        return is != P_REL_EXIT && !(d->cue && d->cue->kind == P_CUE_BROKEN && is == P_REL_BETWEEN);
    if (is == P_REL_PAUSE)
        return d->seen[h->act].answers == 0;
    return is != P_REL_LATER && is != P_REL_ENTRANCE;
}

static void
heard_answer (struct p_conduct *d, const struct p_held *h)
{
    if (h->act == P_NO_ACT)
        return;
    d->seen[h->act].answers++;
    d->seen[h->act].word = h->word;
}

void
p_conduct_let_go (struct p_conduct *d, struct p_held *h)
{
    if (h->word != P_WORD_NONE)
        heard_answer (d, h);
    forget (d, h);
}

void
p_conduct_kill (struct p_conduct *d, struct p_held *h)
{
    struct sb_buf *said = &d->said[d->script->acts[h->act].step];

    kill ((pid_t) h->pid, SIGKILL);
    d->seen[h->act].killed = true;
    d->seen[h->act].answers++;
    d->seen[h->act].word = P_WORD_DIED;
    sb_buf_printf (said, "%sits worker is killed", said->len ? ", " : "");
    forget (d, h);
}

/* ---------------------------------------------------------------- who comes */

static uint32_t
act_of (struct p_conduct *d, uint32_t step, uint8_t op, bool undo, bool begins)
{
    struct p_last *last = &d->last[step];

    if (begins && (!last->any || last->op != op || last->undo != undo))
        *last = (struct p_last){ op, undo, last->any ? (uint16_t) (last->index + 1) : 0, true, last->yes };
    return p_script_act (d->script, d->life, step, op, undo, last->index);
}

static void
write_down (struct p_conduct *d, uint32_t step, uint8_t op, bool undo, int word)
{
    struct sb_buf *to = &d->said[step];
    const char *text = op == SB_CALL_VERIFY ? seen_words[word & 3] : rc_words[word >= 0 && word < 6 ? word : 3];
    SB_AUTOFREE char *line = sb_xprintf ("%s%s%s", undo ? "undo " : "", op == SB_CALL_VERIFY ? "" : "ran ", text);
    size_t n = strlen (line);

    if (to->len >= n && strcmp (to->s + to->len - n, line) == 0)
        return; /* it was asked the same again */
    sb_buf_printf (to, "%s%s", to->len ? ", " : "", line);
}

/* begin PID ID STEP VERB, or answer PID ID STEP VERB WORD */
static void
take_line (struct p_conduct *d, int fd, char *line)
{
    char *part[6] = { NULL }, *rest = line;
    const struct sb_plan *plan = &d->script->c->plan;
    struct p_held h = { .fd = fd, .word = P_WORD_NONE };
    uint64_t id;
    uint32_t step;
    uint8_t op;
    bool undo;
    size_t n;

    for (n = 0; n < 6 && rest != NULL; n++)
        part[n] = strsep (&rest, "\t");
    id = n >= 5 ? strtoull (part[2], NULL, 10) : 0;
    step = id >= 4 ? (uint32_t) (id / 4 - 1) : SB_NO_STEP;
    op = (uint8_t) (id % 4);
    if (step >= plan->count || strcmp (plan->steps[step].name, part[3]) != 0) { /* a call of something else */
        sb_fd_close (&fd);
        return;
    }
    undo = op == SB_CALL_RUN && plan->steps[step].verb && strcmp (plan->steps[step].verb, part[4]) != 0;
    undo = undo || (op == SB_CALL_VERIFY && plan->steps[step].verb && strcmp (plan->steps[step].verb, part[4]) != 0);
    h.pid = atol (part[1]);
    if (strcmp (part[0], "answer") == 0 && n == 6) {
        h.word = atoi (part[5]);
        write_down (d, step, op, undo, h.word);
    }
    h.act = act_of (d, step, op, undo, h.word == P_WORD_NONE);
    if (op == SB_CALL_VERIFY && !undo && h.word != P_WORD_NONE)
        d->last[step].yes = h.word == SB_SEEN_YES;
    if (h.act != P_NO_ACT && h.word == P_WORD_NONE)
        d->seen[h.act].begun++;
    SB_PUSH (d->held, d->nheld, d->held_cap) = h;
}

static void
accept_one (struct p_conduct *d)
{
    int64_t deadline = sb_deadline_in (LINE_MS);
    int fd = sb_unix_accept (d->listener);
    char line[1024];
    size_t n = 0;

    while (fd >= 0 && n + 1 < sizeof line && sb_fd_wait (fd, POLLIN, deadline) && read (fd, line + n, 1) == 1) {
        if (line[n] == '\n') {
            line[n] = 0;
            d->heard_ms = sb_mono_ms ();
            take_line (d, fd, line);
            return;
        }
        n++;
    }
    sb_fd_close (&fd);
}

static void
look_at_run (struct p_conduct *d)
{
    if (!d->ended && d->wire->run > 0)
        d->ended = p_wire_ended (d->wire, sb_deadline_in (0), &d->end);
}

void
p_conduct_pump (struct p_conduct *d, int ms)
{
    struct pollfd p = { .fd = d->listener, .events = POLLIN };
    size_t i;

    if (poll (&p, 1, ms) == 1)
        accept_one (d);
    for (i = 0; i < d->nheld;)
        if (d->cue && d->cue->kind == P_CUE_NOT_HEARD && d->held[i].act == d->cue->act
            && d->held[i].word != P_WORD_NONE)
            i++; /* play() ends it */
        else if (may_go (d, &d->held[i]))
            p_conduct_let_go (d, &d->held[i]);
        else
            i++;
    look_at_run (d);
}

/* ---------------------------------------------------------------- is everybody there */

static bool
waits (const struct p_conduct *d, uint32_t act, bool answer)
{
    size_t i;

    for (i = 0; i < d->nheld; i++)
        if (d->held[i].act == act && (d->held[i].word != P_WORD_NONE) == answer)
            return true;
    return false;
}

static const char *
word_text (const struct p_act *a, int word)
{
    return word < 0                  ? "nothing"
           : word == P_WORD_DIED     ? "died"
           : a->op == SB_CALL_VERIFY ? seen_words[word & 3]
                                     : rc_words[word % 6];
}

/* Servers are slower or faster than their models: a step that is so already, or that had to be run first, has come to the
 * same when its last question before the cue was answered yes in the story and here. */
static bool
came_to_the_same (const struct p_conduct *d, uint32_t act)
{
    const struct p_act *a = &d->script->acts[act], *last = NULL;
    size_t i;

    for (i = 0; i < d->script->nacts; i++)
        if (d->script->acts[i].step == a->step && d->script->acts[i].life == a->life
            && d->cue->relations[i] != P_REL_LATER) {
            if (d->cue->relations[i] != P_REL_OVER)
                return false;
            last = &d->script->acts[i];
        }
    return last && last->op == SB_CALL_VERIFY && !last->undo && last->word == SB_SEEN_YES && d->last[a->step].yes;
}

static char *
not_yet (const struct p_conduct *d, uint32_t act)
{
    const struct p_act *a = &d->script->acts[act];
    const struct p_seen *seen = &d->seen[act];
    const char *step = d->script->c->plan.steps[a->step].name;
    const char *what = a->op == SB_CALL_VERIFY ? "the question" : "the call";

    switch (stands (d, act)) {
    case P_REL_OVER:
        if ((seen->answers > 0 && (seen->killed || a->word < 0 || a->word == seen->word)) || came_to_the_same (d, act))
            return NULL;
        if (seen->answers == 0)
            return sb_xprintf ("%s of %s was not answered", what, step);
        return sb_xprintf ("%s of %s was answered %s, and the story has %s", what, step, word_text (a, seen->word),
                           word_text (a, a->word));
    case P_REL_EXIT:
        return waits (d, act, true) ? NULL : sb_xprintf ("%s of %s has not done all it does", what, step);
    case P_REL_ENTRANCE:
        if (waits (d, act, false))
            return NULL;
        if (act != d->cue->act && sb_mono_ms () - d->heard_ms > CALM_MS)
            return NULL; /* it waits behind another call of its lane */
        return sb_xprintf ("%s of %s has not begun", what, step);
    case P_REL_PAUSE:
        if (seen->answers > 0 && waits (d, act, false))
            return NULL;
        return sb_xprintf ("%s of %s is not asked again: it was answered %s at once", what, step,
                           word_text (a, seen->answers ? seen->word : P_WORD_NONE));
    case P_REL_ASKING:
        return seen->begun > 0 ? NULL : sb_xprintf ("%s of %s has not begun", what, step);
    case P_REL_BETWEEN:
    case P_REL_LATER:
        break;
    }
    return NULL;
}

/* With a death after an answer: that answer is there. */
static bool
death_is_due (const struct p_conduct *d)
{
    return d->cue->kind == P_CUE_DEATH && d->cue->what == 1 && waits (d, d->cue->act, true);
}

bool
p_conduct_ready (const struct p_conduct *d, char **ret_why)
{
    uint32_t i;

    *ret_why = NULL;
    for (i = 0; i < d->script->nacts && !*ret_why; i++) {
        if (d->script->acts[i].life != d->life
            || (i == d->cue->act && (death_is_due (d) || d->cue->kind == P_CUE_NOT_HEARD)))
            continue;
        *ret_why = not_yet (d, i);
    }
    if (!*ret_why && d->cue->kind == P_CUE_NOT_HEARD && !waits (d, d->cue->act, true))
        *ret_why = sb_xprintf ("the call of %s has not done all it does",
                               d->script->c->plan.steps[d->script->acts[d->cue->act].step].name);
    if (!*ret_why && d->script->finish && d->cue->line > d->script->finish && !d->ended)
        *ret_why = sb_xstrdup ("the run has not ended");
    return *ret_why == NULL;
}
