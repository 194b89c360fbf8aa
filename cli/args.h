/*
 * The command line.
 */


#ifndef CLI_ARGS_H
#define CLI_ARGS_H


#include "cli.h"


typedef struct {
    const char  *group;
    const char  *verb;                           /* NULL: the group is it */
    const char  *args;                           /* as usage shows them */
    int          n;                              /* of arguments; -1: some */
    const char  *options;                        /* besides the global ones */
    int          offline;                        /* needs no Redis */
    int        (*run)(cli_t *cli, cli_args_t *args);
} cli_verb_t;


/* *verb NULL: help was asked for and given */
int cli_parse(cli_t *cli, int argc, char **argv, cli_args_t *args,
    const cli_verb_t **verb);


#endif /* CLI_ARGS_H */
