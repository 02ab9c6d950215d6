/* lab up, down and status. */
#include "lab/lab.h"

#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/paths.h"
#include "core/sys/spawn.h"
#include "lab/world/client.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UP_MS 120000 /* hundreds of doors on a busy machine */

/* The packaged topology, beside the program in a build tree or where it was installed. */
static char *
default_topology (void)
{
    struct sb_paths p;
    char *path;

    sb_paths_find (&p);
    path = p.build_tree ? sb_xprintf ("%s/examples/stretched-pool.ini", p.libexec)
                        : sb_xstrdup (SB_EXAMPLE_DIR "/stretched-pool.ini");
    sb_paths_free (&p);
    return path;
}

/* The folder as an absolute path; made when it is not there. */
static char *
absolute (const char *dir, struct sb_faults *faults)
{
    char real[PATH_MAX];

    if (!sb_dir_make (dir, 0755, faults))
        return NULL;
    if (realpath (dir, real) != NULL)
        return sb_xstrdup (real);
    sb_fault (faults, dir, 0, "cannot be resolved");
    return NULL;
}

/* Starts the world in a session of its own and waits until it listens. */
static bool
start_world (const char *dir, int owner_fd, struct sb_faults *faults)
{
    SB_AUTOFREE char *log_path = lab_path (dir, "log/world.log");
    char program[4096];
    ssize_t n = readlink ("/proc/self/exe", program, sizeof program - 1);
    const char *argv[] = { program, "world", "--dir", dir, "--ready-fd", "3", owner_fd >= 0 ? "--owner-fd" : NULL,
                           "4",     NULL };
    struct sb_spawn_fd fds[5];
    struct sb_spawn how = { .argv = argv, .fds = fds, .nfds = owner_fd >= 0 ? 5 : 4, .own_session = true };
    int ready[2], log;
    char byte;
    bool good;
    struct pollfd p;

    program[n > 0 ? n : 0] = 0;
    log = open (log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (pipe2 (ready, O_CLOEXEC) != 0)
        return false;
    fds[0] = (struct sb_spawn_fd){ -1, 0 };
    fds[1] = (struct sb_spawn_fd){ log, 1 };
    fds[2] = (struct sb_spawn_fd){ log, 2 };
    fds[3] = (struct sb_spawn_fd){ ready[1], 3 };
    fds[4] = (struct sb_spawn_fd){ owner_fd, 4 };
    good = sb_spawn (&how, faults) > 0;
    close (ready[1]);
    if (log >= 0)
        close (log);
    p = (struct pollfd){ .fd = ready[0], .events = POLLIN };
    if (good && (poll (&p, 1, UP_MS) != 1 || read (ready[0], &byte, 1) != 1)) {
        sb_fault (faults, NULL, 0, "the world does not start");
        sb_fault_hint (faults, "See what %s says.", log_path);
        good = false;
    }
    close (ready[0]);
    return good;
}

static bool
await_doors (const char *dir, struct sb_faults *faults)
{
    struct lab_cfg cfg;
    struct w_client *c = lab_world (dir, faults);
    bool good = c != NULL && lab_cfg_load (&cfg, dir, faults);

    if (good) {
        struct world *w = w_client_world (c);

        good = w != NULL && lab_doors_answer (&cfg, w, UP_MS, faults);
        lab_cfg_free (&cfg);
    }
    w_client_close (c);
    return good;
}

/* Asks it to end and waits until it has; false: it does not. */
static bool
end_world (const char *dir)
{
    SB_AUTOFREE char *socket = lab_path (dir, "world.sock");
    struct sb_faults ignored = { 0 };
    struct w_req stop = { .kind = W_REQ_STOP };
    int64_t deadline = sb_deadline_in (15000);
    struct w_client *c = w_client_open (socket, &ignored);

    sb_faults_free (&ignored);
    if (c == NULL) { /* a world that was killed left it behind */
        unlink (socket);
        return true;
    }
    w_client_send (c, &stop);
    w_client_close (c);
    while (sb_file_exists (socket) && sb_mono_ms () < deadline)
        sb_sleep_ms (20);
    return !sb_file_exists (socket);
}

/* What the SQL doors ask of clients, from now on. */
static bool
change_sql_tls (const char *dir, const char *words, struct sb_faults *faults)
{
    struct lab_cfg cfg;
    bool good;

    if (!lab_cfg_load (&cfg, dir, faults))
        return false;
    good = lab_cfg_sql_tls (&cfg, words, faults) && lab_cfg_save (&cfg, faults);
    lab_cfg_free (&cfg);
    return good;
}

/* The keys with which doors read Kerberos tickets, from now on. */
static bool
take_keytab (const char *dir, const char *from, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = lab_path (dir, "secrets/services.keytab");
    SB_CLEANUP (sb_buf_free) struct sb_buf keys = { 0 };

    return sb_file_read (from, 1u << 20, &keys, faults) && sb_file_write (path, keys.s, keys.len, 0600, faults);
}

int
lab_up (const struct lab_args *a)
{
    struct sb_faults faults = { 0 };
    SB_AUTOFREE char *dir = absolute (a->dir, &faults);
    SB_AUTOFREE char *cfg = dir == NULL ? NULL : lab_path (dir, "lab.cfg");
    SB_AUTOFREE char *socket = dir == NULL ? NULL : lab_path (dir, "world.sock");
    SB_AUTOFREE char *topology = a->topology != NULL ? sb_xstrdup (a->topology) : default_topology ();
    struct sb_faults ignored = { 0 };
    struct w_client *running;

    if (dir == NULL)
        return lab_fail (&faults);
    running = w_client_open (socket, &ignored);
    sb_faults_free (&ignored);
    if (running != NULL) {
        w_client_close (running);
        sb_fault (&faults, NULL, 0, "the lab in '%s' is up already", dir);
        return lab_fail (&faults);
    }
    if (sb_file_exists (cfg) && a->topology != NULL) {
        sb_fault (&faults, NULL, 0, "there is a lab in '%s' already, built from a topology of its own", dir);
        sb_fault_hint (&faults, "Leave -t out to start it again, or remove the folder.");
        return lab_fail (&faults);
    }
    if (sb_file_exists (cfg) && a->sql_server != NULL) {
        sb_fault (&faults, NULL, 0, "the servers of the lab in '%s' were chosen when it was built", dir);
        sb_fault_hint (&faults, "Leave --sql-server out to start it again, or remove the folder.");
        return lab_fail (&faults);
    }
    if (!sb_file_exists (cfg) && !lab_build (dir, topology, a, &faults))
        return lab_fail (&faults);
    if (a->sql_tls != NULL && !change_sql_tls (dir, a->sql_tls, &faults))
        return lab_fail (&faults);
    if (a->keytab != NULL && !take_keytab (dir, a->keytab, &faults))
        return lab_fail (&faults);
    if (!start_world (dir, a->owner_fd, &faults))
        return lab_fail (&faults);
    if (!await_doors (dir, &faults)) {
        end_world (dir);
        return lab_fail (&faults);
    }
    printf ("The lab in %s is up.\n", dir);
    return 0;
}

int
lab_down (const struct lab_args *a)
{
    struct sb_faults faults = { 0 };
    SB_AUTOFREE char *socket = lab_path (a->dir, "world.sock");

    if (!sb_file_exists (socket)) {
        printf ("The lab in %s is not up.\n", a->dir);
        return 0;
    }
    if (!end_world (a->dir)) {
        sb_fault (&faults, NULL, 0, "the lab in '%s' does not end", a->dir);
        return lab_fail (&faults);
    }
    printf ("The lab in %s is down.\n", a->dir);
    return 0;
}

/* Status */

static const char *const states[] = { "ONLINE", "RESTORING", "RECOVERING", "?", "?", "?", "OFFLINE" };
static const char *const roles[] = { "", "PRINCIPAL", "MIRROR" };
static const char *const mirroring[] = { "SUSPENDED", "DISCONNECTED", "SYNCHRONIZING", "PENDING_FAILOVER",
                                         "SYNCHRONIZED" };

static json_t *
copy_json (struct world *w, const struct w_copy *c)
{
    return json_pack ("{s:s, s:s, s:s, s:s, s:s, s:I, s:i}", "database", w_str (w, c->name), "instance",
                      w_str (w, w->instances[c->instance - 1].name), "state",
                      c->standby ? "STANDBY" : states[c->state % 7], "role", roles[c->role % 3], "mirroring",
                      c->mirror_guid != 0 ? mirroring[c->mirroring % 5] : "", "lsn", (json_int_t) c->lsn, "fork",
                      (int) c->fork);
}

static json_t *
status_json (struct world *w)
{
    json_t *sites = json_array (), *copies = json_array (), *servers = json_array (), *instances = json_array (),
           *active = json_array ();

    for (unsigned i = 0; i < w->nsites; i++)
        json_array_append_new (sites, json_pack ("{s:s, s:b, s:b}", "name", w_str (w, w->sites[i].name), "powered",
                                                 w->sites[i].powered, "held off", w->sites[i].held_off));
    for (w_id i = 1; i <= w->ninstances; i++)
        json_array_append_new (instances, json_pack ("{s:s, s:b, s:b}", "name", w_str (w, w->instances[i - 1].name),
                                                     "answers", w_answers (w, i), "agent", w->instances[i - 1].agent));
    for (unsigned i = 0; i < w->ncopies; i++)
        if (w->copies[i].instance != 0)
            json_array_append_new (copies, copy_json (w, &w->copies[i]));
    for (unsigned i = 0; i < w->nservers; i++) {
        const struct w_server *s = &w->servers[i];

        json_array_append_new (servers, json_pack ("{s:s, s:b, s:i, s:b, s:s}", "name", w_str (w, s->name), "running",
                                                   s->chat, "clients", (int) s->clients, "replica up to date",
                                                   s->replica.version == w->central.version, "replica state",
                                                   s->replica.state == W_NORMAL ? "Normal" : "FailedOver"));
        if ((w->central.active >> i & 1) != 0)
            json_array_append_new (active, json_string (w_str (w, s->name)));
    }
    return json_pack ("{s:o, s:o, s:o, s:s, s:o, s:s, s:o}", "sites", sites, "instances", instances, "copies", copies,
                      "pool state", w->central.state == W_NORMAL ? "Normal" : "FailedOver", "active", active,
                      "central store", w_str (w, w->sites[w->central.site - 1].name), "servers", servers);
}

static void
print_row (json_t *row)
{
    const char *key;
    json_t *v;

    json_object_foreach (row, key, v)
    {
        if (json_is_string (v) && json_string_length (v) > 0)
            printf ("  %s", json_string_value (v));
        else if (json_is_boolean (v))
            printf ("  %s%s", json_is_true (v) ? "" : "not ", key);
        else if (json_is_integer (v))
            printf ("  %s %lld", key, (long long) json_integer_value (v));
    }
    putchar ('\n');
}

int
lab_status (const struct lab_args *a)
{
    struct sb_faults faults = { 0 };
    struct w_client *c = lab_world (a->dir, &faults);
    struct world *w = c == NULL ? NULL : w_client_world (c);
    json_t *j, *v, *row;
    const char *key;
    size_t i;

    if (w == NULL)
        return lab_fail (&faults);
    j = status_json (w);
    if (a->json) {
        json_dumpf (j, stdout, JSON_INDENT (1));
        putchar ('\n');
    } else {
        json_object_foreach (j, key, v)
        {
            printf ("%s:%s%s\n", key, json_is_string (v) ? " " : "", json_is_string (v) ? json_string_value (v) : "");
            json_array_foreach (v, i, row)
            {
                if (json_is_string (row))
                    printf ("  %s\n", json_string_value (row));
                else
                    print_row (row);
            }
        }
    }
    json_decref (j);
    w_client_close (c);
    return 0;
}
