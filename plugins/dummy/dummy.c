/* The plugin `dummy`: a template to copy and a tool to test with.
 *
 * Its world is a folder with one small file for each thing: no file means "not
 * done", the word `half` means "half done", `done` means "done".  An action
 * changes the file, verify() looks at it; nothing else is remembered.  That is
 * the whole art of a plugin: what verify() says comes from the world, never
 * from what run() believes.
 *
 * The parameter `how` makes it misbehave in every way that the engine has to
 * survive.  It uses the public header alone.  switchback-dummy(7) explains it
 * to users. */
#include <switchback/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- tables: read by the program without running anything below ----------------------------------------- */

#define END          \
    {                \
        .name = NULL \
    }

/* Settings stand in the topology, in the section of the object that plays the role. */
static const struct sb_option settings[] = {
    { .name = "folder",
      .type = SB_STRING,
      .fallback = "dummy",
      .help = "where the files lie, from the topology's folder" },
    { .name = "secret", .type = SB_SECRET, .help = "a secret, for the action whisper" },
    END
};

static const char *const hows[] = { "succeed", "fail", "retry", "unsure", "stopped", "half",       "lie",
                                    "hang",    "deaf", "crash", "leave",  "flood",   "undeclared", NULL };
static const char *const looks[] = { "truth", "unknown", "hang", "crash", NULL };

/* Parameters stand in the workflow, in the step. */
static const struct sb_option do_params[] = {
    { .name = "on", .type = SB_STRING, .help = "the object it works at; only shown" },
    { .name = "thing", .type = SB_STRING, .fallback = "thing", .help = "name of what is done" },
    { .name = "how", .type = SB_CHOICE, .fallback = "succeed", .choices = hows, .help = "how run behaves" },
    { .name = "times", .type = SB_INT, .fallback = "1", .help = "how often it says retry before it succeeds" },
    { .name = "look", .type = SB_CHOICE, .fallback = "truth", .choices = looks, .help = "how verify behaves" },
    { .name = "takes", .type = SB_DURATION, .fallback = "0ms", .help = "how long run works" },
    { .name = "say", .type = SB_STRING, .help = "text that comes back as the result said" },
    END
};
static const struct sb_option do_results[] = { { .name = "state", .type = SB_STRING, .help = "done, half or none" },
                                               { .name = "said", .type = SB_STRING, .help = "the parameter say" },
                                               END };
static const struct sb_option read_params[] = {
    { .name = "on", .type = SB_STRING, .help = "the object it looks at; only shown" },
    { .name = "thing", .type = SB_STRING, .fallback = "thing", .help = "name of what is looked at" },
    END
};
static const struct sb_option no_params[] = { END };

/* ---- its world ------------------------------------------------------------------------------------------ */

/* Names become file names: what is no plain letter becomes '_'. */
static const char *
plain (struct sb_call *call, const char *name)
{
    char *copy = sb_format (call, "%s", name), *at;

    for (at = copy; *at != '\0'; at++)
        if (strchr ("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *at) == NULL)
            *at = '_';
    return copy;
}

static const char *
folder (struct sb_call *call)
{
    const char *dir = sb_setting (call, "folder");

    return *dir == '/' ? dir : sb_format (call, "%s/%s", sb_about (call, "base"), dir);
}

static const char *
path_of (struct sb_call *call, const char *suffix)
{
    return sb_format (call, "%s/%s.%s%s", folder (call), plain (call, sb_about (call, "object")),
                      plain (call, sb_param (call, "thing")), suffix);
}

/* The first word in a file, or `missing`; NULL: it cannot be read. */
static const char *
read_word (struct sb_call *call, const char *path, const char *missing)
{
    char *text = sb_alloc (call, 32);
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n;

    if (fd < 0)
        return errno == ENOENT ? missing : NULL;
    n = read (fd, text, 31);
    close (fd);
    if (n < 0)
        return NULL;
    text[strcspn (text, " \n")] = '\0';
    return text;
}

/* Replaces a file so that a reader, or a crash, sees the old or the new content. */
static int
write_word (struct sb_call *call, const char *path, const char *word)
{
    const char *temporary = sb_format (call, "%s.%ld.tmp", path, (long) getpid ());
    size_t n = strlen (word);
    int fd;

    mkdir (folder (call), 0777);
    fd = open (temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return -1;
    if (write (fd, word, n) != (ssize_t) n || fsync (fd) != 0) {
        close (fd);
        unlink (temporary);
        return -1;
    }
    close (fd);
    return rename (temporary, path);
}

/* One line for each run(), so that a test can count what was really done. */
static void
note_in_ledger (struct sb_call *call)
{
    const char *path = sb_format (call, "%s/ledger", folder (call)), *step = sb_about (call, "step");
    const char *line = sb_format (call, "%s %s %s %s %s\n", sb_about (call, "object"), sb_about (call, "verb"),
                                  sb_param (call, "thing"), step != NULL ? step : "-", sb_about (call, "attempt"));
    int fd;

    mkdir (folder (call), 0777);
    fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        return;
    if (write (fd, line, strlen (line)) < 0)
        sb_log (call, SB_WARNING, "cannot write '%s', ignoring: %s", path, strerror (errno));
    close (fd);
}

/* ---- ways to behave ------------------------------------------------------------------------------------- */

/* A good plugin waits like this: it looks whether it shall stop. */
static enum sb_rc
hang_politely (struct sb_call *call)
{
    while (!sb_pause (call, 1000))
        sb_progress (call, 101, "hanging, as asked");
    return sb_fail (call, SB_STOPPED, "stopped while hanging");
}

/* A bad one does not. */
__attribute__ ((noreturn)) static void
hang_deaf (void)
{
    signal (SIGTERM, SIG_IGN);
    for (;;)
        pause ();
}

__attribute__ ((noreturn)) static void
crash (void)
{
    signal (SIGSEGV, SIG_DFL);
    raise (SIGSEGV);
    abort ();
}

static enum sb_rc
succeed (struct sb_call *call, const char *word)
{
    if (write_word (call, path_of (call, ""), word) != 0)
        return sb_fail (call, SB_RETRY, "cannot write '%s': %s", path_of (call, ""), strerror (errno));
    return SB_OK;
}

/* Says SB_RETRY as often as it was told to, then succeeds. */
static enum sb_rc
retry (struct sb_call *call)
{
    const char *path = path_of (call, ".tries"), *word = read_word (call, path, "0");
    long tries = word != NULL ? strtol (word, NULL, 10) : 0;

    if (tries >= sb_number (call, "times"))
        return succeed (call, "done");
    if (write_word (call, path, sb_format (call, "%ld", tries + 1)) != 0)
        return sb_fail (call, SB_FAIL, "cannot write '%s': %s", path, strerror (errno));
    return sb_fail (call, SB_RETRY, "not yet: %ld of %lld refusals", tries + 1, (long long) sb_number (call, "times"));
}

static enum sb_rc
half (struct sb_call *call)
{
    const char *state = read_word (call, path_of (call, ""), "none");

    return succeed (call, state != NULL && strcmp (state, "half") == 0 ? "done" : "half");
}

static enum sb_rc
flood (struct sb_call *call)
{
    int i;

    for (i = 0; i < 100000; i++)
        sb_log (call, SB_INFO, "line %d of a plugin that says too much", i);
    return succeed (call, "done");
}

static enum sb_rc
behave (struct sb_call *call, const char *how)
{
    if (strcmp (how, "fail") == 0)
        return sb_fail (call, SB_FAIL, "it fails, as asked\nHINT: Set how = succeed.");
    if (strcmp (how, "unsure") == 0)
        return sb_fail (call, SB_UNSURE, "it does not know what it did, as asked");
    if (strcmp (how, "stopped") == 0)
        return sb_fail (call, SB_STOPPED, "it stopped, as asked");
    if (strcmp (how, "retry") == 0)
        return retry (call);
    if (strcmp (how, "half") == 0)
        return half (call);
    if (strcmp (how, "lie") == 0)
        return SB_OK;
    if (strcmp (how, "hang") == 0)
        return hang_politely (call);
    if (strcmp (how, "deaf") == 0)
        hang_deaf ();
    if (strcmp (how, "crash") == 0)
        crash ();
    if (strcmp (how, "leave") == 0)
        _exit (0);
    if (strcmp (how, "flood") == 0)
        return flood (call);
    if (strcmp (how, "undeclared") == 0)
        sb_result (call, "surprise", "a result that no table declares");
    return succeed (call, "done");
}

/* ---- actions -------------------------------------------------------------------------------------------- */

/* run() and verify() set the same results, so that a step that was already done has them too. */
static const char *
tell_state (struct sb_call *call)
{
    const char *state = read_word (call, path_of (call, ""), "none");

    if (state != NULL)
        sb_result (call, "state", state);
    sb_result (call, "said", sb_param (call, "say"));
    return state;
}

static enum sb_rc
do_run (struct sb_call *call, void *self)
{
    int64_t takes = sb_number (call, "takes");
    enum sb_rc rc;

    (void) self;
    note_in_ledger (call);
    sb_log (call, SB_INFO, "%s '%s'", sb_about (call, "verb"), sb_param (call, "thing"));
    if (takes > 0) {
        sb_progress (call, 0, "working");
        if (sb_pause (call, takes))
            return sb_fail (call, SB_STOPPED, "stopped before anything was changed");
        sb_progress (call, 100, "worked");
    }
    rc = behave (call, sb_param (call, "how"));
    if (rc == SB_OK)
        tell_state (call);
    return rc;
}

/* The misbehaving part of verify(); 1: it answered (in *ret). */
static int
look_badly (struct sb_call *call, enum sb_seen *ret)
{
    const char *look = sb_param (call, "look");

    *ret = SB_SEEN_UNKNOWN;
    if (strcmp (look, "unknown") == 0)
        sb_fail (call, SB_RETRY, "it cannot see, as asked");
    else if (strcmp (look, "hang") == 0)
        hang_politely (call);
    else if (strcmp (look, "crash") == 0)
        crash ();
    else
        return 0;
    return 1;
}

static enum sb_seen
do_verify (struct sb_call *call, void *self)
{
    const char *state;
    enum sb_seen seen;

    (void) self;
    if (look_badly (call, &seen))
        return seen;
    state = tell_state (call);
    if (state == NULL) {
        sb_fail (call, SB_RETRY, "cannot read '%s': %s", path_of (call, ""), strerror (errno));
        return SB_SEEN_UNKNOWN;
    }
    if (strcmp (state, "half") == 0)
        return SB_SEEN_PARTLY;
    return strcmp (state, "done") == 0 ? SB_SEEN_YES : SB_SEEN_NO;
}

static enum sb_rc
undo_run (struct sb_call *call, void *self)
{
    const char *how = sb_param (call, "how");

    (void) self;
    note_in_ledger (call);
    if (strcmp (how, "succeed") != 0)
        return behave (call, how);
    unlink (path_of (call, ".tries"));
    if (unlink (path_of (call, "")) != 0 && errno != ENOENT)
        return sb_fail (call, SB_RETRY, "cannot remove '%s': %s", path_of (call, ""), strerror (errno));
    tell_state (call);
    return SB_OK;
}

static enum sb_seen
undo_verify (struct sb_call *call, void *self)
{
    enum sb_seen seen = do_verify (call, self);

    return seen == SB_SEEN_YES ? SB_SEEN_NO : seen == SB_SEEN_NO ? SB_SEEN_YES : seen;
}

static enum sb_rc
read_run (struct sb_call *call, void *self)
{
    const char *state = read_word (call, path_of (call, ""), "none");

    (void) self;
    if (state == NULL)
        return sb_fail (call, SB_RETRY, "cannot read '%s': %s", path_of (call, ""), strerror (errno));
    sb_result (call, "state", state);
    return SB_OK;
}

/* Says a secret aloud in every way there is: none of them may come out. */
static enum sb_rc
whisper_run (struct sb_call *call, void *self)
{
    const char *secret = sb_setting (call, "secret");

    (void) self;
    if (secret == NULL)
        return sb_fail (call, SB_FAIL, "there is nothing to whisper");
    sb_log (call, SB_NOTICE, "the secret is %s", secret);
    sb_progress (call, 50, sb_format (call, "whispering %s", secret));
    sb_result (call, "heard", secret);
    return sb_fail (call, SB_FAIL, "nobody may hear '%s'\nHINT: Not even here: %s.", secret, secret);
}

static const struct sb_option read_results[] = { { .name = "state", .type = SB_STRING, .help = "done, half or none" },
                                                 END };
static const struct sb_option whisper_results[] = { { .name = "heard", .type = SB_STRING, .help = "what came out" },
                                                    END };

static const struct sb_action actions[] = { { .verb = "do",
                                              .help = "do a thing",
                                              .effect = SB_SETTLES,
                                              .timeout_ms = 10000,
                                              .params = do_params,
                                              .results = do_results,
                                              .run = do_run,
                                              .verify = do_verify,
                                              .undo = "undo-do" },
                                            { .verb = "undo-do",
                                              .help = "take it back",
                                              .effect = SB_SETTLES,
                                              .timeout_ms = 10000,
                                              .params = do_params,
                                              .results = do_results,
                                              .run = undo_run,
                                              .verify = undo_verify,
                                              .undo = "do" },
                                            { .verb = "change",
                                              .help = "do a thing that must not be done twice",
                                              .effect = SB_CHANGES,
                                              .timeout_ms = 10000,
                                              .params = do_params,
                                              .results = do_results,
                                              .run = do_run,
                                              .verify = do_verify },
                                            { .verb = "read",
                                              .help = "look at a thing",
                                              .effect = SB_READS,
                                              .timeout_ms = 5000,
                                              .params = read_params,
                                              .results = read_results,
                                              .run = read_run },
                                            { .verb = "whisper",
                                              .help = "say the secret aloud, to see that nobody hears it",
                                              .effect = SB_READS,
                                              .timeout_ms = 5000,
                                              .params = no_params,
                                              .results = whisper_results,
                                              .run = whisper_run },
                                            { .verb = NULL } };

SB_PLUGIN (dummy, .name = "dummy", .role = "dummy", .version = "0.1.0",
           .summary = "succeeds, fails, hangs, crashes, lies", .lanes = SB_PARALLEL, .settings = settings,
           .actions = actions);
