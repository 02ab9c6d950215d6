/* check-integrity, count-rows, fingerprint: looking at a copy, or at all that stands on the instances, without touching
 * anything. */
#include "plugins/mssql/facts.h"
#include "plugins/mssql/verbs.h"

#include "core/base/sha256.h"
#include "core/base/text.h"

#include <string.h>

#define LINES_MAX   20000
#define DIFFERS_MAX 10 /* named one by one */

/* ------------------------------------------------------------------ check-integrity */

enum sb_rc
sb_run_check_integrity (struct sb_ms *ms)
{
    const char *what;
    struct sb_answer a;
    struct sb_inst i;

    if (!sb_ms_as (ms) || !sb_ms_open (ms, ms->on, &i))
        return ms->rc;
    what = sb_format (ms->call, "database '%s' failed its integrity check", ms->db);
    sb_progress (ms->call, 101, sb_format (ms->call, "checking every page of %s", ms->db));
    if (!sb_must_ask (&i, &a, what, SB_STMT_CHECKDB, ms->db))
        return ms->rc;
    sb_result (ms->call, "sentence",
               sb_format (ms->call, "Every page of %s at %s was read and holds together.", ms->db, i.name));
    return SB_OK;
}

/* ------------------------------------------------------------------ count-rows */

enum sb_rc
sb_run_count_rows (struct sb_ms *ms)
{
    const char *at_least = sb_param (ms->call, "at least");
    struct sb_buf words SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_answer tables, a;
    int64_t all = 0, wanted = 0;
    struct sb_inst i;

    if (!sb_ms_as (ms) || !sb_ms_open (ms, ms->on, &i)
        || !sb_must_ask (&i, &tables, "the tables cannot be listed", SB_STMT_TABLES, ms->db, ms->db))
        return ms->rc;
    for (size_t n = 0; n < tables.rows.count; n++) {
        const char *schema = sb_rows_get (&tables.rows, n, "schema_name");
        const char *table = sb_rows_get (&tables.rows, n, "table_name");
        int64_t count;

        if (!sb_must_ask (&i, &a, "the rows of a table cannot be counted", SB_STMT_TABLE_ROWS, ms->db, schema, table))
            return ms->rc;
        count = sb_rows_int (&a.rows, 0, "rows_there", 0);
        all += count;
        sb_buf_printf (&words, "%s%s.%s %lld", n > 0 ? ", " : "", schema, table, (long long) count);
    }
    sb_result (ms->call, "rows", sb_format (ms->call, "%lld", (long long) all));
    sb_result (ms->call, "tables", sb_buf_cstr (&words));
    if (at_least == NULL || *at_least == '\0' || (sb_parse_int (at_least, &wanted) && all >= wanted))
        return SB_OK;
    return sb_ms_fail (ms, SB_FAIL,
                       "database '%s' at instance '%s' holds %lld rows, and %s at least were expected (%s)", ms->db,
                       i.name, (long long) all, at_least, sb_buf_cstr (&words));
}

/* ------------------------------------------------------------------ fingerprint */

/* What an operator would call "how it stands"; nothing that moves by itself (LSNs, times, file names). */
static const struct {
    const char *name;
    enum sb_stmt stmt;
} prints[] = {
    { "database", SB_STMT_PRINT_DATABASES },
    { "mirroring", SB_STMT_PRINT_MIRRORING },
    { "primary", SB_STMT_PRINT_PRIMARIES },
    { "pair", SB_STMT_PRINT_PAIRS },
    { "secondary", SB_STMT_PRINT_SECONDARIES },
    { "secondary database", SB_STMT_PRINT_SECONDARY_DBS },
    { "job", SB_STMT_PRINT_JOBS },
};

static bool
print_instance (struct sb_inst *i, struct sb_buf *out)
{
    struct sb_answer a;

    for (size_t p = 0; p < sizeof prints / sizeof *prints; p++) {
        if (!sb_must_ask (i, &a, "the catalogue cannot be read", prints[p].stmt))
            return false;
        for (size_t n = 0; n < a.rows.count && n < LINES_MAX; n++) {
            sb_buf_printf (out, "%s: %s:", i->name, prints[p].name);
            for (size_t k = 0; k < a.rows.ncolumns; k++)
                sb_buf_printf (out, "%s%s", k > 0 ? " | " : " ", a.rows.cells[n][k] != NULL ? a.rows.cells[n][k] : "-");
            sb_buf_char (out, '\n');
        }
    }
    return true;
}

/* The line [at, at + len) stands in the text as a whole line. */
static bool
has_line (const char *text, const char *at, size_t len)
{
    for (const char *p = text; *p != '\0'; p += strcspn (p, "\n"), p += *p == '\n')
        if (strcspn (p, "\n") == len && strncmp (p, at, len) == 0)
            return true;
    return false;
}

/* Lines of `a` that `b` lacks, each with a sign. */
static void
add_missing (struct sb_buf *out, const char *a, const char *b, char sign, size_t *count)
{
    for (const char *p = a; *p != '\0'; p += strcspn (p, "\n"), p += *p == '\n') {
        size_t len = strcspn (p, "\n");

        if (has_line (b, p, len) || ++*count > DIFFERS_MAX)
            continue;
        sb_buf_printf (out, "\n%c %.*s", sign, (int) len, p);
    }
}

static enum sb_rc
compare (struct sb_ms *ms, const char *was, const char *now)
{
    struct sb_buf differs SB_CLEANUP (sb_buf_free) = { 0 };
    size_t count = 0;

    if (strcmp (was, now) == 0)
        return SB_OK;
    add_missing (&differs, was, now, '-', &count);
    add_missing (&differs, now, was, '+', &count);
    if (count == 0)
        return SB_OK;
    return sb_ms_fail (ms, SB_FAIL, "%zu line%s of what stands on the instances of '%s' changed:%s", count,
                       count == 1 ? "" : "s", ms->db, sb_buf_cstr (&differs));
}

enum sb_rc
sb_run_fingerprint (struct sb_ms *ms)
{
    static const char *const labels[] = { "primary", "mirror", "backup", "backup mirror" };
    const char *was = sb_param (ms->call, "was"), *instance;
    struct sb_buf lines SB_CLEANUP (sb_buf_free) = { 0 };
    char digest[SB_SHA256_HEX];
    struct sb_sha256 sum;
    struct sb_inst i;

    for (size_t n = 0; n < 4; n++)
        if ((instance = sb_ms_attr (ms, labels[n])) != NULL
            && (!sb_ms_open (ms, instance, &i) || !print_instance (&i, &lines)))
            return ms->rc;
    sb_sha256_init (&sum);
    sb_sha256_add (&sum, sb_buf_cstr (&lines), lines.len);
    sb_sha256_hex (&sum, digest);
    sb_result (ms->call, "digest", digest);
    sb_result (ms->call, "lines", sb_buf_cstr (&lines));
    return was == NULL || *was == '\0' ? SB_OK : compare (ms, was, sb_buf_cstr (&lines));
}
