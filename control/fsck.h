/*
 * What the two files of fsck share: fsck.c walks and asks, fsck_find.c judges
 * records and names, and tells.
 */


#ifndef CLI_FSCK_H
#define CLI_FSCK_H


#include "cli.h"


#define CLI_FSCK_FIXED  4                        /* arguments before names */


typedef struct {
    ctl_t       *ctl;
    int          fix;
    int64_t      users;
    int64_t      tokens;
    int64_t      unreadable;
    int64_t      found;
    int64_t      mended;
    json_t      *findings;
    json_t      *names;                          /* of one user's tokens */
} cli_fsck_t;


/* names of one kind, as one call of the script takes them */
typedef struct {
    const char   *kind;
    const char   *owner;                         /* see scripts/fsck.lua */
    size_t        n;
    const char  **arg;                           /* names from FIXED on */
} cli_names_t;


/* one thing that is wrong */
typedef struct {
    const char  *word;
    const char  *token;
    const char  *user;
    const char  *seen;
    int          mended;
} cli_finding_t;


/*
 * fsck_find.c
 *
 * record: 0: it was said that nothing is to be mended from it.  readable: the
 * same of a digest and its record, and is not said again.  key: 0: it was said
 * that the name is none of the schema.
 */
int cli_fsck_record(cli_fsck_t *f, cli_names_t *names, size_t i,
    redisReply *record);
int cli_fsck_readable(cli_fsck_t *f, redisReply *record);
int cli_fsck_key(cli_fsck_t *f, const char *kind, redisReply *name);
void cli_fsck_say(cli_fsck_t *f, const cli_finding_t *finding);
int cli_fsck_print(cli_fsck_t *f);


#endif /* CLI_FSCK_H */
