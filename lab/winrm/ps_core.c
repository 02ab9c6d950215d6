/* Cmdlets of the little PowerShell that write, wait, load and ask: Write-*,
 * Out-*, Format-*, Get-Date, Start-Sleep, Import-Module, New-Object, JSON.
 * Cmdlets that work on streams of objects are in ps_objects.c. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include "core/sys/clock.h"

#include <stdio.h>
#include <string.h>

#define MAX_SLEEP_S 86400

/* ---- writing ---- */

static const struct ps_param write_params[] = { { "InputObject", 0, PS_P_REST | PS_P_PIPED },
                                                { "NoEnumerate", -1, PS_P_SWITCH },
                                                { 0 } };

static enum ps_flow
write_end (struct ps_call *c)
{
    if (c->piped && !ps_has (c, "InputObject"))
        return PS_GO;
    return ps_spread (c->ps, c->out, ps_arg (c, "InputObject"));
}

static enum ps_flow
write_item (struct ps_call *c, struct ps_value v)
{
    return ps_put (c, v);
}

static const struct ps_param host_params[] = { { "Object", 0, PS_P_REST | PS_P_PIPED },
                                               { "NoNewline", -1, PS_P_SWITCH },
                                               { "Separator", -1, 0 },
                                               { "ForegroundColor", -1, 0 },
                                               { "BackgroundColor", -1, 0 },
                                               { 0 } };

static void
say (struct ps_call *c, const char *text, bool newline)
{
    ps_show_end (c->ps);
    c->ps->host->out (c->ps->host->ctx, text, strlen (text));
    if (newline)
        c->ps->host->out (c->ps->host->ctx, "\n", 1);
}

static enum ps_flow
host_item (struct ps_call *c, struct ps_value v)
{
    say (c, ps_string (c->ps, v), !ps_arg_switch (c, "NoNewline"));
    return PS_GO;
}

static enum ps_flow
host_end (struct ps_call *c)
{
    return c->piped && !ps_has (c, "Object") ? PS_GO : host_item (c, ps_arg (c, "Object"));
}

static const struct ps_param error_params[] = { { "Message", 0, PS_P_PIPED },
                                                { "Exception", -1, 0 },
                                                { "Category", -1, 0 },
                                                { "ErrorId", -1, 0 },
                                                { "ErrorRecord", -1, 0 },
                                                { "TargetObject", -1, 0 },
                                                { 0 } };

static enum ps_flow
error_item (struct ps_call *c, struct ps_value v)
{
    return ps_complain (c, "NotSpecified", "Microsoft.PowerShell.Commands.WriteErrorException", "%s",
                        v.type == PS_OBJECT ? ps_error_message (c->ps, v) : ps_string (c->ps, v));
}

static enum ps_flow
error_end (struct ps_call *c)
{
    struct ps_value v = ps_has (c, "Message")       ? ps_arg (c, "Message")
                        : ps_has (c, "ErrorRecord") ? ps_arg (c, "ErrorRecord")
                                                    : ps_arg (c, "Exception");

    if (v.type == PS_OBJECT && ps_get (v.u.obj, "Message"))
        v = *ps_get (v.u.obj, "Message");
    return c->piped && v.type == PS_NULL ? PS_GO : error_item (c, v);
}

static const struct ps_param message_params[] = { { "Message", 0, PS_P_PIPED }, { 0 } };

static enum ps_flow
warning_item (struct ps_call *c, struct ps_value v)
{
    ps_warn (c, "%s", ps_string (c->ps, v));
    return PS_GO;
}

static enum ps_flow
warning_end (struct ps_call *c)
{
    return c->piped ? PS_GO : warning_item (c, ps_arg (c, "Message"));
}

static enum ps_flow
verbose_item (struct ps_call *c, struct ps_value v)
{
    ps_verbose (c, "%s", ps_string (c->ps, v));
    return PS_GO;
}

static enum ps_flow
verbose_end (struct ps_call *c)
{
    return c->piped ? PS_GO : verbose_item (c, ps_arg (c, "Message"));
}

static const struct ps_param progress_params[] = {
    { "Activity", 0, 0 }, { "Status", 1, 0 }, { "PercentComplete", -1, 0 }, { "Completed", -1, PS_P_SWITCH }, { 0 }
};

static enum ps_flow
progress_end (struct ps_call *c)
{
    struct ps_value *v = ps_var (c->ps, "ProgressPreference");
    const char *activity = ps_arg_text (c, "Activity");

    if (!v || ps_text_cmp (ps_string (c->ps, *v), "SilentlyContinue", false))
        c->ps->host->err (c->ps->host->ctx, "progress", activity ? activity : "");
    return PS_GO;
}

/* ---- Out-, Format- ---- */

static const struct ps_param any_params[] = {
    { "InputObject", -1, PS_P_PIPED }, { "Width", -1, 0 }, { "Stream", -1, PS_P_SWITCH }, { 0 }
};

static enum ps_flow
keep_item (struct ps_call *c, struct ps_value v)
{
    ps_list_add (c->ps, c->kept, v);
    return PS_GO;
}

static enum ps_flow
null_item (struct ps_call *c, struct ps_value v)
{
    (void) c;
    (void) v;
    return PS_GO;
}

static enum ps_flow
default_item (struct ps_call *c, struct ps_value v)
{
    ps_show (c->ps, v);
    return PS_GO;
}

static void
take_input (struct ps_call *c)
{
    struct ps_list *l = c->piped ? NULL : ps_as_list (c->ps, ps_arg (c, "InputObject"));

    for (size_t i = 0; l && i < l->count; i++)
        ps_list_add (c->ps, c->kept, l->v[i]);
}

static enum ps_flow
string_end (struct ps_call *c)
{
    struct sb_buf b = { 0 };
    enum ps_flow f = PS_GO;
    char *line, *rest;

    take_input (c);
    ps_render (c->ps, c->kept, &b);
    if (!ps_arg_switch (c, "Stream"))
        f = ps_put (c, ps_text (c->ps, sb_buf_cstr (&b)));
    else
        for (rest = b.s; f == PS_GO && rest && *rest;) {
            line = strsep (&rest, "\n");
            f = ps_put (c, ps_text (c->ps, line));
        }
    sb_buf_free (&b);
    return f;
}

static const struct ps_param format_params[] = { { "Property", 0, PS_P_REST },
                                                 { "InputObject", -1, PS_P_PIPED },
                                                 { "AutoSize", -1, PS_P_SWITCH },
                                                 { "Wrap", -1, PS_P_SWITCH },
                                                 { "HideTableHeaders", -1, PS_P_SWITCH },
                                                 { "Force", -1, PS_P_SWITCH },
                                                 { "GroupBy", -1, 0 },
                                                 { 0 } };

static enum ps_flow
format_as (struct ps_call *c, enum ps_view how)
{
    struct ps_object *o = ps_object_new (c->ps, "Microsoft.PowerShell.Commands.Internal.Format.FormatStartData");
    struct sb_buf b = { 0 };

    take_input (c);
    ps_view_text (c->ps, c->kept, how, ps_has (c, "Property") ? ps_as_list (c->ps, ps_arg (c, "Property")) : NULL, &b);
    o->text = ps_strdup (c->ps, sb_buf_cstr (&b));
    sb_buf_free (&b);
    return *o->text ? ps_put (c, ps_of_object (o)) : PS_GO;
}

static enum ps_flow
format_list_end (struct ps_call *c)
{
    return format_as (c, PS_VIEW_LIST);
}

static enum ps_flow
format_table_end (struct ps_call *c)
{
    return format_as (c, PS_VIEW_TABLE);
}

/* ---- modules and commands ---- */

static const struct ps_param module_params[] = { { "Name", 0, PS_P_REST },
                                                 { "Force", -1, PS_P_SWITCH },
                                                 { "DisableNameChecking", -1, PS_P_SWITCH },
                                                 { "ListAvailable", -1, PS_P_SWITCH },
                                                 { "PassThru", -1, PS_P_SWITCH },
                                                 { "Scope", -1, 0 },
                                                 { "Global", -1, PS_P_SWITCH },
                                                 { 0 } };

static bool
known_module (struct ps_call *c, const char *name)
{
    static const char *const always[] = { "Microsoft.PowerShell.Utility", "Microsoft.PowerShell.Management", NULL };
    const char *const *lists[] = { always, c->ps->host->modules };

    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; lists[k] && lists[k][i]; i++)
            if (!ps_text_cmp (lists[k][i], name, false))
                return true;
    return false;
}

static enum ps_flow
import_end (struct ps_call *c)
{
    struct ps_list *l = ps_as_list (c->ps, ps_arg (c, "Name"));
    struct ps_value *quiet = ps_var (c->ps, "ProgressPreference");
    enum ps_flow f = PS_GO;

    if (!c->ps->warmed && (!quiet || ps_text_cmp (ps_string (c->ps, *quiet), "SilentlyContinue", false)))
        c->ps->host->err (c->ps->host->ctx, "progress", "Preparing modules for first use.");
    c->ps->warmed = true;
    for (size_t i = 0; i < l->count && f == PS_GO; i++)
        if (!known_module (c, ps_string (c->ps, l->v[i])))
            f = ps_complain (
                    c, "ResourceUnavailable", "Modules_ModuleNotFound",
                    "The specified module '%s' was not loaded because no valid module file was found in any module "
                    "directory.",
                    ps_string (c->ps, l->v[i]));
    return f;
}

static enum ps_flow
module_end (struct ps_call *c)
{
    const char *name = ps_arg_text (c, "Name");
    enum ps_flow f = PS_GO;

    for (const char *const *m = c->ps->host->modules; m && *m && f == PS_GO; m++) {
        struct ps_object *o;

        if (name && !ps_like (name, *m, false))
            continue;
        o = ps_object_new (c->ps, "System.Management.Automation.PSModuleInfo");
        ps_set (c->ps, o, "ModuleType", ps_const ("Script"));
        ps_set (c->ps, o, "Version", ps_const ("1.0"));
        ps_set (c->ps, o, "Name", ps_const (*m));
        o->text = *m;
        f = ps_put (c, ps_of_object (o));
    }
    return f;
}

static const struct ps_param command_params[] = {
    { "Name", 0, 0 }, { "Module", -1, 0 }, { "CommandType", -1, 0 }, { 0 }
};

static enum ps_flow
put_command (struct ps_call *c, const char *type, const char *name, const char *module)
{
    struct ps_object *o = ps_object_new (c->ps, "System.Management.Automation.CmdletInfo");

    ps_set (c->ps, o, "CommandType", ps_const (type));
    ps_set (c->ps, o, "Name", ps_const (name));
    ps_set (c->ps, o, "Version", ps_const (""));
    ps_set (c->ps, o, "Source", ps_const (module ? module : "Microsoft.PowerShell.Utility"));
    o->text = name;
    return ps_put (c, ps_of_object (o));
}

static enum ps_flow
command_end (struct ps_call *c)
{
    const struct ps_cmdlet *tables[] = { ps_core_cmdlets, ps_object_cmdlets, c->ps->host->cmdlets };
    const char *name = ps_arg_text (c, "Name"), *module = ps_arg_text (c, "Module");
    enum ps_flow f = PS_GO;
    bool any = false;

    for (size_t i = 0; i < c->ps->functions.count && f == PS_GO; i++)
        if (!module && name && ps_like (name, c->ps->functions.props[i].name, false)) {
            any = true;
            f = put_command (c, "Function", c->ps->functions.props[i].name, "");
        }
    for (size_t t = 0; t < 3; t++)
        for (const struct ps_cmdlet *k = tables[t]; k && k->name && f == PS_GO; k++) {
            if ((name && !ps_like (name, k->name, false))
                || (module && ps_text_cmp (module, k->module ? k->module : "", false)))
                continue;
            any = true;
            f = put_command (c, "Cmdlet", k->name, k->module);
        }
    if (any || f != PS_GO || !name || strpbrk (name, "*?["))
        return f;
    return ps_complain (
            c, "ObjectNotFound", "CommandNotFoundException",
            "The term '%s' is not recognized as the name of a cmdlet, function, script file, or operable program. "
            "Check the spelling of the name, or if a path was included, verify that the path is correct and try "
            "again.",
            name);
}

static const struct ps_param new_params[] = { { "TypeName", 0, PS_P_MANDATORY },
                                              { "ArgumentList", 1, PS_P_REST },
                                              { "Property", -1, 0 },
                                              { "ComObject", -1, 0 },
                                              { 0 } };

static enum ps_flow
new_end (struct ps_call *c)
{
    struct ps_value v, props = ps_arg (c, "Property");
    struct ps_list *args =
            ps_has (c, "ArgumentList") ? ps_as_list (c->ps, ps_arg (c, "ArgumentList")) : ps_list_new (c->ps);
    enum ps_flow f = ps_new (c->ps, c->node, ps_arg_text (c, "TypeName"), args, &v);

    if (f != PS_GO)
        return f;
    for (size_t i = 0; props.type == PS_OBJECT && v.type == PS_OBJECT && i < props.u.obj->count; i++)
        ps_set (c->ps, v.u.obj, props.u.obj->props[i].name, props.u.obj->props[i].value);
    return ps_put (c, v);
}

/* ---- time ---- */

static const struct ps_param date_params[] = { { "Date", 0, 0 }, { "Format", -1, 0 }, { "UFormat", -1, 0 }, { 0 } };

static enum ps_flow
date_end (struct ps_call *c)
{
    struct ps_value v = ps_date (ps_now (c->ps), false);
    enum ps_flow f = PS_GO;

    if (ps_has (c, "Date"))
        f = ps_cast (c->ps, c->node, "datetime", ps_arg (c, "Date"), &v);
    if (f == PS_GO && ps_has (c, "Format"))
        v = ps_const (ps_date_text (c->ps, v, ps_arg_text (c, "Format")));
    return f == PS_GO ? ps_put (c, v) : f;
}

static const struct ps_param sleep_params[] = { { "Seconds", 0, 0 }, { "Milliseconds", -1, 0 }, { 0 } };

static enum ps_flow
sleep_end (struct ps_call *c)
{
    struct ps_value seconds;
    int64_t ms = 0;

    if (ps_has (c, "Milliseconds"))
        ps_integer (c->ps, ps_arg (c, "Milliseconds"), &ms);
    else if (ps_number (c->ps, ps_arg (c, "Seconds"), &seconds))
        ms = seconds.type == PS_INT ? (seconds.u.i > MAX_SLEEP_S ? MAX_SLEEP_S : seconds.u.i) * 1000
                                    : (int64_t) (seconds.u.d < MAX_SLEEP_S ? seconds.u.d * 1000 : 1000.0 * MAX_SLEEP_S);
    if (ms < 0)
        return ps_fail (
                c, "InvalidData", "ParameterArgumentValidationError",
                "Cannot validate argument on parameter 'Seconds'. The argument is less than the minimum allowed range.");
    ps_show_end (c->ps);
    if (c->ps->host->pause)
        c->ps->host->pause (c->ps->host->ctx, ms);
    c->ps->steps |= 255; /* look at the stop flag at once */
    return ps_step (c->ps);
}

/* ---- JSON ---- */

static const struct ps_param to_json_params[] = {
    { "InputObject", 0, PS_P_PIPED }, { "Depth", -1, 0 }, { "Compress", -1, PS_P_SWITCH }, { 0 }
};

static enum ps_flow
to_json_end (struct ps_call *c)
{
    struct ps_value v = ps_arg (c, "InputObject");
    int64_t depth = 2;
    struct sb_buf b = { 0 };
    enum ps_flow f;

    if (ps_has (c, "Depth") && (!ps_integer (c->ps, ps_arg (c, "Depth"), &depth) || depth < 1 || depth > 100))
        return ps_fail (c, "InvalidData", "ParameterArgumentValidationError",
                        "Cannot validate argument on parameter 'Depth'.");
    if (!ps_has (c, "InputObject"))
        v = c->kept->count == 1 ? c->kept->v[0] : ps_of_list (c->kept);
    if (c->piped && !c->kept->count)
        return PS_GO;
    ps_json (c->ps, v, depth, ps_arg_switch (c, "Compress"), &b);
    f = ps_put (c, ps_text (c->ps, sb_buf_cstr (&b)));
    sb_buf_free (&b);
    return f;
}

static const struct ps_param from_json_params[] = { { "InputObject", 0, PS_P_PIPED }, { 0 } };

static enum ps_flow
from_json_end (struct ps_call *c)
{
    struct ps_value v;
    const char *error;
    struct sb_buf b = { 0 };
    bool good;

    take_input (c);
    for (size_t i = 0; i < c->kept->count; i++)
        sb_buf_printf (&b, "%s\n", ps_string (c->ps, c->kept->v[i]));
    good = ps_json_read (c->ps, sb_buf_cstr (&b), &v, &error);
    sb_buf_free (&b);
    if (!good)
        return ps_fail (c, "NotSpecified", "System.ArgumentException", "Invalid JSON primitive: %s.", error);
    return ps_put (c, v); /* an array stays one object, as in 5.1 */
}

/* ---- programs ---- */

static enum ps_flow
hostname_end (struct ps_call *c)
{
    return ps_put (c, ps_const (c->ps->host->computer ? c->ps->host->computer : ""));
}

static enum ps_flow
whoami_end (struct ps_call *c)
{
    return ps_put (c, ps_text (c->ps, c->ps->host->user ? c->ps->host->user : ""));
}

static enum ps_flow
nothing (struct ps_call *c)
{
    (void) c;
    return PS_GO;
}

static const struct ps_param invoke_params[] = { { "Command", 0, PS_P_MANDATORY }, { 0 } };
static const struct ps_param strict_params[] = { { "Version", 0, 0 }, { "Off", -1, PS_P_SWITCH }, { 0 } };

#define UTILITY "Microsoft.PowerShell.Utility"
const struct ps_cmdlet ps_core_cmdlets[] = {
    { "Write-Output", write_params, 0, NULL, write_item, write_end, UTILITY },
    { "Write-Host", host_params, 0, NULL, host_item, host_end, UTILITY },
    { "Write-Error", error_params, 0, NULL, error_item, error_end, UTILITY },
    { "Write-Warning", message_params, 0, NULL, warning_item, warning_end, UTILITY },
    { "Write-Verbose", message_params, 0, NULL, verbose_item, verbose_end, UTILITY },
    { "Write-Debug", message_params, 0, NULL, null_item, nothing, UTILITY },
    { "Write-Information", message_params, 0, NULL, null_item, nothing, UTILITY },
    { "Write-Progress", progress_params, 0, NULL, NULL, progress_end, UTILITY },
    { "Invoke-Expression", invoke_params, 0, NULL, NULL, ps_invoke_end, UTILITY },
    { "Out-Null", any_params, 0, NULL, null_item, NULL, "Microsoft.PowerShell.Core" },
    { "Out-Default", any_params, 0, NULL, default_item, NULL, "Microsoft.PowerShell.Core" },
    { "Out-Host", any_params, 0, NULL, default_item, NULL, "Microsoft.PowerShell.Core" },
    { "Out-String", any_params, 0, NULL, keep_item, string_end, UTILITY },
    { "Format-List", format_params, 0, NULL, keep_item, format_list_end, UTILITY },
    { "Format-Table", format_params, 0, NULL, keep_item, format_table_end, UTILITY },
    { "Import-Module", module_params, 0, NULL, NULL, import_end, "Microsoft.PowerShell.Core" },
    { "Get-Module", module_params, 0, NULL, NULL, module_end, "Microsoft.PowerShell.Core" },
    { "Get-Command", command_params, 0, NULL, NULL, command_end, "Microsoft.PowerShell.Core" },
    { "Set-StrictMode", strict_params, 0, NULL, NULL, nothing, "Microsoft.PowerShell.Core" },
    { "New-Object", new_params, 0, NULL, NULL, new_end, UTILITY },
    { "Get-Date", date_params, 0, NULL, NULL, date_end, UTILITY },
    { "Start-Sleep", sleep_params, 0, NULL, NULL, sleep_end, UTILITY },
    { "ConvertTo-Json", to_json_params, 0, NULL, keep_item, to_json_end, UTILITY },
    { "ConvertFrom-Json", from_json_params, 0, NULL, keep_item, from_json_end, UTILITY },
    { "hostname", NULL, 0, NULL, NULL, hostname_end, "C:\\Windows\\system32" },
    { "hostname.exe", NULL, 0, NULL, NULL, hostname_end, "C:\\Windows\\system32" },
    { "whoami", NULL, 0, NULL, NULL, whoami_end, "C:\\Windows\\system32" },
    { "whoami.exe", NULL, 0, NULL, NULL, whoami_end, "C:\\Windows\\system32" },
    { 0 },
};
