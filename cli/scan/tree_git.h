/*
 * A repository that is not trusted, and git that runs without its
 * configuration; see tree_git.c.
 */


#ifndef CLI_TREE_GIT_H
#define CLI_TREE_GIT_H


#include "tree.h"


#define CLI_TREE_GIT_ENV  8                      /* what run() adds, NULL too */


typedef struct {
    char    top[4096];                           /* of the work tree */
    char    dir[4096];                           /* its repository */
    char    common[4096];                        /* that of all work trees */
    char    index[4096];
    char    exclude[4096];
} cli_tree_git_t;


/*
 * The repository of the folder git->top, which is absolute and has room for 8
 * more characters; -1: it is missing, or not to be believed.
 */
int cli_tree_git_above(cli_tree_git_t *git);

/* an empty repository of our own, and its end */
int cli_tree_git_own(char dir[], size_t size);
void cli_tree_git_drop(const char *dir);

/*
 * In the child: git with this environment, of n entries, and what is the same
 * for every call.  Comes back if there is no git.
 */
void cli_tree_git_run(char *argv[], char *env[], int n);

/* dir/name; -1: too long */
int cli_tree_git_path(char out[4096], const char *dir, const char *name);


#endif /* CLI_TREE_GIT_H */
