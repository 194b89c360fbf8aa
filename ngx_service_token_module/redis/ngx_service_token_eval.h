/*
 * Runs a script in Redis: named by its SHA-1 (EVALSHA), and sent whole (EVAL)
 * where Redis answers NOSCRIPT: after it has started, a failover, or SCRIPT
 * FLUSH.
 */


#ifndef NGX_SERVICE_TOKEN_EVAL_H
#define NGX_SERVICE_TOKEN_EVAL_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_service_token_link.h"
#include "ngx_service_token_script.h"


#define NGX_SERVICE_TOKEN_EVAL_HEAD  2             /* arguments before yours */


typedef struct ngx_service_token_eval_s  ngx_service_token_eval_t;

/* as a command's handler: once, never from inside eval_send() */
typedef void (*ngx_service_token_eval_pt)(ngx_service_token_eval_t *eval,
    ngx_service_token_reply_t *reply);


/* the caller's; it stays where it is until its handler was called */
struct ngx_service_token_eval_s {
    ngx_service_token_eval_pt     handler;
    void                         *data;

    /* eval.c's */

    ngx_service_token_command_t   command;
    ngx_service_token_link_t     *link;
    u_char                       *whole;           /* the command EVAL */
    size_t                        len;
    unsigned                      again:1;         /* sent whole */
};


/*
 * Asks link to run a script of script.h, whose SHA-1 is sha1.  argv[0] and
 * argv[1] are filled in here; then follow the number of keys, the keys and the
 * arguments.  Nothing of argv is used after the return.
 * NGX_OK: the handler will be called.  NGX_ERROR: as link_send().
 */
ngx_int_t ngx_service_token_eval_send(ngx_service_token_eval_t *eval,
    ngx_service_token_link_t *link, const char *script, const char *sha1,
    int argc, const char **argv, size_t *argvlen);


#endif /* NGX_SERVICE_TOKEN_EVAL_H */
