/* The lab of a replay; see wire.h. */
#include "prove/wire_int.h"

#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/random.h"
#include "core/sys/socket.h"
#include "core/sys/stream.h"
#include "lab/world/rows.h"
#include "lab/world/server.h"

#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_MS 120000 /* no command of the lab takes longer */
#define OUTPUT_MAX (4u << 20)

/* ---------------------------------------------------------------- commands */

void
wire_word (struct wire_words *w, const char *text)
{
    if (w->count < 95)
        w->list[w->count++] = text;
}

/* Runs the product to its end.  False: it did not end well; `faults` says how. */
bool
wire_command (struct p_wire *w, const struct wire_words *words, struct sb_buf *ret_out, struct sb_faults *faults)
{
    const struct sb_spawn_fd fds[] = { { 2, 2 }, { w->owner[0], w->owner[0] } };
    struct sb_spawn what = { .argv = words->list, .fds = fds, .nfds = w->owner[0] >= 0 ? 2 : 1, .die_signal = SIGKILL };
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 }, how = { 0 };
    struct sb_exit e = { 0 };

    if (!sb_run_program (&what, NULL, ret_out ? ret_out : &out, OUTPUT_MAX, sb_deadline_in (COMMAND_MS), &e, faults))
        return false;
    if (e.code == 0)
        return true;
    sb_exit_text (e, &how);
    sb_fault (faults, NULL, 0, "'%s %s%s%s' ended with %s", words->list[1], words->list[2],
              words->count > 5 ? " ... " : "", words->count > 5 ? words->list[5] : "", sb_buf_cstr (&how));
    return false;
}

static struct wire_words
lab_words (const struct p_wire *w, const char *verb)
{
    struct wire_words words = { 0 };

    wire_word (&words, w->program);
    wire_word (&words, "lab");
    wire_word (&words, verb);
    wire_word (&words, "--dir");
    wire_word (&words, w->lab);
    return words;
}

struct wire_words
wire_own_words (const struct p_wire *w, const char *verb)
{
    struct wire_words words = { 0 };
    size_t i;

    wire_word (&words, w->program);
    wire_word (&words, verb);
    wire_word (&words, "-t");
    wire_word (&words, w->topology);
    wire_word (&words, "--state");
    wire_word (&words, w->state);
    for (i = 0; w->plugins && w->plugins[i]; i++) {
        wire_word (&words, "--plugins");
        wire_word (&words, w->plugins[i]);
    }
    return words;
}

bool
wire_fault (struct p_wire *w, const char *a, const char *b, const char *c, struct sb_faults *faults)
{
    struct wire_words words = lab_words (w, "fault");

    wire_word (&words, a);
    if (b && *b)
        wire_word (&words, b);
    if (c && *c)
        wire_word (&words, c);
    return wire_command (w, &words, NULL, faults);
}

/* ---------------------------------------------------------------- the world */

struct world *
wire_world (struct p_wire *w)
{
    return w_client_world (w->client);
}

const char *
wire_site_name (const struct p_wire *w, w_id site)
{
    const struct world *first = w->c->first->world;

    return site ? w_str (first, first->sites[site - 1].name) : "";
}

/* Jobs run when they are started, never by the clock: so they do in the models. */
static bool
make_quiet (struct p_wire *w, struct sb_faults *faults)
{
    struct world *still = sb_xcalloc (1, sizeof *still);
    bool good = w_state_load (w->lab, still, faults);

    still->rates.backup = still->rates.copy = still->rates.restore = still->rates.alert = INT32_MAX;
    good = good && w_state_save (w->lab, still, faults);
    free (still);
    return good;
}

static bool
lab_up (struct p_wire *w, const char *topology, struct sb_faults *faults)
{
    SB_AUTOFREE char *owner = sb_xprintf ("%d", w->owner[0]);
    struct wire_words words = lab_words (w, "up");

    if (topology) {
        wire_word (&words, "-t");
        wire_word (&words, topology);
    }
    wire_word (&words, "--owner-fd");
    wire_word (&words, owner);
    return wire_command (w, &words, NULL, faults);
}

static bool
bring_up (struct p_wire *w, const char *topology, struct sb_faults *faults)
{
    SB_AUTOFREE char *socket = sb_xprintf ("%s/world.sock", w->lab);
    struct wire_words down = lab_words (w, "down");

    return lab_up (w, topology, faults) && wire_command (w, &down, NULL, faults) && make_quiet (w, faults)
           && lab_up (w, NULL, faults) && (w->client = w_client_open (socket, faults)) != NULL;
}

bool
p_wire_open (struct p_wire *w, const char *topology, const char *dir, struct sb_faults *faults)
{
    char made[] = "/tmp/switchback-replay-XXXXXX";
    size_t i;

    for (i = 0; i <= W_MAX_SERVERS; i++)
        w->users[i] = -1;
    w->owner[0] = w->owner[1] = -1;
    w->keep = dir != NULL;
    if (dir ? !sb_dir_make (dir, 0700, faults) : mkdtemp (made) == NULL) {
        if (!dir)
            sb_fault (faults, NULL, 0, "no folder can be made in /tmp");
        return false;
    }
    w->dir = realpath (dir ? dir : made, NULL);
    w->lab = sb_xprintf ("%s/lab", w->dir);
    w->topology = sb_xprintf ("%s/topology.ini", w->lab);
    w->state = sb_xprintf ("%s/state", w->dir);
    w->stage = sb_xprintf ("%s/stage", w->dir);
    if (sb_file_exists (w->lab) || sb_file_exists (w->state)) {
        sb_fault (faults, w->dir, 0, "an older replay or lab lies there");
        sb_fault_hint (faults, "Give a folder that is empty or not there yet.");
        return false;
    }
    if (pipe (w->owner) != 0 || !sb_fd_cloexec (w->owner[0], true) || !sb_fd_cloexec (w->owner[1], true)) {
        sb_fault (faults, NULL, 0, "no pipe can be made");
        return false;
    }
    return bring_up (w, topology, faults) && wire_begin_world (w, faults);
}

void
p_wire_close (struct p_wire *w)
{
    struct sb_faults faults = { 0 };
    struct wire_words words;
    size_t i;

    p_wire_kill (w);
    for (i = 0; w->dir && i <= W_MAX_SERVERS; i++)
        sb_fd_close (&w->users[i]);
    w_client_close (w->client);
    if (w->lab && w->owner[1] >= 0) {
        words = lab_words (w, "down");
        wire_command (w, &words, NULL, &faults);
        sb_fd_close (&w->owner[0]);
        sb_fd_close (&w->owner[1]);
    }
    if (w->dir && !w->keep)
        sb_tree_remove (w->dir, &faults);
    sb_faults_free (&faults);
    free (w->dir);
    free (w->lab);
    free (w->topology);
    free (w->state);
    free (w->stage);
}

/* ---------------------------------------------------------------- the run */

static char **
stage_environment (const struct p_wire *w)
{
    size_t n = 0, i;
    char **env;

    while (environ[n])
        n++;
    env = sb_xcalloc (n + 2, sizeof *env);
    for (i = 0; i < n; i++)
        env[i] = environ[i];
    env[n] = sb_xprintf ("SWITCHBACK_STAGE=%s", w->stage);
    return env;
}

bool
p_wire_run (struct p_wire *w, bool again, struct sb_faults *faults)
{
    SB_AUTOFREE char *log = sb_xprintf ("%s/program.log", w->dir);
    struct wire_words words = wire_own_words (w, again ? "resume" : "run");
    char **env = stage_environment (w);
    FILE *f = fopen (log, "ae");
    int out = f ? fileno (f) : 2;
    const struct sb_spawn_fd fds[] = { { -1, 0 }, { out, 1 }, { out, 2 } };
    struct sb_spawn what = { .env = (const char *const *) env, .fds = fds, .nfds = 3, .die_signal = SIGKILL };
    char params[64][256];
    size_t i, n;

    if (!again) {
        wire_word (&words, w->workflow);
        for (i = 0; i < w->nparams && i < 16; i++) {
            snprintf (params[i], sizeof params[i], "%s=%s", w->params[i].key, w->params[i].value);
            wire_word (&words, "--param");
            wire_word (&words, params[i]);
        }
    }
    wire_word (&words, "--approve");
    wire_word (&words, "all");
    if (w->c->start == P_START_FAILED_OVER && !again) {
        wire_word (&words, "--acknowledge");
        wire_word (&words, "a replay begins where another run has ended");
    }
    what.argv = words.list;
    w->run = sb_spawn (&what, faults);
    if (f)
        fclose (f);
    for (n = 0; env[n + 1]; n++)
        continue;
    free (env[n]);
    free (env);
    return w->run > 0;
}

bool
p_wire_ended (struct p_wire *w, int64_t deadline, struct sb_exit *ret)
{
    if (w->run <= 0 || sb_wait (w->run, deadline, ret) != SB_WAIT_ENDED)
        return false;
    w->run = 0;
    return true;
}

void
p_wire_kill (struct p_wire *w)
{
    struct sb_exit e;

    if (w->run <= 0)
        return;
    kill (w->run, SIGKILL);
    sb_wait (w->run, sb_deadline_in (10000), &e);
    w->run = 0;
}

int64_t
p_wire_records (const struct p_wire *w)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/journal.db", w->state);
    sqlite3_stmt *st = NULL;
    sqlite3 *db = NULL;
    int64_t n = 0;

    if (sqlite3_open_v2 (path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK
        && sqlite3_busy_timeout (db, 5000) == SQLITE_OK
        && sqlite3_prepare_v2 (db, "SELECT coalesce (max (seq), 0) FROM records", -1, &st, NULL) == SQLITE_OK
        && sqlite3_step (st) == SQLITE_ROW)
        n = sqlite3_column_int64 (st, 0);
    sqlite3_finalize (st);
    sqlite3_close (db);
    return n;
}

json_t *
p_wire_report (struct p_wire *w)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };
    struct sb_faults ignored = { 0 };
    struct wire_words words = wire_own_words (w, "report");
    json_t *report;

    wire_word (&words, "--json");
    wire_command (w, &words, &out, &ignored);
    sb_faults_free (&ignored);
    report = json_loads (sb_buf_cstr (&out), 0, NULL);
    if (json_is_array (report)) {
        json_t *first = json_incref (json_array_get (report, 0));

        json_decref (report);
        return first;
    }
    return report;
}

/* ---------------------------------------------------------------- what is done to it */

static bool
abort_run (struct p_wire *w, struct sb_faults *faults)
{
    struct wire_words words = wire_own_words (w, "abort");
    json_t *report = p_wire_report (w);
    const char *id = json_string_value (json_object_get (report, "run"));
    bool good;

    snprintf (w->run_id, sizeof w->run_id, "%s", id ? id : "");
    json_decref (report);
    wire_word (&words, w->run_id);
    good = *w->run_id && wire_command (w, &words, NULL, faults);
    return good;
}

static bool
mirror_fails_over (struct p_wire *w, struct sb_faults *faults)
{
    w_id copy = p_event_subject (w->c, wire_world (w), P_EV_MIRROR_FAILS_OVER);
    struct world *now = wire_world (w);
    struct w_op op;
    struct w_out out;

    if (copy == 0) {
        sb_fault (faults, NULL, 0, "the lab: no mirror could take over");
        return false;
    }
    w_op_init (&op, W_OP_FAILOVER, now->copies[copy - 1].instance, 0, w_str (now, now->copies[copy - 1].name));
    w_client_op (w->client, &op, &out);
    if (out.status != W_DONE && out.status != W_WORKING)
        sb_fault (faults, NULL, 0, "the lab: the mirror does not take over");
    return out.status == W_DONE || out.status == W_WORKING;
}

bool
p_wire_event (struct p_wire *w, size_t what, struct sb_faults *faults)
{
    static const char *const words[][2] = {
        [P_EV_WAKES] = { "power-on", "site" },           [P_EV_BACKUP_LOST] = { "power-off", "instance" },
        [P_EV_BACKUP_BACK] = { "power-on", "instance" }, [P_EV_PRINCIPAL_LOST] = { "power-off", "instance" },
        [P_EV_SHARE_GONE] = { "share-gone", NULL },      [P_EV_SHARE_BACK] = { "share-back", NULL },
        [P_EV_LINK_CUT] = { "cut-link", NULL },          [P_EV_LINK_JOINED] = { "join-link", NULL },
    };
    const struct world *now = wire_world (w), *first = w->c->first->world;
    w_id subject = now ? p_event_subject (w->c, now, what) : 0;

    switch (what) {
    case P_EV_WAKES:
        return wire_fault (w, words[what][0], words[what][1], wire_site_name (w, subject), faults);
    case P_EV_BACKUP_LOST:
    case P_EV_BACKUP_BACK:
    case P_EV_PRINCIPAL_LOST:
        return subject
               && wire_fault (w, words[what][0], words[what][1], w_str (first, first->instances[subject - 1].name),
                              faults);
    case P_EV_SHARE_GONE:
    case P_EV_SHARE_BACK:
        return subject && wire_fault (w, words[what][0], w_str (first, first->shares[subject - 1].name), NULL, faults);
    case P_EV_LINK_CUT:
    case P_EV_LINK_JOINED:
        return wire_fault (w, words[what][0], wire_site_name (w, 1), wire_site_name (w, 2), faults);
    case P_EV_MIRROR_FAILS_OVER:
        return mirror_fails_over (w, faults);
    case P_EV_ABORT:
        return abort_run (w, faults);
    case P_EV_WRITE_HERE:
    case P_EV_WRITE_THERE:
    case P_EV_WRITE_LEFT:
        return wire_say (w, subject, faults);
    default:
        return false;
    }
}

bool
p_wire_fail_next (struct p_wire *w, const char *instance, const char *step, int number, struct sb_faults *faults)
{
    struct wire_words words = lab_words (w, "fault");
    SB_AUTOFREE char *text = sb_xprintf ("%d", number), *program = sb_xprintf ("switchback/*/%s", step);

    wire_word (&words, "fail-next");
    wire_word (&words, instance);
    wire_word (&words, text);
    wire_word (&words, program);
    return wire_command (w, &words, NULL, faults);
}

bool
p_wire_failed (struct p_wire *w, const char *instance)
{
    struct world *now = wire_world (w);
    w_id id = now ? w_find_instance (now, instance) : 0;

    return id != 0 && now->instances[id - 1].fail_next == 0;
}
