/* What sinks.py talks to: the services of lab/sinks in a folder, beside a small
 * world of two sites when it is asked for.  Prints the ports as one line of JSON
 * when everything listens; lives until its standard input closes.
 *
 *   serve DIR [world] [needs-tls] [idle=MS] [user=NAME] */
#include "config.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "lab/sinks/sinks.h"
#include "lab/world/server.h"
#include "lab/world/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
power_changed (void *ctx, struct world *w, w_id site, bool powered)
{
    (void) ctx;
    (void) w;
    (void) site;
    (void) powered;
}

static int
run_world (const char *dir, int ready_fd, int owner_fd)
{
    struct world *w = sb_xcalloc (1, sizeof *w);
    struct w_server_cfg cfg = {
        .dir = dir, .ready_fd = ready_fd, .owner_fd = owner_fd, .signal_fd = -1, .site = power_changed
    };
    struct sb_faults faults = { 0 };
    int ret;

    w_init (w, 7, sb_now_ms ());
    w_add_site (w, "north");
    w_add_site (w, "south");
    ret = w_server_run (&cfg, w, &faults);
    sb_faults_free (&faults);
    free (w);
    return ret == 0 ? 0 : 1;
}

/* The world lives in a process of its own and ends with this one. */
static bool
start_world (const char *dir)
{
    int ready[2], owner[2];
    char byte;
    pid_t child;

    if (pipe (ready) != 0 || pipe (owner) != 0 || (child = fork ()) < 0)
        return false;
    if (child == 0) {
        close (owner[1]);
        close (ready[0]);
        exit (run_world (dir, ready[1], owner[0]));
    }
    close (owner[0]); /* owner[1] stays open as long as we live */
    close (ready[1]);
    return read (ready[0], &byte, 1) == 1;
}

int
main (int argc, char **argv)
{
    struct lab_sinks_cfg cfg = { .address = "127.0.0.1" };
    SB_AUTOFREE char *cert = NULL;
    SB_AUTOFREE char *key = NULL;
    char byte;

    if (argc < 2)
        return 2;
    cfg.dir = argv[1];
    cfg.cert = cert = sb_xprintf ("%s/tls/sinks.pem", cfg.dir);
    cfg.key = key = sb_xprintf ("%s/tls/sinks.key", cfg.dir);
    for (int i = 2; i < argc; i++)
        if (strcmp (argv[i], "world") == 0 && !start_world (cfg.dir))
            return 1;
        else if (strcmp (argv[i], "needs-tls") == 0)
            cfg.mail_needs_tls = true;
        else if (strncmp (argv[i], "idle=", 5) == 0)
            cfg.mail_idle_ms = atoi (argv[i] + 5);
        else if (strncmp (argv[i], "user=", 5) == 0)
            cfg.mail_user = argv[i] + 5;
    if (lab_sinks_start (&cfg) != 0)
        return 1;
    printf ("{\"chat\": %u, \"mail\": %u, \"power\": %u}\n", (unsigned) cfg.chat_port, (unsigned) cfg.mail_port,
            (unsigned) cfg.power_port);
    fflush (stdout);
    while (read (0, &byte, 1) > 0)
        ;
    return 0;
}
