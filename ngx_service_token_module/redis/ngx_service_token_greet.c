/*
 * The first words on a connection: AUTH, SELECT, PING and INFO, in one write.
 *
 * No command leaves before they are answered: the first three have to be
 * answered well, INFO somehow.  It tells which server this is.
 */


#include "ngx_service_token_link.h"
#include "ngx_service_token_slot.h"


static ngx_int_t ngx_service_token_greet_put(ngx_service_token_link_t *link,
    int argc, const char **argv, const size_t *argvlen);


void
ngx_service_token_greet_start(ngx_service_token_link_t *link)
{
    u_char                      db[NGX_INT_T_LEN];
    size_t                      len[3];
    ngx_int_t                   rc;
    const char                 *arg[3];
    ngx_service_token_redis_t  *redis;

    redis = link->redis;
    link->setup = 0;
    rc = NGX_OK;

    if (redis->password.len) {
        arg[0] = "AUTH";
        len[0] = 4;
        arg[1] = (const char *) redis->user.data;
        len[1] = redis->user.len;
        arg[2] = (const char *) redis->password.data;
        len[2] = redis->password.len;

        if (redis->user.len == 0) {
            arg[1] = arg[2];
            len[1] = len[2];
        }

        rc |= ngx_service_token_greet_put(link, redis->user.len ? 3 : 2, arg,
                                          len);
    }

    if (redis->db) {
        arg[0] = "SELECT";
        len[0] = 6;
        arg[1] = (const char *) db;
        len[1] = ngx_sprintf(db, "%i", redis->db) - db;

        rc |= ngx_service_token_greet_put(link, 2, arg, len);
    }

    arg[0] = "PING";
    len[0] = 4;

    rc |= ngx_service_token_greet_put(link, 1, arg, len);

    arg[0] = "INFO";
    arg[1] = "server";
    len[1] = 6;

    rc |= ngx_service_token_greet_put(link, 2, arg, len);

    if (rc != NGX_OK) {
        ngx_service_token_link_drop(link, 0, "no memory", NULL);
        return;
    }

    ngx_service_token_pipe_write(link);
}


static ngx_int_t
ngx_service_token_greet_put(ngx_service_token_link_t *link, int argc,
    const char **argv, const size_t *argvlen)
{
    size_t   len;
    u_char  *bytes;

    len = ngx_service_token_redis_format(&bytes, argc, argv, argvlen);
    if (len == 0) {
        return NGX_ERROR;
    }

    if (len > NGX_SERVICE_TOKEN_LINK_OUT - link->out_last) {
        ngx_service_token_redis_format_free(bytes, len);
        return NGX_ERROR;
    }

    ngx_memcpy(link->out + link->out_last, bytes, len);
    link->out_last += len;
    link->setup++;

    ngx_service_token_redis_format_free(bytes, len);

    return NGX_OK;
}


void
ngx_service_token_greet_answered(ngx_service_token_link_t *link,
    ngx_service_token_reply_t *reply)
{
    ngx_str_t   text;
    ngx_uint_t  level;

    if (link->setup == 1) {
        link->server = ngx_service_token_redis_server(reply);

    } else if (reply->type != NGX_SERVICE_TOKEN_STATUS) {
        text = ngx_service_token_redis_error_text(reply);
        ngx_service_token_link_drop(link, 0, "refused", &text);
        return;
    }

    if (--link->setup) {
        return;
    }

    link->state = NGX_SERVICE_TOKEN_LINK_READY;
    link->active = ngx_current_msec;
    link->tries = 0;

    ngx_service_token_count(connects);

    if (link->down) {
        link->down = 0;
        ngx_service_token_count_add(down, -1);
        level = link->push ? NGX_LOG_INFO : NGX_LOG_NOTICE;

        ngx_log_error(level, ngx_cycle->log, 0,
                      "service token: redis \"%V\" is back",
                      &link->redis->name);
    }

    ngx_add_timer(&link->timer, link->commands
                                ? link->redis->timeout
                                : NGX_SERVICE_TOKEN_LINK_IDLE);

    if (link->commands) {
        ngx_post_event(&link->flush, &ngx_posted_events);
    }

    if (link->change) {
        link->change(link);
    }
}
