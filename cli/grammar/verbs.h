/*
 * The one table of what the command takes: its verbs, their arguments and
 * options.  Parsing, help, "did you mean", the manual page and completion are
 * made from it; nothing else says what a verb takes.
 *
 * To add an option: a row in the list of its verb (verbs_*.c), and a line in
 * the verb that reads it by cli_option().  To add a verb: a row in a section
 * of verbs_*.c, its function in cli.h.  To add an option for every verb: a row
 * of cli_globals in verbs.c.  Rules, which t/cli/cli_help.t checks:
 *
 *   - A verb has a summary of one line and two examples that can be parsed.
 *   - An option has a sentence, and a default if it has one.
 *   - Options of one name take a value everywhere, or nowhere.
 *
 * Two options that exclude each other: .not_with of one of them; one that needs
 * another: .only_with.  STOK_GOLDEN=write prove t/cli/cli_docs.t writes what
 * the documents copy from help.
 *
 * A verb's .check judges the rest of its line before Redis is asked.
 *
 * A new kind of value has a row in values.c, which checks it before anybody
 * asks Redis.  It needs no more if the words that are allowed stand in .words.
 */


#ifndef CLI_VERBS_H
#define CLI_VERBS_H


#include "cli.h"


/* of a value: how it is checked, and what completes it */
typedef enum {
    CLI_FLAG = 0,                                /* no value */
    CLI_TEXT,                                    /* any */
    CLI_WORD,                                    /* one of .words */
    CLI_WORDS,                                   /* some, commas between */
    CLI_USER,
    CLI_ID,                                      /* of a token */
    CLI_ID_OR_INPUT,                             /* or "-" */
    CLI_ROLE,
    CLI_ENV,
    CLI_USE_CASE,
    CLI_RULES,
    CLI_TIME,                                    /* as the option takes it */
    CLI_LIFETIME,
    CLI_EXTENSION,                               /* of a lifetime */
    CLI_UNTIL,                                   /* a long time-out */
    CLI_COUNT,                                   /* from 1 on */
    CLI_NAME,                                    /* of a token */
    CLI_SCOPE,
    CLI_ENTRY,                                   /* of the audit */
    CLI_BRAND,
    CLI_KEY_NAME,
    CLI_FILE,
    CLI_NEW_FILE,
    CLI_VERB
} cli_kind_e;


/* flags of an option or an argument */
#define CLI_NEEDED  1                            /* of an option */
#define CLI_MANY    2                            /* of the last argument */
#define CLI_MAYBE   4                            /* an argument may be absent */


/* an option, or an argument; a list of them ends with .name NULL */
typedef struct {
    const char  *name;                           /* "wait"; "ID" */
    const char  *value;                          /* "TIME"; NULL: a flag */
    const char  *words;                          /* blanks between */
    const char  *fallback;                       /* as help shows it */
    const char  *env;                            /* variable of a global one */
    const char  *text;                           /* sentences */
    const char  *not_with;                       /* another option's name */
    const char  *only_with;
    cli_kind_e   kind;
    unsigned     flags;
    char         letter;                         /* -h; 0: none */
} cli_opt_t;


/* flags of a verb */
#define CLI_OFFLINE  1                           /* needs no Redis */
#define CLI_INPUT    2                           /* an id may be "-" */
#define CLI_HIDDEN   4                           /* not in help */
#define CLI_EXAMPLES 3


typedef struct {
    const char       *words;                     /* "token create" */
    const char       *also;                      /* words people try */
    const char       *summary;                   /* one line */
    const char       *text;                      /* paragraphs, or NULL */
    const cli_opt_t  *args;                      /* NULL: none */
    const cli_opt_t  *options;                   /* NULL: none of its own */
    const char       *example[CLI_EXAMPLES];     /* behind "service-token " */
    unsigned          flags;
    int             (*run)(cli_t *cli, cli_args_t *args);

    /* judges values together, before anybody asks Redis; or NULL */
    int             (*check)(cli_t *cli, cli_args_t *args);
} cli_verb_t;


typedef struct {
    const char        *title;
    const cli_verb_t  *verbs;                    /* ends with .words NULL */
} cli_section_t;


typedef struct {
    int          code;
    const char  *text;
} cli_exit_t;


extern const cli_section_t  cli_sections[];      /* ends with .title NULL */
extern const char          *cli_groups[];        /* first words; with NULL */
extern const cli_opt_t      cli_globals[];
extern const cli_exit_t     cli_exits[];         /* ends with .text NULL */

extern const cli_verb_t     cli_verbs_data[];
extern const cli_verb_t     cli_verbs_user[];
extern const cli_verb_t     cli_verbs_token[];
extern const cli_verb_t     cli_verbs_watch[];
extern const cli_verb_t     cli_verbs_care[];
extern const cli_verb_t     cli_verbs_help[];

/* complete.c, man.c: hidden verbs */
int cli_complete(cli_t *cli, cli_args_t *args);
int cli_man(cli_t *cli, cli_args_t *args);


/* the verbs of all sections, by number; NULL: no more */
const cli_verb_t *cli_verb(size_t i);

/* the first word of verbs of two, as it stands in cli_groups; NULL: not one */
const char *cli_group(const char *word);

/* an option of a list by its name; NULL: not found */
const cli_opt_t *cli_opt(const cli_opt_t *list, const char *name, size_t len);

/* an option of the verb, or of all; of any verb, if verb is NULL */
const cli_opt_t *cli_opt_of(const cli_verb_t *verb, const char *name,
    size_t len);

/* the words that a value may be, by number; 0: no more, or any text */
int cli_opt_word(cli_t *cli, const cli_opt_t *opt, size_t i,
    stok_str_t *word);


/* rows that several verbs have */

#define CLI_ARG_USER                                                          \
    { .name = "ID", .value = "ID", .kind = CLI_USER,                          \
      .text = "The id of a user, such as pipeline_automation@service." }

#define CLI_ARG_TOKEN                                                         \
    { .name = "ID|-", .value = "ID", .kind = CLI_ID_OR_INPUT,                 \
      .text = "The id of a token, such as tok_2bsYV9S9kRkdzKPF. With -, the " \
              "token itself is read from standard input; a terminal does "    \
              "not show it." }

#define CLI_OPT_WAIT                                                          \
    { .name = "wait", .value = "TIME", .kind = CLI_TIME,                      \
      .text = "Wait until every nginx has received the change, or name those " \
              "that did not answer within this time: 500ms, 5s, 1m." }

#define CLI_OPT_DRY                                                           \
    { .name = "dry-run",                                                      \
      .text = "Only say what would be done. Nothing is written." }

#define CLI_OPT_YES                                                           \
    { .name = "yes",                                                          \
      .text = "Do not ask for confirmation: on a terminal, for the id." }

#define CLI_OPT_OUTPUT                                                        \
    { .name = "output", .letter = 'o', .value = "FORM", .kind = CLI_WORD,     \
      .words = "table wide name json jsonl csv", .fallback = "table",         \
      .text = "How the list is printed: a table, a table of everything, ids " \
              "alone, a JSON array, a JSON object per line, or CSV." }

#define CLI_OPT_LIMIT                                                         \
    { .name = "limit", .value = "N", .kind = CLI_COUNT,                       \
      .text = "Stop after this many." }

#define CLI_END  { .name = NULL }


#endif /* CLI_VERBS_H */
