/* Copies all files of one store to a folder with the engine of the plugins share and
 * smb (plugins/lib/copy.h), durably, and prints what it took.
 *
 *     copies FROM TO       FROM: a folder, or smb://..., with the account in BENCH_USER and BENCH_PASSWORD */
#include "config.h"

#include "plugins/lib/copy.h"
#ifdef SB_WITH_SMB
#include "plugins/smb/remote.h"
#endif

#include "core/base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sb_store *
open_store (const char *path)
{
#ifdef SB_WITH_SMB
    char *why = NULL;
    const struct sb_smb_place place = { .url = path,
                                        .user = getenv ("BENCH_USER"),
                                        .password = getenv ("BENCH_PASSWORD"),
                                        .encryption = SB_SMB_REQUIRED,
                                        .timeout_ms = 20000 };
    struct sb_store *s;

    if (strncmp (path, "smb://", 6) == 0) {
        s = sb_store_smb (&place, &why);
        if (s == NULL)
            fprintf (stderr, "%s: %s\n", path, why);
        return s;
    }
#endif
    return sb_store_local (path);
}

int
main (int argc, char **argv)
{
    const struct sb_filter all = { NULL, NULL };
    struct sb_entries want = { 0 };
    struct sb_copy c = { .want = &want, .stop_fd = -1 };
    bool good;

    if (argc < 3)
        return 2;
    c.from = open_store (argv[1]);
    c.to = open_store (argv[2]);
    c.lanes = argc > 3 ? atoi (argv[3]) : 0;
    if (c.from == NULL || c.to == NULL || !c.from->ops->list (c.from, &all, &want)) {
        fprintf (stderr, "%s, %s: %s\n", argv[1], argv[2], strerror (errno));
        return 1;
    }
    c.ret = sb_xcalloc (want.count + 1, sizeof *c.ret);
    good = sb_copy_run (&c);
    printf ("files=%zu bytes=%lld ms=%lld\n", c.state.files_done, (long long) c.state.bytes_copied,
            (long long) c.state.elapsed_ms);
    free (c.ret);
    sb_entries_free (&want);
    sb_store_free (c.from);
    sb_store_free (c.to);
    return good ? 0 : 1;
}
