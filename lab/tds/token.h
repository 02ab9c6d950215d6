/* The answer: tokens of the tabular data stream (MS-TDS 2.2.7).
 *
 * Knows: the layout of every token for TDS 7.1 to 7.4.  Promises: a DONE never
 * says "more follows" when nothing does, and always when something does: the last
 * DONE is held back until the next token or the end of the answer is known.
 * Leaves to others: what to say. */
#ifndef SB_TDS_TOKEN_H
#define SB_TDS_TOKEN_H

#include "lab/tds/value.h"
#include "lab/tds/wire.h"

struct sb_tds_login;

enum sb_tds_done { SB_TDS_DONE = 0xfd, SB_TDS_DONEPROC = 0xfe, SB_TDS_DONEINPROC = 0xff };

#define SB_TDS_MORE   0x01
#define SB_TDS_ERROR  0x02
#define SB_TDS_COUNT  0x10
#define SB_TDS_ATTN   0x20
#define SB_TDS_SEVERE 0x100

enum sb_tds_env {
    SB_TDS_ENV_DATABASE = 1,
    SB_TDS_ENV_LANGUAGE = 2,
    SB_TDS_ENV_PACKET_SIZE = 4,
    SB_TDS_ENV_COLLATION = 7,
    SB_TDS_ENV_BEGIN = 8,
    SB_TDS_ENV_COMMIT = 9,
    SB_TDS_ENV_ROLLBACK = 10
};

struct sb_tds_column {
    const char *name; /* "" for none */
    struct sb_sql_type type;
};

struct sb_tds_out {
    struct sb_tds_wire *wire;
    uint8_t tds;        /* 0x71 to 0x74 */
    const char *server; /* the name in messages */
    bool held;          /* a DONE waits */
    uint8_t held_token;
    uint16_t held_status, held_command;
    uint64_t held_rows;
    bool any; /* something was answered since the start of the message */
};

void sb_tds_columns (struct sb_tds_out *o, const struct sb_tds_column *cols, size_t n);
void sb_tds_row (struct sb_tds_out *o, const struct sb_tds_column *cols, const struct sb_sql_value *values, size_t n);
void sb_tds_done (struct sb_tds_out *o, enum sb_tds_done token, unsigned status, unsigned command, uint64_t rows);
/* INFO below severity 11 (class 0 for 10), ERROR from there on. */
void
sb_tds_say (struct sb_tds_out *o, int number, int state, int severity, const char *text, const char *proc, int line);
/* What GSSAPI answers; at most 65535 bytes. */
void sb_tds_sspi (struct sb_tds_out *o, const void *token, size_t n);
void sb_tds_env (struct sb_tds_out *o, enum sb_tds_env type, const char *fresh, const char *old);
/* Transaction ENVCHANGEs carry eight bytes. */
void sb_tds_env_transaction (struct sb_tds_out *o, enum sb_tds_env type, uint64_t fresh, uint64_t old);
void sb_tds_return_status (struct sb_tds_out *o, int32_t status);
void sb_tds_return_value (struct sb_tds_out *o, unsigned ordinal, const char *name, const struct sb_sql_type *type,
                          const struct sb_sql_value *v);
void sb_tds_login_ack (struct sb_tds_out *o, const struct sb_tds_login *login, unsigned major);
/* Let the client see at once what was said; more follows. */
void sb_tds_push (struct sb_tds_out *o);
/* The end of the message. */
void sb_tds_end (struct sb_tds_out *o);
/* The acknowledgement of an attention, a message of its own. */
void sb_tds_attention_ack (struct sb_tds_out *o);

#endif
