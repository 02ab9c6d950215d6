/* The small language of texts: pieces, alternatives, selections, sb_expand(). */
#include "core/model/expr.h"
#include "core/model/plan.h"
#include "tests/lib/tap.h"
#include "tests/model/cases.h"

#include <stdlib.h>
#include <string.h>

/* "run.id" -> "r1", "steps.a[x.y].k" -> "v|}", "empty" -> "", everything else is not there. */
static const char *
lookup (void *ctx, const char *reference)
{
    size_t *calls = ctx;

    ++*calls;
    if (strcmp (reference, "run.id") == 0)
        return "r1";
    if (strcmp (reference, "steps.a[x.}|y].k") == 0)
        return "v|}";
    return strcmp (reference, "empty") == 0 ? "" : NULL;
}

static void
expands_to (const char *text, const char *expected)
{
    size_t calls = 0;
    SB_AUTOFREE char *got = sb_expand (text, lookup, &calls);

    sb_same_text (expected, got);
}

static void
test_plain (void)
{
    expands_to ("", "");
    expands_to ("no reference, 5$ and {braces}", "no reference, 5$ and {braces}");
    expands_to ("a ${run.id} b ${ run.id }", "a r1 b r1");
}

static void
test_alternatives (void)
{
    expands_to ("${nothing}", "");
    expands_to ("${nothing | empty | run.id | \"never\"}", "r1");
    expands_to ("${nothing | \"said | } \\\"so\\\"\"}!", "said | } \"so\"!");
}

static void
test_items (void)
{
    expands_to ("${steps.a[x.}|y].k}", "v|}");
}

static void
test_escape (void)
{
    expands_to ("$${run.id}", "${run.id}");
    expands_to ("c${\"$\"}${run.id}", "c$r1");
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    sb_escape_text (&b, "C:\\${run.id}$");
    expands_to (sb_buf_cstr (&b), "C:\\${run.id}$");
    sb_buf_clear (&b);
    sb_buf_str (&b, "${nothing | ");
    sb_quote_literal (&b, "we]ird'db \"x\\");
    sb_buf_str (&b, "}");
    expands_to (sb_buf_cstr (&b), "we]ird'db \"x\\");
}

static void
test_lazy (void)
{
    size_t calls = 0;
    SB_AUTOFREE char *got = sb_expand ("${run.id | nothing | nothing}", lookup, &calls);

    CU_ASSERT_STRING_EQUAL (got, "r1");
    CU_ASSERT_EQUAL (calls, 1);
}

static void
test_hostile (void)
{
    expands_to ("${", "${");
    expands_to ("${${${", "${${${");
    expands_to ("x${\"open", "x${\"open");
    expands_to ("${|||}", "");
    CU_ASSERT (sb_has_reference ("a${b"));
    CU_ASSERT (!sb_has_reference ("a$${b}"));
}

static void
test_selection (void)
{
    struct sb_arena a = { 0 };
    SB_CLEANUP (sb_buf_free) struct sb_buf why = { 0 };
    struct sb_selection s;

    CU_ASSERT (sb_selection_parse (
            &a, "database where fail over = ${pool.x and y} and not mirror and  site != \"sand and sea\" and active",
            &s, &why));
    CU_ASSERT_STRING_EQUAL (s.kind, "database");
    CU_ASSERT_EQUAL_FATAL (s.nconds, 4);
    CU_ASSERT_STRING_EQUAL (s.conds[0].key, "fail over");
    CU_ASSERT_STRING_EQUAL (s.conds[0].value, "${pool.x and y}");
    CU_ASSERT_EQUAL (s.conds[1].op, SB_COND_NOT_SET);
    CU_ASSERT_STRING_EQUAL (s.conds[1].key, "mirror");
    CU_ASSERT_EQUAL (s.conds[2].op, SB_COND_IS_NOT);
    CU_ASSERT_STRING_EQUAL (s.conds[2].value, "sand and sea");
    CU_ASSERT_EQUAL (s.conds[3].op, SB_COND_SET);
    CU_ASSERT (!sb_selection_parse (&a, "database where", &s, &why));
    CU_ASSERT (!sb_selection_parse (&a, "database where a and", &s, &why));
    CU_ASSERT (!sb_selection_parse (&a, "", &s, &why));
    sb_arena_release (&a);
}

static void
test_list_selection (void)
{
    struct sb_arena a = { 0 };
    SB_CLEANUP (sb_buf_free) struct sb_buf why = { 0 };
    struct sb_selection s;

    CU_ASSERT (sb_is_list_selection ("all server"));
    CU_ASSERT (!sb_is_list_selection ("allserver, b"));
    CU_ASSERT (sb_list_selection_parse (&a, "first 4 of server where site = x", &s, &why));
    CU_ASSERT_EQUAL (s.limit, 4);
    CU_ASSERT (!sb_list_selection_parse (&a, "first 0 of server", &s, &why));
    CU_ASSERT (!sb_list_selection_parse (&a, "first -1 of server", &s, &why));
    CU_ASSERT (!sb_list_selection_parse (&a, "first 4 server", &s, &why));
    sb_arena_release (&a);
}

static void
test_principal (void)
{
    struct sb_arena a = { 0 };
    const char *database = NULL, *site = NULL;

    CU_ASSERT (sb_principal_parse (&a, "principal of ${database} in ${pool.primary site}", &database, &site));
    CU_ASSERT_STRING_EQUAL (database, "${database}");
    CU_ASSERT_STRING_EQUAL (site, "${pool.primary site}");
    CU_ASSERT (!sb_principal_parse (&a, "principal of x", &database, &site));
    CU_ASSERT (!sb_principal_parse (&a, "principality of x in y", &database, &site));
    sb_arena_release (&a);
}

static void
test_items_of_lists (void)
{
    struct sb_arena a = { 0 };
    size_t n;
    char **list = sb_split_items (&a, " a, ${b | \"x, y\"} ,, d", &n);

    CU_ASSERT_EQUAL_FATAL (n, 3);
    CU_ASSERT_STRING_EQUAL (list[1], "${b | \"x, y\"}");
    CU_ASSERT_STRING_EQUAL (list[2], "d");
    sb_arena_release (&a);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "text without references stays as it is, references are replaced", test_plain },
        { "the first alternative that is not empty is taken", test_alternatives },
        { "an item's name may hold what would end a reference", test_items },
        { "what is escaped comes back as it was", test_escape },
        { "alternatives behind the one taken are not looked up", test_lazy },
        { "broken texts stay as they are", test_hostile },
        { "a selection has conditions, and 'and' inside values does not split them", test_selection },
        { "a list of objects is all of a kind or the first of them", test_list_selection },
        { "a principal is named by its database and a site", test_principal },
        { "commas inside references do not split a list", test_items_of_lists },
        { NULL, NULL },
    };

    return sb_tap_run ("expressions", tests);
}
