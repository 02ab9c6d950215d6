/* The inside of the little PowerShell: the tree of a script, the state of a
 * running one, and what its files ask of each other.  ps_lex.c reads tokens,
 * ps_parse.c, ps_command.c and ps_expr.c build the tree, ps_eval.c walks statements and
 * pipelines, ps_calc.c expressions, ps_ops.c operators, ps_member.c members and
 * methods, ps_static.c types, ps_bind.c finds and binds commands, ps_core.c and
 * ps_objects.c are cmdlets, ps_format.c and ps_json.c write text, ps_error.c
 * makes and shows errors. */
#ifndef SB_LAB_WINRM_PS_INT_H
#define SB_LAB_WINRM_PS_INT_H

#include "lab/winrm/ps.h"

#define PS_MAX_DEPTH  600        /* of nested calls and expressions, of nested text; needs 8 MiB of stack */
#define PS_MAX_STRING (8u << 20) /* bytes of one text made by an operator */
#define PS_MAX_SCRIPT (1u << 20)

/* ---- the tree ---- */

enum ps_kind {
    /* statements; kids in order */
    PS_N_BLOCK,    /* statements */
    PS_N_PIPELINE, /* elements: commands, the first may be an expression */
    PS_N_COMMAND,  /* name, arguments; text "&" or "." when so invoked */
    PS_N_ARG,      /* -text, kid: value behind a colon or none */
    PS_N_REDIRECT, /* text: "2>&1", ">", "2>" ..., kid: target or none */
    PS_N_ASSIGN,   /* text: operator; target, statement */
    PS_N_IF,       /* (condition, block)..., [block] */
    PS_N_WHILE,    /* condition, block */
    PS_N_DO,       /* block, condition; text: while or until */
    PS_N_FOR,      /* init, condition, step, block; any but the block may be NULL */
    PS_N_FOREACH,  /* text: variable; statement, block */
    PS_N_SWITCH,   /* value, (pattern or NULL for default, block)... */
    PS_N_TRY,      /* block, finally or NULL, catches */
    PS_N_CATCH,    /* text: type or NULL; block */
    PS_N_FUNCTION, /* text: name; script block */
    PS_N_FLOW,     /* text: return throw exit break continue; kid or none */
    /* expressions */
    PS_N_CONST,   /* value */
    PS_N_STRING,  /* parts */
    PS_N_VAR,     /* text: name with scope, as written */
    PS_N_MEMBER,  /* object, [name expression]; text: name or NULL; is_static */
    PS_N_INVOKE,  /* member, arguments */
    PS_N_INDEX,   /* object, index */
    PS_N_HASH,    /* (key, statement)... */
    PS_N_ARRAY,   /* @( block ) */
    PS_N_SUBEXPR, /* $( block ) */
    PS_N_PAREN,   /* ( pipeline ) */
    PS_N_SCRIPT,  /* { }: parameters..., block last */
    PS_N_PARAM,   /* text: name; default or NULL */
    PS_N_TYPE,    /* text */
    PS_N_CAST,    /* text; operand */
    PS_N_UNARY,   /* text; operand */
    PS_N_BINARY,  /* op; left, right */
    PS_N_COMMA,   /* elements */
    PS_N_STEP     /* ++ or --: text; operand; is_prefix */
};

struct ps_op; /* a row of the table of binary operators */

struct ps_node {
    enum ps_kind kind;
    bool is_static, is_prefix, bare; /* bare: a word of a command, not a quoted text */
    size_t from, to;                 /* where it stands in the source */
    const char *text;
    const struct ps_op *op;
    struct ps_value value;
    struct ps_node **kids;
    size_t nkids, cap;
};

/* ---- operators ---- */

enum ps_opid {
    PS_O_AND,
    PS_O_OR,
    PS_O_XOR,
    PS_O_BAND,
    PS_O_BOR,
    PS_O_BXOR,
    PS_O_EQ,
    PS_O_NE,
    PS_O_GT,
    PS_O_GE,
    PS_O_LT,
    PS_O_LE,
    PS_O_LIKE,
    PS_O_NOTLIKE,
    PS_O_MATCH,
    PS_O_NOTMATCH,
    PS_O_REPLACE,
    PS_O_CONTAINS,
    PS_O_NOTCONTAINS,
    PS_O_IN,
    PS_O_NOTIN,
    PS_O_SPLIT,
    PS_O_JOIN,
    PS_O_IS,
    PS_O_ISNOT,
    PS_O_AS,
    PS_O_ADD,
    PS_O_SUB,
    PS_O_MUL,
    PS_O_DIV,
    PS_O_MOD,
    PS_O_FORMAT,
    PS_O_RANGE
};
struct ps_op {
    const char *word; /* with the dash, lower case */
    enum ps_opid id;
    int level;  /* binds tighter: higher */
    bool exact; /* minds case (-ceq) */
};
#define PS_LEVEL_LOGIC 1
#define PS_LEVEL_RANGE 7
const struct ps_op *ps_op_word (const char *s, size_t n); /* "-eq" or "+"; NULL: none */

/* ---- reading ---- */

struct ps_lex {
    struct ps *ps;
    const char *src;
    size_t len, at;
    int depth;
    bool failed;
    const char *error; /* of the first one */
    size_t error_at;
};

void ps_lex_error (struct ps_lex *l, const char *fmt, ...) __attribute__ ((format (printf, 2, 3)));
int ps_peek (const struct ps_lex *l, size_t ahead);      /* -1 at the end */
void ps_blank (struct ps_lex *l);                        /* blanks, comments, continued lines */
void ps_blank_lines (struct ps_lex *l);                  /* and newlines */
int ps_quote (const struct ps_lex *l, size_t *ret_n);    /* '\'' or '"' when one stands here, in any of its shapes */
bool ps_word_ends (int c);                               /* does this end a bare word? */
bool ps_keyword (const struct ps_lex *l, const char *w); /* stands this word here? */
const char *ps_name (struct ps_lex *l);                  /* letters, digits, _; NULL: none here */
struct ps_node *ps_node_new (struct ps_lex *l, enum ps_kind kind);
void ps_kid (struct ps_lex *l, struct ps_node *n, struct ps_node *kid);
struct ps_node *ps_lex_string (struct ps_lex *l);   /* quoted text or here-string */
struct ps_node *ps_lex_variable (struct ps_lex *l); /* $x ${x} $env:x $_ $? */
struct ps_node *ps_lex_number (struct ps_lex *l);   /* NULL: none here */
struct ps_node *ps_lex_bare (struct ps_lex *l);     /* a word of a command; may contain variables */
bool ps_enter (struct ps_lex *l);                   /* depth; false: too deep */

struct ps_node *ps_parse (struct ps *ps, const char *src, struct ps_lex *l); /* NULL: l->error */
struct ps_node *ps_block_until (struct ps_lex *l, int close); /* statements up to and with `close` (-1: the end) */
struct ps_node *ps_statement (struct ps_lex *l);
struct ps_node *ps_pipeline (struct ps_lex *l);
struct ps_node *ps_script_block (struct ps_lex *l); /* behind { */
struct ps_node *ps_expression (struct ps_lex *l);
struct ps_node *ps_primary (struct ps_lex *l, bool argument); /* with . [ ] ::; argument: of a command */

/* ---- running ---- */

/* One command of a pipeline: a cmdlet, or a function or script block that gets its input gathered. */
struct ps_stage {
    struct ps_sink sink; /* what is piped into it */
    struct ps_call call;
    const struct ps_node *script; /* not a cmdlet */
    struct ps_list *args;         /* of the script block, bound when it runs */
    struct ps_sink drop;          /* where > $null sends output */
    bool merge, mute;             /* 2>&1, 2>$null */
};

/* Finds the command and binds its arguments. */
enum ps_flow ps_bind (struct ps *ps, const struct ps_node *n, bool piped, struct ps_stage *stage);
/* Calls a script block with arguments bound as ps_bind() left them: (name or null, value) pairs. */
enum ps_flow ps_call_bound (struct ps *ps, const struct ps_stage *stage);

struct ps_scope {
    struct ps_scope *up;
    struct ps_object vars;
};

struct ps {
    struct sb_arena arena;
    size_t used;
    const struct ps_host *host;
    const char *src;
    struct ps_scope *scope, *global;
    struct ps_object functions; /* name -> PS_BLOCK */
    struct ps_value thrown;     /* the error record on its way */
    bool thrown_hard;           /* by `throw`, or under ErrorActionPreference Stop: ends the script */
    struct ps_value result;     /* of return */
    int exit_code;
    int depth, tries;        /* tries: bodies of try statements around us */
    bool ok;                 /* $? */
    struct ps_list *errors;  /* $Error, newest last */
    const char *stop_reason; /* a limit of ours was reached */
    unsigned steps;
    struct ps_list *group;        /* objects waiting for their table or list */
    bool warmed;                  /* the progress record of the first module was shown */
    struct ps_sink *merge;        /* where 2>&1 sends errors; NULL: nowhere */
    bool mute;                    /* 2>$null */
    const struct ps_call *enough; /* who said PS_ENOUGH */
};

enum ps_flow ps_invoke_end (struct ps_call *c);                                         /* Invoke-Expression */
enum ps_flow ps_do (struct ps *ps, const struct ps_node *n, struct ps_sink *out);       /* any statement */
enum ps_flow ps_calc (struct ps *ps, const struct ps_node *n, struct ps_value *ret);    /* any expression */
enum ps_flow ps_collect (struct ps *ps, const struct ps_node *n, struct ps_value *ret); /* a statement's output */
enum ps_flow ps_spread (struct ps *ps, struct ps_sink *out, struct ps_value v);         /* elements of lists */
enum ps_flow ps_call_block (struct ps *ps, const struct ps_node *script, const struct ps_value *dollar,
                            const struct ps_list *args, bool own_scope, struct ps_sink *out);
enum ps_flow ps_assign_to (struct ps *ps, const struct ps_node *target, struct ps_value v);

/* A sink that keeps. */
struct ps_keep {
    struct ps_sink sink;
    struct ps *ps;
    struct ps_list *list;
};
void ps_keep_init (struct ps_keep *k, struct ps *ps);
struct ps_value ps_kept (const struct ps_keep *k); /* nothing: null; one: itself; else an array */

struct ps_value *ps_var (struct ps *ps, const char *name); /* NULL: not set */
void ps_var_set (struct ps *ps, const char *name, struct ps_value v);
struct ps_value ps_var_read (struct ps *ps, const char *name); /* with $env:, $true ... */

/* ---- errors ---- */

struct ps_value ps_record (struct ps *ps, const struct ps_node *n, const char *type, const char *category,
                           const char *id, const char *command, const char *message);
enum ps_flow ps_throw (struct ps *ps, const struct ps_node *n, const char *type, const char *category, const char *id,
                       const char *fmt, ...) __attribute__ ((format (printf, 6, 7)));
enum ps_flow ps_raise (struct ps *ps, struct ps_value record, bool hard);
void ps_show_error (struct ps *ps, struct ps_value record); /* on the error stream; remembers it in $Error */
const char *ps_error_message (struct ps *ps, struct ps_value record);
const char *ps_error_text (struct ps *ps, struct ps_value record);      /* as the host prints it */
bool ps_action_is (const char *given, struct ps *ps, const char *word); /* of ErrorAction */

/* ---- values ---- */

const char *ps_flat (struct ps *ps, double d);
const char *ps_date_text (struct ps *ps, struct ps_value v, const char *format);
bool ps_parse_date (const char *s, int64_t *ret_ms, bool *ret_utc);
bool ps_equal (struct ps *ps, struct ps_value a, struct ps_value b, bool exact);
bool ps_compare (struct ps *ps, struct ps_value a, struct ps_value b, bool exact, int *ret); /* false: cannot */
int ps_text_cmp (const char *a, const char *b, bool exact);
struct ps_list *ps_as_list (struct ps *ps, struct ps_value v); /* null: empty; a scalar: itself */
bool ps_like (const char *pattern, const char *text, bool exact);
size_t ps_chars (const char *s); /* characters of UTF-8 */

enum ps_flow
ps_binary (struct ps *ps, const struct ps_node *n, struct ps_value a, struct ps_value b, struct ps_value *ret);
enum ps_flow ps_arith (struct ps *ps, const struct ps_node *n, enum ps_opid id, struct ps_value a, struct ps_value b,
                       struct ps_value *ret);
enum ps_flow
ps_match (struct ps *ps, const struct ps_node *n, const char *text, const char *pattern, bool exact, bool *ret);
enum ps_flow ps_replace (struct ps *ps, const struct ps_node *n, const char *text, struct ps_value how, bool exact,
                         const char **ret);
enum ps_flow ps_split (struct ps *ps, const struct ps_node *n, const char *text, const char *pattern, int64_t max,
                       bool regex, struct ps_list *ret);
enum ps_flow
ps_format_op (struct ps *ps, const struct ps_node *n, const char *format, const struct ps_list *args, const char **ret);
const char *ps_format_number (struct ps *ps, struct ps_value v, const char *format);
enum ps_flow
ps_cast (struct ps *ps, const struct ps_node *n, const char *type, struct ps_value v, struct ps_value *ret);
const char *ps_class_name (struct ps *ps, const char *written); /* without System. and blanks */

/* ret false in *ret_found: no such member */
enum ps_flow
ps_member (struct ps *ps, const struct ps_node *n, struct ps_value v, const char *name, struct ps_value *ret);
enum ps_flow
ps_member_set (struct ps *ps, const struct ps_node *n, struct ps_value v, const char *name, struct ps_value to);
enum ps_flow ps_method (struct ps *ps, const struct ps_node *n, struct ps_value v, const char *name,
                        const struct ps_list *args, struct ps_value *ret);
enum ps_flow
ps_static_get (struct ps *ps, const struct ps_node *n, const char *type, const char *name, struct ps_value *ret);
enum ps_flow
ps_static_set (struct ps *ps, const struct ps_node *n, const char *type, const char *name, struct ps_value v);
enum ps_flow ps_static_call (struct ps *ps, const struct ps_node *n, const char *type, const char *name,
                             const struct ps_list *args, struct ps_value *ret);
enum ps_flow
ps_new (struct ps *ps, const struct ps_node *n, const char *type, const struct ps_list *args, struct ps_value *ret);

/* ---- text ---- */

void ps_show (struct ps *ps, struct ps_value v);                             /* to the host's output, as Out-Default */
void ps_show_end (struct ps *ps);                                            /* what still waits */
void ps_render (struct ps *ps, const struct ps_list *l, struct sb_buf *out); /* as Out-String */
enum ps_view { PS_VIEW_LIST, PS_VIEW_TABLE };
void ps_view_text (struct ps *ps, const struct ps_list *l, enum ps_view how, const struct ps_list *columns,
                   struct sb_buf *out);
void ps_json (struct ps *ps, struct ps_value v, int64_t depth, bool compress, struct sb_buf *out);
bool ps_json_read (struct ps *ps, const char *text, struct ps_value *ret, const char **ret_error);
bool ps_xml_read (struct ps *ps, const char *text, struct ps_value *ret);

extern const struct ps_cmdlet ps_core_cmdlets[];   /* ps_core.c */
extern const struct ps_cmdlet ps_object_cmdlets[]; /* ps_objects.c */
const struct ps_cmdlet *ps_find_cmdlet (struct ps *ps, const char *name);

#endif
