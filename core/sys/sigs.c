/* Signals by signalfd(). */
#include "core/sys/sigs.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

int
sb_signal_fd (const int *signals, struct sb_faults *faults)
{
    sigset_t set;
    int fd = -1;

    sigemptyset (&set);
    for (; *signals; signals++)
        sigaddset (&set, *signals);
    if (sigprocmask (SIG_BLOCK, &set, NULL) == 0)
        fd = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        sb_fault (faults, NULL, 0, "cannot read signals: %s", strerror (errno));
    return fd;
}

int
sb_signal_next (int fd)
{
    struct signalfd_siginfo info;

    return read (fd, &info, sizeof info) == (ssize_t) sizeof info ? (int) info.ssi_signo : 0;
}
