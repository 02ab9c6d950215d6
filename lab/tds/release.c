/* Releases; see release.h.  Sources: the vendor's build lists, and the "Applies to" lines of its reference pages. */
#include "lab/tds/release.h"

#include "core/base/text.h"

#include <stddef.h>
#include <stdio.h>

static const struct tds_release releases[] = {
    { 16, 0, 4236, 2, "2022" }, { 10, 50, 6000, 34, "2008 R2" }, { 11, 0, 7001, 0, "2012" }, { 12, 0, 6024, 0, "2014" },
    { 13, 0, 6300, 2, "2016" }, { 14, 0, 3456, 2, "2017" },      { 15, 0, 4198, 2, "2019" }, { 17, 0, 4065, 4, "2025" },
};

struct since {
    const char *name;
    unsigned major;
};

static const struct since functions[] = {
    { "choose", 11 },     { "concat", 11 },        { "datefromparts", 11 }, { "datetimefromparts", 11 },
    { "eomonth", 11 },    { "format", 11 },        { "iif", 11 },           { "parse", 11 },
    { "try_cast", 11 },   { "try_convert", 11 },   { "try_parse", 11 },     { "isjson", 13 },
    { "json_value", 13 }, { "string_escape", 13 }, { "string_split", 13 },  { "concat_ws", 14 },
    { "string_agg", 14 }, { "translate", 14 },     { "trim", 14 },          { "greatest", 16 },
    { "least", 16 },      { "date_bucket", 16 },   { "datetrunc", 16 },
};

static const struct since views[] = { { "dm_os_host_info", 14 } };

const struct tds_release *
tds_release (unsigned major)
{
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++)
        if (releases[i].major == major)
            return &releases[i];
    return &releases[0];
}

void
tds_release_text (unsigned major, char ret[TDS_RELEASE_TEXT])
{
    const struct tds_release *r = tds_release (major);

    snprintf (ret, TDS_RELEASE_TEXT, "%u.%u.%u.%u", r->major, r->minor, r->build, r->revision);
}

static bool
has (const struct since *list, size_t n, unsigned major, const char *name)
{
    for (size_t i = 0; major != 0 && i < n; i++)
        if (major < list[i].major && sb_casecmp (list[i].name, name) == 0)
            return false;
    return true;
}

bool
tds_release_has_function (unsigned major, const char *name)
{
    return has (functions, sizeof functions / sizeof *functions, major, name);
}

bool
tds_release_has_view (unsigned major, const char *name)
{
    return has (views, sizeof views / sizeof *views, major, name);
}

const char *
tds_edition_text (unsigned engine)
{
    return engine == 3   ? "Enterprise Edition (64-bit)"
           : engine == 4 ? "Express Edition (64-bit)"
                         : "Standard Edition (64-bit)";
}
