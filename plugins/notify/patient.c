/* Does the channel run through what it is to report about?  The hosts of its
 * addresses are held against everything of the topology that has one: by name
 * first, for that is quick and answers the same on the day on which nothing
 * answers; then, where no name says it, by what the resolver makes of the names
 * within RESOLVE_MS, for one machine may have two.  Addresses of this host itself
 * do not count. */
#include "plugins/notify/notify.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *kind, *key;
} places[] = { { "pool", "fqdn" },    { "server", "fqdn" },      { "instance", "host" }, { "frontend", "fqdn" },
               { "frontend", "url" }, { "frontend", "address" }, { "share", "unc" } };

#define RESOLVE_MS 1500
#define HOSTS_MAX  64

/* The host in "https://host:1/x", "host:25", "\\host\share", "udp:host:514", "[::1]:25". */
static const char *
host_in (struct sb_call *call, const char *s)
{
    static const char *const before[] = { "://", "udp:", "tcp:", "tls:", "\\\\" };
    const char *at, *p = s;
    size_t i;

    for (i = 0; i < sizeof before / sizeof *before; i++)
        if ((at = strstr (s, before[i])) != NULL && (at == s || i == 0))
            p = at + strlen (before[i]);
    if ((at = strchr (p, '@')) != NULL && at < p + strcspn (p, "/"))
        p = at + 1;
    if (*p == '[')
        return sb_format (call, "%.*s", (int) strcspn (p + 1, "]"), p + 1);
    i = strcspn (p, ":/\\?#");
    while (i > 0 && p[i - 1] == '.')
        i--;
    return sb_format (call, "%.*s", (int) i, p);
}

static int
is_here (const char *host)
{
    return *host == '\0' || strncmp (host, "127.", 4) == 0 || strcmp (host, "::1") == 0
           || strcasecmp (host, "localhost") == 0;
}

/* The same host, or one of them is the short name of the other. */
static int
same_host (const char *a, const char *b)
{
    size_t n = strcspn (a, "."), k = strcspn (b, ".");
    int number = strspn (a, "0123456789.") == strlen (a) || strspn (b, "0123456789.") == strlen (b);

    if (strcasecmp (a, b) == 0)
        return 1;
    return !number && n == k && strncasecmp (a, b, n) == 0 && (a[n] == '\0' || b[k] == '\0');
}

/* An object of the topology, its host, and where the channel goes. */
struct object {
    const char *kind, *name, *host;
};

/* All that have a host which is not this one; at most HOSTS_MAX. */
static size_t
all_objects (struct sb_call *call, struct object *ret)
{
    const char *name, *value, *host;
    size_t i, k, n = 0;

    for (i = 0; i < sizeof places / sizeof *places; i++)
        for (k = 0; (name = sb_object (call, places[i].kind, k)) != NULL; k++) {
            value = sb_attr (call, places[i].kind, name, places[i].key);
            host = value != NULL ? host_in (call, value) : "";
            if (!is_here (host) && n < HOSTS_MAX)
                ret[n++] = (struct object){ places[i].kind, name, host };
        }
    return n;
}

/* The hosts the channel speaks to. */
static size_t
own_hosts (struct sb_call *call, const char *ret[4])
{
    static const char *const keys[4] = { "url", "smtp", "syslog", "proxy" };
    const char *value;
    size_t i, n = 0;

    for (i = 0; i < 4; i++)
        if ((value = sb_setting (call, keys[i])) != NULL && *value != '/' && !is_here (host_in (call, value)))
            ret[n++] = host_in (call, value);
    return n;
}

static void
add_object (struct text *found, const struct object *o, const char *address)
{
    struct sb_call *call = found->call;
    const char *one = address != NULL ? sb_format (call, "%s %s (%s)", o->kind, o->name, address)
                                      : sb_format (call, "%s %s", o->kind, o->name);

    if (strstr (found->s, sb_format (call, "%s %s", o->kind, o->name)) == NULL)
        text_str (found, sb_format (call, "%s%s", found->len > 0 ? ", " : "", one));
}

/* An address that both have; NULL: none. */
static const char *
common (const struct host *a, const struct host *b)
{
    size_t i, k;

    for (i = 0; i < a->count; i++)
        for (k = 0; k < b->count; k++)
            if (strcmp (a->addresses[i], b->addresses[k]) == 0 && !is_here (a->addresses[i]))
                return a->addresses[i];
    return NULL;
}

static void
compare_addresses (struct text *found, const char *const *own, size_t nown, const struct object *objects, size_t n)
{
    struct host *hosts = sb_alloc (found->call, (nown + n) * sizeof *hosts);
    const char *address;
    size_t i, k;

    memset (hosts, 0, (nown + n) * sizeof *hosts);
    for (i = 0; i < nown; i++)
        hosts[i].name = own[i];
    for (i = 0; i < n; i++)
        hosts[nown + i].name = objects[i].host;
    find_addresses (found->call, hosts, nown + n, RESOLVE_MS);
    for (i = 0; i < nown; i++)
        for (k = 0; k < n; k++)
            if ((address = common (&hosts[i], &hosts[nown + k])) != NULL)
                add_object (found, &objects[k], address);
}

const char *
depends_on (struct sb_call *call)
{
    struct object *objects = sb_alloc (call, HOSTS_MAX * sizeof *objects);
    size_t n = all_objects (call, objects), i, k, nown;
    struct text found = { .call = call };
    const char *own[4];

    text_add (&found, "", 0);
    nown = own_hosts (call, own);
    for (i = 0; i < nown; i++)
        for (k = 0; k < n; k++)
            if (same_host (objects[k].host, own[i]))
                add_object (&found, &objects[k], NULL);
    if (found.len == 0 && nown > 0 && n > 0)
        compare_addresses (&found, own, nown, objects, n);
    return found.s;
}
