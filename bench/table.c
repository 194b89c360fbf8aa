/*
 * The hit path alone: what one and two processes read from one table, each on
 * a core of its own, with and without a third that writes to it.
 *
 * A hit is what a request makes of it: the token's record, then its user's,
 * each read and unpacked.  Counted is what a process reads in a second of its
 * own CPU time, so that others on the machine disturb less.  Rounds are
 * interleaved; a ratio is taken within a round, and medians are shown.
 *
 *     build/bench/table [ROUNDS]
 */


#define _GNU_SOURCE                              /* sched_setaffinity */

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stok_record.h"
#include "stok_table.h"


#define BENCH_SIZE     (16 * 1024 * 1024 * 8 / 10)
#define BENCH_TOKENS   40000
#define BENCH_USERS    (BENCH_TOKENS / 10)
#define BENCH_SECONDS  0.3                       /* of CPU, of each process */
#define BENCH_PAUSE    100000                    /* of the writer, ns */
#define BENCH_ROUNDS   15
#define BENCH_MAX      101

#define BENCH_TOKEN    1                         /* kinds of keys */
#define BENCH_USER     2


typedef struct {
    _Atomic int       go;
    _Atomic int       ready;
    _Atomic int       stop;
    _Atomic uint64_t  writes;
    double            rate[2];                   /* hits per second of CPU */
    uint64_t          missed[2];
} bench_shared_t;


static void bench_fill(stok_table_t *table);
static void bench_write(stok_table_t *table, uint32_t i);
static uint64_t bench_digest(uint32_t i, uint8_t digest[STOK_DIGEST_LEN]);
static double bench_run(stok_table_t *table, bench_shared_t *shared,
    int first, int readers, int writer);
static void bench_read(stok_table_t *table, bench_shared_t *shared, int self);
static int bench_hit(stok_table_t *table, uint32_t i, uint32_t now);
static void bench_writer(stok_table_t *table, bench_shared_t *shared);
static pid_t bench_fork(int core);
static double bench_clock(clockid_t id);
static double bench_median(double *values, int n);
static int bench_compare(const void *a, const void *b);
static void *bench_map(size_t size);


int
main(int argc, char **argv)
{
    int              i, n, writer;
    double           one[BENCH_MAX], two[BENCH_MAX], ratio[2][BENCH_MAX];
    double           rate[2][2][BENCH_MAX];
    stok_table_t     table;
    bench_shared_t  *shared;

    n = (argc > 1) ? atoi(argv[1]) : BENCH_ROUNDS;

    if (n < 1 || n > BENCH_MAX || sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        fprintf(stderr, "usage: %s [ROUNDS], on two cores or more\n", argv[0]);
        return 2;
    }

    table.n = stok_table_fit(BENCH_SIZE);
    table.bucket = bench_map(BENCH_SIZE);
    shared = bench_map(sizeof(bench_shared_t));

    stok_table_init(table.bucket, table.n);
    bench_fill(&table);

    for (i = 0; i < n; i++) {
        for (writer = 0; writer < 2; writer++) {
            /* alone, on each of the two cores: they may differ */

            one[i] = bench_run(&table, shared, 0, 1, writer) / 2;
            two[i] = bench_run(&table, shared, 0, 2, writer);
            one[i] += bench_run(&table, shared, 1, 1, writer) / 2;

            rate[writer][0][i] = one[i];
            rate[writer][1][i] = two[i];
            ratio[writer][i] = two[i] / one[i];
        }
    }

    printf("%d tokens, %d users; %d rounds, medians\n\n", BENCH_TOKENS,
           BENCH_USERS, n);
    printf("%-16s %14s %14s %8s\n", "hits/s of CPU", "1 process",
           "2 processes", "ratio");

    for (writer = 0; writer < 2; writer++) {
        printf("%-16s %14.0f %14.0f %8.2f\n",
               writer ? "with a writer" : "no writer",
               bench_median(rate[writer][0], n),
               bench_median(rate[writer][1], n),
               bench_median(ratio[writer], n));
    }

    return 0;
}


static void
bench_fill(stok_table_t *table)
{
    uint32_t  i;

    for (i = 0; i < BENCH_TOKENS + BENCH_USERS; i++) {
        bench_write(table, i);
    }
}


/* the i-th record: tokens first, then users */

static void
bench_write(stok_table_t *table, uint32_t i)
{
    int                   n;
    char                  id[32], user[32];
    uint8_t               digest[STOK_DIGEST_LEN], buf[STOK_PACK_MAX];
    stok_table_key_t      key;
    stok_user_record_t    u;
    stok_table_entry_t    entry;
    stok_token_record_t   t;

    n = snprintf(user, sizeof(user), "pipeline_%06u@service",
                 i < BENCH_TOKENS ? i / 10 : i - BENCH_TOKENS);

    memset(&entry, 0, sizeof(entry));

    if (i < BENCH_TOKENS) {
        memset(&t, 0, sizeof(t));

        t.id.data = id;
        t.id.len = (size_t) snprintf(id, sizeof(id), "tok_%016u", i);
        t.user.data = user;
        t.user.len = (size_t) n;
        t.name = (stok_str_t) stok_string("production-integration-2026");
        t.type = STOK_TYPE_SERVICE;
        t.status = STOK_TOKEN_ACTIVE;

        bench_digest(i, digest);
        stok_table_key(&key, BENCH_TOKEN, digest, STOK_DIGEST_LEN, 1);
        entry.len = (uint16_t) stok_token_record_pack(&t, buf, sizeof(buf));

    } else {
        memset(&u, 0, sizeof(u));

        u.role = (stok_str_t) stok_string("manager");
        u.kind = STOK_USER_SERVICE;
        u.status = STOK_USER_ACTIVE;

        stok_table_key(&key, BENCH_USER, user, (size_t) n, 0);
        entry.len = (uint16_t) stok_user_record_pack(&u, buf, sizeof(buf));
    }

    (void) stok_table_write(table, &key, 0, &entry, buf);
}


/* bytes that are as good as a digest, and a number of them */

static uint64_t
bench_digest(uint32_t i, uint8_t digest[STOK_DIGEST_LEN])
{
    int       k;
    uint64_t  h;

    h = i + 0x9e3779b97f4a7c15;

    for (k = 0; k < STOK_DIGEST_LEN / 8; k++) {
        h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
        h = (h ^ h >> 27) * 0x94d049bb133111eb;
        h ^= h >> 31;
        memcpy(digest + k * 8, &h, 8);
    }

    return h;
}


static double
bench_run(stok_table_t *table, bench_shared_t *shared, int first,
    int readers, int writer)
{
    int    i, n;
    pid_t  pid[3];

    memset(shared, 0, sizeof(bench_shared_t));
    n = 0;

    for (i = 0; i < readers; i++) {
        pid[n] = bench_fork(first + i);

        if (pid[n++] == 0) {
            bench_read(table, shared, i);
            _exit(0);
        }
    }

    while (shared->ready < readers) {
        sched_yield();
    }

    if (writer) {
        pid[n] = bench_fork(-1);

        if (pid[n++] == 0) {
            bench_writer(table, shared);
            _exit(0);
        }

        while (shared->writes == 0) {
            sched_yield();
        }
    }

    shared->go = 1;

    for (i = 0; i < readers; i++) {
        waitpid(pid[i], NULL, 0);
    }

    if (writer) {
        shared->stop = 1;
        waitpid(pid[readers], NULL, 0);

    } else if (shared->missed[0] + shared->missed[1]) {
        fprintf(stderr, "a record is missing\n");
        exit(1);
    }

    return shared->rate[0] + shared->rate[1];
}


static void
bench_read(stok_table_t *table, bench_shared_t *shared, int self)
{
    double           begin, end;
    uint32_t         now;
    uint64_t         i, h;
    struct timespec  ts;
    uint8_t          digest[STOK_DIGEST_LEN];

    h = (uint64_t) self + 1;
    shared->ready++;

    while (!shared->go) {
        sched_yield();
    }

    begin = bench_clock(CLOCK_PROCESS_CPUTIME_ID);

    for (i = 0; ; i++) {

        if (i % 1024 == 0) {
            end = bench_clock(CLOCK_PROCESS_CPUTIME_ID);

            if (end - begin > BENCH_SECONDS) {
                break;
            }
        }

        /* as the module tells what was used */

        clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
        now = (uint32_t) (ts.tv_sec * 1000 + ts.tv_nsec / 1000000) >> 4;

        h = bench_digest((uint32_t) h, digest);
        shared->missed[self] += !bench_hit(table, h % BENCH_TOKENS, now);
    }

    shared->rate[self] = (double) i / (end - begin);
}


static int
bench_hit(stok_table_t *table, uint32_t i, uint32_t now)
{
    uint8_t               digest[STOK_DIGEST_LEN];
    uint8_t               buf[2][STOK_PACK_MAX];
    stok_table_key_t      key;
    stok_user_record_t    user;
    stok_table_entry_t    entry;
    stok_token_record_t   token;

    bench_digest(i, digest);
    stok_table_key(&key, BENCH_TOKEN, digest, STOK_DIGEST_LEN, 1);

    if (stok_table_read(table, &key, now, &entry, buf[0], STOK_PACK_MAX)
        != STOK_OK
        || stok_token_record_unpack(&token, buf[0], entry.len) != STOK_OK)
    {
        return 0;
    }

    stok_table_key(&key, BENCH_USER, token.user.data, token.user.len, 0);

    return stok_table_read(table, &key, now, &entry, buf[1], STOK_PACK_MAX)
           == STOK_OK
           && stok_user_record_unpack(&user, buf[1], entry.len) == STOK_OK
           && user.status == STOK_USER_ACTIVE;
}


/* a record anew, a pause: the readers keep their cores */

static void
bench_writer(stok_table_t *table, bench_shared_t *shared)
{
    uint64_t         h;
    uint8_t          digest[STOK_DIGEST_LEN];
    struct timespec  pause = { 0, BENCH_PAUSE };

    for (h = 77; !shared->stop; ) {
        h = bench_digest((uint32_t) h, digest);
        bench_write(table, h % (BENCH_TOKENS + BENCH_USERS));
        shared->writes++;
        nanosleep(&pause, NULL);
    }
}


/* core: the number of one of those that there are; -1: any */

static pid_t
bench_fork(int core)
{
    pid_t      pid;
    cpu_set_t  set;

    pid = fork();

    if (pid == -1) {
        perror("fork");
        exit(1);
    }

    if (pid == 0 && core >= 0) {
        CPU_ZERO(&set);
        CPU_SET((size_t) core, &set);

        if (sched_setaffinity(0, sizeof(set), &set) == -1) {
            perror("sched_setaffinity");
            exit(1);
        }
    }

    return pid;
}


static double
bench_clock(clockid_t id)
{
    struct timespec  ts;

    clock_gettime(id, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static double
bench_median(double *values, int n)
{
    qsort(values, (size_t) n, sizeof(double), bench_compare);

    return (n % 2) ? values[n / 2]
                   : (values[n / 2 - 1] + values[n / 2]) / 2;
}


static int
bench_compare(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


static void *
bench_map(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
             -1, 0);

    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }

    return p;
}
