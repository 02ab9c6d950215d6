/* Unit tests of core/sys/spawn.h, sigs.h, clock.h and random.h. */
#include "tests/sys/lib.h"

#include "core/sys/clock.h"
#include "core/sys/random.h"
#include "core/sys/sigs.h"
#include "core/sys/socket.h"
#include "core/sys/spawn.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sb_faults faults;

#define SHELL(script) ((const char *const[]){ "/bin/sh", "-c", (script), NULL })

/* Runs a script for at most 10 s: its output, and how it ended in words. */
static const char *
run (struct sb_spawn what, const char *input)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };
    struct sb_exit e = { 0 };

    if (sb_run_program (&what, input, &out, 10000, sb_deadline_in (10000), &e, &faults)) {
        sb_buf_str (&out, "|");
        sb_exit_text (e, &out);
    }
    return sb_arena_strdup (&paths, sb_buf_cstr (&out));
}

static void
programs_say_and_end (void)
{
    CU_ASSERT_STRING_EQUAL (run ((struct sb_spawn){ .argv = SHELL ("echo hello; exit 3") }, NULL),
                            "hello\n|exit code 3");
    CU_ASSERT_STRING_EQUAL (run ((struct sb_spawn){ .argv = SHELL ("cat; echo >&2") }, "in\n"), "in\n|exit code 0");
    CU_ASSERT_STRING_EQUAL (run ((struct sb_spawn){ .argv = SHELL ("cat") }, NULL), "|exit code 0");
    CU_ASSERT_STRING_EQUAL (run ((struct sb_spawn){ .argv = SHELL ("kill -9 $$") }, NULL),
                            "|killed by signal 9 (Killed)");
    CU_ASSERT_STRING_EQUAL (run ((struct sb_spawn){ .argv = SHELL ("echo x > /dev/stdout") }, NULL), "x\n|exit code 0");
    expect_no_fault (&faults);
}

static void
missing_programs_are_faults (void)
{
    static const char *const none[] = { "/no/such/program", NULL };
    static const char *const file[] = { "/etc/passwd", NULL };

    CU_ASSERT_EQUAL (sb_spawn (&(struct sb_spawn){ .argv = none }, &faults), -1);
    expect_fault (&faults, "cannot start '/no/such/program': No such file or directory");
    CU_ASSERT_EQUAL (sb_spawn (&(struct sb_spawn){ .argv = file }, &faults), -1);
    expect_fault (&faults, "cannot start '/etc/passwd': Permission denied");
    CU_ASSERT_EQUAL (sb_spawn (&(struct sb_spawn){ .argv = SHELL (":"), .cwd = "/no/such/folder" }, &faults), -1);
    expect_fault (&faults, "No such file or directory");
    CU_ASSERT_EQUAL (waitpid (-1, NULL, WNOHANG), -1); /* nothing is left to reap */
    CU_ASSERT_EQUAL (errno, ECHILD);
}

static void
environment_and_folder_are_given (void)
{
    static const char *const env[] = { "WORD=given", NULL };
    struct sb_spawn what = { .argv = SHELL ("echo \"$WORD-$HOME\"; pwd"), .env = env, .cwd = "/" };

    CU_ASSERT_STRING_EQUAL (run (what, NULL), "given-\n/\n|exit code 0");
}

static void
descriptors_are_exactly_those_listed (void)
{
    static const char probe[] =
            "n=4; while [ $n -lt 64 ]; do [ ! -e /proc/$$/fd/$n ] || echo leaked $n >&3; n=$((n+1));"
            " done; echo done >&3";
    int p[2];
    char got[16] = "";
    pid_t pid;

    CU_ASSERT_TRUE (sb_socket_pair (p, &faults));
    sb_fd_cloexec (p[0], false); /* a leak that shall not happen */
    pid = sb_spawn (
            &(struct sb_spawn){ .argv = SHELL (probe), .fds = (struct sb_spawn_fd[]){ { p[1], 3 } }, .nfds = 1 },
            &faults);
    CU_ASSERT_TRUE (pid > 0);
    CU_ASSERT_EQUAL (sb_wait (pid, sb_deadline_in (10000), &(struct sb_exit){ 0 }), SB_WAIT_ENDED);
    CU_ASSERT_TRUE (read (p[0], got, sizeof got - 1) > 0);
    CU_ASSERT_STRING_EQUAL (got, "done\n");
    sb_fd_close (&p[0]);
    sb_fd_close (&p[1]);
}

static void
descriptors_can_change_places (void)
{
    int a[2], b[2];
    char got[8] = "";
    const char *script;
    pid_t pid;

    CU_ASSERT_TRUE (pipe (a) == 0 && pipe (b) == 0);
    script = sb_arena_printf (&paths, "cat; echo a >&%d; echo b >&%d", b[1], a[1]);
    pid = sb_spawn (&(struct sb_spawn){ .argv = SHELL (script),
                                        .fds = (struct sb_spawn_fd[]){ { a[1], b[1] }, { b[1], a[1] }, { -1, 0 } },
                                        .nfds = 3 },
                    &faults);
    CU_ASSERT_EQUAL (sb_wait (pid, sb_deadline_in (10000), &(struct sb_exit){ 0 }), SB_WAIT_ENDED);
    CU_ASSERT_TRUE (read (a[0], got, sizeof got) == 2 && got[0] == 'a');
    CU_ASSERT_TRUE (read (b[0], got, sizeof got) == 2 && got[0] == 'b');
    for (int i = 0; i < 2; i++) {
        sb_fd_close (&a[i]);
        sb_fd_close (&b[i]);
    }
}

static void
waiting_has_a_deadline (void)
{
    struct sb_exit e = { 0 };
    pid_t pid = sb_spawn (&(struct sb_spawn){ .argv = SHELL ("exec sleep 60") }, &faults);
    int64_t start = sb_mono_ms ();

    CU_ASSERT_EQUAL (sb_wait (pid, sb_deadline_in (50), &e), SB_WAIT_LATE);
    CU_ASSERT_TRUE (sb_mono_ms () - start >= 50);
    e = sb_end (pid, false, 10000);
    CU_ASSERT_EQUAL (e.signal, SIGTERM);
    CU_ASSERT_EQUAL (sb_wait (pid, SB_NEVER, &e), SB_WAIT_FAILED);
}

static void
deaf_programs_are_killed (void)
{
    int p[2];
    char c;
    struct sb_exit e;
    pid_t pid;

    CU_ASSERT_TRUE (pipe (p) == 0);
    pid = sb_spawn (&(struct sb_spawn){ .argv = SHELL ("trap '' TERM; echo; while :; do sleep 1; done"),
                                        .fds = (struct sb_spawn_fd[]){ { p[1], 1 } },
                                        .nfds = 1,
                                        .own_group = true },
                    &faults);
    CU_ASSERT_EQUAL (read (p[0], &c, 1), 1); /* it is deaf now */
    e = sb_end (pid, true, 50);
    CU_ASSERT_EQUAL (e.signal, SIGKILL);
    sb_fd_close (&p[1]);
    CU_ASSERT_EQUAL (read (p[0], &c, 1), 0); /* its children are gone too */
    sb_fd_close (&p[0]);
}

static void
slow_and_talkative_programs_are_ended (void)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };
    struct sb_exit e;

    CU_ASSERT_FALSE (sb_run_program (&(struct sb_spawn){ .argv = SHELL ("sleep 60 & sleep 60") }, NULL, &out, 100,
                                     sb_deadline_in (50), &e, &faults));
    expect_fault (&faults, "'/bin/sh' did not end in time");
    CU_ASSERT_FALSE (sb_run_program (&(struct sb_spawn){ .argv = SHELL ("while :; do echo again; done") }, NULL, &out,
                                     100, sb_deadline_in (10000), &e, &faults));
    expect_fault (&faults, "said more than 100 bytes");
    CU_ASSERT_TRUE (out.len <= 100);
}

static void
children_die_with_their_parent (void)
{
    int p[2];
    char c;
    pid_t pid;

    CU_ASSERT_TRUE (pipe (p) == 0);
    pid = fork ();
    if (pid == 0) { /* the parent that dies */
        struct sb_faults ignored = { 0 };

        sb_spawn (&(struct sb_spawn){ .argv = SHELL ("echo; exec sleep 60"),
                                      .die_signal = SIGKILL,
                                      .fds = (struct sb_spawn_fd[]){ { p[1], 1 } },
                                      .nfds = 1 },
                  &ignored);
        pause ();
    }
    sb_fd_close (&p[1]);
    CU_ASSERT_EQUAL (read (p[0], &c, 1), 1);
    kill (pid, SIGKILL);
    waitpid (pid, NULL, 0);
    CU_ASSERT_TRUE (sb_fd_wait (p[0], POLLIN, sb_deadline_in (10000)));
    CU_ASSERT_EQUAL (read (p[0], &c, 1), 0);
    sb_fd_close (&p[0]);
}

static void
the_end_of_a_process_is_readable (void)
{
    pid_t pid = sb_spawn (&(struct sb_spawn){ .argv = SHELL ("exit 5") }, &faults);
    int fd = sb_pid_fd (pid);
    struct sb_exit e = { 0 };

    if (fd >= 0)
        CU_ASSERT_TRUE (sb_fd_wait (fd, POLLIN, sb_deadline_in (10000)));
    CU_ASSERT_EQUAL (sb_wait (pid, sb_deadline_in (10000), &e), SB_WAIT_ENDED);
    CU_ASSERT_EQUAL (e.code, 5);
    sb_fd_close (&fd);
}

static void
signals_are_read (void)
{
    int fd = sb_signal_fd ((const int[]){ SIGUSR1, SIGUSR2, 0 }, &faults);

    CU_ASSERT_TRUE (fd >= 0);
    CU_ASSERT_EQUAL (sb_signal_next (fd), 0);
    kill (getpid (), SIGUSR2);
    CU_ASSERT_TRUE (sb_fd_wait (fd, POLLIN, sb_deadline_in (10000)));
    CU_ASSERT_EQUAL (sb_signal_next (fd), SIGUSR2);
    CU_ASSERT_EQUAL (sb_signal_next (fd), 0);
    sb_fd_close (&fd);
}

static void
blocked_signals_are_not_inherited (void)
{
    struct sb_spawn what = { .argv = SHELL ("kill -USR1 $$; echo alive") };

    CU_ASSERT_STRING_EQUAL (run (what, NULL), "|killed by signal 10 (User defined signal 1)");
    what.keep_blocked = (const int[]){ SIGUSR1, 0 };
    CU_ASSERT_STRING_EQUAL (run (what, NULL), "alive\n|exit code 0");
}

static void
deadlines_are_arithmetic (void)
{
    CU_ASSERT_EQUAL (sb_deadline_in (-1), SB_NEVER);
    CU_ASSERT_EQUAL (sb_deadline_in (INT64_MAX), SB_NEVER);
    CU_ASSERT_EQUAL (sb_deadline_left (SB_NEVER), -1);
    CU_ASSERT_EQUAL (sb_deadline_left (sb_mono_ms () - 5), 0);
    CU_ASSERT_TRUE (sb_deadline_left (sb_deadline_in (60000)) > 50000);
    CU_ASSERT_TRUE (sb_now_ms () > 1700000000000);
}

static void
identifiers_differ (void)
{
    char a[33], b[33];

    sb_random_hex (a, 32);
    sb_random_hex (b, 32);
    CU_ASSERT_EQUAL (strlen (a), 32);
    CU_ASSERT_EQUAL (strspn (a, "0123456789abcdef"), 32);
    CU_ASSERT_STRING_NOT_EQUAL (a, b);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "a program reads its input, is heard, and its end is known", programs_say_and_end },
        { "a program that cannot be started is a fault and leaves no child", missing_programs_are_faults },
        { "environment and folder are given", environment_and_folder_are_given },
        { "a new process has exactly the descriptors listed", descriptors_are_exactly_those_listed },
        { "descriptors can change places", descriptors_can_change_places },
        { "waiting ends at the deadline", waiting_has_a_deadline },
        { "a program deaf to TERM is killed with its group", deaf_programs_are_killed },
        { "slow and talkative programs are ended", slow_and_talkative_programs_are_ended },
        { "a child dies with its parent when asked to", children_die_with_their_parent },
        { "the end of a process is readable", the_end_of_a_process_is_readable },
        { "signals are read from a descriptor", signals_are_read },
        { "a new process starts with no blocked signals but those kept", blocked_signals_are_not_inherited },
        { "deadlines are arithmetic", deadlines_are_arithmetic },
        { "identifiers are hexadecimal and differ", identifiers_differ },
        { NULL, NULL },
    };

    return run_in_folder ("processes", tests);
}
