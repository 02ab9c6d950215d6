/* Unit tests of core/base/mem.h, buf.h, map.h and fault.h. */
#include "tests/lib/tap.h"

#include "core/base/buf.h"
#include "core/base/fault.h"
#include "core/base/map.h"
#include "core/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
arena_gives_aligned_zeroed_memory (void)
{
    struct sb_arena a = { 0 };

    for (size_t size = 0; size < 10000; size += 37) {
        unsigned char *p = sb_arena_alloc (&a, size);

        CU_ASSERT_EQUAL ((uintptr_t) p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            if (p[i])
                CU_FAIL ("not zeroed");
        memset (p, 0xff, size);
    }
    sb_arena_release (&a);
    CU_ASSERT_PTR_NULL (a.blocks);
}

static void
arena_strings_are_copies (void)
{
    struct sb_arena a = { 0 };
    char text[] = "abc";
    char *s = sb_arena_strdup (&a, text), *n = sb_arena_strndup (&a, text, 2), *f;

    text[0] = 'x';
    f = sb_arena_printf (&a, "%s-%s", s, n);
    CU_ASSERT_STRING_EQUAL (f, "abc-ab");
    CU_ASSERT_PTR_NULL (sb_arena_strdup (&a, NULL));
    CU_ASSERT_STRING_EQUAL (sb_arena_strndup (&a, "short", 100), "short");
    CU_ASSERT (memcmp (sb_arena_memdup (&a, "a\0b", 3), "a\0b", 4) == 0);
    sb_arena_release (&a);
}

static void
push_keeps_what_was_pushed (void)
{
    int *list = NULL;
    size_t count = 0, cap = 0;

    for (int i = 0; i < 1000; i++)
        SB_PUSH (list, count, cap) = i;
    CU_ASSERT_EQUAL (count, 1000);
    for (int i = 0; i < 1000; i++)
        CU_ASSERT_EQUAL (list[i], i);
    free (list);
}

static void
buffers_grow_and_stay_terminated (void)
{
    struct sb_buf b = { 0 };

    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&b), "");
    sb_buf_add (&b, "", 0);
    CU_ASSERT_STRING_EQUAL (b.s, "");
    for (int i = 0; i < 500; i++)
        sb_buf_printf (&b, "%d,", i % 10);
    sb_buf_char (&b, '!');
    sb_buf_str (&b, NULL);
    CU_ASSERT_EQUAL (b.len, 1001);
    CU_ASSERT_EQUAL (strlen (b.s), 1001);
    sb_buf_clear (&b);
    CU_ASSERT_STRING_EQUAL (b.s, "");
    sb_buf_free (&b);
}

static void
taking_an_empty_buffer_gives_an_empty_string (void)
{
    struct sb_buf b = { 0 };
    char *s = sb_buf_take (&b);

    CU_ASSERT_STRING_EQUAL (s, "");
    free (s);
    sb_buf_str (&b, "text");
    s = sb_buf_take (&b);
    CU_ASSERT_STRING_EQUAL (s, "text");
    CU_ASSERT_PTR_NULL (b.s);
    CU_ASSERT_EQUAL (b.len, 0);
    free (s);
}

static void
maps_find_a_thousand_keys_in_order (void)
{
    struct sb_map m = { 0 };
    char key[16];

    CU_ASSERT_PTR_NULL (sb_map_get (&m, "nothing"));
    for (intptr_t i = 0; i < 1000; i++) {
        snprintf (key, sizeof key, "key %d", (int) i);
        sb_map_set (&m, key, (void *) (i + 1));
    }
    CU_ASSERT_EQUAL (m.count, 1000);
    for (intptr_t i = 0; i < 1000; i++) {
        snprintf (key, sizeof key, "key %d", (int) i);
        CU_ASSERT_EQUAL ((intptr_t) sb_map_get (&m, key), i + 1);
        CU_ASSERT_STRING_EQUAL (m.entries[i].key, key);
    }
    CU_ASSERT_PTR_NULL (sb_map_get (&m, "key 1000"));
    sb_map_free (&m);
}

static void
setting_a_key_again_replaces_its_value_in_place (void)
{
    struct sb_map m = { 0 };
    char *first = sb_xstrdup ("1"), *second = sb_xstrdup ("2");

    sb_map_set (&m, "a", first);
    sb_map_set (&m, "b", sb_xstrdup ("b"));
    sb_map_set (&m, "a", second);
    free (first);
    CU_ASSERT_EQUAL (m.count, 2);
    CU_ASSERT_PTR_EQUAL (sb_map_get (&m, "a"), second);
    CU_ASSERT_PTR_EQUAL (m.entries[0].value, second);
    sb_map_free_with (&m, free);
    CU_ASSERT_EQUAL (m.count, 0);
}

static void
faults_are_told_with_place_and_hint (void)
{
    struct sb_faults f = { 0 }, other = { 0 };
    char *text;

    sb_fault_hint (&f, "There is no fault yet; nothing happens.");
    sb_fault (&f, "a.ini", 7, "unknown key '%s'", "sitte");
    sb_fault_hint (&f, "Did you mean '%s'?", "site");
    sb_fault (&other, "a.ini", 0, "no section");
    sb_fault (&other, NULL, 0, "out of luck");
    sb_fault_prefix (&other, 1, "lane %d", 3);
    sb_faults_move (&f, &other);
    CU_ASSERT_EQUAL (other.count, 0);
    CU_ASSERT_EQUAL (f.count, 3);
    text = sb_faults_text (&f);
    CU_ASSERT_STRING_EQUAL (text, "a.ini:7: unknown key 'sitte'\nHINT: Did you mean 'site'?\n"
                                  "a.ini: no section\nlane 3: out of luck\n");
    free (text);
    sb_faults_free (&f);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "an arena gives aligned, zeroed memory and is empty after release", arena_gives_aligned_zeroed_memory },
        { "strings in an arena are copies", arena_strings_are_copies },
        { "an array keeps what was pushed", push_keeps_what_was_pushed },
        { "buffers grow and stay terminated", buffers_grow_and_stay_terminated },
        { "taking an empty buffer gives an empty string", taking_an_empty_buffer_gives_an_empty_string },
        { "a map finds a thousand keys and keeps their order", maps_find_a_thousand_keys_in_order },
        { "setting a key again replaces its value in place", setting_a_key_again_replaces_its_value_in_place },
        { "faults are told with file, line, prefix and hint", faults_are_told_with_place_and_hint },
        { NULL, NULL },
    };

    return sb_tap_run ("memory", tests);
}
