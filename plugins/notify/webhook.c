/* A message as JSON, POSTed over HTTPS.  The body is
 *
 *   {"source": "switchback", "id", "event", "subject", "body", "drill": bool, "run", "text": "SUBJECT\nBODY"}
 *
 * where `text` serves Slack, Mattermost and their kin, and the header
 * Idempotency-Key carries the id.  Answers: 2xx delivered; 429, 5xx, silence:
 * later; anything else, redirects too: never. */
#include "plugins/notify/notify.h"

#include <stdlib.h>
#include <string.h>

static const char *
payload (struct sb_call *call, const struct message *m)
{
    const char *text = *m->body != '\0' ? sb_format (call, "%s\n%s", m->subject, m->body) : m->subject;
    const struct {
        const char *key, *value;
    } fields[] = { { "source", "switchback" }, { "id", m->id },   { "event", m->event }, { "subject", m->subject },
                   { "body", m->body },        { "run", m->run }, { "text", text } };
    struct text t = { .call = call };
    size_t i;

    text_str (&t, "{");
    for (i = 0; i < sizeof fields / sizeof *fields; i++) {
        text_json (&t, fields[i].key);
        text_str (&t, ":");
        text_json (&t, fields[i].value);
        text_str (&t, ",");
    }
    text_str (&t, m->drill ? "\"drill\":true}" : "\"drill\":false}");
    return t.s;
}

static enum sb_rc
judge (struct sb_call *call, long status, long wait_s, const struct reply *reply)
{
    if (status >= 200 && status < 300) {
        sb_result (call, "receipt", sb_format (call, "HTTP %ld %s", status, reply->text));
        return SB_OK;
    }
    if (status == 429 || status >= 500)
        return sb_fail (call, SB_RETRY, "the webhook asks to come back%s (HTTP %ld): %s",
                        wait_s > 0 ? sb_format (call, " in %ld s", wait_s) : " later", status, reply->text);
    return sb_fail (call, SB_FAIL, "the webhook does not take the message (HTTP %ld): %s", status, reply->text);
}

static enum sb_rc
judge_transport (struct sb_call *call, CURLcode code, const char *error)
{
    const char *text = *error != '\0' ? error : curl_easy_strerror (code);
    int final = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_URL_MALFORMAT
                || code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_SSL_CACERT_BADFILE;

    return sb_fail (call, final ? SB_FAIL : SB_RETRY, "the webhook was not reached: %s", text);
}

enum sb_rc
send_webhook (struct sb_call *call, const struct message *m, const char *url)
{
    const char *body = payload (call, m);
    char error[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    struct reply reply = { "", 0 };
    curl_off_t wait_s = 0;
    long status = 0;
    CURLcode code;
    CURL *c;

    if (strncmp (url, "https://", 8) != 0)
        return sb_fail (call, SB_FAIL, "the address of the webhook does not begin with https://");
    c = new_transfer (call, &reply, error);
    headers = curl_slist_append (headers, "Content-Type: application/json; charset=utf-8");
    headers = curl_slist_append (headers, sb_format (call, "Idempotency-Key: %s", one_line (call, m->id)));
    headers = curl_slist_append (headers, "Expect:");
    curl_easy_setopt (c, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt (c, CURLOPT_URL, url);
    curl_easy_setopt (c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt (c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) strlen (body));
    curl_easy_setopt (c, CURLOPT_POSTFIELDS, body);
    code = curl_easy_perform (c);
    curl_easy_getinfo (c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo (c, CURLINFO_RETRY_AFTER, &wait_s);
    curl_easy_cleanup (c);
    curl_slist_free_all (headers);
    return code == CURLE_OK || (code == CURLE_WRITE_ERROR && status > 0) ? judge (call, status, (long) wait_s, &reply)
                                                                         : judge_transport (call, code, error);
}
