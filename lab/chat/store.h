/* A chat server's connection to a database: FreeTDS with TLS, checked against
 * the lab's CA.  One store belongs to one thread. */
#ifndef SB_LAB_CHAT_STORE_H
#define SB_LAB_CHAT_STORE_H

#include "lab/chat/places.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

/* Once per process, before threads: writes the client's configuration into DIR/chat. */
bool stores_init (const char *dir, const struct places *places, struct sb_faults *faults);

/* `who` is the chat server: its name is the client's host name in the login. */
struct store *store_new (const char *who, const char *program);
/* Makes sure it is connected to the database at one of the instances, in order; returns which one, NULL: none. */
const char *store_connect (struct store *s, const char *const *instances, const char *database);
const char *store_at (const struct store *s); /* the instance it is connected to, or NULL */
void store_close (struct store *s);           /* the connection; the store can connect again */
/* One batch.  False: it failed, *ret_number says how (0: the connection was lost).  *ret_value (may be NULL): the first
 * column of the first row as a number, -1 when there was none; *ret_rows (may be NULL): rows affected. */
bool store_run (struct store *s, const char *sql, int *ret_number, int64_t *ret_value, int *ret_rows);
void store_free (struct store *s);

#endif
