/* What is wrong with what we were given: a list of faults, each with a place,
 * a sentence and a hint.  Every fault of a file is collected, not only the
 * first; whoever stands on the top floor prints them.  Library code never prints. */
#ifndef SB_BASE_FAULT_H
#define SB_BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>

struct sb_fault {
    char *file; /* NULL: not about a file */
    int line;   /* 0: the file as a whole */
    char *text; /* lower case, no full stop: what was tried, on what, what came back */
    char *hint; /* a full sentence, or NULL */
};

struct sb_faults {
    struct sb_fault *list;
    size_t count, cap;
};

void sb_fault (struct sb_faults *f, const char *file, int line, const char *fmt, ...)
        __attribute__ ((format (printf, 4, 5)));
void sb_fault_hint (struct sb_faults *f, const char *fmt, ...) /* for the newest fault */
        __attribute__ ((format (printf, 2, 3)));
void sb_fault_prefix (struct sb_faults *f, size_t from, const char *fmt, ...) /* "prefix: text" for [from, count) */
        __attribute__ ((format (printf, 3, 4)));
void sb_faults_sort (struct sb_faults *f, size_t from); /* [from, count) by line; equal lines keep their order */
void sb_faults_move (struct sb_faults *to, struct sb_faults *from);
char *sb_faults_text (const struct sb_faults *f); /* "file:line: text\nHINT: hint\n"...; caller frees */
void sb_faults_free (struct sb_faults *f);

#endif
