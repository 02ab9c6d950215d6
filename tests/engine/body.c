/* Bodies of records, read one level deep. */
#include "core/engine/body.h"
#include "tests/lib/tap.h"

#include <CUnit/CUnit.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

static void
words_and_numbers_are_read (void)
{
    static const char *const words[] = { "retry", NULL, "ok", "o" };
    struct sb_body b;

    CU_ASSERT_FATAL (sb_body_read (&b, "{\"accepted\":true,\"ms\":-1795293641616,\"n\":null,\"rc\":\"ok\"}"));
    CU_ASSERT_EQUAL (sb_body_word (&b, "rc", words, COUNT (words), 9), 2);
    CU_ASSERT_EQUAL (sb_body_word (&b, "r", words, COUNT (words), 9), 9);
    CU_ASSERT_EQUAL (sb_body_word (&b, "ms", words, COUNT (words), 9), 9);
    CU_ASSERT_EQUAL (sb_body_number (&b, "ms"), INT64_C (-1795293641616));
    CU_ASSERT_EQUAL (sb_body_number (&b, "people_ms"), 0);
    CU_ASSERT (sb_body_true (&b, "accepted") && !sb_body_true (&b, "rc") && !sb_body_true (&b, "n"));
    CU_ASSERT_FALSE (b.bad);
    CU_ASSERT (sb_body_read (&b, "{}") && b.count == 0);
}

static void
nested_values_are_handed_over_whole (void)
{
    static const char text[] =
            "{\"by\":{\"name\":\"a \\\"} , ] b\",\"uid\":7},\"list\":[1,{\"x\":\"]\"}],\"target\":\"C:\\\\\"}";
    struct sb_body b;
    json_t *by, *list, *target;

    CU_ASSERT_FATAL (sb_body_read (&b, text));
    by = sb_body_json (&b, "by");
    list = sb_body_json (&b, "list");
    target = sb_body_json (&b, "target");
    CU_ASSERT_EQUAL (b.count, 3);
    CU_ASSERT_EQUAL (json_integer_value (json_object_get (by, "uid")), 7);
    CU_ASSERT_EQUAL (json_array_size (list), 2);
    CU_ASSERT_STRING_EQUAL (json_string_value (target), "C:\\");
    CU_ASSERT_PTR_NULL (sb_body_json (&b, "uid")); /* not of this level */
    CU_ASSERT_FALSE (b.bad);
    json_decref (by);
    json_decref (list);
    json_decref (target);
}

static void
what_is_no_body_is_refused (void)
{
    static const char *const wrong[] = {
        "",
        "{",
        "}",
        "[]",
        "null",
        "{}x",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1,}",
        "{\"a\":\"",
        "{\"a\":{}",
        "{\"a\":\"\\\"}",
        "{\"a\":[}",
        "{a:1}",
        "{\"a\":1}}",
        "{\"a\" 1}",
        "{\"a",
        "{\"a\":[\"]}",
        "{,}",
    };
    static const char *const bad[] = { "{\"a\":{b}}", "{\"a\":[1,,]}", "{\"a\":\"\\x\"}", "{\"a\":tru}",
                                       "{\"a\":\"\xff\"}" };
    char many[512] = "{", one[16];
    struct sb_body b;

    for (size_t i = 0; i < COUNT (wrong); i++)
        CU_ASSERT_FALSE (sb_body_read (&b, wrong[i]));
    for (size_t i = 0; i < COUNT (bad); i++) {
        CU_ASSERT (!sb_body_read (&b, bad[i]) || (sb_body_json (&b, "a") == NULL && b.bad));
    }
    CU_ASSERT (sb_body_read (&b, "{\"a\":1e9}") && sb_body_number (&b, "a") == 0 && b.bad);
    for (int i = 0; i <= SB_BODY_MOST; i++) {
        snprintf (one, sizeof one, "\"%d\":1%s", i, i < SB_BODY_MOST ? "," : "}");
        strcat (many, one);
    }
    CU_ASSERT_FALSE (sb_body_read (&b, many));
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "words, numbers and flags are read where they stand", words_and_numbers_are_read },
        { "nested values and texts with escapes are handed over whole", nested_values_are_handed_over_whole },
        { "what is no body is refused, and a bad member shows when it is asked for", what_is_no_body_is_refused },
        { NULL, NULL },
    };

    return sb_tap_run ("body", tests);
}
