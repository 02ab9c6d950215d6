/* The entrance of the program.  A stub until the command table moves in: it
 * only tells its version. */
#include "config.h"

#include <stdio.h>

int
main (void)
{
    puts ("switchback " SB_VERSION);
    return 0;
}
