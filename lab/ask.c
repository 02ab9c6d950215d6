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

/* The first door that should answer and does not; NULL: none. */
static const char *
silent_door (const struct lab_cfg *c, struct world *w)
{
    int64_t soon = sb_deadline_in (500);
    w_id id;

    for (size_t i = 0; i < c->ninstances; i++) {
        id = w_find_instance (w, c->instances[i].name);
        if (w_answers (w, id) && !answers (lab_instance_address (&c->instances[i]), c->instances[i].port, soon))
            return c->instances[i].name;
    }
    for (size_t i = 0; i < c->nfrontends; i++) {
        id = w_find_frontend (w, c->frontends[i].name);
        if (id != 0 && w->frontends[id - 1].running
            && w_linked (w, w->frontends[id - 1].site, w->frontends[id - 1].site)
            && !answers (LAB_ADDRESS, c->frontends[i].port, soon))
            return c->frontends[i].name;
    }
    for (size_t i = 0; i < c->nsites; i++)
        if (c->sites[i].smb_port != 0 && w_linked (w, w->tool_site, (w_id) (i + 1))
            && !answers (LAB_ADDRESS, c->sites[i].smb_port, soon))
            return "a file server";
    if (!answers (LAB_ADDRESS, c->chat_port, soon))
        return "the chat sink";
    return answers (LAB_ADDRESS, c->mail_port, soon) ? NULL : "the mail sink";
}

bool
lab_doors_answer (const struct lab_cfg *c, struct world *w, int wait_ms, struct sb_faults *faults)
{
    int64_t deadline = sb_deadline_in (wait_ms);
    const char *silent;

    while ((silent = silent_door (c, w)) != NULL) {
        if (sb_mono_ms () >= deadline) {
            sb_fault (faults, NULL, 0, "the door of %s does not answer after %d s", silent, wait_ms / 1000);
            sb_fault_hint (faults, "See what %s/log says.", c->dir);
            return false;
        }
        sb_sleep_ms (20);
    }
    return true;
}
