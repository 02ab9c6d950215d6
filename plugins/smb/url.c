/* Addresses smb://HOST[:PORT]/SHARE[/FOLDER...]; see remote.h.  What people write is
 * plain text; the library decodes per cent, so everything but letters and digits is
 * encoded for it. */
#include "plugins/smb/intern.h"
#include "plugins/smb/remote.h"

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define SCHEME "smb://"

static bool
is_plain (unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr ("-._", c) != NULL;
}

void
sb_smb_encode (struct sb_buf *b, const char *text)
{
    for (const unsigned char *p = (const unsigned char *) text; *p != '\0'; p++)
        if (is_plain (*p) || *p == '/')
            sb_buf_char (b, (char) *p);
        else
            sb_buf_printf (b, "%%%02X", *p);
}

static const char *
host_trouble (const char *host, size_t n)
{
    const char *colon = memchr (host, ':', n);
    size_t name = colon != NULL ? (size_t) (colon - host) : n;
    SB_AUTOFREE char *digits = colon != NULL ? sb_xstrndup (colon + 1, n - name - 1) : NULL;
    int64_t port;

    for (size_t i = 0; i < name; i++)
        if (!is_plain ((unsigned char) host[i]))
            return "its host is no name and no IPv4 address";
    if (name == 0 || name > 253)
        return "it names no host";
    if (digits != NULL && (!sb_parse_int (digits, &port) || port < 1 || port > 65535))
        return "its port is not a number from 1 to 65535";
    return NULL;
}

char *
sb_smb_url (const char *plain, const char **ret_why)
{
    const char *host = plain + strlen (SCHEME), *path;
    struct sb_buf b = { 0 };
    SB_AUTOFREE char *trimmed = NULL;

    *ret_why = "it does not begin with " SCHEME;
    if (strncmp (plain, SCHEME, strlen (SCHEME)) != 0)
        return NULL;
    path = host + strcspn (host, "/");
    *ret_why = host_trouble (host, (size_t) (path - host));
    if (*ret_why != NULL)
        return NULL;
    trimmed = sb_xstrdup (*path == '/' ? path + 1 : path);
    for (size_t n = strlen (trimmed); n > 0 && trimmed[n - 1] == '/'; n--)
        trimmed[n - 1] = '\0';
    *ret_why = "it names no share, or its folder has a part that no folder can be called by";
    if (!sb_folder_is_sound (trimmed))
        return NULL;
    *ret_why = NULL;
    sb_buf_str (&b, SCHEME);
    sb_buf_add (&b, host, (size_t) (path - host));
    sb_buf_char (&b, '/');
    sb_smb_encode (&b, trimmed);
    return sb_buf_take (&b);
}
