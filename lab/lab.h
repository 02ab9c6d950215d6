/* What the commands of switchback-lab share: the configuration that a lab was
 * built from (DIR/lab.cfg), and small helpers around its folder. */
#ifndef SB_LAB_LAB_H
#define SB_LAB_LAB_H

#include "core/base/fault.h"
#include "core/base/mem.h"
#include "lab/world/setup.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LAB_ADDRESS   "127.0.0.1"
#define LAB_CHAT_USER "chatsvc"
#define LAB_FILES     "lab-files" /* credential of the file servers, with --smb */

struct lab_site {
    char *name;
    int smb_port; /* of its file server; 0: none */
};
struct lab_instance {
    char *name, *site, *host, *instance_name, *credential;
    char *address; /* of its machine, with a SQL Browser that tells where it listens; NULL: LAB_ADDRESS, and its port is told */
    bool by_name; /* such an address is wanted: it has a name and no port of its own */
    int port, endpoint_port;
    int sql_tls;                  /* enum lab_tds_tls: what its door asks of clients */
    int sql_version, sql_edition; /* as in struct w_instance; 0: what the lab has when nobody says otherwise */
    bool sql_linux;
};
struct lab_frontend {
    char *name, *site, *host, *credential;
    int port;
};
struct lab_server {
    char *name, *fqdn, *site;
    bool active;
};
struct lab_share {
    char *name, *unc, *path, *site, *instance; /* path: where it really lies; this host sees it as DIR/mnt/NAME */
};
struct lab_database {
    char *object, *name, *primary, *mirror, *witness, *backup, *backup_mirror, *log_share, *copy_folder;
    bool fail_over;
};
struct lab_credential {
    char *name, *user, *password;
    char *method; /* password, kerberos, certificate */
};
struct lab_channel {
    char *name;
};

struct lab_cfg {
    char *dir; /* absolute */
    char *pool, *primary_site, *backup_site, *central, *tool_site, *chat_password;
    char *seed; /* of the world, hexadecimal */
    int chat_port, mail_port, power_port;
    bool real_time;
    bool smb;         /* shares stand behind file servers, too */
    bool smb_tickets; /* which take Kerberos tickets for the names that the topology gives them */
    char *smb_user, *smb_password;
    struct lab_site *sites;
    struct lab_instance *instances;
    struct lab_frontend *frontends;
    struct lab_server *servers;
    struct lab_share *shares;
    struct lab_database *databases;
    struct lab_credential *credentials;
    size_t nsites, ninstances, nfrontends, nservers, nshares, ndatabases, ncredentials;
    size_t csites, cinstances, cfrontends, cservers, cshares, cdatabases, ccredentials; /* capacities */
};

/* cfg.c */
void lab_cfg_free (struct lab_cfg *c);
bool lab_cfg_save (const struct lab_cfg *c, struct sb_faults *faults); /* DIR/lab.cfg, mode 0600: it holds passwords */
bool lab_cfg_load (struct lab_cfg *c, const char *dir, struct sb_faults *faults);
/* "optional", "none", "required" for all doors, or "INSTANCE=WORD,..." for some. */
bool lab_cfg_sql_tls (struct lab_cfg *c, const char *words, struct sb_faults *faults);
/* "WORD+WORD" for all instances or "INSTANCE=WORD+WORD,..." for some: a release (2008R2 to 2025), an edition, a platform. */
bool lab_cfg_sql_server (struct lab_cfg *c, const char *words, struct sb_faults *faults);
const struct lab_credential *lab_cfg_credential (const struct lab_cfg *c, const char *name);
const struct lab_share *lab_cfg_share (const struct lab_cfg *c, const char *name);
const struct lab_instance *lab_cfg_instance (const struct lab_cfg *c, const char *name);

/* topology.c: reads a topology, fills the configuration (no ports yet), and writes it again with loopback addresses */
struct lab_topology;
struct lab_topology *lab_topology_read (const char *file, struct lab_cfg *c, struct sb_faults *faults);
bool lab_topology_write (const struct lab_topology *t, const struct lab_cfg *c, struct sb_faults *faults);
void lab_topology_free (struct lab_topology *t);

/* build.c: folders, certificates, secrets, ports, the world */
struct lab_args;
bool lab_build (const char *dir, const char *topology, const struct lab_args *a, struct sb_faults *faults);

/* steady.c: machines and databases of a configuration, in the steady state, in an empty world; five minutes pass at most.
 * lab_place_shares() says which instance a folder under a drive letter belongs to. */
void lab_place_shares (struct lab_cfg *c);
bool lab_steady (const struct lab_cfg *c, struct world *w, const struct w_files *files, w_made_fn fn, void *ctx,
                 struct sb_faults *faults);

/* ports.c: random free ports, held until the process ends; held again by the world, for as long as the lab stands */
bool lab_ports_give (struct lab_cfg *c, struct sb_faults *faults);
bool lab_ports_hold (const struct lab_cfg *c, struct sb_faults *faults);

/* smb.c: the configuration of the sites' file servers, and starting one (-1: a fault) */
bool lab_smb_make (struct lab_cfg *c, struct sb_faults *faults);
pid_t lab_smb_start (const struct lab_cfg *c, const struct lab_site *site, struct sb_faults *faults);
const char *lab_share_site (const struct lab_cfg *c, const struct lab_share *s);
int lab_share_port (const struct lab_cfg *c, const struct lab_share *s); /* 0: it is seen as a folder only */

/* tls.c */
bool lab_tls_make (const struct lab_cfg *c, struct sb_faults *faults);

const char *lab_instance_address (const struct lab_instance *i);

/* json.c: DIR/lab.json, with the process ids of the groups (by site index; the last is that of the services) */
bool lab_json_write (const struct lab_cfg *c, const pid_t *pids, struct sb_faults *faults);

/* Asking a running lab */
struct w_client *lab_world (const char *dir, struct sb_faults *faults); /* NULL: it is not up */
char *lab_path (const char *dir, const char *name);                     /* DIR/name; caller frees */
bool lab_doors_answer (const struct lab_cfg *c, struct world *w, int wait_ms, struct sb_faults *faults);
int lab_fail (struct sb_faults *faults); /* prints them; 1 */

/* The command line: what remains after options.  A NULL field was not given. */
struct lab_args {
    char *dir, *topology, *sql_tls, *sql_server, *keytab;
    int owner_fd, ready_fd;
    bool json, real_time, smb;
    char **words;
    int nwords;
};

int lab_up (const struct lab_args *a), lab_down (const struct lab_args *a), lab_status (const struct lab_args *a);
int lab_fault (const struct lab_args *a);
int lab_run_world (const struct lab_args *a), lab_run_site (const struct lab_args *a);
int lab_run_services (const struct lab_args *a);
int lab_run_power (const struct lab_args *a);

#endif
