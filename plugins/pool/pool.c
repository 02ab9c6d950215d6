/* The plugin `pool`: the chat pool's state, active servers, services and
 * central management store, through cmdlets on a front end.  Verbs as
 * contracted in switchback-roles(7); cmdlets as in the help of the Lync Server
 * 2013 and Skype for Business Server 2015 modules.
 *
 * Identities are read and reused, never built (the vendor's pages disagree
 * about their form).  The active list is computed by removal and addition, so
 * that it never holds more than four, and never by -Swap.  Every changing cmdlet
 * gets -Confirm:$false.  What a cmdlet did is believed only when it is read. */
#include "plugins/pool/pool.h"

#include "core/base/mem.h"
#include <curl/curl.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

/* ---- what was before a step, for the result `was` ------------------------------------------------------- */

static const char *
step_key (struct sb_call *call)
{
    const char *step = sb_about (call, "step");

    return sb_format (call, "%s/%s", sb_about (call, "run"), step != NULL ? step : sb_about (call, "verb"));
}

void
pool_remember (struct sb_call *call, struct pool *p, const char *was)
{
    const char *key = step_key (call);

    if (strlen (key) >= sizeof p->step || strcmp (p->step, key) == 0)
        return; /* a second attempt: what the first one found counts */
    strcpy (p->step, key);
    free (p->was);
    p->was = sb_xstrdup (was);
}

/* What run() found before it changed something; NULL: it did not run here. */
static const char *
remembered (struct sb_call *call, const struct pool *p)
{
    return p->was != NULL && strcmp (p->step, step_key (call)) == 0 ? p->was : NULL;
}

void
pool_tell_was (struct sb_call *call, struct pool *p, const char *now)
{
    const char *was = remembered (call, p);

    sb_result (call, "was", was != NULL ? was : now);
}

/* ---- state ---------------------------------------------------------------------------------------------- */

static enum sb_rc
set_state_run (struct sb_call *call, void *self)
{
    const char *wanted = sb_param (call, "state");
    struct pool_seen seen;
    json_t *doc = NULL;
    enum sb_rc rc = pool_look (call, self, &seen);

    if (rc != SB_OK)
        return rc;
    pool_remember (call, self, seen.state);
    pool_tell_was (call, self, seen.state);
    if (strcmp (seen.state, wanted) == 0)
        return SB_OK;
    rc = pool_ps (call, self, NULL, true,
                  sb_format (call,
                             "Set-CsPersistentChatState -Identity %s -PoolState %s -Confirm:$false\n$r=@{set=$true}",
                             ps_quoted (call, seen.identity), wanted),
                  &doc);
    json_decref (doc);
    return rc;
}

static enum sb_seen
set_state_verify (struct sb_call *call, void *self)
{
    struct pool_seen seen;

    if (pool_look (call, self, &seen) != SB_OK)
        return SB_SEEN_UNKNOWN;
    pool_tell_was (call, self, seen.state);
    return strcmp (seen.state, sb_param (call, "state")) == 0 ? SB_SEEN_YES : SB_SEEN_NO;
}

/* ---- active servers ------------------------------------------------------------------------------------- */

/* The wanted list as FQDNs; names of sections and FQDNs both serve. */
static struct pool_list
wanted_servers (struct sb_call *call)
{
    struct pool_list l = { .count = 0 };
    const char *item;
    size_t i;

    for (i = 0; (item = sb_item (call, "servers", i)) != NULL; i++)
        pool_list_add (&l, pool_fqdn (call, "server", item));
    return l;
}

/* @{Add='a','b'}, or "" for nothing. */
static const char *
modifier (struct sb_call *call, const char *how, const struct pool_list *these, const struct pool_list *but_not)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *identity = sb_setting (call, "active identity");
    size_t i, n = 0;

    for (i = 0; i < these->count; i++)
        if (!pool_list_has (but_not, these->names[i])) {
            sb_buf_str (&b, n++ == 0 ? "" : ",");
            ps_quote (&b, these->names[i]);
        }
    if (n == 0)
        return "";
    return sb_format (call, "Set-CsPersistentChatActiveServer %s%s -ActiveServers @{%s=%s} -Confirm:$false\n",
                      identity != NULL ? "-Identity " : "", identity != NULL ? ps_quoted (call, identity) : "", how,
                      b.s);
}

/* Adding first keeps somebody active throughout; where that would pass the limit, removing comes first. */
static const char *
active_script (struct sb_call *call, const struct pool_list *now, const struct pool_list *wanted)
{
    const char *add = modifier (call, "Add", wanted, now), *rid = modifier (call, "Remove", now, wanted);
    size_t both = now->count, i;

    for (i = 0; i < wanted->count; i++)
        both += !pool_list_has (now, wanted->names[i]);
    if (wanted->count == 0) {
        const char *identity = sb_setting (call, "active identity");

        return sb_format (call,
                          "Set-CsPersistentChatActiveServer %s%s -ActiveServers $null -Confirm:$false\n$r=@{set=$true}",
                          identity != NULL ? "-Identity " : "", identity != NULL ? ps_quoted (call, identity) : "");
    }
    return sb_format (call, "%s%s$r=@{set=$true}", both <= POOL_MAX_ACTIVE ? add : rid,
                      both <= POOL_MAX_ACTIVE ? rid : add);
}

static enum sb_rc
set_active_run (struct sb_call *call, void *self)
{
    struct pool_list wanted = wanted_servers (call);
    struct pool_seen seen;
    json_t *doc = NULL;
    enum sb_rc rc;

    if (wanted.count > POOL_MAX_ACTIVE)
        return sb_fail (call, SB_FAIL, "%zu servers were to be active; a pool has at most %d", wanted.count,
                        POOL_MAX_ACTIVE);
    if ((rc = pool_look (call, self, &seen)) != SB_OK)
        return rc;
    pool_remember (call, self, pool_list_text (call, &seen.active));
    pool_tell_was (call, self, pool_list_text (call, &seen.active));
    if (pool_list_same (&seen.active, &wanted))
        return SB_OK;
    rc = pool_ps (call, self, NULL, true, active_script (call, &seen.active, &wanted), &doc);
    json_decref (doc);
    return rc;
}

/* Neither as it was nor as it shall be: one of the two cmdlets came through.  Where nobody remembers how it was, a list that
 * holds some of the wanted servers may be such a half. */
static enum sb_seen
half_changed (struct sb_call *call, const struct pool *p, const struct pool_list *now, const struct pool_list *wanted)
{
    const char *was = remembered (call, p);
    size_t i, common = 0;

    if (was != NULL)
        return strcmp (was, pool_list_text (call, now)) != 0 ? SB_SEEN_PARTLY : SB_SEEN_NO;
    for (i = 0; i < now->count; i++)
        common += pool_list_has (wanted, now->names[i]);
    return common > 0 ? SB_SEEN_PARTLY : SB_SEEN_NO;
}

static enum sb_seen
set_active_verify (struct sb_call *call, void *self)
{
    struct pool_list wanted = wanted_servers (call);
    struct pool_seen seen;

    if (pool_look (call, self, &seen) != SB_OK)
        return SB_SEEN_UNKNOWN;
    pool_tell_was (call, self, pool_list_text (call, &seen.active));
    if (pool_list_same (&seen.active, &wanted))
        return SB_SEEN_YES;
    return half_changed (call, self, &seen.active, &wanted);
}

/* ---- replication ---------------------------------------------------------------------------------------- */

static enum sb_rc
push (struct sb_call *call, struct pool *p, const struct pool_list *servers)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    json_t *doc = NULL;
    enum sb_rc rc;
    size_t i;

    for (i = 0; i < servers->count; i++)
        sb_buf_printf (&b, "Invoke-CsManagementStoreReplication -ReplicaFqdn %s\n",
                       ps_quoted (call, servers->names[i]));
    sb_buf_str (&b, "$r=@{pushed=$true}");
    rc = pool_ps (call, p, NULL, false, b.s, &doc); /* a push changes nothing that was not decided before */
    json_decref (doc);
    return rc;
}

static enum sb_rc
replication_run (struct sb_call *call, void *self)
{
    struct pool_list servers = wanted_servers (call), late;
    int64_t pause = 300;
    enum sb_rc rc = push (call, self, &servers);

    while (rc == SB_OK && (rc = pool_replicas (call, self, &servers, &late)) == SB_OK && late.count > 0) {
        sb_progress (call, (unsigned) (100 * (servers.count - late.count) / servers.count),
                     sb_format (call, "waiting for %s", pool_list_text (call, &late)));
        if (sb_pause (call, pause) || sb_left_ms (call) < 10000)
            return sb_fail (call, sb_left_ms (call) < 10000 ? SB_RETRY : SB_STOPPED,
                            "the replicas of %s are not up to date", pool_list_text (call, &late));
        pause = pause < 3000 ? pause * 3 / 2 : 3000;
    }
    return rc;
}

static enum sb_seen
replication_verify (struct sb_call *call, void *self)
{
    struct pool_list servers = wanted_servers (call), late;

    if (pool_replicas (call, self, &servers, &late) != SB_OK)
        return SB_SEEN_UNKNOWN;
    return late.count == 0 ? SB_SEEN_YES : SB_SEEN_NO;
}

/* ---- what only reads ------------------------------------------------------------------------------------ */

static enum sb_rc
observe (struct sb_call *call, void *self)
{
    struct pool_seen seen;
    struct pool_store store = { .site = NULL };
    const char *active;
    enum sb_rc rc = pool_look (call, self, &seen);

    if (rc != SB_OK || (rc = pool_store (call, self, NULL, &store)) != SB_OK)
        return rc;
    active = pool_list_text (call, &seen.active);
    sb_result (call, "state", seen.state);
    sb_result (call, "active", active);
    sb_result (call, "central store", pool_known_site (&store));
    sb_result (call, "sentence",
               sb_format (call, "the pool is %s; active: %s; central store: %s", seen.state,
                          *active != '\0' ? active : "none", pool_known_site (&store)));
    return SB_OK;
}

static enum sb_rc
send_message (struct sb_call *call, void *self)
{
    struct pool_message m;
    enum sb_rc rc = pool_message (call, self, &m);

    if (rc != SB_OK)
        return rc;
    sb_result (call, "latency", m.latency);
    if (!m.success)
        return sb_fail (call, SB_RETRY, "the synthetic message did not get through: %s", m.why);
    return SB_OK;
}

/* ---- tables --------------------------------------------------------------------------------------------- */

#define LAST         \
    {                \
        .name = NULL \
    }
#define MIN(n) ((n) *60000u)

static const char *const modules[] = { "SkypeForBusiness", "Lync", NULL };
static const char *const states[] = { "Normal", "FailedOver", NULL };
static const char *const server_kind[] = { "server", NULL };
static const char *const site_kind[] = { "site", NULL };

static const struct sb_option settings[] = {
    { .name = "module",
      .type = SB_CHOICE,
      .fallback = "SkypeForBusiness",
      .choices = modules,
      .help = "the PowerShell module with the cmdlets" },
    { .name = "connect timeout",
      .type = SB_DURATION,
      .fallback = "5s",
      .help = "a front end that does not answer in this time is passed over" },
    { .name = "active identity",
      .type = SB_STRING,
      .help = "-Identity for the active list, where the version of the product needs one" },
    { .name = "services",
      .type = SB_LIST,
      .help = "names of the chat services; else they are found by their display names" },
    { .name = "sender",
      .type = SB_STRING,
      .help = "SIP address that sends the synthetic message; else the product's test users" },
    { .name = "receiver", .type = SB_STRING, .help = "SIP address that receives it" },
    { .name = "room", .type = SB_STRING, .help = "URI of the room it is sent to" },
    LAST
};

static const struct sb_option none[] = { LAST };
static const struct sb_option observe_results[] = {
    { .name = "state", .type = SB_STRING, .help = "Normal or FailedOver" },
    { .name = "active", .type = SB_LIST, .help = "active servers" },
    { .name = "central store", .type = SB_STRING, .help = "site that holds the active central store, or unknown" },
    { .name = "sentence", .type = SB_STRING, .help = "in words" },
    LAST
};
static const struct sb_option check_params[] = {
    { .name = "fact", .type = SB_STRING, .flags = SB_REQUIRED, .help = "H1, H2, H13, H14 or H17" }, LAST
};
static const struct sb_option check_results[] = {
    { .name = "verdict", .type = SB_STRING, .help = "green, amber, red or unknown" },
    { .name = "found", .type = SB_STRING, .help = "what was found, in words" },
    LAST
};
static const struct sb_option state_params[] = {
    { .name = "state", .type = SB_CHOICE, .flags = SB_REQUIRED, .choices = states, .help = "the pool state wanted" },
    LAST
};
static const struct sb_option was_text[] = { { .name = "was", .type = SB_STRING, .help = "what was before" }, LAST };
static const struct sb_option active_params[] = {
    { .name = "servers", .type = SB_LIST, .help = "the active servers wanted; none clears the list" }, LAST
};
static const struct sb_option was_list[] = { { .name = "was", .type = SB_LIST, .help = "the list before" }, LAST };
static const struct sb_option replication_params[] = {
    { .name = "servers", .type = SB_LIST, .flags = SB_REQUIRED, .help = "servers whose replicas must be up to date" },
    LAST
};
static const char *const which_words[] = { "all", "chat", "compliance", NULL };
static const struct sb_option service_target[] = {
    { .name = "on", .type = SB_TARGET, .flags = SB_REQUIRED, .choices = server_kind, .help = "the server" }, LAST
};
static const struct sb_option service_params[] = {
    { .name = "on", .type = SB_TARGET, .flags = SB_REQUIRED, .choices = server_kind, .help = "the server" },
    { .name = "which",
      .type = SB_CHOICE,
      .fallback = "all",
      .choices = which_words,
      .help = "the chat service, the compliance service, or both" },
    LAST
};
static const struct sb_option service_results[] = {
    { .name = "chat", .type = SB_STRING, .help = "status of the chat service, or absent" },
    { .name = "compliance", .type = SB_STRING, .help = "status of the compliance service, or absent" },
    { .name = "sentence", .type = SB_STRING, .help = "in words" },
    LAST
};
static const char *const types[] = { "PersistentChat", "PersistentChatCompliance", NULL };
static const char *const instance_kind[] = { "instance", NULL };
static const char *const share_kind[] = { "share", NULL };
#define TYPE                                                                               \
    {                                                                                      \
        .name = "type", .type = SB_CHOICE, .fallback = "PersistentChat", .choices = types, \
        .help = "kind of the databases"                                                    \
    }
static const struct sb_option mirror_state_params[] = { TYPE, LAST };
static const struct sb_option mirror_state_results[] = {
    { .name = "principal",
      .type = SB_STRING,
      .help = "Primary or Mirror as the topology labels them, differs, or unknown" },
    { .name = "synchronized", .type = SB_BOOL, .help = "yes when both halves of every database say so" },
    { .name = "sentence", .type = SB_STRING, .help = "in words" },
    LAST
};
static const struct sb_option install_params[] = {
    { .name = "on", .type = SB_TARGET, .flags = SB_REQUIRED, .choices = instance_kind, .help = "the principal" },
    { .name = "share",
      .type = SB_TARGET,
      .flags = SB_REQUIRED,
      .choices = share_kind,
      .help = "carries the backups that seed the mirror" },
    TYPE,
    LAST
};
static const struct sb_option sentence_result[] = { { .name = "sentence", .type = SB_STRING, .help = "in words" },
                                                    LAST };
static const struct sb_option move_params[] = { { .name = "site",
                                                  .type = SB_TARGET,
                                                  .flags = SB_REQUIRED,
                                                  .choices = site_kind,
                                                  .help = "the site whose front end shall hold it" },
                                                LAST };
static const struct sb_option message_results[] = { { .name = "latency", .type = SB_STRING, .help = "as reported" },
                                                    LAST };

static const struct sb_action actions[] = {
    { .verb = "observe",
      .help = "tell the pool state, the active servers and the central store",
      .effect = SB_READS,
      .timeout_ms = MIN (1),
      .params = none,
      .results = observe_results,
      .run = observe },
    { .verb = "check",
      .help = "hold one fact of the steady state against the pool",
      .effect = SB_READS,
      .timeout_ms = MIN (1),
      .params = check_params,
      .results = check_results,
      .run = pool_check },
    { .verb = "set-state",
      .help = "set the pool state",
      .effect = SB_SETTLES,
      .timeout_ms = MIN (3),
      .params = state_params,
      .results = was_text,
      .run = set_state_run,
      .verify = set_state_verify,
      .undo = "set-state" },
    { .verb = "set-active",
      .help = "set the active servers, never more than four at any moment",
      .effect = SB_SETTLES,
      .timeout_ms = MIN (3),
      .params = active_params,
      .results = was_list,
      .run = set_active_run,
      .verify = set_active_verify,
      .undo = "set-active" },
    { .verb = "await-replication",
      .help = "push replication and wait until the replicas are up to date",
      .effect = SB_SETTLES,
      .timeout_ms = MIN (15),
      .params = replication_params,
      .results = none,
      .run = replication_run,
      .verify = replication_verify },
    { .verb = "stop-services",
      .help = "stop the chat services of a server",
      .effect = SB_SETTLES,
      .timeout_ms = MIN (5),
      .params = service_params,
      .results = none,
      .run = pool_stop_run,
      .verify = pool_stop_verify,
      .undo = "start-services" },
    { .verb = "start-services",
      .help = "start the chat services of a server",
      .effect = SB_SETTLES,
      .timeout_ms = MIN (5),
      .params = service_params,
      .results = none,
      .run = pool_start_run,
      .verify = pool_start_verify,
      .undo = "stop-services" },
    { .verb = "services",
      .help = "tell the status of the chat services of a server",
      .effect = SB_READS,
      .timeout_ms = MIN (1),
      .params = service_target,
      .results = service_results,
      .run = pool_services_run },
    { .verb = "mirror-state",
      .help = "tell the mirroring of the pool's databases as the chat system sees it",
      .effect = SB_READS,
      .timeout_ms = MIN (1),
      .params = mirror_state_params,
      .results = mirror_state_results,
      .run = pool_mirror_state_run },
    { .verb = "install-mirror",
      .help = "let the chat system build the mirrors of its databases at a principal",
      .effect = SB_SETTLES,
      .timeout_ms = MIN (60),
      .params = install_params,
      .results = sentence_result,
      .run = pool_install_mirror_run,
      .verify = pool_install_mirror_verify },
    { .verb = "move-central-store",
      .help = "move the central management store to a site",
      .effect = SB_CHANGES,
      .timeout_ms = MIN (15),
      .params = move_params,
      .results = was_text,
      .run = pool_move_run,
      .verify = pool_move_verify },
    { .verb = "send-message",
      .help = "send a synthetic message through the pool",
      .effect = SB_READS,
      .timeout_ms = MIN (2),
      .params = none,
      .results = message_results,
      .run = send_message },
    { .verb = NULL }
};

static enum sb_rc
open_pool (struct sb_call *call, void **ret_self)
{
    (void) call;
    curl_global_init (CURL_GLOBAL_DEFAULT);
    xmlInitParser ();
    *ret_self = sb_xcalloc (1, sizeof (struct pool));
    return SB_OK;
}

static void
close_pool (void *self)
{
    sb_tickets_free (&((struct pool *) self)->tickets);
    free (((struct pool *) self)->was);
    free (self);
    xmlCleanupParser ();
    curl_global_cleanup ();
}

SB_PLUGIN (pool, .name = "pool", .role = "pool", .version = "0.1.0",
           .summary = "chat pool through cmdlets over WS-Management", .lanes = SB_SERIAL, .settings = settings,
           .actions = actions, .open = open_pool, .close = close_pool);
