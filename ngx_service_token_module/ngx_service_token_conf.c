/*
 * Directives: what is read here is read-only once merged.  A bad value stops
 * nginx with its line.
 */


#include "ngx_service_token.h"


static char *ngx_service_token_conf_require(ngx_conf_t *cf,
    ngx_service_token_loc_conf_t *conf);


void *
ngx_service_token_conf_create_main(ngx_conf_t *cf)
{
    ngx_service_token_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_service_token_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    mcf->cache.valid = NGX_CONF_UNSET_MSEC;
    mcf->cache.valid_unknown = NGX_CONF_UNSET_MSEC;
    mcf->cache.lease = NGX_CONF_UNSET_MSEC;
    mcf->flush = NGX_CONF_UNSET_MSEC;

    return mcf;
}


char *
ngx_service_token_conf_init_main(ngx_conf_t *cf, void *conf)
{
    ngx_service_token_main_conf_t  *mcf = conf;

    if (mcf->redis == NULL) {
        mcf->redis = ngx_service_token_conf_redis_default(cf);
        if (mcf->redis == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (mcf->prefix.data == NULL) {
        ngx_str_set(&mcf->prefix, "{st}:");
    }

    if (mcf->roles.n == 0) {
        stok_roles_default(&mcf->roles);
    }

    if (ngx_service_token_conf_cache(cf, mcf) != NGX_OK
        || ngx_service_token_conf_throttles(cf, mcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


void *
ngx_service_token_conf_create_loc(ngx_conf_t *cf)
{
    ngx_service_token_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_service_token_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     lcf->role = NULL;
     *     lcf->types = 0;
     *     lcf->status = 0;
     *     lcf->realm = { 0, NULL };
     *     lcf->realm_value = NULL;
     *     lcf->scope = { 0, NULL };
     *     lcf->require = { NULL };
     */

    lcf->enable = NGX_CONF_UNSET;
    lcf->stale = NGX_CONF_UNSET_MSEC;
    lcf->throttle = NGX_CONF_UNSET_PTR;
    lcf->envs = NGX_CONF_UNSET_PTR;
    lcf->places = NGX_CONF_UNSET_PTR;
    lcf->optional = NGX_CONF_UNSET;

    return lcf;
}


char *
ngx_service_token_conf_merge_loc(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_service_token_loc_conf_t  *prev = parent;
    ngx_service_token_loc_conf_t  *conf = child;

    if (conf->enable == NGX_CONF_UNSET) {
        conf->enable = prev->enable;
        conf->realm = prev->realm;
        conf->realm_value = prev->realm_value;
    }

    ngx_conf_init_value(conf->enable, 0);
    ngx_conf_merge_value(conf->optional, prev->optional, 0);

    ngx_conf_merge_str_value(conf->scope, prev->scope, "");
    ngx_conf_merge_msec_value(conf->stale, prev->stale, 0);
    ngx_conf_merge_ptr_value(conf->throttle, prev->throttle, NULL);
    ngx_conf_merge_ptr_value(conf->envs, prev->envs, NULL);
    ngx_service_token_conf_source_merge(conf, prev);

    if (conf->throttle) {
        ngx_conf_init_uint_value(conf->throttle->burst,
                                 conf->throttle->zone->burst);
    }

    if (conf->types == 0) {
        conf->types = prev->types ? prev->types : STOK_TYPE_ANY;
    }

    if (conf->role == NULL) {
        conf->role = prev->role;
        conf->role_file = prev->role_file;
        conf->role_line = prev->role_line;
    }

    return ngx_service_token_conf_require(cf, conf);
}


/* what a token needs here, ready for stok_decide() */

static char *
ngx_service_token_conf_require(ngx_conf_t *cf,
    ngx_service_token_loc_conf_t *conf)
{
    char                           *rc;
    stok_require_t                 *require;
    ngx_service_token_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_service_token_module);

    rc = ngx_service_token_conf_role_rank(cf, conf);
    if (rc != NGX_CONF_OK) {
        return rc;
    }

    require = &conf->require;

    require->roles = &mcf->roles;
    require->role = (int) conf->rank;
    require->types = conf->types;
    require->scope.data = (const char *) conf->scope.data;
    require->scope.len = conf->scope.len;

    if (conf->envs) {
        require->env = conf->envs->elts;
        require->envs = conf->envs->nelts;
    }

    return NGX_CONF_OK;
}


char *
ngx_service_token_conf_prefix(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_service_token_main_conf_t *mcf = conf;

    size_t      i;
    ngx_str_t  *value;

    if (mcf->prefix.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "must not be empty";
    }

    if (value[1].len > STOK_PREFIX_MAX) {
        return "is too long";
    }

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] <= 0x20 || value[1].data[i] >= 0x7f) {
            return "has a blank or a control character";
        }
    }

    mcf->prefix = value[1];

    return NGX_CONF_OK;
}


char *
ngx_service_token_conf_key_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_service_token_main_conf_t *mcf = conf;

    int          rc;
    size_t       line;
    ngx_str_t   *value, text;
    const char  *why;

    if (mcf->keys) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_service_token_file_read(cf, &value[1], STOK_KEY_FILE_MAX, 1,
                                    &text)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    mcf->keys = ngx_pcalloc(cf->pool, sizeof(stok_keys_t));
    if (mcf->keys == NULL) {
        ngx_explicit_memzero(text.data, text.len);
        return NGX_CONF_ERROR;
    }

    rc = stok_keys_parse(mcf->keys, (const char *) text.data, text.len, &line,
                         &why);

    ngx_explicit_memzero(text.data, text.len);

    if (rc != STOK_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid key file \"%V\", line %uz: %s",
                           &value[1], line, why);
        return NGX_CONF_ERROR;
    }

    if (mcf->keys->dataset_len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" names no dataset: run "
                           "\"service-token --key-file %V init\"",
                           &value[1], &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_service_token_conf_roles(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_service_token_main_conf_t *mcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;
    stok_str_t   name;
    const char  *why;

    if (mcf->roles.n) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        name.data = (const char *) value[i].data;
        name.len = value[i].len;

        switch (stok_roles_add(&mcf->roles, name)) {

        case STOK_OK:
            continue;

        case STOK_DECLINED:
            why = "duplicate role";
            break;

        case STOK_INVALID:
            why = "invalid role";
            break;

        default:
            why = "too many roles at";
            break;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s \"%V\"", why,
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_service_token_conf_realm(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_service_token_loc_conf_t *lcf = conf;

    char                           *rv;
    size_t                          i;
    ngx_str_t                      *value;
    ngx_service_token_main_conf_t  *mcf;

    if (lcf->enable != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0) {
        lcf->enable = 0;
        return NGX_CONF_OK;
    }

    if (value[1].len == 0) {
        return "has an empty realm";
    }

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] < 0x20 || value[1].data[i] == 0x7f) {
            return "has a control character in its realm";
        }
    }

    if (ngx_http_script_variables_count(&value[1])) {
        rv = ngx_http_set_complex_value_slot(cf, cmd, conf);

        if (rv != NGX_CONF_OK) {
            return rv;
        }

        if (ngx_service_token_conf_role_note(cf, lcf->realm_value) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

    } else if (ngx_service_token_realm_quote(cf->pool, &value[1], &lcf->realm)
               != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    lcf->enable = 1;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_service_token_module);
    mcf->used = 1;

    return NGX_CONF_OK;
}


char *
ngx_service_token_conf_type(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_service_token_loc_conf_t *lcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i, type;

    if (lcf->types) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "service") == 0) {
            type = STOK_TYPE_SERVICE;

        } else if (ngx_strcmp(value[i].data, "personal") == 0) {
            type = STOK_TYPE_PERSONAL;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid token type \"%V\": it is "
                               "\"service\" or \"personal\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (lcf->types & type) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate token type \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        lcf->types |= type;
    }

    return NGX_CONF_OK;
}


/* "": none, as for a location in one that is a scope */

char *
ngx_service_token_conf_scope(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_service_token_loc_conf_t *lcf = conf;

    ngx_str_t   *value;
    stok_str_t   scope;

    if (lcf->scope.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    scope.data = (const char *) value[1].data;
    scope.len = value[1].len;

    if (scope.len && stok_scope_check(scope) != STOK_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid scope \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->scope = value[1];

    return NGX_CONF_OK;
}


/* "any": whatever is inherited */

char *
ngx_service_token_conf_env(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_service_token_loc_conf_t *lcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i, k;
    stok_str_t  *env, *taken;

    if (lcf->envs != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "any") == 0) {
        lcf->envs = NULL;
        return NGX_CONF_OK;
    }

    lcf->envs = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                 sizeof(stok_str_t));
    if (lcf->envs == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        env = ngx_array_push(lcf->envs);
        if (env == NULL) {
            return NGX_CONF_ERROR;
        }

        env->data = (const char *) value[i].data;
        env->len = value[i].len;

        if (stok_env_check(*env) != STOK_OK
            || ngx_strcmp(value[i].data, "any") == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid environment \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        taken = lcf->envs->elts;

        for (k = 0; k < i - 1; k++) {
            if (taken[k].len == env->len
                && stok_same(taken[k].data, env->data, env->len))
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate environment \"%V\"", &value[i]);
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}
