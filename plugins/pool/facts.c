/* The facts of the steady state that the pool can tell: H1 state, H2 active
 * list, H13 services, H14 central store and replicas, H17 a message end to end.
 * Red: it is not so.  Amber: it works, but not as the topology says.  A question
 * that could not be asked is unknown, and no failure of the check. */
#include "plugins/pool/pool.h"

#include "core/base/text.h"

#include <string.h>

struct verdict {
    const char *colour, *found;
};

/* sb_fail() was called by whoever could not read; its sentence goes with the answer. */
static struct verdict
unknown (void)
{
    return (struct verdict){ NULL, NULL };
}

static struct verdict
fact_state (struct sb_call *call, struct pool *p)
{
    struct pool_seen seen;

    if (pool_look (call, p, &seen) != SB_OK)
        return unknown ();
    return (struct verdict){ strcmp (seen.state, "Normal") == 0 ? "green" : "red",
                             sb_format (call, "the pool state is %s", seen.state) };
}

static bool
is_yes (const char *word)
{
    return word != NULL && strcmp (word, "yes") == 0;
}

/* Active servers may stand at the live database's site, or where a fast link leads. */
static bool
may_stand_in (struct sb_call *call, const char *site)
{
    const char *home = sb_attr (call, "pool", sb_about (call, "object"), "primary site"), *link;
    size_t i;

    if (site == NULL || home == NULL || strcmp (site, home) == 0)
        return site != NULL;
    for (i = 0; (link = sb_object (call, "link", i)) != NULL; i++)
        if (is_yes (sb_attr (call, "link", link, "fast"))
            && (strcmp (link, sb_format (call, "%s %s", home, site)) == 0
                || strcmp (link, sb_format (call, "%s %s", site, home)) == 0))
            return true;
    return false;
}

static struct pool_list
steady_list (struct sb_call *call)
{
    struct pool_list l = { .count = 0 };
    const char *name;
    size_t i;

    for (i = 0; (name = sb_object (call, "server", i)) != NULL; i++)
        if (is_yes (sb_attr (call, "server", name, "active")))
            pool_list_add (&l, pool_fqdn (call, "server", name));
    return l;
}

static struct verdict
fact_active (struct sb_call *call, struct pool *p)
{
    struct pool_list steady = steady_list (call);
    struct pool_seen seen;
    const char *text;
    size_t i;

    if (pool_look (call, p, &seen) != SB_OK)
        return unknown ();
    text = pool_list_text (call, &seen.active);
    if (seen.active.count == 0)
        return (struct verdict){ "red", "no server is active" };
    if (seen.active.count > POOL_MAX_ACTIVE)
        return (struct verdict){ "red", sb_format (call, "%zu servers are active: %s", seen.active.count, text) };
    for (i = 0; i < seen.active.count; i++) {
        const char *name = pool_name_of (call, "server", seen.active.names[i]);

        if (name == NULL)
            return (struct verdict){ "red", sb_format (call, "%s is active and not a server of the pool",
                                                       seen.active.names[i]) };
        if (!may_stand_in (call, sb_attr (call, "server", name, "site")))
            return (struct verdict){ "red", sb_format (call, "%s is active in site %s", name,
                                                       sb_attr (call, "server", name, "site")) };
    }
    if (!pool_list_same (&seen.active, &steady))
        return (struct verdict){ "amber", sb_format (call, "active: %s; in the steady state: %s", text,
                                                     pool_list_text (call, &steady)) };
    return (struct verdict){ "green", sb_format (call, "active: %s", text) };
}

static struct verdict
fact_services (struct sb_call *call, struct pool *p)
{
    struct pool_services found;
    struct pool_seen seen;
    size_t i, k;

    if (pool_look (call, p, &seen) != SB_OK)
        return unknown ();
    if (seen.active.count == 0)
        return (struct verdict){ "red", "no server is active" };
    for (i = 0; i < seen.active.count; i++) {
        if (pool_services (call, p, seen.active.names[i], &found) != SB_OK)
            return unknown ();
        for (k = 0; k < found.count; k++)
            if (strcmp (found.list[k].status, "Running") != 0)
                return (struct verdict){ "red", sb_format (call, "service %s of %s is %s", found.list[k].name,
                                                           seen.active.names[i], found.list[k].status) };
    }
    return (struct verdict){ "green",
                             sb_format (call, "the chat services of %s run", pool_list_text (call, &seen.active)) };
}

/* Can the store be taken to the pool's backup site when its master is lost?  It needs the name of a SQL Server there. */
static bool
can_be_taken (struct sb_call *call, const char **ret_site)
{
    const char *site = *ret_site = sb_attr (call, "pool", sb_about (call, "object"), "backup site"), *name, *there;
    size_t i, n = 0;

    for (i = 0; site != NULL && (name = sb_object (call, "frontend", i)) != NULL; i++)
        if ((there = sb_attr (call, "frontend", name, "site")) != NULL && strcmp (there, site) == 0) {
            if (sb_attr (call, "frontend", name, "back end") != NULL)
                return true;
            n++;
        }
    return n == 0; /* without a front end there the store stays where it is: not this fact's business */
}

static struct verdict
fact_store (struct sb_call *call, struct pool *p)
{
    const char *pool = sb_about (call, "object"), *home = sb_attr (call, "pool", pool, "central store"), *name;
    struct pool_list servers = { .count = 0 }, late;
    struct pool_store store;
    size_t i;

    if (home == NULL)
        home = sb_attr (call, "pool", pool, "primary site");
    if (pool_store (call, p, NULL, &store) != SB_OK)
        return unknown ();
    if (store.master == NULL)
        return (struct verdict){ "red", "the central store has no master" };
    for (i = 0; (name = sb_object (call, "server", i)) != NULL; i++)
        pool_list_add (&servers, pool_fqdn (call, "server", name));
    if (pool_replicas (call, p, &servers, &late) != SB_OK)
        return unknown ();
    if (late.count > 0)
        return (struct verdict){ "red", sb_format (call, "not up to date: %s", pool_list_text (call, &late)) };
    if (store.site == NULL || home == NULL || strcmp (store.site, home) != 0)
        return (struct verdict){
            "amber", sb_format (call, "the central store is at %s, not in site %s; all replicas are up to date",
                                store.master, home != NULL ? home : "(none)")
        };
    if (!can_be_taken (call, &home))
        return (struct verdict){
            "amber", sb_format (call,
                                "the central store is at %s, and could not be taken to site %s if that were lost: "
                                "no front end there has a 'back end'",
                                store.master, home)
        };
    return (struct verdict){ "green", sb_format (call, "the central store is at %s; all replicas are up to date",
                                                 store.master) };
}

/* While the pool uses its backup store no message can get through until that store is live.  The fact that is broken then
 * is the state (H1); this one follows from it and would send the operator to the wrong place. */
static bool
follows_from_state (struct sb_call *call, struct pool *p, const char **ret_state)
{
    struct pool_seen seen;

    if (pool_look (call, p, &seen) != SB_OK)
        return false;
    *ret_state = seen.state;
    return strcmp (seen.state, "Normal") != 0;
}

static struct verdict
fact_message (struct sb_call *call, struct pool *p)
{
    struct pool_message m;
    const char *state;

    if (pool_message (call, p, &m) != SB_OK)
        return unknown ();
    if (!m.success && follows_from_state (call, p, &state))
        return (struct verdict){ "amber", sb_format (call,
                                                     "a synthetic message did not get through, for the pool state is "
                                                     "%s (H1): %s",
                                                     state, m.why) };
    if (!m.success)
        return (struct verdict){ "red", sb_format (call, "a synthetic message did not get through: %s", m.why) };
    return (struct verdict){ "green", sb_format (call, "a synthetic message got through in %s", m.latency) };
}

static const struct fact {
    const char *name;
    struct verdict (*ask) (struct sb_call *, struct pool *);
} facts[] = {
    { "H1", fact_state },  { "H2", fact_active },   { "H13", fact_services },
    { "H14", fact_store }, { "H17", fact_message },
};

enum sb_rc
pool_check (struct sb_call *call, void *self)
{
    const char *name = sb_param (call, "fact");
    struct verdict v;
    size_t i;

    for (i = 0; i < sizeof facts / sizeof *facts && strcmp (facts[i].name, name) != 0; i++)
        ;
    if (i == sizeof facts / sizeof *facts)
        return sb_fail (call, SB_FAIL, "the fact '%s' is not one of the pool", name);
    v = facts[i].ask (call, self);
    if (v.colour == NULL) {
        sb_result (call, "verdict", "unknown"); /* why, the sentence of the failure says */
        return SB_RETRY;
    }
    sb_result (call, "verdict", v.colour);
    sb_result (call, "found", v.found);
    return SB_OK;
}
