/* The worker: `switchback __lane`.  It reads one init message and then calls,
 * one at a time, from the socket on fd 3; it loads its plugin at the first
 * call, performs each call, and answers.  When the socket closes it closes the
 * plugin's instances and leaves.  A worker that cannot load its plugin answers
 * every call with SB_FAIL and the reason: nothing was changed. */
#include "core/host/wire.h"

#include "config.h"
#include "core/host/load.h"
#include "core/host/session.h"
#include "core/host/stage.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"
#include "core/sys/stream.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

struct worker {
    struct sb_stream wire;
    json_t *init;
    const char **dirs; /* owned by init */
    struct sb_topology topology;
    struct sb_loaded loaded;
    struct sb_selves selves;
    struct sb_call_world world;
    bool ready;
    char *trouble; /* why not */
};

static void
send_text (struct worker *w, char *text)
{
    if (text != NULL) {
        sb_stream_put_message (&w->wire, text, strlen (text));
        free (text);
    }
    if (text == NULL || sb_stream_send (&w->wire, SB_NEVER) != SB_FLOW_OK)
        _exit (1); /* nobody listens any more */
}

static void
say_log (void *ctx, uint64_t id, enum sb_level level, const char *text)
{
    send_text (ctx, sb_wire_say ("log", id, level, text));
}

static void
say_progress (void *ctx, uint64_t id, unsigned percent, const char *what)
{
    send_text (ctx, sb_wire_say ("progress", id, percent, what));
}

/* Secrets pass through this process: no core file, no debugger of the same user. */
static void
be_private (void)
{
    const struct rlimit none = { 0, 0 };

    setrlimit (RLIMIT_CORE, &none);
#ifndef SB_SANITIZED
    prctl (PR_SET_DUMPABLE, 0); /* the leak checker of a sanitized build needs to look */
#endif
}

static bool
take_init (struct worker *w)
{
    json_error_t error;
    json_t *dirs;
    char *text;
    size_t len, i;

    if (sb_stream_get_message (&w->wire, SB_NEVER, &text, &len) != SB_FLOW_OK)
        return false;
    w->init = json_loadb (text, len, 0, &error);
    dirs = json_object_get (w->init, "dirs");
    if (strcmp (sb_wire_text (w->init, "t"), "init") != 0 || !json_is_array (dirs))
        return false;
    w->dirs = sb_xcalloc (json_array_size (dirs) + 1, sizeof *w->dirs);
    for (i = 0; i < json_array_size (dirs); i++)
        w->dirs[i] = json_string_value (json_array_get (dirs, i));
    return true;
}

static void
fill_world (struct worker *w)
{
    w->world = (struct sb_call_world){
        .topology = &w->topology,
        .plugin = &w->loaded.plugin,
        .base = sb_wire_text (w->init, "base"),
        .run = sb_wire_text (w->init, "run"),
        .run_dir = sb_wire_text_or_null (w->init, "run_dir"),
        .drill = json_is_true (json_object_get (w->init, "drill")),
        .stop_fd = SB_WIRE_STOP,
        .log = say_log,
        .progress = say_progress,
        .ctx = w,
    };
}

static void
get_ready (struct worker *w)
{
    struct sb_faults faults = { 0 };
    json_t *text = json_object_get (w->init, "text");
    SB_AUTOFREE char *file = NULL;

    fill_world (w);
    /* Whether the topology is a good one was judged before any lane was made; here its objects are looked up. */
    sb_topology_parse (&w->topology, sb_wire_text (w->init, "file"), json_string_value (text),
                       json_string_length (text), &faults);
    sb_faults_free (&faults);
    w->ready = (file = sb_load_find (w->dirs, sb_wire_text (w->init, "plugin"), &faults)) != NULL
               && sb_load_open (&w->loaded, file, &faults);
    if (!w->ready) {
        w->trouble = sb_faults_text (&faults);
        if (*w->trouble != '\0' && w->trouble[strlen (w->trouble) - 1] == '\n')
            w->trouble[strlen (w->trouble) - 1] = '\0';
    }
    sb_faults_free (&faults);
}

/* A stop that was meant for a call that had just ended. */
static void
drain_stop (void)
{
    char bytes[64];

    while (read (SB_WIRE_STOP, bytes, sizeof bytes) > 0)
        ;
}

static void
perform (struct worker *w, const struct sb_call_in *in)
{
    struct sb_call_out out;
    struct sb_call *call;

    drain_stop ();
    if (!w->ready && w->trouble == NULL)
        get_ready (w);
    if (!w->ready) {
        out = (struct sb_call_out){ .rc = SB_FAIL, .seen = SB_SEEN_UNKNOWN, .sentence = w->trouble };
        send_text (w, sb_wire_answer (in->id, &out));
        return;
    }
    send_text (w, sb_wire_say ("start", in->id, 0, ""));
    sb_stage_begin (in);
    call = sb_call_perform (&w->world, &w->selves, in, &out);
    sb_stage_answer (in, &out);
    send_text (w, sb_wire_answer (in->id, &out));
    sb_call_release (call, &out);
}

static bool
take_call (struct worker *w)
{
    struct sb_arena arena = { 0 };
    struct sb_call_in in;
    json_error_t error;
    json_t *message;
    char *text;
    size_t len;
    bool ok;

    if (sb_stream_get_message (&w->wire, SB_NEVER, &text, &len) != SB_FLOW_OK)
        return false;
    message = json_loadb (text, len, 0, &error);
    ok = strcmp (sb_wire_text (message, "t"), "call") == 0 && sb_wire_parse_call (message, &arena, &in);
    if (ok)
        perform (w, &in);
    json_decref (message);
    sb_arena_release (&arena);
    return ok;
}

static void
release (struct worker *w)
{
    if (w->ready)
        sb_selves_close (&w->selves, &w->loaded.plugin);
    sb_load_close (&w->loaded);
    sb_topology_release (&w->topology);
    sb_stream_free (&w->wire);
    json_decref (w->init);
    free (w->dirs);
    free (w->trouble);
}

int
sb_lane_main (void)
{
    struct worker w = { .ready = false };

    be_private ();
    signal (SIGPIPE, SIG_IGN);
    if (!sb_fd_cloexec (SB_WIRE_SOCKET, true) || !sb_fd_cloexec (SB_WIRE_STOP, true)
        || !sb_fd_nonblock (SB_WIRE_SOCKET, true) || !sb_fd_nonblock (SB_WIRE_STOP, true))
        return 2; /* not started by sb_lanes_call() */
    sb_stream_init (&w.wire, SB_WIRE_SOCKET, SB_WIRE_TO_WORKER);
    if (take_init (&w))
        while (take_call (&w))
            ;
    release (&w);
    sb_session_kill (getpid ()); /* what the plugin started and left behind */
    return 0;
}
