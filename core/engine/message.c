/* Templates of messages: reading, layers, and the message that comes out. */
#include "core/engine/message.h"

#include "core/base/buf.h"
#include "core/base/ini.h"
#include "core/base/text.h"
#include "core/model/expr.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_LIMIT 4000 /* bytes of one value: a message is no report */

/* clang-format off */
const struct sb_message_value sb_message_values[] = {
    { "about",      "the step and its state, or the state of the run", "Prove the loss: waits for an answer" },
    { "answer",     "command that answers", "switchback approve failover-20261121T120501-3f2a loss" },
    { "changed",    "what is other than before (check, watch)", "H7 red: mgc: the mirror is suspended" },
    { "channel",    "the channel that did not reach anybody (escalation)", "ops-room" },
    { "counts",     "steps by state, at the end of a run", "41 done, 2 owed" },
    { "gate",       "name of the gate", "loss" },
    { "host",       "this host", "tool-1" },
    { "journal",    "head of the journal: number and hash of its last record", "record 212, 5f1d..." },
    { "level",      "info, good, warning or critical, as the run ended", "good" },
    { "outcome",    "how the run ended", "done" },
    { "pool",       "the pool", "pchat" },
    { "question",   "what the gate asks", "mgc is safe up to 12:04:31; 27 s of messages may be lost. Go on?" },
    { "quote",      "what would be lost", "mgc: everything committed up to LSN 41000000012300001 is safe" },
    { "reason",     "why a step stands as it does", "nothing of the site answers" },
    { "run",        "identifier of the run", "failover-20261121T120501-3f2a" },
    { "said",       "what the step's action said last", "the server refused the log-in" },
    { "site",       "the site", "north" },
    { "state",      "the state in words", "waits for an answer" },
    { "step",       "name of the step", "loss[mgc]" },
    { "step title", "title of the step", "Prove the loss" },
    { "subject",    "subject of the message that nobody acknowledged (escalation)", "switchback: failover of pchat" },
    { "time",       "when, UTC", "2026-11-21T12:05:01.000Z" },
    { "title",      "title of the workflow", "Fail over to the backup site" },
    { "waited",     "how long nobody acknowledged it (escalation)", "10m" },
    { "what",       "name of this text", "gate" },
    { "workflow",   "name of the workflow", "failover" },
    { NULL, NULL, NULL }
};

const struct sb_message_kind sb_message_kinds[] = {
    { "begin",        "run",     NULL,      "a run begins or goes on" },
    { "finish",       "run",     NULL,      "a run ended" },
    { "drill-begin",  "drill",   "run",     "a drill begins or goes on" },
    { "drill-end",    "drill",   "run",     "a drill ended" },
    { "gate",         "gate",    NULL,      "a gate waits for a person" },
    { "failed",       "failure", NULL,      "a step failed" },
    { "held",         "held",    "failure", "a step is held and waits for a person" },
    { "dark",         "failure", NULL,      "a site is dark" },
    { "undo",         "failure", NULL,      "what was done is being taken back" },
    { "owed",         "owed",    NULL,      "a step is owed to a dark site" },
    { "loss",         "loss",    NULL,      "what would be lost was quoted" },
    { "step",         "step",    NULL,      "a step reached its end" },
    { "not-ready",    "check",   NULL,      "the steady state was lost, or is lost in another way" },
    { "ready",        "check",   NULL,      "the steady state is there again" },
    { "watch",        "watch",   NULL,      "what a watch sees has changed" },
    { "escalation",   "escalation", NULL,   "nobody acknowledged a message on another channel" },
    { "test",         "test",    NULL,      "a test fire" },
    { NULL, NULL, NULL, NULL }
};
/* clang-format on */

static const char builtin[] = "[message any]\n"
                              "subject = ${workflow | \"check\"} of ${pool}: ${about | what}\n"
                              "text = ${about}\n"
                              "level = info\n";

static const char *const levels[] = { "info", "good", "warning", "critical", NULL };
static const char *const plain_keys[] = { "subject", "text", "hint", "level", NULL };

struct entry {
    const char *section, *key, *value;
};

struct sb_messages {
    struct sb_arena arena;
    struct entry *entries; /* in the order of the files; later ones lie over earlier ones */
    size_t count, cap;
};

const struct sb_message_kind *
sb_message_kind_find (const char *what)
{
    const struct sb_message_kind *k;

    for (k = sb_message_kinds; k->what != NULL; k++)
        if (strcmp (k->what, what) == 0)
            return k;
    return NULL;
}

bool
sb_message_wants_ack (const char *level)
{
    return strcmp (level, "warning") == 0 || strcmp (level, "critical") == 0;
}

/* ---------------------------------------------------------------- reading */

struct reading {
    struct sb_messages *m;
    const char *file;
    struct sb_faults *faults;
    const char *section; /* without "message "; NULL: not a good one */
};

static void
begin_section (struct reading *r, const char *name, int line)
{
    const char *names[32];
    const struct sb_message_kind *k;
    const char *near;
    size_t n = 0;

    r->section = strncmp (name, "message ", 8) == 0 ? sb_arena_strdup (&r->m->arena, name + 8) : NULL;
    if (r->section != NULL && (strcmp (r->section, "any") == 0 || sb_message_kind_find (r->section) != NULL))
        return;
    names[n++] = "any";
    for (k = sb_message_kinds; k->what != NULL && n < 32; k++)
        names[n++] = k->what;
    near = sb_nearest (r->section != NULL ? r->section : name, names, n);
    sb_fault (r->faults, r->file, line, "there is no message '%s'", name);
    if (near != NULL)
        sb_fault_hint (r->faults, "Did you mean [message %s]?", near);
    else
        sb_fault_hint (r->faults, "Sections are called [message NAME]; switchback-messages(5) lists the names.");
    r->section = NULL;
}

static bool
is_value (const char *name)
{
    const struct sb_message_value *v;

    for (v = sb_message_values; v->name != NULL; v++)
        if (strcmp (v->name, name) == 0)
            return true;
    return false;
}

static void
unknown_value (struct reading *r, const char *name, int line)
{
    const char *names[64];
    const struct sb_message_value *v;
    const char *near;
    size_t n = 0;

    for (v = sb_message_values; v->name != NULL && n < 64; v++)
        names[n++] = v->name;
    near = sb_nearest (name, names, n);
    sb_fault (r->faults, r->file, line, "messages know no value '%s'", name);
    if (near != NULL)
        sb_fault_hint (r->faults, "Did you mean ${%s}?", near);
    else
        sb_fault_hint (r->faults, "switchback-messages(5) lists the values.");
}

static void
check_template (struct reading *r, const char *value, int line)
{
    enum sb_piece_type type;
    struct sb_piece piece;
    struct sb_term term;
    const char *p = value, *q;

    while ((type = sb_next_piece (&p, &piece)) != SB_PIECE_END) {
        if (type == SB_PIECE_BROKEN) {
            sb_fault (r->faults, r->file, line, "a '${' has no '}'");
            sb_fault_hint (r->faults, "Write $${ for a plain ${.");
            return;
        }
        for (q = piece.s; type == SB_PIECE_EXPR && sb_next_term (&r->m->arena, &q, piece.s + piece.n, &term);)
            if (!term.literal && !is_value (term.text))
                unknown_value (r, term.text, line);
    }
}

static bool
is_fact (const char *key)
{
    return strncmp (key, "fact ", 5) == 0 && key[5] != '\0' && strchr (key, '=') == NULL;
}

static void
take (void *ctx, const char *section, const char *key, const char *value, int line)
{
    struct reading *r = ctx;
    struct sb_arena *a = &r->m->arena;

    if (key == NULL) {
        begin_section (r, section, line);
        return;
    }
    if (r->section == NULL)
        return;
    if (!is_fact (key) && !sb_list_has ((char *const *) plain_keys, key)) {
        const char *near = sb_nearest (key, plain_keys, 4);
        sb_fault (r->faults, r->file, line, "a message has no key '%s'", key);
        sb_fault_hint (r->faults, "%s%s%s", near ? "Did you mean '" : "",
                       near ? near : "Keys are subject, text, hint, level", near ? "'?" : " and 'fact WORDS'.");
        return;
    }
    if (strcmp (key, "level") == 0 && *value != '\0' && !sb_has_reference (value)
        && !sb_list_has ((char *const *) levels, value)) {
        sb_fault (r->faults, r->file, line, "level = %s is not one of info, good, warning, critical", value);
        return;
    }
    check_template (r, value, line);
    SB_PUSH (r->m->entries, r->m->count, r->m->cap) =
            (struct entry){ r->section, sb_arena_strdup (a, key), sb_arena_strdup (a, value) };
}

bool
sb_messages_read (struct sb_messages *m, const char *file, const char *text, size_t len, struct sb_faults *faults)
{
    struct reading r = { .m = m, .file = file, .faults = faults };
    size_t before = faults->count;

    sb_ini_parse (file, text, len, take, &r, faults);
    return faults->count == before;
}

struct sb_messages *
sb_messages_new (void)
{
    SB_CLEANUP (sb_faults_free) struct sb_faults none = { 0 };
    struct sb_messages *m = sb_xcalloc (1, sizeof *m);

    sb_messages_read (m, "(builtin)", builtin, sizeof builtin - 1, &none);
    return m;
}

struct sb_messages *
sb_messages_copy (const struct sb_messages *m)
{
    struct sb_messages *copy = sb_xcalloc (1, sizeof *copy);
    size_t i;

    for (i = 0; i < m->count; i++) {
        const struct entry *e = &m->entries[i];
        SB_PUSH (copy->entries, copy->count, copy->cap) =
                (struct entry){ sb_arena_strdup (&copy->arena, e->section), sb_arena_strdup (&copy->arena, e->key),
                                sb_arena_strdup (&copy->arena, e->value) };
    }
    return copy;
}

void
sb_messages_free (struct sb_messages *m)
{
    if (m == NULL)
        return;
    free (m->entries);
    sb_arena_release (&m->arena);
    free (m);
}

/* ---------------------------------------------------------------- making */

struct making {
    const struct sb_messages *m;
    const char *what;
    const struct sb_map *values;
    bool drill;
    struct sb_arena *a;
};

/* The topmost template for a key of this message, else of any; NULL: there is none. */
static const char *
template_of (const struct making *k, const char *section, const char *key)
{
    size_t i;

    for (i = k->m->count; i > 0; i--)
        if (strcmp (k->m->entries[i - 1].section, section) == 0 && strcmp (k->m->entries[i - 1].key, key) == 0)
            return k->m->entries[i - 1].value;
    return strcmp (section, "any") == 0 ? NULL : template_of (k, "any", key);
}

static void
add_value (const struct making *k, const char *name, struct sb_buf *out)
{
    const char *value = sb_map_get (k->values, name);
    size_t n = value == NULL ? 0 : strlen (value);

    if (strcmp (name, "what") == 0)
        sb_buf_str (out, k->what);
    else if (n <= VALUE_LIMIT)
        sb_buf_add (out, value == NULL ? "" : value, n);
    else {
        for (n = VALUE_LIMIT; n > 0 && ((unsigned char) value[n] & 0xc0) == 0x80; n--)
            continue;
        sb_buf_add (out, value, n);
        sb_buf_str (out, "...");
    }
}

/* The first alternative that is not empty. */
static void
add_expression (const struct making *k, const struct sb_piece *piece, struct sb_buf *out)
{
    const char *p = piece->s;
    size_t before = out->len;
    struct sb_term term;

    while (out->len == before && sb_next_term (k->a, &p, piece->s + piece->n, &term)) {
        if (term.literal)
            sb_buf_str (out, term.text);
        else
            add_value (k, term.text, out);
    }
}

/* In plain stretches of a template \n is the end of a line; values stand as they are. */
static void
add_plain (const struct sb_piece *piece, struct sb_buf *out)
{
    size_t i;

    for (i = 0; i < piece->n; i++)
        if (piece->s[i] == '\\' && i + 1 < piece->n && piece->s[i + 1] == 'n') {
            sb_buf_char (out, '\n');
            i++;
        } else {
            sb_buf_char (out, piece->s[i]);
        }
}

static char *
expand (const struct making *k, const char *template)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };
    enum sb_piece_type type;
    struct sb_piece piece;
    const char *p = template;

    while (p != NULL && (type = sb_next_piece (&p, &piece)) != SB_PIECE_END) {
        if (type == SB_PIECE_EXPR)
            add_expression (k, &piece, &out);
        else
            add_plain (&piece, &out);
    }
    return sb_trim (sb_arena_strdup (k->a, sb_buf_cstr (&out)));
}

static char *
line_of (const struct making *k, const char *template)
{
    char *text = expand (k, template), *at;

    for (at = text; *at != '\0'; at++)
        if ((unsigned char) *at < 0x20 || *at == 0x7f)
            *at = ' ';
    return text;
}

static bool
claims_drill (const char *line)
{
    static const char word[] = "drill", says[] = "this is a drill";
    size_t i;

    while (*line != '\0' && !isalnum ((unsigned char) *line) && *line != '\n')
        line++;
    for (i = 0; word[i] != '\0' && tolower ((unsigned char) line[i]) == word[i]; i++)
        continue;
    if (word[i] == '\0')
        return true;
    for (i = 0; says[i] != '\0' && tolower ((unsigned char) line[i]) == says[i]; i++)
        continue;
    return says[i] == '\0';
}

/* Outside a drill no line may begin as if it were one. */
static char *
honest (const struct making *k, const char *text)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };
    const char *end;

    if (k->drill)
        return sb_arena_strdup (k->a, text);
    for (; *text != '\0'; text = *end == '\0' ? end : end + 1) {
        end = text + strcspn (text, "\n");
        if (claims_drill (text))
            sb_buf_str (&out, "(no drill) ");
        sb_buf_add (&out, text, (size_t) (end - text) + (*end == '\n'));
    }
    return sb_arena_strdup (k->a, sb_buf_cstr (&out));
}

static bool
was_given (const struct making *k, const char *section, const char *key, size_t before)
{
    size_t i;

    for (i = 0; i < before; i++)
        if (strcmp (k->m->entries[i].section, section) == 0 && strcmp (k->m->entries[i].key, key) == 0)
            return true;
    return false;
}

/* Facts of one section in the order in which they first appear; `any` comes last and adds what the section lacks. */
static void
add_facts (const struct making *k, const char *section, json_t *list, struct sb_buf *body)
{
    size_t i;

    for (i = 0; i < k->m->count; i++) {
        const struct entry *e = &k->m->entries[i];
        bool ours = strcmp (section, k->what) == 0;
        char *value;

        if (strcmp (e->section, section) != 0 || !is_fact (e->key) || was_given (k, section, e->key, i)
            || (!ours && was_given (k, k->what, e->key, k->m->count)))
            continue;
        value = honest (k, expand (k, template_of (k, section, e->key)));
        if (*value == '\0')
            continue;
        json_array_append_new (list, json_sprintf ("%s=%s", e->key + 5, value));
        sb_buf_printf (body, "%s: %s\n", e->key + 5, value);
    }
}

static char *
subject_of (const struct making *k)
{
    const char *text = line_of (k, template_of (k, k->what, "subject"));

    return sb_arena_printf (k->a, "%sswitchback: %s", k->drill ? "DRILL " : "", *text != '\0' ? text : k->what);
}

void
sb_messages_make (const struct sb_messages *m, const char *what, const struct sb_map *values, bool drill,
                  struct sb_arena *a, struct sb_message *ret)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf body = { 0 };
    struct making k = { m, what, values, drill, a };
    const char *text = honest (&k, expand (&k, template_of (&k, what, "text")));
    const char *hint = honest (&k, line_of (&k, template_of (&k, what, "hint")));
    const char *level = line_of (&k, template_of (&k, what, "level"));
    json_t *facts = json_array (), *data;
    char *dump;

    ret->level = sb_list_has ((char *const *) levels, level) ? level : "info";
    ret->subject = subject_of (&k);
    if (drill)
        text = sb_arena_printf (a, "This is a DRILL.%s%s", *text != '\0' ? "\n" : "", text);
    sb_buf_printf (&body, "%s\n\n", text);
    add_facts (&k, what, facts, &body);
    if (strcmp (what, "any") != 0)
        add_facts (&k, "any", facts, &body);
    if (*hint != '\0')
        sb_buf_printf (&body, "\nHINT: %s\n", hint);
    data = json_pack ("{s:s, s:s, s:s, s:o, s:s}", "what", what, "level", ret->level, "text", text, "facts", facts,
                      "hint", hint);
    dump = data != NULL ? json_dumps (data, JSON_COMPACT) : NULL;
    ret->data = sb_arena_strdup (a, dump != NULL ? dump : "{}");
    ret->body = sb_arena_strdup (a, sb_buf_cstr (&body));
    free (dump);
    json_decref (data);
}
