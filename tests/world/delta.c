/* What changed in a world (delta.h), and the state file that is made of it: whatever happens to a world, what was told of
 * it makes another one the same, byte for byte; what is cut or is no change does no harm. */
#include "tests/lib/tap.h"
#include "tests/world/fixture.h"

#include "core/base/mem.h"
#include "core/sys/file.h"
#include "lab/world/delta.h"
#include "lab/world/intern.h"
#include "lab/world/server.h"
#include "lab/world/setup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint32_t seed = 20261121;

static uint32_t
roll (uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static struct world *
a_world (void)
{
    struct world *w = sb_xcalloc (1, sizeof *w);

    w_init (w, 7, 1000000);
    w->tool_site = w_add_site (w, "north");
    w_add_instance (w, "p", "p.example.net", 1, 1111, 5022);
    return w;
}

/* One thing that makes the world larger, smaller or other. */
static void
something_happens (struct world *w, const struct w_files *files)
{
    char name[32];
    struct w_op op;
    struct w_out out;

    snprintf (name, sizeof name, "database-%u", roll (40));
    switch (roll (5)) {
    case 0:
    case 1:
        w_op_init (&op, W_OP_CREATE_DB, 1, 0, name);
        break;
    case 2:
        w_op_init (&op, W_OP_DROP_DB, 1, 0, name);
        break;
    case 3:
        w_op_init (&op, W_OP_LOGIN, 1, 0, NULL);
        break;
    default:
        w_op_init (&op, W_OP_LOGOUT, 1, (uint16_t) (51 + roll (60)), NULL);
    }
    w_run (w, files, &op, &out);
    if (roll (20) == 0)
        w_compact (w);
}

static bool
same (const struct world *a, const struct world *b)
{
    return memcmp (a, b, sizeof *a) == 0;
}

static void
changes_make_worlds_the_same (void)
{
    struct world *w = a_world (), *told = a_world (), *other = a_world ();
    struct w_files files;
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    size_t unlike = 0;

    w_files_memory (&files);
    for (int i = 0; i < 400; i++) {
        sb_buf_clear (&b);
        for (uint32_t k = roll (3); k > 0; k--) { /* none, one or two changes are told at once */
            for (uint32_t n = roll (4); n > 0; n--)
                something_happens (w, &files);
            w_delta_make (told, w, &b);
        }
        unlike += !w_delta_apply (other, sb_buf_cstr (&b), b.len) || !same (told, other);
    }
    w_delta_make (told, w, &b);
    CU_ASSERT_EQUAL (unlike, 0);
    CU_ASSERT_TRUE (same (told, w));
    CU_ASSERT_TRUE (w->ncopies > 0 && w->nsessions > 0);
    w_files_memory_free (&files);
    free (w);
    free (told);
    free (other);
}

static void
no_change_is_short (void)
{
    struct world *w = a_world (), *told = a_world ();
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    w_delta_make (told, w, &b);
    CU_ASSERT_EQUAL (b.len, sizeof (uint32_t));
    w->version++;
    sb_buf_clear (&b);
    w_delta_make (told, w, &b);
    CU_ASSERT_TRUE (b.len <= 2 * w_head_size () + 64);
    free (w);
    free (told);
}

static void
nonsense_is_refused (void)
{
    struct world *w = a_world (), *told = a_world (), *other = sb_xcalloc (1, sizeof *other);
    struct w_files files;
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    SB_AUTOFREE char *bytes = NULL;

    w_files_memory (&files);
    for (int i = 0; i < 20; i++)
        something_happens (w, &files);
    w_delta_make (told, w, &b);
    for (size_t n = 1; n < b.len; n++) {
        w_assign (other, told);
        CU_ASSERT_FALSE (w_delta_apply (other, b.s, n));
    }
    bytes = sb_xcalloc (1, b.len);
    for (int i = 0; i < 2000; i++) { /* no byte beyond the world is touched: the sanitizers look */
        memcpy (bytes, b.s, b.len);
        for (int k = 0; k < 3; k++)
            bytes[roll ((uint32_t) b.len)] = (char) roll (256);
        memset (other, 0, sizeof *other);
        w_assign (other, told);
        (void) w_delta_apply (other, bytes, b.len);
    }
    CU_ASSERT_TRUE (w_is_world (told));
    w_files_memory_free (&files);
    free (w);
    free (told);
    free (other);
}

/* Is the world in the file this one? */
static bool
file_holds (const char *dir, const struct world *w)
{
    struct world *read = sb_xcalloc (1, sizeof *read);
    struct sb_faults faults = { 0 };
    bool good = w_state_load (dir, read, &faults) && same (read, w);

    sb_faults_free (&faults);
    free (read);
    return good;
}

static void
state_file_follows (void)
{
    char dir[] = "/tmp/sb-world-state-XXXXXX";
    struct world *w = a_world (), *told = a_world (), *before = sb_xcalloc (1, sizeof *before);
    struct w_keeper k = { .fd = -1 };
    struct sb_faults faults = { 0 };
    struct w_files files;
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    SB_AUTOFREE char *path = NULL;
    size_t wrong = 0, anew = 0;
    struct stat st;

    CU_ASSERT_PTR_NOT_NULL_FATAL (mkdtemp (dir));
    path = sb_path_join (dir, "state");
    w_files_memory (&files);
    for (int i = 0; i < 2000; i++) {
        size_t added = k.added;

        something_happens (w, &files);
        w_assign (before, told);
        sb_buf_clear (&b);
        w_delta_make (told, w, &b);
        wrong += !w_keeper_save (&k, dir, told, &b, &faults) || (i % 20 == 0 && !file_holds (dir, told));
        anew += k.added <= added;
    }
    CU_ASSERT_EQUAL (wrong, 0);
    CU_ASSERT_TRUE (anew > 1 && anew < 60); /* written as a whole now and then only */
    CU_ASSERT_TRUE (k.added > b.len && stat (path, &st) == 0);
    CU_ASSERT_EQUAL (truncate (path, st.st_size - 3), 0); /* killed while it wrote */
    CU_ASSERT_TRUE (file_holds (dir, before));
    w_keeper_close (&k);
    w_files_memory_free (&files);
    sb_tree_remove (dir, &faults);
    sb_faults_free (&faults);
    free (w);
    free (told);
    free (before);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "what is told of changes makes another world the same", changes_make_worlds_the_same },
        { "of a world that did not change next to nothing is told", no_change_is_short },
        { "a change that is cut is refused, and nonsense stays within the world", nonsense_is_refused },
        { "the state file follows the world, and what was cut off of it is left out", state_file_follows },
        { NULL, NULL }
    };

    return sb_tap_run ("changes of a world", tests);
}
