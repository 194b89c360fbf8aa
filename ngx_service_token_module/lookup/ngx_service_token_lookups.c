/*
 * The worker's table of lookups.  One worker opens its link at once, so that a
 * wrong address, password or dataset is in the log before a client comes.
 */


#include "ngx_service_token_question.h"


static ngx_int_t ngx_service_token_lookups_command(ngx_conf_t *cf,
    ngx_str_t *command, int argc, const char **argv, const size_t *len);
static void ngx_service_token_lookups_ready(ngx_service_token_link_t *link);
static void ngx_service_token_lookups_first(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply);


ngx_service_token_lookups_t *
ngx_service_token_lookups_create(ngx_conf_t *cf,
    ngx_service_token_link_t *link, ngx_service_token_cache_t *cache,
    ngx_str_t *prefix, ngx_str_t *marker, stok_keys_t *keys)
{
    char                          key[STOK_PREFIX_MAX + 4];
    size_t                        len[5];
    const char                   *arg[5];
    ngx_service_token_lookups_t  *lookups;

    lookups = ngx_pcalloc(cf->pool, sizeof(ngx_service_token_lookups_t));
    if (lookups == NULL) {
        return NULL;
    }

    lookups->link = link;
    lookups->cache = cache;

    lookups->prefix = *prefix;
    lookups->marker = *marker;
    lookups->keys = keys;

    lookups->tick.link = link;
    lookups->tick.cache = cache;
    lookups->tick.prefix = *prefix;
    lookups->tick.marker = *marker;
    lookups->tick.handler = ngx_service_token_answer_judged;
    lookups->tick.data = lookups;

    ngx_queue_init(&lookups->unproven);
    ngx_queue_init(&lookups->checking);
    ngx_queue_init(&lookups->unchecked);

    arg[0] = "HMGET";
    len[0] = 5;
    arg[1] = (const char *) lookups->marker.data;
    len[1] = lookups->marker.len;
    arg[2] = "schema";
    len[2] = 6;
    arg[3] = "dataset";
    len[3] = 7;
    arg[4] = "importing";
    len[4] = 9;

    if (ngx_service_token_lookups_command(cf, &lookups->marker_command, 5, arg,
                                          len)
        != NGX_OK)
    {
        return NULL;
    }

    arg[1] = key;
    len[1] = ngx_sprintf((u_char *) key, "%Vtick", prefix) - (u_char *) key;
    arg[2] = "n";
    len[2] = 1;
    arg[3] = "since";
    len[3] = 5;

    if (ngx_service_token_lookups_command(cf, &lookups->ticked_command, 4, arg,
                                          len)
        != NGX_OK)
    {
        return NULL;
    }

    ngx_rbtree_init(&lookups->tree, &lookups->sentinel,
                    ngx_str_rbtree_insert_value);

    return lookups;
}


/* a command that is always the same, as it is sent */

static ngx_int_t
ngx_service_token_lookups_command(ngx_conf_t *cf, ngx_str_t *command, int argc,
    const char **argv, const size_t *len)
{
    command->data = ngx_pnalloc(cf->pool,
                                ngx_service_token_redis_format_size(argc,
                                                                    len));
    if (command->data == NULL) {
        return NGX_ERROR;
    }

    command->len = ngx_service_token_redis_format_to(command->data, argc,
                                                     argv, len);

    return NGX_OK;
}


void
ngx_service_token_lookups_open(ngx_service_token_lookups_t *lookups)
{
    lookups->link->data = lookups;
    lookups->link->change = ngx_service_token_lookups_ready;

    ngx_service_token_link_start(lookups->link);
}


static void
ngx_service_token_lookups_ready(ngx_service_token_link_t *link)
{
    ngx_service_token_lookups_t  *lookups;

    lookups = link->data;

    if (link->state != NGX_SERVICE_TOKEN_LINK_READY || lookups->asking) {
        return;
    }

    lookups->first.bytes = lookups->marker_command.data;
    lookups->first.len = lookups->marker_command.len;
    lookups->first.handler = ngx_service_token_lookups_first;
    lookups->first.data = lookups;

    lookups->asking = (ngx_service_token_link_send_bytes(link,
                                                         &lookups->first)
                       == NGX_OK);
}


static void
ngx_service_token_lookups_first(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply)
{
    ngx_service_token_lookups_t  *lookups;

    lookups = cmd->data;
    lookups->asking = 0;

    if (reply == NULL) {
        return;
    }

    lookups->link->change = NULL;

    if (reply->type == NGX_SERVICE_TOKEN_FAILURE) {
        ngx_service_token_pipe_complain(lookups->link, reply, 0);
        return;
    }

    (void) ngx_service_token_question_marked(lookups, reply);
}


void
ngx_service_token_lookups_close(ngx_service_token_lookups_t *lookups)
{
    ngx_service_token_link_close(lookups->link);
}
