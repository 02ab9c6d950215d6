/* locate, survey: who of a site answers, and who holds the end of the log. */
#include "plugins/mssql/facts.h"
#include "plugins/mssql/verbs.h"

#include <string.h>

struct holder {
    const char *instance, *why;
    enum sb_reach reach;
    struct sb_copy copy;
    bool read; /* the copy could be read */
};

/* The instances of a site that hold a copy of the database; witnesses hold none. */
static size_t
holders_of (struct sb_ms *ms, const char *site, const char *ret[4])
{
    static const char *const places[] = { "primary", "mirror", "backup", "backup mirror" };
    size_t count = 0;

    for (size_t n = 0; n < sizeof places / sizeof *places; n++) {
        const char *instance = sb_ms_attr (ms, places[n]);
        const char *where = instance != NULL ? sb_attr (ms->call, "instance", instance, "site") : NULL;

        if (where != NULL && strcmp (where, site) == 0)
            ret[count++] = instance;
    }
    return count;
}

/* False: our own configuration is wrong. */
static bool
ask (struct sb_ms *ms, const char *instance, struct holder *ret)
{
    struct sb_inst i;

    *ret = (struct holder){ .instance = instance };
    ret->reach = sb_ms_reach (ms, instance, &i, &ret->why);
    if (ret->reach == SB_REACH_OK)
        ret->read = sb_copy_read (&i, &ret->copy);
    return ret->reach != SB_REACH_WRONG;
}

static bool
is_principal (const struct holder *h)
{
    return h->read && (sb_copy_serves (&h->copy) || (h->copy.mirrored && strcmp (h->copy.role, "PRINCIPAL") == 0));
}

/* A mirror that lost its principal holds every commit that was acknowledged. */
static bool
is_orphan (const struct holder *h)
{
    return h->read && sb_copy_is_mirror (&h->copy) && strcmp (h->copy.mirroring, "DISCONNECTED") == 0;
}

enum sb_rc
sb_run_locate (struct sb_ms *ms)
{
    const char *names[4], *principal = NULL, *orphan = NULL;
    size_t count = holders_of (ms, sb_param (ms->call, "site"), names);

    for (size_t n = 0; n < count; n++) {
        struct holder h;

        if (!ask (ms, names[n], &h))
            return ms->rc;
        if (is_principal (&h) && principal != NULL)
            return sb_ms_fail (ms, SB_FAIL,
                               "two copies of '%s' are principal at once: at '%s' and at '%s'\n"
                               "HINT: Decide which one is right and fence the other.",
                               ms->db, principal, names[n]);
        if (is_principal (&h))
            principal = names[n];
        else if (is_orphan (&h))
            orphan = names[n];
    }
    sb_result (ms->call, "principal", principal != NULL ? principal : orphan != NULL ? orphan : "");
    return SB_OK;
}

static const char *
survey_words (struct sb_ms *ms, const char *site, const struct holder *h, size_t count, bool any)
{
    struct sb_buf b SB_CLEANUP (sb_buf_free) = { 0 };

    for (size_t n = 0; n < count; n++)
        sb_buf_printf (&b, "%s%s %s", n > 0 ? "; " : "", h[n].instance,
                       h[n].reach == SB_REACH_SILENT    ? "does not answer"
                       : h[n].reach == SB_REACH_REFUSED ? "answers but refuses the session"
                       : h[n].read ? sb_format (ms->call, "answers: %s is %s", ms->db, sb_copy_words (ms, &h[n].copy))
                                   : "answers, but its copy cannot be read");
    if (!any)
        sb_buf_printf (&b, ". Nothing of %s answers: 'failover' is the right workflow.", site);
    else if (count > 1 && (is_orphan (&h[0]) || is_orphan (&h[1])) && !is_principal (&h[0]) && !is_principal (&h[1]))
        sb_buf_str (&b, ". Only the principal is lost: 'mirror-failover' is the right workflow.");
    else
        sb_buf_str (&b, ". The site lives: 'switchover' is the right workflow, or 'mirror-failover' within it.");
    return sb_arena_strdup (ms->arena, sb_buf_cstr (&b));
}

/* What it would cost to make the instance with that label principal, as far as it can be seen; "" is nothing. */
static const char *
risk_words (struct sb_ms *ms, const struct holder *h, size_t count, const char *label)
{
    const struct holder *to, *other;

    if (count != 2 || label == NULL)
        return "";
    to = &h[strcmp (label, "mirror") == 0]; /* holders_of() names the primary of a site before its mirror */
    other = &h[to == h];
    if (!to->read || !sb_copy_is_mirror (&to->copy))
        return "";
    if (other->reach == SB_REACH_SILENT)
        return sb_format (ms->call,
                          "The principal of %s, %s, does not answer, so service must be forced at %s: what %s "
                          "acknowledged after the two lost sight of each other is lost.",
                          ms->db, other->instance, to->instance, other->instance);
    if (strcmp (to->copy.mirroring, "SUSPENDED") == 0)
        return sb_format (ms->call,
                          "The mirroring session of %s is suspended. Was service forced at %s, then resuming discards "
                          "what only %s holds.",
                          ms->db, other->instance, to->instance);
    return "";
}

enum sb_rc
sb_run_survey (struct sb_ms *ms)
{
    const char *site = sb_param (ms->call, "site"), *names[4], *principal = "";
    struct sb_buf answering SB_CLEANUP (sb_buf_free) = { 0 };
    struct holder h[4] = { 0 };
    size_t count = holders_of (ms, site, names);
    bool orphan = false;

    for (size_t n = 0; n < count; n++) {
        if (!ask (ms, names[n], &h[n]))
            return ms->rc;
        if (h[n].reach == SB_REACH_OK || h[n].reach == SB_REACH_REFUSED)
            sb_buf_printf (&answering, "%s%s", answering.len > 0 ? ", " : "", names[n]);
        if (is_principal (&h[n]) && *principal == '\0')
            principal = names[n];
        orphan = orphan || is_orphan (&h[n]);
    }
    sb_result (ms->call, "answering", sb_buf_cstr (&answering));
    sb_result (ms->call, "principal", principal);
    sb_result (ms->call, "mirror alive", orphan && *principal == '\0' ? "yes" : "no");
    sb_result (ms->call, "risk", risk_words (ms, h, count, sb_param (ms->call, "to")));
    sb_result (ms->call, "sentence", survey_words (ms, site, h, count, answering.len > 0));
    return SB_OK;
}
