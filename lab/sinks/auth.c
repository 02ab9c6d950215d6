/* AUTH PLAIN (RFC 4616) and AUTH LOGIN, under TLS only (RFC 4954 4).  The
 * password is the first line of DIR/secrets/mail.secret; what a client shows is
 * wiped as soon as it was compared. */
#include "config.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/sys/file.h"
#include "lab/sinks/secret.h"
#include "lab/sinks/smtp.h"

#include <string.h>

#define AUTH_LINE 12286 /* RFC 4954 4: 12288 with CR LF */

#define CANCELLED "501 5.7.0 Cancelled"
#define NO_BASE64 "501 5.5.2 Not base64"
#define WRONG     "535 5.7.8 Credentials are not right"
#define RIGHT     "235 2.7.0 Welcome"
#define GONE      NULL /* the connection is of no use any more */

static void
wipe_buf (struct sb_buf *b)
{
    sb_wipe (b->s, b->cap);
    sb_buf_free (b);
}

bool
smtp_auth_offered (const struct smtp_session *s)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/secrets/mail.secret", s->cfg->dir);

    return s->w.ssl != NULL && sb_file_exists (path);
}

static bool
right (const struct smtp_session *s, const char *user, size_t user_n, const char *password, size_t password_n)
{
    const char *want = s->cfg->mail_user;
    bool known = want == NULL || (strlen (want) == user_n && memcmp (want, user, user_n) == 0);

    return (lab_secret_check (s->cfg->dir, "mail", password, password_n) == LAB_SECRET_RIGHT) & known & (user_n > 0);
}

/* One answer to a challenge, or the initial one.  True: decoded; else *ret_reply is what to say. */
static bool
response (struct smtp_session *s, const char *challenge, const char *initial, struct sb_buf *out,
          const char **ret_reply)
{
    const char *text = initial;
    enum wire_got got;
    bool ok;

    if (text == NULL) {
        *ret_reply = GONE;
        if (!wire_send (&s->w, challenge, strlen (challenge)))
            return false;
        got = wire_line (&s->w, AUTH_LINE);
        if (got == WIRE_LATE || got == WIRE_CLOSED)
            return false;
        *ret_reply = "500 5.5.6 Line too long";
        if (got == WIRE_LONG)
            return false;
        text = got == WIRE_LINE ? sb_buf_cstr (&s->w.line) : "?";
    }
    *ret_reply = CANCELLED;
    if (strcmp (text, "*") == 0)
        return false;
    *ret_reply = NO_BASE64;
    ok = strcmp (text, "=") == 0 || sb_base64_decode (text, strlen (text), out);
    sb_wipe (s->w.line.s, s->w.line.cap);
    return ok;
}

/* authorization identity, NUL, user, NUL, password */
static const char *
plain (struct smtp_session *s, const char *initial)
{
    SB_CLEANUP (wipe_buf) struct sb_buf b = { 0 };
    const char *reply, *text, *user, *password, *end;

    if (!response (s, "334 \r\n", initial, &b, &reply))
        return reply;
    text = sb_buf_cstr (&b);
    end = text + b.len;
    user = memchr (text, 0, b.len);
    password = user != NULL ? memchr (user + 1, 0, (size_t) (end - user - 1)) : NULL;
    if (password == NULL)
        return "501 5.5.2 Not the form of PLAIN";
    user++;
    if (*text != 0 && strcmp (text, user) != 0)
        return WRONG; /* nobody may act for another */
    password++;
    return right (s, user, (size_t) (password - 1 - user), password, (size_t) (end - password)) ? RIGHT : WRONG;
}

static const char *
login (struct smtp_session *s, const char *initial)
{
    SB_CLEANUP (wipe_buf) struct sb_buf user = { 0 };
    SB_CLEANUP (wipe_buf) struct sb_buf password = { 0 };
    const char *reply;

    if (!response (s, "334 VXNlcm5hbWU6\r\n", initial, &user, &reply)
        || !response (s, "334 UGFzc3dvcmQ6\r\n", NULL, &password, &reply))
        return reply;
    return right (s, sb_buf_cstr (&user), user.len, sb_buf_cstr (&password), password.len) ? RIGHT : WRONG;
}

const char *
smtp_auth (struct smtp_session *s, char *arg)
{
    char *initial = strchr (arg, ' ');
    const char *reply;

    if (s->w.ssl == NULL)
        return "538 5.7.11 Only under TLS";
    if (!s->esmtp || s->authenticated || s->has_from)
        return "503 5.5.1 Not now";
    if (!smtp_auth_offered (s))
        return "502 5.5.1 There are no credentials here";
    if (initial != NULL)
        *initial++ = 0;
    if (sb_casecmp (arg, "PLAIN") == 0)
        reply = plain (s, initial);
    else if (sb_casecmp (arg, "LOGIN") == 0)
        reply = login (s, initial);
    else
        reply = "504 5.5.4 PLAIN and LOGIN are understood";
    s->authenticated = reply != NULL && strcmp (reply, RIGHT) == 0;
    return reply;
}
