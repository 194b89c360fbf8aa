/*
 * The command line.
 */


#ifndef CLI_ARGS_H
#define CLI_ARGS_H


#include "verbs.h"


/* *verb NULL: help was asked for and given, or is the answer to an error */
int cli_parse(cli_t *cli, int argc, char **argv, cli_args_t *args,
    const cli_verb_t **verb);

/* the verb of the first words; *words: how many; NULL: no such verb */
#define CLI_WORDS_MAX  64                        /* of a verb, in bytes */
const cli_verb_t *cli_find(const cli_args_t *args, int *words);

/* the option of a letter; verb NULL: of any */
const cli_opt_t *cli_letter(const cli_verb_t *verb, char letter);

/* settings.c: sets them; and looks whether they can be used */
void cli_settings(cli_t *cli, cli_args_t *args);
int cli_settings_check(cli_t *cli);

/*
 * profile.c: reads the file, and keeps what is wrong with it for the check;
 * the value of an option, or NULL
 */
void cli_profile_read(cli_args_t *args);
const char *cli_profile_value(const char *option);
int cli_profile_check(cli_t *cli);

/* code; if it is that a value is bad which the file has, with its line */
int cli_profile_blame(cli_t *cli, const char *value, int code);

/* unknown.c: the error, with what may be meant; half a verb: help instead */
int cli_unknown_option(cli_t *cli, cli_args_t *args, const char *word);
int cli_unknown_verb(cli_t *cli, const cli_args_t *args);

/* values.c: of arguments and options, before anybody asks Redis */
int cli_values(cli_t *cli, const cli_verb_t *verb, cli_args_t *args);


#endif /* CLI_ARGS_H */
