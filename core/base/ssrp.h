/* SQL Server Resolution Protocol ([MC-SQLR]): what is asked of SQL Browser, UDP 1434, and what it answers.  Pure: bytes
 * in, bytes out; who sends them is somebody else's affair.  Answers are hostile input. */
#ifndef SB_BASE_SSRP_H
#define SB_BASE_SSRP_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define SB_SSRP_PORT   1434
#define SB_SSRP_NAME   32   /* bytes of an instance name, at most */
#define SB_SSRP_ANSWER 1027 /* bytes of the answer about one instance, at most: three and 1,024 */

/* CLNT_UCAST_INST: where does the instance of this name listen?  False: it cannot be one. */
bool sb_ssrp_question (const char *named, struct sb_buf *out);
/* The TCP port in an answer (SVR_RESP), if it is about that instance; 0: it is not, or it tells none. */
uint16_t sb_ssrp_port (const void *answer, size_t len, const char *named);

/* What a request wants; the name is in *ret_name (SB_SSRP_NAME + 1 bytes). */
enum sb_ssrp_wish { SB_SSRP_NOTHING, SB_SSRP_ALL, SB_SSRP_ONE };
enum sb_ssrp_wish sb_ssrp_wish (const void *request, size_t len, char *ret_name);
/* Adds what is told of one instance: ServerName;...;tcp;PORT;; */
void sb_ssrp_entry (const char *machine, const char *named, const char *version, uint16_t port, struct sb_buf *out);
/* The whole answer around entries. */
void sb_ssrp_answer (const struct sb_buf *entries, struct sb_buf *out);

#endif
