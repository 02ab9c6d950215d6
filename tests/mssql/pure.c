/* The pure parts of the plugin 'mssql': quoting, statements, LSNs, the chain of
 * log backups, the table of messages, targets.  Nothing is connected to. */
#include "core/base/mem.h"
#include "plugins/mssql/answer.h"
#include "plugins/mssql/chain.h"
#include "plugins/mssql/lsn.h"
#include "plugins/mssql/messages.h"
#include "plugins/mssql/quote.h"
#include "plugins/mssql/statements.h"
#include "plugins/mssql/target.h"
#include "tests/lib/tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ quoting */

static void
check_ident (const char *name, const char *expected)
{
    struct sb_buf b = { 0 };
    bool good = sb_quote_ident (&b, name);

    CU_ASSERT_EQUAL (good, expected != NULL);
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&b), expected != NULL ? expected : "");
    sb_buf_free (&b);
}

static void
identifiers (void)
{
    char long_name[132];

    check_ident ("mgc", "[mgc]");
    check_ident ("odd]name", "[odd]]name]");
    check_ident ("a'b\"c", "[a'b\"c]");
    check_ident ("plaud\xc3\xa4rn \xf0\x9f\x98\x80", "[plaud\xc3\xa4rn \xf0\x9f\x98\x80]");
    check_ident ("", NULL);
    check_ident (NULL, NULL);
    check_ident ("two\nlines", NULL);
    check_ident ("latin \xe4", NULL);
    memset (long_name, 'x', 129);
    long_name[129] = '\0';
    check_ident (long_name, NULL);
    long_name[128] = '\0';
    memset (long_name, ']', 128);
    struct sb_buf b = { 0 };
    CU_ASSERT_TRUE (sb_quote_ident (&b, long_name));
    CU_ASSERT_EQUAL (b.len, 258);
    sb_buf_free (&b);
}

static void
check_literal (const char *text, const char *expected)
{
    struct sb_buf b = { 0 };
    bool good = sb_quote_literal (&b, text);

    CU_ASSERT_EQUAL (good, expected != NULL);
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&b), expected != NULL ? expected : "");
    sb_buf_free (&b);
}

static void
literals (void)
{
    check_literal ("x'; DROP DATABASE y --", "N'x''; DROP DATABASE y --'");
    check_literal ("\\\\fs\\My Share\\\xc3\xbc", "N'\\\\fs\\My Share\\\xc3\xbc'");
    check_literal ("", "N''");
    check_literal (NULL, "NULL");
    check_literal ("tab\there", NULL);
    check_literal ("\xff", NULL);
}

static bool
fill (struct sb_buf *out, const char **bad, enum sb_stmt id, ...)
{
    va_list args;
    bool good;

    va_start (args, id);
    good = sb_stmt_fill (out, id, args, bad);
    va_end (args);
    return good;
}

static void
statements (void)
{
    struct sb_buf b = { 0 };
    const char *bad = NULL;

    CU_ASSERT_TRUE (fill (&b, &bad, SB_STMT_RESTORE_LOG, "we]ird'", "D:\\it's.trn", (int64_t) 2));
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&b),
                            "RESTORE LOG [we]]ird'] FROM DISK = N'D:\\it''s.trn' WITH FILE = 2, NORECOVERY, STATS = 5");
    sb_buf_clear (&b);
    CU_ASSERT_TRUE (fill (&b, &bad, SB_STMT_AGENT));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&b), "LIKE N'SQLAgent%'"));
    sb_buf_clear (&b);
    CU_ASSERT_TRUE (fill (&b, &bad, SB_STMT_CHAT_FROM, "db", 1, "-7", 1, "-7", 0, "x'y"));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&b), "channelId > -7 OR (channelId = -7 AND chatId > N'x''y')"));
    sb_buf_clear (&b);
    CU_ASSERT_FALSE (fill (&b, &bad, SB_STMT_CHAT_FROM, "db", 1, "1 OR 1=1", 1, "1", 0, "x"));
    CU_ASSERT_STRING_EQUAL (bad, "1 OR 1=1");
    sb_buf_clear (&b);
    CU_ASSERT_FALSE (fill (&b, &bad, SB_STMT_OFFLINE, "two\nlines"));
    CU_ASSERT_STRING_EQUAL (bad, "two\nlines");
    sb_buf_free (&b);
}

static void
every_statement (void)
{
    for (int id = 0; id < SB_STMT_COUNT; id++)
        CU_ASSERT_PTR_NOT_NULL (sb_stmt_name ((enum sb_stmt) id));
    CU_ASSERT_FALSE (sb_stmt_changes (SB_STMT_COPY));
    CU_ASSERT_FALSE (sb_stmt_changes (SB_STMT_VERIFYONLY));
    CU_ASSERT_TRUE (sb_stmt_is_long (SB_STMT_VERIFYONLY));
    CU_ASSERT_TRUE (sb_stmt_changes (SB_STMT_RECOVER));
    CU_ASSERT_FALSE (sb_stmt_is_long (SB_STMT_KILL));
}

/* ------------------------------------------------------------------ LSNs */

static void
lsns (void)
{
    CU_ASSERT_TRUE (sb_lsn_cmp ("39000000172000001", "39000000172000002") < 0);
    CU_ASSERT_TRUE (sb_lsn_cmp ("9", "10") < 0);
    CU_ASSERT_TRUE (sb_lsn_cmp ("0009", "9") == 0);
    CU_ASSERT_TRUE (sb_lsn_cmp ("4294967295000000172000001", "4294967294999999999999999") > 0);
    CU_ASSERT_TRUE (sb_lsn_cmp ("", "0") < 0);
    CU_ASSERT_TRUE (sb_lsn_cmp (NULL, NULL) == 0);
    CU_ASSERT_FALSE (sb_lsn_valid ("12x"));
    CU_ASSERT_FALSE (sb_lsn_valid ("-1"));
    CU_ASSERT_FALSE (sb_lsn_valid ("12345678901234567890123456"));
    CU_ASSERT_TRUE (sb_lsn_valid ("00000012345678901234567890123"));
    CU_ASSERT_FALSE (sb_lsn_same ("", ""));
    CU_ASSERT_TRUE (sb_lsn_same ("17", "017"));
}

/* ------------------------------------------------------------------ the chain */

#define F1 "11111111-0000-0000-0000-000000000000"
#define F2 "22222222-0000-0000-0000-000000000000"
#define LOG(f, l) \
    .path = f "-" l, .database = "mgc", .family = "fam", .fork = F1, .first_fork = F1, .first = f, .last = l, .type = 2
#define VERDICTS 8

static void
check_chain (const struct sb_set *sets, size_t count, const char *lsn, const char *order, const char *end,
             const enum sb_chain_verdict *verdicts)
{
    const struct sb_point point = { .database = "MGC", .family = "FAM", .lsn = lsn, .fork = F1 };
    struct sb_arena arena = { 0 };
    struct sb_chain chain;
    struct sb_buf got = { 0 };

    sb_chain_decide (&arena, sets, count, &point, &chain);
    for (size_t i = 0; i < chain.count; i++)
        sb_buf_printf (&got, "%zu", chain.order[i]);
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&got), order);
    CU_ASSERT_STRING_EQUAL (chain.end, end);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL (chain.verdicts[i], verdicts[i]);
        if (chain.verdicts[i] != verdicts[i])
            printf ("# set %zu: %s, expected %s\n", i, sb_chain_word (chain.verdicts[i]), sb_chain_word (verdicts[i]));
    }
    sb_buf_free (&got);
    sb_arena_release (&arena);
}

static void
chain_by_lsn (void)
{
    const struct sb_set sets[] = {
        { LOG ("30", "40") }, { LOG ("10", "20") }, { LOG ("20", "30") }, { LOG ("5", "10") }
    };
    const enum sb_chain_verdict v[] = { SB_CHAIN_APPLY, SB_CHAIN_APPLY, SB_CHAIN_APPLY, SB_CHAIN_APPLIED };

    check_chain (sets, 4, "10", "120", "40", v);
}

static void
chain_boundaries (void)
{
    const struct sb_set sets[] = { { LOG ("10", "20") }, { LOG ("12", "25") }, { LOG ("20", "20") } };
    const enum sb_chain_verdict v[] = { SB_CHAIN_DOUBLE, SB_CHAIN_APPLY, SB_CHAIN_DOUBLE };
    const enum sb_chain_verdict all[] = { SB_CHAIN_APPLIED, SB_CHAIN_APPLIED, SB_CHAIN_APPLIED };

    check_chain (sets, 3, "15", "1", "25", v);
    check_chain (sets, 3, "25", "", "25", all);
}

static void
chain_gap (void)
{
    const struct sb_set sets[] = { { LOG ("10", "20") }, { LOG ("30", "40") }, { LOG ("40", "50") } };
    const enum sb_chain_verdict v[] = { SB_CHAIN_APPLY, SB_CHAIN_GAP, SB_CHAIN_GAP };
    const struct sb_point point = { .database = "mgc", .lsn = "10" };
    struct sb_arena arena = { 0 };
    struct sb_chain chain;

    check_chain (sets, 3, "10", "0", "20", v);
    sb_chain_decide (&arena, sets, 3, &point, &chain);
    CU_ASSERT_STRING_EQUAL (chain.gap_from, "20");
    CU_ASSERT_STRING_EQUAL (chain.gap_to, "30");
    sb_arena_release (&arena);
}

static void
chain_damaged (void)
{
    struct sb_set sets[] = { { LOG ("10", "20") }, { LOG ("20", "30") }, { LOG ("30", "40") } };
    const enum sb_chain_verdict middle[] = { SB_CHAIN_APPLY, SB_CHAIN_DAMAGED, SB_CHAIN_GAP };
    const enum sb_chain_verdict unread[] = { SB_CHAIN_APPLY, SB_CHAIN_UNREADABLE, SB_CHAIN_GAP };

    sets[1].damaged = true;
    check_chain (sets, 3, "10", "0", "20", middle);
    sets[1] = (struct sb_set){ .path = "mgc_x.trn", .trouble = "cut off" };
    check_chain (sets, 3, "10", "0", "20", unread);
}

static void
chain_damaged_twin (void)
{
    struct sb_set sets[] = { { LOG ("10", "30") }, { LOG ("10", "20") }, { LOG ("20", "30") } };
    const enum sb_chain_verdict v[] = { SB_CHAIN_DOUBLE, SB_CHAIN_APPLY, SB_CHAIN_APPLY };

    sets[0].damaged = true;
    check_chain (sets, 3, "10", "12", "30", v);
}

static void
chain_strangers (void)
{
    struct sb_set sets[] = { { LOG ("10", "20") }, { LOG ("10", "20") }, { LOG ("10", "20") }, { LOG ("10", "x") } };
    const enum sb_chain_verdict v[] = { SB_CHAIN_FOREIGN, SB_CHAIN_FOREIGN, SB_CHAIN_NOT_LOG, SB_CHAIN_UNREADABLE };

    sets[0].database = "mgccomp";
    sets[1].family = "another";
    sets[2].type = 1;
    check_chain (sets, 4, "10", "", "10", v);
}

/* At 20 the other site was recovered: fork 2 begins there. */
static void
chain_forks (void)
{
    struct sb_set sets[] = { { LOG ("10", "20") }, { LOG ("20", "30") }, { LOG ("15", "40") }, { LOG ("40", "50") } };
    const enum sb_chain_verdict new_line[] = { SB_CHAIN_DOUBLE, SB_CHAIN_OTHER_FORK, SB_CHAIN_APPLY, SB_CHAIN_APPLY };
    const enum sb_chain_verdict old_line[] = { SB_CHAIN_APPLIED, SB_CHAIN_APPLY, SB_CHAIN_OTHER_FORK,
                                               SB_CHAIN_OTHER_FORK };

    sets[2].fork = F2;
    sets[2].fork_point = "20";
    sets[3].fork = sets[3].first_fork = F2;
    check_chain (sets, 4, "15", "23", "50", new_line); /* reaches farther than staying on fork 1 */
    check_chain (sets, 4, "25", "1", "30", old_line);  /* beyond the fork point there is no way over */
}

/* A copy frozen at 20 becomes the secondary of the one that was recovered there: its log begins at 20, on its own fork. */
static void
chain_new_fork_here (void)
{
    struct sb_set sets[] = { { LOG ("20", "30") }, { LOG ("30", "40") }, { LOG ("15", "25") } };
    const enum sb_chain_verdict v[] = { SB_CHAIN_APPLY, SB_CHAIN_APPLY, SB_CHAIN_OTHER_FORK };

    sets[0].fork = sets[0].first_fork = sets[1].fork = sets[1].first_fork = F2;
    check_chain (sets, 3, "20", "01", "40", v);
}

static void
chain_tail (void)
{
    struct sb_set sets[] = { { LOG ("10", "20") }, { LOG ("10", "20") } };
    const enum sb_chain_verdict v[] = { SB_CHAIN_DOUBLE, SB_CHAIN_APPLY };

    sets[1].tail = true;
    check_chain (sets, 2, "10", "1", "20", v);
}

/* ------------------------------------------------------------------ messages, answers */

static void
message_table (void)
{
    int last = 0;

    for (int number = 1; number < 40000; number++) {
        const struct sb_msg_note *n = sb_msg_note (number);

        if (n == NULL)
            continue;
        CU_ASSERT_EQUAL (n->number, number); /* found by bisection: so the table ascends */
        CU_ASSERT_TRUE (n->hint == NULL || n->hint[strlen (n->hint) - 1] == '.');
        CU_ASSERT_TRUE (n->sentence == NULL || n->sentence[strlen (n->sentence) - 1] != '.');
        CU_ASSERT_TRUE (n->class != SB_MSG_FILE || n->sentence != NULL);
        last = number;
    }
    CU_ASSERT_TRUE (last > 32000);
    CU_ASSERT_EQUAL (sb_msg_class (4326), SB_MSG_ALREADY);
    CU_ASSERT_EQUAL (sb_msg_class (4305), SB_MSG_FAIL);
    CU_ASSERT_EQUAL (sb_msg_class (3101), SB_MSG_BUSY);
    CU_ASSERT_EQUAL (sb_msg_class (3254), SB_MSG_FILE);
    CU_ASSERT_EQUAL (sb_msg_class (1421), SB_MSG_UNSURE);
    CU_ASSERT_EQUAL (sb_msg_class (99999), SB_MSG_FAIL);
}

static void
cause_of_failure (void)
{
    struct sb_msg msgs[] = { { .number = 3211, .severity = 0 },
                             { .number = 3119, .severity = 16 },
                             { .number = 4305, .severity = 16 },
                             { .number = 3013, .severity = 16 } };
    struct sb_answer a = { .end = SB_END_ERROR, .msgs = msgs, .nmsgs = 4 };

    CU_ASSERT_EQUAL (sb_answer_cause (&a)->number, 4305);
    msgs[2].number = 3013;
    CU_ASSERT_EQUAL (sb_answer_cause (&a)->number, 3013);
    a.nmsgs = 1;
    CU_ASSERT_PTR_NULL (sb_answer_cause (&a));
    CU_ASSERT_TRUE (sb_answer_has (&a, 3211));
}

static void
rows_by_name (void)
{
    const char *columns[] = { "LastLSN", "Position" }, *cells[] = { NULL, "3" };
    bool numbers[] = { true, true };
    const char **rows[] = { cells };
    struct sb_rows r = { .columns = columns, .numbers = numbers, .ncolumns = 2, .cells = rows, .count = 1 };

    CU_ASSERT_PTR_NULL (sb_rows_get (&r, 0, "lastlsn"));
    CU_ASSERT_EQUAL (sb_rows_int (&r, 0, "position", 7), 3);
    CU_ASSERT_EQUAL (sb_rows_int (&r, 0, "nothing", 7), 7);
    CU_ASSERT_EQUAL (sb_rows_int (&r, 1, "position", 7), 7);
    CU_ASSERT_TRUE (sb_rows_is_number (&r, "POSITION"));
}

/* ------------------------------------------------------------------ targets */

static void
target_words (void)
{
    CU_ASSERT_TRUE (sb_target_is_word ("north-sql1.example.net"));
    CU_ASSERT_TRUE (sb_target_is_word ("::1"));
    CU_ASSERT_FALSE (sb_target_is_word ("two words"));
    CU_ASSERT_FALSE (sb_target_is_word ("a#b"));
    CU_ASSERT_FALSE (sb_target_is_word ("a;b"));
    CU_ASSERT_FALSE (sb_target_is_word ("a\nencryption = off"));
    CU_ASSERT_FALSE (sb_target_is_word (""));
    CU_ASSERT_FALSE (sb_target_is_word (NULL));
}

static void
target_file (void)
{
    struct sb_target t = {
        .instance = "x", .host = "h.example.net", .login_ms = 2500, .secret = "topsecret", .user = "me"
    };
    struct sb_buf b = { 0 };

    sb_target_conf (&t, 1433, "/tmp/ca.pem", &b);
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&b), "encryption = require\n"));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&b), "ca file = /tmp/ca.pem\n"));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&b), "check certificate hostname = yes\n"));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&b), "connect timeout = 3\n"));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&b), "tds version = 7.4\n"));
    CU_ASSERT_PTR_NULL (strstr (sb_buf_cstr (&b), "topsecret"));
    sb_buf_clear (&b);
    t.tls = SB_TLS_TRUST;
    sb_target_conf (&t, 1433, NULL, &b);
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&b), "encryption = require\n"));
    CU_ASSERT_PTR_NULL (strstr (sb_buf_cstr (&b), "ca file"));
    sb_buf_clear (&b);
    t.tls = SB_TLS_OFF;
    sb_target_conf (&t, 1433, NULL, &b);
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&b), "encryption = off\n"));
    t.fqdn = "sql.example.net";
    sb_buf_clear (&b);
    sb_target_conf (&t, 1433, NULL, &b);
    CU_ASSERT_PTR_NULL (strstr (sb_buf_cstr (&b), "spn")); /* a password needs no ticket */
    t.user = NULL;
    sb_buf_clear (&b);
    sb_target_conf (&t, 50123, NULL, &b);
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&b), "\tspn = MSSQLSvc/sql.example.net:50123\n"));
    sb_buf_free (&b);
}

static void
ca_files (void)
{
    static const char good[] =
            "comment\n-----BEGIN CERTIFICATE-----\n"
            "MIIBszCCAVmgAwIBAgIUQ0xEQ0xEQ0xEQ0xEQ0xEQ0xEQ0xEQ0xEMAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBHRlc3QwHhcN\n"
            "-----END CERTIFICATE-----\n";
    static const char cut[] = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU";
    static const char key[] = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
    const char *why = NULL;

    CU_ASSERT_TRUE (sb_target_ca_ok (good, strlen (good), &why));
    CU_ASSERT_FALSE (sb_target_ca_ok (cut, strlen (cut), &why));
    CU_ASSERT_STRING_EQUAL (why, "a certificate in it is cut off or garbled");
    CU_ASSERT_FALSE (sb_target_ca_ok (key, strlen (key), &why));
    CU_ASSERT_STRING_EQUAL (why, "it holds no certificate (PEM)");
    CU_ASSERT_FALSE (sb_target_ca_ok ("a\0b", 3, &why));
    CU_ASSERT_STRING_EQUAL (why, "it is not a text file");
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "identifiers are bracketed, ] doubled, odd words refused", identifiers },
        { "literals are national, ' doubled, odd words refused", literals },
        { "holes of statements take nothing unquoted", statements },
        { "every statement has a name and a kind", every_statement },
        { "LSNs of 25 digits are compared as numbers", lsns },
        { "logs are applied by LSN, not by order of files", chain_by_lsn },
        { "a log applies when it begins at or before the point and ends after it", chain_boundaries },
        { "a gap stops the chain and is named", chain_gap },
        { "a damaged or unreadable log is not applied, what follows is behind a gap", chain_damaged },
        { "a damaged log is replaced by others that cover the same stretch", chain_damaged_twin },
        { "full backups, other databases and other families are left alone", chain_strangers },
        { "a fork is followed from before its point, never from beyond it", chain_forks },
        { "a fork that begins where the copy stands is followed", chain_new_fork_here },
        { "of two equal logs the tail is taken", chain_tail },
        { "the table of messages ascends, and its classes are the known ones", message_table },
        { "the first error that is no trailer is the cause", cause_of_failure },
        { "cells are read by column name", rows_by_name },
        { "words that FreeTDS would mangle are refused", target_words },
        { "the connection file asks for checked TLS and holds no secret", target_file },
        { "CA files are looked at before they are used", ca_files },
        { NULL, NULL },
    };

    return sb_tap_run ("mssql", tests);
}
