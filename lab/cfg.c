/* DIR/lab.cfg as JSON: one table per kind of thing, so that reading and writing
 * cannot drift apart. */
#include "lab/lab.h"

#include "core/sys/file.h"

#include <stdlib.h>
#include <string.h>

enum type { TEXT, NUMBER, FLAG };

struct field {
    const char *name;
    enum type type;
    size_t at;
};

struct list {
    const char *name;
    size_t size, at, count_at, cap_at;
    const struct field *fields;
};

#define END           \
    {                 \
        NULL, TEXT, 0 \
    }
#define T(s, f)                         \
    {                                   \
#f, TEXT, offsetof(struct s, f) \
    }
#define N(s, f)                           \
    {                                     \
#f, NUMBER, offsetof(struct s, f) \
    }
#define F(s, f)                         \
    {                                   \
#f, FLAG, offsetof(struct s, f) \
    }
#define FIELDS(...)        \
    (const struct field[]) \
    {                      \
        __VA_ARGS__, END   \
    }
#define LIST(s, f) \
#f, sizeof(struct s), offsetof(struct lab_cfg, f), offsetof(struct lab_cfg, n##f), offsetof(struct lab_cfg, c##f)

static const struct field top[] = { T (lab_cfg, dir),
                                    T (lab_cfg, pool),
                                    T (lab_cfg, primary_site),
                                    T (lab_cfg, backup_site),
                                    T (lab_cfg, central),
                                    T (lab_cfg, tool_site),
                                    T (lab_cfg, chat_password),
                                    T (lab_cfg, seed),
                                    T (lab_cfg, smb_user),
                                    T (lab_cfg, smb_password),
                                    N (lab_cfg, chat_port),
                                    N (lab_cfg, mail_port),
                                    N (lab_cfg, power_port),
                                    F (lab_cfg, real_time),
                                    F (lab_cfg, smb),
                                    F (lab_cfg, smb_tickets),
                                    END };

static const struct list lists[] = {
    { LIST (lab_site, sites), FIELDS (T (lab_site, name), N (lab_site, smb_port)) },
    { LIST (lab_instance, instances),
      FIELDS (T (lab_instance, name), T (lab_instance, site), T (lab_instance, host), T (lab_instance, instance_name),
              T (lab_instance, address), T (lab_instance, credential), N (lab_instance, port),
              N (lab_instance, endpoint_port), N (lab_instance, sql_tls), N (lab_instance, sql_version),
              N (lab_instance, sql_edition), F (lab_instance, sql_linux)) },
    { LIST (lab_frontend, frontends), FIELDS (T (lab_frontend, name), T (lab_frontend, site), T (lab_frontend, host),
                                              T (lab_frontend, credential), N (lab_frontend, port)) },
    { LIST (lab_server, servers),
      FIELDS (T (lab_server, name), T (lab_server, fqdn), T (lab_server, site), F (lab_server, active)) },
    { LIST (lab_share, shares), FIELDS (T (lab_share, name), T (lab_share, unc), T (lab_share, path),
                                        T (lab_share, site), T (lab_share, instance)) },
    { LIST (lab_database, databases),
      FIELDS (T (lab_database, object), T (lab_database, name), T (lab_database, primary), T (lab_database, mirror),
              T (lab_database, witness), T (lab_database, backup), T (lab_database, backup_mirror),
              T (lab_database, log_share), T (lab_database, copy_folder), F (lab_database, fail_over)) },
    { LIST (lab_credential, credentials), FIELDS (T (lab_credential, name), T (lab_credential, user),
                                                  T (lab_credential, password), T (lab_credential, method)) },
};
#define NLISTS (sizeof lists / sizeof *lists)

static json_t *
object_out (const char *base, const struct field *f)
{
    json_t *j = json_object ();

    for (; f->name != NULL; f++)
        switch (f->type) {
        case TEXT:
            if (*(char *const *) (const void *) (base + f->at) != NULL)
                json_object_set_new (j, f->name, json_string (*(char *const *) (const void *) (base + f->at)));
            break;
        case NUMBER:
            json_object_set_new (j, f->name, json_integer (*(const int *) (const void *) (base + f->at)));
            break;
        case FLAG:
            json_object_set_new (j, f->name, json_boolean (*(const bool *) (const void *) (base + f->at)));
        }
    return j;
}

static void
object_in (char *base, const struct field *f, const json_t *j)
{
    const json_t *v;

    for (; f->name != NULL; f++) {
        v = json_object_get (j, f->name);
        switch (f->type) {
        case TEXT:
            *(char **) (void *) (base + f->at) = sb_xstrdup (json_string_value (v));
            break;
        case NUMBER:
            *(int *) (void *) (base + f->at) = (int) json_integer_value (v);
            break;
        case FLAG:
            *(bool *) (void *) (base + f->at) = json_is_true (v);
        }
    }
}

static void
object_free (char *base, const struct field *f)
{
    for (; f->name != NULL; f++)
        if (f->type == TEXT)
            free (*(char **) (void *) (base + f->at));
}

bool
lab_cfg_save (const struct lab_cfg *c, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = lab_path (c->dir, "lab.cfg");
    json_t *j = object_out ((const char *) c, top), *array;
    SB_AUTOFREE char *text = NULL;
    bool good;

    for (const struct list *l = lists; l < lists + NLISTS; l++) {
        const char *base = *(char *const *) (const void *) ((const char *) c + l->at);
        size_t n = *(const size_t *) (const void *) ((const char *) c + l->count_at);

        array = json_array ();
        for (size_t i = 0; i < n; i++)
            json_array_append_new (array, object_out (base + i * l->size, l->fields));
        json_object_set_new (j, l->name, array);
    }
    text = json_dumps (j, JSON_INDENT (1));
    json_decref (j);
    good = sb_file_write (path, text, strlen (text), 0600, faults);
    return good;
}

bool
lab_cfg_load (struct lab_cfg *c, const char *dir, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = lab_path (dir, "lab.cfg");
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    json_t *j, *array;

    memset (c, 0, sizeof *c);
    if (!sb_file_read (path, 4u << 20, &b, faults)) {
        sb_fault_hint (faults, "There is no lab in '%s'; build one with 'lab up --dir %s'.", dir, dir);
        return false;
    }
    j = json_loadb (sb_buf_cstr (&b), b.len, 0, NULL);
    if (j == NULL) {
        sb_fault (faults, path, 0, "cannot be read as JSON");
        return false;
    }
    object_in ((char *) c, top, j);
    for (const struct list *l = lists; l < lists + NLISTS; l++) {
        size_t n;
        char *base;

        array = json_object_get (j, l->name);
        n = json_array_size (array);
        base = sb_xcalloc (n + 1, l->size);
        for (size_t i = 0; i < n; i++)
            object_in (base + i * l->size, l->fields, json_array_get (array, i));
        *(char **) (void *) ((char *) c + l->at) = base;
        *(size_t *) (void *) ((char *) c + l->count_at) = n;
    }
    json_decref (j);
    return true;
}

void
lab_cfg_free (struct lab_cfg *c)
{
    for (const struct list *l = lists; l < lists + NLISTS; l++) {
        char *base = *(char **) (void *) ((char *) c + l->at);
        size_t n = *(size_t *) (void *) ((char *) c + l->count_at);

        for (size_t i = 0; i < n; i++)
            object_free (base + i * l->size, l->fields);
        free (base);
    }
    object_free ((char *) c, top);
    memset (c, 0, sizeof *c);
}

bool
lab_cfg_sql_tls (struct lab_cfg *c, const char *words, struct sb_faults *faults)
{
    static const char *const modes[] = { "required", "optional", "none" }; /* enum lab_tds_tls */

    for (const char *p = words; *p != 0;) {
        size_t n = strcspn (p, ","), name = strcspn (p, "=,"), found = 0;
        const char *word = name < n ? p + name + 1 : p;
        int mode = -1;
        for (int i = 0; i < 3; i++)
            if (strlen (modes[i]) == (size_t) (p + n - word) && strncmp (modes[i], word, strlen (modes[i])) == 0)
                mode = i;
        for (size_t i = 0; mode >= 0 && i < c->ninstances; i++)
            if (word == p || (strlen (c->instances[i].name) == name && strncmp (c->instances[i].name, p, name) == 0)) {
                c->instances[i].sql_tls = mode;
                found++;
            }
        if (found == 0) {
            sb_fault (faults, NULL, 0, "--sql-tls does not know '%.*s'", (int) n, p);
            sb_fault_hint (faults, "Say required, optional or none, or INSTANCE=WORD, with commas between.");
            return false;
        }
        p += n + (p[n] == ',');
    }
    return true;
}

#define FINDER(what, type, list, count)                                 \
    const struct type *what (const struct lab_cfg *c, const char *name) \
    {                                                                   \
        for (size_t i = 0; name != NULL && i < c->count; i++)           \
            if (strcmp (c->list[i].name, name) == 0)                    \
                return &c->list[i];                                     \
        return NULL;                                                    \
    }

FINDER (lab_cfg_credential, lab_credential, credentials, ncredentials)
FINDER (lab_cfg_share, lab_share, shares, nshares)
FINDER (lab_cfg_instance, lab_instance, instances, ninstances)

const char *
lab_instance_address (const struct lab_instance *i)
{
    return i->address != NULL ? i->address : LAB_ADDRESS;
}

char *
lab_path (const char *dir, const char *name)
{
    return sb_path_join (dir, name);
}

const char *
lab_share_site (const struct lab_cfg *c, const struct lab_share *s)
{
    const struct lab_instance *i = s->instance != NULL ? lab_cfg_instance (c, s->instance) : NULL;

    return s->site != NULL ? s->site : i != NULL ? i->site : c->tool_site;
}

int
lab_share_port (const struct lab_cfg *c, const struct lab_share *s)
{
    const char *where = lab_share_site (c, s);

    for (size_t i = 0; c->smb && s->path != NULL && where != NULL && i < c->nsites; i++)
        if (strcmp (where, c->sites[i].name) == 0)
            return c->sites[i].smb_port;
    return 0;
}
