/* Unit tests of core/sys/file.h, lock.h and paths.h. */
#include "tests/sys/lib.h"

#include "core/sys/lock.h"
#include "core/sys/paths.h"
#include "core/sys/socket.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sb_faults faults;

static void
put (const char *name, const char *text, mode_t mode)
{
    CU_ASSERT_TRUE (sb_file_write (at (name), text, strlen (text), mode, &faults));
    expect_no_fault (&faults);
}

static void
written_files_are_read_back (void)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    struct stat st;

    put ("plain", "first\n", 0644);
    put ("plain", "second\n", 0640);
    sb_buf_str (&b, ">");
    CU_ASSERT_TRUE (sb_file_read (at ("plain"), 7, &b, &faults));
    CU_ASSERT_STRING_EQUAL (b.s, ">second\n");
    CU_ASSERT_EQUAL (stat (at ("plain"), &st), 0);
    CU_ASSERT_EQUAL (st.st_mode & 07777, 0640);
    expect_no_fault (&faults);
}

static void
large_files_are_refused (void)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    put ("large", "12345678", 0600);
    CU_ASSERT_FALSE (sb_file_read (at ("large"), 7, &b, &faults));
    expect_fault (&faults, "large: cannot read: larger than 7 bytes");
    CU_ASSERT_EQUAL (b.len, 0);
    CU_ASSERT_TRUE (sb_file_read (at ("large"), SIZE_MAX, &b, &faults));
    CU_ASSERT_EQUAL (b.len, 8);
}

static void
big_files_come_whole (void)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf in = { 0 }, out = { 0 };

    for (int i = 0; i < 30000; i++)
        sb_buf_printf (&in, "%d\n", i);
    CU_ASSERT_TRUE (sb_file_write (at ("big"), in.s, in.len, 0600, &faults));
    CU_ASSERT_TRUE (sb_file_read (at ("big"), in.len, &out, &faults));
    CU_ASSERT_TRUE (in.len == out.len && memcmp (in.s, out.s, in.len) == 0);
    expect_no_fault (&faults);
}

static void
a_file_is_read_whatever_it_says_of_its_length (void)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf start = { 0 }, whole = { 0 }, empty = { 0 };

    put ("long", "12345678", 0600);
    CU_ASSERT_TRUE (sb_file_read_start (at ("long"), 3, &start, &faults));
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&start), "123");
    CU_ASSERT_TRUE (sb_file_read_start (at ("long"), 100, &start, &faults)); /* shorter than asked for, and added */
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&start), "12312345678");
    CU_ASSERT_TRUE (sb_file_read ("/proc/self/maps", 1 << 20, &whole, &faults)); /* it says that it is empty */
    CU_ASSERT (whole.len > 1000 && strlen (whole.s) == whole.len);
    put ("empty", "", 0600);
    CU_ASSERT_TRUE (sb_file_read (at ("empty"), 100, &empty, &faults));
    CU_ASSERT_EQUAL (empty.len, 0);
    CU_ASSERT_FALSE (sb_file_read_start (at ("nothing"), 100, &start, &faults));
    expect_fault (&faults, "nothing: cannot read: No such file or directory");
}

static void
what_is_no_file_is_named (void)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    CU_ASSERT_FALSE (sb_file_read (folder, 100, &b, &faults));
    expect_fault (&faults, "cannot read: it is a folder");
    CU_ASSERT_EQUAL (mkfifo (at ("fifo"), 0600), 0);
    CU_ASSERT_FALSE (sb_file_read (at ("fifo"), 100, &b, &faults));
    expect_fault (&faults, "cannot read: it is a FIFO");
    CU_ASSERT_FALSE (sb_file_read ("/dev/zero", 100, &b, &faults));
    expect_fault (&faults, "cannot read: it is a device");
    CU_ASSERT_FALSE (sb_file_read (at ("nothing"), 100, &b, &faults));
    expect_fault (&faults, "nothing: cannot read: No such file or directory");
}

static void
unreadable_files_are_told (void)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    uid_t caller = geteuid ();

    put ("secret", "x", 0000);
    CU_ASSERT_TRUE (caller != 0 || seteuid (65534) == 0); /* root can read everything */
    CU_ASSERT_FALSE (sb_file_read (at ("secret"), 100, &b, &faults));
    CU_ASSERT_TRUE (seteuid (caller) == 0);
    expect_fault (&faults, "cannot read: Permission denied");
}

static void
failed_writes_leave_nothing (void)
{
    struct sb_arena a = { 0 };
    char **names;
    size_t count;

    CU_ASSERT_TRUE (sb_dir_make (at ("w/target"), 0755, &faults));
    CU_ASSERT_FALSE (sb_file_write (at ("w/target"), "x", 1, 0600, &faults));
    expect_fault (&faults, "w/target: cannot write: Is a directory");
    CU_ASSERT_FALSE (sb_file_write (at ("w/none/file"), "x", 1, 0600, &faults));
    expect_fault (&faults, "No such file or directory");
    CU_ASSERT_TRUE (sb_dir_list (at ("w"), &a, &names, &count, &faults));
    CU_ASSERT_EQUAL (count, 1);
    sb_arena_release (&a);
}

static void
folders_are_made_listed_and_removed (void)
{
    struct sb_arena a = { 0 };
    char **names;
    size_t count = 0;

    CU_ASSERT_TRUE (sb_dir_make (at ("tree/b/c"), 0700, &faults));
    CU_ASSERT_TRUE (sb_dir_make (at ("tree/b/c/"), 0700, &faults));
    CU_ASSERT_TRUE (sb_dir_make (at ("tree/a"), 0700, &faults));
    put ("tree/b/c/file", "x", 0600);
    put ("outside", "stays", 0600);
    CU_ASSERT_EQUAL (symlink (at ("outside"), at ("tree/link")), 0);
    CU_ASSERT_EQUAL (symlink (folder, at ("tree/b/up")), 0);
    CU_ASSERT_TRUE (sb_dir_list (at ("tree"), &a, &names, &count, &faults));
    CU_ASSERT_EQUAL_FATAL (count, 3);
    CU_ASSERT_STRING_EQUAL (names[0], "a");
    CU_ASSERT_STRING_EQUAL (names[1], "b");
    CU_ASSERT_STRING_EQUAL (names[2], "link");
    CU_ASSERT_PTR_NULL (names[3]);
    CU_ASSERT_TRUE (sb_tree_remove (at ("tree"), &faults));
    CU_ASSERT_FALSE (sb_file_exists (at ("tree")));
    CU_ASSERT_TRUE (sb_file_exists (at ("outside")));
    CU_ASSERT_TRUE (sb_tree_remove (at ("tree"), &faults));
    expect_no_fault (&faults);
    sb_arena_release (&a);
}

static void
a_file_in_the_way_of_a_folder_is_a_fault (void)
{
    put ("way", "x", 0600);
    CU_ASSERT_FALSE (sb_dir_make (at ("way/sub"), 0755, &faults));
    expect_fault (&faults, "way: cannot make this folder: File exists");
    CU_ASSERT_FALSE (sb_dir_list (at ("way"), &paths, &(char **){ NULL }, NULL, &faults));
    expect_fault (&faults, "Not a directory");
}

static void
writable_files_are_not_trusted (void)
{
    CU_ASSERT_TRUE (sb_dir_make (at ("t"), 0755, &faults));
    put ("t/module", "x", 0644);
    CU_ASSERT_TRUE (sb_file_trusted (at ("t/module"), &faults));
    CU_ASSERT_TRUE (sb_file_trusted (at ("t"), &faults));
    CU_ASSERT_EQUAL (chmod (at ("t/module"), 0664), 0);
    CU_ASSERT_FALSE (sb_file_trusted (at ("t/module"), &faults));
    expect_fault (&faults, "others than its owner can write it (mode 0664)");
    CU_ASSERT_EQUAL (chmod (at ("t/module"), 0644), 0);
    CU_ASSERT_EQUAL (chmod (at ("t"), 0777), 0);
    CU_ASSERT_FALSE (sb_file_trusted (at ("t/module"), &faults));
    expect_fault (&faults, "(mode 0777)");
    CU_ASSERT_FALSE (sb_file_trusted (at ("t/none"), &faults));
    expect_fault (&faults, "No such file");
}

static void
strangers_files_are_not_trusted (void)
{
    if (geteuid () != 0)
        return sb_tap_skip ("only root can give files away");
    CU_ASSERT_TRUE (sb_dir_make (at ("s"), 0755, &faults));
    put ("s/module", "x", 0644);
    CU_ASSERT_EQUAL (chown (at ("s/module"), 12345, 0), 0);
    CU_ASSERT_FALSE (sb_file_trusted (at ("s/module"), &faults));
    expect_fault (&faults, "it belongs to user 12345");
}

static void
paths_are_joined_and_cut (void)
{
    static const struct {
        const char *dir, *name, *joined;
    } joins[] = {
        { "a", "b", "a/b" }, { "a/", "b", "a/b" }, { "a", "/b", "/b" }, { "", "b", "b" }, { "/", "b", "/b" },
    };
    static const struct {
        const char *path, *dir, *base;
    } cuts[] = {
        { "a/b", "a", "b" },  { "b", ".", "b" }, { "/b", "/", "b" },
        { "a//b", "a", "b" }, { "/", "/", "" },  { "a/b/", "a", "" },
    };

    for (size_t i = 0; i < COUNT (joins); i++) {
        SB_AUTOFREE char *joined = sb_path_join (joins[i].dir, joins[i].name);

        CU_ASSERT_STRING_EQUAL (joined, joins[i].joined);
    }
    for (size_t i = 0; i < COUNT (cuts); i++) {
        SB_AUTOFREE char *dir = sb_path_dir (cuts[i].path);

        CU_ASSERT_STRING_EQUAL (dir, cuts[i].dir);
        CU_ASSERT_STRING_EQUAL (sb_path_base (cuts[i].path), cuts[i].base);
    }
}

static void
a_lock_has_one_holder (void)
{
    struct sb_lock one = SB_LOCK_NONE, two = SB_LOCK_NONE;
    SB_AUTOFREE char *who = NULL;

    CU_ASSERT_FALSE (sb_lock_is_held (at ("lock")));
    CU_ASSERT_EQUAL (sb_lock_take (&one, at ("lock"), "run 7 of pchat", &faults), SB_LOCK_TAKEN);
    CU_ASSERT_EQUAL (sb_lock_take (&two, at ("lock"), NULL, &faults), SB_LOCK_BUSY);
    CU_ASSERT_TRUE (sb_lock_is_held (at ("lock")));
    who = sb_lock_who (at ("lock"));
    CU_ASSERT_STRING_EQUAL (who, "run 7 of pchat");
    sb_lock_release (&one);
    CU_ASSERT_FALSE (sb_lock_is_held (at ("lock")));
    CU_ASSERT_EQUAL (sb_lock_take (&two, at ("lock"), NULL, &faults), SB_LOCK_TAKEN);
    sb_lock_release (&two);
    expect_no_fault (&faults);
    CU_ASSERT_EQUAL (sb_lock_take (&one, at ("no/lock"), NULL, &faults), SB_LOCK_FAILED);
    expect_fault (&faults, "cannot take this lock: No such file or directory");
    CU_ASSERT_PTR_NULL (sb_lock_who (at ("no/lock")));
}

static void
a_lock_dies_with_its_holder (void)
{
    struct sb_lock lock = SB_LOCK_NONE;
    pid_t pid = fork ();

    if (pid == 0) {
        struct sb_faults ignored = { 0 };
        enum sb_locked got = sb_lock_take (&lock, at ("mortal"), NULL, &ignored);

        _exit (got == SB_LOCK_TAKEN ? 0 : 1);
    }
    CU_ASSERT_EQUAL (waitpid (pid, &(int){ 0 }, 0), pid);
    CU_ASSERT_TRUE (sb_file_exists (at ("mortal")));
    CU_ASSERT_EQUAL (sb_lock_take (&lock, at ("mortal"), NULL, &faults), SB_LOCK_TAKEN);
    sb_lock_release (&lock);
}

static void
closing_another_descriptor_keeps_the_lock (void)
{
    struct sb_lock lock = SB_LOCK_NONE;
    int other;

    CU_ASSERT_EQUAL (sb_lock_take (&lock, at ("kept"), NULL, &faults), SB_LOCK_TAKEN);
    other = open (at ("kept"), O_RDONLY | O_CLOEXEC);
    sb_fd_close (&other);
    CU_ASSERT_TRUE (sb_lock_is_held (at ("kept")));
    sb_lock_release (&lock);
}

static void
the_build_tree_is_recognised (void)
{
    struct sb_paths p;

    sb_paths_find_for (&p, "/usr/bin/switchback");
    CU_ASSERT_FALSE (p.build_tree);
    CU_ASSERT_STRING_EQUAL (p.plugins, SB_PLUGIN_DIR);
    CU_ASSERT_STRING_EQUAL (p.workflows, SB_WORKFLOW_DIR);
    CU_ASSERT_STRING_EQUAL (p.templates, SB_TEMPLATE_DIR);
    sb_paths_free (&p);
    sb_paths_find_for (&p, "/stage" SB_BIN_DIR "/switchback");
    CU_ASSERT_STRING_EQUAL (p.plugins, "/stage" SB_PLUGIN_DIR);
    CU_ASSERT_STRING_EQUAL (p.libexec, "/stage" SB_LIBEXEC_DIR);
    CU_ASSERT_STRING_EQUAL (p.templates, "/stage" SB_TEMPLATE_DIR);
    sb_paths_free (&p);
    put ("config.status", "", 0700);
    sb_paths_find_for (&p, at ("switchback"));
    CU_ASSERT_TRUE (p.build_tree);
    CU_ASSERT_STRING_EQUAL (p.plugins, at (".libs"));
    CU_ASSERT_STRING_EQUAL (p.libexec, folder);
    CU_ASSERT_STRING_EQUAL (p.workflows, at ("workflows"));
    CU_ASSERT_STRING_EQUAL (p.templates, at ("templates"));
    sb_paths_free (&p);
    sb_paths_find (&p);
    CU_ASSERT_STRING_EQUAL (sb_path_base (p.program), "files");
    sb_paths_free (&p);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "a file written is read back, replaced whole, with its mode", written_files_are_read_back },
        { "a file larger than the limit is refused", large_files_are_refused },
        { "a big file comes whole", big_files_come_whole },
        { "a file is read whatever it says of its length, whole or only its beginning",
          a_file_is_read_whatever_it_says_of_its_length },
        { "a folder, a FIFO, a device and nothing are named as such", what_is_no_file_is_named },
        { "a file without the right to read is told", unreadable_files_are_told },
        { "a write that fails leaves no temporary file", failed_writes_leave_nothing },
        { "folders are made, listed in order and removed without following links",
          folders_are_made_listed_and_removed },
        { "a file in the way of a folder is a fault", a_file_in_the_way_of_a_folder_is_a_fault },
        { "what others can write is not trusted", writable_files_are_not_trusted },
        { "what belongs to a stranger is not trusted", strangers_files_are_not_trusted },
        { "paths are joined and cut", paths_are_joined_and_cut },
        { "a lock has one holder, and the file says who", a_lock_has_one_holder },
        { "a lock dies with its holder", a_lock_dies_with_its_holder },
        { "closing another descriptor of the file keeps the lock", closing_another_descriptor_keeps_the_lock },
        { "a program in a build tree finds its parts there", the_build_tree_is_recognised },
        { NULL, NULL },
    };

    return run_in_folder ("files", tests);
}
