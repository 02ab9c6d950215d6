/* What every door is told: who it is, where it listens, whom it lets in. */
#ifndef SB_LAB_WORLD_DOOR_H
#define SB_LAB_WORLD_DOOR_H

#include <stddef.h>
#include <stdint.h>

struct lab_user {
    const char *name, *password;
    int sysadmin;
    const char *method; /* password, kerberos, certificate; NULL: password (TDS) */
};

struct lab_door_cfg {
    const char *name;    /* instance or front end, as in the topology */
    const char *host;    /* its host name in the topology */
    const char *address; /* loopback */
    uint16_t port;
    const char *named;      /* TDS: of a named instance that SQL Browser tells of; NULL: it does not */
    const char *cert, *key; /* PEM files */
    const char *ca;         /* who signs the certificates of clients */
    const char *keytab;     /* keys of the services; the file may be absent: no Kerberos */
    const struct lab_user *users;
    size_t nusers;
    const char *world_socket; /* DIR/world.sock */
    const char *dir;          /* DIR of the lab; rows lie in DIR/rows */
    int tls;                  /* TDS: enum lab_tds_tls */
};

#endif
