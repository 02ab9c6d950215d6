/* The world on disk: DIR/state, replaced as a whole after every turn that
 * changed it.  It has to survive the death of the process, not of the machine,
 * so it is not synced: a lab that loses power is built again. */
#include "core/base/mem.h"
#include "core/sys/file.h"
#include "lab/world/intern.h"
#include "lab/world/rows.h"
#include "lab/world/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST (16u << 20)

bool
w_state_load (const char *dir, struct world *w, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = sb_path_join (dir, "state");
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    if (!sb_file_read (path, MOST, &b, faults))
        return false;
    if (w_unpack (w, sb_buf_cstr (&b), b.len))
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
    int fd = open (next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good;

    w_pack (w, &b);
    good = fd >= 0 && write (fd, b.s, b.len) == (ssize_t) b.len;
    if (fd >= 0 && close (fd) != 0)
        good = false;
    if (good && rename (next, path) == 0)
        return true;
    sb_fault (faults, path, 0, "cannot be written: %s", strerror (errno));
    return false;
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
