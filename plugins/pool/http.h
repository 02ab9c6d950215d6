/* The HTTPS connection to one front end: certificates, ways to sign in, limits.
 * One request at a time.  Knows libcurl, and nothing of SOAP or shells. */
#ifndef SB_PLUGINS_POOL_HTTP_H
#define SB_PLUGINS_POOL_HTTP_H

#include "plugins/pool/wsman.h"

#include <curl/curl.h>

struct http {
    struct sb_call *call;
    const struct wsman_host *host;
    CURL *curl;
    struct curl_slist *headers, *connect_to;
    bool closing; /* the stop is known: what is sent now ends things */
    /* of the last exchange */
    char error[CURL_ERROR_SIZE];
    char offers[200]; /* what the front end would have liked: names of the schemes of WWW-Authenticate */
    struct sb_buf answer;
    const struct sb_buf *body;
    size_t sent;
    bool once; /* the body must not be sent a second time, whatever libcurl thinks of the connection */
};

void http_open (struct http *h, struct sb_call *call, const struct wsman_host *host);
void http_close (struct http *h);

/* Sends `body`; the answer is in h->answer.  `once`: where libcurl would send it again on another connection, it fails
 * with CURLE_SEND_FAIL_REWIND instead. */
CURLcode http_post (struct http *h, const struct sb_buf *body, bool once, long limit_ms, long *ret_status);

#endif
