/*
 * The files below a path; see tree.c.
 */


#ifndef CLI_TREE_H
#define CLI_TREE_H


#include "cli.h"


typedef struct {
    ctl_t  *ctl;
    int     all;                                 /* what git ignores, too */
    void   *data;

    /* a file that is open for reading; another answer than CTL_OK ends it */
    int   (*file)(const char *path, int fd, void *data);

    /* what cannot be read, and why: an errno */
    void  (*bad)(const char *path, int err, void *data);
} cli_tree_t;


/* "-" is standard input */
int cli_tree(cli_tree_t *tree, const char *path);


#endif /* CLI_TREE_H */
