/* Asking a running lab: is it up, do its doors answer. */
#include "lab/lab.h"

#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/tcp.h"
#include "lab/world/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
lab_fail (struct sb_faults *faults)
{
    SB_AUTOFREE char *text = sb_faults_text (faults);

    fprintf (stderr, "switchback lab: %s", text);
    sb_faults_free (faults);
    return 1;
}

struct w_client *
lab_world (const char *dir, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = lab_path (dir, "world.sock");
    struct sb_faults why = { 0 };
    struct w_client *c = w_client_open (path, &why);

    sb_faults_free (&why);
    if (c == NULL) {
        sb_fault (faults, NULL, 0, "the lab in '%s' is not up", dir);
        sb_fault_hint (faults, "Start it with 'switchback lab up --dir %s'.", dir);
    }
    return c;
}

static bool
answers (const char *address, int port, int64_t deadline)
{
    struct sb_tcp_addr a;
    struct sb_faults faults = { 0 };
    bool good = sb_tcp_resolve (address, (uint16_t) port, &a, &faults) && sb_tcp_probe (&a, deadline, &faults);

    sb_faults_free (&faults);
    return good;
}

/* How far the doors have been asked.  Who has answered is not asked again: each asking costs its door a session. */
struct asked {
    size_t instances, frontends, sites;
};

/* The first door that should answer and does not; NULL: none. */
static const char *
silent_door (const struct lab_cfg *c, struct world *w, struct asked *k)
{
    int64_t soon = sb_deadline_in (500);
    w_id id;

    for (; k->instances < c->ninstances; k->instances++) {
        const struct lab_instance *one = &c->instances[k->instances];

        id = w_find_instance (w, one->name);
        if (w_answers (w, id) && !answers (lab_instance_address (one), one->port, soon))
            return one->name;
    }
    for (; k->frontends < c->nfrontends; k->frontends++) {
        id = w_find_frontend (w, c->frontends[k->frontends].name);
        if (id != 0 && w->frontends[id - 1].running
            && w_linked (w, w->frontends[id - 1].site, w->frontends[id - 1].site)
            && !answers (LAB_ADDRESS, c->frontends[k->frontends].port, soon))
            return c->frontends[k->frontends].name;
    }
    for (; k->sites < c->nsites; k->sites++)
        if (c->sites[k->sites].smb_port != 0 && w_linked (w, w->tool_site, (w_id) (k->sites + 1))
            && !answers (LAB_ADDRESS, c->sites[k->sites].smb_port, soon))
            return "a file server";
    if (!answers (LAB_ADDRESS, c->chat_port, soon))
        return "the chat sink";
    return answers (LAB_ADDRESS, c->mail_port, soon) ? NULL : "the mail sink";
}

bool
lab_doors_answer (const struct lab_cfg *c, struct world *w, int wait_ms, struct sb_faults *faults)
{
    int64_t deadline = sb_deadline_in (wait_ms);
    struct asked asked = { 0 };
    const char *silent;

    while ((silent = silent_door (c, w, &asked)) != NULL) {
        if (sb_mono_ms () >= deadline) {
            sb_fault (faults, NULL, 0, "the door of %s does not answer after %d s", silent, wait_ms / 1000);
            sb_fault_hint (faults, "See what %s/log says.", c->dir);
            return false;
        }
        sb_sleep_ms (20);
    }
    return true;
}
