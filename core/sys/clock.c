/* Clocks. */
#include "core/sys/clock.h"

#include <limits.h>
#include <time.h>

static int64_t
read_clock (clockid_t id)
{
    struct timespec t;

    clock_gettime (id, &t);
    return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
sb_now_ms (void)
{
    return read_clock (CLOCK_REALTIME);
}

int64_t
sb_mono_ms (void)
{
    return read_clock (CLOCK_MONOTONIC);
}

int64_t
sb_deadline_in (int64_t ms)
{
    int64_t at;

    return ms < 0 || __builtin_add_overflow (sb_mono_ms (), ms, &at) ? SB_NEVER : at;
}

int
sb_deadline_left (int64_t deadline)
{
    int64_t left;

    if (deadline == SB_NEVER)
        return -1;
    left = deadline - sb_mono_ms ();
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int) left;
}

void
sb_sleep_ms (int64_t ms)
{
    struct timespec rest = { ms / 1000, ms % 1000 * 1000000 };

    while (ms > 0 && clock_nanosleep (CLOCK_MONOTONIC, 0, &rest, &rest) != 0)
        ;
}
