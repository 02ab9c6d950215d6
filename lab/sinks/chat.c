/* Where chat ends: a webhook that takes JSON and keeps it; see sinks.h.  A line
 * is written by one write() under a lock; what does not fit on the disk leaves
 * no half line behind.  Credentials in headers are named, not kept. */
#include "config.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/socket.h"
#include "lab/sinks/https.h"
#include "lab/sinks/intern.h"

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DELAY_MS 60000
#define RULE_LIMIT   4096

/* How to misbehave. */
struct rule {
    int status, retry_after, times, delay_ms; /* retry_after < 0: no such header */
};

static struct {
    pthread_mutex_t lock;
    char *lines, *rule;
    struct stat seen; /* the file of the rule that `used` counts for */
    int used;
} chat = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Headers */

static bool
is_credential (const char *name)
{
    static const char *const names[] = { "authorization", "proxy-authorization", "cookie" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp (name, names[i]) == 0)
            return true;
    return false;
}

static json_t *
text_of (const char *s)
{
    json_t *j = json_string (s);

    return j != NULL ? j : json_string ("(not UTF-8)");
}

static enum MHD_Result
add_header (void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    SB_AUTOFREE char *low = sb_xstrdup (name);

    (void) kind;
    for (char *p = low; *p != 0; p++)
        *p = (char) (*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    json_object_set_new (ctx, low, text_of (is_credential (low) ? "(not kept)" : value != NULL ? value : ""));
    return MHD_YES;
}

/* Keeping */

static bool
append (const char *line, size_t n)
{
    SB_CLEANUP (sb_fd_close) int fd = open (chat.lines, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat before;

    if (fd < 0 || fstat (fd, &before) != 0)
        return false;
    if (write (fd, line, n) == (ssize_t) n)
        return true;
    if (ftruncate (fd, before.st_size) != 0)
        fprintf (stderr, "sinks: a line of %s is cut\n", chat.lines);
    return false;
}

/* Takes the reference of `body`. */
static bool
keep_message (const struct https_request *request, json_t *body)
{
    json_t *headers = json_object (), *line;
    SB_AUTOFREE char *text = NULL;
    char *all;
    bool ok;

    MHD_get_connection_values (request->connection, MHD_HEADER_KIND, add_header, headers);
    line = json_pack ("{s:I, s:o, s:o, s:o}", "at_ms", (json_int_t) sb_now_ms (), "path", text_of (request->path),
                      "headers", headers, "body", body);
    text = line != NULL ? json_dumps (line, JSON_COMPACT) : NULL;
    json_decref (line);
    if (text == NULL)
        return false;
    all = sb_xprintf ("%s\n", text);
    pthread_mutex_lock (&chat.lock);
    ok = append (all, strlen (all));
    pthread_mutex_unlock (&chat.lock);
    free (all);
    return ok;
}

/* Misbehaving */

static bool
number (const json_t *rule, const char *key, int low, int high, int *value)
{
    const json_t *j = json_object_get (rule, key);
    json_int_t n = json_integer_value (j);

    if (j == NULL)
        return true;
    if (!json_is_integer (j) || n < low || n > high)
        return false;
    *value = (int) n;
    return true;
}

/* NULL, or what is wrong with the file. */
static const char *
parse_rule (const struct sb_buf *text, struct rule *ret)
{
    static const char *const keys[] = { "status", "retry_after", "times", "delay_ms" };
    json_t *j = json_loadb (sb_buf_cstr (text), text->len, JSON_REJECT_DUPLICATES, NULL);
    bool ok = json_is_object (j) && number (j, "status", 200, 599, &ret->status)
              && number (j, "retry_after", 0, 86400, &ret->retry_after) && number (j, "times", 0, 1000000, &ret->times)
              && number (j, "delay_ms", 0, MAX_DELAY_MS, &ret->delay_ms);
    size_t known = 0;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        known += json_object_get (j, keys[i]) != NULL;
    ok = ok && known == json_object_size (j);
    json_decref (j);
    return ok ? NULL : "chat-answer.json is not an object of status, retry_after, times and delay_ms in their limits";
}

static bool
same_file (const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size
           && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The rule for this answer; each call counts.  NULL, or what is wrong with the file. */
static const char *
next_rule (struct rule *ret)
{
    SB_CLEANUP (sb_faults_free) struct sb_faults faults = { 0 };
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    const struct rule plain = { .status = 200, .retry_after = -1 };
    struct stat now;
    const char *wrong = NULL;

    *ret = plain;
    if (stat (chat.rule, &now) != 0)
        return NULL;
    ret->times = 1;
    if (!sb_file_read (chat.rule, RULE_LIMIT, &text, &faults))
        return "chat-answer.json cannot be read";
    wrong = parse_rule (&text, ret);
    if (wrong != NULL)
        return wrong;
    if (!same_file (&now, &chat.seen)) {
        chat.seen = now;
        chat.used = 0;
    }
    if (chat.used >= ret->times)
        *ret = plain;
    else
        chat.used++;
    return NULL;
}

static void
say (struct https_answer *answer, unsigned status, const char *text)
{
    answer->status = status;
    sb_buf_str (&answer->body, text);
}

static void
message_came (void *ctx, const struct https_request *request, struct https_answer *answer)
{
    json_t *body = json_loadb (request->body, request->len, JSON_ALLOW_NUL, NULL);
    struct rule rule;
    const char *wrong;

    (void) ctx;
    if (body == NULL) {
        say (answer, MHD_HTTP_BAD_REQUEST, "the body is not a JSON object or array\n");
        return;
    }
    pthread_mutex_lock (&chat.lock);
    wrong = next_rule (&rule);
    pthread_mutex_unlock (&chat.lock);
    if (wrong != NULL || rule.status >= 300) {
        json_decref (body);
        body = NULL;
    }
    if (wrong == NULL && body != NULL && !keep_message (request, body))
        wrong = "the message cannot be kept";
    if (wrong != NULL) {
        say (answer, MHD_HTTP_INTERNAL_SERVER_ERROR, wrong);
        return;
    }
    sb_sleep_ms (rule.delay_ms);
    say (answer, (unsigned) rule.status, rule.status < 300 ? "ok" : "told to refuse");
    if (rule.retry_after >= 0) {
        answer->name = "Retry-After";
        snprintf (answer->value, sizeof answer->value, "%d", rule.retry_after);
    }
}

bool
chat_start (struct lab_sinks_cfg *cfg, struct sb_faults *faults)
{
    chat.lines = sb_xprintf ("%s/sinks/chat.jsonl", cfg->dir);
    chat.rule = sb_xprintf ("%s/sinks/chat-answer.json", cfg->dir);
    return https_start (cfg->address, &cfg->chat_port, cfg->cert, cfg->key, message_came, NULL, faults);
}
