/* Messages to the client: from the catalogue, from the world, from a script. */
#include "lab/tds/messages.h"
#include "lab/tds/session.h"

#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
tds_say_text (struct tds_session *s, const struct sb_sql_run *r, int number, int state, int severity, const char *text)
{
    if (severity > 10)
        s->error = number;
    if (severity > 10 && severity < 20 && s->tries > 0) { /* the last of several is what CATCH hears of */
        s->caught = (struct tds_error){ .number = number, .state = state, .severity = severity };
        s->caught.line = r == NULL ? 1 : r->line;
        snprintf (s->caught.proc, sizeof s->caught.proc, "%s", r == NULL ? "" : r->proc);
        snprintf (s->caught.text, sizeof s->caught.text, "%s", text);
        return;
    }
    sb_tds_say (&s->out, number, state, severity, text, r == NULL ? "" : r->proc, r == NULL ? 1 : r->line);
    if (severity >= 20)
        s->over = true;
}

static void
say_list (struct tds_session *s, const struct sb_sql_run *r, int number, int state, va_list *args)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    const struct sb_sql_message *m = sb_sql_message_find (number);

    if (m == NULL) {
        tds_say_text (s, r, number, 1, 16, "The statement failed.");
        return;
    }
    sb_sql_message_format (m->text, args, &text);
    tds_say_text (s, r, number, state < 0 ? m->state : state, m->severity, sb_buf_cstr (&text));
}

void
tds_say (struct tds_session *s, const struct sb_sql_run *r, int number, ...)
{
    va_list args;

    va_start (args, number);
    say_list (s, r, number, -1, &args);
    va_end (args);
}

void
tds_say_state (struct tds_session *s, const struct sb_sql_run *r, int number, int state, ...)
{
    va_list args;

    va_start (args, state);
    say_list (s, r, number, state, &args);
    va_end (args);
}

/* The world's arguments are texts; every conversion of the catalogue takes the next one. */
static void
fill (const char *text, const struct w_out *out, const struct w_msg *m, struct sb_buf *b)
{
    unsigned arg = 0;

    while (*text != 0) {
        size_t plain = strcspn (text, "%");
        sb_buf_add (b, text, plain);
        text += plain;
        if (*text == 0)
            break;
        text++;
        if (*text == '%') {
            sb_buf_char (b, *text++);
            continue;
        }
        text += strspn (text, "0123456789.*lhI");
        text += strncmp (text, "S_", 2) == 0 ? strspn (text, "S_MGPIDLN") : *text != 0;
        sb_buf_str (b, arg < m->nargs ? w_out_arg (out, m, arg) : "");
        arg++;
    }
}

bool
tds_say_out (struct tds_session *s, const struct sb_sql_run *r, const struct w_out *out)
{
    bool good = out->status == W_DONE;

    for (unsigned i = 0; i < out->nmsgs; i++) {
        SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
        const struct sb_sql_message *m = sb_sql_message_find (out->msgs[i].number);
        fill (m == NULL ? "The operation failed." : m->text, out, &out->msgs[i], &text);
        if (m == NULL || m->severity > 10)
            good = false;
        if (out->msgs[i].number == 5060 && strcmp (w_out_arg (out, &out->msgs[i], 0), "100") == 0) {
            tds_say_text (s, r, 5060, 1, 10, text.s); /* the second of the two has another state */
            continue;
        }
        tds_say_text (s, r, out->msgs[i].number,
                      out->msgs[i].state != 0 ? out->msgs[i].state
                      : m == NULL             ? 1
                                              : m->state,
                      m == NULL ? 16 : m->severity, sb_buf_cstr (&text));
    }
    return good;
}
