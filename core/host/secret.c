/* Reading of secrets; see secret.h. */
#include "core/host/secret.h"

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/socket.h"
#include "core/sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMAND_MS 30000
#define MAX_WORDS  32

void
sb_secret_free (char *secret)
{
    if (secret == NULL)
        return;
    sb_wipe (secret, strlen (secret));
    free (secret);
}

static void
wipe_buf (struct sb_buf *b)
{
    sb_wipe (b->s, b->cap);
    sb_buf_free (b);
}

/* Cuts one newline; NUL bytes and emptiness are faults. */
static char *
as_secret (struct sb_buf *b, const char *reference, struct sb_faults *faults)
{
    char *secret;

    if (b->len > 0 && b->s[b->len - 1] == '\n')
        b->len--;
    if (b->len > 0 && b->s[b->len - 1] == '\r')
        b->len--;
    if (b->len == 0 || memchr (b->s, '\0', b->len) != NULL) {
        sb_fault (faults, NULL, 0, "the secret '%s' is %s", reference, b->len == 0 ? "empty" : "binary");
        return NULL;
    }
    secret = sb_xstrndup (b->s, b->len);
    return secret;
}

static bool
is_private (int fd, const char *path, struct sb_faults *faults)
{
    struct stat st;

    if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode)) {
        sb_fault (faults, NULL, 0, "the secret '%s' is not a regular file", path);
        return false;
    }
    if ((st.st_mode & 077) != 0) {
        sb_fault (faults, NULL, 0, "the secret '%s' can be read or written by others (mode %04o)", path,
                  (unsigned) (st.st_mode & 07777));
        sb_fault_hint (faults, "Make it private: chmod 600 '%s'.", path);
        return false;
    }
    if (st.st_uid != 0 && st.st_uid != geteuid ()) {
        sb_fault (faults, NULL, 0, "the secret '%s' belongs to user %u, not to root or to the caller", path,
                  (unsigned) st.st_uid);
        return false;
    }
    if (st.st_size > (off_t) SB_SECRET_MAX) {
        sb_fault (faults, NULL, 0, "the secret '%s' is larger than %u bytes", path, SB_SECRET_MAX);
        return false;
    }
    return true;
}

static bool
read_all (int fd, struct sb_buf *b)
{
    char part[4096];
    ssize_t n;

    while ((n = read (fd, part, sizeof part)) > 0 && b->len <= SB_SECRET_MAX)
        sb_buf_add (b, part, (size_t) n);
    sb_wipe (part, sizeof part);
    return n == 0;
}

static char *
from_path (const char *path, const char *reference, struct sb_faults *faults)
{
    SB_CLEANUP (wipe_buf) struct sb_buf b = { 0 };
    SB_CLEANUP (sb_fd_close) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        sb_fault (faults, NULL, 0, "the secret '%s' cannot be read: %s", path, strerror (errno));
        return NULL;
    }
    if (!is_private (fd, path, faults))
        return NULL;
    if (!read_all (fd, &b)) {
        sb_fault (faults, NULL, 0, "the secret '%s' cannot be read to its end", path);
        return NULL;
    }
    return as_secret (&b, reference, faults);
}

static char *
from_file (const char *name, const char *base, int64_t deadline, const char *reference, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = sb_path_join (base, name);

    (void) deadline;
    return from_path (path, reference, faults);
}

static char *
from_env (const char *name, const char *base, int64_t deadline, const char *reference, struct sb_faults *faults)
{
    const char *value = getenv (name);

    (void) base;
    (void) deadline;
    if (value == NULL || *value == '\0' || strlen (value) > SB_SECRET_MAX) {
        sb_fault (faults, NULL, 0, "the secret '%s' is not in the environment", reference);
        return NULL;
    }
    return sb_xstrdup (value);
}

static char *
from_credential (const char *name, const char *base, int64_t deadline, const char *reference, struct sb_faults *faults)
{
    const char *dir = getenv ("CREDENTIALS_DIRECTORY");
    SB_AUTOFREE char *path = NULL;

    (void) base;
    (void) deadline;
    if (dir == NULL || *dir != '/') {
        sb_fault (faults, NULL, 0, "the secret '%s' needs $CREDENTIALS_DIRECTORY, which is not set", reference);
        sb_fault_hint (faults, "Start this program from a systemd unit with LoadCredential=%s:...", name);
        return NULL;
    }
    if (strchr (name, '/') != NULL || *name == '.') {
        sb_fault (faults, NULL, 0, "the secret '%s' is not a plain name", reference);
        return NULL;
    }
    path = sb_path_join (dir, name);
    return from_path (path, reference, faults);
}

/* Splits in place; quotes keep blanks.  0: nothing there, too much, or a quote is open. */
static size_t
split_words (char *text, const char *words[MAX_WORDS + 1])
{
    size_t n = 0;

    for (;;) {
        while (*text == ' ' || *text == '\t')
            text++;
        if (*text == '\0')
            break;
        if (n == MAX_WORDS)
            return 0;
        if (*text == '"') {
            words[n++] = ++text;
            text = strchr (text, '"');
            if (text == NULL)
                return 0;
        } else {
            words[n++] = text;
            text += strcspn (text, " \t");
        }
        if (*text != '\0')
            *text++ = '\0';
    }
    words[n] = NULL;
    return n;
}

static char *
from_command (const char *command, const char *base, int64_t deadline, const char *reference, struct sb_faults *faults)
{
    SB_CLEANUP (wipe_buf) struct sb_buf out = { 0 };
    SB_AUTOFREE char *text = sb_xstrdup (command), *program = NULL;
    const char *words[MAX_WORDS + 1];
    struct sb_spawn what = { .argv = words, .cwd = base, .own_group = true, .die_signal = 9 };
    struct sb_exit end = { 0 };
    int64_t limit = sb_deadline_in (COMMAND_MS);

    if (split_words (text, words) == 0 || strchr (words[0], '/') == NULL) {
        sb_fault (faults, NULL, 0, "the secret '%s' names no program by its path", reference);
        return NULL;
    }
    words[0] = program = sb_path_join (base, words[0]);
    if (!sb_run_program (&what, NULL, &out, SB_SECRET_MAX, deadline < limit ? deadline : limit, &end, faults)) {
        sb_fault_prefix (faults, faults->count - 1, "the secret of program '%s'", program);
        return NULL;
    }
    if (end.code != 0) {
        SB_CLEANUP (sb_buf_free) struct sb_buf how = { 0 };

        sb_exit_text (end, &how);
        sb_fault (faults, NULL, 0, "the program '%s' gave no secret: %s", program, sb_buf_cstr (&how));
        return NULL;
    }
    return as_secret (&out, reference, faults);
}

static const struct source {
    const char *prefix;
    char *(*read) (const char *rest, const char *base, int64_t deadline, const char *reference, struct sb_faults *f);
} sources[] = {
    { "file:", from_file },
    { "env:", from_env },
    { "command:", from_command },
    { "credential:", from_credential },
};

char *
sb_secret_read (const char *reference, const char *base, int64_t deadline, struct sb_faults *faults)
{
    size_t i;

    for (i = 0; i < sizeof sources / sizeof *sources; i++) {
        size_t n = strlen (sources[i].prefix);

        if (strncmp (reference, sources[i].prefix, n) != 0)
            continue;
        reference += n;
        reference += strspn (reference, " ");
        return sources[i].read (reference, base, deadline, reference, faults);
    }
    sb_fault (faults, NULL, 0, "a secret is not given as a reference");
    sb_fault_hint (faults, "Write file:NAME, env:NAME, command:PROGRAM or credential:NAME.");
    return NULL;
}
