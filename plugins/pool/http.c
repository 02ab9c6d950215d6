/* The connection; see http.h. */
#include "plugins/pool/http.h"

#include <ctype.h>
#include <poll.h>
#include <string.h>

#define ANSWER_MAX (4u << 20)

/* [MS-WSMV] 2.2.1 and DSP0226 C.3: what tells the service to look at the client's certificate. */
#define BY_CERTIFICATE "Authorization: http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

/* ---- what libcurl calls --------------------------------------------------------------------------------- */

static size_t
take_body (char *data, size_t size, size_t n, void *ctx)
{
    struct http *h = ctx;

    if (h->answer.len + size * n > ANSWER_MAX)
        return 0;
    sb_buf_add (&h->answer, data, size * n);
    return size * n;
}

/* "WWW-Authenticate: Negotiate": only the first word is kept, behind it stand tokens. */
static size_t
take_header (char *data, size_t size, size_t n, void *ctx)
{
    static const char name[] = "www-authenticate:";
    struct http *h = ctx;
    size_t len = size * n, at = sizeof name - 1, end, used = strlen (h->offers);

    if (len > 5 && strncmp (data, "HTTP/", 5) == 0)
        h->offers[0] = '\0'; /* another answer begins */
    if (len < at || strncasecmp (data, name, at) != 0)
        return len;
    while (at < len && data[at] == ' ')
        at++;
    for (end = at; end < len && (isalnum ((unsigned char) data[end]) || data[end] == '-'); end++)
        ;
    if (end > at && used + (end - at) + 3 < sizeof h->offers) {
        if (used > 0)
            strcat (h->offers, ", ");
        strncat (h->offers, data + at, end - at);
    }
    return len;
}

static size_t
give_body (char *data, size_t size, size_t n, void *ctx)
{
    struct http *h = ctx;
    size_t left = h->body->len - h->sent, now = left < size * n ? left : size * n;

    memcpy (data, sb_buf_cstr (h->body) + h->sent, now);
    h->sent += now;
    return now;
}

static int
rewind_body (void *ctx, curl_off_t offset, int origin)
{
    struct http *h = ctx;

    if (origin != SEEK_SET || offset != 0 || (h->once && h->sent > 0))
        return CURL_SEEKFUNC_FAIL;
    h->sent = 0;
    return CURL_SEEKFUNC_OK;
}

static int
look_at_stop (void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct http *h = ctx;
    struct pollfd p = { .fd = sb_stop_fd (h->call), .events = POLLIN };

    (void) a, (void) b, (void) c, (void) d;
    return !h->closing && poll (&p, 1, 0) > 0;
}

/* ---- setting up ----------------------------------------------------------------------------------------- */

static void
set_callbacks (struct http *h)
{
    CURL *c = h->curl;

    curl_easy_setopt (c, CURLOPT_ERRORBUFFER, h->error);
    curl_easy_setopt (c, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt (c, CURLOPT_WRITEDATA, h);
    curl_easy_setopt (c, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt (c, CURLOPT_HEADERDATA, h);
    curl_easy_setopt (c, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt (c, CURLOPT_READDATA, h);
    curl_easy_setopt (c, CURLOPT_SEEKFUNCTION, rewind_body);
    curl_easy_setopt (c, CURLOPT_SEEKDATA, h);
    curl_easy_setopt (c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt (c, CURLOPT_XFERINFOFUNCTION, look_at_stop);
    curl_easy_setopt (c, CURLOPT_XFERINFODATA, h);
}

static void
set_tls (struct http *h)
{
    curl_easy_setopt (h->curl, CURLOPT_SSL_VERIFYPEER, h->host->check_tls ? 1L : 0L);
    curl_easy_setopt (h->curl, CURLOPT_SSL_VERIFYHOST, h->host->check_tls ? 2L : 0L);
    if (h->host->ca != NULL) {
        curl_easy_setopt (h->curl, CURLOPT_CAINFO, h->host->ca);
        curl_easy_setopt (h->curl, CURLOPT_CAPATH, NULL);
    }
}

/* Name, certificate and ticket stay those of the URL. */
static void
set_address (struct http *h)
{
    const char *address = h->host->address;
    bool v6 = address != NULL && strchr (address, ':') != NULL && *address != '[';

    if (address == NULL)
        return;
    h->connect_to = curl_slist_append (NULL, sb_format (h->call, "::%s%s%s:", v6 ? "[" : "", address, v6 ? "]" : ""));
    curl_easy_setopt (h->curl, CURLOPT_CONNECT_TO, h->connect_to);
}

static void
sign_in (struct http *h)
{
    const struct wsman_host *host = h->host;

    switch (host->auth) {
    case WSMAN_NOBODY:
        break;
    case WSMAN_BASIC:
        curl_easy_setopt (h->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt (h->curl, CURLOPT_USERNAME, host->user);
        curl_easy_setopt (h->curl, CURLOPT_PASSWORD, host->password);
        break;
    case WSMAN_KERBEROS:
        curl_easy_setopt (h->curl, CURLOPT_HTTPAUTH, CURLAUTH_NEGOTIATE);
        curl_easy_setopt (h->curl, CURLOPT_USERPWD, ":"); /* whose ticket it is the cache says */
        curl_easy_setopt (h->curl, CURLOPT_GSSAPI_DELEGATION,
                          host->delegate ? CURLGSSAPI_DELEGATION_FLAG : CURLGSSAPI_DELEGATION_NONE);
        break;
    case WSMAN_CERTIFICATE:
        curl_easy_setopt (h->curl, CURLOPT_SSLCERT, host->certificate);
        curl_easy_setopt (h->curl, CURLOPT_SSLKEY, host->key != NULL ? host->key : host->certificate);
        curl_easy_setopt (h->curl, CURLOPT_KEYPASSWD, host->password);
        h->headers = curl_slist_append (h->headers, BY_CERTIFICATE);
        break;
    }
}

void
http_open (struct http *h, struct sb_call *call, const struct wsman_host *host)
{
    CURL *c = curl_easy_init ();

    *h = (struct http){ .call = call, .host = host, .curl = c };
    h->headers = curl_slist_append (NULL, "Content-Type: application/soap+xml;charset=UTF-8");
    h->headers = curl_slist_append (h->headers, "Expect:");
    curl_easy_setopt (c, CURLOPT_URL, host->url);
    curl_easy_setopt (c, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt (c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1); /* who signed in belongs to the connection */
    curl_easy_setopt (c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt (c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt (c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt (c, CURLOPT_POST, 1L);
    curl_easy_setopt (c, CURLOPT_CONNECTTIMEOUT_MS, (long) sb_number (call, "connect timeout"));
    set_callbacks (h);
    set_tls (h);
    set_address (h);
    sign_in (h);
    curl_easy_setopt (c, CURLOPT_HTTPHEADER, h->headers);
}

void
http_close (struct http *h)
{
    curl_easy_cleanup (h->curl);
    curl_slist_free_all (h->headers);
    curl_slist_free_all (h->connect_to);
    sb_buf_free (&h->answer);
}

CURLcode
http_post (struct http *h, const struct sb_buf *body, bool once, long limit_ms, long *ret_status)
{
    CURLcode code;

    h->body = body;
    h->sent = 0;
    h->once = once;
    h->error[0] = h->offers[0] = '\0';
    sb_buf_clear (&h->answer);
    curl_easy_setopt (h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) body->len);
    curl_easy_setopt (h->curl, CURLOPT_TIMEOUT_MS, limit_ms);
    code = curl_easy_perform (h->curl);
    *ret_status = 0;
    if (code == CURLE_OK)
        curl_easy_getinfo (h->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return code;
}
