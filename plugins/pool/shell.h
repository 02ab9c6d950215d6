/* Cmdlets of the pool, named by a piece of PowerShell that fills $r: written,
 * sent to a front end that answers, and read back as JSON.  The rest of the
 * plugin speaks of cmdlets alone; another carrier would replace this file. */
#ifndef SB_PLUGINS_POOL_SHELL_H
#define SB_PLUGINS_POOL_SHELL_H

#include "core/base/buf.h"
#include "plugins/lib/kerberos.h"

#include <switchback/plugin.h>

#include <jansson.h>
#include <stdbool.h>

#define POOL_MAX_HOSTS 16

/* What one instance of the plugin remembers: which front ends were dead a moment ago, and what was there before a step
 * changed it (so that verify() can tell it, too). */
struct pool {
    struct {
        char name[128];
        int64_t until_ms;
    } dead[POOL_MAX_HOSTS];
    char step[256];
    char *was;
    struct sb_tickets tickets;
};

/* A single-quoted PowerShell string: ' and its typographic brothers are doubled. */
void ps_quote (struct sb_buf *b, const char *text);
const char *ps_quoted (struct sb_call *call, const char *text);

/* Runs `body` in a front end's shell with the module loaded.  SB_OK: *ret is what $r was; the caller decrefs.  Else
 * sb_fail() was called and its class is returned: what a script that only reads failed at is never in doubt.
 * `site`: only front ends there; NULL: those of `control`, in order. */
enum sb_rc
pool_ps (struct sb_call *call, struct pool *p, const char *site, bool changes, const char *body, json_t **ret);

/* Does any front end of the site answer? */
bool pool_site_answers (struct sb_call *call, const char *site);

/* FQDN of a server or front end: as written, else its name in the pool's domain. */
const char *pool_fqdn (struct sb_call *call, const char *kind, const char *name);
/* The object of a kind with this FQDN; NULL: none. */
const char *pool_name_of (struct sb_call *call, const char *kind, const char *fqdn);

#endif
