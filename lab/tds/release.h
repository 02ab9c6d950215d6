/* Releases of SQL Server as clients tell them apart: names, version numbers, and what came with which. */
#ifndef SB_TDS_RELEASE_H
#define SB_TDS_RELEASE_H

#include <stdbool.h>
#include <stdint.h>

struct tds_release {
    unsigned major, minor, build, revision; /* 10.50.6000.34 */
    const char *name;                       /* "2008 R2" */
};
#define TDS_RELEASE_TEXT 32

const struct tds_release *tds_release (unsigned major); /* never NULL: 2022 for a number that is not known */
void tds_release_text (unsigned major, char ret[TDS_RELEASE_TEXT]);
/* Did a built-in function, or a view of schema sys, exist in that release?  0: the newest.  Names ignore case. */
bool tds_release_has_function (unsigned major, const char *name);
bool tds_release_has_view (unsigned major, const char *name);
const char *tds_edition_text (unsigned engine); /* "Express Edition (64-bit)" */

#endif
