/* A plugin of a site, built out of tree: it plays the role `notify` and writes
 * each message as one line into a file instead of sending it anywhere.
 *
 * Copy this folder to begin one of your own.  What matters:
 *
 *   - the tables tell everything there is to know; the program reads them
 *     without running any code from here;
 *   - verify() looks at the world (the file), not at what run() believes;
 *   - a sentence says what was tried, on what, and what came back.
 *
 * Build it with `make`; see the Makefile.  Use it by naming its folder:
 *
 *     [channel log-book]
 *     plugin = journal
 *     file = messages.log
 *
 *     switchback --plugins DIR ...                                            */
#include <switchback/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct sb_option settings[] = { { .name = "file",
                                               .type = SB_STRING,
                                               .flags = SB_REQUIRED,
                                               .help = "where messages are written, from the topology's folder" },
                                             { .name = NULL } };
static const struct sb_option params[] = {
    { .name = "id", .type = SB_STRING, .flags = SB_REQUIRED, .help = "identifier that makes a repeat harmless" },
    { .name = "event", .type = SB_STRING, .flags = SB_REQUIRED, .help = "kind of event" },
    { .name = "subject", .type = SB_STRING, .flags = SB_REQUIRED, .help = "one line" },
    { .name = "body", .type = SB_STRING, .help = "text" },
    { .name = NULL }
};
static const struct sb_option results[] = {
    { .name = "receipt", .type = SB_STRING, .help = "the file and the identifier" }, { .name = NULL }
};

/* Memory of the call: nobody has to free it. */
static const char *
path_of (struct sb_call *call)
{
    const char *file = sb_setting (call, "file");

    return *file == '/' ? file : sb_format (call, "%s/%s", sb_about (call, "base"), file);
}

/* One line a message; what could begin another line becomes a blank. */
static char *
line_of (struct sb_call *call)
{
    const char *drill = sb_about (call, "drill") != NULL ? "DRILL " : "", *body = sb_param (call, "body");
    char *line = sb_format (call, "<%s> %s: %s%s%s%s", sb_param (call, "id"), sb_param (call, "event"), drill,
                            sb_param (call, "subject"), body != NULL ? " | " : "", body != NULL ? body : ""),
         *at;

    for (at = line; *at != '\0'; at++)
        if ((unsigned char) *at < 0x20)
            *at = ' ';
    return sb_format (call, "%s\n", line);
}

/* 1: a line begins with this identifier; 0: none does; -1: the file cannot be read. */
static int
is_written (struct sb_call *call)
{
    const char *start = sb_format (call, "<%s> ", sb_param (call, "id"));
    FILE *f = fopen (path_of (call), "re");
    char *line = NULL;
    size_t room = 0;
    int found = 0;

    if (f == NULL)
        return errno == ENOENT ? 0 : -1;
    while (!found && getline (&line, &room, f) >= 0)
        found = strncmp (line, start, strlen (start)) == 0;
    free (line);
    fclose (f);
    return found;
}

static enum sb_rc
send_run (struct sb_call *call, void *self)
{
    const char *path = path_of (call), *line = line_of (call);
    int fd = open (path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    ssize_t n;

    (void) self;
    if (fd < 0)
        return sb_fail (call, SB_RETRY, "cannot open '%s': %s\nHINT: Look at the setting 'file' of the channel.", path,
                        strerror (errno));
    n = write (fd, line, strlen (line));
    if (n != (ssize_t) strlen (line) || fsync (fd) != 0) {
        close (fd);
        return sb_fail (call, SB_UNSURE, "cannot write '%s': %s", path, strerror (errno));
    }
    close (fd);
    sb_result (call, "receipt", sb_format (call, "%s <%s>", path, sb_param (call, "id")));
    return SB_OK;
}

static enum sb_seen
send_verify (struct sb_call *call, void *self)
{
    int found = is_written (call);

    (void) self;
    if (found < 0) {
        sb_fail (call, SB_RETRY, "cannot read '%s': %s", path_of (call), strerror (errno));
        return SB_SEEN_UNKNOWN;
    }
    if (!found)
        return SB_SEEN_NO;
    sb_result (call, "receipt", sb_format (call, "%s <%s>", path_of (call), sb_param (call, "id")));
    return SB_SEEN_YES;
}

static const struct sb_action actions[] = { { .verb = "send",
                                              .help = "write one message into the log book",
                                              .effect = SB_SETTLES,
                                              .timeout_ms = 10000,
                                              .params = params,
                                              .results = results,
                                              .run = send_run,
                                              .verify = send_verify },
                                            { .verb = NULL } };

SB_PLUGIN (journal, .name = "journal", .role = "notify", .version = "1.0", .summary = "messages into a log book",
           .lanes = SB_SERIAL, .settings = settings, .actions = actions);
