/* The doors' side of rpc.h.  One client is one connection and belongs to one
 * thread; a snapshot is kept, shared by all clients of the process, and refreshed only when the world has changed.
 * Every call has a deadline of ten seconds; when the world is gone, calls answer
 * W_UNREACHABLE or false and w_client_gone() stays true. */
#ifndef SB_LAB_WORLD_CLIENT_H
#define SB_LAB_WORLD_CLIENT_H

#include "core/base/fault.h"
#include "lab/world/rpc.h"

#include <jansson.h>

struct w_client;

struct w_client *w_client_open (const char *socket_path, struct sb_faults *faults); /* NULL with one fault */
void w_client_close (struct w_client *c);
/* The client will ask nothing for a while: gives back what it keeps of an old world. */
void w_client_rest (struct w_client *c);
bool w_client_gone (const struct w_client *c);

/* The world as it is now; valid until the next call on this client, and not to be changed: others read it too.  NULL:
 * the world is gone. */
struct world *w_client_world (struct w_client *c);
/* Sends one operation. */
void w_client_op (struct w_client *c, const struct w_op *op, struct w_out *out);
/* Asks for the end of a work; waits at most `wait_ms`. */
void w_client_work (struct w_client *c, uint16_t work, int wait_ms, struct w_out *out);
/* Inserts, updates, deletes; `changes` as in rows.h, borrowed. */
void w_client_rows (struct w_client *c, w_id copy, uint16_t spid, json_t *changes, struct w_out *out);
int64_t w_client_time (struct w_client *c);
void w_client_send (struct w_client *c, const struct w_req *r); /* anything without a body */

/* Files as an instance sees them.  Return enum w_file_error; lists are freed by the caller. */
int w_client_list (struct w_client *c, w_id instance, const char *folder, struct w_file **ret, size_t *ret_count);
int w_client_stat (struct w_client *c, w_id instance, const char *path, struct w_file *ret);
int w_client_sets (struct w_client *c, w_id instance, const char *path, struct w_file_set **ret, size_t *ret_count);
int w_client_file (struct w_client *c, w_id instance, enum w_file_req what, const char *path);

/* A connection of its own that carries events; to be polled.  -1 with one fault. */
int w_client_subscribe (const char *socket_path, w_id instance, struct sb_faults *faults);
/* One event; false: the deadline passed (*ret_gone false) or the world is gone. */
bool w_client_event (int fd, int64_t deadline, struct w_event *ret, bool *ret_gone);
/* Holds the power of a site: the world sees its loss when this descriptor closes. */
int w_client_site (const char *socket_path, w_id site, struct sb_faults *faults);

#endif
