/* Tokens of an answer; see token.h. */
#include "lab/tds/token.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "lab/tds/login.h"
#include "lab/tds/release.h"

#include <stdio.h>
#include <string.h>

static void
put_le (struct sb_buf *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        sb_buf_char (b, (char) (v >> (8 * i) & 0xff));
}

/* Text as UTF-16 behind a count of `count_bytes` bytes, cut to what the count can say. */
static void
put_text (struct sb_buf *b, const char *s, int count_bytes)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf wide = { 0 };
    size_t max = count_bytes == 1 ? 255 : 32000, n;

    if (s == NULL || !sb_utf8_to_utf16le (s, strlen (s), &wide))
        sb_buf_clear (&wide);
    n = wide.len / 2 > max ? max : wide.len / 2;
    put_le (b, n, count_bytes);
    if (n > 0)
        sb_buf_add (b, wide.s, n * 2);
}

static void
write_done (struct sb_tds_out *o, unsigned token, unsigned status, unsigned command, uint64_t rows)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    sb_buf_char (&b, (char) token);
    put_le (&b, status, 2);
    put_le (&b, command, 2);
    put_le (&b, rows, o->tds >= 0x72 ? 8 : 4);
    sb_tds_wire_put (o->wire, SB_TDS_ANSWER, b.s, b.len);
}

static void
settle (struct sb_tds_out *o, bool more)
{
    if (o->held)
        write_done (o, o->held_token, o->held_status | (more ? SB_TDS_MORE : 0), o->held_command, o->held_rows);
    o->held = false;
    o->any = true;
}

static void
send_token (struct sb_tds_out *o, const struct sb_buf *b)
{
    settle (o, true);
    sb_tds_wire_put (o->wire, SB_TDS_ANSWER, b->s, b->len);
}

void
sb_tds_columns (struct sb_tds_out *o, const struct sb_tds_column *cols, size_t n)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    sb_buf_char (&b, (char) 0x81);
    put_le (&b, n, 2);
    for (size_t i = 0; i < n; i++) {
        const struct sb_sql_type *t = &cols[i].type;
        put_le (&b, 0, o->tds >= 0x72 ? 4 : 2);
        put_le (&b, (t->not_null ? 0u : 1u) | (t->computed ? 0x20u : 0x08u), 2);
        sb_sql_type_info (t, &b);
        put_text (&b, cols[i].name, 1);
    }
    send_token (o, &b);
}

static size_t
count_nulls (const struct sb_sql_value *values, size_t n)
{
    size_t nulls = 0;

    for (size_t i = 0; i < n; i++)
        nulls += values[i].tag == SB_SQL_NULL;
    return nulls;
}

/* NBCROW where the client knows it and it is shorter, as the real server does. */
void
sb_tds_row (struct sb_tds_out *o, const struct sb_tds_column *cols, const struct sb_sql_value *values, size_t n)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    bool compact = o->tds >= 0x73 && count_nulls (values, n) > (n + 7) / 8;

    sb_buf_char (&b, (char) (compact ? 0xd2 : 0xd1));
    for (size_t i = 0; compact && i < n; i += 8) {
        unsigned bits = 0;
        for (size_t k = 0; k < 8 && i + k < n; k++)
            if (values[i + k].tag == SB_SQL_NULL && !cols[i + k].type.not_null)
                bits |= 1u << k;
        sb_buf_char (&b, (char) bits);
    }
    for (size_t i = 0; i < n; i++)
        if (!compact || values[i].tag != SB_SQL_NULL || cols[i].type.not_null)
            sb_sql_encode (&cols[i].type, &values[i], &b);
    send_token (o, &b);
}

void
sb_tds_done (struct sb_tds_out *o, enum sb_tds_done token, unsigned status, unsigned command, uint64_t rows)
{
    settle (o, true);
    o->held = true;
    o->held_token = (uint8_t) token;
    o->held_status = (uint16_t) status;
    o->held_command = (uint16_t) command;
    o->held_rows = rows;
}

void
sb_tds_say (struct sb_tds_out *o, int number, int state, int severity, const char *text, const char *proc, int line)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 }, body = { 0 };

    put_le (&body, (uint32_t) number, 4);
    sb_buf_char (&body, (char) state);
    sb_buf_char (&body, (char) (severity == 10 ? 0 : severity));
    put_text (&body, text, 2);
    put_text (&body, o->server, 1);
    put_text (&body, proc, 1);
    put_le (&body, (uint32_t) line, o->tds >= 0x72 ? 4 : 2);
    sb_buf_char (&b, (char) (severity > 10 ? 0xaa : 0xab));
    put_le (&b, body.len, 2);
    sb_buf_add (&b, body.s, body.len);
    send_token (o, &b);
}

static void
send_env (struct sb_tds_out *o, enum sb_tds_env type, const struct sb_buf *rest)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    sb_buf_char (&b, (char) 0xe3);
    put_le (&b, rest->len + 1, 2);
    sb_buf_char (&b, (char) type);
    sb_buf_add (&b, rest->s, rest->len);
    send_token (o, &b);
}

void
sb_tds_sspi (struct sb_tds_out *o, const void *token, size_t n)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    sb_buf_char (&b, (char) 0xed);
    put_le (&b, n, 2);
    sb_buf_add (&b, token, n);
    send_token (o, &b);
}

void
sb_tds_env (struct sb_tds_out *o, enum sb_tds_env type, const char *fresh, const char *old)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf rest = { 0 };

    if (type == SB_TDS_ENV_COLLATION) {
        sb_buf_char (&rest, 5);
        sb_buf_add (&rest, sb_sql_collation, 5);
        sb_buf_char (&rest, 0);
    } else {
        put_text (&rest, fresh, 1);
        put_text (&rest, old, 1);
    }
    send_env (o, type, &rest);
}

void
sb_tds_env_transaction (struct sb_tds_out *o, enum sb_tds_env type, uint64_t fresh, uint64_t old)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf rest = { 0 };

    if (o->tds < 0x72)
        return;
    sb_buf_char (&rest, fresh != 0 ? 8 : 0);
    if (fresh != 0)
        put_le (&rest, fresh, 8);
    sb_buf_char (&rest, old != 0 ? 8 : 0);
    if (old != 0)
        put_le (&rest, old, 8);
    send_env (o, type, &rest);
}

void
sb_tds_return_status (struct sb_tds_out *o, int32_t status)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    sb_buf_char (&b, 0x79);
    put_le (&b, (uint32_t) status, 4);
    send_token (o, &b);
}

void
sb_tds_return_value (struct sb_tds_out *o, unsigned ordinal, const char *name, const struct sb_sql_type *type,
                     const struct sb_sql_value *v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    sb_buf_char (&b, (char) 0xac);
    put_le (&b, ordinal, 2);
    put_text (&b, name, 1);
    sb_buf_char (&b, 1); /* an output parameter */
    put_le (&b, 0, o->tds >= 0x72 ? 4 : 2);
    put_le (&b, 1, 2);
    sb_sql_type_info (type, &b);
    sb_sql_encode (type, v, &b);
    send_token (o, &b);
}

void
sb_tds_login_ack (struct sb_tds_out *o, const struct sb_tds_login *login, unsigned major)
{
    const struct tds_release *is = tds_release (major);
    const uint8_t version[4] = { (uint8_t) is->major, (uint8_t) is->minor, (uint8_t) (is->build >> 8),
                                 (uint8_t) is->build };
    static const uint32_t words[] = { 0x71000001, 0x72090002, 0x730b0003, 0x74000004 };
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 }, body = { 0 };
    uint32_t word = words[login->tds - 0x71];

    sb_buf_char (&body, 1); /* T-SQL */
    for (int shift = 24; shift >= 0; shift -= 8)
        sb_buf_char (&body, (char) (word >> shift & 0xff));
    put_text (&body, "Microsoft SQL Server", 1);
    sb_buf_add (&body, version, 4);
    sb_buf_char (&b, (char) 0xad);
    put_le (&b, body.len, 2);
    sb_buf_add (&b, body.s, body.len);
    send_token (o, &b);
}

void
sb_tds_push (struct sb_tds_out *o)
{
    settle (o, true);
    sb_tds_wire_flush (o->wire, SB_TDS_ANSWER, false);
}

void
sb_tds_end (struct sb_tds_out *o)
{
    settle (o, false);
    sb_tds_wire_flush (o->wire, SB_TDS_ANSWER, true);
    o->any = false;
}

void
sb_tds_attention_ack (struct sb_tds_out *o)
{
    write_done (o, SB_TDS_DONE, SB_TDS_ATTN, 0, 0);
    sb_tds_wire_flush (o->wire, SB_TDS_ANSWER, true);
    o->any = false;
}
