/* `lab up --smb`: the lab's share folders behind a real Samba smbd, one for each site
 * that has shares, as root or as an ordinary user; with --keytab it takes tickets, too.
 *
 *     DIR/smb/SITE/smb.conf    its whole configuration; lock, state, cache, priv, log beside it
 *     DIR/mnt/SHARE            what a share shows: there only while this host could see it
 *
 * A server runs while its site has power and this host's site reaches it, so that a dark site refuses connections
 * like a machine that is off.  It leads a group of its own (smbd ends its whole group on SIGTERM) and is killed with it. */
#include "lab/lab.h"

#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/random.h"
#include "core/sys/spawn.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE 30000

static const char *const places[] = { "/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin",
                                      "/usr/local/samba/sbin" };

/* The path of one of Samba's programs; NULL: not installed.  Caller frees. */
static char *
find_program (const char *name)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *path = sb_xprintf ("%s/%s", places[i], name);

        if (access (path, X_OK) == 0)
            return path;
        free (path);
    }
    return NULL;
}

static bool
stands_in (const struct lab_cfg *c, const struct lab_share *s, const char *site)
{
    const char *where = lab_share_site (c, s);

    return s->path != NULL && where != NULL && strcmp (where, site) == 0;
}

/* ---- building --------------------------------------------------------------------------------------------- */

/* Tickets: for the names of the services in the lab's keytab; whoever has one is the lab's account. */
static bool
add_tickets (const struct lab_cfg *c, const char *base, struct sb_buf *conf, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/users", base);
    SB_CLEANUP (sb_buf_free) struct sb_buf users = { 0 };
    const char *realm = NULL;

    sb_buf_printf (&users, "%s =", c->smb_user);
    for (size_t i = 0; i < c->ncredentials; i++) {
        const struct lab_credential *who = &c->credentials[i];
        const char *at = strcmp (who->method, "kerberos") == 0 && who->user != NULL ? strchr (who->user, '@') : NULL;

        if (at == NULL)
            continue;
        realm = at + 1;
        sb_buf_printf (&users, " LAB\\%.*s", (int) (at - who->user), who->user);
    }
    sb_buf_char (&users, '\n');
    if (realm != NULL)
        sb_buf_printf (conf,
                       "realm = %s\nkerberos method = dedicated keytab\ndedicated keytab file = "
                       "FILE:%s/secrets/services.keytab\nusername map = %s\n",
                       realm, c->dir, path);
    return sb_file_write (path, sb_buf_cstr (&users), users.len, 0644, faults);
}

static bool
write_conf (const struct lab_cfg *c, const struct lab_site *site, const char *base, const char *user,
            struct sb_faults *faults)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/smb.conf", base);
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    sb_buf_printf (&b,
                   "[global]\nserver role = standalone server\nworkgroup = LAB\nnetbios name = LABFS\nsmb ports = %d\n"
                   "interfaces = %s\nbind interfaces only = yes\ndisable netbios = yes\nload printers = no\n"
                   "printcap name = /dev/null\ndisable spoolss = yes\nlock directory = %s/lock\n"
                   "state directory = %s/state\ncache directory = %s/cache\nprivate dir = %s/priv\n"
                   "pid directory = %s/lock\nncalrpc dir = %s/ncalrpc\nlog file = %s/log/%%m\n"
                   "passdb backend = tdbsam:%s/priv/passdb.tdb\nmap to guest = Never\nserver min protocol = SMB2_10\n"
                   "server smb encrypt = required\nunix charset = UTF-8\ndos charset = ASCII\nlog level = 1\n",
                   site->smb_port, LAB_ADDRESS, base, base, base, base, base, base, base, base);
    if (c->smb_tickets && !add_tickets (c, base, &b, faults))
        return false;
    for (size_t i = 0; i < c->nshares; i++)
        if (stands_in (c, &c->shares[i], site->name))
            sb_buf_printf (&b, "[%s]\npath = %s/mnt/%s\nread only = no\nforce user = %s\n", c->shares[i].name, c->dir,
                           c->shares[i].name, user);
    return sb_file_write (path, b.s, b.len, 0644, faults);
}

/* pdbedit makes the account; its password comes on stdin, twice. */
static bool
make_account (const struct lab_cfg *c, const char *base, struct sb_faults *faults)
{
    SB_AUTOFREE char *pdbedit = find_program ("pdbedit"), *conf = sb_xprintf ("%s/smb.conf", base);
    SB_AUTOFREE char *twice = sb_xprintf ("%s\n%s\n", c->smb_password, c->smb_password);
    const char *argv[] = { pdbedit, "-s", conf, "-t", "-a", "-u", c->smb_user, NULL };
    const struct sb_spawn_fd fds[] = { { -1, 2 } };
    struct sb_spawn how = { .argv = argv, .fds = fds, .nfds = 1 };
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };
    struct sb_exit e = { -1, 0 };

    if (pdbedit != NULL && sb_run_program (&how, twice, &out, 65536, sb_deadline_in (PATIENCE), &e, faults)
        && e.code == 0)
        return true;
    sb_fault (faults, NULL, 0, "no account can be made for the lab's file server: %s", sb_buf_cstr (&out));
    return false;
}

static bool
make_site (const struct lab_cfg *c, const struct lab_site *site, struct sb_faults *faults)
{
    static const char *const names[] = { "lock", "state", "cache", "priv", "ncalrpc", "log" };
    SB_AUTOFREE char *base = sb_xprintf ("%s/smb/%s", c->dir, site->name);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        SB_AUTOFREE char *path = sb_xprintf ("%s/%s", base, names[i]);

        if (!sb_dir_make (path, 0755, faults))
            return false;
    }
    return write_conf (c, site, base, c->smb_user, faults) && make_account (c, base, faults);
}

bool
lab_smb_make (struct lab_cfg *c, struct sb_faults *faults)
{
    SB_AUTOFREE char *smbd = find_program ("smbd"), *secret = NULL;
    const struct passwd *me = getpwuid (getuid ());
    char hex[25];
    bool good = true;

    if (!c->smb)
        return true;
    if (smbd == NULL || me == NULL) {
        sb_fault (faults, NULL, 0,
                  smbd == NULL ? "the lab's file server needs Samba's smbd, which is not installed"
                               : "the lab's file server needs an account name for this user");
        sb_fault_hint (faults, "Leave --smb out, or install it (on Debian: apt-get install samba).");
        return false;
    }
    sb_random_hex (hex, 24);
    c->smb_user = sb_xstrdup (me->pw_name);
    c->smb_password = sb_xprintf ("Lab-%s", hex);
    secret = sb_xprintf ("%s/secrets/%s.secret", c->dir, LAB_FILES);
    good = sb_file_write (secret, c->smb_password, strlen (c->smb_password), 0600, faults);
    for (size_t i = 0; good && i < c->nsites; i++)
        good = make_site (c, &c->sites[i], faults);
    return good;
}

/* ---- running ---------------------------------------------------------------------------------------------- */

pid_t
lab_smb_start (const struct lab_cfg *c, const struct lab_site *site, struct sb_faults *faults)
{
    SB_AUTOFREE char *smbd = find_program ("smbd"), *conf = sb_xprintf ("%s/smb/%s/smb.conf", c->dir, site->name);
    SB_AUTOFREE char *file = sb_xprintf ("%s/log/smb-%s.log", c->dir, site->name);
    const char *argv[] = { smbd, "-F", "--no-process-group", "-s", conf, "--debug-stdout", NULL };
    int log = open (file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const struct sb_spawn_fd fds[] = { { -1, 0 }, { log, 1 }, { log, 2 } };
    struct sb_spawn how = { .argv = argv, .fds = fds, .nfds = 3, .own_group = true, .die_signal = SIGKILL };
    pid_t pid = -1;

    if (smbd != NULL)
        pid = sb_spawn (&how, faults);
    else
        sb_fault (faults, NULL, 0, "Samba's smbd is not installed any more");
    if (log >= 0)
        close (log);
    return pid;
}
