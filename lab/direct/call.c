/* Calls: how they begin, go on step by step, and answer. */
#include "core/base/text.h"
#include "lab/direct/intern.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LONGEST_MS 600000 /* what direct_finish() waits for a call without a deadline */

static const struct d_verb *
verb_of (const char *role, const char *verb)
{
    for (size_t i = 0; i < d_nverbs; i++)
        if (strcmp (d_verbs[i].name, verb) == 0 && strcmp (d_verbs[i].role, role) == 0)
            return &d_verbs[i];
    return NULL;
}

bool
direct_knows (const char *role, const char *verb)
{
    return verb_of (role, verb) != NULL;
}

bool
direct_verifies (const char *role, const char *verb)
{
    const struct d_verb *v = verb_of (role, verb);

    return v != NULL && v->see != NULL;
}

size_t
direct_call_size (const struct d_call *c)
{
    return offsetof (struct d_call, text) + c->ntext;
}

/* What the words of a role mean: kind of the object, kind of the target. */
static const struct {
    const char *role, *object, *target;
} roles[] = { { "database", "database", "instance" },
              { "pool", "pool", "server" },
              { "share", "share", NULL },
              { "fence", "fence", "site" },
              { "notify", "channel", NULL } };

bool
direct_begin (const struct direct *d, const struct world *w, struct d_call *c, const char *role, const char *verb,
              bool verify, const char *object, const char *target)
{
    const struct d_verb *v = verb_of (role, verb);
    size_t r = 0;
    w_id id;

    memset (c, 0, offsetof (struct d_call, text));
    while (r < sizeof roles / sizeof *roles && strcmp (roles[r].role, role) != 0)
        r++;
    id = r == sizeof roles / sizeof *roles ? 0 : d_id (d, roles[r].object, object);
    if (v == NULL || id == 0)
        return false;
    c->verb = (uint16_t) (v - d_verbs + 1);
    c->verify = verify;
    (void) w;
    if (r == 0)
        c->database = id;
    else
        c->other = id;
    if (target != NULL && *target != 0 && roles[r].target != NULL) {
        c->on = d_id (d, roles[r].target, target);
        return c->on != 0;
    }
    return true;
}

bool
direct_option (struct d_call *c, const char *key, const char *value)
{
    size_t a = strlen (key) + 1, b = strlen (value) + 1;

    if (c->ntext + a + b > sizeof c->text)
        return false;
    memcpy (c->text + c->ntext, key, a);
    memcpy (c->text + c->ntext + a, value, b);
    c->ntext = (uint16_t) (c->ntext + a + b);
    return true;
}

/* ------------------------------------------------------------------ pairs of texts */

static const char *
pair_find (const char *text, size_t n, const char *key)
{
    for (size_t at = 0; at < n;) {
        const char *k = text + at, *v = k + strlen (k) + 1;

        if (strcmp (k, key) == 0)
            return v;
        at = (size_t) (v - text) + strlen (v) + 1;
    }
    return NULL;
}

const char *
d_option (const struct step *s, const char *key)
{
    const char *value = pair_find (s->c->text, s->c->ntext, key);

    return value == NULL || *value == 0 ? NULL : value;
}

const char *
direct_result (const struct d_answer *a, const char *key)
{
    return pair_find (a->text, a->ntext, key);
}

bool
direct_next (const struct d_answer *a, const char **key, const char **value)
{
    const char *k = *key == NULL ? a->text : *value + strlen (*value) + 1;

    if (k >= a->text + a->ntext)
        return false;
    *key = k;
    *value = k + strlen (k) + 1;
    return true;
}

/* A later value replaces the one before; what does not fit is cut. */
void
d_tell (struct step *s, const char *key, const char *value)
{
    struct d_answer *a = s->a;
    const char *old = pair_find (a->text, a->ntext, key);
    size_t n = strlen (key) + 1, room, len;

    if (old != NULL) {
        char *from = a->text + (old - a->text) - n, *to = a->text + (old - a->text) + strlen (old) + 1;

        memmove (from, to, (size_t) (a->text + a->ntext - to));
        a->ntext = (uint16_t) (a->ntext - (to - from));
    }
    if (a->ntext + n + 1 > sizeof a->text)
        return;
    room = sizeof a->text - a->ntext - n - 1;
    len = strnlen (value, room);
    memcpy (a->text + a->ntext, key, n);
    memcpy (a->text + a->ntext + n, value, len);
    a->text[a->ntext + n + len] = 0;
    a->ntext = (uint16_t) (a->ntext + n + len + 1);
}

void
d_tellf (struct step *s, const char *key, const char *fmt, ...)
{
    char text[D_RESULTS / 2];
    va_list args;

    va_start (args, fmt);
    vsnprintf (text, sizeof text, fmt, args);
    va_end (args);
    d_tell (s, key, text);
}

void
d_tell_lsn (struct step *s, const char *key, w_lsn lsn)
{
    d_tellf (s, key, "%lld", (long long) lsn);
}

void
d_tell_time (struct step *s, const char *key, int64_t ms)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    sb_format_utc (&b, ms);
    d_tell (s, key, sb_buf_cstr (&b));
}

/* ------------------------------------------------------------------ ends */

static enum go
ended (struct step *s, enum d_rc rc)
{
    const struct d_verb *v = &d_verbs[s->c->verb - 1];

    if (rc != D_OK && s->c->pending == 0 && v->cleanup != NULL && s->c->phase >= v->guarded
        && s->c->phase <= v->guarded_to) {
        s->c->pending = (uint8_t) (rc + 1);
        s->c->phase = s->c->round = 0;
        return GO_AGAIN;
    }
    s->a->word = s->c->pending != 0 ? (uint8_t) (s->c->pending - 1) : (uint8_t) rc;
    return GO_END;
}

enum go
d_fail (struct step *s, enum d_rc rc, const char *fmt, ...)
{
    va_list args;

    if (s->c->pending == 0) { /* the first failure is the one that is told */
        va_start (args, fmt);
        vsnprintf (s->a->sentence, sizeof s->a->sentence, fmt, args);
        va_end (args);
    }
    return s->c->verify ? GO_END : ended (s, rc);
}

enum go
d_done (struct step *s)
{
    s->a->word = D_OK;
    return GO_END;
}

enum go
d_nap (struct step *s, int64_t until_ms)
{
    s->c->wake_ms = until_ms;
    s->c->napping = 1;
    return GO_WAIT;
}

/* ------------------------------------------------------------------ steps */

/* The pause ends early: asked to stop, or no time left. */
static enum go
wake (struct step *s)
{
    struct d_call *c = s->c;

    if (!c->napping)
        return GO_NEXT;
    c->napping = 0;
    if (c->deadline_ms != 0 && s->w->now_ms >= c->deadline_ms)
        return d_fail (s, D_RETRY, "no time left");
    if (c->stop)
        return d_fail (s, D_STOPPED, "stopped as asked");
    return GO_NEXT;
}

static const phase_fn *
phases_of (const struct d_call *c)
{
    const struct d_verb *v = &d_verbs[c->verb - 1];

    return c->pending != 0 ? v->cleanup : v->phases;
}

/* What a phase said, for the caller. */
static bool
took (struct step *s, enum go go, enum d_more *ret)
{
    struct d_call *c = s->c;

    if (go == GO_NEXT) {
        c->phase++;
        c->round = 0;
        c->count = 0;
        c->since_ms = 0;
    }
    *ret = go == GO_END ? D_END : go == GO_WAIT ? D_WAIT : D_MORE;
    return go == GO_END || go == GO_WAIT || s->acted;
}

static enum d_more
run (struct step *s)
{
    struct d_call *c = s->c;
    enum d_more more = D_MORE;
    enum go go = wake (s);

    if (go == GO_END)
        return D_END;
    for (;;) {
        phase_fn phase = phases_of (c)[c->phase];

        if (phase == NULL) {
            s->a->word = (uint8_t) (c->pending != 0 ? c->pending - 1 : D_OK);
            return D_END;
        }
        if (took (s, phase (s), &more))
            return more;
    }
}

enum d_more
direct_step (const struct direct *d, struct d_call *c, struct d_place *p, struct d_answer *ret)
{
    struct step s = { .d = d, .c = c, .p = p, .a = ret, .w = p->world };
    enum d_more more = D_END;

    ret->did = 0;
    ret->word = 0;
    ret->reserved = 0;
    ret->ntext = 0;
    ret->number = 0;
    ret->sentence[0] = 0;
    if (c->database != 0)
        s.db = &d->databases[c->database - 1];
    d_files_bind (&s.files, &s.bound, d, p->world, p->files);
    if (c->verify)
        ret->word = (uint8_t) d_verbs[c->verb - 1].see (&s);
    else
        more = run (&s);
    return more;
}

void
direct_finish (const struct direct *d, struct d_call *c, struct d_place *p, struct d_answer *ret)
{
    int64_t due, end = c->deadline_ms != 0 ? c->deadline_ms : p->world->now_ms + LONGEST_MS;
    enum d_more more;

    c->deadline_ms = end;
    while ((more = direct_step (d, c, p, ret)) != D_END) {
        if (more != D_WAIT)
            continue;
        due = w_next_due (p->world);
        due = due < c->wake_ms ? due : c->wake_ms;
        due = due < end ? due : end;
        direct_tick (d, p, due > p->world->now_ms ? due : p->world->now_ms + 1);
    }
}
