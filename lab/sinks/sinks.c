/* Starting what belongs to no site; see sinks.h.  Threads that are made here are
 * deaf to signals, so those of the process go to whoever waits for them. */
#include "config.h"

#include "lab/sinks/sinks.h"

#include "core/base/mem.h"
#include "core/sys/file.h"
#include "lab/sinks/intern.h"

#include <signal.h>
#include <stdio.h>

static struct lab_sinks_cfg kept; /* the threads' copy; never freed */

static void
keep (const struct lab_sinks_cfg *cfg)
{
    kept = *cfg;
    kept.dir = sb_xstrdup (cfg->dir);
    kept.address = sb_xstrdup (cfg->address);
    kept.cert = sb_xstrdup (cfg->cert);
    kept.key = sb_xstrdup (cfg->key);
    kept.mail_user = sb_xstrdup (cfg->mail_user);
}

static bool
start (struct sb_faults *faults)
{
    SB_AUTOFREE char *mail = sb_xprintf ("%s/sinks/mail", kept.dir);

    return sb_dir_make (mail, 0700, faults) && chat_start (&kept, faults) && smtp_start (&kept, faults)
           && power_start (&kept, faults);
}

int
lab_sinks_start (struct lab_sinks_cfg *cfg)
{
    SB_CLEANUP (sb_faults_free) struct sb_faults faults = { 0 };
    SB_AUTOFREE char *text = NULL;
    sigset_t all, before;
    bool ok;

    keep (cfg);
    sigfillset (&all);
    pthread_sigmask (SIG_BLOCK, &all, &before);
    ok = start (&faults);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    cfg->chat_port = kept.chat_port;
    cfg->mail_port = kept.mail_port;
    cfg->power_port = kept.power_port;
    if (ok)
        return 0;
    text = sb_faults_text (&faults);
    fprintf (stderr, "sinks: %s", text);
    return -1;
}
