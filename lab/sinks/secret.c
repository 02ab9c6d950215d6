/* Secrets of the lab; see secret.h. */
#include "config.h"

#include "lab/sinks/secret.h"

#include "core/base/mem.h"
#include "core/sys/file.h"

#include <openssl/crypto.h>
#include <string.h>

#define MAX_SECRET 4096

enum lab_secret
lab_secret_check (const char *dir, const char *name, const char *shown, size_t n)
{
    SB_CLEANUP (sb_faults_free) struct sb_faults faults = { 0 };
    SB_CLEANUP (sb_buf_free) struct sb_buf file = { 0 };
    SB_AUTOFREE char *path = sb_xprintf ("%s/secrets/%s.secret", dir, name);
    enum lab_secret ret = LAB_SECRET_WRONG;
    size_t len;

    if (!sb_file_read (path, MAX_SECRET, &file, &faults))
        return LAB_SECRET_NONE;
    len = strcspn (sb_buf_cstr (&file), "\r\n");
    if (len == 0)
        ret = LAB_SECRET_NONE;
    else if (len == n && CRYPTO_memcmp (file.s, shown, n) == 0)
        ret = LAB_SECRET_RIGHT;
    sb_wipe (file.s, file.cap);
    return ret;
}
