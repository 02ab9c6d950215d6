/* A message as e-mail over SMTP (RFC 5321, 5322): STARTTLS unless the channel
 * says otherwise, text and HTML as alternatives in base64.  The Message-ID
 * follows from the id, so that a repeat is the same mail to whoever files it.
 * A receiver that is refused does not keep the others from it; the receipt says
 * so.  Answers 4xx: later; 5xx, no TLS, no log-in: never. */
#include "plugins/notify/notify.h"

#include <stdlib.h>
#include <string.h>

struct upload {
    const char *data;
    size_t left;
};

static size_t
give (char *to, size_t size, size_t n, void *ctx)
{
    struct upload *u = ctx;
    size_t k = size * n < u->left ? size * n : u->left;

    memcpy (to, u->data, k);
    u->data += k;
    u->left -= k;
    return k;
}

/* The last line of the server, for the receipt, and the last that refused something. */
static size_t
take_line (char *data, size_t size, size_t n, void *ctx)
{
    struct reply *r = ctx;
    size_t len = size * n, i;

    r->len = len < sizeof r->text - 1 ? len : sizeof r->text - 1;
    for (i = 0; i < r->len; i++)
        r->text[i] = (unsigned char) data[i] < 0x20 ? ' ' : data[i];
    while (r->len > 0 && r->text[r->len - 1] == ' ')
        r->len--;
    r->text[r->len] = '\0';
    if (r->text[0] == '4' || r->text[0] == '5')
        memcpy (r->refused, r->text, sizeof r->refused - 1);
    return len;
}

/* addr-spec alone: something, @, something; nothing that could end a command or a header. */
static int
is_address (const char *s)
{
    const char *at = strchr (s, '@');

    if (at == NULL || at == s || at[1] == '\0' || strlen (s) > 320)
        return 0;
    for (; *s != '\0'; s++)
        if ((unsigned char) *s <= 0x20 || *s == 0x7f || strchr ("<>,;\"()[]\\", *s) != NULL)
            return 0;
    return 1;
}

/* What is no plain letter becomes '_'; a checksum keeps different identifiers apart. */
static const char *
message_id (struct sb_call *call, const char *id, const char *from)
{
    unsigned long long hash = 14695981039346656037ull; /* FNV-1a */
    char *plain = sb_format (call, "%.100s", id), *at;

    for (; *id != '\0'; id++)
        hash = (hash ^ (unsigned char) *id) * 1099511628211ull;
    for (at = plain; *at != '\0'; at++)
        if (strchr ("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *at) == NULL)
            *at = '_';
    return sb_format (call, "<%s.%016llx@%s>", plain, hash, strchr (from, '@') + 1);
}

static const char *const colors[LEVELS] = { "#0072c6", "#2e8540", "#c07800", "#c4262e" };

static void
add_html (struct text *t, const struct message *m)
{
    static const struct escape html = { .how = ESCAPE_ENTITY, .chars = "&<>\"", .breaks = 1 };
    struct sb_call *call = t->call;
    int cut = 0;
    size_t i;

    text_str (
            t,
            "<!DOCTYPE html>\n<html><body style=\"font-family:sans-serif\">\n<h2 style=\"margin:0;padding:8px;color:#fff;background:");
    text_str (t, sb_format (call, "%s\">%s</h2>\n<p>%s</p>\n", colors[m->level],
                            escaped (call, &html, m->subject, 0, &cut),
                            escaped (call, &html, *m->text != '\0' ? m->text : m->body, 0, &cut)));
    text_str (t, m->nfacts > 0 ? "<table>\n" : "");
    for (i = 0; i < m->nfacts; i++)
        text_str (t, sb_format (call, "<tr><th align=\"left\" valign=\"top\">%s</th><td>%s</td></tr>\n",
                                escaped (call, &html, m->facts[i].name, 0, &cut),
                                escaped (call, &html, m->facts[i].value, 0, &cut)));
    text_str (t, m->nfacts > 0 ? "</table>\n" : "");
    if (*m->hint != '\0')
        text_str (t, sb_format (call, "<p><code>%s</code></p>\n", escaped (call, &html, m->hint, 0, &cut)));
    text_str (t, "</body></html>\n");
}

static void
add_part (struct text *t, const char *boundary, const char *type, const char *data)
{
    text_str (t, sb_format (t->call,
                            "\r\n--%s\r\nContent-Type: %s; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n"
                            "Content-Disposition: inline\r\n\r\n",
                            boundary, type));
    text_base64 (t, data, strlen (data), 76);
}

static void
add_headers (struct text *t, const struct message *m, const char *from)
{
    struct sb_call *call = t->call;
    const char *to;
    size_t i;

    text_str (t, sb_format (call, "From: %s\r\nTo: ", from));
    for (i = 0; (to = sb_item (call, "to", i)) != NULL; i++)
        text_str (t, sb_format (call, "%s%s", i == 0 ? "" : ",\r\n ", to));
    text_str (t, "\r\nSubject: ");
    text_header (t, m->subject);
    text_str (t, "\r\nDate: ");
    text_date (t);
    text_str (t, sb_format (call, "\r\nMessage-ID: %s\r\nAuto-Submitted: auto-generated\r\nX-Switchback-Event: ",
                            message_id (call, m->id, from)));
    text_header (t, one_line (call, m->event));
    text_str (t, sb_format (call, "\r\nX-Switchback-Drill: %s\r\n%s", m->drill ? "yes" : "no",
                            m->level >= LEVEL_WARNING ? "Importance: high\r\n" : ""));
}

static struct text
compose (struct sb_call *call, const struct message *m, const char *from)
{
    struct text t = { .call = call }, html = { .call = call };
    const char *id = message_id (call, m->id, from), *body = *m->body != '\0' ? m->body : m->subject;
    const char *boundary = sb_format (call, "=_switchback_%.16s", strchr (id, '.') + 1);

    add_headers (&t, m, from);
    text_str (&t, sb_format (call, "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"%s\"\r\n",
                             boundary));
    add_html (&html, m);
    add_part (&t, boundary, "text/plain", sb_format (call, "%s\n\n%s", m->subject, body));
    add_part (&t, boundary, "text/html", html.s);
    text_str (&t, sb_format (call, "\r\n--%s--\r\n", boundary));
    return t;
}

static enum sb_rc
judge (struct sb_call *call, CURLcode code, long status, const struct reply *reply, const char *error)
{
    const char *text = *error != '\0' ? error : curl_easy_strerror (code);
    const char *said = *reply->refused != '\0' ? reply->refused : reply->text;

    if (code == CURLE_OK) {
        sb_result (call, "receipt",
                   sb_format (call, *reply->refused != '\0' ? "SMTP %s; not for all: %s" : "SMTP %s", reply->text,
                              reply->refused));
        return SB_OK;
    }
    if (code == CURLE_USE_SSL_FAILED)
        return sb_fail (call, SB_FAIL,
                        "the mail server offers no STARTTLS, and the mail is not sent without\n"
                        "HINT: Set smtp tls = off if that is meant.");
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_LOGIN_DENIED || code == CURLE_SSL_CACERT_BADFILE
        || (status >= 500 && status < 600))
        return sb_fail (call, SB_FAIL, "the mail was refused: %s (%s)", text, said);
    return sb_fail (call, SB_RETRY, "the mail was not taken: %s (%s)", text, said);
}

/* NULL, or what is wrong with the addresses. */
static const char *
check_addresses (struct sb_call *call, const char *from)
{
    const char *to;
    size_t i;

    if (from == NULL || !is_address (from))
        return "from is not an address";
    for (i = 0; (to = sb_item (call, "to", i)) != NULL; i++)
        if (!is_address (to))
            return sb_format (call, "to holds '%s', which is not an address", one_line (call, to));
    return i == 0 ? "to names nobody" : NULL;
}

/* NULL, or why the password is not shown to the server. */
static const char *
set_login (struct sb_call *call, CURL *c, const char *tls)
{
    const char *channel = sb_about (call, "object"), *credential = sb_attr (call, "channel", channel, "credential");

    if (credential == NULL)
        return NULL;
    if (strcmp (tls, "off") == 0)
        return "has a credential, which is not sent without TLS";
    curl_easy_setopt (c, CURLOPT_USERNAME, sb_attr (call, "credential", credential, "user"));
    curl_easy_setopt (c, CURLOPT_PASSWORD, sb_secret (call, "credential", credential, "secret"));
    return NULL;
}

static struct curl_slist *
receivers (struct sb_call *call)
{
    struct curl_slist *list = NULL;
    const char *to;
    size_t i;

    for (i = 0; (to = sb_item (call, "to", i)) != NULL; i++)
        list = curl_slist_append (list, sb_format (call, "<%s>", to));
    return list;
}

enum sb_rc
send_mail (struct sb_call *call, const struct message *m)
{
    const char *from = sb_setting (call, "from"), *tls = sb_setting (call, "smtp tls");
    const char *server = sb_setting (call, "smtp"), *why = server == NULL ? "has no mail server (smtp)" : NULL;
    char error[CURL_ERROR_SIZE] = "";
    struct curl_slist *rcpt;
    struct reply reply = { .len = 0 };
    struct upload upload;
    struct text text;
    long status = 0;
    CURLcode code;
    CURL *c;

    if (why == NULL)
        why = check_addresses (call, from);
    if (why != NULL)
        return sb_fail (call, SB_FAIL, "[channel %s] %s", sb_about (call, "object"), why);
    text = compose (call, m, from);
    upload = (struct upload){ text.s, text.len };
    c = new_transfer (call, &reply, error);
    if ((why = set_login (call, c, tls)) != NULL) {
        curl_easy_cleanup (c);
        return sb_fail (call, SB_FAIL, "[channel %s] %s", sb_about (call, "object"), why);
    }
    rcpt = receivers (call);
    curl_easy_setopt (c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt (c, CURLOPT_URL, sb_format (call, "%s://%s", strcmp (tls, "tls") == 0 ? "smtps" : "smtp", server));
    curl_easy_setopt (c, CURLOPT_USE_SSL, (long) (strcmp (tls, "off") == 0 ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    curl_easy_setopt (c, CURLOPT_MAIL_FROM, sb_format (call, "<%s>", from));
    curl_easy_setopt (c, CURLOPT_MAIL_RCPT, rcpt);
    curl_easy_setopt (c, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    curl_easy_setopt (c, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt (c, CURLOPT_READFUNCTION, give);
    curl_easy_setopt (c, CURLOPT_READDATA, &upload);
    curl_easy_setopt (c, CURLOPT_HEADERFUNCTION, take_line);
    curl_easy_setopt (c, CURLOPT_HEADERDATA, &reply);
    code = curl_easy_perform (c);
    curl_easy_getinfo (c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup (c);
    curl_slist_free_all (rcpt);
    return judge (call, code, status, &reply, error);
}

const char *
preview_mail (struct sb_call *call, const struct message *m)
{
    const char *from = sb_setting (call, "from");
    struct text html = { .call = call }, t = { .call = call };
    const char *address = from != NULL && is_address (from) ? from : "switchback@localhost";

    add_headers (&t, m, address);
    text_str (&t, sb_format (call, "\r\n%s\n\n%s\n", m->subject, m->body));
    add_html (&html, m);
    text_str (&t, html.s);
    return t.s;
}
