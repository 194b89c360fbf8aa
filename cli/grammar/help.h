/*
 * Help, as it is printed: of everything, of a group of verbs, of a verb.
 */


#ifndef CLI_HELP_H
#define CLI_HELP_H


#include "verbs.h"


void cli_help_all(cli_t *cli, FILE *out);
void cli_help_group(FILE *out, const char *group);
void cli_help_verb(cli_t *cli, FILE *out, const cli_verb_t *verb);

/* "-f, --follow", "--wait TIME" */
const char *cli_opt_term(const cli_opt_t *opt, char *out, size_t size);

/* what an option is, with its words and its default */
const char *cli_opt_text(cli_t *cli, const cli_opt_t *opt, char *out,
    size_t size);


#endif /* CLI_HELP_H */
