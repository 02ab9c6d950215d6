/* The chain of log backups; see chain.h.  Pure.
 *
 * Greedy and safe: stand at the redo point; of all sets that apply there take
 * the one that reaches farthest; go to its end; again.  A set that crosses a
 * fork point moves us to the new fork, and is taken before one that stays: what
 * was written on the old branch behind the fork point was given up when the new
 * one began.  What is left behind gets a verdict. */
#include "plugins/mssql/chain.h"

#include "core/base/text.h"
#include "plugins/mssql/lsn.h"

static bool
same_guid (const char *a, const char *b)
{
    return a == NULL || b == NULL || sb_casecmp (a, b) == 0;
}

/* What can be said of a set without looking at LSNs of others. */
static enum sb_chain_verdict
first_look (const struct sb_set *s, const struct sb_point *p)
{
    if (s->trouble != NULL)
        return SB_CHAIN_UNREADABLE;
    if (s->type != 2)
        return SB_CHAIN_NOT_LOG;
    if (s->database == NULL || sb_casecmp (s->database, p->database) != 0 || !same_guid (s->family, p->family))
        return SB_CHAIN_FOREIGN;
    if (!sb_lsn_valid (s->first) || !sb_lsn_valid (s->last) || sb_lsn_cmp (s->first, s->last) > 0)
        return SB_CHAIN_UNREADABLE;
    return SB_CHAIN_GAP;
}

/* The set's line leads through (fork, lsn): it ends on the same fork; or it begins on it and branches off at or after
 * the point; or it begins at this very point, where a fork of its own may begin (the server has the last word: 4330). */
static bool
on_line (const struct sb_set *s, const char *fork, const char *lsn)
{
    if (same_guid (s->fork, fork) || sb_lsn_same (s->first, lsn))
        return true;
    if (s->first_fork == NULL || !same_guid (s->first_fork, fork))
        return false;
    return s->fork_point == NULL || sb_lsn_cmp (s->fork_point, lsn) >= 0;
}

static bool
applies (const struct sb_set *s, const char *fork, const char *lsn)
{
    return sb_lsn_cmp (s->first, lsn) <= 0 && sb_lsn_cmp (s->last, lsn) > 0 && on_line (s, fork, lsn);
}

static bool
crosses (const struct sb_set *s, const char *fork)
{
    return s->fork != NULL && fork != NULL && !same_guid (s->fork, fork);
}

/* `a` goes before `b`: it crosses to a newer fork, reaches farther, or is a tail. */
static bool
is_better (const struct sb_set *a, const struct sb_set *b, const char *fork)
{
    int more = sb_lsn_cmp (a->last, b->last);

    if (crosses (a, fork) != crosses (b, fork))
        return crosses (a, fork);
    return more > 0 || (more == 0 && a->tail && !b->tail);
}

/* The set to apply next at the point, or `count`. */
static size_t
best_next (const struct sb_set *sets, size_t count, const enum sb_chain_verdict *v, const char *fork, const char *lsn)
{
    size_t best = count;

    for (size_t i = 0; i < count; i++) {
        if (v[i] != SB_CHAIN_GAP || sets[i].damaged || !applies (&sets[i], fork, lsn))
            continue;
        if (best == count || is_better (&sets[i], &sets[best], fork))
            best = i;
    }
    return best;
}

/* Where the walk ended, and where it left its first fork (NULL: it did not). */
struct end {
    const char *lsn, *fork, *branch;
};

/* Sets that were not taken: nothing new, on a branch that was given up, damaged, or after a gap. */
static enum sb_chain_verdict
left_behind (const struct sb_set *s, const struct sb_point *p, const struct end *end)
{
    bool strayed = end->branch != NULL && crosses (s, end->fork) && sb_lsn_cmp (s->last, end->branch) > 0;

    if (sb_lsn_cmp (s->last, p->lsn) <= 0)
        return SB_CHAIN_APPLIED;
    if (sb_lsn_cmp (s->last, end->lsn) <= 0 && !strayed)
        return SB_CHAIN_DOUBLE;
    if (s->damaged)
        return SB_CHAIN_DAMAGED;
    return on_line (s, end->fork, end->lsn) && !strayed ? SB_CHAIN_GAP : SB_CHAIN_OTHER_FORK;
}

void
sb_chain_decide (struct sb_arena *a, const struct sb_set *sets, size_t count, const struct sb_point *point,
                 struct sb_chain *ret)
{
    struct end end = { .lsn = point->lsn, .fork = point->fork };
    size_t next;

    *ret = (struct sb_chain){ .order = sb_arena_alloc (a, (count + 1) * sizeof *ret->order),
                              .verdicts = sb_arena_alloc (a, (count + 1) * sizeof *ret->verdicts) };
    for (size_t i = 0; i < count; i++)
        ret->verdicts[i] = first_look (&sets[i], point);
    while ((next = best_next (sets, count, ret->verdicts, end.fork, end.lsn)) < count) {
        ret->verdicts[next] = SB_CHAIN_APPLY;
        ret->order[ret->count++] = next;
        if (end.branch == NULL && crosses (&sets[next], end.fork))
            end.branch = sets[next].fork_point != NULL ? sets[next].fork_point : end.lsn;
        end.lsn = sets[next].last;
        if (sets[next].fork != NULL)
            end.fork = sets[next].fork;
    }
    ret->end = end.lsn;
    for (size_t i = 0; i < count; i++) {
        if (ret->verdicts[i] != SB_CHAIN_GAP)
            continue;
        ret->verdicts[i] = left_behind (&sets[i], point, &end);
        if (ret->verdicts[i] == SB_CHAIN_GAP && (ret->gap_to == NULL || sb_lsn_cmp (sets[i].first, ret->gap_to) < 0)) {
            ret->gap_from = end.lsn;
            ret->gap_to = sets[i].first;
        }
    }
}

const char *
sb_chain_word (enum sb_chain_verdict v)
{
    static const char *const words[] = {
        [SB_CHAIN_APPLY] = "continues the copy",
        [SB_CHAIN_APPLIED] = "already applied",
        [SB_CHAIN_NOT_LOG] = "not a log backup",
        [SB_CHAIN_FOREIGN] = "of another database",
        [SB_CHAIN_OTHER_FORK] = "on another recovery fork",
        [SB_CHAIN_GAP] = "behind a gap in the log chain",
        [SB_CHAIN_DAMAGED] = "damaged",
        [SB_CHAIN_UNREADABLE] = "unreadable",
        [SB_CHAIN_DOUBLE] = "covered by another backup",
    };

    return words[v];
}

bool
sb_chain_is_trouble (enum sb_chain_verdict v)
{
    return v == SB_CHAIN_OTHER_FORK || v == SB_CHAIN_GAP || v == SB_CHAIN_DAMAGED || v == SB_CHAIN_UNREADABLE;
}
