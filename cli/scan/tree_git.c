/*
 * Lists what git knows of a folder, for scan.
 *
 * The folder is not trusted: a repository's configuration can name programs
 * (core.fsmonitor, core.sshCommand, a transport for objects that are missing,
 * hooks, filters), and there will be more such settings.  So git never gets to
 * read it.  It is given an empty repository of our own instead, and of the one
 * that was found only what is data: the index, info/exclude, and, from the
 * work tree, .gitignore.  Our repository has no remote, so an object that is
 * missing is not fetched.  Neither settings of the user or of the system nor
 * the environment are handed on.
 *
 * As git itself does, a repository that somebody else owns is not believed.
 * An index that git cannot read by itself (sparse, or of SHA-256), or with
 * names that are none, counts as no answer, as does a git that is missing:
 * then all files are read, which is the safe side.
 *
 * If the process is killed while git runs, a folder with an empty repository
 * is left in TMPDIR.
 */


#define _GNU_SOURCE                              /* asprintf, pipe2 */

#include "tree_git.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>


static pid_t cli_tree_git_start(int fd, const char *own, int *out);
static void cli_tree_git_exec(cli_tree_git_t *git, const char *own);
static int cli_tree_git_find(cli_tree_git_t *git);
static int cli_tree_git_here(cli_tree_git_t *git);
static int cli_tree_git_link(const char *file, const char *prefix,
    const char *base, char out[4096]);
static int cli_tree_git_names(const char *list, size_t len);
static int cli_tree_git_mine(const char *path);


int
cli_tree_git_list(int fd, char **list, size_t *len)
{
    int       out, status;
    char     *more, own[4096];
    pid_t     pid;
    size_t    size;
    ssize_t   n;

    *list = NULL;
    *len = 0;
    size = 0;

    if (cli_tree_git_own(own, sizeof(own)) == -1) {
        return CTL_FOUND;
    }

    pid = cli_tree_git_start(fd, own, &out);

    if (pid == -1) {
        cli_tree_git_drop(own);
        return CTL_FOUND;
    }

    for ( ;; ) {
        if (size - *len < 2) {
            size = size ? size * 2 : 65536;
            more = realloc(*list, size);

            if (more == NULL) {
                n = -1;
                break;
            }

            *list = more;
        }

        n = read(out, *list + *len, size - *len - 1);

        if (n > 0) {
            *len += (size_t) n;

        } else if (n == 0 || errno != EINTR) {
            break;
        }
    }

    close(out);

    while (waitpid(pid, &status, 0) == -1 && errno == EINTR) {
        /* void */
    }

    cli_tree_git_drop(own);

    if (n == 0 && status == 0 && *len) {
        (*list)[*len] = '\0';

        if (cli_tree_git_names(*list, *len)) {
            return CTL_OK;
        }
    }

    free(*list);

    return CTL_FOUND;
}


/*
 * Git does not check the names that it reads from an index: one that leads
 * out of the folder, or into a repository, is the mark of a forged one, or
 * of one of another format.
 */

static int
cli_tree_git_names(const char *list, size_t len)
{
    size_t       n;
    const char  *name, *part;

    for (name = list; name < list + len; name += strlen(name) + 1) {
        part = name;

        do {
            n = strcspn(part, "/");

            if (n == 0 || (n <= 2 && strncmp(part, "..", n) == 0)
                || (n == 4 && strncmp(part, ".git", n) == 0))
            {
                return 0;
            }

            part += n;

            /* a repository in the work tree is listed as "name/" */

        } while (*part++ && *part);
    }

    return 1;
}


static pid_t
cli_tree_git_start(int fd, const char *own, int *out)
{
    int              null, pipes[2];
    pid_t            pid;
    cli_tree_git_t   git;

    if (pipe2(pipes, O_CLOEXEC) == -1) {
        return -1;
    }

    pid = fork();

    if (pid == 0) {
        null = open("/dev/null", O_RDWR);

        if (null != -1 && dup2(null, STDIN_FILENO) != -1
            && dup2(null, STDERR_FILENO) != -1
            && dup2(pipes[1], STDOUT_FILENO) != -1
            && fchdir(fd) == 0
            && cli_tree_git_find(&git) == 0)
        {
            cli_tree_git_exec(&git, own);
        }

        _exit(127);
    }

    close(pipes[1]);

    if (pid == -1) {
        close(pipes[0]);
        return -1;
    }

    *out = pipes[0];

    return pid;
}


static void
cli_tree_git_exec(cli_tree_git_t *git, const char *own)
{
    int    i;
    char  *env[CLI_TREE_GIT_ENV + 3], *argv[7], *exclude;

    if (asprintf(&env[0], "GIT_DIR=%s", own) == -1
        || asprintf(&env[1], "GIT_WORK_TREE=%s/", git->top) == -1
        || asprintf(&env[2], "GIT_INDEX_FILE=%s", git->index) == -1
        || asprintf(&exclude, "--exclude-from=%s", git->exclude) == -1)
    {
        return;
    }

    i = 0;
    argv[i++] = "git";
    argv[i++] = "ls-files";
    argv[i++] = "-co";
    argv[i++] = "-z";
    argv[i++] = "--exclude-per-directory=.gitignore";
    argv[i++] = git->exclude[0] ? exclude : NULL;
    argv[i] = NULL;

    cli_tree_git_run(argv, env, 3);
}


/*
 * An entry of PATH that is not absolute would be looked for in the folder that
 * is scanned.
 */

void
cli_tree_git_run(char *argv[], char *env[], int n)
{
    char        *program;
    size_t       len;
    const char  *path;

    path = getenv("PATH");

    if (path == NULL || asprintf(&env[n++], "PATH=%s", path) == -1) {
        return;
    }

    env[n++] = "GIT_CONFIG_NOSYSTEM=1";
    env[n++] = "GIT_CONFIG_GLOBAL=/dev/null";
    env[n++] = "GIT_ALLOW_PROTOCOL=none";
    env[n++] = "GIT_NO_LAZY_FETCH=1";
    env[n++] = "GIT_OPTIONAL_LOCKS=0";
    env[n++] = "GIT_TERMINAL_PROMPT=0";
    env[n] = NULL;

    for ( /* void */ ; *path; path += len + (path[len] == ':')) {
        len = strcspn(path, ":");

        if (*path == '/'
            && asprintf(&program, "%.*s/git", (int) len, path) != -1)
        {
            (void) execve(program, argv, env);
            free(program);
        }
    }
}


static int
cli_tree_git_find(cli_tree_git_t *git)
{
    return getcwd(git->top, sizeof(git->top) - 8) == NULL
           || git->top[0] != '/' ? -1 : cli_tree_git_above(git);
}


/* from the folder in git->top upwards; not from within a repository */

int
cli_tree_git_above(cli_tree_git_t *git)
{
    int    rc;
    char  *slash;

    strcat(git->top, "/");

    if (strstr(git->top, "/.git/")) {
        return -1;
    }

    rc = 0;

    while (rc == 0 && (slash = strrchr(git->top, '/')) != NULL) {
        *slash = '\0';
        rc = cli_tree_git_here(git);
    }

    return rc == 1 ? 0 : -1;
}


/* 1: the work tree's top is here, 0: it is not, -1: stop */

static int
cli_tree_git_here(cli_tree_git_t *git)
{
    char         path[4096];
    struct stat  st;

    if (cli_tree_git_path(path, git->top, ".git") == -1) {
        return -1;
    }

    if (stat(path, &st) == -1) {
        return 0;
    }

    if (S_ISDIR(st.st_mode)) {
        memcpy(git->dir, path, sizeof(path));

    } else if (!cli_tree_git_mine(path)
               || cli_tree_git_link(path, "gitdir: ", git->top, git->dir)
                  == -1)
    {
        return -1;
    }

    if (cli_tree_git_path(path, git->dir, "HEAD") == -1
        || lstat(path, &st) == -1)
    {
        return 0;
    }

    if (cli_tree_git_path(path, git->top, "") == -1
        || !cli_tree_git_mine(path)
        || !cli_tree_git_mine(git->dir)
        || cli_tree_git_path(git->index, git->dir, "index") == -1
        || cli_tree_git_path(path, git->dir, "commondir") == -1)
    {
        return -1;
    }

    /* a pipe in its place would have git wait for ever */

    if (stat(git->index, &st) == 0 && !S_ISREG(st.st_mode)) {
        return -1;
    }

    if (stat(path, &st) == -1) {
        memcpy(git->common, git->dir, sizeof(git->dir));

    } else if (cli_tree_git_link(path, "", git->dir, git->common) == -1) {
        return -1;
    }

    if (cli_tree_git_path(git->exclude, git->common, "info/exclude") == -1
        || stat(git->exclude, &st) == -1 || !S_ISREG(st.st_mode))
    {
        git->exclude[0] = '\0';
    }

    return 1;
}


/* a file of one line that names a folder, from base if it is not absolute */

static int
cli_tree_git_link(const char *file, const char *prefix, const char *base,
    char out[4096])
{
    int      fd;
    char     line[4096];
    size_t   len;
    ssize_t  n;

    fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd == -1) {
        return -1;
    }

    n = read(fd, line, sizeof(line) - 1);
    close(fd);

    len = strlen(prefix);

    if (n < (ssize_t) len || strncmp(line, prefix, len) != 0) {
        return -1;
    }

    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';

    return cli_tree_git_path(out, line[len] == '/' ? "" : base, line + len);
}


/* the least that git takes for a repository */

int
cli_tree_git_own(char dir[], size_t size)
{
    int          fd, n;
    char         path[4096];
    const char  *tmp;

    static const char  head[] = "ref: refs/heads/none\n";

    tmp = getenv("TMPDIR");

    n = snprintf(dir, size, "%s/service-token-XXXXXX",
                 tmp && tmp[0] == '/' ? tmp : "/tmp");

    if (n < 0 || (size_t) n >= size || mkdtemp(dir) == NULL) {
        return -1;
    }

    fd = -1;

    if (cli_tree_git_path(path, dir, "objects") == 0
        && mkdir(path, 0700) == 0
        && cli_tree_git_path(path, dir, "refs") == 0
        && mkdir(path, 0700) == 0
        && cli_tree_git_path(path, dir, "HEAD") == 0)
    {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    }

    n = fd != -1 && write(fd, head, sizeof(head) - 1) == sizeof(head) - 1;

    if (fd != -1) {
        close(fd);
    }

    if (!n) {
        cli_tree_git_drop(dir);
        return -1;
    }

    return 0;
}


void
cli_tree_git_drop(const char *dir)
{
    size_t  i;
    char    path[4096];

    static const char  *names[] = { "objects", "refs", "HEAD", "" };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (cli_tree_git_path(path, dir, names[i]) == 0) {
            (void) remove(path);
        }
    }
}


int
cli_tree_git_path(char out[4096], const char *dir, const char *name)
{
    int  n;

    n = snprintf(out, 4096, "%s/%s", dir, name);

    return n < 0 || n >= 4096 ? -1 : 0;
}


static int
cli_tree_git_mine(const char *path)
{
    struct stat  st;

    return stat(path, &st) == 0 && st.st_uid == geteuid();
}
