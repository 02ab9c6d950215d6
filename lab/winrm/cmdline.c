/* Command lines of the simulated front ends; see cmdline.h.  Through cmd.exe a
 * line may have 8191 characters, without it 32767, and then the program needs
 * its full path, as on Windows. */
#include "config.h"

#include "lab/winrm/cmdline.h"

#include "core/base/text.h"

#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CMD     8191
#define MAX_PROCESS 32767
#define UTF8        65001

/* ---- bytes of a process ---- */

struct process {
    const struct cmd_io *io;
    const struct cmd_place *place;
    int codepage;
    bool clixml; /* stderr in CLIXML */
    bool opened; /* its head was written */
};

/* UTF-8 with \n to the process's code page with CR LF; what the page lacks is a question mark. */
static void
encode (const struct process *p, const char *text, size_t n, struct sb_buf *out)
{
    iconv_t cd = (iconv_t) -1;

    for (size_t i = 0; i < n;) {
        size_t width = 1, left, room = 4;
        char *in = (char *) text + i, bytes[4], *to = bytes;

        while (i + width < n && ((unsigned char) text[i + width] & 0xc0) == 0x80)
            width++;
        if (text[i] == '\n' && !(i && text[i - 1] == '\r'))
            sb_buf_str (out, "\r\n");
        else if (width == 1 || p->codepage == UTF8)
            sb_buf_add (out, text + i, width);
        else {
            left = width;
            if (cd == (iconv_t) -1)
                cd = iconv_open ("CP437", "UTF-8");
            if (cd != (iconv_t) -1 && iconv (cd, &in, &left, &to, &room) != (size_t) -1)
                sb_buf_add (out, bytes, 4 - room);
            else
                sb_buf_char (out, '?');
        }
        i += width;
    }
    if (cd != (iconv_t) -1)
        iconv_close (cd);
}

static void
say (void *ctx, const char *text, size_t n)
{
    struct process *p = ctx;
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    encode (p, text, n, &b);
    if (b.len)
        p->io->out (p->io->ctx, b.s, b.len);
}

static void
say_error (struct process *p, const char *text)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    encode (p, text, strlen (text), &b);
    if (b.len)
        p->io->err (p->io->ctx, b.s, b.len);
}

/* ---- CLIXML: how PowerShell writes its other streams when it was given an encoded command ---- */

#define CLIXML_HEAD "#< CLIXML\r\n<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">"
#define SCREEN      80

static void
clixml_text (struct sb_buf *b, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        switch (s[i]) {
        case '&':
            sb_buf_str (b, "&amp;");
            break;
        case '<':
            sb_buf_str (b, "&lt;");
            break;
        case '>':
            sb_buf_str (b, "&gt;");
            break;
        case '_':
            if (i + 6 < n && s[i + 1] == 'x' && s[i + 6] == '_') /* _x0041_ that was there before */
                sb_buf_str (b, "_x005F_");
            else
                sb_buf_char (b, '_');
            break;
        default:
            if ((unsigned char) s[i] < 0x20)
                sb_buf_printf (b, "_x%04X_", (unsigned char) s[i]);
            else
                sb_buf_char (b, s[i]);
        }
}

/* One string element per line of the screen. */
static void
clixml_lines (struct sb_buf *b, const char *kind, const char *text)
{
    do {
        size_t n = strcspn (text, "\n"), cut = n;

        if (n > SCREEN)
            for (cut = SCREEN; cut > 1 && text[cut - 1] != ' '; cut--)
                ;
        if (cut <= 1 && n > SCREEN) /* no blank to break at */
            for (cut = SCREEN; ((unsigned char) text[cut] & 0xc0) == 0x80; cut++)
                ;
        sb_buf_printf (b, "<S S=\"%s\">", kind);
        clixml_text (b, text, cut);
        sb_buf_str (b, "_x000D__x000A_</S>");
        text += cut + (cut == n && text[n] == '\n');
    } while (*text);
}

static void
clixml_progress (struct sb_buf *b, const char *text)
{
    sb_buf_str (b, "<Obj S=\"progress\" RefId=\"0\"><TN RefId=\"0\"><T>System.Management.Automation.PSCustomObject</T>"
                   "<T>System.Object</T></TN><MS><I64 N=\"SourceId\">1</I64><PR N=\"Record\"><AV>");
    clixml_text (b, text, strlen (text));
    sb_buf_str (b, "</AV><AI>0</AI><Nil /><PI>-1</PI><PC>-1</PC><T>Completed</T><SR>-1</SR><SD> </SD></PR></MS></Obj>");
}

static void
notice (void *ctx, const char *kind, const char *text)
{
    struct process *p = ctx;
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    if (!p->clixml) {
        if (!strcmp (kind, "progress"))
            return;
        if (strcmp (kind, "Error") != 0)
            sb_buf_printf (&b, "%s: ", !strcmp (kind, "warning") ? "WARNING" : "VERBOSE");
        sb_buf_printf (&b, "%s\n", text);
        if (strcmp (kind, "Error") != 0)
            say (p, b.s, b.len);
        else
            say_error (p, b.s);
        return;
    }
    if (!p->opened)
        sb_buf_str (&b, CLIXML_HEAD);
    p->opened = true;
    if (!strcmp (kind, "progress"))
        clixml_progress (&b, text);
    else
        clixml_lines (&b, kind, text);
    p->io->err (p->io->ctx, b.s, b.len);
}

/* ---- powershell.exe ---- */

enum option { O_NONE, O_SWITCH, O_VALUE, O_ENCODED, O_COMMAND, O_FILE, O_OUTPUT };

static enum option
option (const char *word)
{
    static const struct {
        const char *name;
        size_t least;
        enum option what;
    } options[] = {
        { "noprofile", 3, O_SWITCH },
        { "noninteractive", 4, O_SWITCH },
        { "nologo", 3, O_SWITCH },
        { "noexit", 3, O_SWITCH },
        { "sta", 3, O_SWITCH },
        { "mta", 3, O_SWITCH },
        { "executionpolicy", 2, O_VALUE },
        { "ep", 2, O_VALUE },
        { "inputformat", 2, O_VALUE },
        { "outputformat", 1, O_OUTPUT },
        { "windowstyle", 1, O_VALUE },
        { "version", 1, O_VALUE },
        { "encodedcommand", 1, O_ENCODED },
        { "ec", 2, O_ENCODED },
        { "command", 1, O_COMMAND },
        { "file", 1, O_FILE },
    };
    size_t n;

    if (*word != '-' && *word != '/')
        return O_NONE;
    n = strlen (++word);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (n >= options[i].least && n <= strlen (options[i].name) && !strncasecmp (options[i].name, word, n))
            return options[i].what;
    return O_NONE;
}

/* The next word of a line, quotes taken off; NULL at the end.  Caller frees. */
static char *
word (const char **line)
{
    struct sb_buf b = { 0 };
    bool quoted = false;
    const char *s = *line + strspn (*line, " \t");

    if (!*s)
        return NULL;
    for (; *s && (quoted || (*s != ' ' && *s != '\t')); s++) {
        if (*s == '\\' && s[1] == '"') {
            sb_buf_char (&b, '"');
            s++;
        } else if (*s == '"')
            quoted = !quoted;
        else
            sb_buf_char (&b, *s);
    }
    *line = s;
    return sb_buf_take (&b);
}

static bool
stopped (void *ctx)
{
    const struct process *p = ctx;

    return p->io->stopped (p->io->ctx);
}

static void
wait_for (void *ctx, int64_t ms)
{
    const struct process *p = ctx;

    p->io->pause (p->io->ctx, ms);
}

static char *
input (void *ctx)
{
    const struct process *p = ctx;

    return p->io->input (p->io->ctx);
}

static void
set_encoding (void *ctx, int codepage)
{
    ((struct process *) ctx)->codepage = codepage;
}

static int
script (struct process *p, const char *text)
{
    struct ps_host host = { .ctx = p,
                            .out = say,
                            .err = notice,
                            .stopped = stopped,
                            .pause = wait_for,
                            .input = input,
                            .encoding = set_encoding,
                            .computer = p->place->computer,
                            .user = p->place->user,
                            .cmdlets = p->place->cmdlets,
                            .modules = p->place->modules,
                            .world = p->place->world };
    int code = ps_run (&host, text);

    if (p->opened)
        p->io->err (p->io->ctx, "</Objs>", 7);
    return code;
}

static int
encoded (struct process *p, const char *base64)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf raw = { 0 }, text = { 0 };

    if (!base64 || !sb_base64_decode (base64, strlen (base64), &raw)
        || !sb_utf16le_to_utf8 (sb_buf_cstr (&raw), raw.len, &text)) {
        say_error (
                p,
                "Cannot process the command because the value specified with -EncodedCommand is not properly encoded. "
                "The value must be Base64 encoded.\n");
        return 1;
    }
    return script (p, sb_buf_cstr (&text));
}

/* -Command: everything behind it is the script; "-" means stdin. */
static int
plain_command (struct process *p, const char *line)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    const char *s = line + strspn (line, " \t");
    char *w;

    if (!strcmp (s, "-")) {
        SB_AUTOFREE char *all = p->io->input (p->io->ctx);

        return script (p, all ? all : "");
    }
    while ((w = word (&line))) {
        sb_buf_printf (&text, "%s%s", text.len ? " " : "", w);
        free (w);
    }
    return script (p, sb_buf_cstr (&text));
}

static int
powershell (struct process *p, const char *line)
{
    bool text_wanted = false;
    const char *before = line;
    SB_AUTOFREE char *w = NULL;

    for (;; free (w), before = line) {
        SB_AUTOFREE char *value = NULL;

        w = word (&line);
        if (!w)
            return plain_command (p, "-");
        switch (option (w)) {
        case O_SWITCH:
            continue;
        case O_VALUE:
            free (word (&line));
            continue;
        case O_OUTPUT:
            value = word (&line);
            text_wanted = value && !strcasecmp (value, "text");
            continue;
        case O_ENCODED:
            value = word (&line);
            p->clixml = !text_wanted;
            return encoded (p, value);
        case O_COMMAND:
            return plain_command (p, line);
        case O_FILE:
            say_error (
                    p,
                    "The argument to the -File parameter does not exist. Provide the path to an existing '.ps1' file as an "
                    "argument to the -File parameter.\n");
            return -196608; /* 0xFFFD0000 */
        case O_NONE:
            return plain_command (p, before);
        }
    }
}

/* ---- the other programs ---- */

static int
p_hostname (struct process *p, const char *line)
{
    SB_AUTOFREE char *text = sb_xprintf ("%s\n", p->place->computer);

    (void) line;
    say (p, text, strlen (text));
    return 0;
}

static int
p_whoami (struct process *p, const char *line)
{
    SB_AUTOFREE char *text = sb_xprintf ("%s\n", p->place->user);

    (void) line;
    say (p, text, strlen (text));
    return 0;
}

static int
p_echo (struct process *p, const char *line)
{
    SB_AUTOFREE char *text = sb_xprintf ("%s\n", *line == ' ' ? line + 1 : *line ? line : "ECHO is on.");

    say (p, text, strlen (text));
    return 0;
}

static int
p_exit (struct process *p, const char *line)
{
    line += strspn (line, " \t");
    if (!strncasecmp (line, "/b", 2))
        line += 2;
    (void) p;
    return atoi (line);
}

static int
p_ver (struct process *p, const char *line)
{
    static const char text[] = "\nMicrosoft Windows [Version 10.0.14393]\n";

    (void) line;
    say (p, text, sizeof text - 1);
    return 0;
}

static int run_line (struct process *p, const char *line);

static int
p_cmd (struct process *p, const char *line)
{
    line += strspn (line, " \t");
    if (strncasecmp (line, "/c", 2) != 0 && strncasecmp (line, "/k", 2) != 0)
        return 0;
    return run_line (p, line + 2);
}

static const struct {
    const char *name;
    bool built_in; /* of cmd.exe: no program */
    int (*run) (struct process *p, const char *rest);
} programs[] = {
    { "powershell", false, powershell },
    { "hostname", false, p_hostname },
    { "whoami", false, p_whoami },
    { "cmd", false, p_cmd },
    { "echo", true, p_echo },
    { "exit", true, p_exit },
    { "ver", true, p_ver },
};
#define NPROGRAMS (sizeof programs / sizeof *programs)

/* Index of the program, NPROGRAMS: none.  *ret_path: a folder was given. */
static size_t
program (const char *name, bool *ret_path)
{
    const char *base = strrchr (name, '\\') ? strrchr (name, '\\') + 1 : name;
    size_t n = strlen (base), i;

    *ret_path = base != name;
    if (n > 4 && !strcasecmp (base + n - 4, ".exe"))
        n -= 4;
    for (i = 0; i < NPROGRAMS; i++)
        if (strlen (programs[i].name) == n && !strncasecmp (programs[i].name, base, n)
            && !(programs[i].built_in && (*ret_path || base[n])))
            break;
    if (i < NPROGRAMS && *ret_path && strncasecmp (name, "C:\\Windows\\", 11) != 0
        && strncasecmp (name, "%SystemRoot%\\", 13) != 0)
        i = NPROGRAMS;
    return i;
}

enum wsman_fault
cmd_check (const char *line, bool skip_cmd_shell)
{
    const char *rest = line;
    SB_AUTOFREE char *name = word (&rest);
    bool path;
    size_t i;

    if (!name)
        return WSMAN_F_PARAMETER;
    if (!skip_cmd_shell)
        return WSMAN_OK; /* cmd.exe itself complains */
    if (strlen (line) > MAX_PROCESS)
        return WSMAN_F_TOO_LONG;
    i = program (name, &path);
    return i < NPROGRAMS && path && !programs[i].built_in ? WSMAN_OK : WSMAN_F_NO_FILE;
}

static int
run_line (struct process *p, const char *line)
{
    const char *rest = line;
    SB_AUTOFREE char *name = word (&rest), *text = NULL;
    bool path;
    size_t i;

    if (!name)
        return 0;
    i = program (name, &path);
    if (i < NPROGRAMS)
        return programs[i].run (p, rest);
    if (path)
        text = sb_xprintf ("The system cannot find the path specified.\n");
    else
        text = sb_xprintf (
                "'%s' is not recognized as an internal or external command,\noperable program or batch file.\n", name);
    say_error (p, text);
    return 1;
}

int
cmd_run (const struct cmd_io *io, const struct cmd_place *place, int codepage, bool skip_cmd_shell, const char *line)
{
    struct process p = { .io = io, .place = place, .codepage = codepage };

    if (!skip_cmd_shell && strlen (line) > MAX_CMD) {
        say_error (&p, "The command line is too long.\n");
        return 1;
    }
    return run_line (&p, line);
}
