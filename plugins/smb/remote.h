/* A store on a file server, reached with libsmbclient (GPL-3).  That library is not
 * thread-safe, not even with a context per thread: one call at a time in a process,
 * and a process of its own for each lane of a copy (store.h, `again`). */
#ifndef SB_PLUGINS_SMB_REMOTE_H
#define SB_PLUGINS_SMB_REMOTE_H

#include "plugins/lib/store.h"

enum sb_smb_encryption { SB_SMB_OFF, SB_SMB_WANTED, SB_SMB_REQUIRED };

/* Where and as whom; the strings need to live during the call only. */
struct sb_smb_place {
    const char *url;      /* smb://HOST[:PORT]/SHARE[/FOLDER...], written plainly */
    const char *user;     /* NAME, DOMAIN\NAME or NAME@REALM */
    const char *password; /* of no use with kerberos */
    bool kerberos;        /* never falls back to a password's hash */
    const char *tickets;  /* with kerberos: name of the cache that holds them; NULL: the default one */
    enum sb_smb_encryption encryption;
    int timeout_ms; /* of one request */
};

/* Encodes a plain smb: address for the library.  NULL: ret_why says what is wrong with it (a constant).  Caller frees. */
char *sb_smb_url (const char *plain, const char **ret_why);

/* Connects and sees whether the folder is there.  NULL: errno, and ret_why is a sentence part (caller frees). */
struct sb_store *sb_store_smb (const struct sb_smb_place *place, char **ret_why);

#endif
