/*
 * A fleet of nodes at one Redis, as far as Redis can tell them apart: each has
 * a stream, set up as the module sets it up, and a data link on which the
 * keeper asks for proofs.  Records are changed at a given rate.  No node
 * answers requests, so no one asks for records.
 *
 *     fleet PORT SCRIPT NODES INTERVAL SECONDS CHANGES eval | evalsha
 *
 * SCRIPT is a file, the tick script with what stands before it; INTERVAL is
 * in ms, 0: no scripts at all; CHANGES are per second.  bench/fleet starts the
 * Redis, runs this, and says what the figures mean.
 */


#define _GNU_SOURCE                              /* memmem */

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define FLEET_EVENTS   512
#define FLEET_BUFFER   (256 * 1024)
#define FLEET_SETTLE   3.0                       /* seconds */
#define FLEET_RECORDS  1000                      /* changed in turn */
#define FLEET_TICK     "watch:tick:"
#define FLEET_NOTE     "$7\r\nmessage\r\n"


typedef struct {
    int       fd;
    int       node;                              /* -1: changes records */
    int       stream;                            /* else data link */
} fleet_link_t;


typedef struct {
    double    next;                              /* script; seconds */
    double    sent;
    uint64_t  n;                                 /* its answer; 0: proven */
    uint64_t  heard;
    int       busy;
} fleet_node_t;


typedef struct {
    uint64_t  scripts;
    uint64_t  changes;
    uint64_t  messages;
    uint64_t  bytes;                             /* of streams */
    uint64_t  proofs;
    double    proof;                             /* sum, seconds */
    double    proof_max;
} fleet_count_t;


typedef struct {
    int            port;
    int            nodes;
    double         interval;
    double         seconds;
    double         rate;
    int            sha;                          /* else EVAL */

    char           script[64 * 1024];
    size_t         script_len;
    char           sha1[41];

    int            epoll;
    int            control;
    fleet_link_t   changer;
    fleet_link_t  *link;                         /* two of each node */
    fleet_node_t  *node;
    fleet_count_t  count;
} fleet_t;


static void fleet_load(fleet_t *fleet, char **argv);
static void fleet_connect(fleet_t *fleet);
static void fleet_stream(int fd);
static void fleet_watch(fleet_t *fleet, fleet_link_t *link);
static double fleet_run(fleet_t *fleet, double seconds);
static void fleet_due(fleet_t *fleet, double now, double *change);
static void fleet_script(fleet_t *fleet, int i, double now);
static void fleet_read(fleet_t *fleet, fleet_link_t *link);
static void fleet_heard(fleet_t *fleet, fleet_node_t *node, char *buf,
    size_t len);
static void fleet_prove(fleet_t *fleet, fleet_node_t *node);
static int fleet_open(int port);
static void fleet_send(int fd, int argc, ...);
static void fleet_line(int fd, char *buf, size_t size);
static void fleet_info(fleet_t *fleet, char *buf, size_t size);
static double fleet_field(const char *info, const char *name);
static double fleet_now(void);
static void fleet_die(const char *what);


static char  fleet_buffer[FLEET_BUFFER];


int
main(int argc, char **argv)
{
    char            before[16384], after[16384];
    double          took, cpu;
    fleet_t        *fleet;
    fleet_count_t  *count;

    if (argc != 8) {
        fprintf(stderr, "usage: fleet PORT SCRIPT NODES INTERVAL SECONDS "
                "CHANGES eval|evalsha\n");
        return 2;
    }

    fleet = calloc(1, sizeof(fleet_t));
    if (fleet == NULL) {
        fleet_die("calloc");
    }

    fleet_load(fleet, argv);
    fleet_connect(fleet);

    (void) fleet_run(fleet, FLEET_SETTLE);

    count = &fleet->count;
    memset(count, 0, sizeof(fleet_count_t));

    fleet_info(fleet, before, sizeof(before));
    took = fleet_run(fleet, fleet->seconds);
    fleet_info(fleet, after, sizeof(after));

    cpu = fleet_field(after, "used_cpu_user:")
          + fleet_field(after, "used_cpu_sys:")
          - fleet_field(before, "used_cpu_user:")
          - fleet_field(before, "used_cpu_sys:");

    printf("seconds=%.3f cpu=%.4f connections=%.0f out=%.0f in=%.0f "
           "scripts=%llu changes=%llu messages=%llu bytes=%llu proofs=%llu "
           "proof=%.4f proof_max=%.4f\n",
           took, cpu, fleet_field(after, "connected_clients:"),
           fleet_field(after, "total_net_output_bytes:")
           - fleet_field(before, "total_net_output_bytes:"),
           fleet_field(after, "total_net_input_bytes:")
           - fleet_field(before, "total_net_input_bytes:"),
           (unsigned long long) count->scripts,
           (unsigned long long) count->changes,
           (unsigned long long) count->messages,
           (unsigned long long) count->bytes,
           (unsigned long long) count->proofs,
           count->proofs ? count->proof / (double) count->proofs : 0,
           count->proof_max);

    return 0;
}


static void
fleet_load(fleet_t *fleet, char **argv)
{
    FILE  *file;

    fleet->port = atoi(argv[1]);
    fleet->nodes = atoi(argv[3]);
    fleet->interval = atof(argv[4]) / 1000;
    fleet->seconds = atof(argv[5]);
    fleet->rate = atof(argv[6]);
    fleet->sha = (strcmp(argv[7], "evalsha") == 0);

    file = fopen(argv[2], "r");
    if (file == NULL) {
        fleet_die(argv[2]);
    }

    fleet->script_len = fread(fleet->script, 1, sizeof(fleet->script) - 1,
                              file);
    (void) fclose(file);

    if (fleet->nodes < 1 || fleet->script_len == 0) {
        fleet_die("no nodes, or no script");
    }
}


static void
fleet_connect(fleet_t *fleet)
{
    int            i;
    char           line[256];
    double         now;
    fleet_link_t  *link;

    fleet->epoll = epoll_create1(0);
    fleet->control = fleet_open(fleet->port);
    fleet->changer.fd = fleet_open(fleet->port);
    fleet->changer.node = -1;
    fleet->link = calloc((size_t) fleet->nodes * 2, sizeof(fleet_link_t));
    fleet->node = calloc((size_t) fleet->nodes, sizeof(fleet_node_t));

    if (fleet->epoll == -1 || fleet->link == NULL || fleet->node == NULL) {
        fleet_die("setting up");
    }

    fleet_send(fleet->control, 3, "SCRIPT", "LOAD", fleet->script);
    fleet_line(fleet->control, line, sizeof(line));
    fleet_line(fleet->control, line, sizeof(line));
    memcpy(fleet->sha1, line, 40);

    fleet_watch(fleet, &fleet->changer);

    for (i = 0; i < fleet->nodes * 2; i++) {
        link = &fleet->link[i];
        link->fd = fleet_open(fleet->port);
        link->node = i / 2;
        link->stream = i % 2;

        if (link->stream) {
            fleet_stream(link->fd);
        }

        fleet_watch(fleet, link);
    }

    /* nodes do not ask at the same moment */

    now = fleet_now();

    for (i = 0; i < fleet->nodes; i++) {
        fleet->node[i].next = now + fleet->interval * (double) rand()
                                    / RAND_MAX;
    }
}


/* as stream.c does it */

static void
fleet_stream(int fd)
{
    int   i;
    char  line[256];

    fleet_send(fd, 2, "CLIENT", "ID");
    fleet_line(fd, line, sizeof(line));
    line[strcspn(line, "\r\n")] = '\0';

    fleet_send(fd, 12, "CLIENT", "TRACKING", "ON", "REDIRECT", line + 1,
               "BCAST", "PREFIX", "{st}:token:", "PREFIX", "{st}:user:",
               "PREFIX", "{st}:watch:");
    fleet_line(fd, line, sizeof(line));

    if (line[0] != '+') {
        fleet_die(line);
    }

    fleet_send(fd, 2, "SUBSCRIBE", "__redis__:invalidate");

    for (i = 0; i < 6; i++) {
        fleet_line(fd, line, sizeof(line));
    }
}


static void
fleet_watch(fleet_t *fleet, fleet_link_t *link)
{
    struct epoll_event  event;

    event.events = EPOLLIN;
    event.data.ptr = link;

    if (fcntl(link->fd, F_SETFL, O_NONBLOCK) == -1
        || epoll_ctl(fleet->epoll, EPOLL_CTL_ADD, link->fd, &event) == -1)
    {
        fleet_die("epoll");
    }
}


static double
fleet_run(fleet_t *fleet, double seconds)
{
    int                 i, n;
    double              start, now, change;
    struct epoll_event  event[FLEET_EVENTS];

    start = fleet_now();
    change = start;

    for ( ;; ) {
        now = fleet_now();

        if (now - start >= seconds) {
            return now - start;
        }

        fleet_due(fleet, now, &change);

        n = epoll_wait(fleet->epoll, event, FLEET_EVENTS, 1);

        for (i = 0; i < n; i++) {
            fleet_read(fleet, event[i].data.ptr);
        }
    }
}


static void
fleet_due(fleet_t *fleet, double now, double *change)
{
    int   i;
    char  key[128];

    for (i = 0; fleet->interval > 0 && i < fleet->nodes; i++) {
        if (!fleet->node[i].busy && now >= fleet->node[i].next) {
            fleet_script(fleet, i, now);
        }
    }

    while (fleet->rate > 0 && now >= *change) {
        (void) snprintf(key, sizeof(key), "{st}:token:%064llu",
                        (unsigned long long) fleet->count.changes
                        % FLEET_RECORDS);

        fleet_send(fleet->changer.fd, 4, "HSET", key, "status", "active");

        fleet->count.changes++;
        *change += 1 / fleet->rate;
    }
}


static void
fleet_script(fleet_t *fleet, int i, double now)
{
    char           name[32];
    fleet_node_t  *node;

    node = &fleet->node[i];

    (void) snprintf(name, sizeof(name), "node-%05d-0123abcd", i);

    fleet_send(fleet->link[2 * i].fd, 7, fleet->sha ? "EVALSHA" : "EVAL",
               fleet->sha ? fleet->sha1 : fleet->script, "1", "{st}:meta",
               "{st}:", name, "2000");

    node->busy = 1;
    node->sent = now;
    node->next += fleet->interval;

    if (node->next < now) {
        node->next = now + fleet->interval;
    }

    fleet->count.scripts++;
}


static void
fleet_read(fleet_t *fleet, fleet_link_t *link)
{
    char          *colon;
    ssize_t        len;
    fleet_node_t  *node;

    len = read(link->fd, fleet_buffer, sizeof(fleet_buffer) - 1);
    if (len <= 0) {
        fleet_die("a connection was lost");
    }

    if (link->node == -1) {
        return;
    }

    fleet_buffer[len] = '\0';
    node = &fleet->node[link->node];

    if (link->stream) {
        fleet->count.bytes += (uint64_t) len;
        fleet_heard(fleet, node, fleet_buffer, (size_t) len);
        return;
    }

    node->busy = 0;

    /* two integers: n, and the counter's birth */

    colon = strchr(fleet_buffer, ':');
    if (fleet_buffer[0] != '*' || colon == NULL) {
        fleet_die(fleet_buffer);
    }

    node->n = strtoull(colon + 1, NULL, 10);
    fleet_prove(fleet, node);
}


/* a name that the buffer's end cuts in two is missed: the next tick proves */

static void
fleet_heard(fleet_t *fleet, fleet_node_t *node, char *buf, size_t len)
{
    char      *p, *last;
    uint64_t   n;

    last = buf + len;

    for (p = buf; (p = memmem(p, last - p, FLEET_NOTE, sizeof(FLEET_NOTE) - 1));
         p++)
    {
        fleet->count.messages++;
    }

    for (p = buf; (p = memmem(p, last - p, FLEET_TICK, sizeof(FLEET_TICK) - 1));
         p++)
    {
        n = strtoull(p + sizeof(FLEET_TICK) - 1, NULL, 10);

        if (n > node->heard) {
            node->heard = n;
        }
    }

    fleet_prove(fleet, node);
}


static void
fleet_prove(fleet_t *fleet, fleet_node_t *node)
{
    double  took;

    if (node->n == 0 || node->heard <= node->n) {
        return;
    }

    node->n = 0;
    took = fleet_now() - node->sent;

    fleet->count.proofs++;
    fleet->count.proof += took;

    if (took > fleet->count.proof_max) {
        fleet->count.proof_max = took;
    }
}


static int
fleet_open(int port)
{
    int                 fd, on;
    struct sockaddr_in  addr;

    on = 1;

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons((uint16_t) port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd == -1
        || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1
        || connect(fd, (struct sockaddr *) &addr, sizeof(addr)) == -1)
    {
        fleet_die("connect");
    }

    return fd;
}


static void
fleet_send(int fd, int argc, ...)
{
    int          i;
    size_t       len, size;
    ssize_t      n;
    va_list      args;
    const char  *arg;
    static char  buf[128 * 1024];

    size = sizeof(buf);
    len = (size_t) snprintf(buf, size, "*%d\r\n", argc);

    va_start(args, argc);

    for (i = 0; i < argc; i++) {
        arg = va_arg(args, const char *);
        len += (size_t) snprintf(buf + len, size - len, "$%zu\r\n%s\r\n",
                                 strlen(arg), arg);
        if (len >= size) {
            fleet_die("a command is too long");
        }
    }

    va_end(args);

    for (i = 0; (size_t) i < len; i += (int) n) {
        n = write(fd, buf + i, len - (size_t) i);
        if (n <= 0) {
            fleet_die("write");
        }
    }
}


static void
fleet_line(int fd, char *buf, size_t size)
{
    size_t  i;

    for (i = 0; i < size - 1; i++) {
        if (read(fd, buf + i, 1) != 1) {
            fleet_die("read");
        }

        if (buf[i] == '\n') {
            i++;
            break;
        }
    }

    buf[i] = '\0';
}


static void
fleet_info(fleet_t *fleet, char *buf, size_t size)
{
    char     line[64];
    size_t   len, got;
    ssize_t  n;

    fleet_send(fleet->control, 1, "INFO");
    fleet_line(fleet->control, line, sizeof(line));

    len = (size_t) atol(line + 1) + 2;
    if (line[0] != '$' || len >= size) {
        fleet_die("INFO");
    }

    for (got = 0; got < len; got += (size_t) n) {
        n = read(fleet->control, buf + got, len - got);
        if (n <= 0) {
            fleet_die("read");
        }
    }

    buf[len] = '\0';
}


static double
fleet_field(const char *info, const char *name)
{
    const char  *p;

    p = strstr(info, name);
    if (p == NULL) {
        fleet_die(name);
    }

    return atof(p + strlen(name));
}


static double
fleet_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static void
fleet_die(const char *what)
{
    fprintf(stderr, "fleet: %s\n", what);
    exit(1);
}
