/* The entrance of the program until the command table moves in: its version,
 * and what it starts itself for (lanes, descriptions of plugins). */
#include "config.h"

#include "core/host/lane.h"

#include <stdio.h>
#include <string.h>

int
main (int argc, char **argv)
{
    if (argc == 2 && strcmp (argv[1], "__lane") == 0)
        return sb_lane_main ();
    if (argc == 3 && strcmp (argv[1], "__describe") == 0)
        return sb_describe_main (argv[2]);
    puts ("switchback " SB_VERSION);
    return 0;
}
