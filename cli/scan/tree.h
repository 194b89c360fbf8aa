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

    /* of the history: size bytes can be read from fd, and must be */
    int   (*blob)(const char *commit, const char *path, int fd, size_t size,
                  void *data);

    /* of the history: what it cannot see */
    int     shallow;
    int     submodules;
    size_t  missing;                             /* blobs that are not there */
} cli_tree_t;


/* "-" is standard input */
int cli_tree(cli_tree_t *tree, const char *path);

/* what was ever committed in the work tree that the folder is in */
int cli_tree_history(cli_tree_t *tree, const char *path);

/*
 * The names that git knows or would add below the folder, each with a NUL at
 * its end, to be freed; CTL_FOUND: git does not answer, or knows nothing here.
 */
int cli_tree_git_list(int fd, char **list, size_t *len);


#endif /* CLI_TREE_H */
