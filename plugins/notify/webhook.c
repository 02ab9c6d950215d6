/* A message as JSON, carried over HTTPS; what it looks like is in payload.c,
 * what counts as an answer in service.c.  Answers: what the service says when it
 * took it, delivered; 408, 425, 429, 5xx, silence, or a 2xx that is not the
 * service's: later; anything else, redirects too: never. */
#include "plugins/notify/notify.h"

#include <stdlib.h>
#include <string.h>

/* Seconds that an answer asks for beside its Retry-After: Discord says seconds with a fraction, Matrix milliseconds. */
static long
wait_in_body (const char *body)
{
    static const struct {
        const char *key;
        double per_s;
    } keys[] = { { "\"retry_after_ms\"", 1000 }, { "\"retry_after\"", 1 } };
    const char *at;
    size_t i;
    double n;

    for (i = 0; i < sizeof keys / sizeof *keys; i++) {
        if ((at = strstr (body, keys[i].key)) == NULL)
            continue;
        at += strlen (keys[i].key);
        at += strspn (at, " :");
        n = strtod (at, NULL) / keys[i].per_s;
        return n > 0 && n < 86400 ? (long) n + 1 : 0;
    }
    return 0;
}

/* Blanks do not count: {"success": true}. */
static int
holds (struct sb_call *call, const char *body, const char *part)
{
    char *dense = sb_format (call, "%s", body), *to = dense;

    for (; *body != '\0'; body++)
        if (*body != ' ')
            *to++ = *body;
    *to = '\0';
    return strstr (dense, part) != NULL;
}

static enum sb_rc
judge (struct sb_call *call, const struct service *s, long status, long wait_s, const struct reply *reply)
{
    if (status >= 200 && status < 300 && s->takes != NULL && !holds (call, reply->text, s->takes))
        return sb_fail (call, SB_RETRY,
                        "something answered in place of %s (HTTP %ld): %.200s\n"
                        "HINT: See what the address leads to; a proxy or a log-in page may stand before it.",
                        s->name, status, reply->text);
    if (status >= 200 && status < 300) {
        sb_result (call, "receipt", sb_format (call, "HTTP %ld %.200s", status, reply->text));
        return SB_OK;
    }
    if (status != 408 && status != 425 && status != 429 && status < 500)
        return sb_fail (call, SB_FAIL, "the webhook does not take the message (HTTP %ld): %.200s", status, reply->text);
    if (wait_s == 0)
        wait_s = wait_in_body (reply->text);
    if (wait_s > 0)
        sb_result (call, "wait s", sb_format (call, "%ld", wait_s));
    return sb_fail (call, SB_RETRY, "the webhook asks to come back%s (HTTP %ld): %.200s",
                    wait_s > 0 ? sb_format (call, " in %ld s", wait_s) : " later", status, reply->text);
}

static enum sb_rc
judge_transport (struct sb_call *call, CURLcode code, const char *error)
{
    const char *text = *error != '\0' ? error : curl_easy_strerror (code);
    int final = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_URL_MALFORMAT
                || code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_SSL_CACERT_BADFILE;

    return sb_fail (call, final ? SB_FAIL : SB_RETRY, "the webhook was not reached: %s", text);
}

/* Where a Matrix message goes: its identifier is the transaction, so that a repeat is the same event. */
static const char *
matrix_address (struct sb_call *call, const char *url, const char *id, CURL *c)
{
    const char *room = sb_setting (call, "room");
    char *r = curl_easy_escape (c, room, 0), *i = curl_easy_escape (c, id, 0);
    size_t n = strlen (url);
    const char *full;

    while (n > 0 && url[n - 1] == '/')
        n--;
    full = sb_format (call, "%.*s/_matrix/client/v3/rooms/%s/send/m.room.message/%s", (int) n, url, r, i);
    curl_free (r);
    curl_free (i);
    return full;
}

static struct curl_slist *
headers_of (struct sb_call *call, const struct service *s, const struct message *m)
{
    struct curl_slist *headers = curl_slist_append (NULL, "Content-Type: application/json; charset=utf-8");
    const char *token = sb_setting (call, "token");

    headers = curl_slist_append (headers, sb_format (call, "Idempotency-Key: %s", one_line (call, m->id)));
    headers = curl_slist_append (headers, "Expect:");
    if (token != NULL && (strcmp (s->name, "matrix") == 0 || strcmp (s->name, "json") == 0))
        headers = curl_slist_append (headers, sb_format (call, "Authorization: Bearer %s", one_line (call, token)));
    return headers;
}

/* NULL, or what is missing. */
static const char *
missing (struct sb_call *call, const struct service *s, const char *url)
{
    if (url == NULL)
        return "has no address (url)";
    if (strncmp (url, "https://", 8) != 0)
        return "has an address (url) that does not begin with https://";
    if (strcmp (s->name, "matrix") == 0 && (sb_setting (call, "room") == NULL || sb_setting (call, "token") == NULL))
        return "is a Matrix room and needs the settings room and token";
    return NULL;
}

enum sb_rc
send_webhook (struct sb_call *call, const struct service *s, const struct message *m)
{
    const char *url = sb_setting (call, "url"), *wrong = missing (call, s, url), *body;
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE] = "";
    struct reply reply = { .len = 0 };
    curl_off_t wait_s = 0;
    long status = 0;
    CURLcode code;
    int cut = 0;
    CURL *c;

    if (wrong != NULL)
        return sb_fail (call, SB_FAIL, "[channel %s] %s", sb_about (call, "object"), wrong);
    body = payload (call, s, m, &cut);
    c = new_transfer (call, &reply, error);
    headers = headers_of (call, s, m);
    curl_easy_setopt (c, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt (c, CURLOPT_URL, strcmp (s->name, "matrix") == 0 ? matrix_address (call, url, m->id, c) : url);
    curl_easy_setopt (c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt (c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) strlen (body));
    curl_easy_setopt (c, CURLOPT_POSTFIELDS, body);
    if (strcmp (s->method, "POST") != 0)
        curl_easy_setopt (c, CURLOPT_CUSTOMREQUEST, s->method);
    code = curl_easy_perform (c);
    curl_easy_getinfo (c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo (c, CURLINFO_RETRY_AFTER, &wait_s);
    curl_easy_cleanup (c);
    curl_slist_free_all (headers);
    return code == CURLE_OK || (code == CURLE_WRITE_ERROR && status > 0)
                   ? judge (call, s, status, (long) wait_s, &reply)
                   : judge_transport (call, code, error);
}
