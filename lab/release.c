/* Which SQL Server an instance of the lab is: a release, an edition, a platform, in words. */
#include "lab/lab.h"

#include "core/base/text.h"

#include <string.h>

/* Release words are the product's names; a number is the major version of ProductVersion. */
static const struct word {
    const char *word;
    int version, edition, on_linux; /* 0: the word says nothing about it; on_linux 2: Windows */
} words[] = {
    { "2008R2", 10, 0, 0 },
    { "2012", 11, 0, 0 },
    { "2014", 12, 0, 0 },
    { "2016", 13, 0, 0 },
    { "2017", 14, 0, 0 },
    { "2019", 15, 0, 0 },
    { "2022", 16, 0, 0 },
    { "2025", 17, 0, 0 },
    { "standard", 0, W_STANDARD, 0 },
    { "enterprise", 0, W_ENTERPRISE, 0 },
    { "express", 0, W_EXPRESS, 0 },
    { "linux", 0, 0, 1 },
    { "windows", 0, 0, 2 },
};
#define NWORDS (sizeof words / sizeof *words)

static bool
same (const char *word, const char *text, size_t n)
{
    SB_AUTOFREE char *copy = sb_xstrndup (text, n);

    return sb_casecmp (word, copy) == 0;
}

/* "2017+linux+standard"; false: a word is not known, or there is no such server. */
static bool
describe (struct lab_instance *i, const char *text, size_t n)
{
    for (const char *p = text, *end = text + n; p <= end;) {
        size_t len = 0, k = 0;

        while (p + len < end && p[len] != '+')
            len++;
        while (k < NWORDS && !same (words[k].word, p, len))
            k++;
        if (k == NWORDS)
            return false;
        if (words[k].version != 0)
            i->sql_version = words[k].version;
        if (words[k].edition != 0)
            i->sql_edition = words[k].edition;
        if (words[k].on_linux != 0)
            i->sql_linux = words[k].on_linux == 1;
        p += len + 1;
    }
    return !i->sql_linux || i->sql_version == 0 || i->sql_version >= 14; /* there was none for Linux before 2017 */
}

bool
lab_cfg_sql_server (struct lab_cfg *c, const char *text, struct sb_faults *faults)
{
    for (const char *p = text; *p != 0;) {
        size_t n = strcspn (p, ","), name = strcspn (p, "=,"), found = 0;
        bool all = name == n, good = true;
        const char *what = all ? p : p + name + 1;

        for (size_t i = 0; i < c->ninstances; i++)
            if (all || same (c->instances[i].name, p, name)) {
                good = good && describe (&c->instances[i], what, (size_t) (p + n - what));
                found++;
            }
        if (found == 0 || !good) {
            sb_fault (faults, NULL, 0, "--sql-server does not know '%.*s'", (int) n, p);
            sb_fault_hint (faults,
                           "Say 2008R2, 2012, 2014, 2016, 2017, 2019, 2022 or 2025, standard, enterprise or express, "
                           "windows or linux (from 2017 on), with + between; INSTANCE=WORDS,... for some.");
            return false;
        }
        p += n + (p[n] == ',');
    }
    return true;
}
