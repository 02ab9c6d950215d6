/* Making and reading of messages; see wire.h. */
#include "core/host/wire.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

static char *
dump (json_t *root)
{
    char *text = root != NULL ? json_dumps (root, JSON_COMPACT) : NULL;

    json_decref (root);
    return text;
}

static json_t *
strings (const char *const *list)
{
    json_t *array = json_array ();
    size_t i;

    for (i = 0; list[i] != NULL; i++)
        if (json_array_append_new (array, json_string (list[i])) != 0) {
            json_decref (array);
            return NULL;
        }
    return array;
}

char *
sb_wire_init (const struct sb_lanes_cfg *cfg, const char *plugin)
{
    json_t *dirs = strings (sb_registry_dirs (cfg->registry));
    json_t *text = json_stringn (cfg->topology_text, cfg->topology_len);

    return dump (json_pack ("{s:s, s:s, s:o, s:s, s:o, s:s, s:s, s:s?, s:b}", "t", "init", "plugin", plugin, "dirs",
                            dirs, "file", cfg->topology_file, "text", text, "base", cfg->base, "run", cfg->run,
                            "run_dir", cfg->run_dir, "drill", cfg->drill));
}

static json_t *
params_json (const struct sb_call_spec *spec)
{
    json_t *list = json_array ();
    size_t i;

    for (i = 0; i < spec->nparams; i++) {
        const struct sb_call_param *p = &spec->params[i];
        json_t *value = p->items != NULL ? strings (p->items) : json_string (p->value != NULL ? p->value : "");
        json_t *pair = value != NULL ? json_pack ("[s, o]", p->name, value) : NULL;

        if (pair == NULL || json_array_append_new (list, pair) != 0) {
            json_decref (list);
            return NULL;
        }
    }
    return list;
}

char *
sb_wire_call (const struct sb_call_spec *spec)
{
    json_t *params = params_json (spec);

    if (params == NULL)
        return NULL;
    return dump (json_pack ("{s:s, s:I, s:s, s:s, s:s, s:i, s:s?, s:o, s:I, s:s?, s:i}", "t", "call", "id",
                            (json_int_t) spec->id, "kind", spec->kind, "object", spec->object, "verb", spec->verb, "op",
                            (int) spec->op, "on", spec->on, "params", params, "deadline_ms",
                            (json_int_t) spec->deadline_ms, "step", spec->step, "attempt", (int) spec->attempt));
}

char *
sb_wire_answer (uint64_t id, const struct sb_call_out *out)
{
    json_t *results = json_array ();
    size_t i;

    for (i = 0; i < out->nresults; i++)
        json_array_append_new (results, json_pack ("[s, s]", out->results[i].name, out->results[i].value));
    return dump (json_pack ("{s:s, s:I, s:i, s:i, s:s, s:o}", "t", "answer", "id", (json_int_t) id, "rc", (int) out->rc,
                            "seen", (int) out->seen, "sentence", out->sentence, "results", results));
}

char *
sb_wire_say (const char *type, uint64_t id, unsigned number, const char *text)
{
    return dump (json_pack ("{s:s, s:I, s:i, s:s}", "t", type, "id", (json_int_t) id, "n", (int) number, "text", text));
}

const char *
sb_wire_text_or_null (json_t *o, const char *key)
{
    return json_string_value (json_object_get (o, key));
}

const char *
sb_wire_text (json_t *o, const char *key)
{
    const char *s = sb_wire_text_or_null (o, key);

    return s != NULL ? s : "";
}

static const char *const *
parse_items (json_t *list, struct sb_arena *arena)
{
    size_t n = json_array_size (list), i;
    const char **items = sb_arena_alloc (arena, (n + 1) * sizeof *items);

    for (i = 0; i < n; i++)
        if ((items[i] = json_string_value (json_array_get (list, i))) == NULL)
            items[i] = "";
    return items;
}

bool
sb_wire_parse_call (json_t *m, struct sb_arena *arena, struct sb_call_in *ret)
{
    json_t *list = json_object_get (m, "params");
    size_t n = json_array_size (list), i;
    struct sb_call_param *params = sb_arena_alloc (arena, (n + 1) * sizeof *params);

    for (i = 0; i < n; i++) {
        json_t *value = json_array_get (json_array_get (list, i), 1);

        params[i].name = json_string_value (json_array_get (json_array_get (list, i), 0));
        params[i].value = json_string_value (value);
        params[i].items = json_is_array (value) ? parse_items (value, arena) : NULL;
        if (params[i].name == NULL || (params[i].value == NULL && params[i].items == NULL))
            return false;
    }
    memset (ret, 0, sizeof *ret);
    ret->id = (uint64_t) json_integer_value (json_object_get (m, "id"));
    ret->kind = sb_wire_text (m, "kind");
    ret->object = sb_wire_text (m, "object");
    ret->verb = sb_wire_text (m, "verb");
    ret->op = json_integer_value (json_object_get (m, "op")) == SB_OP_VERIFY ? SB_OP_VERIFY : SB_OP_RUN;
    ret->on = sb_wire_text_or_null (m, "on");
    ret->step = sb_wire_text_or_null (m, "step");
    ret->attempt = (unsigned) json_integer_value (json_object_get (m, "attempt"));
    ret->deadline_ms = json_integer_value (json_object_get (m, "deadline_ms"));
    ret->params = params;
    ret->nparams = n;
    return ret->id != 0 && ret->deadline_ms > 0;
}
