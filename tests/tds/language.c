/* What needs neither socket nor world: tokens, expressions in SQLite's words,
 * conversions, LIKE, date-times, bytes of values, the message catalogue, the login. */
#include "tests/lib/tap.h"

#include "lab/tds/func.h"
#include "lab/tds/login.h"
#include "lab/tds/messages.h"
#include "lab/tds/sql.h"

#include <stdlib.h>
#include <string.h>

static struct sb_arena arena;
static struct sb_sql_vars vars;

static struct sb_sql_cursor
cursor_of (const char *text)
{
    struct sb_sql_lexed l;
    struct sb_sql_cursor c = { .arena = &arena, .vars = &vars };

    sb_sql_lex (&arena, text, strlen (text), true, &l);
    c.tok = l.tokens;
    c.end = l.count;
    if (l.error != 0)
        sb_sql_fail (&c, l.error, l.error_text);
    return c;
}

/* The number that reading an expression ends with; 0: it is one, whole. */
static int
problem (const char *text)
{
    struct sb_sql_cursor c = cursor_of (text);

    if (c.fail.number == 0)
        sb_sql_parse_expr (&c, NULL);
    return c.fail.number != 0 ? c.fail.number : c.at < c.end ? -1 : 0;
}

static void
test_tokens (void)
{
    struct sb_sql_lexed l;
    const char *text = "-- one\nN'it''s' /* a /* b */ c */ [x]]y] @v @@w 1.5e3 0xFF <= \"q\"";

    sb_sql_lex (&arena, text, strlen (text), true, &l);
    CU_ASSERT_FATAL (l.error == 0 && l.count == 8);
    CU_ASSERT (l.tokens[0].kind == SB_TOK_STRING && l.tokens[0].national && strcmp (l.tokens[0].text, "it's") == 0);
    CU_ASSERT (l.tokens[0].line == 2);
    CU_ASSERT (l.tokens[1].kind == SB_TOK_NAME && strcmp (l.tokens[1].text, "x]y") == 0);
    CU_ASSERT (l.tokens[2].kind == SB_TOK_VAR && strcmp (l.tokens[2].text, "v") == 0);
    CU_ASSERT (l.tokens[3].kind == SB_TOK_SYSVAR);
    CU_ASSERT (l.tokens[4].kind == SB_TOK_NUMBER && l.tokens[5].kind == SB_TOK_HEX);
    CU_ASSERT (l.tokens[6].kind == SB_TOK_OP && strcmp (l.tokens[6].text, "<=") == 0);
    CU_ASSERT (l.tokens[7].kind == SB_TOK_NAME);
    sb_sql_lex (&arena, "\"q\"", 3, false, &l);
    CU_ASSERT (l.count == 1 && l.tokens[0].kind == SB_TOK_STRING);
    sb_sql_lex (&arena, "'open", 5, true, &l);
    CU_ASSERT (l.error == 105);
    sb_sql_lex (&arena, "/* /* */", 8, true, &l);
    CU_ASSERT (l.error == 113);
}

static void
test_refusals (void)
{
    char deep[1024];

    CU_ASSERT (problem ("1 + 2 * (3 - 4)") == 0);
    CU_ASSERT (problem ("CASE WHEN 1 = 1 AND NOT (2 > 3 OR 'a' LIKE 'b') THEN N'x' ELSE NULL END") == 0);
    CU_ASSERT (problem ("CAST (5 AS nvarchar(10)) + CONVERT (varchar(33), 6, 126)") == 0);
    CU_ASSERT (problem ("1 +") == 102);
    CU_ASSERT (problem ("(1") == 102);
    CU_ASSERT (problem ("FROM") == 156);
    CU_ASSERT (problem ("nosuch (1)") == 195);
    CU_ASSERT (problem ("LEN ()") == 174);
    CU_ASSERT (problem ("CAST (1 AS nosuch)") == 243);
    CU_ASSERT (problem ("@nosuch") == 137);
    CU_ASSERT (problem ("CASE WHEN 1 THEN 2 END") == 4145);
    memset (deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    CU_ASSERT (problem (deep) == 191);
}

static int
like (const char *s, const char *pattern)
{
    return sb_sql_like (s, strlen (s), pattern, strlen (pattern), 0);
}

static void
test_like (void)
{
    CU_ASSERT (like ("SQLAgent - x", "sqlagent%"));
    CU_ASSERT (like ("abc", "a_c"));
    CU_ASSERT (like ("abc", "[a-c]bc"));
    CU_ASSERT (!like ("abc", "[^a-c]bc"));
    CU_ASSERT (like ("a%b", "a[%]b"));
    CU_ASSERT (!like ("abc", "ab"));
    CU_ASSERT (like ("", "%"));
    CU_ASSERT (like ("aXbXc", "%x%x%"));
    CU_ASSERT (like ("äb", "_b"));
    CU_ASSERT (sb_sql_like ("a_b", 3, "a!_b", 4, '!'));
    CU_ASSERT (!sb_sql_like ("axb", 3, "a!_b", 4, '!'));
}

/* The number of a conversion's message, or 0 and the text it gives. */
static int
converted (const char *from, const char *type, int style, const char *expected)
{
    struct sb_sql_value v = sb_sql_text (from), to;
    struct sb_sql_type t, text = SB_SQL_TYPE (SB_SQL_NVARCHAR, 100);
    int number;

    CU_ASSERT_FATAL (sb_sql_type_parse (type, &t));
    number = sb_sql_convert (&v, &t, style, &to);
    if (number == 0 && expected != NULL) {
        struct sb_sql_value shown;
        CU_ASSERT (sb_sql_convert (&to, &text, -1, &shown) == 0);
        CU_ASSERT (shown.tag == SB_SQL_TEXT && strcmp (shown.s, expected) == 0);
        sb_sql_value_free (&shown);
    }
    sb_sql_value_free (&to);
    return number;
}

static void
test_conversions (void)
{
    CU_ASSERT (converted (" 42 ", "int", 0, "42") == 0);
    CU_ASSERT (converted ("x", "int", 0, NULL) == 245);
    CU_ASSERT (converted ("3000000000", "int", 0, NULL) == 8115);
    CU_ASSERT (converted ("39000000172000001", "numeric(25,0)", 0, "39000000172000001") == 0);
    CU_ASSERT (converted ("9999999999999999999999999", "numeric(25,0)", 0, "9999999999999999999999999") == 0);
    CU_ASSERT (converted ("2026-02-03T04:05:06.789", "datetime", 0, "2026-02-03 04:05:06.789") == 0);
    CU_ASSERT (converted ("20260203", "datetime", 0, "2026-02-03 00:00:00.000") == 0);
    CU_ASSERT (converted ("tomorrow", "datetime", 0, NULL) == 241);
    CU_ASSERT (converted ("6f9619ff-8b86-d011-b42d-00c04fc964ff", "uniqueidentifier", 0,
                          "6F9619FF-8B86-D011-B42D-00C04FC964FF")
               == 0);
    CU_ASSERT (converted ("no", "uniqueidentifier", 0, NULL) == 8169);
    CU_ASSERT (converted ("2026-02-03 04:05:06.789", "varchar(33)", 126, "2026-02-03T04:05:06.789") == 0);
    CU_ASSERT (converted ("2026-02-03 04:05:06.789", "varchar(33)", 120, "2026-02-03 04:05:06") == 0);
    CU_ASSERT (converted ("2026-02-03 14:05:06.789", "varchar(33)", 0, "Feb  3 2026  2:05PM") == 0);
    CU_ASSERT (converted ("abcdef", "nvarchar(3)", 0, "abc") == 0);
}

static int
encodes (const char *type, struct sb_sql_value v, const char *bytes, size_t n)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    struct sb_sql_type t;

    sb_sql_type_parse (type, &t);
    sb_sql_encode (&t, &v, &b);
    return b.len == n && memcmp (b.s, bytes, n) == 0;
}

static void
test_bytes (void)
{
    CU_ASSERT (encodes ("int", sb_sql_int (-2), "\x04\xfe\xff\xff\xff", 5));
    CU_ASSERT (encodes ("int", sb_sql_null (), "\x00", 1));
    CU_ASSERT (encodes ("bit", sb_sql_int (7), "\x01\x01", 2));
    CU_ASSERT (encodes ("nvarchar(2)", sb_sql_text ("ab\xc3\xa4"),
                        "\x04\x00"
                        "a\0b\0",
                        6));
    CU_ASSERT (encodes ("nvarchar(2)", sb_sql_null (), "\xff\xff", 2));
    CU_ASSERT (encodes ("varchar(5)", sb_sql_text ("\xc3\xa4\xe6\x97\xa5"), "\x02\x00\xe4?", 4));
    CU_ASSERT (encodes ("datetime", sb_sql_text ("1900-01-02 00:00:01.000"), "\x08\x01\0\0\0\x2c\x01\0\0", 9));
    CU_ASSERT (encodes ("numeric(25,0)", sb_sql_int (-1), "\x0d\x00\x01\0\0\0\0\0\0\0\0\0\0\0", 14));
    CU_ASSERT (encodes ("uniqueidentifier", sb_sql_text ("00112233-4455-6677-8899-AABBCCDDEEFF"),
                        "\x10\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 17));
    CU_ASSERT (encodes ("nvarchar(max)", sb_sql_text ("a"), "\x02\0\0\0\0\0\0\0\x02\0\0\0a\0\0\0\0\0", 18));
}

static void
test_dates (void)
{
    int y, m, d;

    for (int64_t days = -53000; days < 100000; days += 97) {
        sb_sql_civil (days, &y, &m, &d);
        if (sb_sql_days (y, m, d) != days)
            CU_FAIL ("a day is not found again");
    }
    CU_ASSERT (sb_sql_days (1900, 1, 1) == 0);
    CU_ASSERT (sb_sql_days (1970, 1, 1) == 25567);
}

static void
test_catalogue (void)
{
    const struct sb_sql_message *m;
    int before = 0;
    size_t n = 0;

    for (; (m = sb_sql_message_at (n)) != NULL; n++) {
        if (m->number <= before)
            CU_FAIL ("the catalogue is not in order");
        before = m->number;
        CU_ASSERT (m->severity >= 10 && m->severity <= 25);
        CU_ASSERT (m->text[0] != 0);
        CU_ASSERT (sb_sql_message_find (m->number) == m);
    }
    CU_ASSERT (n > 300);
    CU_ASSERT (sb_sql_message_find (4) == NULL);
}

static void
test_agreement (void)
{
    static const struct {
        uint8_t client;
        enum sb_tds_policy policy;
        uint8_t answer;
        int tls, login_only, refuse;
    } rows[] = {
        { 0, SB_TDS_TLS_NONE, 2, 0, 0, 0 },     { 0, SB_TDS_TLS_OPTIONAL, 0, 1, 1, 0 },
        { 0, SB_TDS_TLS_FORCED, 3, 1, 0, 0 },   { 1, SB_TDS_TLS_NONE, 2, 0, 0, 0 },
        { 1, SB_TDS_TLS_OPTIONAL, 1, 1, 0, 0 }, { 1, SB_TDS_TLS_FORCED, 1, 1, 0, 0 },
        { 2, SB_TDS_TLS_NONE, 2, 0, 0, 0 },     { 2, SB_TDS_TLS_OPTIONAL, 2, 0, 0, 0 },
        { 2, SB_TDS_TLS_FORCED, 3, 0, 0, 1 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sb_tds_agreement a = sb_tds_agree (rows[i].client, rows[i].policy);
        CU_ASSERT (a.answer == rows[i].answer && a.tls == rows[i].tls && a.login_only == rows[i].login_only
                   && a.refuse == rows[i].refuse);
    }
}

static void
test_login (void)
{
    uint8_t b[200] = { 0 };
    struct sb_tds_login l;

    b[0] = 100; /* length */
    b[7] = 0x74;
    b[4] = 4;
    b[27] = 0x10;   /* an extension is announced, with length 0: tedious */
    b[36 + 8] = 94; /* password: one character, scrambled */
    b[36 + 10] = 1;
    b[94] = (uint8_t) (('p' << 4 | 'p' >> 4) ^ 0xa5);
    b[95] = 0xa5;
    CU_ASSERT_FATAL (sb_tds_login_parse (b, 100, &l));
    CU_ASSERT (l.tds == 0x74 && strcmp (l.password, "p") == 0 && l.user[0] == 0 && !l.wants_utf8);
    sb_tds_login_release (&l);
    b[36 + 8] = 99; /* now it leaves the message */
    CU_ASSERT (!sb_tds_login_parse (b, 100, &l));
    CU_ASSERT (!sb_tds_login_parse (b, 20, &l));
}

static const struct sb_tap_test tests[] = {
    { "texts, names, numbers and comments are told apart, with their lines", test_tokens },
    { "what is no expression is refused with the server's own number", test_refusals },
    { "LIKE knows sets, ignores case and never runs away", test_like },
    { "values are converted as CAST does it, or refused with its number", test_conversions },
    { "values lie on the wire as the protocol says", test_bytes },
    { "days are counted from 1900 without a gap", test_dates },
    { "the catalogue has one row a number, in order", test_catalogue },
    { "client and policy agree on encryption as the table says", test_agreement },
    { "a login is decoded, and refused when it points outside itself", test_login },
    { NULL, NULL },
};

int
main (void)
{
    int ret = sb_tap_run ("TDS door, language", tests);

    sb_arena_release (&arena);
    return ret;
}
