/* Unit tests of core/base/ini.h: what stock inih would cut, join or drop
 * silently, row by row. */
#include "tests/lib/tap.h"

#include "core/base/buf.h"
#include "core/base/ini.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* What a text was read as: "3 section.key=value;", and its faults. */
static struct sb_buf seen;
static char *faults_text;

static void
note (void *ctx, const char *section, const char *key, const char *value, int line)
{
    (void) ctx;
    if (key)
        sb_buf_printf (&seen, "%d %s.%s=%s|", line, section, key, value);
    else
        sb_buf_printf (&seen, "%d [%s]|", line, section);
}

static void
forget (void)
{
    sb_buf_free (&seen);
    free (faults_text);
    faults_text = NULL;
}

static bool
read_bytes (const char *text, size_t len)
{
    struct sb_faults faults = { 0 };
    bool ok;

    forget ();
    ok = sb_ini_parse ("t.ini", text, len, note, NULL, &faults);
    CU_ASSERT_EQUAL (ok, faults.count == 0);
    faults_text = sb_faults_text (&faults);
    sb_faults_free (&faults);
    return ok;
}

/* Reads `text`; expects exactly `pairs` and faults that contain `fault` ("" for none). */
static void
expect (const char *text, const char *pairs, const char *fault)
{
    read_bytes (text, strlen (text));
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&seen), pairs);
    if (*fault)
        CU_ASSERT_PTR_NOT_NULL (strstr (faults_text, fault))
    else
        CU_ASSERT_STRING_EQUAL (faults_text, "")
    if (*fault && !strstr (faults_text, fault))
        fprintf (stderr, "%s", faults_text);
    forget ();
}

static void
ordinary_files (void)
{
    expect ("; a comment\n# another\n[database mgc]\nplugin = mssql\n\n  ; indented comment\nlog share=logs\r\n[x]\ny=\n",
            "3 [database mgc]|4 database mgc.plugin=mssql|7 database mgc.log share=logs|8 [x]|9 x.y=|", "");
    expect ("", "", "");
    expect ("[a]\nk = no newline at the end", "1 [a]|2 a.k=no newline at the end|", "");
    expect ("k = before any section\n", "1 .k=before any section|", "");
    expect ("\xef\xbb\xbf[a]\nk = v\n", "1 [a]|2 a.k=v|", "");
    expect ("[a]\nx = \\\\fs\\share\ny = a=b:c\n", "1 [a]|2 a.x=\\\\fs\\share|3 a.y=a=b:c|", "");
    expect ("[a]\nk =\ttabs\tinside\t\n", "1 [a]|2 a.k=tabs\tinside|", "");
}

static void
comments_behind_values (void)
{
    expect ("[a] ; about a\nk = v ; comment\nl = v;w\nm = SELECT 1 \\; SELECT 2\nn = ; nothing\no = v # data\n",
            "1 [a]|2 a.k=v|3 a.l=v;w|4 a.m=SELECT 1 ; SELECT 2|5 a.n=|6 a.o=v # data|", "");
}

static void
long_values (void)
{
    struct sb_buf b = { 0 };

    sb_buf_str (&b, "[a]\nk = ");
    for (int i = 0; i < 194; i++)
        sb_buf_char (&b, 'x');
    read_bytes (b.s, b.len);
    CU_ASSERT_EQUAL (seen.len, strlen ("1 [a]|2 a.k=|") + 194);
    CU_ASSERT_STRING_EQUAL (faults_text, "");
    sb_buf_str (&b, "y\nl = 1\n");
    CU_ASSERT_FALSE (read_bytes (b.s, b.len));
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&seen), "1 [a]|3 a.l=1|");
    CU_ASSERT_STRING_EQUAL (faults_text, "t.ini:2: line of 199 bytes; at most 198 are possible\n"
                                         "HINT: Values cannot be continued on a next line; shorten this one.\n");
    forget ();
    sb_buf_free (&b);
}

static void
long_values_whose_rest_looks_like_a_pair (void)
{
    struct sb_buf b = { 0 };

    sb_buf_str (&b, "[a]\nk = ");
    for (int i = 0; i < 40; i++)
        sb_buf_str (&b, "rest = 7");
    sb_buf_str (&b, "\n; a comment of any length ");
    for (int i = 0; i < 40; i++)
        sb_buf_str (&b, "rest = 7");
    CU_ASSERT_FALSE (read_bytes (b.s, b.len));
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&seen), "1 [a]|");
    CU_ASSERT_STRING_EQUAL (faults_text, "t.ini:2: line of 324 bytes; at most 198 are possible\n"
                                         "HINT: Values cannot be continued on a next line; shorten this one.\n");
    forget ();
    sb_buf_free (&b);
}

static void
long_section_names (void)
{
    expect ("[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]\nk = v\n[b]\nl = w\n", "3 [b]|4 b.l=w|",
            "t.ini:1: section name of 50 characters; at most 49 are possible");
    expect ("[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]\n",
            "1 [xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]|", "");
}

static void
long_keys (void)
{
    expect ("[a]\nkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk = v\n",
            "1 [a]|2 a.kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk=v|", "");
}

static void
indented_headers (void)
{
    expect ("[a]\nk = v\n [b]\nl = w\n", "1 [a]|2 a.k=v|", "t.ini:3: indented section header");
}

static void
continuation_lines (void)
{
    expect ("[a]\nk = v\n more\nl = w\n", "1 [a]|2 a.k=v|4 a.l=w|", "t.ini:3: indented line");
    expect ("[a]\nk = v\n\tx = y\n", "1 [a]|2 a.k=v|", "t.ini:3: indented line");
    expect ("[a]\nk = v\n more ; comment\n", "1 [a]|2 a.k=v|", "t.ini:3: indented line");
}

static void
duplicates (void)
{
    expect ("[a]\nk = 1\nk = 2\n[b]\nk = 3\n", "1 [a]|2 a.k=1|4 [b]|5 b.k=3|", "t.ini:3: 'k' is already set in line 2");
    expect ("[a]\n[b]\n[a]\nk = 1\n", "1 [a]|2 [b]|", "t.ini:3: section 'a' is already in line 1");
}

static void
odd_pairs (void)
{
    expect ("[a]\n= value\n", "1 [a]|", "t.ini:2: value without a key");
    expect ("[a]\na:b=c\n", "1 [a]|", "t.ini:2: ':' before '='");
    expect ("[a]\nword\n", "1 [a]|", "t.ini:2: neither a section header nor 'key = value'");
    expect ("[a]\nk ; note = v\n", "1 [a]|", "t.ini:2: comment before '='");
    expect ("[a]\nk\t; note = v\n", "1 [a]|", "t.ini:2: comment before '='");
}

static void
broken_headers (void)
{
    expect ("[a]\nk = 1\n[b\nk = 2\n[c]\nk = 3\n", "1 [a]|2 a.k=1|5 [c]|6 c.k=3|",
            "t.ini:3: section header without ']'");
    expect ("[]\n", "", "t.ini:1: section name is empty");
    expect ("[ a ]\n", "", "t.ini:1: section name is empty or has blanks at its ends");
    expect ("[a] k = v\n", "", "t.ini:1: text after the section header");
    expect ("[a ;b]\n", "", "t.ini:1: semicolon in a section name");
}

static void
odd_bytes (void)
{
    static const char nul[] = "[a]\nk = x\0y\nl = 1\n";

    CU_ASSERT_FALSE (read_bytes (nul, sizeof nul - 1));
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&seen), "1 [a]|"); /* what comes behind it is not text */
    CU_ASSERT_STRING_EQUAL (faults_text,
                            "t.ini:2: NUL byte in the line\n"
                            "HINT: This is no text file, or it is damaged; the rest of it was not read.\n");
    expect ("[a]\nk = \x01\n", "1 [a]|", "t.ini:2: control character in the line");
    expect ("[a]\nk = caf\xe9\n", "1 [a]|", "t.ini:2: line is not UTF-8");
}

static void
all_faults (void)
{
    static const char text[] = "[a]\nword\n[b\n[a]\n= 1\n";

    read_bytes (text, sizeof text - 1);
    CU_ASSERT_PTR_NOT_NULL (strstr (faults_text, "t.ini:2:"));
    CU_ASSERT_PTR_NOT_NULL (strstr (faults_text, "t.ini:3:"));
    CU_ASSERT_PTR_NOT_NULL (strstr (faults_text, "t.ini:4:"));
    CU_ASSERT_PTR_NOT_NULL (strstr (faults_text, "t.ini:5:"));
    forget ();
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "ordinary files are read with the right line numbers", ordinary_files },
        { "a blank and a semicolon start a comment, \\; is a semicolon", comments_behind_values },
        { "a line longer than inih's buffer is refused, not cut", long_values },
        { "the rest of a long line never becomes a pair, a long comment is fine",
          long_values_whose_rest_looks_like_a_pair },
        { "a section name of 50 characters is refused, and so are its keys", long_section_names },
        { "a key of 60 characters comes whole", long_keys },
        { "an indented header is not taken for a continued value", indented_headers },
        { "continuation lines are refused", continuation_lines },
        { "a key or section that appears twice is told with both lines", duplicates },
        { "pairs without key or with a colon are refused", odd_pairs },
        { "keys after a broken header fall into no section", broken_headers },
        { "NUL, control characters and other encodings are refused", odd_bytes },
        { "every fault of a file is collected", all_faults },
        { NULL, NULL },
    };

    return sb_tap_run ("ini", tests);
}
