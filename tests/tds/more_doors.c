/* more_doors DIR forced|optional|none: prints "INSTANCE PORT" lines, then "ready", and stays until its input ends. */
#include "tests/tds/doors.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main (int argc, char **argv)
{
    static const char *const words[] = { "forced", "optional", "none" };
    struct extra_doors d;
    int tls = 0;
    char c;

    for (int i = 0; argc == 3 && i < 3; i++)
        if (strcmp (argv[2], words[i]) == 0)
            tls = i;
    if (argc != 3 || extra_doors_open (&d, argv[1], (enum lab_tds_tls) tls) != 0)
        return 2;
    for (size_t i = 0; i < d.n; i++)
        printf ("%s %u\n", d.list[i].name, d.list[i].port);
    printf ("ready\n");
    fflush (stdout);
    while (read (0, &c, 1) > 0)
        ;
    _exit (0); /* the doors' threads are in the middle of things */
}
