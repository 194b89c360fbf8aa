/*
 * A worker: takes a connection, reads one request, answers it, closes.
 *
 * The kernel says that the peer is nginx.  nginx has read the whole request
 * before it sends it, so a client that is slow never holds a worker; a peer
 * that does not send what it announces is given up after a while.
 *
 * A request leaves nothing behind: error and caller are forgotten, and a
 * connection to Redis with replies that are due is closed, since the next
 * request would get them.
 */


#define _GNU_SOURCE                              /* struct ucred */

#include "api.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define WORK_REQUESTS  1000                      /* then another one comes */
#define WORK_READ      5000                      /* ms for a whole request */
#define WORK_WRITE     10000
#define WORK_BUFFER    (SCGI_HEAD_MAX + 16 + API_BODY_MAX)


static void work_signals(void);
static void work_stop(int signo);
static int work_accept(int fd);
static void work_one(api_t *api, int fd, char *buf);
static int work_peer(int fd, uid_t uid);
static int work_read(int fd, char *buf, scgi_head_t *head);
static int work_poll(int fd, short events, int64_t until);
static void work_write(int fd, const char *text, size_t len);
static int work_redis(api_t *api, api_reply_t *reply);
static void work_note(void *data, ctl_note_e note, const char *text);
static void work_free(void *p);
static int64_t work_clock(void);


static volatile sig_atomic_t  work_stopped;


int
api_work(const ctl_t *ctl, const api_serve_t *conf, int fd)
{
    int              n, client;
    api_t            api;
    struct passwd   *pw;

    static char  buf[WORK_BUFFER];

    json_set_alloc_funcs(malloc, work_free);

    memset(&api, 0, sizeof(api));
    api.ctl = *ctl;
    api.ctl.via = "api";
    api.ctl.note = work_note;
    api.ctl.note_data = &api;
    api.redis = conf->redis;

    api.act = (int) ctl->roles.n - 1;
    api.see = api.act ? api.act - 1 : 0;

    pw = getpwnam(conf->peer);

    work_signals();

    for (n = 0; pw && n < WORK_REQUESTS; n++) {
        client = work_accept(fd);

        if (client == -1) {
            break;
        }

        if (work_peer(client, pw->pw_uid)) {
            work_one(&api, client, buf);
        }

        close(client);
        ctl_reset(&api.ctl);
    }

    ctl_close(&api.ctl);
    OPENSSL_cleanse(&api.ctl.keys, sizeof(api.ctl.keys));

    return n == WORK_REQUESTS || work_stopped ? 0 : 1;
}


/* they stay blocked while there is a request */

static void
work_signals(void)
{
    struct sigaction  sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = work_stop;
    sigemptyset(&sa.sa_mask);

    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
}


static void
work_stop(int signo)
{
    (void) signo;

    work_stopped = 1;
}


/*
 * -1: the worker is to end.  Another worker may be faster: the socket waits.  A
 * signal comes through ppoll() only if no connection does: while they come one
 * after the other, it has to be asked for.
 */

static int
work_accept(int fd)
{
    int            client;
    sigset_t       none, due;
    struct pollfd  p = { fd, POLLIN, 0 };

    sigemptyset(&none);

    for ( ;; ) {
        (void) ppoll(&p, 1, NULL, &none);
        (void) sigpending(&due);

        if (sigismember(&due, SIGTERM) || sigismember(&due, SIGINT)) {
            work_stopped = 1;
        }

        if (work_stopped) {
            return -1;
        }

        client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (client != -1) {
            return client;
        }

        if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
            api_log("accept: %s", strerror(errno));
            return -1;
        }
    }
}


static int
work_peer(int fd, uid_t uid)
{
    socklen_t     len;
    struct ucred  peer;

    len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1) {
        api_log("the peer is not known: %s", strerror(errno));
        return 0;
    }

    if (peer.uid != uid) {
        api_log("uid %u connected, which is not nginx (--peer)", peer.uid);
        return 0;
    }

    return 1;
}


static void
work_one(api_t *api, int fd, char *buf)
{
    int            rc;
    char          *text;
    size_t         len;
    api_reply_t    reply;
    scgi_head_t    head;
    api_request_t  request;

    memset(&reply, 0, sizeof(reply));
    memset(&request, 0, sizeof(request));

    rc = work_read(fd, buf, &head);

    if (rc == STOK_DECLINED) {
        OPENSSL_cleanse(buf, WORK_BUFFER);
        return;
    }

    rc = rc == STOK_OK ? api_request(&request, &head, buf + head.size)
                       : STOK_ERROR;

    api->notes = json_array();
    api->ms = 0;

    if (rc == STOK_ERROR) {
        api_log("the edge sent no identity: is service_token off in that "
                "location, or control.conf another version's?");
        memset(request.param, 0, sizeof(request.param));
        api_problem(&reply, 500, "configuration", NULL, "the log of the "
                    "server says more");

    } else if (rc == STOK_INVALID) {
        api_problem(&reply, 400, "malformed", NULL, "the path or the query "
                    "cannot be read");

    } else if (work_redis(api, &reply) == 0) {
        api_answer(api, &request, &reply);
    }

    if (reply.json && json_array_size(api->notes) && reply.status < 300) {
        json_object_set(reply.json, "notes", api->notes);
    }

    text = api_reply_text(&request, &reply, &len);

    if (text) {
        work_write(fd, text, len);
        OPENSSL_cleanse(text, len);
        free(text);
    }

    json_decref(api->notes);
    api->notes = NULL;
    api_reply_free(&reply);
    OPENSSL_cleanse(buf, WORK_BUFFER);
}


/* STOK_DECLINED: the peer went away, or sent no whole request in time */

static int
work_read(int fd, char *buf, scgi_head_t *head)
{
    int      rc;
    size_t   len, whole;
    ssize_t  n;
    int64_t  until;

    until = work_clock() + WORK_READ;
    rc = STOK_DECLINED;
    whole = 0;

    for (len = 0; rc == STOK_DECLINED || len < whole; len += (size_t) n) {

        if (len == WORK_BUFFER || !work_poll(fd, POLLIN, until)) {
            return STOK_DECLINED;
        }

        n = read(fd, buf + len, WORK_BUFFER - len);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {
            return STOK_DECLINED;
        }

        if (rc == STOK_OK) {
            continue;
        }

        rc = scgi_parse(buf, len + (size_t) n, head);

        if (rc == STOK_OK) {
            if (head->body > API_BODY_MAX) {
                return STOK_INVALID;
            }

            whole = head->size + head->body;
        }

        if (rc == STOK_INVALID) {
            return rc;
        }
    }

    return len == whole ? STOK_OK : STOK_INVALID;
}


/* 1: it is ready */

static int
work_poll(int fd, short events, int64_t until)
{
    int            rc;
    int64_t        left;
    struct pollfd  p = { fd, events, 0 };

    do {
        left = until - work_clock();
        rc = left > 0 ? poll(&p, 1, (int) left) : 0;
    } while (rc == -1 && errno == EINTR);

    return rc == 1;
}


static void
work_write(int fd, const char *text, size_t len)
{
    ssize_t  n;
    int64_t  until;

    until = work_clock() + WORK_WRITE;

    while (len && work_poll(fd, POLLOUT, until)) {
        n = send(fd, text, len, MSG_NOSIGNAL);

        if (n == -1 && errno != EINTR && errno != EAGAIN) {
            return;
        }

        if (n > 0) {
            text += n;
            len -= (size_t) n;
        }
    }
}


/* not 0: there is a problem in the reply */

static int
work_redis(api_t *api, api_reply_t *reply)
{
    int  code;

    code = api->ctl.ctx ? CTL_OK : ctl_connect(&api->ctl, api->redis);

    /* what the dataset is may have changed since the last request */

    if (code == CTL_OK) {
        code = ctl_dataset_open(&api->ctl);
    }

    /* Redis has closed a connection that was idle, or was started anew */

    if (code == CTL_UNAVAILABLE && api->ctl.ctx && api->ctl.ctx->err) {
        ctl_close(&api->ctl);
        code = ctl_connect(&api->ctl, api->redis);

        if (code == CTL_OK) {
            code = ctl_dataset_open(&api->ctl);
        }
    }

    if (code == CTL_OK) {
        code = ctl_ready(&api->ctl);
    }

    /* without keys nobody knows whether a sealed record is a true one */

    if (code == CTL_OK) {
        code = ctl_writable(&api->ctl);
    }

    return code == CTL_OK ? 0 : api_problem_of(api, reply);
}


static void
work_note(void *data, ctl_note_e note, const char *text)
{
    api_t  *api = data;

    static const char  *code[] = {
        [CTL_NOTE_PLAIN] = "plain", [CTL_NOTE_DONE] = "done",
        [CTL_NOTE_NOTE] = "note", [CTL_NOTE_WARNING] = "warning",
        [CTL_NOTE_ERROR] = "error"
    };

    if (api->notes) {
        json_array_append_new(api->notes, json_pack("{s:s,s:s}", "code",
                                                    code[note], "text",
                                                    text));
    }
}


/* a plaintext token passes through JSON */

static void
work_free(void *p)
{
    if (p) {
        OPENSSL_cleanse(p, malloc_usable_size(p));
        free(p);
    }
}


static int64_t
work_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
