/* An SMTP session; see smtp.h.  A table of verbs says what each needs; a verb's
 * function returns the reply.  Strict, because a client's faults should show in
 * the lab and not in production: CR LF alone ends a line and CR LF . CR LF alone
 * ends a message, lines have limits, bytes above 127 need BODY=8BITMIME, nothing
 * may follow STARTTLS in clear. */
#include "config.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "lab/sinks/smtp.h"

#include <stdlib.h>
#include <string.h>

/* RFC 5321 4.5.3.1, without CR LF; the line of AUTH is longer, RFC 4954 4 */
#define COMMAND_LINE 510
#define AUTH_COMMAND 12286
#define TEXT_LINE    998
#define MAX_TO       100
#define MAX_ERRORS   10
#define SWALLOW      (4 * SMTP_SIZE_LIMIT) /* of a message that is too long, before the connection is cut */

#define LINE_LONG "500 5.5.6 Line too long"
#define SYNTAX    "501 5.5.4 Syntax"
#define SEQUENCE  "503 5.5.1 Bad sequence of commands"
#define LATE      "421 4.4.2 You were silent too long"
#define TOO_BIG   "552 5.3.4 The message may have 10 MiB"
#define GONE      NULL /* no reply, the connection ends */

static bool
say (struct smtp_session *s, const char *reply)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    sb_buf_printf (&b, "%s\r\n", reply);
    return wire_send (&s->w, b.s, b.len);
}

static void
forget_mail (struct smtp_session *s)
{
    s->has_from = s->eight = false;
    s->nto = 0;
    sb_buf_clear (&s->envelope);
}

/* Verbs.  `arg` is what follows the verb and one blank; "" when nothing does. */

static const char *
do_helo (struct smtp_session *s, char *arg)
{
    if (!envelope_host (arg))
        return SYNTAX;
    forget_mail (s);
    s->hello = true;
    s->esmtp = false;
    return "250 " SMTP_HOST;
}

static const char *
do_ehlo (struct smtp_session *s, char *arg)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    if (!envelope_host (arg))
        return SYNTAX;
    forget_mail (s);
    s->hello = s->esmtp = true;
    sb_buf_printf (&b, "250-%s\r\n250-PIPELINING\r\n250-SIZE %d\r\n250-8BITMIME\r\n", SMTP_HOST, SMTP_SIZE_LIMIT);
    if (s->w.ssl == NULL)
        sb_buf_str (&b, "250-STARTTLS\r\n");
    if (smtp_auth_offered (s))
        sb_buf_str (&b, "250-AUTH PLAIN LOGIN\r\n");
    return wire_send (&s->w, b.s, b.len) ? "250 ENHANCEDSTATUSCODES" : GONE;
}

static const char *
do_starttls (struct smtp_session *s, char *arg)
{
    (void) arg;
    if (s->w.ssl != NULL)
        return SEQUENCE;
    if (wire_more (&s->w)) {
        say (s, "554 5.5.1 Nothing may follow STARTTLS in clear");
        return GONE;
    }
    if (!say (s, "220 2.0.0 Go ahead") || !wire_tls (&s->w, s->tls))
        return GONE;
    forget_mail (s);
    s->hello = s->esmtp = s->authenticated = false;
    return "";
}

static bool
prefixed (char **arg, const char *word)
{
    size_t n = strlen (word);

    if (strncasecmp (*arg, word, n) != 0)
        return false;
    *arg += n;
    return true;
}

static const char *
do_mail (struct smtp_session *s, char *arg)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf box = { 0 };
    struct envelope_mail m;
    const char *rest;
    enum envelope_fault fault;

    if (s->has_from)
        return SEQUENCE;
    rest = prefixed (&arg, "FROM:") ? envelope_path (arg, ENVELOPE_FROM, &box) : NULL;
    if (rest == NULL)
        return "501 5.1.7 Syntax: MAIL FROM:<address>";
    fault = envelope_parameters (rest, &m);
    if (fault == ENVELOPE_UNKNOWN || (*rest != 0 && !s->esmtp))
        return "555 5.5.4 Parameter not known";
    if (fault != ENVELOPE_GOOD)
        return SYNTAX;
    if (m.size > SMTP_SIZE_LIMIT)
        return TOO_BIG;
    s->has_from = true;
    s->eight = m.eight;
    sb_buf_printf (&s->envelope, "X-Envelope-From: <%s>\r\n", sb_buf_cstr (&box));
    return "250 2.1.0 Sender taken";
}

static const char *
do_rcpt (struct smtp_session *s, char *arg)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf box = { 0 };
    const char *rest;

    if (!s->has_from)
        return SEQUENCE;
    rest = prefixed (&arg, "TO:") ? envelope_path (arg, ENVELOPE_TO, &box) : NULL;
    if (rest == NULL)
        return "501 5.1.3 Syntax: RCPT TO:<address>";
    if (*rest != 0)
        return *rest == ' ' ? "555 5.5.4 Parameter not known" : SYNTAX;
    if (s->nto >= MAX_TO)
        return "452 4.5.3 Too many recipients";
    s->nto++;
    sb_buf_printf (&s->envelope, "X-Envelope-To: <%s>\r\n", sb_buf_cstr (&box));
    return "250 2.1.5 Recipient taken";
}

/* What was wrong with a message; the first thing counts. */
struct body {
    struct sb_buf text;
    size_t seen;
    const char *wrong;
};

static void
wrong (struct body *b, const char *reply)
{
    if (b->wrong == NULL)
        b->wrong = reply;
}

static void
take_line (struct body *b, const struct sb_buf *line, enum wire_got got, bool eight)
{
    size_t dot = line->len > 0 && line->s[0] == '.';

    b->seen += line->len + 2;
    if (got == WIRE_DIRTY)
        wrong (b, "554 5.6.0 A NUL, or a CR or LF alone, in the message");
    if (got == WIRE_LONG || line->len - dot > TEXT_LINE)
        wrong (b, "554 5.6.0 A line of more than 998 bytes");
    if (b->seen > SMTP_SIZE_LIMIT)
        wrong (b, TOO_BIG);
    for (size_t i = 0; i < line->len && !eight; i++)
        if ((unsigned char) line->s[i] > 127)
            wrong (b, "554 5.6.1 Bytes above 127 without BODY=8BITMIME");
    if (b->wrong != NULL)
        return;
    if (line->len > dot)
        sb_buf_add (&b->text, line->s + dot, line->len - dot);
    sb_buf_str (&b->text, "\r\n");
}

/* Reads to the final dot.  False: the reply in b->wrong (or GONE) is the last. */
static bool
read_body (struct smtp_session *s, struct body *b)
{
    enum wire_got got;

    for (;;) {
        got = wire_line (&s->w, TEXT_LINE + 1);
        if (got == WIRE_LINE && strcmp (sb_buf_cstr (&s->w.line), ".") == 0)
            return true;
        if (got == WIRE_CLOSED || got == WIRE_LATE || b->seen > SWALLOW) {
            b->wrong = got == WIRE_CLOSED ? GONE : got == WIRE_LATE ? LATE : "421 4.3.4 Far too long";
            return false;
        }
        take_line (b, &s->w.line, got, s->eight);
    }
}

static const char *
do_data (struct smtp_session *s, char *arg)
{
    struct body b = { 0 };
    const char *reply = "250 2.0.0 Kept";

    (void) arg;
    if (!s->has_from)
        return SEQUENCE;
    if (s->nto == 0)
        return "554 5.5.1 No recipients";
    if (!say (s, "354 End with a dot alone"))
        return GONE;
    if (!read_body (s, &b) || b.wrong != NULL)
        reply = b.wrong;
    else if (!smtp_store (s->cfg, &s->envelope, &b.text))
        reply = "451 4.3.0 Not kept";
    sb_buf_free (&b.text);
    forget_mail (s);
    return reply;
}

static const char *
do_rset (struct smtp_session *s, char *arg)
{
    (void) arg;
    forget_mail (s);
    return "250 2.0.0 Forgotten";
}

static const char *
do_noop (struct smtp_session *s, char *arg)
{
    (void) s;
    (void) arg;
    return "250 2.0.0 Here";
}

static const char *
do_vrfy (struct smtp_session *s, char *arg)
{
    (void) s;
    return *arg == 0 ? SYNTAX : "252 2.5.0 Mail to anybody is taken";
}

static const char *
do_help (struct smtp_session *s, char *arg)
{
    (void) s;
    (void) arg;
    return "214 2.0.0 See RFC 5321";
}

static const char *
do_quit (struct smtp_session *s, char *arg)
{
    (void) arg;
    say (s, "221 2.0.0 " SMTP_HOST " closes");
    return GONE;
}

enum {
    ALONE = 1 << 0,       /* takes no argument */
    AFTER_HELLO = 1 << 1, /* EHLO or HELO must have come */
    IN_CLEAR = 1 << 2     /* allowed before STARTTLS even where that is required (RFC 3207 4) */
};
static const struct verb {
    const char *name;
    unsigned rules;
    const char *(*run) (struct smtp_session *s, char *arg); /* the reply; "": none; NULL: end */
} verbs[] = {
    { "HELO", IN_CLEAR, do_helo },
    { "EHLO", IN_CLEAR, do_ehlo },
    { "STARTTLS", IN_CLEAR | ALONE | AFTER_HELLO, do_starttls },
    { "AUTH", AFTER_HELLO, smtp_auth },
    { "MAIL", AFTER_HELLO, do_mail },
    { "RCPT", AFTER_HELLO, do_rcpt },
    { "DATA", AFTER_HELLO | ALONE, do_data },
    { "RSET", ALONE, do_rset },
    { "NOOP", IN_CLEAR, do_noop },
    { "VRFY", AFTER_HELLO, do_vrfy },
    { "HELP", 0, do_help },
    { "QUIT", IN_CLEAR | ALONE, do_quit },
};

static const char *
run_verb (struct smtp_session *s, const struct verb *v, char *arg)
{
    bool needs_tls = s->cfg->mail_needs_tls && s->w.ssl == NULL;

    if (needs_tls && (v->rules & IN_CLEAR) == 0)
        return "530 5.7.0 STARTTLS first";
    if ((v->rules & ALONE) != 0 && *arg != 0)
        return SYNTAX;
    if ((v->rules & AFTER_HELLO) != 0 && !s->hello)
        return SEQUENCE;
    return v->run (s, arg);
}

static const char *
run_command (struct smtp_session *s, char *line)
{
    char *arg;
    size_t n = strlen (line);

    if (n > COMMAND_LINE && strncasecmp (line, "AUTH ", 5) != 0)
        return LINE_LONG;
    while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t')) /* RFC 5321 4.1.1: blanks at the end are tolerated */
        line[--n] = 0;
    arg = line + strcspn (line, " ");
    if (*arg != 0)
        *arg++ = 0;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (sb_casecmp (line, verbs[i].name) == 0)
            return run_verb (s, &verbs[i], arg);
    return "500 5.5.2 Command not known";
}

/* Reads one command and answers it.  False: the session ends. */
static bool
one_command (struct smtp_session *s)
{
    SB_AUTOFREE char *line = NULL;
    const char *reply = GONE;

    switch (wire_line (&s->w, AUTH_COMMAND)) {
    case WIRE_LINE:
        line = sb_xstrdup (sb_buf_cstr (&s->w.line));
        sb_wipe (s->w.line.s, s->w.line.cap);
        reply = run_command (s, line);
        sb_wipe (line, strlen (line));
        break;
    case WIRE_LONG:
        reply = LINE_LONG;
        break;
    case WIRE_DIRTY:
        reply = "500 5.5.2 A NUL, or a CR or LF alone, in a command";
        break;
    case WIRE_LATE:
        reply = LATE;
        break;
    case WIRE_CLOSED:
        break;
    }
    if (reply == GONE || (*reply != 0 && !say (s, reply)) || strncmp (reply, "421", 3) == 0)
        return false;
    s->errors += *reply == '5';
    if (s->errors < MAX_ERRORS)
        return true;
    say (s, "421 4.7.0 Too many errors");
    return false;
}

void
smtp_session_run (struct smtp_session *s)
{
    if (!say (s, "220 " SMTP_HOST " ESMTP"))
        return;
    while (one_command (s))
        ;
}
