/*
 * The parent: opens the socket, keeps so many workers, and ends them.
 *
 *     INT, TERM  each worker ends after the request that it has
 *     HUP        the same, and new ones come
 *
 * It has no connection, and reads nothing from anybody.  The key file is read
 * once, at start.  A worker that dies is replaced; workers that die one after
 * the other are replaced once a second.
 *
 * The socket may be opened by systemd (LISTEN_FDS), so that connections wait
 * there while the daemon is started anew.  Else it is a file that is replaced,
 * which only its owner and group may connect to.
 */


#include "api.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define SERVE_WORKERS  64
#define SERVE_BACKLOG  128
#define SERVE_FIRST    3                         /* of LISTEN_FDS */


static int serve_check(ctl_t *ctl, const api_serve_t *conf);
static int serve_open(ctl_t *ctl, const api_serve_t *conf, int *fd);
static int serve_inherited(void);
static int serve_path(ctl_t *ctl, const char *path, int *fd);
static int serve_alive(const struct sockaddr_un *addr);
static void serve_loop(const ctl_t *ctl, const api_serve_t *conf, int fd);
static int serve_reap(pid_t *worker, int n);
static pid_t serve_fork(const ctl_t *ctl, const api_serve_t *conf, int fd);
static void serve_signals(sigset_t *set);
static void serve_kill(const pid_t *pid, int n);


int
api_serve(ctl_t *ctl, const api_serve_t *conf)
{
    int  code, fd;

    code = serve_check(ctl, conf);

    if (code == CTL_OK) {
        code = serve_open(ctl, conf, &fd);
    }

    if (code != CTL_OK) {
        return code;
    }

    /* each worker has a connection of its own */

    ctl_close(ctl);
    api_log("%d workers wait at %s", conf->workers, conf->socket);
    serve_loop(ctl, conf, fd);
    close(fd);

    if (serve_inherited() == -1) {
        unlink(conf->socket);
    }

    api_log("ended");

    return CTL_OK;
}


static int
serve_check(ctl_t *ctl, const api_serve_t *conf)
{
    if (conf->workers < 1 || conf->workers > SERVE_WORKERS) {
        return ctl_fail(ctl, CTL_INVALID, "--workers is a number from 1 to "
                        "%d", SERVE_WORKERS);
    }

    if (getpwnam(conf->peer) == NULL) {
        return ctl_fail(ctl, CTL_INVALID, "no user \"%s\" on this machine: "
                        "--peer names the user that nginx' workers have",
                        conf->peer);
    }

    return CTL_OK;
}


static int
serve_open(ctl_t *ctl, const api_serve_t *conf, int *fd)
{
    *fd = serve_inherited();

    if (*fd == -1) {
        return serve_path(ctl, conf->socket, fd);
    }

    /* several wait for it, and one gets the connection */

    (void) fcntl(*fd, F_SETFL, fcntl(*fd, F_GETFL) | O_NONBLOCK);
    (void) fcntl(*fd, F_SETFD, FD_CLOEXEC);

    return CTL_OK;
}


/* a socket that systemd has opened for this very process; -1: none */

static int
serve_inherited(void)
{
    const char  *pid, *fds;

    pid = getenv("LISTEN_PID");
    fds = getenv("LISTEN_FDS");

    return pid && fds && strtol(pid, NULL, 10) == getpid()
           && strcmp(fds, "1") == 0 ? SERVE_FIRST : -1;
}


static int
serve_path(ctl_t *ctl, const char *path, int *fd)
{
    mode_t              mask;
    struct stat         st;
    struct sockaddr_un  addr;

    memset(&addr, 0, sizeof(addr));
    addr.sun_family = AF_UNIX;

    if (strlen(path) >= sizeof(addr.sun_path)) {
        return ctl_fail(ctl, CTL_INVALID, "--socket is longer than %zu bytes",
                        sizeof(addr.sun_path) - 1);
    }

    strcpy(addr.sun_path, path);

    if (lstat(path, &st) == 0) {

        if (!S_ISSOCK(st.st_mode)) {
            return ctl_fail(ctl, CTL_INVALID, "%s is there already, and is "
                            "not a socket", path);
        }

        if (serve_alive(&addr)) {
            return ctl_fail(ctl, CTL_STATE, "another daemon listens at %s",
                            path);
        }

        unlink(path);
    }

    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mask = umask(0117);

    if (*fd == -1
        || bind(*fd, (struct sockaddr *) &addr, sizeof(addr)) == -1
        || listen(*fd, SERVE_BACKLOG) == -1)
    {
        (void) umask(mask);
        return ctl_fail(ctl, CTL_INVALID, "%s: %s", path, strerror(errno));
    }

    (void) umask(mask);

    return CTL_OK;
}


static int
serve_alive(const struct sockaddr_un *addr)
{
    int  fd, rc;

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rc = fd == -1 ? -1
         : connect(fd, (const struct sockaddr *) addr, sizeof(*addr));

    if (fd != -1) {
        close(fd);
    }

    return rc == 0;
}


static void
serve_loop(const ctl_t *ctl, const api_serve_t *conf, int fd)
{
    int              i, signo;
    pid_t            worker[SERVE_WORKERS];
    sigset_t         set;
    struct timespec  second = { 1, 0 };

    memset(worker, 0, sizeof(worker));
    serve_signals(&set);

    do {
        for (i = 0; i < conf->workers; i++) {
            if (worker[i] == 0) {
                worker[i] = serve_fork(ctl, conf, fd);
            }
        }

        signo = sigwaitinfo(&set, NULL);

        if (signo == SIGHUP) {
            serve_kill(worker, conf->workers);

        } else if (signo == SIGCHLD && serve_reap(worker, conf->workers)) {
            nanosleep(&second, NULL);
        }

    } while (signo != SIGTERM && signo != SIGINT);

    serve_kill(worker, conf->workers);

    while (waitpid(-1, NULL, 0) != -1 || errno == EINTR) {
        /* void */
    }
}


/* 1: a worker ended in another way than it should */

static int
serve_reap(pid_t *worker, int n)
{
    int    i, bad, status;
    pid_t  pid;

    bad = 0;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {

        for (i = 0; i < n; i++) {
            if (worker[i] == pid) {
                worker[i] = 0;
            }
        }

        if (WIFSIGNALED(status) || WEXITSTATUS(status)) {
            bad = 1;
            api_log("worker %d ended by %s %d", (int) pid,
                    WIFSIGNALED(status) ? "signal" : "exit code",
                    WIFSIGNALED(status) ? WTERMSIG(status)
                                        : WEXITSTATUS(status));
        }
    }

    return bad;
}


/* a worker goes with its parent, however that one ends */

static pid_t
serve_fork(const ctl_t *ctl, const api_serve_t *conf, int fd)
{
    int    rc;
    pid_t  pid, parent;

    rc = 0;
    parent = getpid();
    pid = fork();

    if (pid == -1) {
        api_log("fork: %s", strerror(errno));
        return 0;
    }

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);

        if (getppid() == parent) {
            rc = api_work(ctl, conf, fd);
        }

        _exit(rc);
    }

    return pid;
}


/* they are blocked from here on, in workers too, and waited for */

static void
serve_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGCHLD);
    sigprocmask(SIG_BLOCK, set, NULL);

    /* a connection to Redis that is closed is an error like others */

    (void) signal(SIGPIPE, SIG_IGN);
}


static void
serve_kill(const pid_t *pid, int n)
{
    int  i;

    for (i = 0; i < n; i++) {
        if (pid[i] > 0) {
            kill(pid[i], SIGTERM);
        }
    }
}
