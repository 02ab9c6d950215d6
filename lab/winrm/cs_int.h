/* What the files of the cs_ family share: the world as a cmdlet sees it, what the
 * topology says of databases, and the errors that many cmdlets have in common. */
#ifndef SB_LAB_WINRM_CS_INT_H
#define SB_LAB_WINRM_CS_INT_H

#include "lab/winrm/cs.h"

#define CS_MODULE "SkypeForBusiness"

/* A database of the pool as the topology labels its instances; DIR/lab.cfg. */
struct cs_database {
    char name[W_NAME];
    bool compliance; /* never failed over: PersistentChatCompliance; else PersistentChat */
    w_id primary, mirror, backup, backup_mirror;
};
#define CS_MAX_DATABASES 16

/* The world as it is now; NULL with an error thrown (*ret_flow) when it is gone. */
struct world *cs_look (struct ps_call *c, enum ps_flow *ret_flow);
/* The same, and the central store answers from here. */
struct world *cs_look_store (struct ps_call *c, enum ps_flow *ret_flow);
w_id cs_here (const struct ps_call *c, const struct world *w); /* the site of this front end */
w_id cs_frontend (const struct ps_call *c);
enum ps_flow cs_dark (struct ps_call *c);
size_t cs_databases (struct ps_call *c, const struct world *w, struct cs_database ret[CS_MAX_DATABASES]);
/* Does one operation as this front end and waits for its end; what went wrong is in `out`. */
enum ps_flow cs_try (struct ps_call *c, struct w_op *op, struct w_out *out);
/* Throws what went wrong in the words of the product. */
enum ps_flow cs_refused (struct ps_call *c, const struct w_out *out);
/* Both. */
enum ps_flow cs_do (struct ps_call *c, struct w_op *op, struct w_out *out);
void cs_op (struct ps_call *c, struct w_op *op, enum w_op_kind kind, w_id instance, const char *db);
/* The front end that is the active master: the first one of the store's site. */
const struct w_frontend *cs_master (const struct world *w);
/* The instance of a pair that is principal now; 0: neither answers as one. */
w_id cs_principal (struct world *w, const char *database, w_id one, w_id other);

struct ps_value cs_text (struct ps_call *c, const struct world *w, w_text t);
struct ps_list *cs_servers (struct ps_call *c, const struct world *w, uint16_t bits);

/* The cmdlets, one file each family. */
enum ps_flow cs_state_get (struct ps_call *c);
enum ps_flow cs_state_set (struct ps_call *c);
enum ps_flow cs_state_set_item (struct ps_call *c, struct ps_value v);
enum ps_flow cs_active_set (struct ps_call *c);
enum ps_flow cs_service_get (struct ps_call *c);
enum ps_flow cs_pool_get (struct ps_call *c);
enum ps_flow cs_topology_get (struct ps_call *c);
enum ps_flow cs_configuration_get (struct ps_call *c);
enum ps_flow cs_compliance_get (struct ps_call *c);
enum ps_flow cs_windows_get (struct ps_call *c);
enum ps_flow cs_windows_start (struct ps_call *c);
enum ps_flow cs_windows_stop (struct ps_call *c);
enum ps_flow cs_replication_get (struct ps_call *c);
enum ps_flow cs_replication_push (struct ps_call *c);
enum ps_flow cs_connection_get (struct ps_call *c);
enum ps_flow cs_store_move (struct ps_call *c);
enum ps_flow cs_mirror_state (struct ps_call *c);
enum ps_flow cs_mirror_failover (struct ps_call *c);
enum ps_flow cs_mirror_install (struct ps_call *c);
enum ps_flow cs_mirror_uninstall (struct ps_call *c);
enum ps_flow cs_message_test (struct ps_call *c);

#endif
