/* Unit tests of core/sys/socket.h, stream.h and tcp.h. */
#include "tests/sys/lib.h"

#include "core/sys/clock.h"
#include "core/sys/socket.h"
#include "core/sys/stream.h"
#include "core/sys/tcp.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sb_faults faults;
static int ends[2];
static struct sb_stream a, b;

static void
open_pair (size_t limit)
{
    CU_ASSERT_TRUE (sb_socket_pair (ends, &faults));
    sb_stream_init (&a, ends[0], limit);
    sb_stream_init (&b, ends[1], limit);
}

static void
close_pair (void)
{
    sb_stream_free (&a);
    sb_stream_free (&b);
    sb_fd_close (&ends[0]);
    sb_fd_close (&ends[1]);
}

static void
flags_are_set (void)
{
    int p[2];

    CU_ASSERT_EQUAL (pipe (p), 0);
    CU_ASSERT_TRUE (sb_fd_cloexec (p[0], true) && fcntl (p[0], F_GETFD) == FD_CLOEXEC);
    CU_ASSERT_TRUE (sb_fd_cloexec (p[0], false) && fcntl (p[0], F_GETFD) == 0);
    CU_ASSERT_TRUE (sb_fd_nonblock (p[0], true) && (fcntl (p[0], F_GETFL) & O_NONBLOCK));
    CU_ASSERT_TRUE (sb_fd_nonblock (p[0], false) && !(fcntl (p[0], F_GETFL) & O_NONBLOCK));
    CU_ASSERT_FALSE (sb_fd_wait (p[0], POLLIN, sb_deadline_in (10)));
    sb_fd_close (&p[1]);
    sb_fd_close (&p[0]);
    CU_ASSERT_EQUAL (p[0], -1);
    sb_fd_close (&p[0]);
    CU_ASSERT_FALSE (sb_fd_cloexec (-1, true));
}

/* Calls a listener at `path` and checks who answers. */
static void
call (const char *path)
{
    int listener = sb_unix_listen (path, &faults), caller, taken;
    struct stat st;
    uid_t uid = 0;
    pid_t pid = 0;

    CU_ASSERT_TRUE_FATAL (listener >= 0);
    CU_ASSERT_TRUE (stat (path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CU_ASSERT_EQUAL (sb_unix_accept (listener), -1);
    caller = sb_unix_connect (path, sb_deadline_in (10000), &faults);
    CU_ASSERT_TRUE (sb_fd_wait (listener, POLLIN, sb_deadline_in (10000)));
    taken = sb_unix_accept (listener);
    CU_ASSERT_TRUE (caller >= 0 && taken >= 0);
    CU_ASSERT_TRUE (sb_peer (taken, &uid, &pid) && uid == geteuid () && pid == getpid ());
    CU_ASSERT_TRUE (fcntl (taken, F_GETFD) == FD_CLOEXEC && (fcntl (taken, F_GETFL) & O_NONBLOCK));
    CU_ASSERT_EQUAL (sb_unix_listen (path, &faults), -1);
    expect_fault (&faults, "cannot listen here: Address already in use");
    sb_fd_close (&caller);
    sb_fd_close (&taken);
    sb_fd_close (&listener);
    CU_ASSERT_EQUAL (sb_unix_connect (path, sb_deadline_in (1000), &faults), -1);
    expect_fault (&faults, "cannot connect: Connection refused");
}

static void
unix_sockets_call_each_other (void)
{
    call (at ("sock"));
    call (at ("sock")); /* the abandoned file is replaced */
    expect_no_fault (&faults);
}

static void
long_paths_work (void)
{
    char name[121];
    const char *dir;

    memset (name, 'd', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    dir = at (name);
    CU_ASSERT_TRUE (sb_dir_make (dir, 0700, &faults));
    call (sb_arena_printf (&paths, "%s/sock", dir));
}

static void
files_are_not_replaced_by_sockets (void)
{
    CU_ASSERT_TRUE (sb_file_write (at ("file"), "x", 1, 0600, &faults));
    CU_ASSERT_EQUAL (sb_unix_listen (at ("file"), &faults), -1);
    expect_fault (&faults, "Address already in use");
    CU_ASSERT_TRUE (sb_file_exists (at ("file")));
    CU_ASSERT_EQUAL (sb_unix_connect (at ("nobody"), sb_deadline_in (10), &faults), -1);
    expect_fault (&faults, "nobody: cannot connect: No such file or directory");
}

static void
lines_come_one_by_one (void)
{
    char *line = NULL;

    open_pair (100);
    CU_ASSERT_EQUAL (sb_stream_line (&b, &line), SB_FLOW_LATE);
    sb_stream_put (&a, "one\n\nthr", 8);
    CU_ASSERT_EQUAL (sb_stream_flush (&a), SB_FLOW_OK);
    CU_ASSERT_EQUAL (sb_stream_fill (&b), SB_FLOW_OK);
    CU_ASSERT_TRUE (sb_stream_line (&b, &line) == SB_FLOW_OK && strcmp (line, "one") == 0);
    CU_ASSERT_TRUE (sb_stream_line (&b, &line) == SB_FLOW_OK && strcmp (line, "") == 0);
    CU_ASSERT_EQUAL (sb_stream_get_line (&b, sb_deadline_in (10), &line), SB_FLOW_LATE);
    sb_stream_put (&a, "ee\nrest", 7);
    CU_ASSERT_EQUAL (sb_stream_send (&a, sb_deadline_in (1000)), SB_FLOW_OK);
    CU_ASSERT_TRUE (sb_stream_get_line (&b, sb_deadline_in (1000), &line) == SB_FLOW_OK && strcmp (line, "three") == 0);
    sb_fd_close (&ends[0]);
    CU_ASSERT_EQUAL (sb_stream_get_line (&b, sb_deadline_in (1000), &line), SB_FLOW_CLOSED);
    close_pair ();
}

static void
messages_come_one_by_one (void)
{
    char *text = NULL;
    size_t n = 0;

    open_pair (100);
    sb_stream_put_message (&a, "first", 5);
    sb_stream_put_message (&a, "", 0);
    sb_stream_put_message (&a, "a\0b", 3);
    CU_ASSERT_TRUE (sb_stream_unsent (&a));
    CU_ASSERT_EQUAL (sb_stream_send (&a, SB_NEVER), SB_FLOW_OK);
    CU_ASSERT_FALSE (sb_stream_unsent (&a));
    CU_ASSERT_TRUE (sb_stream_get_message (&b, sb_deadline_in (1000), &text, &n) == SB_FLOW_OK && n == 5);
    CU_ASSERT_STRING_EQUAL (text, "first");
    CU_ASSERT_TRUE (sb_stream_get_message (&b, sb_deadline_in (1000), &text, &n) == SB_FLOW_OK && n == 0 && !*text);
    CU_ASSERT_TRUE (sb_stream_get_message (&b, sb_deadline_in (1000), &text, &n) == SB_FLOW_OK && n == 3);
    CU_ASSERT_EQUAL (memcmp (text, "a\0b", 4), 0);
    CU_ASSERT_EQUAL (sb_stream_get_message (&b, sb_deadline_in (10), &text, NULL), SB_FLOW_LATE);
    sb_fd_close (&ends[0]);
    CU_ASSERT_EQUAL (sb_stream_get_message (&b, SB_NEVER, &text, &n), SB_FLOW_CLOSED);
    close_pair ();
}

static void
bytes_may_come_in_any_pieces (void)
{
    static const char wire[] = "\0\0\0\3abc\0\0\0\1d";
    char *text = NULL;
    size_t n = 0, got = 0;

    open_pair (3);
    for (size_t i = 0; i < sizeof wire - 1; i++) {
        CU_ASSERT_EQUAL (write (ends[0], wire + i, 1), 1);
        CU_ASSERT_EQUAL (sb_stream_fill (&b), SB_FLOW_OK);
        if (sb_stream_message (&b, &text, &n) == SB_FLOW_OK)
            CU_ASSERT_STRING_EQUAL (text, got++ ? "d" : "abc");
    }
    CU_ASSERT_EQUAL (got, 2);
    close_pair ();
}

static void
limits_are_kept (void)
{
    char *text;

    open_pair (5);
    sb_stream_put_message (&a, "123456", 6);
    sb_stream_send (&a, SB_NEVER);
    CU_ASSERT_EQUAL (sb_stream_get_message (&b, SB_NEVER, &text, NULL), SB_FLOW_TOO_LONG);
    close_pair ();
    open_pair (5);
    sb_stream_put (&a, "12345\n123456", 12);
    sb_stream_send (&a, SB_NEVER);
    CU_ASSERT_EQUAL (sb_stream_get_line (&b, SB_NEVER, &text), SB_FLOW_OK);
    CU_ASSERT_EQUAL (sb_stream_get_line (&b, SB_NEVER, &text), SB_FLOW_TOO_LONG);
    close_pair ();
}

static void
full_peers_are_waited_for (void)
{
    size_t size = 4 << 20, n = 0;
    SB_AUTOFREE char *big = sb_xcalloc (size, 1);
    char *text = NULL;

    open_pair (size);
    sb_stream_put_message (&a, big, size);
    CU_ASSERT_EQUAL (sb_stream_send (&a, sb_deadline_in (20)), SB_FLOW_LATE);
    while (sb_stream_message (&b, &text, &n) == SB_FLOW_LATE) {
        sb_stream_flush (&a);
        CU_ASSERT_NOT_EQUAL_FATAL (sb_stream_fill (&b), SB_FLOW_CLOSED);
    }
    CU_ASSERT_EQUAL (n, size);
    close_pair ();
}

static void
peers_that_left_are_told (void)
{
    open_pair (100);
    sb_fd_close (&ends[1]);
    sb_stream_put (&a, "x", 1);
    CU_ASSERT_EQUAL (sb_stream_send (&a, SB_NEVER), SB_FLOW_CLOSED);
    CU_ASSERT_STRING_EQUAL (sb_flow_text (SB_FLOW_CLOSED), "the other side closed the connection");
    close_pair ();
}

static void
tcp_connects_and_probes (void)
{
    uint16_t port = 0;
    int listener = sb_tcp_listen ("127.0.0.1", 0, &port, &faults), fd, taken;
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    struct sb_tcp_addr addr;

    CU_ASSERT_TRUE_FATAL (listener >= 0 && port != 0);
    CU_ASSERT_EQUAL (sb_tcp_accept (listener), -1);
    CU_ASSERT_TRUE (sb_tcp_resolve ("localhost", port, &addr, &faults));
    CU_ASSERT_TRUE (sb_tcp_resolve ("127.0.0.1", port, &addr, &faults));
    CU_ASSERT_TRUE (sb_tcp_probe (&addr, sb_deadline_in (10000), &faults));
    fd = sb_tcp_connect (&addr, sb_deadline_in (10000), &faults);
    CU_ASSERT_TRUE (fd >= 0 && (fcntl (fd, F_GETFL) & O_NONBLOCK) && fcntl (fd, F_GETFD) == FD_CLOEXEC);
    CU_ASSERT_TRUE (sb_fd_wait (listener, POLLIN, sb_deadline_in (10000)));
    taken = sb_tcp_accept (listener);
    CU_ASSERT_TRUE (taken >= 0);
    sb_fd_close (&taken);
    sb_fd_close (&fd);
    sb_fd_close (&listener);
    CU_ASSERT_FALSE (sb_tcp_probe (&addr, sb_deadline_in (10000), &faults));
    sb_tcp_text (&addr, &text);
    expect_fault (&faults, sb_arena_printf (&paths, "cannot connect to %s: Connection refused", text.s));
}

static void
names_that_do_not_exist_are_told (void)
{
    struct sb_tcp_addr addr;

    CU_ASSERT_FALSE (sb_tcp_resolve ("no-such-host.invalid", 1, &addr, &faults));
    expect_fault (&faults, "cannot resolve 'no-such-host.invalid':");
}

static void
addresses_are_written (void)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    struct sb_tcp_addr addr;

    CU_ASSERT_TRUE (sb_tcp_resolve ("127.0.0.1", 1433, &addr, &faults));
    sb_tcp_text (&addr, &text);
    CU_ASSERT_STRING_EQUAL (text.s, "127.0.0.1:1433");
    sb_buf_clear (&text);
    CU_ASSERT_TRUE (sb_tcp_resolve ("::1", 5986, &addr, &faults));
    sb_tcp_text (&addr, &text);
    CU_ASSERT_STRING_EQUAL (text.s, "[::1]:5986");
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "flags of descriptors are set, closing twice is harmless", flags_are_set },
        { "a UNIX socket is private, knows its caller, and replaces an abandoned one", unix_sockets_call_each_other },
        { "paths longer than a socket address work", long_paths_work },
        { "a file is not replaced by a socket", files_are_not_replaced_by_sockets },
        { "lines come one by one, the unfinished one never", lines_come_one_by_one },
        { "messages come one by one, empty and binary ones too", messages_come_one_by_one },
        { "bytes may come in any pieces", bytes_may_come_in_any_pieces },
        { "a line or message over the limit breaks the stream", limits_are_kept },
        { "sending waits for a full peer until the deadline", full_peers_are_waited_for },
        { "a peer that left is told without a signal", peers_that_left_are_told },
        { "TCP listens, connects, probes and says what came back", tcp_connects_and_probes },
        { "a name that does not exist is told", names_that_do_not_exist_are_told },
        { "addresses are written with their port", addresses_are_written },
        { NULL, NULL },
    };

    return run_in_folder ("sockets", tests);
}
