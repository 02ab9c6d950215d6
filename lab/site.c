/* `switchback-lab site DIR NAME`: everything of one site that has power: its TDS
 * doors, its WS-Man doors and its chat servers, as threads of one process.  The
 * world sees this process's connection as the power of the site. */
#include "lab/lab.h"

#include "core/sys/clock.h"
#include "core/sys/socket.h"
#include "lab/chat/chat.h"
#include "lab/tds/browser.h"
#include "lab/tds/tds_door.h"
#include "lab/winrm/winrm_door.h"
#include "lab/world/client.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What lives as long as the process. */
struct site {
    struct lab_cfg cfg;
    const char *name;
    char *socket;
    struct lab_door_cfg tds[W_MAX_INSTANCES], winrm[W_MAX_FRONTENDS];
    struct lab_user tds_users[W_MAX_INSTANCES][2], winrm_users[W_MAX_FRONTENDS][1];
    size_t ntds, nwinrm;
    bool chats; /* chat servers stand here */
};

static void
fill_door (const struct site *s, struct lab_door_cfg *d, const char *name, const char *host, int port)
{
    d->name = name;
    d->host = host;
    d->address = LAB_ADDRESS;
    d->port = (uint16_t) port;
    d->cert = sb_xprintf ("%s/tls/%s.pem", s->cfg.dir, name);
    d->key = sb_xprintf ("%s/tls/%s.key", s->cfg.dir, name);
    d->ca = sb_xprintf ("%s/tls/ca.pem", s->cfg.dir);
    d->keytab = sb_xprintf ("%s/secrets/services.keytab", s->cfg.dir);
    d->world_socket = s->socket;
    d->dir = s->cfg.dir;
}

static void
add_tds (struct site *s, const struct lab_instance *i)
{
    struct lab_door_cfg *d = &s->tds[s->ntds];
    struct lab_user *u = s->tds_users[s->ntds++];
    const struct lab_credential *c = lab_cfg_credential (&s->cfg, i->credential);

    fill_door (s, d, i->name, i->host, i->port);
    d->address = lab_instance_address (i);
    d->named = i->address != NULL ? i->instance_name : NULL;
    u[d->nusers++] = (struct lab_user){ LAB_CHAT_USER, s->cfg.chat_password, 0, NULL };
    if (c != NULL)
        u[d->nusers++] = (struct lab_user){ c->user, c->password, 1, NULL };
    d->users = u;
    d->tls = i->sql_tls;
}

static void
add_winrm (struct site *s, const struct lab_frontend *f)
{
    struct lab_door_cfg *d = &s->winrm[s->nwinrm];
    struct lab_user *u = s->winrm_users[s->nwinrm++];
    const struct lab_credential *c = lab_cfg_credential (&s->cfg, f->credential);

    fill_door (s, d, f->name, f->host, f->port);
    if (c != NULL)
        u[d->nusers++] = (struct lab_user){ c->user, c->password, 1, c->method != NULL ? c->method : "password" };
    d->users = u;
}

static bool
here (const struct site *s, const char *site)
{
    return site != NULL && strcmp (site, s->name) == 0;
}

static void
fill (struct site *s)
{
    for (size_t i = 0; i < s->cfg.ninstances; i++)
        if (here (s, s->cfg.instances[i].site))
            add_tds (s, &s->cfg.instances[i]);
    for (size_t i = 0; i < s->cfg.nfrontends; i++)
        if (here (s, s->cfg.frontends[i].site))
            add_winrm (s, &s->cfg.frontends[i]);
    for (size_t i = 0; i < s->cfg.nservers; i++)
        s->chats = s->chats || here (s, s->cfg.servers[i].site);
}

int
lab_run_site (const struct lab_args *a)
{
    struct site *s = sb_xcalloc (1, sizeof *s); /* never freed: its threads use it to the end */
    struct sb_faults faults = { 0 };
    struct w_client *world;
    struct pollfd p = { .events = POLLIN };
    w_id id;

    if (a->nwords < 1 || !lab_cfg_load (&s->cfg, a->dir, &faults))
        return lab_fail (&faults);
    s->name = a->words[0];
    s->socket = lab_path (s->cfg.dir, "world.sock");
    signal (SIGPIPE, SIG_IGN);
    world = w_client_open (s->socket, &faults);
    if (world == NULL || w_client_world (world) == NULL)
        return lab_fail (&faults);
    id = w_find_site (w_client_world (world), s->name);
    w_client_close (world);
    p.fd = w_client_site (s->socket, id, &faults);
    if (p.fd < 0)
        return lab_fail (&faults);
    fill (s);
    /* The chat servers first: whoever sees the doors answer may take it that everything of the site is there. */
    if (s->chats && lab_chat_start (s->cfg.dir, s->name) != 0)
        return 1;
    if ((s->ntds > 0 && (lab_browser_start (s->tds, s->ntds) != 0 || lab_tds_start (s->tds, s->ntds) != 0))
        || (s->nwinrm > 0 && lab_winrm_start (s->winrm, s->nwinrm) != 0))
        return 1;
    while (poll (&p, 1, -1) <= 0)
        ;
    _exit (0); /* the world is gone, and so is the site */
}
