/* Names for tests, in no hosts file: preloaded, it finds every host whose name ends with $SB_LOCAL_NAMES at 127.0.0.1. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC visibility push(default) /* the build hides what is not said to be seen */

int
getaddrinfo (const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
    static int (*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **);
    const char *ending = getenv ("SB_LOCAL_NAMES");
    size_t n = name != NULL ? strlen (name) : 0, k = ending != NULL ? strlen (ending) : 0;

    if (real == NULL)
        *(void **) &real = dlsym (RTLD_NEXT, "getaddrinfo");
    if (k > 0 && n > k && strcmp (name + n - k, ending) == 0)
        name = "127.0.0.1";
    return real (name, service, hints, ret);
}
