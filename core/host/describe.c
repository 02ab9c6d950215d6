/* Manifests: writing and reading; see describe.h. */
#include "core/host/describe.h"

#include "core/base/sha256.h"
#include "core/host/load.h"
#include "core/host/registry.h"
#include "core/sys/file.h"

#include <elf.h>
#include <jansson.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PLUGIN_FILE (64u << 20)
#define FIRST_PAGE      4096

static const char *const types[] = { "string", "int", "bool", "duration", "choice", "list", "secret", "target", NULL };
static const char *const effects[] = { "reads", "settles", "changes", NULL };
static const char *const lanes[] = { "serial", "parallel", NULL };

static int
index_of (const char *const *words, const char *word)
{
    int i;

    for (i = 0; word != NULL && words[i] != NULL; i++)
        if (strcmp (words[i], word) == 0)
            return i;
    return -1;
}

/* ---- fingerprint ---------------------------------------------------------------------------------------- */

#define ROUND4(n) (((n) + 3u) & ~(size_t) 3u)

/* A note segment is a row of (namesz, descsz, type, name, desc), each part padded to 4 bytes (elf(5)). */
static bool
id_in_notes (const char *at, size_t len, char ret[SB_FINGERPRINT])
{
    while (len >= sizeof (ElfW (Nhdr))) {
        ElfW (Nhdr) note;
        size_t name, desc, i;

        memcpy (&note, at, sizeof note);
        name = ROUND4 ((size_t) note.n_namesz);
        desc = ROUND4 ((size_t) note.n_descsz);
        if (name > len || desc > len || sizeof note + name + desc > len)
            return false;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp (at + sizeof note, "GNU", 4) == 0
            && note.n_descsz >= 8 && note.n_descsz <= 32) {
            char *out = ret + sprintf (ret, "build-id:");

            for (i = 0; i < note.n_descsz; i++)
                out += sprintf (out, "%02x", (unsigned char) at[sizeof note + name + i]);
            return true;
        }
        at += sizeof note + name + desc;
        len -= sizeof note + name + desc;
    }
    return false;
}

static bool
build_id (const char *data, size_t len, char ret[SB_FINGERPRINT])
{
    ElfW (Ehdr) head;
    ElfW (Phdr) seg;
    size_t i;

    if (len < sizeof head || memcmp (data, ELFMAG, SELFMAG) != 0)
        return false;
    memcpy (&head, data, sizeof head);
    if (head.e_phentsize != sizeof seg || head.e_phoff > len || len - head.e_phoff < head.e_phnum * sizeof seg)
        return false;
    for (i = 0; i < head.e_phnum; i++) {
        memcpy (&seg, data + head.e_phoff + i * sizeof seg, sizeof seg);
        if (seg.p_type == PT_NOTE && seg.p_offset <= len && seg.p_filesz <= len - seg.p_offset
            && id_in_notes (data + seg.p_offset, seg.p_filesz, ret))
            return true;
    }
    return false;
}

bool
sb_fingerprint (const char *file, char ret[SB_FINGERPRINT], struct sb_faults *faults)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    struct sb_sha256 hash;
    char hex[SB_SHA256_HEX];

    /* Linkers put the notes on the first page; only where they did not the whole file has to be read. */
    if (!sb_file_read_start (file, FIRST_PAGE, &b, faults))
        return false;
    if (build_id (b.s, b.len, ret))
        return true;
    sb_buf_clear (&b);
    if (!sb_file_read (file, MAX_PLUGIN_FILE, &b, faults))
        return false;
    if (build_id (b.s, b.len, ret))
        return true;
    sb_sha256_init (&hash);
    sb_sha256_add (&hash, b.s, b.len);
    sb_sha256_hex (&hash, hex);
    snprintf (ret, SB_FINGERPRINT, "sha256:%s", hex);
    return true;
}

/* ---- writing -------------------------------------------------------------------------------------------- */

static void
set_text (json_t *o, const char *key, const char *value)
{
    if (value != NULL)
        json_object_set_new (o, key, json_string (value));
}

static json_t *
options_json (const struct sb_option *o)
{
    json_t *list = json_array ();

    for (; o != NULL && o->name != NULL; o++) {
        json_t *e = json_object ();
        size_t i;

        set_text (e, "name", o->name);
        set_text (e, "type", types[o->type]);
        if ((o->flags & SB_REQUIRED) != 0)
            json_object_set_new (e, "required", json_true ());
        set_text (e, "fallback", o->fallback);
        if (o->choices != NULL) {
            json_t *words = json_array ();

            for (i = 0; o->choices[i] != NULL; i++)
                json_array_append_new (words, json_string (o->choices[i]));
            json_object_set_new (e, "choices", words);
        }
        set_text (e, "help", o->help);
        json_array_append_new (list, e);
    }
    return list;
}

static json_t *
actions_json (const struct sb_action *a)
{
    json_t *list = json_array ();

    for (; a->verb != NULL; a++) {
        json_t *e = json_object ();

        set_text (e, "verb", a->verb);
        set_text (e, "help", a->help);
        set_text (e, "effect", effects[a->effect]);
        json_object_set_new (e, "timeout_ms", json_integer (a->timeout_ms));
        json_object_set_new (e, "params", options_json (a->params));
        json_object_set_new (e, "results", options_json (a->results));
        set_text (e, "undo", a->undo);
        json_array_append_new (list, e);
    }
    return list;
}

char *
sb_manifest_make (const struct sb_plugin *p, const char *fingerprint)
{
    json_t *root = json_object ();
    char *text, *line;

    json_object_set_new (root, "format", json_integer (SB_MANIFEST_FORMAT));
    set_text (root, "fingerprint", fingerprint);
    set_text (root, "name", p->name);
    set_text (root, "role", p->role);
    set_text (root, "version", p->version);
    set_text (root, "summary", p->summary);
    set_text (root, "lanes", lanes[p->lanes]);
    json_object_set_new (root, "settings", options_json (p->settings));
    json_object_set_new (root, "actions", actions_json (p->actions));
    text = json_dumps (root, JSON_COMPACT);
    json_decref (root);
    line = sb_xprintf ("%s\n", text != NULL ? text : "{}");
    free (text);
    return line;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

struct reader {
    struct sb_arena *arena;
    bool bad;
};

static const char *
get_text (struct reader *r, json_t *o, const char *key, bool needed)
{
    const char *s = json_string_value (json_object_get (o, key));

    if (s == NULL && needed)
        r->bad = true;
    return sb_arena_strdup (r->arena, s);
}

static int
get_word (struct reader *r, json_t *o, const char *key, const char *const *words)
{
    int i = index_of (words, json_string_value (json_object_get (o, key)));

    if (i < 0)
        r->bad = true;
    return i < 0 ? 0 : i;
}

static const char *const *
get_words (struct reader *r, json_t *list)
{
    size_t n = json_array_size (list), i;
    const char **words;

    if (list == NULL)
        return NULL;
    words = sb_arena_alloc (r->arena, (n + 1) * sizeof *words);
    for (i = 0; i < n; i++)
        if ((words[i] = sb_arena_strdup (r->arena, json_string_value (json_array_get (list, i)))) == NULL)
            r->bad = true;
    return words;
}

static const struct sb_option *
get_options (struct reader *r, json_t *list)
{
    size_t n = json_array_size (list), i;
    struct sb_option *o = sb_arena_alloc (r->arena, (n + 1) * sizeof *o);

    if (!json_is_array (list))
        r->bad = true;
    for (i = 0; i < n; i++) {
        json_t *e = json_array_get (list, i);

        o[i].name = get_text (r, e, "name", true);
        o[i].type = (enum sb_type) get_word (r, e, "type", types);
        o[i].flags = json_is_true (json_object_get (e, "required")) ? SB_REQUIRED : 0;
        o[i].fallback = get_text (r, e, "fallback", false);
        o[i].choices = get_words (r, json_object_get (e, "choices"));
        o[i].help = get_text (r, e, "help", true);
    }
    return o;
}

static const struct sb_action *
get_actions (struct reader *r, json_t *list)
{
    size_t n = json_array_size (list), i;
    struct sb_action *a = sb_arena_alloc (r->arena, (n + 1) * sizeof *a);

    if (!json_is_array (list))
        r->bad = true;
    for (i = 0; i < n; i++) {
        json_t *e = json_array_get (list, i);

        a[i].verb = get_text (r, e, "verb", true);
        a[i].help = get_text (r, e, "help", true);
        a[i].effect = (enum sb_effect) get_word (r, e, "effect", effects);
        a[i].timeout_ms = (uint32_t) json_integer_value (json_object_get (e, "timeout_ms"));
        a[i].params = get_options (r, json_object_get (e, "params"));
        a[i].results = get_options (r, json_object_get (e, "results"));
        a[i].undo = get_text (r, e, "undo", false);
    }
    return a;
}

bool
sb_manifest_read (const char *text, size_t len, const char *file, const char *fingerprint, struct sb_arena *arena,
                  struct sb_catalogue_plugin *ret, bool *ret_stale, struct sb_faults *faults)
{
    struct reader r = { arena, false };
    json_error_t error;
    json_t *root = json_loadb (text, len, 0, &error);
    const char *mark = json_string_value (json_object_get (root, "fingerprint"));

    *ret_stale = false;
    if (root == NULL) {
        sb_fault (faults, file, error.line > 0 ? error.line : 0, "this is not a manifest: %s", error.text);
        return false;
    }
    if (json_integer_value (json_object_get (root, "format")) != SB_MANIFEST_FORMAT || mark == NULL
        || strcmp (mark, fingerprint) != 0) {
        *ret_stale = true;
        json_decref (root);
        return true;
    }
    memset (ret, 0, sizeof *ret);
    ret->name = get_text (&r, root, "name", true);
    ret->role = get_text (&r, root, "role", true);
    ret->version = get_text (&r, root, "version", true);
    ret->summary = get_text (&r, root, "summary", true);
    ret->lanes = (enum sb_lanes) get_word (&r, root, "lanes", lanes);
    ret->settings = get_options (&r, json_object_get (root, "settings"));
    ret->actions = get_actions (&r, json_object_get (root, "actions"));
    json_decref (root);
    if (r.bad)
        sb_fault (faults, file, 0, "this manifest lacks something or says something unknown");
    return !r.bad;
}

int
sb_describe_main (const char *file)
{
    struct sb_faults faults = { 0 };
    struct sb_loaded l = { 0 };
    char fingerprint[SB_FINGERPRINT];
    SB_AUTOFREE char *text = NULL;
    bool ok = sb_fingerprint (file, fingerprint, &faults) && sb_load_open (&l, file, &faults);

    if (ok) {
        text = sb_manifest_make (&l.plugin, fingerprint);
        ok = fputs (text, stdout) >= 0 && fflush (stdout) == 0;
    } else {
        text = sb_faults_text (&faults);
        fputs (text, stdout); /* whoever asked reads one stream; the exit code tells which it is */
        fflush (stdout);
    }
    sb_load_close (&l);
    sb_faults_free (&faults);
    return ok ? 0 : 3;
}
