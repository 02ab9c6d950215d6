/* What a door keeps for all its sessions: logins and the reader of rows.
 *
 * Knows: the users of the configuration plus those made by CREATE LOGIN, and the
 * rows of all families.  Promises: safe to use from any session's thread.  Leaves
 * to others: whose rows a copy has (lab/world). */
#ifndef SB_TDS_STORE_H
#define SB_TDS_STORE_H

#include "lab/tds/session.h"

/* ---- logins ---- */
bool tds_login_check (const struct lab_door_cfg *cfg, const char *name, const char *password, bool *ret_sysadmin);
bool tds_login_exists (struct tds_session *s, const char *name);
/* The security identifier: 0x01 for sa, else 16 bytes made of the name, the same on every server. */
size_t tds_sid_of_login (const char *name, uint8_t ret[16]);
const char *tds_login_of_sid (struct tds_session *s, const void *sid, size_t n); /* NULL: nobody's */
/* Every login of the instance, by index; NULL behind the last. */
const char *tds_login_at (struct tds_session *s, size_t index, bool *ret_sysadmin);
bool tds_login_add (struct tds_session *s, const char *name, const char *password); /* false: it exists */

/* ---- rows ---- */
/* The reader, locked; the lock is held until tds_rows_release(). */
struct w_rows *tds_rows_hold (struct tds_session *s);
void tds_rows_release (struct tds_session *s);
/* Every table that a copy has; names and schemas are borrowed. */
void tds_each_table (struct tds_session *s, w_id copy, void (*each) (void *ctx, const char *name, json_t *schema),
                     void *ctx);
/* Rows of a table as the copy has them now. */
size_t tds_count_rows (struct tds_session *s, w_id copy, const char *table);
/* sys.objects.object_id of a table or view; 0: none. */
int tds_object_id (struct tds_session *s, const struct sb_sql_name *name);
int tds_name_hash (const char *text);

#endif
