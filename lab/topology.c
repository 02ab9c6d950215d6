/* The lab's own small reader of topologies: it takes the names, sites and roles
 * as they are written, and writes the file again with loopback addresses, the
 * lab's certificates and secrets in it.  What it does not know it leaves as it
 * is; what is wrong with a topology is the product's business to say. */
#include "lab/lab.h"

#include "core/base/ini.h"
#include "core/base/text.h"
#include "core/sys/file.h"

#include <stdlib.h>
#include <string.h>

struct key {
    char *name, *value;
};
struct section {
    char *kind, *name; /* "instance", "north-sql1" */
    struct key *keys;
    size_t nkeys, cap;
};
struct lab_topology {
    char *base; /* the folder that relative paths start from */
    struct section *list;
    size_t count, cap;
};

static void
take (void *ctx, const char *section, const char *key, const char *value, int line)
{
    struct lab_topology *t = ctx;
    struct section *s;
    size_t n = strcspn (section, " \t");

    (void) line;
    if (key == NULL) {
        s = &SB_PUSH (t->list, t->count, t->cap);
        memset (s, 0, sizeof *s);
        s->kind = sb_xstrndup (section, n);
        s->name = sb_xstrdup (section + n + strspn (section + n, " \t"));
        return;
    }
    if (t->count == 0)
        return;
    s = &t->list[t->count - 1];
    SB_PUSH (s->keys, s->nkeys, s->cap) = (struct key){ sb_xstrdup (key), sb_xstrdup (value) };
}

void
lab_topology_free (struct lab_topology *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->count; i++) {
        for (size_t k = 0; k < t->list[i].nkeys; k++) {
            free (t->list[i].keys[k].name);
            free (t->list[i].keys[k].value);
        }
        free (t->list[i].keys);
        free (t->list[i].kind);
        free (t->list[i].name);
    }
    free (t->list);
    free (t->base);
    free (t);
}

static const char *
get (const struct section *s, const char *name)
{
    for (size_t i = 0; i < s->nkeys; i++)
        if (strcmp (s->keys[i].name, name) == 0 && s->keys[i].value[0] != 0)
            return s->keys[i].value;
    return NULL;
}

static char *
copy_of (const struct section *s, const char *name)
{
    return sb_xstrdup (get (s, name));
}

static bool
is (const struct section *s, const char *kind)
{
    return strcmp (s->kind, kind) == 0;
}

/* "pchat01" in a pool "lyncpc.example.net" is pchat01.example.net. */
static char *
fqdn_of (const struct section *s, const char *pool)
{
    const char *given = get (s, "fqdn"), *dot = pool == NULL ? NULL : strchr (pool, '.');

    if (given != NULL)
        return sb_xstrdup (given);
    return dot == NULL || strchr (s->name, '.') != NULL ? sb_xstrdup (s->name) : sb_xprintf ("%s%s", s->name, dot);
}

/* https://fe-south.example.net:5986/wsman -> fe-south.example.net */
static char *
host_of_url (const char *url)
{
    const char *at = url == NULL ? NULL : strstr (url, "://");

    at = at == NULL ? url : at + 3;
    return at == NULL ? NULL : sb_xstrndup (at, strcspn (at, ":/"));
}

static void
take_database (struct lab_cfg *c, const struct section *s)
{
    struct lab_database *d = &SB_PUSH (c->databases, c->ndatabases, c->cdatabases);
    const char *over = get (s, "fail over");

    memset (d, 0, sizeof *d);
    d->object = sb_xstrdup (s->name);
    d->name = sb_xstrdup (get (s, "name") != NULL ? get (s, "name") : s->name);
    d->primary = copy_of (s, "primary");
    d->mirror = copy_of (s, "mirror");
    d->witness = copy_of (s, "witness");
    d->backup = copy_of (s, "backup");
    d->backup_mirror = copy_of (s, "backup mirror");
    d->log_share = copy_of (s, "log share");
    d->copy_folder = copy_of (s, "copy folder");
    d->fail_over = over == NULL || strcmp (over, "no") != 0;
}

static void
take_section (struct lab_cfg *c, const struct section *s)
{
    if (is (s, "site")) {
        SB_PUSH (c->sites, c->nsites, c->csites) = (struct lab_site){ .name = sb_xstrdup (s->name) };
    } else if (is (s, "instance")) {
        SB_PUSH (c->instances, c->ninstances, c->cinstances) = (struct lab_instance){
            .name = sb_xstrdup (s->name),
            .site = copy_of (s, "site"),
            .host = sb_xstrdup (get (s, "host") != NULL ? get (s, "host") : s->name),
            .instance_name = copy_of (s, "instance name"),
            .by_name = get (s, "instance name") != NULL && (get (s, "port") == NULL || atoi (get (s, "port")) == 1433),
            .credential = copy_of (s, "credential"),
            .endpoint_port = get (s, "endpoint port") != NULL ? atoi (get (s, "endpoint port")) : 5022
        };
    } else if (is (s, "frontend")) {
        SB_PUSH (c->frontends, c->nfrontends, c->cfrontends) =
                (struct lab_frontend){ .name = sb_xstrdup (s->name),
                                       .site = copy_of (s, "site"),
                                       .host = get (s, "fqdn") != NULL ? copy_of (s, "fqdn")
                                                                       : host_of_url (get (s, "url")),
                                       .credential = copy_of (s, "credential") };
    } else if (is (s, "server")) {
        SB_PUSH (c->servers, c->nservers, c->cservers) =
                (struct lab_server){ .name = sb_xstrdup (s->name),
                                     .fqdn = fqdn_of (s, c->pool),
                                     .site = copy_of (s, "site"),
                                     .active = get (s, "active") != NULL && strcmp (get (s, "active"), "yes") == 0 };
    } else if (is (s, "share")) {
        SB_PUSH (c->shares, c->nshares, c->cshares) = (struct lab_share){ .name = sb_xstrdup (s->name),
                                                                          .unc = copy_of (s, "unc"),
                                                                          .site = copy_of (s, "site") };
    } else if (is (s, "credential")) {
        SB_PUSH (c->credentials, c->ncredentials, c->ccredentials) = (struct lab_credential){
            .name = sb_xstrdup (s->name),
            .user = sb_xstrdup (get (s, "user") != NULL ? get (s, "user") : "switchback"),
            .method = sb_xstrdup (get (s, "method") != NULL ? get (s, "method") : "password")
        };
    } else if (is (s, "database")) {
        take_database (c, s);
    }
}

static bool
usable (const char *file, const struct lab_cfg *c, struct sb_faults *faults)
{
    if (c->pool == NULL || c->primary_site == NULL || c->backup_site == NULL)
        sb_fault (faults, file, 0, "no [pool] with 'primary site' and 'backup site'");
    if (c->nsites == 0 || c->ninstances == 0)
        sb_fault (faults, file, 0, "no sites or no instances");
    if (c->nsites > W_MAX_SITES || c->ninstances > W_MAX_INSTANCES || c->nservers > W_MAX_SERVERS
        || c->nfrontends > W_MAX_FRONTENDS || c->nshares > W_MAX_SHARES)
        sb_fault (faults, file, 0, "more sites, instances, servers, front ends or shares than the lab holds");
    for (size_t i = 0; i < c->ninstances; i++)
        if (c->instances[i].site == NULL)
            sb_fault (faults, file, 0, "instance '%s' has no site", c->instances[i].name);
    for (size_t i = 0; i < c->ndatabases; i++)
        if (lab_cfg_instance (c, c->databases[i].primary) == NULL)
            sb_fault (faults, file, 0, "database '%s' has no primary", c->databases[i].object);
    return faults->count == 0;
}

struct lab_topology *
lab_topology_read (const char *file, struct lab_cfg *c, struct sb_faults *faults)
{
    struct lab_topology *t = sb_xcalloc (1, sizeof *t);
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *slash = strrchr (file, '/');

    t->base = slash != NULL ? sb_xstrndup (file, (size_t) (slash - file)) : sb_xstrdup (".");

    if (!sb_file_read (file, 4u << 20, &b, faults) || !sb_ini_parse (file, sb_buf_cstr (&b), b.len, take, t, faults))
        goto bad;
    for (size_t i = 0; i < t->count; i++) {
        const struct section *s = &t->list[i];

        if (!is (s, "pool"))
            continue;
        c->pool = sb_xstrdup (get (s, "fqdn") != NULL ? get (s, "fqdn") : s->name);
        c->primary_site = copy_of (s, "primary site");
        c->backup_site = copy_of (s, "backup site");
        c->central = sb_xstrdup (get (s, "central store") != NULL ? get (s, "central store") : c->primary_site);
        c->tool_site = sb_xstrdup (get (s, "tool site") != NULL ? get (s, "tool site") : c->backup_site);
        break;
    }
    for (size_t i = 0; i < t->count; i++)
        take_section (c, &t->list[i]);
    if (usable (file, c, faults))
        return t;
bad:
    lab_topology_free (t);
    return NULL;
}

/* Writing */

static void
put (struct sb_buf *b, const char *key, const char *value)
{
    sb_buf_printf (b, "%s = ", key);
    for (const char *p = value; *p != 0; p++) {
        if (*p == ';')
            sb_buf_char (b, '\\');
        sb_buf_char (b, *p);
    }
    sb_buf_char (b, '\n');
}

struct change {
    const char *key;
    char *value; /* NULL: the key goes away */
};

/* Passwords and certificates are the lab's own.  A realm of Kerberos is not: what leads to it stays as it was written. */
static size_t
credential_changes (const struct lab_cfg *c, const struct lab_topology *t, const struct section *s, struct change *ch)
{
    static const char *const paths[] = { "keytab", "secret" };
    const struct lab_credential *who = lab_cfg_credential (c, s->name);
    size_t n = 0;

    if (strcmp (who->method, "certificate") == 0) {
        ch[n++] = (struct change){ "certificate", sb_xprintf ("file:%s/tls/client-%s.pem", c->dir, s->name) };
        ch[n++] = (struct change){ "key", sb_xprintf ("file:%s/tls/client-%s.key", c->dir, s->name) };
        ch[n++] = (struct change){ "secret", NULL };
    } else if (strcmp (who->method, "kerberos") != 0) {
        ch[n++] = (struct change){ "secret", sb_xprintf ("file:%s/secrets/%s.secret", c->dir, s->name) };
    } else {
        for (size_t i = 0; i < 2; i++) {
            const char *old = get (s, paths[i]), *name = old != NULL && strncmp (old, "file:", 5) == 0 ? old + 5 : NULL;

            if (name != NULL && *name != '/')
                ch[n++] = (struct change){ paths[i], sb_xprintf ("file:%s/%s", t->base, name) };
        }
    }
    return n;
}

/* A certificate and a ticket bear the real name, which leads to the lab by `address`. */
static size_t
frontend_changes (const struct lab_cfg *c, const struct lab_frontend *f, const struct section *s, struct change *ch)
{
    const struct lab_credential *who = lab_cfg_credential (c, f->credential);
    bool by_name = who != NULL && strcmp (who->method, "kerberos") == 0;
    size_t n = 0;

    ch[n++] = (struct change){ "fqdn", sb_xstrdup (f->host) };
    ch[n++] = (struct change){ "url", sb_xprintf ("https://%s:%d/wsman", by_name ? f->host : LAB_ADDRESS, f->port) };
    ch[n++] = (struct change){ "address", by_name ? sb_xstrdup (LAB_ADDRESS) : NULL };
    ch[n++] = (struct change){ "tls", sb_xstrdup ("verify") };
    ch[n++] = (struct change){ "ca", sb_xprintf ("file:%s/tls/ca.pem", c->dir) };
    if (get (s, "back end") == NULL) /* the world keeps a copy of the central store behind each of them */
        ch[n++] = (struct change){ "back end", sb_xstrdup (f->host) };
    return n;
}

/* Played by one of the packaged plugins? */
static bool
is_of_share_role (const struct section *s)
{
    const char *plugin = get (s, "plugin");

    return plugin == NULL || strcmp (plugin, "share") == 0 || strcmp (plugin, "smb") == 0;
}

/* A file server whose tickets are for a name keeps it: the host of `path`, an own string.  NULL: it has none. */
static char *
name_of_tickets (const struct lab_cfg *c, const struct section *s)
{
    const char *path = get (s, "path"), *credential = get (s, "credential");
    const struct lab_credential *who = credential != NULL ? lab_cfg_credential (c, credential) : NULL;

    if (!c->smb_tickets || who == NULL || strcmp (who->method, "kerberos") != 0 || path == NULL
        || strncmp (path, "smb://", 6) != 0)
        return NULL;
    return sb_xstrndup (path + 6, strcspn (path + 6, ":/"));
}

/* A share of the packaged plugins: behind the lab's file server, or a folder. */
static size_t
share_changes (const struct lab_cfg *c, const struct lab_share *h, const struct section *s, struct change *ch)
{
    SB_AUTOFREE char *host = name_of_tickets (c, s);
    size_t n = 0;

    if (c->smb) {
        ch[n++] = (struct change){ "plugin", sb_xstrdup ("smb") };
        ch[n++] = (struct change){ "path", sb_xprintf ("smb://%s:%d/%s", host != NULL ? host : LAB_ADDRESS,
                                                       lab_share_port (c, h), h->name) };
        if (host == NULL)
            ch[n++] = (struct change){ "credential", sb_xstrdup (LAB_FILES) };
    } else {
        if (get (s, "plugin") != NULL && strcmp (get (s, "plugin"), "smb") == 0) { /* a folder, without --smb */
            ch[n++] = (struct change){ "plugin", sb_xstrdup ("share") };
            ch[n++] = (struct change){ "encryption", NULL };
            ch[n++] = (struct change){ "answer within", NULL };
        }
        ch[n++] = (struct change){ "path", sb_xprintf ("%s/mnt/%s", c->dir, h->name) };
    }
    ch[n++] = (struct change){ "mounted", NULL };
    return n;
}

/* What the lab says instead, for one section; at most `max`. */
static size_t
changes_of (const struct lab_cfg *c, const struct lab_topology *t, const struct section *s, struct change *ch)
{
    size_t n = 0;

    if (is (s, "policy")) {
        ch[n++] = (struct change){ "unattended", sb_xstrdup ("yes") };
        ch[n++] = (struct change){ "dark after", sb_xstrdup ("3s") };
        ch[n++] = (struct change){ "watch interval", sb_xstrdup ("1s") };
        ch[n++] = (struct change){ "cool down", sb_xstrdup ("0s") };
    } else if (is (s, "instance")) {
        const struct lab_instance *i = lab_cfg_instance (c, s->name);

        ch[n++] = (struct change){ "host", sb_xstrdup (lab_instance_address (i)) };
        ch[n++] = (struct change){ "port", i->address != NULL ? NULL : sb_xprintf ("%d", i->port) };
        ch[n++] = (struct change){ "endpoint port", sb_xprintf ("%d", i->endpoint_port) };
        ch[n++] = (struct change){ "instance name", i->address != NULL ? sb_xstrdup (i->instance_name) : NULL };
        ch[n++] = (struct change){ "fqdn", sb_xstrdup (i->host) };
        ch[n++] = (struct change){ "tls", sb_xstrdup ("verify") };
        ch[n++] = (struct change){ "ca", sb_xprintf ("file:%s/tls/ca.pem", c->dir) };
    } else if (is (s, "frontend")) {
        for (size_t i = 0; i < c->nfrontends; i++)
            if (strcmp (c->frontends[i].name, s->name) == 0)
                n += frontend_changes (c, &c->frontends[i], s, ch + n);
    } else if (is (s, "server")) {
        for (size_t i = 0; i < c->nservers; i++)
            if (strcmp (c->servers[i].name, s->name) == 0)
                ch[n++] = (struct change){ "fqdn", sb_xstrdup (c->servers[i].fqdn) };
    } else if (is (s, "share")) {
        const struct lab_share *h = lab_cfg_share (c, s->name);

        if (h->path != NULL && is_of_share_role (s))
            n += share_changes (c, h, s, ch + n);
    } else if (is (s, "credential")) {
        n += credential_changes (c, t, s, ch + n);
    } else if (is (s, "fence") && get (s, "plugin") != NULL && strcmp (get (s, "plugin"), "command") == 0) {
        ch[n++] = (struct change){ "program", sb_xprintf ("%s/bin/power", c->dir) };
    } else if (is (s, "channel") && get (s, "url") != NULL) {
        ch[n++] = (struct change){ "url", sb_xprintf ("file:%s/secrets/%s.url", c->dir, s->name) };
        ch[n++] = (struct change){ "ca", sb_xprintf ("file:%s/tls/ca.pem", c->dir) };
    } else if (is (s, "channel") && get (s, "smtp") != NULL) {
        ch[n++] = (struct change){ "smtp", sb_xprintf ("%s:%d", LAB_ADDRESS, c->mail_port) };
        ch[n++] = (struct change){ "ca", sb_xprintf ("file:%s/tls/ca.pem", c->dir) };
    }
    return n;
}

static void
put_section (struct sb_buf *b, const struct lab_cfg *c, const struct lab_topology *t, const struct section *s)
{
    struct change ch[12];
    size_t n = changes_of (c, t, s, ch), k;

    sb_buf_printf (b, "\n[%s%s%s]\n", s->kind, s->name[0] != 0 ? " " : "", s->name);
    for (size_t i = 0; i < s->nkeys; i++) {
        for (k = 0; k < n && strcmp (ch[k].key, s->keys[i].name) != 0; k++)
            ;
        if (k == n)
            put (b, s->keys[i].name, s->keys[i].value);
    }
    for (k = 0; k < n; k++) {
        if (ch[k].value != NULL)
            put (b, ch[k].key, ch[k].value);
        free (ch[k].value);
    }
}

/* A channel's address is a secret: it names the chat sink. */
static bool
write_address (const struct lab_cfg *c, const char *channel, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/secrets/%s.url", c->dir, channel);
    SB_AUTOFREE char *url = sb_xprintf ("https://%s:%d/%s\n", LAB_ADDRESS, c->chat_port, channel);

    return sb_file_write (path, url, strlen (url), 0600, faults);
}

bool
lab_topology_write (const struct lab_topology *t, const struct lab_cfg *c, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = lab_path (c->dir, "topology.ini");
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    struct section policy = { .kind = (char *) (uintptr_t) "policy", .name = (char *) (uintptr_t) "" };
    bool has_policy = false;

    sb_buf_str (&b, "; Written by 'lab up': the topology of this lab, with loopback addresses.\n");
    for (size_t i = 0; i < t->count; i++) {
        put_section (&b, c, t, &t->list[i]);
        if (is (&t->list[i], "channel") && get (&t->list[i], "url") != NULL
            && !write_address (c, t->list[i].name, faults))
            return false;
        has_policy = has_policy || is (&t->list[i], "policy");
    }
    if (!has_policy)
        put_section (&b, c, t, &policy);
    if (c->smb)
        sb_buf_printf (&b, "\n[credential %s]\nuser = %s\nsecret = file:%s/secrets/%s.secret\n", LAB_FILES, c->smb_user,
                       c->dir, LAB_FILES);
    return sb_file_write (path, sb_buf_cstr (&b), b.len, 0644, faults);
}
