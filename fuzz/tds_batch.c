/* A batch of T-SQL as it is checked before anything of it is done. */
#include "core/base/mem.h"
#include "lab/tds/batch.h"
#include "lab/tds/rpc.h"

#include "core/base/text.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (const char *text, size_t n, bool quoted_names)
{
    struct sb_arena arena = { 0 };
    struct sb_sql_vars vars = { 0 };
    struct sb_sql_lexed lexed;
    struct sb_sql_cursor c = { .arena = &arena, .vars = &vars };

    sb_sql_lex (&arena, text, n, quoted_names, &lexed);
    c.tok = lexed.tokens;
    c.end = lexed.count;
    if (lexed.error == 0)
        sb_sql_read_batch (&c);
    sb_sql_vars_release (&vars);
    sb_arena_release (&arena);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    struct sb_tds_reader rd = { .p = data, .n = size };

    if (size > 65536)
        return 0;
    sb_tds_skip_headers (&rd);
    if (rd.bad || !sb_utf16le_to_utf8 (rd.p + rd.at, rd.n - rd.at, &text))
        return 0;
    check (sb_buf_cstr (&text), text.len, true);
    check (sb_buf_cstr (&text), text.len, false);
    return 0;
}
