/* The parts of the plugin notify:
 *
 *   notify.c    the plugin's tables, and which service a channel is
 *   service.c   what each service takes: limits, escaping, answers; one table
 *   payload.c   a message as the service's JSON
 *   webhook.c   carries JSON over HTTPS
 *   mail.c      makes and carries e-mail
 *   syslog.c    makes and carries lines for a system log
 *   message.c   texts: JSON, base64, headers
 *   patient.c   does the channel run through what it is to report about?
 *   addresses.c what the resolver says of names, in bounded time
 *
 * The plugin sees the public header and libcurl, nothing else of this house:
 * proof that a stranger can write one. */
#ifndef SB_PLUGINS_NOTIFY_NOTIFY_H
#define SB_PLUGINS_NOTIFY_NOTIFY_H

#include <switchback/plugin.h>

#include <curl/curl.h>
#include <stddef.h>

#define MOST_FACTS 64

enum level { LEVEL_INFO, LEVEL_GOOD, LEVEL_WARNING, LEVEL_CRITICAL, LEVELS };

struct fact {
    const char *name, *value;
};

struct message {
    const char *id, *event, *what;
    const char *subject;     /* one line; begins with DRILL in a drill, and only then */
    const char *body;        /* everything as plain text */
    const char *text, *hint; /* parts of it; "": none */
    struct fact facts[MOST_FACTS];
    size_t nfacts;
    const char *run;
    enum level level;
    int drill;
    const char *level_word;
};

/* What the other side said, cut to a line. */
struct reply {
    char text[512];
    size_t len;
    char refused[256]; /* SMTP: the last refusal */
};

/* A buffer in the memory of the call: doubles as it grows. */
struct text {
    struct sb_call *call;
    char *s;
    size_t len, cap;
};

/* ---- message.c ---- */
void text_add (struct text *t, const char *data, size_t n);
void text_str (struct text *t, const char *s);
/* "..." with what JSON wants escaped (RFC 8259, 7); what is no UTF-8 becomes U+FFFD. */
void text_json (struct text *t, const char *s);
void text_base64 (struct text *t, const char *data, size_t n, size_t line); /* line: 0 for one line */
/* A header value: plain when it is ASCII, else encoded words of at most 75 characters (RFC 2047), folded. */
void text_header (struct text *t, const char *s);
/* Date as RFC 5322 writes it, UTC. */
void text_date (struct text *t);
/* Control characters become blanks: nothing can begin a new line of a header. */
const char *one_line (struct sb_call *call, const char *s);
/* Bytes of the character at `s`, 1 to 4; 0: it is not UTF-8 (RFC 3629). */
size_t utf8_length (const char *s);

/* ---- service.c ---- */
struct service {
    const char *name;
    const char *method;
    /* How characters that mean something there are written; NULL: none does. */
    const struct escape *escape;
    /* Limits in UTF-16 units after escaping (the longest that the service takes or shows, never more), of the whole
     * payload in bytes; 0: none.  The sources are named in the table. */
    size_t subject, text, fact, facts, hint, payload;
    const char *takes; /* what a good answer holds; NULL: any 2xx is good */
    void (*build) (struct text *t, const struct service *s, const struct message *m, int *ret_cut);
};
extern const struct service services[]; /* ends with name NULL */
const struct service *service_find (const char *name);

enum escape_how { ESCAPE_ENTITY, ESCAPE_BACKSLASH, ESCAPE_PART };
struct escape {
    enum escape_how how;
    const char *chars;  /* ENTITY: & < > "; BACKSLASH: these get one; PART: an invisible blank behind these */
    const char *parted; /* characters that get an invisible blank whatever `how`; NULL: none */
    int breaks;         /* a newline is written <br> */
};
/* `s` escaped and cut to at most `limit` units (0: not cut); *ret_cut is set when something was left out. */
const char *escaped (struct sb_call *call, const struct escape *how, const char *s, size_t limit, int *ret_cut);

/* ---- payload.c ---- */
void build_json (struct text *t, const struct service *s, const struct message *m, int *ret_cut);
void build_teams (struct text *t, const struct service *s, const struct message *m, int *ret_cut);
void build_slack (struct text *t, const struct service *s, const struct message *m, int *ret_cut);
void build_attachment (struct text *t, const struct service *s, const struct message *m, int *ret_cut);
void build_googlechat (struct text *t, const struct service *s, const struct message *m, int *ret_cut);
void build_discord (struct text *t, const struct service *s, const struct message *m, int *ret_cut);
void build_matrix (struct text *t, const struct service *s, const struct message *m, int *ret_cut);
/* The payload within the limits of the service: what does not fit is taken away from the end. */
const char *payload (struct sb_call *call, const struct service *s, const struct message *m, int *ret_cut);

/* ---- carriers ---- */
/* A handle with everything that all carriers set: time, TLS, no redirects, no environment. */
CURL *new_transfer (struct sb_call *call, struct reply *reply, char *error);
enum sb_rc send_webhook (struct sb_call *call, const struct service *s, const struct message *m);
enum sb_rc send_mail (struct sb_call *call, const struct message *m);
enum sb_rc send_syslog (struct sb_call *call, const struct message *m);
const char *preview_mail (struct sb_call *call, const struct message *m);
const char *preview_syslog (struct sb_call *call, const struct message *m, int *ret_cut);

/* ---- addresses.c ---- */
#define HOST_ADDRESSES 8
struct host {
    const char *name;
    char addresses[HOST_ADDRESSES][46]; /* as text, INET6_ADDRSTRLEN */
    size_t count;
};
/* Fills in what the resolver says of all names within `ms`; a name without an answer keeps no address. */
void find_addresses (struct sb_call *call, struct host *hosts, size_t count, long ms);

/* ---- patient.c ---- */
/* "server pchat01, pool pchat": what of the topology the address of the channel belongs to; "": nothing.  Behind what has
 * another name and the same address stands that address: "server pchat02 (10.0.0.7)". */
const char *depends_on (struct sb_call *call);

#endif
