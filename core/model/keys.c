/* The table of section kinds and keys, and the check of typed values.  Rules
 * that join several objects are not here but in topology_rules.c. */
#include "core/model/keys.h"

#include "core/base/text.h"

#include <string.h>

/* clang-format off */
#define WORDS(...) (const char *const[]) { __VA_ARGS__, NULL }
#define KEYS(...) (const struct sb_key[]) { __VA_ARGS__ { .name = NULL } }
#define NEED SB_REQUIRED
#define TEXT(n, f, h) { .name = n, .type = SB_STRING, .flags = f, .help = h },
#define NUMBER(n, lo, hi, d, h) { .name = n, .type = SB_INT, .low = lo, .high = hi, .fallback = d, .help = h },
#define PORT(n, d, h) NUMBER (n, 1, 65535, d, h)
#define FLAG(n, d, h) { .name = n, .type = SB_BOOL, .fallback = d, .help = h },
#define TIME(n, d, h) { .name = n, .type = SB_DURATION, .fallback = d, .help = h },
#define CHOICE(n, d, h, ...) { .name = n, .type = SB_CHOICE, .fallback = d, .choices = WORDS (__VA_ARGS__), .help = h },
#define SECRET(n, f, h) { .name = n, .type = SB_SECRET, .flags = f, .help = h },
#define REF(n, f, k, h) { .name = n, .type = SB_TARGET, .flags = f, .choices = WORDS (k), .help = h },
#define REFS(n, k, h) REF (n, SB_KEY_LIST, k, h)
#define TEXTS(n, h) { .name = n, .type = SB_STRING, .flags = SB_KEY_LIST, .help = h },
#define PLUGIN(f) TEXT ("plugin", f, "the plugin that plays the role")
#define SITE(f) REF ("site", f, "site", "the site it stands in")
#define CREDENTIAL(f) REF ("credential", f, "credential", "who signs in")
#define TLS CHOICE ("tls", "verify", "whether the certificate is checked", "verify", "trust", "off")

const struct sb_kind sb_kinds[] = {
    { "pool",
      KEYS (TEXT ("fqdn", NEED, "the pool's name in the topology of the chat system")
            PLUGIN (0)
            REFS ("control", "frontend", "front ends where cmdlets are run, in order of preference")
            REF ("primary site", NEED, "site", "where the live database stands in the steady state")
            REF ("backup site", NEED, "site", "where the pool comes up after a failover")
            REF ("central store", 0, "site", "where the central management store is in the steady state; else the primary site")
            REF ("next hop", 0, "frontend", "the front end that routes to the pool")
            REF ("tool site", 0, "site", "where this program runs")),
      false, "the stretched chat pool; there is one" },
    { "policy",
      KEYS (FLAG ("unattended", "no", "whether --approve all answers gates")
            TIME ("dark after", "60s", "silence after which a target counts as dark")
            NUMBER ("lanes", 1, 64, "4", "worker processes for one plugin and target")
            NUMBER ("max workers", 1, 4096, "64", "worker processes of a run")
            TIME ("settle", NULL, "wait for a changed state to show, where neither step nor contract says")
            TIME ("watch interval", "10s", "pause between two looks of watch")
            TEXTS ("operators", "users (or @GROUP) who may speak to a run that somebody else began")
            TEXTS ("two persons", "gates that two different people have to agree to, whatever the workflow says")
            TIME ("break glass", NULL, "countdown after which one person alone may answer such a gate; none: never")
            TIME ("cool down", "30m", "after a move of the pool: the next one wants --acknowledge REASON")),
      true, "how this program behaves" },
    { "site",
      KEYS (REF ("fence", 0, "fence", "what can cut the site off")
            REF ("mirror setup share", 0, "share", "carries the backups that seed a mirror there")),
      false, "a data centre" },
    { "link",
      KEYS (FLAG ("fast", "no", "low latency and high bandwidth: active servers may stand at both ends")),
      false, "the connection of two sites: [link A B]" },
    { "instance",
      KEYS (SITE (NEED)
            TEXT ("host", 0, "host name or address; else the name of the section")
            TEXT ("fqdn", 0, "FQDN of the host, for cmdlets that are told of it; else host")
            PORT ("port", "1433", "TCP port")
            TEXT ("instance name", 0, "name of the instance on its host; none: the default instance")
            TLS
            TEXT ("ca", 0, "file: certificate authority that signed the server's certificate")
            PORT ("endpoint port", "5022", "port of the mirroring endpoint")
            CREDENTIAL (NEED)),
      false, "an SQL Server instance" },
    { "database",
      KEYS (PLUGIN (0)
            TEXT ("name", 0, "the real name, where it cannot stand in a section header")
            REF ("primary", NEED, "instance", "holds the database in the steady state")
            REF ("mirror", 0, "instance", "its mirror, in the same site")
            REF ("witness", 0, "instance", "lets the mirror take over by itself")
            REF ("backup", 0, "instance", "log shipping secondary, in the other site")
            REF ("backup mirror", 0, "instance", "mirror of the backup, built at failover")
            REF ("backup witness", 0, "instance", "witness of the backup and its mirror")
            REF ("log share", 0, "share", "where log backups are written")
            REF ("copy folder", 0, "share", "where the backup's site keeps its copies of them")
            FLAG ("fail over", "yes", "whether workflows bring it up at the backup")),
      false, "a database and the instances that hold or will hold it" },
    { "server",
      KEYS (SITE (NEED)
            TEXT ("fqdn", 0, "else the section's name in the pool's domain")
            FLAG ("active", "no", "whether it is active in the steady state")),
      false, "a chat server of the pool" },
    { "frontend",
      KEYS (SITE (NEED)
            TEXT ("fqdn", 0, "else the section's name in the pool's domain")
            TEXT ("url", NEED, "address of its WS-Management listener")
            TEXT ("address", 0, "IP address to connect to, where the name in url cannot be looked up")
            FLAG ("delegate", "yes", "whether a Kerberos ticket is handed on, so that cmdlets reach the central store")
            TLS
            TEXT ("ca", 0, "file: certificate authority that signed the server's certificate")
            CREDENTIAL (NEED)
            TEXT ("back end", 0, "FQDN of the SQL Server behind it, for moving the central store")
            TEXT ("back end instance", 0, "name of the SQL Server instance there")),
      false, "a front end where cmdlets can be run" },
    { "share",
      KEYS (PLUGIN (0)
            REF ("site", 0, "site", "the site it stands in; a copy folder stands where its backup does")
            TEXT ("path", 0, "as this host sees it")
            TEXT ("unc", 0, "as SQL Server sees it")
            CREDENTIAL (0)),
      false, "a folder that holds backups" },
    { "fence",
      KEYS (PLUGIN (NEED) CREDENTIAL (0)),
      false, "what can cut a site off" },
    { "channel",
      KEYS (PLUGIN (0)
            REF ("site", 0, "site", "where its server stands, if in a data centre of the pool: it falls silent with it")
            { .name = "events", .type = SB_CHOICE, .flags = SB_KEY_LIST, .fallback = "run, gate, failure, owed, loss",
              .choices = WORDS ("run", "drill", "gate", "failure", "held", "owed", "loss", "step", "check", "watch"),
              .help = "what is told; run tells of drills too, failure of what is held too" },
            TEXT ("escalate to", 0, "CHANNEL after TIME: who is told when nobody acknowledges a warning in time")
            TEXT ("messages", 0, "file: texts of this channel, over those of the site and the packaged ones")
            CREDENTIAL (0)),
      false, "a way to tell people" },
    { "credential",
      KEYS (CHOICE ("method", "password", "how it signs in", "password", "kerberos", "certificate")
            TEXT ("user", NEED, "user name; of kerberos the principal, USER@REALM")
            SECRET ("secret", 0, "file:, env:, command: or credential: reference to the password")
            TEXT ("keytab", 0, "of kerberos, file: the key, where there is no password; with neither, the caller's tickets serve")
            TEXT ("certificate", 0, "of certificate, file: the client's certificate (PEM)")
            TEXT ("key", 0, "file: its key (PEM); else it stands beside the certificate")),
      false, "a user and how it signs in" },
    { .name = NULL }
};

const struct sb_key sb_own_role_keys[] = {
    PLUGIN (NEED)
    SITE (0)
    CREDENTIAL (0)
    { .name = NULL }
};
/* clang-format on */

const struct sb_kind *
sb_kind_find (const char *name)
{
    const struct sb_kind *k;

    for (k = sb_kinds; k->name != NULL; k++)
        if (strcmp (k->name, name) == 0)
            return k;
    return NULL;
}

const struct sb_key *
sb_kind_keys (const char *kind)
{
    const struct sb_kind *k = sb_kind_find (kind);

    return k ? k->keys : sb_own_role_keys;
}

const struct sb_key *
sb_key_find (const struct sb_key *keys, const char *name)
{
    const struct sb_key *k;

    for (k = keys; k->name != NULL; k++)
        if (strcmp (k->name, name) == 0)
            return k;
    return NULL;
}

static bool
is_secret_reference (const char *value)
{
    static const char *const prefixes[] = { "file:", "env:", "command:", "credential:" };

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp (value, prefixes[i], strlen (prefixes[i])) == 0 && value[strlen (prefixes[i])] != '\0')
            return true;
    return false;
}

static bool
check_choice (const char *const *choices, const char *value, struct sb_buf *why)
{
    size_t i;

    for (i = 0; choices != NULL && choices[i] != NULL; i++)
        if (strcmp (choices[i], value) == 0)
            return true;
    sb_buf_str (why, "is not one of ");
    for (i = 0; choices != NULL && choices[i] != NULL; i++)
        sb_buf_printf (why, "%s%s", i ? ", " : "", choices[i]);
    return false;
}

bool
sb_value_check (enum sb_type type, const char *const *choices, const char *value, struct sb_buf *why)
{
    int64_t number;
    bool flag;

    switch (type) {
    case SB_INT:
        return sb_parse_int (value, &number) || (sb_buf_str (why, "is not a whole number"), false);
    case SB_BOOL:
        return sb_parse_bool (value, &flag) || (sb_buf_str (why, "is neither yes nor no"), false);
    case SB_DURATION:
        return sb_parse_duration (value, &number)
               || (sb_buf_str (why, "is not a duration such as 250ms, 90s, 5m or 2h"), false);
    case SB_CHOICE:
        return check_choice (choices, value, why);
    case SB_SECRET:
        return is_secret_reference (value) || (sb_buf_str (why, "is not a reference to a secret"), false);
    case SB_STRING:
    case SB_LIST:
    case SB_TARGET:
        break;
    }
    return true;
}
