/* Building a lab: the configuration from a topology, folders, secrets,
 * certificates, and the world in its steady state. */
#include "lab/lab.h"

#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/random.h"
#include "lab/world/folder.h"
#include "lab/world/rows.h"
#include "lab/world/server.h"
#include "lab/world/setup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static char *
new_password (void)
{
    char hex[25];

    sb_random_hex (hex, 24);
    return sb_xprintf ("Lab-%s", hex);
}

static bool
write_secret (const struct lab_cfg *c, const char *name, const char *suffix, const char *text, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/secrets/%s%s", c->dir, name, suffix);

    return sb_file_write (path, text, strlen (text), 0600, faults);
}

static bool
write_random_secret (const struct lab_cfg *c, const char *name, struct sb_faults *faults)
{
    SB_AUTOFREE char *text = new_password ();

    return write_secret (c, name, ".secret", text, faults);
}

/* Every credential has a password of its own, and so have the chat servers and the services that belong to no site. */
static bool
make_secrets (struct lab_cfg *c, struct sb_faults *faults)
{
    bool good = true;

    c->chat_password = new_password ();
    good = write_secret (c, LAB_CHAT_USER, ".secret", c->chat_password, faults)
           && write_random_secret (c, "power", faults) && write_random_secret (c, "mail", faults);
    for (size_t i = 0; good && i < c->ncredentials; i++) {
        c->credentials[i].password = new_password ();
        good = write_secret (c, c->credentials[i].name, ".secret", c->credentials[i].password, faults);
    }
    return good;
}

static bool
make_folder (const char *dir, const char *name, mode_t mode, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = lab_path (dir, name);

    return sb_dir_make (path, mode, faults);
}

static bool
make_folders (struct lab_cfg *c, struct sb_faults *faults)
{
    static const char *const names[] = { "tls", "rows", "unc", "disk", "log", "bin", "chat", "mnt", "sinks/mail" };
    bool good = make_folder (c->dir, "secrets", 0700, faults);

    for (size_t i = 0; good && i < sizeof names / sizeof *names; i++)
        good = make_folder (c->dir, names[i], 0755, faults);
    for (size_t i = 0; good && i < c->ninstances; i++) {
        SB_AUTOFREE char *path = sb_xprintf ("%s/disk/%s/%s", c->dir, c->instances[i].name,
                                             c->instances[i].sql_linux ? "root/var/opt/mssql/data" : "D/Backup");

        good = sb_dir_make (path, 0755, faults);
    }
    return good;
}

static bool
make_shares (struct lab_cfg *c, struct sb_faults *faults)
{
    lab_place_shares (c);
    for (size_t i = 0; i < c->nshares; i++) {
        struct lab_share *s = &c->shares[i];

        if (s->unc == NULL)
            continue;
        s->path = w_files_where (c->dir, s->instance != NULL ? s->instance : c->instances[0].name, s->unc);
        if (s->path == NULL)
            sb_fault (faults, NULL, 0, "share '%s': '%s' is not a path that SQL Server could see", s->name, s->unc);
        else if (!sb_dir_make (s->path, 0755, faults))
            return false;
    }
    return faults->count == 0;
}

/* DIR/bin/power: what the `command` plugin starts as a site's power controller. */
static bool
make_power (const struct lab_cfg *c, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = lab_path (c->dir, "bin/power");
    char program[4096];
    ssize_t n = readlink ("/proc/self/exe", program, sizeof program - 1);
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    program[n > 0 ? n : 0] = 0;
    sb_buf_printf (
            &b,
            "#!/bin/sh\n# The lab's power controller: JSON of the plugin `command' on stdin, an answer on stdout.\n"
            "exec '%s' power --dir '%s'\n",
            program, c->dir);
    return sb_file_write (path, b.s, b.len, 0755, faults);
}

/* The world */

/* Real figures: log backups every minute or more, replication in minutes, mirroring timeouts as configured. */
static void
real_rates (struct world *w)
{
    w->rates.real = 1;
    w->rates.replication = 120000;
    w->rates.boot_replication = 180000;
    w->rates.job = 2000;
    w->rates.mirror_silent = 0;
}

/* However many databases, the log shipping jobs of a second are about as many. */
static void
slow_down (struct world *w, size_t databases)
{
    const int32_t every = databases > 100 ? (int32_t) databases * 20 : 2000;

    w->rates.backup = w->rates.copy = w->rates.restore = every;
}

static bool
make_world (struct lab_cfg *c, struct sb_faults *faults)
{
    struct world *w = sb_xcalloc (1, sizeof *w);
    struct w_disk disk = { c->dir, w_folders_new () };
    struct w_files files;
    uint64_t seed = strtoull (c->seed, NULL, 16);
    bool good;

    w_files_disk (&files, &disk);
    w_init (w, seed, sb_now_ms () - 300000); /* its past is played before it is served */
    slow_down (w, c->ndatabases);
    good = lab_steady (c, w, &files, w_state_tables, c->dir, faults);
    if (c->real_time)
        real_rates (w);
    good = good && w_state_save (c->dir, w, faults);
    w_folders_free (disk.folders);
    free (w);
    return good;
}

bool
lab_build (const char *dir, const char *topology, const struct lab_args *a, struct sb_faults *faults)
{
    struct lab_cfg c = { .real_time = a->real_time, .smb = a->smb, .smb_tickets = a->smb && a->keytab != NULL };
    struct lab_topology *t;
    char seed[17];
    bool good;

    sb_random_hex (seed, 15); /* fits a JSON integer */
    t = lab_topology_read (topology, &c, faults);
    if (t == NULL)
        return false;
    c.dir = sb_xstrdup (dir);
    c.seed = sb_xstrdup (seed);
    good = (a->sql_server == NULL || lab_cfg_sql_server (&c, a->sql_server, faults)) && make_folders (&c, faults)
           && lab_ports_give (&c, faults) && make_shares (&c, faults) && make_secrets (&c, faults)
           && lab_smb_make (&c, faults) && make_power (&c, faults) && lab_tls_make (&c, faults)
           && lab_topology_write (t, &c, faults) && make_world (&c, faults)
           && lab_cfg_save (&c, faults); /* the last file makes it a lab */
    lab_topology_free (t);
    lab_cfg_free (&c);
    return good;
}
