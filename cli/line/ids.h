/*
 * Ids for completion.
 */


#ifndef CLI_IDS_H
#define CLI_IDS_H


#include "cli.h"


typedef struct {
    int          users;                          /* not tokens */
    const char  *word;                           /* how it begins */
    const char  *before;                         /* "--user=word", or "" */
} cli_ids_t;


/* prints those that begin so, or whose name does; nothing if Redis is away */
void cli_ids(cli_t *cli, const cli_ids_t *ids);


#endif /* CLI_IDS_H */
