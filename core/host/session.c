/* Environment and session of workers; see session.h. */
#include "core/host/session.h"

#include "core/base/mem.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names, or beginnings of names ("TDS*").  FreeTDS: "Environment variables" in its user guide; libcurl: libcurl-env(3);
 * OpenSSL and NSS: SSLKEYLOGFILE; Kerberos: KRB5_TRACE writes what it pleases. */
static const char *const unwanted[] = {
    "TDS*",
    "FREETDS*",
    "SYBASE*",
    "DSQUERY",
    "LTDL_LIBRARY_PATH",
    "SSLKEYLOGFILE",
    "KRB5_TRACE",
    "CURL_*",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "XML_CATALOG_FILES",
    "SGML_CATALOG_FILES",
    "XML_DEBUG_CATALOG",
};

static bool
is_unwanted (const char *variable)
{
    size_t i, name = strcspn (variable, "=");

    for (i = 0; i < sizeof unwanted / sizeof *unwanted; i++) {
        size_t n = strlen (unwanted[i]);
        bool prefix = unwanted[i][n - 1] == '*';

        n -= prefix;
        if ((prefix ? name >= n : name == n) && strncmp (variable, unwanted[i], n) == 0)
            return true;
    }
    return false;
}

char **
sb_worker_env (void)
{
    size_t n = 0, kept = 0, i;
    char **env;

    while (environ != NULL && environ[n] != NULL)
        n++;
    env = sb_xcalloc (n + 1, sizeof *env);
    for (i = 0; i < n; i++)
        if (!is_unwanted (environ[i]))
            env[kept++] = environ[i];
    return env;
}

/* /proc/PID/stat: "pid (name) state ppid pgrp session ..."; the name may hold blanks and brackets (proc(5)). */
static pid_t
session_of (const char *pid)
{
    char path[64], text[512], *after;
    int fd, session = -1;
    ssize_t n;

    snprintf (path, sizeof path, "/proc/%.20s/stat", pid);
    fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    n = read (fd, text, sizeof text - 1);
    close (fd);
    text[n > 0 ? n : 0] = '\0';
    after = strrchr (text, ')');
    if (after == NULL || sscanf (after + 1, " %*c %*d %*d %d", &session) != 1)
        return -1;
    return session;
}

void
sb_session_kill (pid_t leader)
{
    DIR *proc = opendir ("/proc");
    struct dirent *e;

    if (proc == NULL)
        return;
    while ((e = readdir (proc)) != NULL)
        if (isdigit ((unsigned char) *e->d_name) && session_of (e->d_name) == leader && atoi (e->d_name) != leader)
            kill (atoi (e->d_name), SIGKILL);
    closedir (proc);
}
