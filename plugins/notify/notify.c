/* The plugin `notify`: a channel that carries messages to people, by chat, e-mail
 * or a system log, one of them for each channel.
 *
 * The run loop sends beside the steps: it queues, retries and remembers what was
 * delivered; this plugin tries once and says how it went.  So verify() can say
 * only what this process knows: yes for a message that it delivered itself, no
 * for any other.  A message that is sent twice after a crash bears the same
 * identifier (Idempotency-Key, Message-ID, the transaction of Matrix).
 *
 * Whether a message tells of a drill is said by the parameter `drill`, or by the
 * run that calls; the first word of the subject is made to agree with it. */
#include "plugins/notify/notify.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REMEMBERED 64
#define END          \
    {                \
        .name = NULL \
    }

struct notify {
    char *delivered[REMEMBERED]; /* identifiers, a ring */
    size_t next;
};

static const char *const tls_words[] = { "starttls", "tls", "off", NULL };
static const char *const service_words[] = { "json",    "teams",  "slack", "mattermost", "rocketchat", "googlechat",
                                             "discord", "matrix", "mail",  "syslog",     NULL };
static const char *const facility_words[] = { "user",   "daemon", "auth",   "local0", "local1", "local2",
                                              "local3", "local4", "local5", "local6", "local7", NULL };
static const char *const level_words[] = { "info", "good", "warning", "critical", NULL };

static const struct sb_option settings[] = {
    { .name = "service",
      .type = SB_CHOICE,
      .choices = service_words,
      .help = "who gets the messages; else mail with smtp, syslog with syslog, json with url" },
    { .name = "url", .type = SB_SECRET, .help = "address of the webhook, or of the Matrix server; a secret" },
    { .name = "token", .type = SB_SECRET, .help = "matrix, json: what Authorization bears" },
    { .name = "room", .type = SB_STRING, .help = "matrix: identifier of the room, !x:server" },
    { .name = "syslog",
      .type = SB_STRING,
      .help = "system log: local, a socket's path, udp:, tcp: or tls: with HOST:PORT" },
    { .name = "facility",
      .type = SB_CHOICE,
      .fallback = "daemon",
      .choices = facility_words,
      .help = "system log: where it is filed" },
    { .name = "smtp", .type = SB_STRING, .help = "e-mail: HOST:PORT of the mail server" },
    { .name = "smtp tls",
      .type = SB_CHOICE,
      .fallback = "starttls",
      .choices = tls_words,
      .help = "how the mail server is spoken to" },
    { .name = "from", .type = SB_STRING, .help = "e-mail: address of the sender" },
    { .name = "to", .type = SB_LIST, .help = "e-mail: addresses of the receivers" },
    { .name = "ca", .type = SB_STRING, .help = "file: certificate authority of the server; else the system's" },
    { .name = "proxy", .type = SB_STRING, .help = "address of a proxy; none is taken from the environment" },
    END
};

static const struct sb_option params[] = {
    { .name = "id", .type = SB_STRING, .flags = SB_REQUIRED, .help = "identifier that makes a repeat harmless" },
    { .name = "event", .type = SB_STRING, .flags = SB_REQUIRED, .help = "kind of event" },
    { .name = "subject", .type = SB_STRING, .flags = SB_REQUIRED, .help = "one line; begins with DRILL in a drill" },
    { .name = "body", .type = SB_STRING, .help = "all of it as plain text" },
    { .name = "what", .type = SB_STRING, .help = "name of the text it was made from" },
    { .name = "level", .type = SB_CHOICE, .choices = level_words, .help = "how much it matters" },
    { .name = "drill", .type = SB_BOOL, .fallback = "no", .help = "whether it tells of a drill" },
    { .name = "text", .type = SB_STRING, .help = "the sentences of body" },
    { .name = "facts", .type = SB_LIST, .help = "NAME=VALUE, what stands below the sentences" },
    { .name = "hint", .type = SB_STRING, .help = "what to do" },
    END
};
static const struct sb_option results[] = {
    { .name = "receipt", .type = SB_STRING, .help = "what the endpoint answered" },
    { .name = "wait s", .type = SB_INT, .help = "seconds for which the endpoint wants to be left alone" },
    END
};
static const struct sb_option preview_results[] = {
    { .name = "service", .type = SB_STRING, .help = "who would get it" },
    { .name = "payload", .type = SB_STRING, .help = "what would be sent" },
    { .name = "cut", .type = SB_STRING, .help = "yes: something was left out, for the service takes no more" },
    END
};
static const struct sb_option no_params[] = { END };
static const struct sb_option inspect_results[] = {
    { .name = "service", .type = SB_STRING, .help = "who gets the messages" },
    { .name = "depends", .type = SB_STRING, .help = "objects of the topology that it runs through; empty: none" },
    END
};

/* ---- transfers ------------------------------------------------------------------------------------------ */

static size_t
take_reply (char *data, size_t size, size_t n, void *ctx)
{
    struct reply *r = ctx;
    size_t len = size * n, i;

    for (i = 0; i < len && r->len < sizeof r->text - 1; i++)
        r->text[r->len++] = (unsigned char) data[i] < 0x20 ? ' ' : data[i];
    r->text[r->len] = '\0';
    return len;
}

static int
look_at_stop (void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct pollfd p = { .fd = sb_stop_fd (ctx), .events = POLLIN };

    (void) a, (void) b, (void) c, (void) d;
    return poll (&p, 1, 0) > 0;
}

CURL *
new_transfer (struct sb_call *call, struct reply *reply, char *error)
{
    const char *ca = sb_setting (call, "ca"), *proxy = sb_setting (call, "proxy");
    long left = (long) sb_left_ms (call);
    CURL *c = curl_easy_init ();

    if (ca != NULL && strncmp (ca, "file:", 5) == 0)
        ca += 5;
    if (ca != NULL)
        curl_easy_setopt (c, CURLOPT_CAINFO, *ca == '/' ? ca : sb_format (call, "%s/%s", sb_about (call, "base"), ca));
    curl_easy_setopt (c, CURLOPT_PROXY, proxy != NULL ? proxy : "");
    curl_easy_setopt (c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt (c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt (c, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt (c, CURLOPT_TIMEOUT_MS, left > 2000 ? left - 1000 : left / 2 + 1);
    curl_easy_setopt (c, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt (c, CURLOPT_WRITEFUNCTION, take_reply);
    curl_easy_setopt (c, CURLOPT_WRITEDATA, reply);
    curl_easy_setopt (c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt (c, CURLOPT_XFERINFOFUNCTION, look_at_stop);
    curl_easy_setopt (c, CURLOPT_XFERINFODATA, call);
    return c;
}

/* ---- the action ----------------------------------------------------------------------------------------- */

static void
remember (struct notify *n, const char *id)
{
    free (n->delivered[n->next]);
    n->delivered[n->next] = strdup (id);
    n->next = (n->next + 1) % REMEMBERED;
}

/* A subject that begins with DRILL where there is none is quoted, and the other way round it is told. */
static const char *
subject_of (struct sb_call *call, int drill)
{
    const char *subject = one_line (call, sb_param (call, "subject"));
    int says = strncasecmp (subject + strspn (subject, " \t"), "DRILL", 5) == 0;

    if (drill && (!says || strncmp (subject, "DRILL", 5) != 0))
        return sb_format (call, "DRILL %s", subject);
    return !drill && says ? sb_format (call, "(no drill) %s", subject) : subject;
}

static const char *
given (struct sb_call *call, const char *name)
{
    const char *value = sb_param (call, name);

    return value != NULL ? value : "";
}

static struct message *
message_of (struct sb_call *call)
{
    struct message *m = sb_alloc (call, sizeof *m);
    const char *fact, *level = sb_param (call, "level"), *equals;
    size_t i;

    m->drill = sb_number (call, "drill") != 0 || sb_about (call, "drill") != NULL;
    m->id = sb_param (call, "id");
    m->event = sb_param (call, "event");
    m->what = sb_param (call, "what") != NULL ? one_line (call, sb_param (call, "what")) : one_line (call, m->event);
    m->subject = subject_of (call, m->drill);
    m->body = given (call, "body");
    m->text = given (call, "text");
    m->hint = given (call, "hint");
    m->run = sb_about (call, "run") != NULL ? sb_about (call, "run") : "";
    for (i = 0; level != NULL && level_words[i] != NULL; i++)
        if (strcmp (level_words[i], level) == 0)
            m->level = (enum level) i;
    m->level_word = level_words[m->level];
    for (i = 0; m->nfacts < MOST_FACTS && (fact = sb_item (call, "facts", i)) != NULL; i++)
        if ((equals = strchr (fact, '=')) != NULL && equals > fact && equals[1] != '\0')
            m->facts[m->nfacts++] = (struct fact){ sb_format (call, "%.*s", (int) (equals - fact), fact), equals + 1 };
    return m;
}

/* As the channel says, else as its address tells; NULL: it has none. */
static const struct service *
service_of (struct sb_call *call)
{
    const char *word = sb_setting (call, "service");

    if (word == NULL)
        word = sb_setting (call, "url") != NULL      ? "json"
               : sb_setting (call, "smtp") != NULL   ? "mail"
               : sb_setting (call, "syslog") != NULL ? "syslog"
                                                     : NULL;
    return word != NULL ? service_find (word) : NULL;
}

static enum sb_rc
no_service (struct sb_call *call)
{
    return sb_fail (call, SB_FAIL,
                    "[channel %s] has neither a webhook (url) nor a mail server (smtp) nor a system log (syslog) that "
                    "can be used",
                    sb_about (call, "object"));
}

static enum sb_rc
run (struct sb_call *call, void *self)
{
    const struct service *s = service_of (call);
    const struct message *m;
    enum sb_rc rc;

    if (s == NULL)
        return no_service (call);
    m = message_of (call);
    rc = s->build != NULL                ? send_webhook (call, s, m)
         : strcmp (s->name, "mail") == 0 ? send_mail (call, m)
                                         : send_syslog (call, m);
    if (rc == SB_OK)
        remember (self, m->id);
    return rc;
}

static enum sb_rc
preview (struct sb_call *call, void *self)
{
    const struct service *s = service_of (call);
    const struct message *m;
    const char *text;
    int cut = 0;

    (void) self;
    if (s == NULL)
        return no_service (call);
    m = message_of (call);
    text = s->build != NULL                ? payload (call, s, m, &cut)
           : strcmp (s->name, "mail") == 0 ? preview_mail (call, m)
                                           : preview_syslog (call, m, &cut);
    sb_result (call, "service", s->name);
    sb_result (call, "payload", text);
    sb_result (call, "cut", cut ? "yes" : "no");
    return SB_OK;
}

static enum sb_rc
inspect (struct sb_call *call, void *self)
{
    const struct service *s = service_of (call);

    (void) self;
    if (s == NULL)
        return no_service (call);
    sb_result (call, "service", s->name);
    sb_result (call, "depends", depends_on (call));
    return SB_OK;
}

static enum sb_seen
verify (struct sb_call *call, void *self)
{
    const struct notify *n = self;
    const char *id = sb_param (call, "id");
    size_t i;

    for (i = 0; i < REMEMBERED; i++)
        if (n->delivered[i] != NULL && strcmp (n->delivered[i], id) == 0) {
            sb_result (call, "receipt", "delivered");
            return SB_SEEN_YES;
        }
    return SB_SEEN_NO;
}

static enum sb_rc
open_channel (struct sb_call *call, void **ret_self)
{
    (void) call;
    curl_global_init (CURL_GLOBAL_DEFAULT);
    *ret_self = calloc (1, sizeof (struct notify));
    return *ret_self != NULL ? SB_OK : SB_RETRY;
}

static void
close_channel (void *self)
{
    struct notify *n = self;
    size_t i;

    for (i = 0; i < REMEMBERED; i++)
        free (n->delivered[i]);
    free (n);
    curl_global_cleanup ();
}

static const struct sb_action actions[] = { { .verb = "send",
                                              .help = "deliver one message",
                                              .effect = SB_SETTLES,
                                              .timeout_ms = 60000,
                                              .params = params,
                                              .results = results,
                                              .run = run,
                                              .verify = verify },
                                            { .verb = "preview",
                                              .help = "make the message and do not send it",
                                              .effect = SB_READS,
                                              .timeout_ms = 10000,
                                              .params = params,
                                              .results = preview_results,
                                              .run = preview },
                                            { .verb = "inspect",
                                              .help = "tell whether the channel depends on what it is to report about",
                                              .effect = SB_READS,
                                              .timeout_ms = 10000,
                                              .params = no_params,
                                              .results = inspect_results,
                                              .run = inspect },
                                            { .verb = NULL } };

SB_PLUGIN (notify, .name = "notify", .role = "notify", .version = "0.1.0",
           .summary = "messages by chat, e-mail or system log", .lanes = SB_SERIAL, .settings = settings,
           .actions = actions, .open = open_channel, .close = close_channel);
