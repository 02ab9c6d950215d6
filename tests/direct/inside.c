/* The operations of a world beside a lab that stands, for tests/direct/both_doors.py: one JSON object a line on stdin,
 * one on stdout.
 *
 *   inside LABDIR OWNDIR    OWNDIR holds a copy of the lab's folders `unc` and `disk`; and then
 *   {"do": "look"}          takes the lab's world as it is, once nothing moves in it
 *   {"do": "run", ...}      runs one operation (w_run) on what was taken, and lets its clock go on until nothing moves
 *   {"do": "lab", ...}      does the same operation in the lab: a fault, never a statement
 *   {"do": "append", ...}   adds n[0] records to the log, as a committed insert does
 *   {"do": "compare"}       holds the lab's world and files against its own: {"differs": ["..."]}
 *
 * An operation is {"kind", "instance", "spid", "db", "n": [], "flags": [], "name": [], "path": [], "job"}; its answer is
 * {"status", "numbers": [...], "value": [...]}.  Nothing here knows SQL: that is what makes it another door. */
#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "lab/world/client.h"
#include "lab/world/rows.h"
#include "tests/direct/alike.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct inside {
    const char *lab_dir, *own_dir;
    struct w_client *client;
    struct w_files files;
    struct w_disk disk;        /* the files lie in own_dir */
    struct world *own, *a, *b; /* a, b: masked copies */
};

#define KIND(x)      \
    {                \
#x, W_OP_##x \
    }
static const struct {
    const char *name;
    enum w_op_kind kind;
} kinds[] = {
    KIND (LOGIN),
    KIND (LOGOUT),
    KIND (USE),
    KIND (KILL),
    KIND (TRAN),
    KIND (CREATE_DB),
    KIND (DROP_DB),
    KIND (ACCESS),
    KIND (OFFLINE),
    KIND (ONLINE),
    KIND (READ_ONLY),
    KIND (RECOVERY),
    KIND (OPTION),
    KIND (OWNER),
    KIND (BACKUP),
    KIND (RESTORE),
    KIND (RESTORE_STATE),
    KIND (PARTNER),
    KIND (PARTNER_OFF),
    KIND (FAILOVER),
    KIND (FORCE),
    KIND (SUSPEND),
    KIND (RESUME),
    KIND (SAFETY),
    KIND (TIMEOUT),
    KIND (WITNESS),
    KIND (WITNESS_OFF),
    KIND (ENDPOINT_CREATE),
    KIND (ENDPOINT_STATE),
    KIND (ENDPOINT_DROP),
    KIND (LS_ADD_PRIMARY),
    KIND (LS_CHANGE_PRIMARY),
    KIND (LS_DELETE_PRIMARY),
    KIND (LS_ADD_PAIR),
    KIND (LS_DELETE_PAIR),
    KIND (LS_ADD_SECONDARY),
    KIND (LS_CHANGE_SECONDARY),
    KIND (LS_DELETE_SECONDARY),
    KIND (LS_ADD_SECONDARY_DB),
    KIND (LS_CHANGE_SECONDARY_DB),
    KIND (LS_DELETE_SECONDARY_DB),
    KIND (LS_ADD_ALERT_JOB),
    KIND (JOB_START),
    KIND (JOB_STOP),
    KIND (JOB_UPDATE),
    KIND (JOB_SCHEDULE),
    KIND (JOB_DELETE),
    KIND (INSTANCE_POWER),
    KIND (FAULT_WITNESS),
    KIND (FAULT_AGENT),
    KIND (FAULT_DISK),
    KIND (FAULT_SHARE),
    KIND (FAULT_TRANSIENT),
};

#define FLAG(x)        \
    {                  \
#x, W_WITH_##x \
    }
static const struct {
    const char *name;
    uint32_t flag;
} flags[] = {
    FLAG (LOG),      FLAG (NORECOVERY), FLAG (STANDBY),     FLAG (REPLACE),  FLAG (INIT),
    FLAG (FORMAT),   FLAG (COPY_ONLY),  FLAG (NO_TRUNCATE), FLAG (CHECKSUM), FLAG (RESTRICTED),
    FLAG (ROLLBACK), FLAG (NO_WAIT),    FLAG (OVERWRITE),   FLAG (SYSADMIN), FLAG (DIFFERENTIAL),
};

/* ------------------------------------------------------------------ operations */

static const char *
text_of (const json_t *o, const char *key)
{
    const char *s = json_string_value (json_object_get (o, key));

    return s == NULL ? "" : s;
}

static void
put (char *ret, size_t size, const json_t *text)
{
    const char *s = json_string_value (text);

    snprintf (ret, size, "%s", s == NULL ? "" : s);
}

/* False: it names a kind, a flag or an instance that is not known. */
static bool
read_op (const struct world *w, const json_t *in, struct w_op *op)
{
    const char *kind = text_of (in, "kind"), *job = text_of (in, "job");
    w_id instance = w_find_instance (w, text_of (in, "instance"));
    size_t i, k;
    json_t *x;

    for (k = 0; k < sizeof kinds / sizeof *kinds && strcmp (kinds[k].name, kind) != 0;)
        k++;
    if (k == sizeof kinds / sizeof *kinds || (text_of (in, "instance")[0] != 0 && instance == 0))
        return false;
    w_op_init (op, kinds[k].kind, instance, (uint16_t) json_integer_value (json_object_get (in, "spid")),
               text_of (in, "db"));
    op->subject = (uint16_t) json_integer_value (json_object_get (in, "subject"));
    if (job[0] != 0)
        op->subject = w_find_job_named (w, instance, job);
    json_array_foreach (json_object_get (in, "n"), i, x) op->n[i % 12] = (int32_t) json_integer_value (x);
    json_array_foreach (json_object_get (in, "name"), i, x) put (op->name[i % 4], sizeof op->name[0], x);
    json_array_foreach (json_object_get (in, "path"), i, x) put (op->path[i % 2], sizeof op->path[0], x);
    json_array_foreach (json_object_get (in, "flags"), i, x)
    {
        for (k = 0; k < sizeof flags / sizeof *flags && strcmp (flags[k].name, json_string_value (x)) != 0;)
            k++;
        if (k == sizeof flags / sizeof *flags)
            return false;
        op->flags |= flags[k].flag;
    }
    return true;
}

static json_t *
told (const struct w_out *out)
{
    json_t *numbers = json_array (), *values = json_array ();

    for (unsigned i = 0; i < out->nmsgs; i++)
        json_array_append_new (numbers, json_integer (out->msgs[i].number));
    for (unsigned i = 0; i < 4; i++)
        json_array_append_new (values, json_integer (out->value[i]));
    return json_pack ("{s:i, s:o, s:o}", "status", out->status, "numbers", numbers, "value", values);
}

/* Nothing is under way: no statement, no job, no mirror that lacks something, no silence that is not yet noticed. */
static bool
is_still (const struct world *w)
{
    if (w->nworks > 0)
        return false;
    for (unsigned i = 0; i < w->njobs; i++)
        if (w->jobs[i].running)
            return false;
    for (unsigned i = 0; i < w->ncopies; i++) {
        const struct w_copy *c = &w->copies[i], *m = c->partner_copy == 0 ? NULL : &w->copies[c->partner_copy - 1];

        if (c->instance == 0 || !w_answers (w, c->instance))
            continue; /* a server without power remembers whatever it remembers */
        if (c->mirroring == W_SYNCHRONIZING || c->lost_ms != 0)
            return false;
        if (c->role == W_PRINCIPAL && c->mirroring == W_SYNCHRONIZED && m != NULL && w_answers (w, m->instance)
            && m->lsn != c->lsn)
            return false;
    }
    return true;
}

static void
go_on (struct inside *t)
{
    struct world *w = t->own;

    for (int i = 0; i < 1000 && !is_still (w); i++) {
        int64_t due = w_next_due (w);

        w_tick (w, &t->files, due > w->now_ms && due < INT64_MAX ? due : w->now_ms + 1, NULL, NULL);
    }
}

static json_t *
do_run (struct inside *t, const json_t *in)
{
    struct w_op op;
    struct w_out out;

    if (!read_op (t->own, in, &op))
        return json_pack ("{s:s}", "error", "no such operation");
    if (text_of (in, "job")[0] != 0 && op.subject == 0) /* whoever names a job that is not there hears of it before */
        return json_pack ("{s:i, s:[i], s:[]}", "status", W_FAILED, "numbers", 14262, "value");
    w_tick (t->own, &t->files, sb_now_ms (), NULL, NULL);
    w_run (t->own, &t->files, &op, &out);
    go_on (t);
    return told (&out);
}

static json_t *
do_lab (struct inside *t, const json_t *in)
{
    struct world *w = w_client_world (t->client);
    struct w_op op;
    struct w_out out;

    if (w == NULL || !read_op (w, in, &op))
        return json_pack ("{s:s}", "error", "no such operation, or no lab");
    w_client_op (t->client, &op, &out);
    return told (&out);
}

static json_t *
do_append (struct inside *t, const json_t *in)
{
    struct world *w = t->own;
    w_id instance = w_find_instance (w, text_of (in, "instance"));
    w_id copy = w_find_copy (w, instance, text_of (in, "db")), fork;
    struct w_out out;
    w_lsn first;

    w_out_init (&out);
    w_append (w, copy, (uint16_t) json_integer_value (json_object_get (in, "spid")),
              (unsigned) json_integer_value (json_array_get (json_object_get (in, "n"), 0)), &fork, &first, &out);
    go_on (t);
    return told (&out);
}

/* ------------------------------------------------------------------ comparing */

/* The lab's world once it stands still (`empty`: and once nobody is connected); NULL: it is gone, or it never does. */
static struct world *
lab_world (struct inside *t, bool empty)
{
    struct world *w;
    int64_t end = sb_deadline_in (60000);

    while ((w = w_client_world (t->client)) != NULL && sb_deadline_left (end) > 0)
        if (is_still (w) && !(empty && w->nsessions > 0))
            return w;
        else
            usleep (2000);
    return NULL;
}

static json_t *
do_look (struct inside *t)
{
    struct world *w = lab_world (t, true);

    if (w == NULL)
        return json_pack ("{s:s}", "error", "the lab does not stand still");
    memcpy (t->own, w, sizeof *w);
    return json_pack ("{s:b}", "looked", true);
}

/* The sets of one file, without clocks: "first last type flags ..." */
static json_t *
sets_of (const char *path)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    json_t *list = json_array ();
    struct sb_faults faults = { 0 };
    struct w_set s;
    unsigned sets = 1;

    if (!sb_file_read (path, 64u << 20, &b, &faults))
        sets = 0;
    for (unsigned i = 1; i <= sets; i++) {
        enum w_set_class class = W_SET_GOOD;

        memset (&s, 0, sizeof s);
        class = w_set_read (b.s, b.len, i, &s, &sets);
        json_array_append_new (
                list,
                json_sprintf ("%u: class %u type %u flags %u family %u fork %u/%u lsn %lld-%lld check %lld base %lld "
                              "guid %u/%u access %u model %u by %s at %s of %s called %s, version %u, %lld bytes",
                              s.position, class, s.type, s.flags, s.family, s.first_fork, s.fork, (long long) s.first,
                              (long long) s.last, (long long) s.checkpoint, (long long) s.database_backup, s.guid,
                              s.database_guid, s.user_access, s.recovery_model, s.user, s.server, s.database, s.name,
                              s.version, (long long) s.size));
    }
    sb_faults_free (&faults);
    return list;
}

/* All files below a folder: {"path": [sets]}; dates in names are masked, files that become one name are counted. */
static void
add_files (json_t *ret, const char *root, const char *under)
{
    SB_AUTOFREE char *folder = sb_xprintf ("%s/%s", root, under);
    DIR *d = opendir (folder);
    struct dirent *e;

    while (d != NULL && (e = readdir (d)) != NULL) {
        SB_AUTOFREE char *name = sb_xprintf ("%s/%s", under, e->d_name), *path = sb_xprintf ("%s/%s", root, name);
        struct stat st;
        json_t *sets;

        if (e->d_name[0] == '.' || stat (path, &st) != 0)
            continue;
        if (S_ISDIR (st.st_mode)) {
            add_files (ret, root, name);
            continue;
        }
        sets = sets_of (path);
        alike_mask_date (name, strlen (name));
        if (json_object_get (ret, name) == NULL)
            json_object_set_new (ret, name, json_array ());
        json_array_extend (json_object_get (ret, name), sets);
        json_decref (sets);
    }
    if (d != NULL)
        closedir (d);
}

static int
by_text (const void *a, const void *b)
{
    return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* One sorted text of a file's sets. */
static char *
text_of_sets (const json_t *sets)
{
    size_t n = json_array_size (sets);
    const char **lines = sb_xcalloc (n + 1, sizeof *lines);
    struct sb_buf b = { 0 };

    for (size_t i = 0; i < n; i++)
        lines[i] = json_string_value (json_array_get (sets, i));
    qsort (lines, n, sizeof *lines, by_text);
    for (size_t i = 0; i < n; i++)
        sb_buf_printf (&b, "%s\n", lines[i]);
    free (lines);
    return sb_buf_take (&b);
}

static void
compare_files (json_t *list, const char *lab_dir, const char *own_dir)
{
    static const char *const folders[] = { "unc", "disk" };
    json_t *a = json_object (), *b = json_object (), *sets;
    const char *name;

    for (int i = 0; i < 2; i++) {
        add_files (a, lab_dir, folders[i]);
        add_files (b, own_dir, folders[i]);
    }
    json_object_foreach (a, name, sets)
    {
        json_t *other = json_object_get (b, name);
        SB_AUTOFREE char *x = text_of_sets (sets), *y = text_of_sets (other);

        if (strcmp (x, y) != 0)
            json_array_append_new (list, json_sprintf ("file %s: over the wire %s, inside %s", name, x, y));
    }
    json_object_foreach (b, name, sets) if (json_object_get (a, name) == NULL)
            json_array_append_new (list, json_sprintf ("file %s: only inside", name));
    json_decref (a);
    json_decref (b);
}

static json_t *
do_compare (struct inside *t)
{
    struct world *w = lab_world (t, false);
    json_t *list;

    if (w == NULL)
        return json_pack ("{s:s}", "error", "the lab does not stand still");
    memcpy (t->a, w, sizeof *w);
    memcpy (t->b, t->own, sizeof *w);
    alike_mask (t->a, ALIKE_PEOPLE);
    alike_mask (t->b, ALIKE_PEOPLE);
    list = alike_worlds (t->a, t->b);
    compare_files (list, t->lab_dir, t->own_dir);
    return json_pack ("{s:o}", "differs", list);
}

/* ------------------------------------------------------------------ */

static json_t *
answer (struct inside *t, const json_t *in)
{
    const char *what = text_of (in, "do");

    if (strcmp (what, "look") == 0)
        return do_look (t);
    if (strcmp (what, "run") == 0)
        return do_run (t, in);
    if (strcmp (what, "lab") == 0)
        return do_lab (t, in);
    if (strcmp (what, "append") == 0)
        return do_append (t, in);
    if (strcmp (what, "compare") == 0)
        return do_compare (t);
    return json_pack ("{s:s}", "error", "no such request");
}

static void
serve (struct inside *t)
{
    char *line = NULL;
    size_t cap = 0;

    while (getline (&line, &cap, stdin) > 0) {
        json_t *in = json_loads (line, 0, NULL), *out = answer (t, in);
        SB_AUTOFREE char *text = json_dumps (out, JSON_COMPACT);

        puts (text != NULL ? text : "{\"error\": \"no answer\"}");
        fflush (stdout);
        json_decref (in);
        json_decref (out);
    }
    free (line);
}

int
main (int argc, char **argv)
{
    struct sb_faults faults = { 0 };
    struct inside t = { .lab_dir = argc == 3 ? argv[1] : NULL, .own_dir = argc == 3 ? argv[2] : NULL };

    if (argc != 3)
        return 2;
    SB_AUTOFREE char *socket = sb_xprintf ("%s/world.sock", t.lab_dir);
    t.client = w_client_open (socket, &faults);
    if (t.client == NULL) {
        SB_AUTOFREE char *said = sb_faults_text (&faults);

        fputs (said, stderr);
        sb_faults_free (&faults);
        return 1;
    }
    t.disk.dir = t.own_dir;
    w_files_disk (&t.files, &t.disk);
    t.own = sb_xcalloc (3, sizeof *t.own);
    t.a = t.own + 1;
    t.b = t.own + 2;
    serve (&t);
    w_client_close (t.client);
    free (t.own);
    return 0;
}
