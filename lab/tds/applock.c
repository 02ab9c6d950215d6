/* Application locks; see applock.h.  Names of resources compare byte by byte, as the server's do. */
#include "lab/tds/applock.h"
#include "lab/tds/house.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *brief;
    unsigned bears; /* bit per mode that another may hold beside it */
} modes[] = {
#define BIT(m) (1u << (m))
    [TDS_LOCK_NONE] = { "NoLock", "NL", 0x7f },
    [TDS_LOCK_IS] = { "IntentShared", "IS",
                      BIT (TDS_LOCK_NONE) | BIT (TDS_LOCK_IS) | BIT (TDS_LOCK_S) | BIT (TDS_LOCK_U) | BIT (TDS_LOCK_IX)
                              | BIT (TDS_LOCK_SIX) },
    [TDS_LOCK_S] = { "Shared", "S", BIT (TDS_LOCK_NONE) | BIT (TDS_LOCK_IS) | BIT (TDS_LOCK_S) | BIT (TDS_LOCK_U) },
    [TDS_LOCK_U] = { "Update", "U", BIT (TDS_LOCK_NONE) | BIT (TDS_LOCK_IS) | BIT (TDS_LOCK_S) },
    [TDS_LOCK_IX] = { "IntentExclusive", "IX", BIT (TDS_LOCK_NONE) | BIT (TDS_LOCK_IS) | BIT (TDS_LOCK_IX) },
    [TDS_LOCK_SIX] = { "SharedIntentExclusive", "SIX", BIT (TDS_LOCK_NONE) | BIT (TDS_LOCK_IS) },
    [TDS_LOCK_X] = { "Exclusive", "X", BIT (TDS_LOCK_NONE) },
#undef BIT
};

enum tds_lock_mode
tds_lock_mode_named (const char *name)
{
    for (size_t i = TDS_LOCK_IS; i <= TDS_LOCK_X; i++)
        if (i != TDS_LOCK_SIX && sb_casecmp (name, modes[i].name) == 0)
            return (enum tds_lock_mode) i;
    return TDS_LOCK_NONE;
}

const char *
tds_lock_mode_name (enum tds_lock_mode mode)
{
    return modes[mode].name;
}

const char *
tds_lock_mode_short (enum tds_lock_mode mode)
{
    return modes[mode].brief;
}

enum tds_lock_mode
tds_applock_mode (const struct tds_applock *l)
{
    if (l->count[TDS_LOCK_S] > 0 && l->count[TDS_LOCK_IX] > 0 && l->count[TDS_LOCK_X] == 0)
        return TDS_LOCK_SIX;
    for (int m = TDS_LOCK_X; m > TDS_LOCK_NONE; m--)
        if (l->count[m] > 0)
            return (enum tds_lock_mode) m;
    return TDS_LOCK_NONE;
}

static bool
same_resource (const struct tds_applock *l, int database, const char *principal, const char *resource)
{
    return l->database == database && strcmp (l->resource, resource) == 0 && sb_casecmp (l->principal, principal) == 0;
}

struct tds_applock *
tds_applock_find (struct tds_applocks *all, const struct tds_session *s, int database, const char *principal,
                  const char *resource, bool transaction)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].owner == s && all->list[i].transaction == transaction
            && same_resource (&all->list[i], database, principal, resource))
            return &all->list[i];
    return NULL;
}

bool
tds_applock_free (const struct tds_applocks *all, const struct tds_session *s, int database, const char *principal,
                  const char *resource, enum tds_lock_mode mode)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].owner != s && same_resource (&all->list[i], database, principal, resource)
            && (modes[mode].bears >> tds_applock_mode (&all->list[i]) & 1) == 0)
            return false;
    return true;
}

void
tds_applock_take (struct tds_applocks *all, struct tds_session *s, int database, const char *principal,
                  const char *resource, bool transaction, enum tds_lock_mode mode)
{
    struct tds_applock *l = tds_applock_find (all, s, database, principal, resource, transaction);

    if (l == NULL) {
        l = &SB_PUSH (all->list, all->count, all->cap);
        *l = (struct tds_applock){ .owner = s,
                                   .spid = s->spid,
                                   .database = database,
                                   .transaction = transaction,
                                   .principal = sb_xstrdup (principal),
                                   .resource = sb_xstrdup (resource) };
    }
    l->count[mode]++;
}

static void
drop (struct tds_applocks *all, size_t i)
{
    free (all->list[i].principal);
    free (all->list[i].resource);
    all->list[i] = all->list[--all->count];
}

bool
tds_applock_give (struct tds_applocks *all, struct tds_session *s, int database, const char *principal,
                  const char *resource, bool transaction)
{
    struct tds_applock *l = tds_applock_find (all, s, database, principal, resource, transaction);

    if (l == NULL)
        return false;
    for (int m = TDS_LOCK_X; m > TDS_LOCK_NONE; m--)
        if (l->count[m] > 0) {
            l->count[m]--;
            break;
        }
    if (tds_applock_mode (l) == TDS_LOCK_NONE)
        drop (all, (size_t) (l - all->list));
    return true;
}

void
tds_applocks_end (struct tds_session *s, bool session)
{
    struct tds_applocks *all = &s->door->applocks;

    pthread_mutex_lock (&s->door->lock);
    for (size_t i = all->count; i-- > 0;)
        if (all->list[i].owner == s && (session || all->list[i].transaction))
            drop (all, i);
    pthread_mutex_unlock (&s->door->lock);
}
