/* The parts of the plugin notify: message.c makes texts, webhook.c and mail.c
 * carry them.  The plugin sees the public header and libcurl, nothing else of
 * this house: proof that a stranger can write one. */
#ifndef SB_PLUGINS_NOTIFY_NOTIFY_H
#define SB_PLUGINS_NOTIFY_NOTIFY_H

#include <switchback/plugin.h>

#include <curl/curl.h>
#include <stddef.h>

struct message {
    const char *id, *event, *subject, *body; /* the subject begins with DRILL in a drill */
    const char *run;
    int drill;
};

/* What the other side said, cut to a line. */
struct reply {
    char text[256];
    size_t len;
};

/* A buffer in the memory of the call: doubles as it grows. */
struct text {
    struct sb_call *call;
    char *s;
    size_t len, cap;
};

void text_add (struct text *t, const char *data, size_t n);
void text_str (struct text *t, const char *s);

/* "..." with what JSON wants escaped (RFC 8259, 7). */
void text_json (struct text *t, const char *s);
void text_base64 (struct text *t, const char *data, size_t n, size_t line); /* line: 0 for one line */
/* A header value: plain when it is ASCII, else encoded words of at most 75 characters (RFC 2047), folded. */
void text_header (struct text *t, const char *s);
/* Date as RFC 5322 writes it, UTC. */
void text_date (struct text *t);

/* Control characters become blanks: nothing can begin a new line of a header. */
const char *one_line (struct sb_call *call, const char *s);

/* A handle with everything that both carriers set: time, TLS, no redirects, no environment. */
CURL *new_transfer (struct sb_call *call, struct reply *reply, char *error);

enum sb_rc send_webhook (struct sb_call *call, const struct message *m, const char *url);
enum sb_rc send_mail (struct sb_call *call, const struct message *m, const char *server);

#endif
