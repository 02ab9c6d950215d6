/* The rules of the site, each about several objects at once: where copies,
 * witnesses and servers may stand, what a failover needs, what must be unique.
 * They follow the vendor's description of a stretched pool: "Requirements",
 * "supported topologies" and "Set-CsPersistentChatActiveServer" of the Lync
 * Server 2013 and Skype for Business Server 2015 library.  A reference that
 * names nothing was reported before; here it is only stepped over. */
#include "core/model/topology_internal.h"

#include "core/base/text.h"
#include "core/model/channel.h"
#include "core/model/keys.h"

#include <string.h>

enum {
    MAX_SERVERS = 8, /* in a pool */
    MAX_ACTIVE = 4   /* of them at any moment */
};

struct rules {
    const struct sb_topology *t;
    const struct sb_object *pool; /* NULL: there is none */
    struct sb_faults *faults;
};

#define FAULT(r, o, key, ...) sb_fault ((r)->faults, (r)->t->file, sb_object_line (o, key), __VA_ARGS__)
#define HINT(r, ...)          sb_fault_hint ((r)->faults, __VA_ARGS__)

static bool
same (const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp (a, b) == 0;
}

static bool
differ (const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp (a, b) != 0;
}

static bool
is_yes (const struct sb_object *o, const char *key)
{
    return same (sb_object_attr (o, key), "yes");
}

static bool
has (const struct sb_object *o, const char *key)
{
    return sb_object_attr (o, key) != NULL;
}

/* Site of the instance or share that `key` of `o` names; NULL: not known. */
static const char *
site_of (struct rules *r, const struct sb_object *o, const char *key)
{
    return sb_object_site (r->t, sb_object_ref (r->t, o, key));
}

/* ---- the pool ---- */

static void
check_one_pool (struct rules *r)
{
    const struct sb_object *second = sb_topology_nth (r->t, "pool", 1);

    if (r->pool == NULL) {
        sb_fault (r->faults, r->t->file, 0, "there is no pool in this file");
        HINT (r, "A topology describes one pool: write [pool NAME].");
    } else if (second != NULL) {
        FAULT (r, second, NULL, "a second pool '%s'; the first, '%s', is in line %d", second->name, r->pool->name,
               r->pool->line);
        HINT (r, "Write one file for each pool.");
    }
}

static void
check_pool_sites (struct rules *r)
{
    if (r->pool != NULL && same (sb_object_attr (r->pool, "primary site"), sb_object_attr (r->pool, "backup site"))) {
        FAULT (r, r->pool, "backup site", "pool '%s': primary site and backup site are both '%s'", r->pool->name,
               sb_object_attr (r->pool, "primary site"));
        HINT (r, "A stretched pool has two sites.");
    }
}

/* ---- databases ---- */

/* A key that makes no sense without another one. */
static void
check_needs (struct rules *r, const struct sb_object *d, const char *key, const char *needed)
{
    if (has (d, key) && !has (d, needed))
        FAULT (r, d, key, "database '%s': '%s' is given without '%s'", d->name, key, needed);
}

/* Two labels of a database must be two instances. */
static void
check_distinct (struct rules *r, const struct sb_object *d, const char *key, const char *other)
{
    if (same (sb_object_attr (d, key), sb_object_attr (d, other)))
        FAULT (r, d, key, "database '%s': %s and %s are both '%s'", d->name, other, key, sb_object_attr (d, key));
}

static void
check_same_site (struct rules *r, const struct sb_object *d, const char *key, const char *other)
{
    if (differ (site_of (r, d, key), site_of (r, d, other))) {
        FAULT (r, d, key, "database '%s': %s '%s' stands in %s, but %s '%s' in %s", d->name, key,
               sb_object_attr (d, key), site_of (r, d, key), other, sb_object_attr (d, other), site_of (r, d, other));
        HINT (r, "%s and %s stand in one site.", other, key);
    }
}

static void
check_pool_site (struct rules *r, const struct sb_object *d, const char *key, const char *pool_key)
{
    const char *wanted = sb_object_attr (r->pool, pool_key);

    if (wanted != NULL && differ (site_of (r, d, key), wanted)) {
        FAULT (r, d, key, "database '%s': %s '%s' stands in %s, but the pool's %s is %s", d->name, key,
               sb_object_attr (d, key), site_of (r, d, key), pool_key, wanted);
        HINT (r, "A database that fails over goes from the pool's primary site to its backup site.");
    }
}

static void
check_fail_over (struct rules *r, const struct sb_object *d)
{
    static const char *const needed[] = { "log share", "copy folder" };

    if (!is_yes (d, "fail over"))
        return;
    if (!has (d, "backup")) {
        FAULT (r, d, "fail over", "database '%s': 'fail over = yes' contradicts that it has no backup", d->name);
        HINT (r, "Name a backup, or say 'fail over = no'.");
        return;
    }
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!has (d, needed[i])) {
            FAULT (r, d, NULL, "database '%s' fails over to its backup but has no '%s'", d->name, needed[i]);
            HINT (r, "Its log backups reach the backup through it; or say 'fail over = no'.");
        }
    check_pool_site (r, d, "primary", "primary site");
    check_pool_site (r, d, "backup", "backup site");
}

static void
check_shipping (struct rules *r, const struct sb_object *d)
{
    static const char *const keys[] = { "log share", "copy folder" };
    const struct sb_object *copies = sb_object_ref (r->t, d, "copy folder");

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct sb_object *share = sb_object_ref (r->t, d, keys[i]);

        if (share != NULL && !has (share, "unc")) {
            FAULT (r, share, NULL, "share '%s' is the %s of database '%s' but has no 'unc'", share->name, keys[i],
                   d->name);
            HINT (r, "'unc' says under which path SQL Server sees it.");
        }
    }
    if (copies != NULL && differ (sb_object_site (r->t, copies), site_of (r, d, "backup"))) {
        FAULT (r, d, "copy folder", "database '%s': copy folder '%s' stands in %s, but backup '%s' in %s", d->name,
               copies->name, sb_object_site (r->t, copies), sb_object_attr (d, "backup"), site_of (r, d, "backup"));
        HINT (r, "The copies must outlive the primary site: the copy folder stands where the backup does.");
    }
}

static void
check_database (struct rules *r, const struct sb_object *d)
{
    check_needs (r, d, "witness", "mirror");
    check_needs (r, d, "backup mirror", "backup");
    check_needs (r, d, "backup witness", "backup mirror");
    check_distinct (r, d, "mirror", "primary");
    check_distinct (r, d, "witness", "primary");
    check_distinct (r, d, "witness", "mirror");
    check_distinct (r, d, "backup", "primary");
    check_distinct (r, d, "backup mirror", "backup");
    check_distinct (r, d, "backup witness", "backup");
    check_distinct (r, d, "backup witness", "backup mirror");
    check_same_site (r, d, "mirror", "primary");
    check_same_site (r, d, "backup mirror", "backup");
    if (has (d, "backup") && strcmp (sb_object_attr (d, "backup"), sb_object_attr (d, "primary") ?: "") != 0
        && same (site_of (r, d, "backup"), site_of (r, d, "primary"))) {
        FAULT (r, d, "backup", "database '%s': backup '%s' stands in %s, as its primary '%s' does", d->name,
               sb_object_attr (d, "backup"), site_of (r, d, "backup"), sb_object_attr (d, "primary"));
        HINT (r, "The backup stands in the other site.");
    }
    check_fail_over (r, d);
    check_shipping (r, d);
}

/* ---- servers ---- */

/* Is there a [link A B] with fast = yes, in either order? */
static bool
is_fast (struct rules *r, const char *a, const char *b)
{
    SB_AUTOFREE char *there = sb_xprintf ("%s %s", a, b);
    SB_AUTOFREE char *back = sb_xprintf ("%s %s", b, a);

    return is_yes (sb_topology_find (r->t, "link", there), "fast")
           || is_yes (sb_topology_find (r->t, "link", back), "fast");
}

static void
check_active_site (struct rules *r, const struct sb_object *server)
{
    const char *site = sb_object_site (r->t, server);
    const char *home = sb_object_attr (r->pool, "primary site");

    if (!differ (site, home) || is_fast (r, site, home))
        return;
    FAULT (r, server, "active", "server '%s' is active in %s, but the live database stands in %s", server->name, site,
           home);
    HINT (r, "Active servers stand in the primary site, or in one with [link %s %s] fast = yes.", home, site);
}

static void
check_servers (struct rules *r)
{
    size_t servers = 0, active = 0;
    const struct sb_object *last = NULL;

    for (size_t i = 0; i < r->t->count; i++) {
        const struct sb_object *o = &r->t->objects[i];

        if (strcmp (o->kind, "server") != 0)
            continue;
        last = o;
        if (++servers == MAX_SERVERS + 1)
            FAULT (r, o, NULL, "server '%s' is one too many: a pool has at most %d", o->name, (int) MAX_SERVERS);
        if (!is_yes (o, "active"))
            continue;
        check_active_site (r, o);
        if (++active == MAX_ACTIVE + 1)
            FAULT (r, o, "active", "server '%s' is one active server too many: at most %d are active", o->name,
                   (int) MAX_ACTIVE);
    }
    if (servers > 0 && active == 0) {
        FAULT (r, last, NULL, "no server of the pool is active");
        HINT (r, "Say 'active = yes' for one to four servers of the steady state.");
    }
}

/* ---- the rest ---- */

/* "A B" where A and B are two sites whose names may hold blanks. */
static void
check_link (struct rules *r, const struct sb_object *link)
{
    for (const char *p = strchr (link->name, ' '); p != NULL; p = strchr (p + 1, ' ')) {
        SB_AUTOFREE char *a = sb_xstrndup (link->name, (size_t) (p - link->name));
        const char *b = p + strspn (p, " ");
        SB_AUTOFREE char *back = sb_xprintf ("%s %s", b, a);
        const struct sb_object *other = sb_topology_find (r->t, "link", back);

        if (sb_topology_find (r->t, "site", a) == NULL || sb_topology_find (r->t, "site", b) == NULL)
            continue;
        if (strcmp (a, b) == 0)
            FAULT (r, link, NULL, "link '%s' joins a site with itself", link->name);
        else if (other != NULL && other->line < link->line)
            FAULT (r, link, NULL, "link '%s' is already in line %d, the other way round", link->name, other->line);
        return;
    }
    FAULT (r, link, NULL, "link '%s' does not name two sites of this file", link->name);
    HINT (r, "Write [link A B] with the names of two [site ...] sections.");
}

static void
check_instance (struct rules *r, const struct sb_object *o)
{
    if (same (sb_object_attr (o, "port"), sb_object_attr (o, "endpoint port")))
        FAULT (r, o, "endpoint port", "instance '%s': port and endpoint port are both %s", o->name,
               sb_object_attr (o, "port"));
}

static void
check_site (struct rules *r, const struct sb_object *o)
{
    const struct sb_object *share = sb_object_ref (r->t, o, "mirror setup share");

    if (share == NULL)
        return;
    if (differ (sb_object_site (r->t, share), o->name)) {
        FAULT (r, o, "mirror setup share", "site '%s': its mirror setup share '%s' stands in %s", o->name, share->name,
               sb_object_site (r->t, share));
        HINT (r, "Each site has its own, or it dies with the other one.");
    }
    if (!has (share, "unc")) {
        FAULT (r, share, NULL, "share '%s' is the mirror setup share of site '%s' but has no 'unc'", share->name,
               o->name);
        HINT (r, "'unc' says under which path SQL Server sees it.");
    }
}

/* Each way to sign in needs something of its own; what belongs to another way would be ignored in silence. */
static void
check_credential (struct rules *r, const struct sb_object *o)
{
    static const struct {
        const char *method, *needs;
        const char *other[3]; /* of no use there */
    } rows[] = {
        { "password", "secret", { "keytab", "certificate", "key" } },
        { "kerberos", NULL, { "certificate", "key", NULL } },
        { "certificate", "certificate", { "keytab", NULL, NULL } },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!same (sb_object_attr (o, "method"), rows[i].method))
            continue;
        if (rows[i].needs != NULL && !has (o, rows[i].needs)) {
            FAULT (r, o, NULL, "credential '%s' has no '%s'", o->name, rows[i].needs);
            HINT (r, "It signs in by %s.", rows[i].method);
        }
        for (size_t k = 0; k < 3 && rows[i].other[k] != NULL; k++)
            if (has (o, rows[i].other[k])) {
                FAULT (r, o, rows[i].other[k], "credential '%s' has a '%s' and signs in by %s", o->name,
                       rows[i].other[k], rows[i].method);
                HINT (r, "Write 'method = kerberos' or 'method = certificate', or take it out.");
            }
    }
    if (same (sb_object_attr (o, "method"), "kerberos") && has (o, "secret") && has (o, "keytab")) {
        FAULT (r, o, "keytab", "credential '%s' has both a password and a keytab", o->name);
        HINT (r, "Keep one of the two.");
    }
}

/* What two objects of a kind must not share: the text that `make` writes. */
static void
check_unique (struct rules *r, struct sb_map *seen, const struct sb_object *o, const char *key, const char *what,
              char *text)
{
    SB_AUTOFREE char *owned = text;
    const struct sb_object *before;

    if (owned == NULL)
        return;
    for (char *p = owned; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char) (*p - 'A' + 'a');
    before = sb_map_get (seen, owned);
    if (before == NULL)
        sb_map_set (seen, owned, (void *) o);
    else
        FAULT (r, o, key, "%s '%s' has the same %s as %s '%s' in line %d", o->kind, o->name, what, before->kind,
               before->name, before->line);
}

static void
check_all_unique (struct rules *r)
{
    struct sb_map fqdns = { 0 }, addresses = { 0 }, copies = { 0 };

    for (size_t i = 0; i < r->t->count; i++) {
        const struct sb_object *o = &r->t->objects[i];
        const char *kind = o->kind;

        if (strcmp (kind, "server") == 0 || strcmp (kind, "frontend") == 0 || strcmp (kind, "pool") == 0)
            check_unique (r, &fqdns, o, "fqdn", "fqdn", sb_xstrdup (sb_object_attr (o, "fqdn")));
        else if (strcmp (kind, "instance") == 0)
            check_unique (r, &addresses, o, "host", "host, port and instance name",
                          sb_xprintf ("%s %s %s", sb_object_attr (o, "host"), sb_object_attr (o, "port"),
                                      sb_object_attr (o, "instance name") ?: ""));
        else if (strcmp (kind, "database") == 0 && has (o, "primary"))
            check_unique (r, &copies, o, "name", "name and primary",
                          sb_xprintf ("%s %s", sb_object_attr (o, "primary"), sb_object_attr (o, "name")));
    }
    sb_map_free (&fqdns);
    sb_map_free (&addresses);
    sb_map_free (&copies);
}

/* ---- channels ---- */

/* Each hop leads to another channel, and the way ends. */
static void
check_channel (struct rules *r, const struct sb_object *o)
{
    const struct sb_object *next = o;
    int64_t after;
    size_t hops;

    if (!has (o, "escalate to"))
        return;
    if (sb_channel_escalation (r->t, o, &after) == NULL) {
        FAULT (r, o, "escalate to", "channel '%s': 'escalate to = %s' is not a channel and a time", o->name,
               sb_object_attr (o, "escalate to"));
        HINT (r, "Write the name of another channel and how long to wait: escalate to = duty after 10m.");
        return;
    }
    for (hops = 0; next != NULL && hops <= r->t->count; hops++)
        if ((next = sb_channel_escalation (r->t, next, &after)) == o) {
            FAULT (r, o, "escalate to", "channel '%s': its escalation comes back to it", o->name);
            HINT (r, "Let the last channel of the way escalate to nobody.");
            return;
        }
}

static const struct {
    const char *kind;
    void (*check) (struct rules *r, const struct sb_object *o);
} per_object[] = {
    { "database", check_database },     { "link", check_link },
    { "instance", check_instance },     { "site", check_site },
    { "credential", check_credential }, { "channel", check_channel },
};

void
sb_topology_check_rules (const struct sb_topology *t, struct sb_faults *faults)
{
    struct rules r = { .t = t, .pool = sb_topology_pool (t), .faults = faults };

    check_one_pool (&r);
    check_pool_sites (&r);
    for (size_t i = 0; i < t->count; i++)
        for (size_t j = 0; j < sizeof per_object / sizeof *per_object; j++)
            if (strcmp (t->objects[i].kind, per_object[j].kind) == 0)
                per_object[j].check (&r, &t->objects[i]);
    check_servers (&r);
    check_all_unique (&r);
}
