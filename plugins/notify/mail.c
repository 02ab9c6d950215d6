/* A message as e-mail over SMTP (RFC 5321, 5322): STARTTLS unless the channel
 * says otherwise, one text/plain part in base64.  The Message-ID follows from
 * the id, so that a repeat is the same mail to whoever files it.  Answers 4xx:
 * later; 5xx, no TLS, no log-in: never. */
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

/* The last line of the server, for the receipt. */
static size_t
take_line (char *data, size_t size, size_t n, void *ctx)
{
    struct reply *r = ctx;
    size_t len = size * n, i;

    r->len = len < sizeof r->text - 1 ? len : sizeof r->text - 1;
    for (i = 0; i < r->len; i++)
        r->text[i] = (unsigned char) data[i] < 0x20 ? ' ' : data[i];
    r->text[r->len] = '\0';
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

static struct text
compose (struct sb_call *call, const struct message *m, const char *from)
{
    struct text t = { .call = call };
    const char *to, *body = *m->body != '\0' ? m->body : m->subject;
    size_t i;

    text_str (&t, sb_format (call, "From: %s\r\nTo: ", from));
    for (i = 0; (to = sb_item (call, "to", i)) != NULL; i++)
        text_str (&t, sb_format (call, "%s%s", i == 0 ? "" : ",\r\n ", to));
    text_str (&t, "\r\nSubject: ");
    text_header (&t, m->subject);
    text_str (&t, "\r\nDate: ");
    text_date (&t);
    text_str (&t, sb_format (call, "\r\nMessage-ID: %s\r\nAuto-Submitted: auto-generated\r\nX-Switchback-Event: %s\r\n",
                             message_id (call, m->id, from), one_line (call, m->event)));
    text_str (
            &t,
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    text_base64 (&t, body, strlen (body), 76);
    text_str (&t, "\r\n");
    return t;
}

static enum sb_rc
judge (struct sb_call *call, CURLcode code, long status, const struct reply *reply, const char *error)
{
    const char *text = *error != '\0' ? error : curl_easy_strerror (code);

    if (code == CURLE_OK) {
        sb_result (call, "receipt", sb_format (call, "SMTP %s", reply->text));
        return SB_OK;
    }
    if (code == CURLE_USE_SSL_FAILED)
        return sb_fail (call, SB_FAIL,
                        "the mail server offers no STARTTLS, and the mail is not sent without\n"
                        "HINT: Set smtp tls = off if that is meant.");
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_LOGIN_DENIED || code == CURLE_SSL_CACERT_BADFILE
        || (status >= 500 && status < 600))
        return sb_fail (call, SB_FAIL, "the mail was refused: %s (%s)", text, reply->text);
    return sb_fail (call, SB_RETRY, "the mail was not taken: %s (%s)", text, reply->text);
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

static void
set_login (struct sb_call *call, CURL *c)
{
    const char *channel = sb_about (call, "object"), *credential = sb_attr (call, "channel", channel, "credential");

    if (credential == NULL)
        return;
    curl_easy_setopt (c, CURLOPT_USERNAME, sb_attr (call, "credential", credential, "user"));
    curl_easy_setopt (c, CURLOPT_PASSWORD, sb_secret (call, "credential", credential, "secret"));
}

enum sb_rc
send_mail (struct sb_call *call, const struct message *m, const char *server)
{
    const char *from = sb_setting (call, "from"), *tls = sb_setting (call, "smtp tls"), *to;
    const char *why = check_addresses (call, from);
    char error[CURL_ERROR_SIZE] = "";
    struct curl_slist *rcpt = NULL;
    struct reply reply = { "", 0 };
    struct upload upload;
    struct text text;
    long status = 0;
    CURLcode code;
    size_t i;
    CURL *c;

    if (why != NULL)
        return sb_fail (call, SB_FAIL, "[channel %s] %s", sb_about (call, "object"), why);
    text = compose (call, m, from);
    upload = (struct upload){ text.s, text.len };
    c = new_transfer (call, &reply, error);
    for (i = 0; (to = sb_item (call, "to", i)) != NULL; i++)
        rcpt = curl_slist_append (rcpt, sb_format (call, "<%s>", to));
    curl_easy_setopt (c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt (c, CURLOPT_URL, sb_format (call, "%s://%s", strcmp (tls, "tls") == 0 ? "smtps" : "smtp", server));
    curl_easy_setopt (c, CURLOPT_USE_SSL, (long) (strcmp (tls, "off") == 0 ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    curl_easy_setopt (c, CURLOPT_MAIL_FROM, sb_format (call, "<%s>", from));
    curl_easy_setopt (c, CURLOPT_MAIL_RCPT, rcpt);
    curl_easy_setopt (c, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt (c, CURLOPT_READFUNCTION, give);
    curl_easy_setopt (c, CURLOPT_READDATA, &upload);
    curl_easy_setopt (c, CURLOPT_HEADERFUNCTION, take_line);
    curl_easy_setopt (c, CURLOPT_HEADERDATA, &reply);
    set_login (call, c);
    code = curl_easy_perform (c);
    curl_easy_getinfo (c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup (c);
    curl_slist_free_all (rcpt);
    return judge (call, code, status, &reply, error);
}
