/* Manual pages from the program's own tables. */
#ifndef SB_CLI_MAN_H
#define SB_CLI_MAN_H

int cli_man_main (const char *page); /* prints the page; EXIT_USAGE: there is no such page */

#endif
