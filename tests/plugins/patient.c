/* Channels that run through what they are to report about under another name: the plugin notify asks the resolver.  What the
 * resolver says is known to the workers alone: they are this program, whose getaddrinfo() stands before the C library's. */
#include "tests/host/bench.h"
#include "tests/lib/tap.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name, *address;
} names[] = {
    { "mail.example.net", "192.0.2.7" },     { "chat01.pool.example.net", "192.0.2.7" },
    { "far.example.net", "192.0.2.99" },     { "hook.example.net", "2001:db8::5" },
    { "sql.example.net", "2001:db8::5" },    { "local.example.net", "127.0.0.1" },
    { "here.example.net", "127.0.0.1" },     { "files.example.net", "192.0.2.30" },
    { "gateway.example.net", "192.0.2.40" },
};

__attribute__ ((visibility ("default"))) int
getaddrinfo (const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
    static int (*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **);

    if (real == NULL)
        *(void **) &real = dlsym (RTLD_NEXT, "getaddrinfo");
    if (name != NULL && strncmp (name, "silent", 6) == 0)
        for (;;) /* until somebody ends it */
            pause ();
    for (size_t i = 0; name != NULL && i < sizeof names / sizeof *names; i++)
        if (strcmp (names[i].name, name) == 0)
            return real (names[i].address, service, hints, ret);
    return name != NULL && strspn (name, "0123456789.:") != strlen (name) ? EAI_NONAME
                                                                          : real (name, service, hints, ret);
}

/* What the channel of this setting is said to run through, beside these objects.  Asked again, for a busy machine may need
 * longer for its names than the plugin waits. */
static void
found (const char *setting, const char *objects, const char *expected)
{
    struct bench *b =
            bench_new (NULL, "[pool x]\n%s\n[channel c]\n%s\nfrom = a@b.example\nto = c@d.example\n", objects, setting);
    const struct outcome *o = NULL;

    for (int i = 0; i < 40 && (o == NULL || strcmp (outcome_result (o, "depends"), expected) != 0); i++)
        o = bench_await (b, bench_send (b, "channel", "c", "inspect", SB_OP_RUN, NULL, 60000, NULL));
    if (o->rc != SB_OK || strcmp (outcome_result (o, "depends"), expected) != 0)
        printf ("# %s: %d %s '%s'\n", setting, (int) o->rc, o->sentence != NULL ? o->sentence : "",
                outcome_result (o, "depends"));
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "depends"), expected);
    bench_free (b);
}

#define SERVER "[server chat01]\nfqdn = chat01.pool.example.net\n"

static void
two_names (void)
{
    found ("smtp = mail.example.net:25", SERVER, "server chat01 (192.0.2.7)");
    found ("smtp = far.example.net:25", SERVER, "");
    found ("smtp = 192.0.2.7:25", SERVER, "server chat01 (192.0.2.7)");
    found ("syslog = tcp:hook.example.net:514", "[instance sql]\nhost = sql.example.net\n" SERVER,
           "instance sql (2001:db8::5)");
    found ("smtp = files.example.net:25", "[share s]\nunc = \\\\192.0.2.30\\logs\n", "share s (192.0.2.30)");
    found ("smtp = gateway.example.net:25",
           "[frontend f]\nurl = https://fe.unknown.example:5986/wsman\naddress = 192.0.2.40\n",
           "frontend f (192.0.2.40)");
}

static void
names_first (void)
{
    found ("smtp = chat01.pool.example.net:25", SERVER, "server chat01");
    found ("smtp = silent.pool.example.net:25", "[server silent]\nfqdn = silent.pool.example.net\n", "server silent");
}

static void
no_answer (void)
{
    found ("smtp = silent.example.net:25", SERVER, "");
    found ("smtp = mail.example.net:25", "[instance i]\nhost = silent.example.net\n" SERVER,
           "server chat01 (192.0.2.7)");
    found ("smtp = nobody.example.net:25", SERVER, "");
    found ("smtp = local.example.net:25", "[instance i]\nhost = here.example.net\n", "");
}

int
main (int argc, char **argv)
{
    static const struct sb_tap_test tests[] = {
        { "two names of one address are one machine, and the address is told", two_names },
        { "names that say it need no resolver", names_first },
        { "a resolver that does not answer, knows nothing or names this host says nothing", no_answer },
        { NULL, NULL }
    };

    bench_enter (argc, argv);
    return sb_tap_run ("patient", tests);
}
