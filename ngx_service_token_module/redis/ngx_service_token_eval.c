/*
 * EVALSHA, and EVAL once on NOSCRIPT; see the header.
 *
 * The scripts have 3 to 6 kB, which Redis had to read and to hash each time.
 *
 * NOSCRIPT says that nothing was executed: the same arguments go again, whole,
 * on the same link, behind what was sent meanwhile.  Scripts may come in any
 * order: a tick proves by the time when it was sent first, a batch has its
 * number, an acknowledgement is a member of a set.
 *
 * One command is under way at a time, so the handler is called once: with the
 * second answer, if there was a second question.
 */


#include "ngx_service_token_eval.h"


static void ngx_service_token_eval_answered(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply);
static ngx_int_t ngx_service_token_eval_again(ngx_service_token_eval_t *eval,
    ngx_service_token_reply_t *reply);
static void ngx_service_token_eval_free(ngx_service_token_eval_t *eval);


ngx_int_t
ngx_service_token_eval_send(ngx_service_token_eval_t *eval,
    ngx_service_token_link_t *link, const char *script, const char *sha1,
    int argc, const char **argv, size_t *argvlen)
{
    argv[0] = "EVAL";
    argvlen[0] = 4;
    argv[1] = script;
    argvlen[1] = ngx_strlen(script);

    eval->len = ngx_service_token_redis_format(&eval->whole, argc, argv,
                                               argvlen);
    if (eval->len == 0) {
        return NGX_ERROR;
    }

    argv[0] = "EVALSHA";
    argvlen[0] = 7;
    argv[1] = sha1;
    argvlen[1] = ngx_strlen(sha1);

    eval->link = link;
    eval->again = 0;
    eval->command.handler = ngx_service_token_eval_answered;
    eval->command.data = eval;

    if (ngx_service_token_link_send(link, &eval->command, argc, argv, argvlen)
        != NGX_OK)
    {
        ngx_service_token_eval_free(eval);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_service_token_eval_answered(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply)
{
    ngx_service_token_eval_t  *eval;

    eval = cmd->data;

    switch (ngx_service_token_eval_again(eval, reply)) {

    case NGX_AGAIN:
        return;

    case NGX_ERROR:
        reply = NULL;
        break;
    }

    ngx_service_token_eval_free(eval);

    eval->handler(eval, reply);
}


/* NGX_AGAIN: it was sent whole.  NGX_DONE: this is the answer */

static ngx_int_t
ngx_service_token_eval_again(ngx_service_token_eval_t *eval,
    ngx_service_token_reply_t *reply)
{
    if (reply == NULL || reply->type != NGX_SERVICE_TOKEN_FAILURE
        || reply->str.len < 8
        || ngx_strncmp(reply->str.data, "NOSCRIPT", 8) != 0
        || eval->again)
    {
        return NGX_DONE;
    }

    eval->again = 1;
    eval->command.bytes = eval->whole;
    eval->command.len = eval->len;

    if (ngx_service_token_link_send_bytes(eval->link, &eval->command)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


static void
ngx_service_token_eval_free(ngx_service_token_eval_t *eval)
{
    ngx_service_token_redis_format_free(eval->whole, eval->len);
    eval->whole = NULL;
}
