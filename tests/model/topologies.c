/* What is read from a topology: defaults, what follows from other objects, the
 * digest, the settings of plugins. */
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/model/topology.h"
#include "tests/lib/tap.h"
#include "tests/model/cases.h"
#include "tests/model/catalogue.h"

#include <stdlib.h>
#include <string.h>

static const char text[] = "; a comment\n"
                           "[pool chat]\n"
                           "fqdn = chat.example.net\n"
                           "primary site = east\n"
                           "backup site = west\n"
                           "[site east]\n"
                           "[site west]\n"
                           "[credential c]\n"
                           "user = u\n"
                           "secret = env:X\n"
                           "[instance e1]\n"
                           "site = east\n"
                           "credential = c\n"
                           "[instance w1]\n"
                           "site = west\n"
                           "host = 127.0.0.7\n"
                           "port = 14330\n"
                           "credential = c\n"
                           "[database weird]\n"
                           "name = we]ird'db\n"
                           "primary = e1\n"
                           "backup = w1\n"
                           "log share = über share\n"
                           "copy folder = copies\n"
                           "[database alone]\n"
                           "primary = e1\n"
                           "[share über share]\n"
                           "path = /mnt/über share\n"
                           "unc = \\\\files\\a \\;b\n"
                           "[share copies]\n"
                           "unc = D:\\copies\n"
                           "[server s1]\n"
                           "site = east\n"
                           "active = yes\n"
                           "[server s2.other.net]\n"
                           "site = west\n"
                           "[dns corp]\n"
                           "plugin = nameserver\n"
                           "server = ns1\n";

static struct sb_topology t;

static void
parse (struct sb_topology *into, const char *source)
{
    struct sb_faults faults = { 0 };
    bool ok = sb_topology_parse (into, "t.ini", source, strlen (source), &faults);
    SB_AUTOFREE char *shown = sb_show_faults (&faults, 1);

    sb_same_text ("", shown);
    CU_ASSERT (ok);
}

static const char *
attr (const char *kind, const char *name, const char *key)
{
    const char *value = sb_object_attr (sb_topology_find (&t, kind, name), key);

    return value ? value : "(none)";
}

static void
test_defaults (void)
{
    parse (&t, text);
    CU_ASSERT_STRING_EQUAL (attr ("instance", "e1", "port"), "1433");
    CU_ASSERT_STRING_EQUAL (attr ("instance", "e1", "tls"), "verify");
    CU_ASSERT_STRING_EQUAL (attr ("instance", "e1", "endpoint port"), "5022");
    CU_ASSERT_STRING_EQUAL (attr ("instance", "w1", "port"), "14330");
    CU_ASSERT_STRING_EQUAL (attr ("policy", "", "dark after"), "60s");
    CU_ASSERT_STRING_EQUAL (attr ("policy", "", "lanes"), "4");
    CU_ASSERT_STRING_EQUAL (attr ("server", "s2.other.net", "active"), "no");
    CU_ASSERT_STRING_EQUAL (attr ("database", "alone", "plugin"), "mssql");
    CU_ASSERT_STRING_EQUAL (attr ("database", "alone", "mirror"), "(none)");
    CU_ASSERT_PTR_NULL (sb_object_attr (NULL, "x"));
    sb_topology_release (&t);
}

static void
test_implied (void)
{
    parse (&t, text);
    CU_ASSERT_STRING_EQUAL (attr ("instance", "e1", "host"), "e1");
    CU_ASSERT_STRING_EQUAL (attr ("instance", "w1", "host"), "127.0.0.7");
    CU_ASSERT_STRING_EQUAL (attr ("server", "s1", "fqdn"), "s1.example.net");
    CU_ASSERT_STRING_EQUAL (attr ("server", "s2.other.net", "fqdn"), "s2.other.net");
    CU_ASSERT_STRING_EQUAL (attr ("pool", "chat", "central store"), "east");
    CU_ASSERT_STRING_EQUAL (attr ("share", "copies", "site"), "west");
    CU_ASSERT_STRING_EQUAL (attr ("database", "weird", "fail over"), "yes");
    CU_ASSERT_STRING_EQUAL (attr ("database", "alone", "fail over"), "no");
    sb_topology_release (&t);
}

static void
test_names (void)
{
    parse (&t, text);
    CU_ASSERT_STRING_EQUAL (attr ("database", "weird", "name"), "we]ird'db");
    CU_ASSERT_STRING_EQUAL (attr ("database", "alone", "name"), "alone");
    CU_ASSERT_STRING_EQUAL (attr ("share", "über share", "path"), "/mnt/über share");
    CU_ASSERT_STRING_EQUAL (attr ("share", "über share", "unc"), "\\\\files\\a ;b");
    sb_topology_release (&t);
}

static void
test_references (void)
{
    const struct sb_object *d;

    parse (&t, text);
    d = sb_topology_find (&t, "database", "weird");
    CU_ASSERT_PTR_EQUAL (sb_object_ref (&t, d, "backup"), sb_topology_find (&t, "instance", "w1"));
    CU_ASSERT_PTR_NULL (sb_object_ref (&t, d, "mirror"));
    CU_ASSERT_PTR_NULL (sb_object_ref (&t, d, "name"));
    CU_ASSERT_STRING_EQUAL (sb_object_site (&t, sb_object_ref (&t, d, "backup")), "west");
    CU_ASSERT_STRING_EQUAL (sb_object_site (&t, sb_topology_find (&t, "site", "east")), "east");
    CU_ASSERT_PTR_NULL (sb_object_site (&t, d));
    CU_ASSERT_PTR_EQUAL (sb_topology_nth (&t, "server", 1), sb_topology_find (&t, "server", "s2.other.net"));
    CU_ASSERT_PTR_NULL (sb_topology_nth (&t, "server", 2));
    CU_ASSERT_STRING_EQUAL (sb_topology_pool (&t)->name, "chat");
    sb_topology_release (&t);
}

static void
test_roles (void)
{
    const struct sb_object *o;

    parse (&t, text);
    o = sb_topology_find (&t, "dns", "corp");
    CU_ASSERT_STRING_EQUAL (o->role, "dns");
    CU_ASSERT_STRING_EQUAL (o->plugin, "nameserver");
    CU_ASSERT_STRING_EQUAL (sb_topology_find (&t, "share", "copies")->plugin, "share");
    CU_ASSERT_PTR_NULL (sb_topology_find (&t, "site", "east")->role);
    sb_topology_release (&t);
}

/* The digest of `text` with one place replaced. */
static char *
digest_with (const char *old, const char *new)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *at = strstr (text, old);
    struct sb_topology other = { 0 };
    struct sb_faults faults = { 0 };
    char *digest;

    sb_buf_add (&b, text, (size_t) (at - text));
    sb_buf_str (&b, new);
    sb_buf_str (&b, at + strlen (old));
    sb_topology_parse (&other, "elsewhere.ini", b.s, b.len, &faults);
    digest = sb_xstrdup (other.digest);
    sb_faults_free (&faults);
    sb_topology_release (&other);
    return digest;
}

static void
test_digest (void)
{
    static const struct {
        const char *old, *new;
        bool same;
    } changes[] = {
        { "; a comment\n", "; another\n\n\n", true },
        { "[site east]\n[site west]\n", "[site west]\n[site east]\n", true },
        { "user = u\nsecret = env:X\n", "secret = env:X\nuser = u\n", true },
        { "port = 14330\n", "port   =   14330   ; why\n", true },
        { "port = 14330\n", "port = 14331\n", false },
        { "active = yes\n", "", false },
        { "[site west]\n", "[site west]\n[policy]\nlanes = 4\n", false },
        { "[server s1]", "[server s3]", false },
    };

    parse (&t, text);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        SB_AUTOFREE char *digest = digest_with (changes[i].old, changes[i].new);

        CU_ASSERT_EQUAL (strcmp (digest, t.digest) == 0, changes[i].same);
    }
    sb_topology_release (&t);
}

static void
settings (const char *section, const char *expected)
{
    SB_AUTOFREE char *whole = sb_xprintf ("%s%s", text, section);
    struct sb_faults faults = { 0 };
    SB_AUTOFREE char *shown = NULL;
    int first = 1;

    for (const char *p = text; *p; p++)
        first += *p == '\n';
    parse (&t, whole);
    sb_topology_check_settings (&t, &sb_test_catalogue, &faults);
    shown = sb_show_faults (&faults, first);
    sb_same_text (expected, shown);
    sb_topology_release (&t);
}

static void
test_settings_sound (void)
{
    settings ("", "");
    settings ("[dns b]\nplugin = nameserver\nserver = x\nttl = 30s\nmode = api\nnear = east\nkey = env:K\n", "");
}

static void
test_settings_unknown (void)
{
    settings ("[dns b]\nplugin = nameserver\nserver = x\ntll = 30s\n",
              "4: dns 'b': neither Switchback nor its plugin 'nameserver' knows the key 'tll'\n"
              "HINT: Did you mean 'ttl'?\n");
    settings ("[database d]\nprimary = w1\nmirorr = w1\n",
              "3: database 'd': neither Switchback nor its plugin 'mssql' knows the key 'mirorr'\n"
              "HINT: Did you mean 'mirror'?\n");
}

static void
test_settings_types (void)
{
    settings ("[dns b]\nplugin = nameserver\nserver = x\nttl = 30\nmode = dig\nnear = est\nkey = hunter2\n",
              "4: dns 'b': ttl = 30 is not a duration such as 250ms, 90s, 5m or 2h\n"
              "5: dns 'b': mode = dig is not one of nsupdate, api\n"
              "6: dns 'b': near = est names no site\n"
              "HINT: Did you mean 'east' (site, line 6)?\n"
              "7: dns 'b': key is not a reference to a secret\n"
              "HINT: A secret never stands in the file: write file:PATH, env:NAME, command:PROGRAM or "
              "credential:NAME.\n");
}

static void
test_settings_missing (void)
{
    settings ("[dns b]\nplugin = nameserver\n", "1: dns 'b' has no 'server', which its plugin 'nameserver' needs\n"
                                                "HINT: 'server' says: name server.\n");
}

static void
test_settings_plugin (void)
{
    settings ("[dns b]\nplugin = namesrver\n", "2: dns 'b': there is no plugin 'namesrver'\n"
                                               "HINT: Did you mean 'nameserver'?\n");
    settings ("[dns b]\nplugin = mssql\n", "2: dns 'b': plugin 'mssql' plays the role 'database', not 'dns'\n"
                                           "HINT: What plays it is written [database NAME].\n");
    settings ("[share b]\nplugin = zzz\n", "2: share 'b': there is no plugin 'zzz'\n"
                                           "HINT: 'switchback plugin list' shows what is installed.\n");
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "what is not written has the default of its key", test_defaults },
        { "host, fqdn, sites of copy folders and 'fail over' follow from other objects", test_implied },
        { "a database's real name may hold brackets and quotes, a share's path blanks and umlauts", test_names },
        { "references lead to objects, and objects to their sites", test_references },
        { "packaged kinds play their role, other kinds the one they are named after", test_roles },
        { "the digest covers what is said, not comments, order or blanks", test_digest },
        { "settings that the plugin knows are accepted", test_settings_sound },
        { "a setting that nobody knows is refused with the nearest word", test_settings_unknown },
        { "settings are of the type that the plugin wants", test_settings_types },
        { "a setting that the plugin needs must be there", test_settings_missing },
        { "the plugin must exist and play the role", test_settings_plugin },
        { NULL, NULL },
    };

    return sb_tap_run ("topologies", tests);
}
