/* Backup files on disk: what reading them notices; and paths that must not lead
 * out of the lab's folder. */
#include "tests/lib/tap.h"
#include "tests/world/fixture.h"

#include "core/base/mem.h"
#include "core/sys/file.h"
#include "lab/world/files.h"
#include "lab/world/folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct w_set
sample (w_guid guid)
{
    struct w_set s = { .seed = 7,
                       .guid = guid,
                       .family = 1,
                       .fork = 1,
                       .first_fork = 1,
                       .type = W_SET_LOG,
                       .first = W_LSN_FIRST,
                       .last = W_LSN_FIRST + 5 * W_LSN_STEP,
                       .size = 4000,
                       .position = 1,
                       .version = 16 };

    snprintf (s.database, sizeof s.database, "od]d'name \303\244");
    snprintf (s.server, sizeof s.server, "NORTH-SQL1");
    return s;
}

static void
what_was_written_is_read (void)
{
    struct sb_buf b = { 0 };
    struct w_set one = sample (1), two = sample (2), got;
    unsigned sets;

    w_set_write (&one, &b);
    CU_ASSERT_EQUAL (b.len, 4000);
    w_set_write (&two, &b);
    CU_ASSERT_EQUAL (w_set_read (b.s, b.len, 1, &got, &sets), W_SET_GOOD);
    CU_ASSERT_EQUAL (sets, 2);
    CU_ASSERT_EQUAL (memcmp (&got, &one, sizeof got), 0);
    CU_ASSERT_EQUAL (w_set_read (b.s, b.len, 2, &got, &sets), W_SET_GOOD);
    CU_ASSERT_EQUAL (got.guid, 2);
    CU_ASSERT_EQUAL (w_set_read (b.s, b.len, 3, &got, &sets), W_SET_NO_POSITION);
    sb_buf_free (&b);
}

/* Every shorter file is noticed, and every changed byte. */
static void
damage_is_noticed (void)
{
    struct sb_buf b = { 0 };
    struct w_set s = sample (1), got;
    enum w_set_class class;
    unsigned sets;

    w_set_write (&s, &b);
    CU_ASSERT_EQUAL (w_set_read (b.s, 0, 1, &got, &sets), W_SET_EMPTY);
    for (size_t n = 1; n < b.len; n++) {
        class = w_set_read (b.s, n, 1, &got, &sets);
        CU_ASSERT_TRUE (class == W_SET_EMPTY || class == W_SET_SHORT);
    }
    for (size_t i = 0; i < b.len; i += 3) {
        b.s[i] = (char) (b.s[i] ^ 0x5a);
        CU_ASSERT_NOT_EQUAL (w_set_read (b.s, b.len, 1, &got, &sets), W_SET_GOOD);
        b.s[i] = (char) (b.s[i] ^ 0x5a);
    }
    CU_ASSERT_EQUAL (w_set_read ("hello", 5, 1, &got, &sets), W_SET_NO_BACKUP);
    sb_buf_free (&b);
}

static void
paths_stay_inside (void)
{
    static const struct {
        const char *path, *real;
    } rows[] = {
        { "\\\\South-FS\\ShipLogs\\mgc.trn", "/lab/unc/south-fs/shiplogs/mgc.trn" },
        { "\\\\fs\\with blank \303\244\\a b.trn", "/lab/unc/fs/with blank \303\244/a b.trn" },
        { "d:\\LSCopy\\x.trn", "/lab/disk/sql/D/LSCopy/x.trn" },
        { "D:/x", "/lab/disk/sql/D/x" },
        { "\\\\fs\\share\\..\\..\\x", NULL },
        { "D:\\..\\x", NULL },
        { "\\\\..\\share\\x", NULL },
        { "\\\\onlyhost", NULL },
        { "/var/opt/mssql/data/x.bak",
          "/lab/disk/sql/root/var/opt/mssql/data/x.bak" }, /* on Linux; w_files_reach() refuses it elsewhere */
        { "/../etc/passwd", NULL },
        { "relative", NULL },
        { "D:\\a:b", NULL },
        { "D:\\a\nb", NULL },
        { "", NULL },
    };

    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        SB_AUTOFREE char *real = w_files_where ("/lab", "sql", rows[i].path);

        CU_ASSERT_EQUAL (real == NULL, rows[i].real == NULL);
        if (real != NULL && rows[i].real != NULL) {
            CU_ASSERT_STRING_EQUAL (real, rows[i].real);
        }
    }
    CU_ASSERT_PTR_NULL (w_files_where ("/lab", "..", "D:\\x"));
}

static void
disk_does_what_memory_does (void)
{
    char dir[] = "/tmp/sb-world-files-XXXXXX";
    struct w_disk disk = { dir, NULL };
    struct sb_faults faults = { 0 };
    struct w_files d;
    struct w_set s = sample (3), got;
    enum w_set_class class;
    struct w_file f;
    unsigned sets;

    CU_ASSERT_PTR_NOT_NULL_FATAL (mkdtemp (dir));
    w_files_disk (&d, &disk);
    CU_ASSERT_EQUAL (d.write (d.ctx, "i", "D:\\b\\x.wrk", &s, false), W_FILE_NO_PATH);
    CU_ASSERT_EQUAL (d.make_dir (d.ctx, "i", "D:\\b"), W_FILE_OK);
    CU_ASSERT_EQUAL (d.write (d.ctx, "i", "D:\\b\\x.wrk", &s, false), W_FILE_OK);
    CU_ASSERT_EQUAL (d.rename (d.ctx, "i", "D:\\b\\x.wrk", "D:\\b\\x.trn"), W_FILE_OK);
    CU_ASSERT_EQUAL (d.stat (d.ctx, "i", "D:\\b\\x.wrk", &f), W_FILE_MISSING);
    CU_ASSERT_EQUAL (d.copy (d.ctx, "i", "D:\\b\\x.trn", "D:\\b\\y.trn"), W_FILE_OK);
    CU_ASSERT_EQUAL (d.read (d.ctx, "i", "D:\\b\\y.trn", 1, &got, &class, &sets), W_FILE_OK);
    CU_ASSERT_EQUAL (class, W_SET_GOOD);
    CU_ASSERT_EQUAL (memcmp (&got, &s, sizeof s), 0);
    CU_ASSERT_EQUAL (d.read (d.ctx, "other", "D:\\b\\y.trn", 1, &got, &class, &sets), W_FILE_MISSING);
    CU_ASSERT_TRUE (d.free_bytes (d.ctx, "i", "D:\\b") > 0);
    sb_tree_remove (dir, &faults);
    sb_faults_free (&faults);
}

/* What a watched folder answers, as one text. */
static const char *
names_in (struct w_folders *f, const char *path)
{
    static char ret[512];
    const struct w_names *n = w_folders_names (f, path);

    ret[0] = 0;
    for (size_t i = 0; n != NULL && i < n->count; i++) {
        strcat (ret, n->list[i]);
        strcat (ret, " ");
    }
    return n == NULL ? NULL : ret;
}

static void
put_file (const char *folder, const char *name)
{
    SB_AUTOFREE char *path = sb_path_join (folder, name);
    struct sb_faults faults = { 0 };

    CU_ASSERT_TRUE (sb_file_write (path, "x", 1, 0644, &faults));
    sb_faults_free (&faults);
}

static void
names_are_those_that_lie_there (void)
{
    char dir[] = "/tmp/sb-world-names-XXXXXX";
    struct sb_faults faults = { 0 };
    struct w_folders *f = w_folders_new ();
    SB_AUTOFREE char *a = NULL, *b = NULL, *c = NULL, *x = NULL, *y = NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL (mkdtemp (dir));
    a = sb_path_join (dir, "a");
    b = sb_path_join (dir, "b");
    c = sb_path_join (dir, "c");
    x = sb_path_join (a, "x");
    y = sb_path_join (a, "Y2");
    CU_ASSERT_PTR_NULL (names_in (f, a));
    CU_ASSERT_TRUE (sb_dir_make (a, 0755, &faults) && sb_dir_make (b, 0755, &faults));
    CU_ASSERT_STRING_EQUAL (names_in (f, a), "");
    put_file (a, "x");
    put_file (a, "Y1");
    put_file (a, ".hidden");
    put_file (b, "other");
    CU_ASSERT_STRING_EQUAL (names_in (f, a), "x Y1 ");
    CU_ASSERT_EQUAL (rename (x, y), 0);
    put_file (a, "A");
    CU_ASSERT_STRING_EQUAL (names_in (f, a), "A Y1 Y2 ");
    CU_ASSERT_EQUAL (unlink (y), 0);
    CU_ASSERT_STRING_EQUAL (names_in (f, a), "A Y1 ");
    CU_ASSERT_TRUE (rename (a, c) == 0 && rename (b, a) == 0); /* another in its place */
    CU_ASSERT_STRING_EQUAL (names_in (f, a), "other ");
    put_file (c, "Z");
    CU_ASSERT_STRING_EQUAL (names_in (f, c), "A Y1 Z ");
    put_file (a, "more");
    CU_ASSERT_STRING_EQUAL (names_in (f, a), "more other ");
    w_folders_free (f);
    sb_tree_remove (dir, &faults);
    sb_faults_free (&faults);
}

static bool
add_name (void *arg, const struct w_file *f)
{
    strcat (arg, f->name);
    strcat (arg, " ");
    return true;
}

static void
only_wanted_names_are_told (void)
{
    char dir[] = "/tmp/sb-world-wanted-XXXXXX", told[256];
    const struct w_wanted wanted = { "D1_", "d1_b.trn" }, all = { NULL, NULL };
    struct w_disk disk = { dir, NULL };
    struct sb_faults faults = { 0 };
    struct w_files memory, on_disk;
    struct w_set s = sample (3);

    CU_ASSERT_PTR_NOT_NULL_FATAL (mkdtemp (dir));
    w_files_memory (&memory);
    w_files_disk (&on_disk, &disk);
    for (int i = 0; i < 2; i++) {
        struct w_files *f = i == 0 ? &memory : &on_disk;
        static const char *const names[] = { "d1_a.trn", "d1_b.trn", "D1_c.trn", "d10_a.trn", "d2_c.trn" };

        f->make_dir (f->ctx, "i", "D:\\b");
        for (unsigned k = 0; k < sizeof names / sizeof *names; k++) {
            char path[64];

            snprintf (path, sizeof path, "D:\\b\\%s", names[k]);
            CU_ASSERT_EQUAL (f->write (f->ctx, "i", path, &s, false), W_FILE_OK);
        }
        told[0] = 0;
        CU_ASSERT_EQUAL (f->list (f->ctx, "i", "D:\\b", &wanted, add_name, told), W_FILE_OK);
        CU_ASSERT_STRING_EQUAL (told, "D1_c.trn ");
        told[0] = 0;
        CU_ASSERT_EQUAL (f->list (f->ctx, "i", "D:\\b", &all, add_name, told), W_FILE_OK);
        CU_ASSERT_EQUAL (strlen (told), strlen ("d1_a.trn d1_b.trn D1_c.trn d10_a.trn d2_c.trn "));
    }
    w_files_memory_free (&memory);
    sb_tree_remove (dir, &faults);
    sb_faults_free (&faults);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "what was written is read, set by set, and as long as it claims", what_was_written_is_read },
        { "every cut and every changed byte is noticed", damage_is_noticed },
        { "paths of shares and drives lie in the lab's folder or are refused", paths_stay_inside },
        { "files on disk: folders, temporary names, copies, an instance's own drives", disk_does_what_memory_does },
        { "the names of a folder are those that lie there, whoever put them there", names_are_those_that_lie_there },
        { "of a folder only the names that are wanted are told", only_wanted_names_are_told },
        { NULL, NULL }
    };

    return sb_tap_run ("backup files", tests);
}
