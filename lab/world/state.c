/* The world on disk: DIR/state holds it as it once was, and behind that what changed since, turn by turn; when the changes
 * have become longer than the rest it is written anew and replaced as a whole.  It has to survive the death of the process,
 * not of the machine, so it is not synced: a lab that loses power is built again.  A last change that was cut off is none. */
#include "core/base/mem.h"
#include "core/sys/file.h"
#include "lab/world/delta.h"
#include "lab/world/intern.h"
#include "lab/world/rows.h"
#include "lab/world/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST  (16u << 20)
#define LEAST (256u << 10) /* of changes, before a small world is written anew */

/* What stands before the packed world. */
struct head {
    char magic[8];
    uint64_t size; /* of the packed world */
};

static const char magic[8] = "SB-WORLD";

/* Turn by turn; a cut end is left out. */
static bool
apply_changes (struct world *w, const char *p, size_t n)
{
    uint32_t size;

    while (n >= sizeof size) {
        memcpy (&size, p, sizeof size);
        if (size > n - sizeof size)
            return true;
        if (!w_delta_apply (w, p, size + sizeof size))
            return false;
        p += size + sizeof size;
        n -= size + sizeof size;
    }
    return true;
}

static bool
read_state (struct world *w, const char *p, size_t n)
{
    struct head h;

    if (n < sizeof h)
        return false;
    memcpy (&h, p, sizeof h);
    p += sizeof h;
    n -= sizeof h;
    return memcmp (h.magic, magic, sizeof magic) == 0 && h.size <= n && w_unpack (w, p, h.size)
           && apply_changes (w, p + h.size, n - h.size);
}

bool
w_state_load (const char *dir, struct world *w, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = sb_path_join (dir, "state");
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    if (!sb_file_read (path, MOST, &b, faults))
        return false;
    if (read_state (w, sb_buf_cstr (&b), b.len))
        return true;
    sb_fault (faults, path, 0, "this is not a world of this program");
    sb_fault_hint (faults, "Remove the folder and build the lab again.");
    return false;
}

bool
w_state_save (const char *dir, const struct world *w, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = sb_path_join (dir, "state");
    SB_AUTOFREE char *next = sb_path_join (dir, "state.new");
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    struct head h = { .size = w_packed_size (w) };
    int fd = open (next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good;

    memcpy (h.magic, magic, sizeof magic);
    sb_buf_add (&b, &h, sizeof h);
    w_pack (w, &b);
    good = fd >= 0 && write (fd, b.s, b.len) == (ssize_t) b.len;
    if (fd >= 0 && close (fd) != 0)
        good = false;
    if (good && rename (next, path) == 0)
        return true;
    sb_fault (faults, path, 0, "cannot be written: %s", strerror (errno));
    return false;
}

/* Once more as a whole, and open for what comes. */
static bool
begin_anew (struct w_keeper *k, const char *dir, const struct world *w, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = sb_path_join (dir, "state");

    w_keeper_close (k);
    k->added = 0;
    if (!w_state_save (dir, w, faults))
        return false;
    k->fd = open (path, O_WRONLY | O_APPEND | O_CLOEXEC);
    return true;
}

bool
w_keeper_save (struct w_keeper *k, const char *dir, const struct world *w, const struct sb_buf *changes,
               struct sb_faults *faults)
{
    const size_t most = w_packed_size (w) > LEAST ? w_packed_size (w) : LEAST;

    if (k->fd < 0 || k->added + changes->len > most)
        return begin_anew (k, dir, w, faults);
    k->added += changes->len;
    return write (k->fd, changes->s, changes->len) == (ssize_t) changes->len || begin_anew (k, dir, w, faults);
}

void
w_keeper_close (struct w_keeper *k)
{
    if (k->fd >= 0)
        close (k->fd);
    k->fd = -1;
}

void
w_state_tables (void *dir, struct world *w, w_id copy, int tables)
{
    json_t *changes = tables == 0 ? NULL : w_rows_chat_tables (tables);
    struct w_out out;
    w_id fork;
    w_lsn lsn;

    w_out_init (&out);
    if (changes != NULL && w_append (w, copy, 0, (unsigned) json_array_size (changes), &fork, &lsn, &out))
        w_rows_write (dir, w->copies[copy - 1].family, fork, lsn, changes);
    json_decref (changes);
}
