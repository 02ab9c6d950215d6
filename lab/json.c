/* DIR/lab.json: what outsiders need to use the lab with their own clients. */
#include "lab/lab.h"

#include "core/sys/file.h"

#include <string.h>

static size_t
site_index (const struct lab_cfg *c, const char *site)
{
    for (size_t i = 0; i < c->nsites; i++)
        if (site != NULL && strcmp (c->sites[i].name, site) == 0)
            return i;
    return c->nsites;
}

static json_t *
pid_of (const struct lab_cfg *c, const pid_t *pids, const char *site)
{
    pid_t pid = pids[site_index (c, site)];

    return pid > 0 ? json_integer (pid) : json_null ();
}

static json_t *
text_or_null (const char *s)
{
    return s == NULL ? json_null () : json_string (s);
}

static json_t *
instances (const struct lab_cfg *c, const pid_t *pids, const char *ca)
{
    json_t *list = json_array ();

    for (size_t i = 0; i < c->ninstances; i++) {
        const struct lab_instance *n = &c->instances[i];
        const struct lab_credential *who = lab_cfg_credential (c, n->credential);

        json_array_append_new (list, json_pack ("{s:s, s:s, s:s, s:i, s:o, s:o, s:s, s:o}", "name", n->name, "site",
                                                n->site, "host", lab_instance_address (n), "port", n->port, "user",
                                                text_or_null (who == NULL ? NULL : who->user), "password",
                                                text_or_null (who == NULL ? NULL : who->password), "ca", ca, "pid",
                                                pid_of (c, pids, n->site)));
    }
    return list;
}

static json_t *
frontends (const struct lab_cfg *c, const pid_t *pids, const char *ca)
{
    json_t *list = json_array ();

    for (size_t i = 0; i < c->nfrontends; i++) {
        const struct lab_frontend *f = &c->frontends[i];
        const struct lab_credential *who = lab_cfg_credential (c, f->credential);
        SB_AUTOFREE char *url = sb_xprintf ("https://%s:%d/wsman", LAB_ADDRESS, f->port);
        SB_AUTOFREE char *real = sb_xprintf ("https://%s:%d/wsman", f->host, f->port);

        json_array_append_new (list,
                               json_pack ("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:o}", "name", f->name, "site",
                                          f->site, "real url", real, "method", who == NULL ? "" : who->method, "url",
                                          url, "user", text_or_null (who == NULL ? NULL : who->user), "password",
                                          text_or_null (who == NULL ? NULL : who->password), "ca", ca, "pid",
                                          pid_of (c, pids, f->site)));
    }
    return list;
}

bool
lab_json_write (const struct lab_cfg *c, const pid_t *pids, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = lab_path (c->dir, "lab.json");
    SB_AUTOFREE char *ca = lab_path (c->dir, "tls/ca.pem");
    SB_AUTOFREE char *chat = sb_xprintf ("https://%s:%d/", LAB_ADDRESS, c->chat_port);
    SB_AUTOFREE char *mail = sb_xprintf ("smtp://%s:%d", LAB_ADDRESS, c->mail_port);
    SB_AUTOFREE char *power = lab_path (c->dir, "bin/power");
    SB_AUTOFREE char *text = NULL;
    json_t *shares = json_array (), *sites = json_array (), *root;

    for (size_t i = 0; i < c->nshares; i++) {
        SB_AUTOFREE char *seen = sb_xprintf ("%s/mnt/%s", c->dir, c->shares[i].name);

        SB_AUTOFREE char *smb = lab_share_port (c, &c->shares[i]) == 0
                                        ? NULL
                                        : sb_xprintf ("smb://%s:%d/%s", LAB_ADDRESS, lab_share_port (c, &c->shares[i]),
                                                      c->shares[i].name);

        json_array_append_new (shares,
                               json_pack ("{s:s, s:s, s:o, s:o, s:o, s:o}", "name", c->shares[i].name, "path", seen,
                                          "unc", text_or_null (c->shares[i].unc), "smb", text_or_null (smb), "user",
                                          text_or_null (smb != NULL ? c->smb_user : NULL), "password",
                                          text_or_null (smb != NULL ? c->smb_password : NULL)));
    }
    for (size_t i = 0; i < c->nsites; i++)
        json_array_append_new (sites, json_pack ("{s:s, s:o}", "name", c->sites[i].name, "pid",
                                                 pid_of (c, pids, c->sites[i].name)));
    root = json_pack ("{s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:o}", "dir", c->dir, "sites", sites, "instances",
                      instances (c, pids, ca), "frontends", frontends (c, pids, ca), "shares", shares, "mail", mail,
                      "chat", chat, "power", power, "services", pid_of (c, pids, NULL));
    text = json_dumps (root, JSON_INDENT (1));
    json_decref (root);
    return sb_file_write (path, text, strlen (text), 0600, faults);
}
