/* `switchback-lab services DIR`: what belongs to no site and keeps its power:
 * the sinks of chat and mail, the people who chat, and the power controllers.
 *
 * A power controller listens on DIR/power.sock; `switchback-lab power` (that is
 * DIR/bin/power) brings it one request of the plugin `command` and carries the
 * answer back.  isolate switches a site off and holds it off until release. */
#include "lab/lab.h"

#include "core/base/text.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/socket.h"
#include "core/sys/stream.h"
#include "lab/chat/chat.h"
#include "lab/sinks/sinks.h"
#include "lab/world/client.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT    (1u << 20)
#define PATIENCE 10000

static void
switch_site (struct w_client *world, w_id site, bool on)
{
    struct w_op op;
    struct w_out out;

    w_op_init (&op, W_OP_SITE_POWER, 0, 0, NULL);
    op.n[0] = site;
    op.n[1] = on;
    op.n[2] = 1;
    w_client_op (world, &op, &out);
}

static json_t *
answer (const char *rc, const char *seen, const char *grade, const char *message)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf at = { 0 };
    json_t *results = json_object ();

    if (grade != NULL) { /* of isolate; release declares no results */
        sb_format_utc (&at, sb_now_ms ());
        json_object_set_new (results, "grade", json_string (grade));
        json_object_set_new (results, "at", json_string (at.s));
    }
    return json_pack ("{s:s, s:s, s:s, s:o}", "rc", rc, "seen", seen, "message", message, "results", results);
}

/* One request: {"verb", "op", "params": {"site"}}. */
static json_t *
control (struct w_client *world, const json_t *request)
{
    const char *verb = json_string_value (json_object_get (request, "verb")),
               *op = json_string_value (json_object_get (request, "op")),
               *site = json_string_value (json_object_get (json_object_get (request, "params"), "site"));
    struct world *w = w_client_world (world);
    bool isolate = verb != NULL && strcmp (verb, "isolate") == 0, run = op != NULL && strcmp (op, "run") == 0, is_so;
    w_id id;

    if (site == NULL)
        site = json_string_value (json_object_get (request, "on"));
    if (w == NULL)
        return answer ("unsure", "unknown", NULL, "the power controller is out of order");
    id = site == NULL ? 0 : w_find_site (w, site);
    if (id == 0)
        return answer ("fail", "unknown", NULL, "no such site");
    if (!isolate && (verb == NULL || strcmp (verb, "release") != 0))
        return answer ("fail", "unknown", NULL, "a power controller can isolate and release");
    if (run)
        switch_site (world, id, !isolate);
    w = w_client_world (world);
    if (w == NULL)
        return answer ("unsure", "unknown", NULL, "the power controller is out of order");
    is_so = isolate ? w->sites[id - 1].held_off : !w->sites[id - 1].held_off;
    return answer ("ok", is_so ? "yes" : "no", isolate && is_so ? "confirmed" : NULL,
                   isolate ? (is_so ? "the site is switched off and held off" : "the site is not held off")
                           : (is_so ? "the site is not held off" : "the site is held off"));
}

static void
serve (int fd, struct w_client *world)
{
    struct sb_stream s;
    json_t *request, *reply;
    char *text;
    size_t n;

    sb_stream_init (&s, fd, LIMIT);
    if (sb_stream_get_message (&s, sb_deadline_in (PATIENCE), &text, &n) == SB_FLOW_OK) {
        SB_AUTOFREE char *out = NULL;

        request = json_loadb (text, n, 0, NULL);
        reply = control (world, request);
        out = json_dumps (reply, JSON_COMPACT);
        sb_stream_put_message (&s, out, strlen (out));
        sb_stream_send (&s, sb_deadline_in (PATIENCE));
        json_decref (request);
        json_decref (reply);
    }
    sb_stream_free (&s);
    close (fd);
}

int
lab_run_services (const struct lab_args *a)
{
    struct lab_cfg cfg;
    struct sb_faults faults = { 0 };
    struct lab_sinks_cfg sinks = { .address = LAB_ADDRESS };
    SB_AUTOFREE char *path = lab_path (a->dir, "power.sock");
    SB_AUTOFREE char *socket = lab_path (a->dir, "world.sock");
    SB_AUTOFREE char *cert = lab_path (a->dir, "tls/sinks.pem");
    SB_AUTOFREE char *key = lab_path (a->dir, "tls/sinks.key");
    struct w_client *world = NULL;
    int64_t deadline = sb_deadline_in (PATIENCE);
    int listener, fd;

    signal (SIGPIPE, SIG_IGN);
    if (!lab_cfg_load (&cfg, a->dir, &faults))
        return lab_fail (&faults);
    sinks.dir = cfg.dir;
    sinks.chat_port = (uint16_t) cfg.chat_port;
    sinks.mail_port = (uint16_t) cfg.mail_port;
    sinks.power_port = (uint16_t) cfg.power_port;
    sinks.cert = cert;
    sinks.key = key;
    sinks.mail_user = "switchback";
    if (lab_sinks_start (&sinks) != 0)
        return 1;
    while (world == NULL && sb_mono_ms () < deadline) { /* it is being started beside us */
        sb_faults_free (&faults);
        world = w_client_open (socket, &faults);
        if (world == NULL)
            sb_sleep_ms (20);
    }
    listener = sb_unix_listen (path, &faults);
    if (world == NULL || listener < 0)
        return lab_fail (&faults);
    sb_faults_free (&faults);
    if (lab_traffic_start (cfg.dir) != 0)
        return 1;
    while (!w_client_gone (world)) {
        struct pollfd p = { .fd = listener, .events = POLLIN };

        if (poll (&p, 1, 1000) <= 0) {
            w_client_time (world); /* is it still there? */
            continue;
        }
        fd = sb_unix_accept (listener);
        if (fd >= 0)
            serve (fd, world);
    }
    _exit (0);
}

/* DIR/bin/power: stdin to the controller, its answer to stdout. */
int
lab_run_power (const struct lab_args *a)
{
    SB_AUTOFREE char *path = lab_path (a->dir, "power.sock");
    SB_CLEANUP (sb_buf_free) struct sb_buf in = { 0 };
    struct sb_faults faults = { 0 };
    struct sb_stream s;
    char chunk[4096], *text;
    size_t len;
    ssize_t n;
    int fd, ret = 1;

    while (in.len < LIMIT && (n = read (0, chunk, sizeof chunk)) > 0)
        sb_buf_add (&in, chunk, (size_t) n);
    fd = sb_unix_connect (path, sb_deadline_in (PATIENCE), &faults);
    if (fd < 0) {
        sb_faults_free (&faults);
        puts ("{\"rc\": \"unsure\", \"seen\": \"unknown\", \"message\": \"the power controller does not answer\"}");
        return 0;
    }
    sb_stream_init (&s, fd, LIMIT);
    sb_stream_put_message (&s, sb_buf_cstr (&in), in.len);
    if (sb_stream_send (&s, sb_deadline_in (PATIENCE)) == SB_FLOW_OK
        && sb_stream_get_message (&s, sb_deadline_in (PATIENCE), &text, &len) == SB_FLOW_OK) {
        puts (text);
        ret = 0;
    }
    sb_stream_free (&s);
    close (fd);
    return ret;
}
