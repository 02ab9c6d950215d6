/* Cmdlets on Windows services and on messages: Get-, Start-, Stop-CsWindowsService,
 * Test-CsPersistentChatMessage.  Names of the two chat services are not documented
 * by the vendor; chosen here: RTCPCHAT and RTCCHATCOMPLIANCE. */
#include "config.h"

#include "lab/winrm/cs_int.h"

#include "core/base/text.h"

#include <string.h>

#define GRACE_MS 500

/* Bits as W_OP_SERVICE has them; 0: a service that always runs. */
static const struct service {
    const char *name, *shown, *role;
    int bit;
    bool chat_server, front_end; /* where it is */
} services[] = {
    { "REPLICA", "Skype for Business Server Replica Replicator Agent", "LocalMgmtStore", 0, true, true },
    { "RTCCLSAGT", "Skype for Business Server Centralized Logging Service Agent", "CentralizedLoggingServiceAgent", 0,
      true, true },
    { "RTCPCHAT", "Skype for Business Server Persistent Chat", "PersistentChatService", 1, true, false },
    { "RTCCHATCOMPLIANCE", "Skype for Business Server Persistent Chat Compliance", "PersistentChatComplianceService", 2,
      true, false },
    { "RTCSRV", "Skype for Business Server Front-End", "UserServices", 0, false, true },
    { "MASTER", "Skype for Business Server Master Replicator Agent", "CentralMgmtStore", 0, false, true },
};
#define NSERVICES (sizeof services / sizeof *services)

struct computer {
    w_id server, frontend; /* one of them */
    const char *fqdn;
};

/* The computer the call is about; a flow other than PS_GO when it is not there. */
static enum ps_flow
computer_of (struct ps_call *c, const struct world *w, struct computer *ret)
{
    const char *name = ps_arg_text (c, "ComputerName");
    w_id site = 0;

    *ret = (struct computer){ 0, name ? 0 : cs_frontend (c), name ? name : "localhost" };
    for (unsigned i = 0; name && i < w->nservers; i++)
        if (!sb_casecmp (w_str (w, w->servers[i].fqdn), name))
            ret->server = (w_id) (i + 1);
    for (unsigned i = 0; name && i < w->nfrontends; i++)
        if (!sb_casecmp (w_str (w, w->frontends[i].host), name))
            ret->frontend = (w_id) (i + 1);
    if (ret->server)
        site = w->servers[ret->server - 1].site;
    else if (ret->frontend && w->frontends[ret->frontend - 1].running)
        site = w->frontends[ret->frontend - 1].site;
    if (site && w_linked (w, cs_here (c, w), site))
        return PS_GO;
    return ps_fail (
            c, "ResourceUnavailable", "CannotOpenServiceControlManager",
            "Cannot open Service Control Manager on computer '%s'. This operation might require other privileges.",
            ret->fqdn);
}

static bool
is_there (const struct service *s, const struct computer *on)
{
    return on->server ? s->chat_server : s->front_end;
}

static bool
runs (const struct world *w, const struct service *s, const struct computer *on)
{
    const struct w_server *server = on->server ? &w->servers[on->server - 1] : NULL;

    if (!server || !s->bit)
        return true;
    return s->bit == 1 ? server->chat : server->compliance;
}

static struct ps_value
service_object (struct ps_call *c, const struct world *w, const struct service *s, const struct computer *on)
{
    static const char *const shown[] = { "Status", "Name", "ActivityLevel", NULL }, *const bare[] = { "Status", "Name",
                                                                                                      NULL };
    struct ps_object *o = ps_object_new (c->ps, "Microsoft.Rtc.Management.Deployment.Core.NTService");
    bool level = !ps_arg_switch (c, "ExcludeActivityLevel");

    ps_set (c->ps, o, "Status", ps_const (runs (w, s, on) ? "Running" : "Stopped"));
    ps_set (c->ps, o, "Name", ps_const (s->name));
    if (level)
        ps_set (c->ps, o, "ActivityLevel",
                ps_const (s->bit == 1 && on->server
                                  ? ps_printf (c->ps, "Connections=%u", w->servers[on->server - 1].clients)
                                  : ""));
    ps_set (c->ps, o, "DisplayName", ps_const (s->shown));
    ps_set (c->ps, o, "RoleName", ps_const (s->role));
    ps_set (c->ps, o, "ComputerName", ps_text (c->ps, on->fqdn));
    o->shown = level ? shown : bare;
    o->table = true;
    return ps_of_object (o);
}

static enum ps_flow
no_service (struct ps_call *c, const char *name, const struct computer *on)
{
    return ps_fail (c, "ObjectNotFound", "ServiceNotFound", "Cannot find service \"%s\" on computer \"%s\".", name,
                    on->fqdn);
}

enum ps_flow
cs_windows_get (struct ps_call *c)
{
    const char *name = ps_arg_text (c, "Name");
    struct computer on;
    bool any = false;
    enum ps_flow f;
    struct world *w = cs_look (c, &f);

    if (!w || (f = computer_of (c, w, &on)) != PS_GO)
        return f;
    for (size_t i = 0; i < NSERVICES && f == PS_GO; i++)
        if (is_there (&services[i], &on) && (!name || !sb_casecmp (name, services[i].name))) {
            any = true;
            f = ps_put (c, service_object (c, w, &services[i], &on));
        }
    return f == PS_GO && !any ? no_service (c, name ? name : "", &on) : f;
}

/* Which chat services are meant: those named, or both. */
static enum ps_flow
meant (struct ps_call *c, const struct computer *on, int *ret_bits)
{
    const char *name = ps_arg_text (c, "Name");

    *ret_bits = name ? 0 : 3;
    if (!name)
        return PS_GO;
    for (size_t i = 0; i < NSERVICES; i++)
        if (is_there (&services[i], on) && !sb_casecmp (name, services[i].name)) {
            *ret_bits = services[i].bit;
            return PS_GO;
        }
    return no_service (c, name, on);
}

/* Waits until the last client has gone, which may be never. */
static enum ps_flow
drain (struct ps_call *c, w_id server)
{
    enum ps_flow f;
    struct world *w;

    while ((w = cs_look (c, &f)) && w->servers[server - 1].clients && w->servers[server - 1].chat && f == PS_GO) {
        ps_host (c->ps)->pause (ps_host (c->ps)->ctx, GRACE_MS);
        if (ps_host (c->ps)->stopped (ps_host (c->ps)->ctx))
            return PS_STOPPED;
    }
    return f;
}

static enum ps_flow
set_services (struct ps_call *c, bool start)
{
    struct computer on;
    struct w_op op;
    struct w_out out;
    int bits;
    bool go;
    enum ps_flow f;
    struct world *w = cs_look (c, &f);

    if (!w || (f = computer_of (c, w, &on)) != PS_GO || (f = meant (c, &on, &bits)) != PS_GO)
        return f;
    f = ps_should (c, on.fqdn, c->cmdlet->name, &go);
    if (f != PS_GO || !go || !bits || !on.server)
        return f;
    if (!start && ps_arg_switch (c, "Graceful") && (bits & 1))
        f = drain (c, on.server);
    if (f != PS_GO)
        return f;
    cs_op (c, &op, W_OP_SERVICE, 0, "");
    op.n[0] = on.server;
    op.n[1] = bits;
    op.n[2] = start;
    return cs_do (c, &op, &out);
}

enum ps_flow
cs_windows_start (struct ps_call *c)
{
    return set_services (c, true);
}

enum ps_flow
cs_windows_stop (struct ps_call *c)
{
    return set_services (c, false);
}

/* ---- a message ---- */

/* NULL: a message would get through this server; else why not. */
static const char *
obstacle (struct ps_call *c, struct world *w, const struct w_server *s)
{
    struct cs_database dbs[CS_MAX_DATABASES];
    size_t n = cs_databases (c, w, dbs);
    const char *why = "no Persistent Chat database is defined";

    for (size_t i = 0; i < n && !dbs[i].compliance; i++) {
        bool over = s->replica.state == W_FAILED_OVER;
        w_id one = over ? dbs[i].backup : dbs[i].primary, other = over ? dbs[i].backup_mirror : dbs[i].mirror;
        w_id at = cs_principal (w, dbs[i].name, one, other), copy = at ? w_find_copy (w, at, dbs[i].name) : 0;

        if (!at || !w_reaches (w, s->site, at))
            why = "the database does not answer";
        else if (!copy || w_copy_writable (w, copy, 0) != 0)
            why = "the database cannot be written";
        else
            return NULL;
    }
    return why;
}

enum ps_flow
cs_message_test (struct ps_call *c)
{
    const char *target = ps_arg_text (c, "TargetFqdn"), *one, *why = "no server accepts clients";
    struct ps_object *o = ps_object_new (c->ps, "Microsoft.Rtc.SyntheticTransactions.TaskOutput");
    enum ps_flow f;
    struct world *w = cs_look (c, &f);

    if (!w)
        return f;
    for (unsigned i = 0; i < w->nservers && why; i++) {
        const struct w_server *s = &w->servers[i];

        if (!s->chat || !(s->replica.active & 1u << i) || !w_linked (w, cs_here (c, w), s->site))
            continue;
        one = obstacle (c, w, s);
        why = one ? ps_printf (c->ps, "%s: %s", w_str (w, s->fqdn), one) : NULL;
    }
    if (w->central.next_hop_down)
        why = "the next hop pool does not route to the Persistent Chat pool";
    ps_set (c->ps, o, "TargetFqdn", ps_text (c->ps, target ? target : w_str (w, w->pool)));
    ps_set (c->ps, o, "Result", ps_const (why ? "Failure" : "Success"));
    ps_set (c->ps, o, "Latency", ps_const (why ? "00:00:00" : "00:00:00.0213010"));
    ps_set (c->ps, o, "Error", ps_const (why ? ps_printf (c->ps, "The message was not delivered: %s.", why) : ""));
    ps_set (c->ps, o, "Diagnosis", ps_const (""));
    return ps_put (c, ps_of_object (o));
}
