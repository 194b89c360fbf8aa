/*
 * --wait: returns when every node has received a change.
 *
 * The change was acknowledged before this begins.  A marker under watch:,
 * written now, reaches each node's stream after the change; the keeper that
 * reads it adds its node to the marker's set.  A node that is joining stays
 * silent, so the marker is written again until the time is over.
 *
 * Nodes are those that asked for a proof of late.  One that did not for its
 * lease, and ten seconds more, has no lease and uses no cache: it is not
 * waited for, nor is one that has left meanwhile.  Making something new needs
 * no wait: no node has looked for it yet.
 */


#define _DEFAULT_SOURCE                          /* usleep */

#include "internal.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define CTL_WAIT_AGAIN  100                      /* ms, between markers */
#define CTL_WAIT_ALIVE  10000                    /* ms, besides the lease */


static int ctl_wait_nodes(ctl_t *ctl, json_t *nodes);
static int ctl_wait_gone(ctl_t *ctl, json_t *nodes, size_t *all);
static int ctl_wait_alive(const char *seen, int64_t now);
static int ctl_wait_mark(ctl_t *ctl, const char *nonce);
static int ctl_wait_heard(ctl_t *ctl, const char *nonce, json_t *nodes);
static json_t *ctl_wait_json(json_t *nodes, size_t all, double took);
static double ctl_wait_rounded(double ms);
static double ctl_wait_now(void);


int
ctl_timeout_parse(ctl_t *ctl, const char *text)
{
    int      code;
    int64_t  ms;

    code = ctl_time_left(ctl, "timeout", text, &ms);

    if (code == CTL_OK) {
        ctl->timeout = (int) ms;
    }

    return code;
}


int
ctl_wait(ctl_t *ctl, int ms, json_t **wait)
{
    int             code;
    char            nonce[33];
    size_t          i, all;
    double          start, marked;
    json_t         *nodes;
    unsigned char   random[16];

    start = ctl_wait_now();
    marked = 0;

    if (RAND_bytes(random, sizeof(random)) != 1) {
        return ctl_fail(ctl, CTL_FAILED, "no random bytes: the change "
                        "was made, but not waited for");
    }

    for (i = 0; i < sizeof(random); i++) {
        snprintf(nonce + 2 * i, 3, "%02x", random[i]);
    }

    nodes = json_object();
    code = ctl_wait_nodes(ctl, nodes);
    all = json_object_size(nodes);

    while (code == CTL_OK && json_object_size(nodes)
           && ctl_wait_now() < start + ms)
    {
        if (ctl_wait_now() >= marked + CTL_WAIT_AGAIN) {
            code = marked ? ctl_wait_gone(ctl, nodes, &all) : CTL_OK;
            marked = ctl_wait_now();
            code = code == CTL_OK ? ctl_wait_mark(ctl, nonce) : code;
        }

        if (code == CTL_OK) {
            code = ctl_wait_heard(ctl, nonce, nodes);
        }

        if (json_object_size(nodes)) {
            usleep(1000);
        }
    }

    if (code == CTL_OK) {
        *wait = ctl_wait_json(nodes, all, ctl_wait_now() - start);
        code = json_object_size(nodes) ? CTL_FOUND : CTL_OK;

    } else {
        ctl_note(ctl, CTL_NOTE_NOTE, "the change was made; whether every "
                 "node knows is not known");
    }

    json_decref(nodes);

    return code;
}


/* the nodes that are alive, as names of an object */

static int
ctl_wait_nodes(ctl_t *ctl, json_t *nodes)
{
    int          code;
    size_t       i;
    int64_t      now;
    redisReply  *reply;

    code = ctl_now(ctl, &now);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_command(ctl, CTL_IS_PAIRS, &reply, "HGETALL %snodes",
                       ctl->prefix);
    if (code != CTL_OK) {
        return code;
    }

    for (i = 0; i + 1 < reply->elements; i += 2) {
        if (ctl_wait_alive(reply->element[i + 1]->str, now * 1000)) {
            json_object_set_new(nodes, reply->element[i]->str, json_true());
        }
    }

    freeReplyObject(reply);

    return CTL_OK;
}


/* a node that has left since is not waited for */

static int
ctl_wait_gone(ctl_t *ctl, json_t *nodes, size_t *all)
{
    int          code;
    void        *next;
    json_t      *alive, *value;
    const char  *name;

    alive = json_object();
    code = ctl_wait_nodes(ctl, alive);

    if (code == CTL_OK) {
        json_object_foreach_safe(nodes, next, name, value) {
            if (json_object_get(alive, name) == NULL) {
                (void) json_object_del(nodes, name);
                (*all)--;
            }
        }
    }

    json_decref(alive);

    return code;
}


/* "<when last seen> <lease>", in ms */

static int
ctl_wait_alive(const char *seen, int64_t now)
{
    long long  at, lease;

    if (sscanf(seen, "%lld %lld", &at, &lease) != 2) {
        return 1;
    }

    return now <= at + lease + CTL_WAIT_ALIVE;
}


static int
ctl_wait_mark(ctl_t *ctl, const char *nonce)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_DONE, &reply, "SET %swatch:mark:%s 1 PX "
                       "10000", ctl->prefix, nonce);
    if (code == CTL_OK) {
        freeReplyObject(reply);
    }

    return code;
}


/* removes those that have acknowledged from nodes */

static int
ctl_wait_heard(ctl_t *ctl, const char *nonce, json_t *nodes)
{
    int          code;
    size_t       i;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_TEXTS, &reply, "SMEMBERS %sack:%s",
                       ctl->prefix, nonce);
    if (code != CTL_OK) {
        return code;
    }

    for (i = 0; i < reply->elements; i++) {
        (void) json_object_del(nodes, reply->element[i]->str);
    }

    freeReplyObject(reply);

    return CTL_OK;
}


static json_t *
ctl_wait_json(json_t *nodes, size_t all, double took)
{
    json_t      *missing, *value;
    const char  *name;

    missing = json_array();

    json_object_foreach(nodes, name, value) {
        json_array_append_new(missing, json_string(name));
    }

    return json_pack("{s:I, s:I, s:f, s:o}", "nodes", (json_int_t) all,
                     "acknowledged", (json_int_t)
                     (all - json_array_size(missing)),
                     "milliseconds", ctl_wait_rounded(took), "missing",
                     missing);
}


/* two decimals */

static double
ctl_wait_rounded(double ms)
{
    return (double) (int64_t) (ms * 100 + 0.5) / 100;
}


static double
ctl_wait_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec * 1000 + (double) ts.tv_nsec / 1000000;
}
