/* The plugin `notify`: a channel that carries messages to people, by webhook
 * or e-mail, one of them for each channel.
 *
 * The run loop sends beside the steps: it queues, retries and remembers what was
 * delivered; this plugin tries once and says how it went.  So verify() can say
 * only what this process knows: yes for a message that it delivered itself, no
 * for any other.  A message that is sent twice after a crash bears the same
 * identifier (Idempotency-Key, Message-ID). */
#include "plugins/notify/notify.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

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
static const struct sb_option settings[] = {
    { .name = "url", .type = SB_SECRET, .help = "webhook: its address, which is a secret" },
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
    { .name = "subject", .type = SB_STRING, .flags = SB_REQUIRED, .help = "one line" },
    { .name = "body", .type = SB_STRING, .help = "text" },
    END
};
static const struct sb_option results[] = {
    { .name = "receipt", .type = SB_STRING, .help = "what the endpoint answered" }, END
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

static struct message
message_of (struct sb_call *call)
{
    const char *subject = one_line (call, sb_param (call, "subject")), *body = sb_param (call, "body");
    int drill = sb_about (call, "drill") != NULL;

    if (drill && strncmp (subject, "DRILL", 5) != 0)
        subject = sb_format (call, "DRILL %s", subject);
    return (struct message){ .id = sb_param (call, "id"),
                             .event = sb_param (call, "event"),
                             .subject = subject,
                             .body = body != NULL ? body : "",
                             .run = sb_about (call, "run"),
                             .drill = drill };
}

static enum sb_rc
run (struct sb_call *call, void *self)
{
    struct message m = message_of (call);
    const char *url = sb_setting (call, "url"), *smtp = sb_setting (call, "smtp");
    enum sb_rc rc;

    if (url == NULL && smtp == NULL)
        return sb_fail (call, SB_FAIL,
                        "[channel %s] has neither a webhook (url) nor a mail server (smtp) that can be used",
                        sb_about (call, "object"));
    rc = url != NULL ? send_webhook (call, &m, url) : send_mail (call, &m, smtp);
    if (rc == SB_OK)
        remember (self, m.id);
    return rc;
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
                                            { .verb = NULL } };

SB_PLUGIN (notify, .name = "notify", .role = "notify", .version = "0.1.0", .summary = "messages by webhook or e-mail",
           .lanes = SB_SERIAL, .settings = settings, .actions = actions, .open = open_channel, .close = close_channel);
