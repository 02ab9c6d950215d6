/* Does the channel run through what it is to report about?  The hosts of its
 * addresses are held against everything of the topology that has one.  Names
 * are compared, nobody is asked: this must be quick, and answer the same on the
 * day on which nothing answers.  Addresses of this host itself do not count. */
#include "plugins/notify/notify.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *kind, *key;
} places[] = { { "pool", "fqdn" },     { "server", "fqdn" },  { "instance", "host" },
               { "frontend", "fqdn" }, { "frontend", "url" }, { "share", "unc" } };

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

static void
compare (struct text *found, const char *host)
{
    struct sb_call *call = found->call;
    const char *name, *value, *one;
    size_t i, k;

    for (i = 0; i < sizeof places / sizeof *places; i++)
        for (k = 0; (name = sb_object (call, places[i].kind, k)) != NULL; k++) {
            value = sb_attr (call, places[i].kind, name, places[i].key);
            if (value == NULL || is_here (host_in (call, value)) || !same_host (host_in (call, value), host))
                continue;
            one = sb_format (call, "%s %s", places[i].kind, name);
            if (strstr (found->s, one) == NULL)
                text_str (found, sb_format (call, "%s%s", found->len > 0 ? ", " : "", one));
        }
}

const char *
depends_on (struct sb_call *call)
{
    static const char *const keys[] = { "url", "smtp", "syslog", "proxy" };
    struct text found = { .call = call };
    const char *value;
    size_t i;

    text_add (&found, "", 0);
    for (i = 0; i < sizeof keys / sizeof *keys; i++)
        if ((value = sb_setting (call, keys[i])) != NULL && *value != '/' && !is_here (host_in (call, value)))
            compare (&found, host_in (call, value));
    return found.s;
}
