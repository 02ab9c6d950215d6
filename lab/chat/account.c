/* switchback lab traffic: start, stop, and the account.  The account joins the
 * ledger with the rows that the world keeps, on every fork, so that it can say
 * what no server could: what was acknowledged after a quoted point. */
#include "lab/chat/chat.h"
#include "lab/chat/places.h"

#include "core/base/buf.h"
#include "core/base/map.h"
#include "core/base/text.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "lab/world/client.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct wish {
    const char *verb, *dir, *point;
    int64_t rate, clients, before;
    bool json;
};

struct place_of_row {
    w_id fork;
    w_lsn lsn;
};

static int
complain (const char *what, const char *hint)
{
    fprintf (stderr, "switchback: %s\nHINT: %s\n", what, hint);
    return 2;
}

static int
parse (int argc, char **argv, struct wish *w)
{
    *w = (struct wish){ .rate = 20, .clients = 8, .before = INT64_MAX };
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        bool took = true, good = true;

        if (strcmp (argv[i], "--json") == 0) {
            w->json = true;
            continue;
        }
        if (argv[i][0] != '-') {
            w->verb = argv[i];
            continue;
        }
        if (value == NULL)
            return complain ("an option needs a value", "switchback lab traffic start|stop|report --dir DIR");
        if (strcmp (argv[i], "--dir") == 0)
            w->dir = value;
        else if (strcmp (argv[i], "--point") == 0)
            w->point = value;
        else if (strcmp (argv[i], "--rate") == 0)
            good = sb_parse_int (value, &w->rate);
        else if (strcmp (argv[i], "--clients") == 0)
            good = sb_parse_int (value, &w->clients);
        else if (strcmp (argv[i], "--before") == 0)
            good = sb_parse_int (value, &w->before);
        else
            took = false;
        if (!took || !good)
            return complain ("an option is not understood",
                             "--dir, --rate, --clients, --point DB:LSN, --before MS, --json");
        i++;
    }
    if (w->verb == NULL || w->dir == NULL)
        return complain ("a verb and --dir DIR are needed", "switchback lab traffic start|stop|report --dir DIR");
    return 0;
}

static int
start (const struct wish *w)
{
    char *path SB_AUTOFREE = sb_xprintf ("%s/traffic.json", w->dir);
    char *text SB_AUTOFREE =
            sb_xprintf ("{\"rate\": %lld, \"clients\": %lld}\n", (long long) w->rate, (long long) w->clients);
    struct sb_faults faults = { 0 };
    bool good = sb_file_write (path, text, strlen (text), 0644, &faults);
    char *why SB_AUTOFREE = sb_faults_text (&faults);

    if (!good)
        fprintf (stderr, "switchback: %s", why);
    sb_faults_free (&faults);
    return good ? 0 : 1;
}

/* What is under way is let finish: the ledger must be still when this returns. */
static int
stop (const struct wish *w)
{
    char *path SB_AUTOFREE = sb_xprintf ("%s/traffic.json", w->dir);
    char *ledger SB_AUTOFREE = sb_xprintf ("%s/ledger.jsonl", w->dir);
    int64_t size = -1, last = -2, deadline = sb_deadline_in (10000);

    unlink (path);
    do {
        int fd = open (ledger, O_RDONLY | O_CLOEXEC);

        last = size;
        size = fd < 0 ? 0 : (int64_t) lseek (fd, 0, SEEK_END);
        if (fd >= 0)
            close (fd);
        sb_sleep_ms (400);
    } while (size != last && sb_mono_ms () < deadline);
    return 0;
}

/* Every message of the family with its place, whatever copy has it; by the identifier in its text. */
static void
read_rows (const char *dir, w_id family, struct sb_map *rows)
{
    char *path SB_AUTOFREE = sb_xprintf ("%s/rows/%u.log", dir, family), *line = NULL;
    FILE *f = fopen (path, "re");
    size_t cap = 0, i;
    json_t *row, *columns, *value;

    while (f != NULL && getline (&line, &cap, f) > 0) {
        row = json_loads (line, 0, NULL);
        columns = json_array_get (row, 5);
        if (row != NULL && strcasecmp (json_string_value (json_array_get (row, 2)), "tblChat") == 0)
            json_array_foreach (columns, i, value)
            {
                const char *text = json_string_value (value), *at = text == NULL ? NULL : strstr (text, "message ");

                if (at != NULL && strlen (at) >= 44) {
                    struct place_of_row *p = sb_xcalloc (1, sizeof *p);
                    char id[37];

                    snprintf (id, sizeof id, "%.36s", at + 8);
                    p->fork = (w_id) json_integer_value (json_array_get (row, 0));
                    p->lsn = json_integer_value (json_array_get (row, 1));
                    free (sb_map_get (rows, id));
                    sb_map_set (rows, id, p);
                }
            }
        json_decref (row);
    }
    free (line);
    if (f != NULL)
        fclose (f);
}

/* Is the row beyond the point, on the line that had it when the point was quoted?  The copy that was recovered at the
 * point began a fork there; what its parent holds later is beyond. */
static bool
beyond (const struct world *w, w_id family, w_lsn point, const struct place_of_row *p)
{
    for (unsigned i = 0; i < w->nforks; i++)
        if (w->forks[i].family == family && w->forks[i].point == point && w->forks[i].parent != 0)
            return p->fork == w->forks[i].parent && p->lsn > point;
    return p->lsn > point;
}

static w_id
live_copy (const struct world *w, w_id family)
{
    w_id found = 0;

    for (unsigned i = 0; i < w->ncopies; i++)
        if (w->copies[i].instance != 0 && w->copies[i].family == family && w_copy_writable (w, (w_id) (i + 1), 0) == 0
            && (found == 0 || w->copies[i].fork > w->copies[found - 1].fork))
            found = (w_id) (i + 1);
    return found;
}

static json_t *
account (const struct wish *w, const struct world *world, w_id family, w_lsn point)
{
    struct sb_map rows = { 0 };
    json_t *after = json_array (), *missing = json_array (), *entry;
    char *path SB_AUTOFREE = sb_xprintf ("%s/ledger.jsonl", w->dir), *line = NULL;
    FILE *f = fopen (path, "re");
    size_t cap = 0, acknowledged = 0, held = 0;
    w_id live = live_copy (world, family);

    read_rows (w->dir, family, &rows);
    while (f != NULL && getline (&line, &cap, f) > 0) {
        const struct place_of_row *p;
        const char *id;

        entry = json_loads (line, 0, NULL);
        id = json_string_value (json_object_get (entry, "id"));
        if (id != NULL) {
            p = sb_map_get (&rows, id);
            acknowledged++;
            if (p != NULL && live != 0 && w_copy_has (world, live, p->fork, p->lsn))
                held++;
            else
                json_array_append_new (missing, json_string (id));
            if (p != NULL && point > 0 && json_integer_value (json_object_get (entry, "acked_ms")) <= w->before
                && beyond (world, family, point, p))
                json_array_append_new (after, json_string (id));
        }
        json_decref (entry);
    }
    free (line);
    if (f != NULL)
        fclose (f);
    sb_map_free_with (&rows, free);
    return json_pack ("{s:i, s:i, s:o, s:i, s:o}", "acknowledged", (int) acknowledged, "held", (int) held, "missing",
                      missing, "quoted", (int) json_array_size (after), "after_point", after);
}

static int
report (const struct wish *w)
{
    char *socket SB_AUTOFREE = sb_xprintf ("%s/world.sock", w->dir);
    char *db SB_AUTOFREE =
            sb_xstrndup (w->point == NULL ? "mgc" : w->point, strcspn (w->point == NULL ? "mgc" : w->point, ":"));
    const char *lsn = w->point == NULL ? NULL : strchr (w->point, ':');
    struct sb_faults faults = { 0 };
    struct w_client *client = w_client_open (socket, &faults);
    const struct world *world = client == NULL ? NULL : w_client_world (client);
    char *why SB_AUTOFREE = sb_faults_text (&faults), *text;
    w_id family = 0;
    json_t *a;

    for (unsigned i = 0; world != NULL && i < world->ncopies; i++)
        if (world->copies[i].instance != 0 && sb_casecmp (w_str (world, world->copies[i].name), db) == 0)
            family = world->copies[i].family;
    if (family == 0) {
        fprintf (stderr, "switchback: %s\n", world == NULL ? why : "the lab has no database of that name");
        w_client_close (client);
        return 1;
    }
    a = account (w, world, family, lsn == NULL ? 0 : strtoll (lsn + 1, NULL, 10));
    w_client_close (client);
    if (w->json) {
        text = json_dumps (a, JSON_INDENT (2));
        puts (text);
        free (text);
    } else {
        printf ("acknowledged %lld, held by the live copy %lld, missing there %zu",
                json_integer_value (json_object_get (a, "acknowledged")),
                json_integer_value (json_object_get (a, "held")), json_array_size (json_object_get (a, "missing")));
        if (lsn != NULL)
            printf (", acknowledged after the point %lld", json_integer_value (json_object_get (a, "quoted")));
        putchar ('\n');
    }
    json_decref (a);
    return 0;
}

int
lab_traffic_main (int argc, char **argv)
{
    struct wish w;
    int rc = parse (argc, argv, &w);

    if (rc != 0)
        return rc;
    if (strcmp (w.verb, "start") == 0)
        return start (&w);
    if (strcmp (w.verb, "stop") == 0)
        return stop (&w);
    if (strcmp (w.verb, "report") == 0)
        return report (&w);
    return complain ("the verb is not understood", "start, stop or report");
}
