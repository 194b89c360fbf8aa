/*
 * Reads the contents that git's history of a work tree has, for scan.
 *
 * Two processes of git answer: "log" lists each commit with the blobs that it
 * brought in, the oldest first, and "cat-file" gives their content.  As in
 * tree_git.c neither reads anything of the repository's configuration: both
 * have an empty repository of our own, with the objects of the other one.
 * So the references are read here, as data: every word of 40 hexadecimal
 * digits in refs, packed-refs, HEAD and its like, the stash and the reflogs.
 *
 * A commit-graph or an index of packs could be forged to hide commits, and
 * replacements, too; they are not used.  A blob is read once as long as a
 * table of fixed size remembers it, and then again, at the worst.
 */


#define _GNU_SOURCE                              /* asprintf, pipe2 */

#include "tree_git.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>


#define CLI_HISTORY_HEX     40
#define CLI_HISTORY_SHA256  64
#define CLI_HISTORY_SEEN    65536


typedef char  cli_history_id_t[CLI_HISTORY_HEX + 1];


typedef struct {
    cli_tree_t        *tree;
    const char        *path;
    cli_tree_git_t     git;
    char               own[4096];
    FILE              *tips;
    size_t             n;                        /* of them */
    FILE              *log;
    int                blobs;                    /* a socket of cat-file */
    pid_t              pid[2];
    cli_history_id_t   commit;
    cli_history_id_t  *seen;
} cli_history_t;


static int cli_history_tips(cli_history_t *h);
static int cli_history_tip(const char *path, int fd, void *data);
static int cli_history_start(cli_history_t *h);
static pid_t cli_history_git(cli_history_t *h, int in, int out, int log);
static int cli_history_read(cli_history_t *h);
static int cli_history_change(cli_history_t *h, const char *line,
    const char *path);
static int cli_history_blob(cli_history_t *h, const char *id,
    const char *path);
static int cli_history_end(cli_history_t *h, int code);
static int cli_history_fail(cli_history_t *h, const char *what);


int
cli_tree_history(cli_tree_t *tree, const char *path)
{
    int             code;
    char           *full;
    cli_history_t  *h;

    h = calloc(1, sizeof(cli_history_t));
    if (h == NULL) {
        return ctl_fail(tree->ctl, CTL_FAILED, "no memory");
    }

    h->tree = tree;
    h->path = path;
    h->blobs = -1;
    h->seen = calloc(CLI_HISTORY_SEEN, sizeof(cli_history_id_t));
    full = realpath(path, NULL);

    if (h->seen == NULL) {
        code = ctl_fail(tree->ctl, CTL_FAILED, "no memory");

    } else if (full == NULL || strlen(full) + 8 >= sizeof(h->git.top)) {
        code = cli_history_fail(h, "there is no such folder");

    } else {
        strcpy(h->git.top, full);

        code = cli_tree_git_above(&h->git) == -1
               ? cli_history_fail(h, "there is no work tree of git here that "
                                     "is yours")
               : cli_history_tips(h);
    }

    free(full);

    if (code == CTL_OK && h->n) {
        code = cli_history_start(h);

        if (code == CTL_OK) {
            code = cli_history_read(h);
        }
    }

    return cli_history_end(h, code);
}


/* where the history begins, in a file without a name */

static int
cli_history_tips(cli_history_t *h)
{
    int          code;
    char         path[4096];
    size_t       i;
    cli_tree_t   files;
    struct stat  st;

    static const char *const  names[] = {
        "refs", "packed-refs", "logs", "HEAD", "ORIG_HEAD", "FETCH_HEAD",
        "MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD", "worktrees"
    };

    files = *h->tree;
    files.all = 1;
    files.data = h;
    files.file = cli_history_tip;

    h->tips = tmpfile();
    if (h->tips == NULL) {
        return cli_history_fail(h, strerror(errno));
    }

    if (cli_tree_git_path(path, h->git.common, "reftable") == 0
        && lstat(path, &st) == 0)
    {
        return cli_history_fail(h, "its references are in a format that is "
                                   "not read here (reftable)");
    }

    code = CTL_OK;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (code == CTL_OK
            && cli_tree_git_path(path, h->git.common, names[i]) == 0
            && lstat(path, &st) == 0
            && (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
        {
            code = cli_tree(&files, path);
        }
    }

    if (code == CTL_OK && (fflush(h->tips) || ferror(h->tips))) {
        return cli_history_fail(h, strerror(errno));
    }

    rewind(h->tips);

    return code;
}


/* every object id in a file, once if it comes twice in a row */

static int
cli_history_tip(const char *path, int fd, void *data)
{
    int                c, sha256;
    FILE              *file;
    size_t             n;
    cli_history_t     *h;
    cli_history_id_t   id, last;

    (void) path;
    h = data;
    fd = dup(fd);
    file = fd == -1 ? NULL : fdopen(fd, "r");

    if (file == NULL) {
        return cli_history_fail(h, strerror(errno));
    }

    n = 0;
    sha256 = 0;
    last[0] = '\0';

    do {
        c = getc(file);

        if (c != EOF && isxdigit(c) && !isupper(c)) {
            if (n < CLI_HISTORY_HEX) {
                id[n] = (char) c;
            }

            n++;
            continue;
        }

        id[n < CLI_HISTORY_HEX ? n : CLI_HISTORY_HEX] = '\0';

        if (n == CLI_HISTORY_HEX && strcmp(id, last) != 0
            && strspn(id, "0") != n)
        {
            h->n++;
            memcpy(last, id, sizeof(id));
            id[n] = '\n';
            fwrite(id, 1, sizeof(id), h->tips);
        }

        sha256 |= n == CLI_HISTORY_SHA256;
        n = 0;

    } while (c != EOF);

    fclose(file);

    return !sha256 ? CTL_OK
                   : cli_history_fail(h, "its objects have names of SHA-256, "
                                      "which is not read here");
}


static int
cli_history_start(cli_history_t *h)
{
    int  pipes[2], sockets[2];

    if (cli_tree_git_own(h->own, sizeof(h->own)) == -1) {
        h->own[0] = '\0';
        return cli_history_fail(h, strerror(errno));
    }

    if (pipe2(pipes, O_CLOEXEC) == -1) {
        return cli_history_fail(h, strerror(errno));
    }

    h->log = fdopen(pipes[0], "r");
    h->pid[0] = cli_history_git(h, fileno(h->tips), pipes[1], 1);
    close(pipes[1]);

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == -1) {
        return cli_history_fail(h, strerror(errno));
    }

    h->blobs = sockets[0];
    h->pid[1] = cli_history_git(h, sockets[1], sockets[1], 0);
    close(sockets[1]);

    return h->log && h->pid[0] > 0 && h->pid[1] > 0
           ? CTL_OK : cli_history_fail(h, strerror(errno));
}


static pid_t
cli_history_git(cli_history_t *h, int in, int out, int log)
{
    int    null, n;
    char  *env[CLI_TREE_GIT_ENV + 5], shallow[4096];
    pid_t  pid;

    static char *const  args[2][20] = {
        { "git", "-c", "core.bigFileThreshold=1m",
          "-c", "core.multiPackIndex=false", "cat-file", "--batch", NULL },
        { "git", "-c", "core.commitGraph=false",
          "-c", "core.multiPackIndex=false", "log",
          "--ignore-missing", "--stdin", "--reverse", "--topo-order",
          "--root", "-c", "-r", "-z", "--raw", "--no-abbrev", "--no-renames",
          "--format=%H", NULL }
    };

    pid = fork();

    if (pid != 0) {
        return pid;
    }

    null = open("/dev/null", O_RDWR);
    n = 0;

    if (null != -1 && dup2(in, STDIN_FILENO) != -1
        && dup2(null, STDERR_FILENO) != -1
        && dup2(out, STDOUT_FILENO) != -1
        && chdir(h->own) == 0
        && cli_tree_git_path(shallow, h->git.common, "shallow") == 0
        && asprintf(&env[n++], "GIT_DIR=%s", h->own) != -1
        && asprintf(&env[n++], "GIT_WORK_TREE=%s", h->own) != -1
        && asprintf(&env[n++], "GIT_OBJECT_DIRECTORY=%s/objects",
                    h->git.common) != -1
        && asprintf(&env[n++], "GIT_SHALLOW_FILE=%s", shallow) != -1)
    {
        env[n++] = "GIT_NO_REPLACE_OBJECTS=1";
        cli_tree_git_run((char **) args[log], env, n);
    }

    _exit(127);
}


/* "COMMIT" and, of each file, ":modes ids letters", "path" */

static int
cli_history_read(cli_history_t *h)
{
    int      code;
    char    *word, *path, *line;
    size_t   size[2];

    word = NULL;
    path = NULL;
    memset(size, 0, sizeof(size));
    code = CTL_OK;

    while (code == CTL_OK && getdelim(&word, &size[0], '\0', h->log) > 0) {
        line = word + (word[0] == '\n');

        if (line[0] == ':') {
            code = getdelim(&path, &size[1], '\0', h->log) > 0
                   ? cli_history_change(h, line, path) : CTL_OK;

        } else if (strlen(line) == CLI_HISTORY_HEX) {
            memcpy(h->commit, line, sizeof(h->commit));
        }
    }

    free(word);
    free(path);

    return code;
}


/* the mode and the id on the new side are the last ones of theirs */

static int
cli_history_change(cli_history_t *h, const char *line, const char *path)
{
    size_t             parents, slot;
    const char        *mode, *id;
    unsigned           hash;
    cli_history_id_t   blob;

    parents = strspn(line, ":");
    mode = line + parents + 7 * parents;
    id = mode + 7 + 41 * parents;

    if (strlen(line) < (size_t) (id - line) + CLI_HISTORY_HEX) {
        return cli_history_fail(h, "git's answer is not understood");
    }

    if (strncmp(mode, "160000", 6) == 0) {
        h->tree->submodules = 1;
        return CTL_OK;
    }

    memcpy(blob, id, CLI_HISTORY_HEX);
    blob[CLI_HISTORY_HEX] = '\0';

    if (strspn(blob, "0") == CLI_HISTORY_HEX) {
        return CTL_OK;
    }

    if (sscanf(blob, "%4x", &hash) != 1) {
        return cli_history_fail(h, "git's answer is not understood");
    }

    slot = hash % CLI_HISTORY_SEEN;

    if (strcmp(h->seen[slot], blob) == 0) {
        return CTL_OK;
    }

    memcpy(h->seen[slot], blob, sizeof(blob));

    return cli_history_blob(h, blob, path);
}


static int
cli_history_blob(cli_history_t *h, const char *id, const char *path)
{
    int        code;
    char       line[128];
    size_t     n;
    ssize_t    rc;
    long long  size;

    n = (size_t) snprintf(line, sizeof(line), "%s\n", id);

    if (send(h->blobs, line, n, MSG_NOSIGNAL) != (ssize_t) n) {
        return cli_history_fail(h, "git has ended");
    }

    for (n = 0; n + 1 < sizeof(line); n++) {
        rc = recv(h->blobs, line + n, 1, 0);

        if (rc != 1) {
            return cli_history_fail(h, "git has ended");
        }

        if (line[n] == '\n') {
            break;
        }
    }

    line[n] = '\0';

    if (sscanf(line, "%*40[0-9a-f] blob %lld", &size) != 1 || size < 0) {
        h->tree->missing++;
        return CTL_OK;
    }

    code = h->tree->blob(h->commit, path, h->blobs, (size_t) size,
                         h->tree->data);

    /* a line break ends it */

    return code != CTL_OK || recv(h->blobs, line, 1, 0) == 1
           ? code : cli_history_fail(h, "git has ended");
}


static int
cli_history_end(cli_history_t *h, int code)
{
    int          i, status, failed;
    char         path[4096];
    struct stat  st;

    if (h->log) {
        fclose(h->log);
    }

    if (h->blobs != -1) {
        close(h->blobs);
    }

    failed = 0;

    for (i = 0; i < 2; i++) {
        status = 0;

        while (h->pid[i] > 0 && waitpid(h->pid[i], &status, 0) == -1
               && errno == EINTR)
        {
            /* void */
        }

        failed |= status != 0;
    }

    /* a signal of the terminal ends git, too */

    if (h->tree->ctl->stop && code != CTL_STOPPED) {
        code = ctl_fail(h->tree->ctl, CTL_STOPPED, "stopped: not all of the "
                        "history was read");

    } else if (code == CTL_OK && failed) {
        code = cli_history_fail(h, "git ended before the whole history was "
                                   "read");
    }

    if (h->own[0]) {
        cli_tree_git_drop(h->own);
    }

    if (h->tips) {
        fclose(h->tips);
    }

    if (h->git.common[0]
        && cli_tree_git_path(path, h->git.common, "shallow") == 0
        && lstat(path, &st) == 0)
    {
        h->tree->shallow = 1;
    }

    free(h->seen);
    free(h);

    return code;
}


static int
cli_history_fail(cli_history_t *h, const char *what)
{
    return ctl_fail(h->tree->ctl, CTL_REJECTED, "%s: the history was not read: "
                    "%s", h->path, what);
}
