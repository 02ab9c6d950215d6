/* CREATE, DROP and ALTER DATABASE, and what they do to sessions inside. */
#include "lab/world/intern.h"

#include "core/base/text.h"

#include <string.h>

static w_id
next_number (const struct world *w, w_id instance)
{
    w_id n = 5;

    for (unsigned i = 0; i < w->ncopies; i++)
        if (w->copies[i].instance == instance && w->copies[i].number == n) {
            n++;
            i = (unsigned) -1;
        }
    return n;
}

struct w_copy *
w_copy_new (struct world *w, w_id instance, const char *name)
{
    w_id number = next_number (w, instance), id = w_slot_new (w, W_T_COPIES);
    struct w_copy *c;

    if (id == 0)
        return NULL;
    c = &w->copies[id - 1];
    c->instance = instance;
    c->number = number;
    c->name = w_intern (w, name);
    c->recovery_model = W_FULL;
    c->created_ms = w->now_ms;
    c->guid = ++w->next_guid;
    c->timeout_s = 0;
    return c;
}

void
w_do_create_db (struct w_ctx *c)
{
    bool install = c->op->kind == W_OP_INSTALL_DB;
    struct w_copy *n;

    if (c->copy != NULL && install && (c->op->flags & W_WITH_REPLACE) == 0 && c->copy->state == W_ONLINE)
        return; /* Install-CsDatabase on what is there changes nothing */
    if (c->copy != NULL && install && c->copy->mirror_guid == 0 && (c->op->flags & W_WITH_REPLACE) != 0) {
        w_sessions_cut (c->w, c->copy, c->op->spid, true, c->out);
        w_slot_drop (c->w, W_T_COPIES, w_copy_id (c->w, c->copy));
        c->copy = NULL;
    }
    if (c->copy != NULL || c->op->db[0] == 0) {
        fail (c, 1801, "%s", c->op->db);
        return;
    }
    n = w_copy_new (c->w, c->op->instance, c->op->db);
    if (n == NULL || !w_family_new (c->w, n)) {
        fail (c, W_LAB_FULL, "databases");
        return;
    }
    n->owner = c->me != NULL ? c->me->login : w_intern (c->w, "sa");
    n->broker = 1;
    c->out->value[1] = w_copy_id (c->w, n);
    c->out->value[2] = 1; /* it was made: tables of the chat schema are due */
}

void
w_do_drop_db (struct w_ctx *c)
{
    if (c->copy == NULL) {
        fail (c, 3701, "database\1%s", c->op->db);
        return;
    }
    if (c->copy->mirror_guid != 0) {
        fail (c, 3743, "%s", c->op->db);
        return;
    }
    if (w_sessions_in (c->w, c->copy, 0) > 0 || (c->copy->holder != 0 && c->copy->holder != c->op->spid)
        || w_copy_busy (c->w, c->copy)) {
        fail (c, 3702, "%s", c->op->db);
        return;
    }
    w_slot_drop (c->w, W_T_COPIES, w_copy_id (c->w, c->copy));
}

static const char *
state_word (const struct w_copy *c)
{
    return c->state == W_RESTORING ? "RESTORING" : c->state == W_RECOVERING ? "RECOVERING" : "OFFLINE";
}

/* The checks that all state options share, then the sessions inside go.  `word`: the option, for 5052. */
static bool
make_way (struct w_ctx *c, const char *word, bool exclusive)
{
    struct w_copy *d = c->copy;
    unsigned others;

    if (d->holder != 0 && d->holder != c->op->spid && d->user_access == W_SINGLE_USER) {
        fail (c, 5064, "%s", c->op->db);
        return false;
    }
    if (d->state == W_RESTORING || d->state == W_RECOVERING) {
        fail (c, 5052, "%s\1%s", word, state_word (d));
        return false;
    }
    if (w_copy_busy (c->w, d)) {
        fail (c, 5061, "%s", c->op->db);
        return false;
    }
    others = exclusive ? w_sessions_in (c->w, d, c->op->spid) : 0;
    if (others == 0)
        return true;
    if ((c->op->flags & W_WITH_ROLLBACK) == 0) {
        fail (c, 5070, "%s", c->op->db); /* without WITH a real server waits for ever; the door waits and asks again */
        return false;
    }
    w_sessions_cut (c->w, d, c->op->spid, true, c->out);
    w_out_say (c->out, 5060, "0");
    w_out_say (c->out, 5060, "100");
    return true;
}

static bool
not_mirrored (struct w_ctx *c)
{
    if (c->copy->mirror_guid == 0)
        return true;
    fail (c, 1468, "%s", c->op->db);
    return false;
}

void
w_do_access (struct w_ctx *c)
{
    static const char *const words[] = { "MULTI_USER", "SINGLE_USER", "RESTRICTED_USER" };
    int want = c->op->n[0];

    if (want < 0 || want > 2 || (want == W_SINGLE_USER && !not_mirrored (c)))
        return;
    if (c->copy->role == W_MIRROR) {
        fail (c, 954, "%s", c->op->db);
        return;
    }
    if (c->copy->state == W_OFFLINE) {
        c->copy->user_access = (uint8_t) want;
        return;
    }
    if (!make_way (c, words[want],
                   want == W_SINGLE_USER || (want == W_RESTRICTED_USER && c->op->flags & W_WITH_ROLLBACK)))
        return;
    c->copy->user_access = (uint8_t) want;
    c->copy->holder = want == W_SINGLE_USER ? c->op->spid : 0;
}

void
w_do_offline (struct w_ctx *c)
{
    if (c->copy->state == W_OFFLINE || !not_mirrored (c) || !make_way (c, "OFFLINE", true))
        return;
    c->copy->state = W_OFFLINE;
    c->copy->holder = 0;
    if (c->me != NULL && c->me->copy == w_copy_id (c->w, c->copy))
        c->me->copy = 0;
}

void
w_do_online (struct w_ctx *c)
{
    if (c->copy->state == W_OFFLINE)
        c->copy->state = W_ONLINE;
    else if (c->copy->state != W_ONLINE)
        fail (c, 5052, "ALTER DATABASE\1%s", state_word (c->copy));
}

void
w_do_read_only (struct w_ctx *c)
{
    bool want = c->op->n[0] != 0;

    if (want && !not_mirrored (c))
        return;
    if (c->copy->standby) {
        fail (c, 5063, "%s", c->op->db);
        return;
    }
    if (c->copy->read_only == want && c->copy->state == W_ONLINE)
        return;
    if (make_way (c, want ? "READ_ONLY" : "READ_WRITE", true))
        c->copy->read_only = want;
}

void
w_do_recovery (struct w_ctx *c)
{
    int want = c->op->n[0];

    if (want < W_FULL || want > W_SIMPLE)
        return;
    if (want != W_FULL && !not_mirrored (c))
        return;
    if (!make_way (c, "RECOVERY", false))
        return;
    if (want == W_SIMPLE || c->copy->recovery_model == W_SIMPLE)
        if (want != c->copy->recovery_model)
            c->copy->last_log_backup = c->copy->full_backup = 0; /* the chain ends; a full backup begins the next */
    c->copy->recovery_model = (uint8_t) want;
}

void
w_do_option (struct w_ctx *c)
{
    struct {
        const char *word;
        uint8_t *field;
    } options[] = { { "trustworthy", &c->copy->trustworthy },
                    { "broker", &c->copy->broker },
                    { "auto_close", &c->copy->auto_close } };
    const char *word = c->op->name[0];

    if (sb_casecmp (word, "auto_close") == 0 && c->op->n[0] != 0 && !not_mirrored (c))
        return;
    if (!make_way (c, word, sb_casecmp (word, "broker") == 0))
        return;
    for (unsigned i = 0; i < 3; i++)
        if (sb_casecmp (options[i].word, word) == 0)
            *options[i].field = c->op->n[0] != 0;
}

void
w_do_owner (struct w_ctx *c)
{
    int why = w_copy_readable (c->w, w_copy_id (c->w, c->copy), c->op->spid);

    if (why != 0)
        fail (c, why, "%s", c->op->db);
    else
        c->copy->owner = w_intern (c->w, c->op->name[0]);
}
