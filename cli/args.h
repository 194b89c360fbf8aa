/*
 * The command line.
 */


#ifndef CLI_ARGS_H
#define CLI_ARGS_H


#include "cli.h"


#define CLI_OFFLINE  1                           /* needs no Redis */
#define CLI_TOKEN    2                           /* the id of a token, or "-" */


typedef struct {
    const char  *group;
    const char  *verb;                           /* NULL: the group is it */
    const char  *args;                           /* as usage shows them */
    int          n;                              /* of arguments; -1: some */
    const char  *options;                        /* besides the global ones */
    unsigned     flags;
    int        (*run)(cli_t *cli, cli_args_t *args);
} cli_verb_t;


/* *verb NULL: help was asked for and given */
int cli_parse(cli_t *cli, int argc, char **argv, cli_args_t *args,
    const cli_verb_t **verb);


#endif /* CLI_ARGS_H */
