/*
 * Directives, the phase hook, and what a worker does when it leaves.
 */


#include "ngx_service_token.h"


static ngx_int_t ngx_service_token_module_init(ngx_conf_t *cf);
static ngx_int_t ngx_service_token_module_init_process(ngx_cycle_t *cycle);
static void ngx_service_token_module_exit_process(ngx_cycle_t *cycle);


#define NGX_SERVICE_TOKEN_ANY_CONF  (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF     \
                                     |NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF)


static ngx_command_t  ngx_service_token_module_commands[] = {

    { ngx_string("service_token_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_service_token_conf_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("service_token_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_service_token_conf_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("service_token_prefix"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_service_token_conf_prefix,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("service_token_key_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_service_token_conf_key_file,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("service_token_roles"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_service_token_conf_roles,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("service_token_cache_valid"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_service_token_conf_cache_valid,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("service_token_lease"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_service_token_conf_lease,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("service_token_flush"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_service_token_conf_flush,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("service_token"),
      NGX_SERVICE_TOKEN_ANY_CONF|NGX_CONF_TAKE1,
      ngx_service_token_conf_realm,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_service_token_loc_conf_t, realm_value),
      NULL },

    { ngx_string("service_token_optional"),
      NGX_SERVICE_TOKEN_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_service_token_loc_conf_t, optional),
      NULL },

    { ngx_string("service_token_env"),
      NGX_SERVICE_TOKEN_ANY_CONF|NGX_CONF_1MORE,
      ngx_service_token_conf_env,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("service_token_role"),
      NGX_SERVICE_TOKEN_ANY_CONF|NGX_CONF_TAKE1,
      ngx_service_token_conf_role,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_service_token_loc_conf_t, role),
      NULL },

    { ngx_string("service_token_type"),
      NGX_SERVICE_TOKEN_ANY_CONF|NGX_CONF_TAKE12,
      ngx_service_token_conf_type,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("service_token_scope"),
      NGX_SERVICE_TOKEN_ANY_CONF|NGX_CONF_TAKE1,
      ngx_service_token_conf_scope,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("service_token_stale"),
      NGX_SERVICE_TOKEN_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_service_token_loc_conf_t, stale),
      NULL },

    { ngx_string("service_token_throttle"),
      NGX_SERVICE_TOKEN_ANY_CONF|NGX_CONF_TAKE123,
      ngx_service_token_conf_throttle,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("service_token_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_service_token_status_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_service_token_module_ctx = {
    ngx_service_token_variables_add,       /* preconfiguration */
    ngx_service_token_module_init,         /* postconfiguration */

    ngx_service_token_conf_create_main,    /* create main configuration */
    ngx_service_token_conf_init_main,      /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_service_token_conf_create_loc,     /* create location configuration */
    ngx_service_token_conf_merge_loc       /* merge location configuration */
};


ngx_module_t  ngx_service_token_module = {
    NGX_MODULE_V1,
    &ngx_service_token_module_ctx,         /* module context */
    ngx_service_token_module_commands,     /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_service_token_module_init_process, /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_service_token_module_exit_process, /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_service_token_module_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_service_token_handler;

    ngx_service_token_conf_role_check(cf);

    return ngx_service_token_challenge_init(cf);
}


/* the helpers that look after caches on disk have no connections */

static ngx_int_t
ngx_service_token_module_init_process(ngx_cycle_t *cycle)
{
    ngx_service_token_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_service_token_module);

    if (mcf && mcf->used) {
        ngx_service_token_challenge_start();
    }

    if (mcf && mcf->last_used) {
        ngx_service_token_last_used_start(mcf->last_used);
    }

    /* one worker is enough to find that Redis cannot be used as configured */

    if (mcf && mcf->lookups && ngx_worker == 0) {
        ngx_service_token_lookups_open(mcf->lookups);
    }

    if (mcf && mcf->stream) {
        ngx_service_token_keeper_start(mcf->stream);
    }

    /* without it, both records are looked for */

    if (mcf && mcf->stream && mcf->cache.valid) {
        mcf->memo = ngx_service_token_memo_create(cycle->pool);
    }

    return NGX_OK;
}


/* a connection that is still open would be logged as an alert */

static void
ngx_service_token_module_exit_process(ngx_cycle_t *cycle)
{
    ngx_service_token_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_service_token_module);

    if (mcf && mcf->stream) {
        ngx_service_token_keeper_stop(mcf->stream);
    }

    if (mcf && mcf->last_used) {
        ngx_service_token_last_used_stop(mcf->last_used);
    }

    if (mcf && mcf->lookups) {
        ngx_service_token_lookups_close(mcf->lookups);
    }
}
