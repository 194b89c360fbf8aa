/*
 * Shared by the two files of fsck: fsck.c walks and asks, fsck_find.c judges
 * records and names, and reports.
 */


#ifndef CTL_FSCK_H
#define CTL_FSCK_H


#include "dump.h"


#define CTL_FSCK_FIXED  4                        /* arguments before names */


typedef struct {
    ctl_t       *ctl;
    int          fix;
    int64_t      done;                           /* names */
    int64_t      total;                          /* about */
    int64_t      users;
    int64_t      tokens;
    int64_t      unreadable;
    int64_t      unsealed;                       /* a dataset of such */
    int64_t      found;
    int64_t      fixed;
    int          code;                           /* of each */
    ctl_item_pt  each;
    void        *data;
    json_t      *names;                          /* of one user's tokens */
    ctl_set_t    right;                          /* tokens: see fsck.c */
} ctl_fsck_t;


/* names of one kind, as one call of the script takes them */
typedef struct {
    const char   *kind;
    const char   *owner;                         /* see scripts/fsck.lua */
    size_t        n;
    const char  **arg;                           /* names from FIXED on */
} ctl_names_t;


/* one thing that is wrong */
typedef struct {
    const char  *word;
    const char  *token;
    const char  *user;
    const char  *seen;
    int          fixed;
} ctl_wrong_t;


/*
 * fsck_find.c
 *
 * record: 0: it was reported, and nothing is to be fixed from it.  readable:
 * the same of a digest and its record, and is not said again.  key: 0: it was
 * reported that the name is not in the schema.
 */
int ctl_fsck_record(ctl_fsck_t *f, ctl_names_t *names, size_t i,
    redisReply *record);
int ctl_fsck_readable(ctl_fsck_t *f, redisReply *record);
int ctl_fsck_key(ctl_fsck_t *f, const char *kind, redisReply *name);
void ctl_fsck_seals(ctl_fsck_t *f);
int ctl_fsck_audit(ctl_fsck_t *f);
void ctl_fsck_say(ctl_fsck_t *f, const ctl_wrong_t *finding);


#endif /* CTL_FSCK_H */
