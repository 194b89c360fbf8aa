/*
 * The files below a path, for scan.
 *
 * In a git work tree they are what git knows or would add: what is ignored is
 * left out.  Where git is missing, or does not answer, every file is taken;
 * see tree_git.c.
 *
 * No symbolic link is followed: what it names is met at its own place, or is
 * outside.  Only the path on the command line may be one.  Only regular files
 * are opened.
 */


#define _GNU_SOURCE                              /* asprintf */

#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define CLI_TREE_OPEN  (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)


static int cli_tree_dir(cli_tree_t *tree, const char *path, int fd,
    int root);
static int cli_tree_plain(cli_tree_t *tree, const char *path, int fd);
static int cli_tree_entry(cli_tree_t *tree, const char *path, int fd,
    const char *name, int listed);
static int cli_tree_linked(int fd, char *name);
static int cli_tree_file(cli_tree_t *tree, const char *path, int fd);
static int cli_tree_git(cli_tree_t *tree, const char *path, int fd);
static int cli_tree_bad(cli_tree_t *tree, const char *path);


int
cli_tree(cli_tree_t *tree, const char *path)
{
    int          fd, rc;
    struct stat  st;

    if (strcmp(path, "-") == 0) {
        return tree->file("(standard input)", STDIN_FILENO, tree->data);
    }

    /* a pipe or a device that was asked for by name is read, too */

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd == -1 || fstat(fd, &st) == -1) {
        rc = cli_tree_bad(tree, path);

    } else if (S_ISDIR(st.st_mode)) {
        return cli_tree_dir(tree, path, fd, 1);

    } else {
        rc = tree->file(path, fd, tree->data);
    }

    if (fd != -1) {
        close(fd);
    }

    return rc;
}


/* closes fd */

static int
cli_tree_dir(cli_tree_t *tree, const char *path, int fd, int root)
{
    int  rc;

    /* a folder in a work tree, or a work tree in a folder */

    if (!tree->all && (root || faccessat(fd, ".git", F_OK, 0) == 0)) {
        rc = cli_tree_git(tree, path, fd);

        if (rc != CTL_FOUND) {
            close(fd);
            return rc;
        }
    }

    return cli_tree_plain(tree, path, fd);
}


static int
cli_tree_plain(cli_tree_t *tree, const char *path, int fd)
{
    int             rc;
    DIR            *dir;
    struct dirent  *entry;

    dir = fdopendir(fd);

    if (dir == NULL) {
        rc = cli_tree_bad(tree, path);
        close(fd);
        return rc;
    }

    rc = CTL_OK;

    while (rc == CTL_OK) {
        errno = 0;
        entry = readdir(dir);

        if (entry == NULL) {
            if (errno) {
                rc = cli_tree_bad(tree, path);
            }

            break;
        }

        if (strcmp(entry->d_name, ".") != 0
            && strcmp(entry->d_name, "..") != 0)
        {
            rc = cli_tree_entry(tree, path, fd, entry->d_name, 0);
        }
    }

    closedir(dir);

    return rc;
}


/* listed: git knows it, so it may be gone */

static int
cli_tree_entry(cli_tree_t *tree, const char *path, int fd, const char *name,
    int listed)
{
    int           rc, file;
    char         *full;
    size_t        len;
    struct stat   st;

    len = strlen(path);

    if (asprintf(&full, "%s%s%s", path,
                 len && path[len - 1] == '/' ? "" : "/", name)
        == -1)
    {
        return ctl_fail(tree->ctl, CTL_FAILED, "no memory");
    }

    rc = CTL_OK;
    file = -1;

    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
        if (!listed || (errno != ENOENT && errno != ENOTDIR)) {
            rc = cli_tree_bad(tree, full);
        }

        goto done;
    }

    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
        goto done;
    }

    file = openat(fd, name, CLI_TREE_OPEN | O_NOFOLLOW);

    if (file == -1) {
        rc = cli_tree_bad(tree, full);

    } else if (S_ISDIR(st.st_mode)) {
        rc = cli_tree_dir(tree, full, file, 0);
        file = -1;

    } else {
        rc = cli_tree_file(tree, full, file);
    }

done:

    if (file != -1) {
        close(file);
    }

    free(full);

    return rc;
}


/* it may have become something else since it was looked at */

static int
cli_tree_file(cli_tree_t *tree, const char *path, int fd)
{
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return cli_tree_bad(tree, path);
    }

    return S_ISREG(st.st_mode) ? tree->file(path, fd, tree->data) : CTL_OK;
}


/* CTL_FOUND: git does not answer, or it knows nothing here: take all */

static int
cli_tree_git(cli_tree_t *tree, const char *path, int fd)
{
    int      rc;
    char    *list, *name, *last;
    size_t   len;

    rc = cli_tree_git_list(fd, &list, &len);

    if (rc != CTL_OK) {
        return rc;
    }

    last = "";

    for (name = list; name < list + len && rc == CTL_OK;
         name += strlen(name) + 1)
    {
        /* in a merge a file is listed once for each side */

        if (strcmp(name, last) != 0 && !cli_tree_linked(fd, name)) {
            rc = cli_tree_entry(tree, path, fd, name, 1);
        }

        last = name;
    }

    free(list);

    return rc;
}


/* 1: a folder on the way is a link by now */

static int
cli_tree_linked(int fd, char *name)
{
    int           rc;
    char         *slash;
    struct stat   st;

    rc = 0;

    for (slash = strchr(name, '/'); slash && !rc;
         slash = strchr(slash + 1, '/'))
    {
        *slash = '\0';
        rc = fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0
             && S_ISLNK(st.st_mode);
        *slash = '/';
    }

    return rc;
}


static int
cli_tree_bad(cli_tree_t *tree, const char *path)
{
    tree->bad(path, errno, tree->data);

    return CTL_OK;
}
