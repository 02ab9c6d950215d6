/* Finding things by name, and who can reach whom. */
#include "lab/world/intern.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool
same (const struct world *w, w_text t, const char *name)
{
    return t != 0 && sb_casecmp (w_str (w, t), name) == 0;
}

w_id
w_find_site (const struct world *w, const char *name)
{
    for (w_id i = 1; i <= w->nsites; i++)
        if (same (w, w->sites[i - 1].name, name))
            return i;
    return 0;
}

/* "host:port" or "host,port" of the instance? */
static bool
same_address (const struct world *w, const struct w_instance *n, const char *name)
{
    const char *host = w_str (w, n->host);
    size_t len = strcspn (name, ":,");

    return name[len] != 0 && strlen (host) == len && strncasecmp (host, name, len) == 0
           && atoi (name + len + 1) == n->port;
}

w_id
w_find_instance (const struct world *w, const char *name)
{
    const struct w_instance *n;

    for (w_id i = 1; i <= w->ninstances; i++) {
        n = &w->instances[i - 1];
        if (same (w, n->name, name) || same (w, n->host, name) || same (w, n->server, name)
            || same_address (w, n, name))
            return i;
    }
    return 0;
}

w_id
w_find_copy (const struct world *w, w_id instance, const char *database)
{
    for (w_id i = 1; i <= w->ncopies; i++)
        if (w->copies[i - 1].instance == instance && instance != 0 && same (w, w->copies[i - 1].name, database))
            return i;
    return 0;
}

w_id
w_find_server (const struct world *w, const char *name)
{
    for (w_id i = 1; i <= w->nservers; i++)
        if (same (w, w->servers[i - 1].name, name) || same (w, w->servers[i - 1].fqdn, name))
            return i;
    return 0;
}

w_id
w_find_frontend (const struct world *w, const char *name)
{
    for (w_id i = 1; i <= w->nfrontends; i++)
        if (same (w, w->frontends[i - 1].name, name) || same (w, w->frontends[i - 1].host, name))
            return i;
    return 0;
}

w_id
w_find_job (const struct world *w, w_id instance, w_guid guid)
{
    for (w_id i = 1; i <= w->njobs; i++)
        if (w->jobs[i - 1].instance == instance && instance != 0 && w->jobs[i - 1].guid == guid)
            return i;
    return 0;
}

w_id
w_find_job_named (const struct world *w, w_id instance, const char *name)
{
    for (w_id i = 1; i <= w->njobs; i++)
        if (w->jobs[i - 1].instance == instance && instance != 0 && same (w, w->jobs[i - 1].name, name))
            return i;
    return 0;
}

static bool
lies_in (const char *path, const char *folder)
{
    size_t n = strlen (folder);

    while (n > 0 && folder[n - 1] == '\\')
        n--;
    return n > 0 && strncasecmp (path, folder, n) == 0 && (path[n] == '\\' || path[n] == '/' || path[n] == 0);
}

/* The longest share that the path lies in; a share with a drive letter is one of its instance's only. */
w_id
w_find_share (const struct world *w, w_id instance, const char *path)
{
    w_id best = 0;
    size_t best_n = 0, n;

    for (w_id i = 1; i <= w->nshares; i++) {
        const struct w_share *s = &w->shares[i - 1];
        const char *unc = w_str (w, s->unc);

        n = strlen (unc);
        if (n <= best_n || !lies_in (path, unc) || (unc[0] != '\\' && s->instance != instance))
            continue;
        best = i;
        best_n = n;
    }
    return best;
}

/* Client host names may be short where the topology has long ones. */
static bool
same_host (const struct world *w, w_text t, const char *host)
{
    const char *full = w_str (w, t);
    size_t n = strcspn (full, ".");

    return t != 0 && (sb_casecmp (full, host) == 0 || (strlen (host) == n && strncasecmp (full, host, n) == 0));
}

w_id
w_site_of_host (const struct world *w, const char *host)
{
    for (unsigned i = 0; i < w->nservers; i++)
        if (same_host (w, w->servers[i].name, host) || same_host (w, w->servers[i].fqdn, host))
            return w->servers[i].site;
    for (unsigned i = 0; i < w->nfrontends; i++)
        if (same_host (w, w->frontends[i].name, host) || same_host (w, w->frontends[i].host, host))
            return w->frontends[i].site;
    for (unsigned i = 0; i < w->ninstances; i++)
        if (same (w, w->instances[i].name, host) || same_host (w, w->instances[i].server, host))
            return w->instances[i].site;
    return w->tool_site;
}

struct w_site *
w_site (struct world *w, w_id id)
{
    return id != 0 && id <= w->nsites ? &w->sites[id - 1] : NULL;
}

struct w_instance *
w_instance (struct world *w, w_id id)
{
    return id != 0 && id <= w->ninstances ? &w->instances[id - 1] : NULL;
}

struct w_copy *
w_copy (struct world *w, w_id id)
{
    return id != 0 && id <= w->ncopies && w->copies[id - 1].instance != 0 ? &w->copies[id - 1] : NULL;
}

struct w_session *
w_session (struct world *w, w_id instance, uint16_t spid)
{
    for (unsigned i = 0; spid != 0 && i < w->nsessions; i++)
        if (w->sessions[i].instance == instance && w->sessions[i].spid == spid)
            return &w->sessions[i];
    return NULL;
}

struct w_copy *
w_partner (struct world *w, const struct w_copy *c)
{
    struct w_copy *known = w_copy (w, c->partner_copy);

    if (c->mirror_guid == 0 || c->partner_id == 0)
        return NULL;
    if (known != NULL && known->instance == c->partner_id && known->mirror_guid == c->mirror_guid && known != c)
        return known;
    for (unsigned i = 0; i < w->ncopies; i++)
        if (w->copies[i].instance == c->partner_id && w->copies[i].mirror_guid == c->mirror_guid && &w->copies[i] != c)
            return &w->copies[i];
    return NULL;
}

bool
w_linked (const struct world *w, w_id a, w_id b)
{
    if (a == 0 || b == 0 || a > w->nsites || b > w->nsites)
        return false;
    if (!w->sites[a - 1].powered || !w->sites[b - 1].powered)
        return false;
    return a == b || !w->sites[a - 1].link_down[b - 1];
}

bool
w_answers (const struct world *w, w_id instance)
{
    const struct w_instance *n;

    if (instance == 0 || instance > w->ninstances)
        return false;
    n = &w->instances[instance - 1];
    return n->running && n->site != 0 && w->sites[n->site - 1].powered;
}

bool
w_reaches (const struct world *w, w_id from_site, w_id instance)
{
    return w_answers (w, instance) && w_linked (w, from_site, w->instances[instance - 1].site);
}

bool
w_central_answers (const struct world *w, w_id from_site)
{
    return !w->central.down && w_linked (w, from_site, w->central.site);
}
