/* The power controller of the sites: what a fence talks to; see sinks.h.  It
 * holds a site off and lets it go (W_OP_SITE_POWER with n[2] = 1) and answers
 * with what the world says afterwards, never with what it was asked for: the
 * world has killed a site before it says that its power is off.  It runs where
 * no site is, so it answers about a dark one.
 *
 *   400 not understood   401 wrong token   404 no such site   502 the world refused
 *   503 the world does not answer, or there is no token: nobody is let in */
#include "config.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/sys/clock.h"
#include "lab/sinks/https.h"
#include "lab/sinks/intern.h"
#include "lab/sinks/secret.h"
#include "lab/world/client.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define SCHEME "Bearer "
#define ROOT   "/power/"

static const char *const actions[] = { "off", "on", "status" }; /* the index of the first two is n[1] */
enum { STATUS = 2, ACTIONS = 3 };

static void
say (struct https_answer *a, unsigned status, const char *text)
{
    a->status = status;
    sb_buf_printf (&a->body, "%s\n", text);
}

static bool
let_in (const char *dir, const struct https_request *r, struct https_answer *a)
{
    const char *shown = MHD_lookup_connection_value (r->connection, MHD_HEADER_KIND, "Authorization");
    bool bearer = shown != NULL && strncasecmp (shown, SCHEME, strlen (SCHEME)) == 0;
    const char *token = bearer ? shown + strlen (SCHEME) : "";

    switch (lab_secret_check (dir, "power", token, strlen (token))) {
    case LAB_SECRET_RIGHT:
        return true;
    case LAB_SECRET_NONE:
        say (a, MHD_HTTP_SERVICE_UNAVAILABLE, "there is no power.secret, so nobody is let in");
        return false;
    default:
        say (a, MHD_HTTP_UNAUTHORIZED, "the token is not the one of power.secret");
        a->name = "WWW-Authenticate";
        snprintf (a->value, sizeof a->value, "Bearer");
        return false;
    }
}

/* The index into `actions`, or -1. */
static int
wanted (const struct https_request *r)
{
    json_t *j = json_loadb (r->body, r->len, JSON_REJECT_DUPLICATES, NULL);
    const char *word = json_string_value (json_object_get (j, "action"));
    int ret = -1;

    for (int i = 0; i < ACTIONS; i++)
        if (word != NULL && json_object_size (j) == 1 && strcmp (word, actions[i]) == 0)
            ret = i;
    json_decref (j);
    return ret;
}

static void
tell (struct world *w, w_id site, struct https_answer *a)
{
    const struct w_site *s = w_site (w, site);
    SB_CLEANUP (sb_buf_free) struct sb_buf at = { 0 };
    SB_AUTOFREE char *text = NULL;
    json_t *j;

    sb_format_utc (&at, sb_now_ms ());
    j = json_pack ("{s:s, s:b, s:b, s:s}", "site", w_str (w, s->name), "powered", s->powered != 0, "held",
                   s->held_off != 0, "at", sb_buf_cstr (&at));
    text = j != NULL ? json_dumps (j, JSON_COMPACT) : NULL;
    json_decref (j);
    if (text == NULL) {
        say (a, MHD_HTTP_INTERNAL_SERVER_ERROR, "the answer cannot be written");
        return;
    }
    a->type = "application/json";
    sb_buf_printf (&a->body, "%s\n", text);
}

static void
act (struct w_client *c, const char *name, int action, struct https_answer *a)
{
    struct world *w = w_client_world (c);
    w_id site = w != NULL ? w_find_site (w, name) : 0;
    struct w_op op;
    struct w_out out = { .status = W_DONE };

    if (site != 0 && action != STATUS) {
        w_op_init (&op, W_OP_SITE_POWER, 0, 0, NULL);
        op.n[0] = site;
        op.n[1] = action;
        op.n[2] = 1;
        w_client_op (c, &op, &out);
        w = w_client_world (c);
    }
    if (w == NULL || w_client_gone (c))
        say (a, MHD_HTTP_SERVICE_UNAVAILABLE, "the world does not answer; whether it was done is not known");
    else if (site == 0 || w_site (w, site) == NULL)
        say (a, MHD_HTTP_NOT_FOUND, "there is no such site");
    else if (out.status != W_DONE)
        say (a, MHD_HTTP_BAD_GATEWAY, "the world refused");
    else
        tell (w, site, a);
}

static void
request_came (void *ctx, const struct https_request *r, struct https_answer *a)
{
    const struct lab_sinks_cfg *cfg = ctx;
    SB_CLEANUP (sb_faults_free) struct sb_faults faults = { 0 };
    SB_AUTOFREE char *socket = sb_xprintf ("%s/world.sock", cfg->dir);
    struct w_client *c;
    int action;

    if (!let_in (cfg->dir, r, a))
        return;
    if (strncmp (r->path, ROOT, strlen (ROOT)) != 0 || r->path[strlen (ROOT)] == 0) {
        say (a, MHD_HTTP_NOT_FOUND, "only /power/SITE is here");
        return;
    }
    action = wanted (r);
    if (action < 0) {
        say (a, MHD_HTTP_BAD_REQUEST, "the body is not {\"action\": \"off\", \"on\" or \"status\"}");
        return;
    }
    c = w_client_open (socket, &faults);
    if (c == NULL) {
        say (a, MHD_HTTP_SERVICE_UNAVAILABLE, "the world does not answer; nothing was done");
        return;
    }
    act (c, r->path + strlen (ROOT), action, a);
    w_client_close (c);
}

bool
power_start (struct lab_sinks_cfg *cfg, struct sb_faults *faults)
{
    return https_start (cfg->address, &cfg->power_port, cfg->cert, cfg->key, request_came, cfg, faults);
}
