/* Answers: numbers and arguments in order; and the events that an operation
 * causes for doors elsewhere. */
#include "lab/world/intern.h"

#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
w_out_init (struct w_out *out)
{
    memset (out, 0, sizeof *out);
    out->ntext = 1;
}

static uint16_t
add_arg (struct w_out *out, const char *s, size_t n)
{
    uint16_t at = out->ntext;

    if (n > sizeof out->text - at - 1u)
        n = sizeof out->text - at - 1u;
    if (n == 0)
        return 0;
    memcpy (out->text + at, s, n);
    out->text[at + n] = 0;
    out->ntext = (uint16_t) (at + n + (at + n + 1 < sizeof out->text));
    return at;
}

static void __attribute__ ((format (printf, 3, 0))) say (struct w_out *out, int number, const char *fmt, va_list args)
{
    char text[sizeof out->text];
    struct w_msg *m;
    char *at = text;
    size_t n;

    if (out->nmsgs == sizeof out->msgs / sizeof *out->msgs)
        return;
    m = &out->msgs[out->nmsgs++];
    m->number = number;
    if (fmt == NULL)
        return;
    vsnprintf (text, sizeof text, fmt, args);
    for (;;) {
        n = strcspn (at, "\1");
        m->arg[m->nargs++] = add_arg (out, at, n);
        if (at[n] == 0 || m->nargs == sizeof m->arg / sizeof *m->arg)
            return;
        at += n + 1;
    }
}

void
w_out_say (struct w_out *out, int number, const char *fmt, ...)
{
    va_list args;

    va_start (args, fmt);
    say (out, number, fmt, args);
    va_end (args);
}

void
w_fail (struct w_out *out, int number, const char *fmt, ...)
{
    va_list args;

    va_start (args, fmt);
    say (out, number, fmt, args);
    va_end (args);
    out->status = W_FAILED;
}

const char *
w_out_arg (const struct w_out *out, const struct w_msg *m, unsigned i)
{
    return i < m->nargs && m->arg[i] < sizeof out->text ? out->text + m->arg[i] : "";
}

bool
w_out_has (const struct w_out *out, int number)
{
    for (unsigned i = 0; i < out->nmsgs; i++)
        if (out->msgs[i].number == number)
            return true;
    return false;
}

/* Events wait here until the world process fetches them.  One operation can cut every session. */
static __thread struct w_event waiting[W_MAX_SESSIONS + 4 * W_MAX_INSTANCES];
static __thread size_t nwaiting;

void
w_event (enum w_event_kind kind, w_id instance, uint16_t spid, bool killed)
{
    if (nwaiting == sizeof waiting / sizeof *waiting) /* nobody takes them: exploration */
        nwaiting = 0;
    waiting[nwaiting++] = (struct w_event){ (uint16_t) kind, instance, spid, killed };
}

size_t
w_events_take (struct w_event *ret, size_t max)
{
    size_t n = nwaiting < max ? nwaiting : max;

    memcpy (ret, waiting, n * sizeof *ret);
    memmove (waiting, waiting + n, (nwaiting - n) * sizeof *waiting);
    nwaiting -= n;
    return n;
}
