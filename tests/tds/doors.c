/* More doors into a lab; see doors.h. */
#include "tests/tds/doors.h"

#include "core/base/mem.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A port that is free, below those that the kernel hands out: nobody takes it by chance before the door listens. */
static uint16_t
free_port (void)
{
    enum { LOWEST = 20000, HOW_MANY = 12000 };
    static unsigned asked;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };

    for (int i = 0; i < HOW_MANY; i++) {
        uint16_t port = (uint16_t) (LOWEST + ((unsigned) getpid () * 16 + asked++) % HOW_MANY);
        int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool free_now;

        a.sin_port = htons (port);
        free_now = fd >= 0 && bind (fd, (struct sockaddr *) &a, sizeof a) == 0;
        if (fd >= 0)
            close (fd);
        if (free_now)
            return port;
    }
    return 0;
}

int
extra_doors_open (struct extra_doors *d, const char *dir, enum lab_tds_tls tls)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/lab.json", dir);
    char *socket_path = sb_xprintf ("%s/world.sock", dir), *folder = sb_xstrdup (dir);
    struct lab_user *users = sb_xcalloc (3, sizeof *users);
    json_error_t error;
    json_t *list, *x;
    size_t i;

    memset (d, 0, sizeof *d);
    d->lab = json_load_file (path, 0, &error);
    list = json_object_get (d->lab, "instances");
    if (!json_is_array (list)) {
        fprintf (stderr, "%s: %s\n", path, error.text);
        return -1;
    }
    d->n = json_array_size (list);
    d->list = sb_xcalloc (d->n + 1, sizeof *d->list);
    json_array_foreach (list, i, x)
    {
        struct lab_door_cfg *c = &d->list[i];
        c->name = json_string_value (json_object_get (x, "name"));
        c->host = c->name;
        c->address = "127.0.0.1";
        c->port = free_port ();
        c->cert = sb_xprintf ("%s/tls/%s.pem", dir, c->name);
        c->key = sb_xprintf ("%s/tls/%s.key", dir, c->name);
        users[0] = (struct lab_user){ json_string_value (json_object_get (x, "user")),
                                      json_string_value (json_object_get (x, "password")), 1, NULL };
        users[1] = (struct lab_user){ "guest-of-tests", "Guest-1", 0, NULL };
        c->keytab = sb_xprintf ("%s/secrets/services.keytab", dir);
        c->users = users;
        c->nusers = 2;
        c->world_socket = socket_path;
        c->dir = folder;
    }
    lab_tds_policy (tls);
    return lab_tds_start (d->list, d->n);
}
