/* Errors of the little PowerShell: error records, how they travel, and the text
 * that Windows PowerShell prints for them, place and category lines included. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <stdio.h>
#include <string.h>

#define RECORD "System.Management.Automation.ErrorRecord"

/* Line and column (from 1) of an offset, and the text of that line. */
static void
place (const struct ps *ps, size_t at, int *ret_line, int *ret_col, const char **ret_text, size_t *ret_len)
{
    const char *begin = ps->src, *s;

    *ret_line = 1;
    for (s = ps->src; *s && (size_t) (s - ps->src) < at; s++)
        if (*s == '\n') {
            ++*ret_line;
            begin = s + 1;
        }
    *ret_col = (int) (s - begin) + 1;
    *ret_text = begin;
    *ret_len = strcspn (begin, "\r\n");
}

static const char *
position_message (struct ps *ps, const struct ps_node *n)
{
    int line, col;
    const char *text;
    size_t len, marks;
    char wave[81];

    place (ps, n->from, &line, &col, &text, &len);
    marks = n->to > n->from ? n->to - n->from : 1;
    if ((size_t) col + marks - 1 > len)
        marks = len >= (size_t) col ? len - (size_t) col + 1 : 1;
    marks = marks > 80 ? 80 : marks;
    memset (wave, '~', marks);
    wave[marks] = '\0';
    return ps_printf (ps, "At line:%d char:%d\n+ %.*s\n+ %*s%s", line, col, (int) (len > 200 ? 200 : len), text,
                      col - 1, "", wave);
}

static struct ps_value
exception (struct ps *ps, const char *type, const char *message)
{
    struct ps_object *o = ps_object_new (ps, type);

    ps_set (ps, o, "Message", ps_text (ps, message));
    ps_set (ps, o, "InnerException", ps_null ());
    o->text = ps_printf (ps, "%s: %s", type, message);
    return ps_of_object (o);
}

struct ps_value
ps_record (struct ps *ps, const struct ps_node *n, const char *type, const char *category, const char *id,
           const char *command, const char *message)
{
    struct ps_object *o = ps_object_new (ps, RECORD),
                     *where = ps_object_new (ps, "System.Management.Automation.InvocationInfo");
    struct ps_object *why = ps_object_new (ps, "System.Management.Automation.ErrorCategoryInfo");
    const char *short_type = strrchr (type, '.') ? strrchr (type, '.') + 1 : type;
    bool is_command = !strcmp (id, "CommandNotFoundException");
    const char *target = command ? command : "";
    int line = 0, col = 0;
    const char *text = "";
    size_t len = 0;

    if (n)
        place (ps, n->from, &line, &col, &text, &len);
    ps_set (ps, where, "ScriptLineNumber", ps_int (line));
    ps_set (ps, where, "OffsetInLine", ps_int (col));
    ps_set (ps, where, "Line", ps_const (ps_strndup (ps, text, len)));
    ps_set (ps, where, "PositionMessage", ps_const (n ? position_message (ps, n) : ""));
    ps_set (ps, o, "Exception", exception (ps, type, message));
    ps_set (ps, o, "TargetObject", command ? ps_const (target) : ps_null ());
    ps_set (ps, why, "Category", ps_const (category));
    ps_set (ps, why, "Activity", ps_const (is_command ? "" : target));
    ps_set (ps, why, "Reason", ps_const (short_type));
    ps_set (ps, why, "TargetName", ps_const (target));
    why->text = ps_printf (ps, "%s: (%s%s) [%s], %s", category, target, is_command ? ":String" : ":",
                           is_command ? "" : target, short_type);
    ps_set (ps, o, "CategoryInfo", ps_of_object (why));
    ps_set (ps, o, "FullyQualifiedErrorId",
            ps_const (command && !is_command ? ps_printf (ps, "%s,%s", id, command) : ps_strdup (ps, id)));
    ps_set (ps, o, "InvocationInfo", ps_of_object (where));
    o->text = ps_strdup (ps, message);
    return ps_of_object (o);
}

static const char *
preference (struct ps *ps)
{
    struct ps_value *v = ps_var (ps, "ErrorActionPreference");

    return v ? ps_string (ps, *v) : "Continue";
}

bool
ps_action_is (const char *given, struct ps *ps, const char *word)
{
    return !ps_text_cmp (given ? given : preference (ps), word, false);
}

enum ps_flow
ps_raise (struct ps *ps, struct ps_value record, bool hard)
{
    ps->thrown = record;
    ps->thrown_hard = hard || ps_action_is (NULL, ps, "Stop");
    ps->ok = false;
    return PS_THROWN;
}

enum ps_flow
ps_throw (struct ps *ps, const struct ps_node *n, const char *type, const char *category, const char *id,
          const char *fmt, ...)
{
    va_list args;
    SB_AUTOFREE char *text = NULL;

    va_start (args, fmt);
    text = sb_xvprintf (fmt, args);
    va_end (args);
    return ps_raise (ps, ps_record (ps, n, type, category, id, NULL, text), false);
}

const char *
ps_error_message (struct ps *ps, struct ps_value record)
{
    struct ps_value *e = record.type == PS_OBJECT ? ps_get (record.u.obj, "Exception") : NULL;
    struct ps_value *m = e && e->type == PS_OBJECT ? ps_get (e->u.obj, "Message") : NULL;

    return m ? ps_string (ps, *m) : ps_string (ps, record);
}

const char *
ps_error_text (struct ps *ps, struct ps_value record)
{
    struct ps_value *where, *position, *target;
    struct sb_buf b = { 0 };
    const char *ret;

    if (record.type != PS_OBJECT || strcmp (record.u.obj->type, RECORD) != 0)
        return ps_string (ps, record);
    where = ps_get (record.u.obj, "InvocationInfo");
    position = where ? ps_get (where->u.obj, "PositionMessage") : NULL;
    target = ps_get (record.u.obj, "TargetObject");
    if (target && target->type == PS_STRING)
        sb_buf_printf (&b, "%s : ", target->u.s);
    sb_buf_str (&b, ps_error_message (ps, record));
    if (position && *ps_string (ps, *position))
        sb_buf_printf (&b, "\n%s", ps_string (ps, *position));
    sb_buf_printf (&b, "\n    + CategoryInfo          : %s", ps_string (ps, *ps_get (record.u.obj, "CategoryInfo")));
    sb_buf_printf (&b, "\n    + FullyQualifiedErrorId : %s\n ",
                   ps_string (ps, *ps_get (record.u.obj, "FullyQualifiedErrorId")));
    ret = ps_strdup (ps, sb_buf_cstr (&b));
    sb_buf_free (&b);
    return ret;
}

void
ps_show_error (struct ps *ps, struct ps_value record)
{
    ps_list_add (ps, ps->errors, record);
    ps->thrown_hard = false;
    if (ps->mute || ps_action_is (NULL, ps, "SilentlyContinue") || ps_action_is (NULL, ps, "Ignore"))
        return;
    if (ps->merge)
        ps->merge->put (ps->merge, record);
    else
        ps->host->err (ps->host->ctx, "Error", ps_error_text (ps, record));
}

/* ---- what cmdlets say ---- */

static struct ps_value of_call (struct ps_call *c, const char *category, const char *id, const char *fmt, va_list args)
        __attribute__ ((format (printf, 4, 0)));

static struct ps_value
of_call (struct ps_call *c, const char *category, const char *id, const char *fmt, va_list args)
{
    SB_AUTOFREE char *text = sb_xvprintf (fmt, args);

    return ps_record (c->ps, c->node, "System.Management.Automation.RuntimeException", category, id, c->cmdlet->name,
                      text);
}

enum ps_flow
ps_fail (struct ps_call *c, const char *category, const char *id, const char *fmt, ...)
{
    struct ps_value record;
    va_list args;

    va_start (args, fmt);
    record = of_call (c, category, id, fmt, args);
    va_end (args);
    return ps_raise (c->ps, record, false);
}

static enum ps_flow
complain (struct ps_call *c, struct ps_value record)
{
    struct ps *ps = c->ps;

    ps->ok = false;
    if (c->error_variable)
        ps_var_set (ps, c->error_variable, record);
    if (ps_action_is (c->error_action, ps, "Stop"))
        return ps_raise (ps, record, true);
    if (ps_action_is (c->error_action, ps, "Ignore"))
        return PS_GO;
    ps_list_add (ps, ps->errors, record);
    if (ps_action_is (c->error_action, ps, "SilentlyContinue") || ps->mute)
        return PS_GO;
    if (ps->merge)
        return ps->merge->put (ps->merge, record);
    ps->host->err (ps->host->ctx, "Error", ps_error_text (ps, record));
    return PS_GO;
}

enum ps_flow
ps_complain (struct ps_call *c, const char *category, const char *id, const char *fmt, ...)
{
    struct ps_value record;
    va_list args;

    va_start (args, fmt);
    record = of_call (c, category, id, fmt, args);
    va_end (args);
    return complain (c, record);
}

static void
notice (struct ps_call *c, const char *kind, const char *fmt, va_list args) __attribute__ ((format (printf, 3, 0)));

static void
notice (struct ps_call *c, const char *kind, const char *fmt, va_list args)
{
    SB_AUTOFREE char *text = sb_xvprintf (fmt, args);

    c->ps->host->err (c->ps->host->ctx, kind, text);
}

void
ps_warn (struct ps_call *c, const char *fmt, ...)
{
    struct ps_value *v = ps_var (c->ps, "WarningPreference");
    va_list args;

    if (v && !ps_text_cmp (ps_string (c->ps, *v), "SilentlyContinue", false))
        return;
    va_start (args, fmt);
    notice (c, "warning", fmt, args);
    va_end (args);
}

void
ps_verbose (struct ps_call *c, const char *fmt, ...)
{
    struct ps_value *v = ps_var (c->ps, "VerbosePreference");
    va_list args;

    if (!c->verbose && !(v && !ps_text_cmp (ps_string (c->ps, *v), "Continue", false)))
        return;
    va_start (args, fmt);
    notice (c, "verbose", fmt, args);
    va_end (args);
}

enum ps_flow
ps_should (struct ps_call *c, const char *target, const char *action, bool *ret_go)
{
    struct ps_value *v = ps_var (c->ps, "WhatIfPreference"), *confirm = ps_var (c->ps, "ConfirmPreference");
    SB_AUTOFREE char *line = NULL;

    *ret_go = false;
    if (c->what_if || (v && ps_true (*v))) {
        line = sb_xprintf ("What if: Performing the operation \"%s\" on target \"%s\".\n", action, target);
        c->ps->host->out (c->ps->host->ctx, line, strlen (line));
        return PS_GO;
    }
    *ret_go = true;
    if (confirm && !ps_text_cmp (ps_string (c->ps, *confirm), "None", false))
        return PS_GO;
    if (!c->confirm_asked && (c->confirm_off || !(c->cmdlet->flags & PS_C_ASKS)))
        return PS_GO;
    *ret_go = false;
    return ps_raise (c->ps,
                     ps_record (c->ps, c->node, "System.Management.Automation.PSInvalidOperationException",
                                "InvalidOperation", "InvalidOperation", c->cmdlet->name,
                                "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not "
                                "available."),
                     false);
}
