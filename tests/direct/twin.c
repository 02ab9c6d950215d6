/* The models beside a lab that stands, for tests/direct/differential.py: one
 * JSON object a line on stdin, one on stdout.
 *
 *   twin DIR          and then
 *   {"do": "look"}    takes the lab's world and files as they are
 *   {"do": "call", "role", "verb", "verify", "object", "target", "options": {}, "stop after": N}
 *                     runs the model on what was taken: {"word", "results", "ops": [[kind, status]], "sentence"}
 *   {"do": "half", the same}
 *                     does the first N operations of the model in the lab: the state after a death between two
 *   {"do": "compare"} holds the lab's world against the model's: {"differs": ["..."]}
 *   {"do": "op", "kind", "instance", "db", "n": [], "flags", "path"}: a statement of somebody else
 *   twin --quiet DIR  jobs of a lab that is down will only run when they are started */
#include "core/base/mem.h"
#include "lab/direct/direct.h"
#include "lab/world/client.h"
#include "lab/world/rows.h"
#include "lab/world/server.h"
#include "tests/direct/alike.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct twin {
    struct direct *d;
    struct w_client *client;
    struct world *model, *lab;
    struct d_files *model_files, *lab_files, *host_files; /* host: what lies on this host, which no lab knows */
    char *dir;
};

/* ------------------------------------------------------------------ the lab as it is */

struct names {
    struct w_file *list;
    size_t count, cap;
};

static bool
take_name (void *arg, const struct w_file *f)
{
    struct names *n = arg;

    SB_PUSH (n->list, n->count, n->cap) = *f;
    return true;
}

static void
read_file (struct twin *t, struct world *w, struct d_files *files, w_id instance, const char *path)
{
    const char *name = w_str (w, w->instances[instance - 1].name);
    struct d_place p = { .world = w, .files = files };
    enum w_set_class class = W_SET_NO_BACKUP;
    struct w_disk where = { t->dir, NULL };
    struct w_files disk;
    struct w_set set;
    unsigned sets = 0;

    memset (&set, 0, sizeof set);
    w_files_disk (&disk, &where);
    if (disk.read (disk.ctx, name, path, 1, &set, &class, &sets) == W_FILE_OK)
        direct_put_file (t->d, &p, instance, path, &set, class);
}

static void
read_folder (struct twin *t, struct world *w, struct d_files *files, w_id instance, const char *folder)
{
    const char *name = w_str (w, w->instances[instance - 1].name);
    struct names n = { 0 };
    struct w_disk where = { t->dir, NULL };
    struct w_files disk;

    w_files_disk (&disk, &where);
    disk.list (disk.ctx, name, folder, NULL, take_name, &n);
    for (size_t i = 0; i < n.count; i++) {
        SB_AUTOFREE char *path = sb_xprintf ("%s\\%s", folder, n.list[i].name);

        if (n.list[i].is_dir)
            read_folder (t, w, files, instance, path);
        else
            read_file (t, w, files, instance, path);
    }
    free (n.list);
}

static void
read_files (struct twin *t, struct world *w, struct d_files *files)
{
    memset (files, 0, sizeof *files);
    for (unsigned i = 0; i < w->nshares; i++)
        if (w->shares[i].unc != 0)
            read_folder (t, w, files, w->shares[i].instance != 0 ? w->shares[i].instance : 1,
                         w_str (w, w->shares[i].unc));
    for (w_id i = 1; i <= w->ninstances; i++)
        read_folder (t, w, files, i, "D:\\Backup");
}

/* Nothing is under way: no work, no job, nothing to replicate or to synchronize soon. */
static bool
is_quiet (const struct world *w)
{
    return w->nworks == 0 && w_next_due (w) > w->now_ms + 60000;
}

/* Lists of messages and the like: files of no share and no instance. */
static void
keep_host_files (struct twin *t)
{
    memset (t->host_files, 0, sizeof *t->host_files);
    for (unsigned i = 0; i < t->model_files->count; i++)
        if (t->model_files->list[i].share == 0 && t->model_files->list[i].instance == 0)
            t->host_files->list[t->host_files->count++] = t->model_files->list[i];
}

/* They come first in the order. */
static void
add_host_files (const struct twin *t, struct d_files *files)
{
    unsigned n = t->host_files->count;

    if (files->count + n > D_FILES)
        return;
    memmove (&files->list[n], files->list, files->count * sizeof *files->list);
    memcpy (files->list, t->host_files->list, n * sizeof *files->list);
    files->count = (uint16_t) (files->count + n);
}

static bool
look (struct twin *t, struct world *w, struct d_files *files)
{
    struct world *now;

    for (int i = 0; i < 300; i++) {
        now = w_client_world (t->client);
        if (now == NULL)
            return false;
        if (is_quiet (now))
            break;
        usleep (20000);
    }
    memcpy (w, now, sizeof *w);
    read_files (t, w, files);
    add_host_files (t, files);
    return true;
}

/* ------------------------------------------------------------------ what is compared */

static void
mask_files (struct d_files *f)
{
    unsigned n = 0;

    for (unsigned i = 0; i < f->count; i++) {
        struct d_file *x = &f->list[i];

        x->created_ms = x->start_ms = x->finish_ms = 0;
        alike_mask_date (x->name, strlen (x->name));
        if (x->share != 0 || x->instance != 0) /* lists and messages lie on this host */
            f->list[n++] = *x;
    }
    f->count = (uint16_t) n;
}

static void
compare_files (json_t *list, const struct d_files *a, const struct d_files *b)
{
    if (a->count != b->count)
        json_array_append_new (list, json_sprintf ("files: lab %u, model %u", a->count, b->count));
    for (unsigned i = 0; i < a->count && i < b->count; i++)
        alike_bytes (list, "files", i, a->list[i].name, &a->list[i], &b->list[i], sizeof a->list[i]);
}

static json_t *
do_compare (struct twin *t)
{
    json_t *list;

    if (!look (t, t->lab, t->lab_files))
        return json_pack ("{s:s}", "error", "the lab is gone");
    alike_mask (t->lab, ALIKE_DEEDS);
    alike_mask (t->model, ALIKE_DEEDS);
    mask_files (t->lab_files);
    mask_files (t->model_files);
    list = alike_worlds (t->lab, t->model);
    compare_files (list, t->lab_files, t->model_files);
    return json_pack ("{s:o}", "differs", list);
}

/* ------------------------------------------------------------------ calls */

static const char *
text_of (const json_t *o, const char *key)
{
    const char *s = json_string_value (json_object_get (o, key));

    return s == NULL ? "" : s;
}

struct record {
    struct w_op list[64];
    size_t count;
};

static void
keep_op (void *ctx, const struct w_op *op)
{
    struct record *r = ctx;

    if (r->count < sizeof r->list / sizeof *r->list)
        r->list[r->count++] = *op;
}

static json_t *
do_call (struct twin *t, const json_t *in, struct record *record)
{
    struct d_place p = { .world = t->model,
                         .files = t->model_files,
                         .site = t->model->tool_site,
                         .watch = record != NULL ? keep_op : NULL,
                         .watch_ctx = record };
    json_t *ops = json_array (), *results = json_object (), *value;
    int64_t after = json_integer_value (json_object_get (in, "stop after")), end = t->model->now_ms + 60000, due;
    bool verify = json_is_true (json_object_get (in, "verify")), cut = false;
    const char *key, *v = NULL;
    struct d_call c;
    struct d_answer a;
    enum d_more more;

    if (!direct_begin (t->d, t->model, &c, text_of (in, "role"), text_of (in, "verb"), verify, text_of (in, "object"),
                       text_of (in, "target")))
        return json_pack ("{s:s}", "error", "no such call");
    json_object_foreach (json_object_get (in, "options"), key, value)
            direct_option (&c, key, json_string_value (value));
    c.deadline_ms = end;
    for (;;) {
        more = direct_step (t->d, &c, &p, &a);
        if (a.did != 0)
            json_array_append_new (ops, json_pack ("[i, i]", a.did, a.number));
        if (more == D_END || (cut = after > 0 && (int64_t) json_array_size (ops) >= after))
            break;
        due = w_next_due (t->model);
        due = due < c.wake_ms ? due : c.wake_ms;
        if (more == D_WAIT)
            direct_tick (t->d, &p, due < end ? (due > t->model->now_ms ? due : t->model->now_ms + 1) : end);
    }
    for (int i = 0; i < 100 && w_next_due (t->model) < t->model->now_ms + 60000;
         i++) /* as quiet as the lab is waited for */
        direct_tick (t->d, &p, w_next_due (t->model));
    keep_host_files (t);
    for (key = NULL; more == D_END && direct_next (&a, &key, &v);)
        json_object_set_new (results, key, json_string (v));
    return json_pack ("{s:i, s:o, s:o, s:s, s:b}", "word", a.word, "results", results, "ops", ops, "sentence",
                      a.sentence, "cut", cut);
}

/* The state that a call leaves which died after N operations. */
static json_t *
do_half (struct twin *t, const json_t *in)
{
    struct record *record = sb_xcalloc (1, sizeof *record);
    struct w_out out;

    json_decref (do_call (t, in, record));
    for (size_t i = 0; i < record->count; i++)
        w_client_op (t->client, &record->list[i], &out);
    in = json_pack ("{s:i}", "done", (int) record->count);
    free (record);
    return (json_t *) (uintptr_t) in;
}

/* A statement of somebody else. */
static json_t *
do_op (struct twin *t, const json_t *in)
{
    struct world *w = w_client_world (t->client);
    const char *instance = text_of (in, "instance");
    struct w_op op;
    struct w_out out;
    size_t i;
    json_t *n;

    if (w == NULL)
        return json_pack ("{s:s}", "error", "the lab is gone");
    w_op_init (&op, (enum w_op_kind) json_integer_value (json_object_get (in, "kind")),
               *instance == 0 ? 0 : w_find_instance (w, instance), 0, text_of (in, "db"));
    json_array_foreach (json_object_get (in, "n"), i, n) op.n[i % 12] = (int32_t) json_integer_value (n);
    op.flags = (uint32_t) json_integer_value (json_object_get (in, "flags"));
    op.subject = (uint16_t) json_integer_value (json_object_get (in, "subject"));
    snprintf (op.path[0], sizeof op.path[0], "%s", text_of (in, "path"));
    w_client_op (t->client, &op, &out);
    return json_pack ("{s:i, s:i}", "status", out.status, "number", out.nmsgs > 0 ? out.msgs[0].number : 0);
}

static json_t *
answer (struct twin *t, const json_t *in)
{
    const char *what = text_of (in, "do");

    if (strcmp (what, "look") == 0)
        return json_pack ("{s:b, s:i}", "looked", look (t, t->model, t->model_files), "lost", t->model_files->lost);
    if (strcmp (what, "call") == 0)
        return do_call (t, in, NULL);
    if (strcmp (what, "half") == 0)
        return do_half (t, in);
    if (strcmp (what, "compare") == 0)
        return do_compare (t);
    if (strcmp (what, "op") == 0)
        return do_op (t, in);
    return json_pack ("{s:s}", "error", "no such request");
}

static void
serve (struct twin *t)
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

/* Jobs run when they are started, never by the clock. */
static int
make_quiet (const char *dir)
{
    struct world *w = sb_xcalloc (1, sizeof *w);
    struct sb_faults faults = { 0 };
    bool good = w_state_load (dir, w, &faults);

    w->rates.backup = w->rates.copy = w->rates.restore = w->rates.alert = INT32_MAX;
    good = good && w_state_save (dir, w, &faults);
    free (w);
    sb_faults_free (&faults);
    return good ? 0 : 1;
}

int
main (int argc, char **argv)
{
    struct sb_faults faults = { 0 };
    struct twin t = { .dir = argc > 1 ? argv[argc - 1] : NULL };

    if (argc == 3 && strcmp (argv[1], "--quiet") == 0)
        return make_quiet (argv[2]);
    if (argc != 2)
        return 2;
    SB_AUTOFREE char *socket = sb_xprintf ("%s/world.sock", t.dir);
    t.d = direct_of_lab (t.dir, &faults);
    t.client = t.d == NULL ? NULL : w_client_open (socket, &faults);
    if (t.client == NULL) {
        SB_AUTOFREE char *said = sb_faults_text (&faults);

        fputs (said, stderr);
        sb_faults_free (&faults);
        direct_free (t.d);
        return 1;
    }
    t.model = sb_xcalloc (2, sizeof *t.model);
    t.lab = t.model + 1;
    t.model_files = sb_xcalloc (3, sizeof *t.model_files);
    t.lab_files = t.model_files + 1;
    t.host_files = t.model_files + 2;
    serve (&t);
    w_client_close (t.client);
    direct_free (t.d);
    free (t.model);
    free (t.model_files);
    return 0;
}
