/* Operations as statements: which message decides, and what it is to the
 * plugin.  The classes are those of its own table of message numbers. */
#include "lab/direct/intern.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    int32_t number;
    uint8_t class;
} classes[] = {
    { 596, D_C_UNSURE },   { 911, D_C_GONE },      { 921, D_C_RETRY },     { 922, D_C_RETRY },
    { 924, D_C_BUSY },     { 927, D_C_ALREADY },   { 941, D_C_RETRY },     { 952, D_C_RETRY },
    { 956, D_C_RETRY },    { 1205, D_C_RETRY },    { 1222, D_C_RETRY },    { 1404, D_C_RETRY },
    { 1405, D_C_ALREADY }, { 1410, D_C_ALREADY },  { 1413, D_C_RETRY },    { 1414, D_C_RETRY },
    { 1416, D_C_GONE },    { 1417, D_C_GONE },     { 1418, D_C_RETRY },    { 1421, D_C_UNSURE },
    { 1422, D_C_RETRY },   { 1424, D_C_RETRY },    { 1426, D_C_RETRY },    { 1428, D_C_RETRY },
    { 1430, D_C_UNSURE },  { 1431, D_C_RETRY },    { 1433, D_C_UNSURE },   { 1438, D_C_RETRY },
    { 1439, D_C_GONE },    { 1446, D_C_ALREADY },  { 1447, D_C_RETRY },    { 1451, D_C_GONE },
    { 1456, D_C_RETRY },   { 1457, D_C_UNSURE },   { 1460, D_C_ALREADY },  { 1472, D_C_RETRY },
    { 1807, D_C_BUSY },    { 3009, D_C_ALREADY },  { 3023, D_C_RETRY },    { 3101, D_C_BUSY },
    { 3118, D_C_GONE },    { 3132, D_C_FILE },     { 3153, D_C_ALREADY },  { 3182, D_C_FILE },
    { 3183, D_C_FILE },    { 3186, D_C_FILE },     { 3187, D_C_FILE },     { 3189, D_C_FILE },
    { 3201, D_C_FILE },    { 3202, D_C_FILE },     { 3203, D_C_FILE },     { 3204, D_C_UNSURE },
    { 3241, D_C_FILE },    { 3254, D_C_FILE },     { 3256, D_C_FILE },     { 3266, D_C_FILE },
    { 3271, D_C_FILE },    { 3287, D_C_FILE },     { 3702, D_C_BUSY },     { 4060, D_C_RETRY },
    { 4319, D_C_UNSURE },  { 4326, D_C_ALREADY },  { 5002, D_C_GONE },     { 5004, D_C_RETRY },
    { 5059, D_C_RETRY },   { 5061, D_C_RETRY },    { 5064, D_C_BUSY },     { 5070, D_C_BUSY },
    { 5901, D_C_UNSURE },  { 6101, D_C_GONE },     { 6104, D_C_GONE },     { 6106, D_C_GONE },
    { 6107, D_C_GONE },    { 14262, D_C_GONE },    { 22022, D_C_RETRY },   { 32009, D_C_ALREADY },
    { 32010, D_C_GONE },   { 32012, D_C_ALREADY }, { 32013, D_C_ALREADY }, { 32014, D_C_GONE },
    { 32023, D_C_GONE },   { 32024, D_C_ALREADY },
};

static int
by_number (const void *key, const void *row)
{
    int number = *(const int *) key, other = *(const int32_t *) row;

    return (number > other) - (number < other);
}

enum d_class
d_class_of (int number)
{
    const void *row = bsearch (&number, classes, sizeof classes / sizeof *classes, sizeof *classes, by_number);

    return row == NULL ? D_C_FAIL : (enum d_class) ((const uint8_t *) row)[offsetof (__typeof__ (*classes), class)];
}

void
d_op (struct step *s, struct w_op *op, enum w_op_kind kind, w_id instance)
{
    w_op_init (op, kind, instance, 0, s->db != NULL ? s->db->name : "");
}

/* Information, and what only closes a failure, decides nothing. */
static bool
decides (int number)
{
    return number != 3013 && number != 5069 && number != 5060 && number != 1443 && number != 14243;
}

enum d_class
d_act (struct step *s, const struct w_op *op)
{
    s->acted = true;
    s->a->did = op->kind;
    if (op->instance != 0 && !w_reaches (s->w, s->p->site, op->instance))
        return D_C_LOST;
    if (s->p->watch != NULL)
        s->p->watch (s->p->watch_ctx, op);
    w_run (s->w, &s->files, op, &s->out);
    if (s->out.status == W_UNREACHABLE)
        return D_C_LOST;
    if (s->out.status != W_FAILED) {
        s->c->changed = 1;
        return D_C_OK;
    }
    for (unsigned i = 0; i < s->out.nmsgs; i++)
        if (decides (s->out.msgs[i].number)) {
            s->a->number = s->out.msgs[i].number;
            return d_class_of (s->out.msgs[i].number);
        }
    return D_C_FAIL;
}

enum go
d_failed (struct step *s, enum d_class class, const char *what)
{
    enum d_rc rc = class == D_C_RETRY || class == D_C_BUSY                            ? D_RETRY
                   : class == D_C_UNSURE || class == D_C_ALREADY || class == D_C_LOST ? D_UNSURE
                                                                                      : D_FAIL;

    return d_fail (s, rc, "%s (%d)", what, class == D_C_LOST ? -1 : s->a->number);
}
