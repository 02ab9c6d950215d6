/* Copies files from one store to another so that a name appears only when all of
 * the file is there, checked and durable.
 *
 *     parent: lists, prepares, commits --- shared memory --- lanes: read, hash, write, read back
 *
 * A file is cut into blocks of 4 MiB, blocks into units; lanes (processes, each
 * with its own connections) take units, so one large file and many small ones are
 * copied by several at once.  A block's hash (XXH3) is taken while it is read
 * from the source and compared with what the target gives back: of a large file on
 * a disk of this host the disk itself, past the system's memory (O_DIRECT).  A file lies
 * under a hidden name until the commit: source unchanged, one syncfs for all small
 * files, a rename that does not replace, one fsync of the folder.
 *
 * Beside the hidden copy of a large file lie the hashes of its blocks (.sums).  A
 * later call finds both, believes no block that does not hash as noted, and copies
 * the others: that is how a broken copy is taken up again. */
#ifndef SB_PLUGINS_COPY_H
#define SB_PLUGINS_COPY_H

#include "plugins/lib/store.h"

enum sb_copied {
    SB_COPY_NOT_YET, /* never came to it: stopped, or the others failed */
    SB_COPY_DONE,
    SB_COPY_GREW,      /* the source changed meanwhile: nothing is left of it */
    SB_COPY_GONE,      /* the source went meanwhile */
    SB_COPY_STANDS,    /* another file of that name stands there: it was not touched */
    SB_COPY_NO_SOURCE, /* error: the source cannot be read */
    SB_COPY_NO_TARGET, /* error: the target cannot be written */
    SB_COPY_DAMAGED,   /* the target gives other bytes back than were written */
    SB_COPY_DIED,      /* the process that copied it ended */
    SB_COPY_WRITTEN    /* inside only */
};

struct sb_copy_file {
    enum sb_copied how;
    int error; /* errno, or 0 */
};

struct sb_copy_state {
    size_t files, files_done;
    int64_t bytes, bytes_done; /* of all files; with what was found there already */
    int64_t bytes_copied, bytes_resumed;
    int64_t elapsed_ms;
};

struct sb_copy {
    struct sb_store *from, *to;
    const struct sb_entries *want;                              /* as the source lists them */
    int lanes;                                                  /* at most; 0: what the stores advise */
    int stop_fd;                                                /* readable: stop; -1: none */
    void (*progress) (void *ctx, const struct sb_copy_state *); /* some times a second; may be NULL */
    void *ctx;
    struct sb_copy_file *ret; /* one a file, given by the caller */
    struct sb_copy_state state;
    bool stopped; /* it was asked to */
};

/* Runs to its end.  What became of each file stands in ret; false: some are neither done nor left out with a reason
 * of the source's (grew, gone, stands). */
bool sb_copy_run (struct sb_copy *c);

/* Bytes of this file that lie in the target already, in an unfinished copy. */
int64_t sb_copy_begun (struct sb_store *to, const struct sb_entry *f);

/* The hidden name under which `name` is copied, with ".part" or ".sums" behind it; caller frees. */
char *sb_copy_hidden (const char *name, const char *tail);

#endif
