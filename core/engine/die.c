/* Fault points.  The only state of the engine's folder that is not handed around:
 * a process dies as a whole. */
#include "core/engine/die.h"

#include "config.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const sb_die_names[SB_DIE_POINTS] = { "before-commit", "after-commit", "after-act", "on-answer" };

static uint64_t left, passed;
static enum sb_die_point only = SB_DIE_POINTS;

void
sb_die_at (enum sb_die_point which, uint64_t n)
{
    only = which;
    left = n;
    passed = 0;
}

#ifdef SB_FAULT_POINTS
static void
read_environment (void)
{
    static bool was_read;
    const char *text = was_read ? NULL : getenv ("SWITCHBACK_DIE_AT"), *colon = text ? strrchr (text, ':') : NULL;
    int i;

    was_read = true;
    if (!text)
        return;
    left = strtoull (colon ? colon + 1 : text, NULL, 10);
    for (i = 0; colon && i < SB_DIE_POINTS; i++)
        if (strncmp (sb_die_names[i], text, (size_t) (colon - text)) == 0 && sb_die_names[i][colon - text] == 0)
            only = (enum sb_die_point) i;
}
#endif

void
sb_die_here (enum sb_die_point which)
{
#ifdef SB_FAULT_POINTS
    read_environment ();
#endif
    passed++;
    if (left == 0 || (only != SB_DIE_POINTS && only != which))
        return;
    if (--left == 0)
        kill (getpid (), SIGKILL);
}

uint64_t
sb_die_passed (void)
{
    return passed;
}
