/*
 * For targets of the module's files: what they ask of nginx.  Each allocation
 * of a pool is one of malloc(), so that ASan sees its ends.
 */


#ifndef FUZZ_NGINX_H
#define FUZZ_NGINX_H


#include "ngx_service_token_question.h"

#include "fuzz.h"


static ngx_log_t    fuzz_log;
static ngx_time_t   fuzz_time = { .sec = 1 };
static ngx_cycle_t  fuzz_cycle = { .log = &fuzz_log };

volatile ngx_time_t   *ngx_cached_time = &fuzz_time;
volatile ngx_cycle_t  *ngx_cycle = &fuzz_cycle;


ngx_pool_t *
ngx_create_pool(size_t size, ngx_log_t *log)
{
    return calloc(1, sizeof(ngx_pool_t));
}


void
ngx_reset_pool(ngx_pool_t *pool)
{
    ngx_pool_large_t  *next;

    while (pool->large) {
        next = pool->large->next;
        free(pool->large->alloc);
        free(pool->large);
        pool->large = next;
    }
}


void
ngx_destroy_pool(ngx_pool_t *pool)
{
    ngx_reset_pool(pool);
    free(pool);
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    ngx_pool_large_t  *large;

    large = malloc(sizeof(ngx_pool_large_t));
    fuzz_check(large != NULL);

    large->alloc = malloc(size);
    fuzz_check(large->alloc != NULL);

    large->next = pool->large;
    pool->large = large;

    return large->alloc;
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    return memset(ngx_pnalloc(pool, size), 0, size);
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


void
ngx_explicit_memzero(void *buf, size_t n)
{
    memset(buf, 0, n);
}


u_char *
ngx_strnstr(u_char *s1, char *s2, size_t len)
{
    size_t  n;

    for (n = strlen(s2); len >= n && *s1 != '\0'; s1++, len--) {
        if (strncmp((char *) s1, s2, n) == 0) {
            return s1;
        }
    }

    return NULL;
}


#if (NGX_HAVE_VARIADIC_MACROS)

void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    abort();                                     /* the level is zero */
}

#endif


u_char *
ngx_sprintf(u_char *buf, const char *fmt, ...)
{
    return buf;                                  /* only for the log */
}


void
ngx_service_token_pipe_complain(ngx_service_token_link_t *link,
    ngx_service_token_reply_t *reply, ngx_uint_t script)
{
    if (reply) {
        (void) ngx_service_token_redis_error_text(reply);
    }
}


#endif /* FUZZ_NGINX_H */
