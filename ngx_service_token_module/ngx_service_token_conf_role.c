/*
 * service_token_role: the role as it stands in the configuration; and values
 * with variables, of this directive and of service_token.
 *
 * A value with variables is evaluated when a request is judged, and a request
 * that is redirected internally is judged again.  nginx keeps the value of a
 * variable for all of the request unless the variable says otherwise: a map
 * of $uri then still gives the role of the first URI.  There is no general
 * way to have it evaluated anew: a variable that "set" or "auth_request_set"
 * filled would lose its value, and nothing tells these from a map.  So the
 * configuration is warned about instead.
 */


#include "ngx_service_token.h"


typedef struct {
    ngx_str_t                  directive;
    ngx_http_complex_value_t  *value;
    ngx_str_t                  file;
    ngx_uint_t                 line;
} ngx_service_token_conf_role_t;


static void ngx_service_token_conf_role_warn(ngx_conf_t *cf,
    ngx_service_token_conf_role_t *role, ngx_str_t *name);
static ngx_http_variable_t *ngx_service_token_conf_role_variable(
    ngx_http_core_main_conf_t *cmcf, ngx_str_t *name);


char *
ngx_service_token_conf_role(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_service_token_loc_conf_t *lcf = conf;

    char  *rv;

    rv = ngx_http_set_complex_value_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    lcf->role_file = cf->conf_file->file.name;
    lcf->role_line = cf->conf_file->line;

    if (lcf->role->lengths
        && ngx_service_token_conf_role_note(cf, lcf->role) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_service_token_conf_role_note(ngx_conf_t *cf,
    ngx_http_complex_value_t *value)
{
    ngx_str_t                      *word;
    ngx_service_token_conf_role_t  *role;
    ngx_service_token_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_service_token_module);

    if (mcf->role_values == NULL) {
        mcf->role_values = ngx_array_create(cf->temp_pool, 4,
                                        sizeof(ngx_service_token_conf_role_t));
        if (mcf->role_values == NULL) {
            return NGX_ERROR;
        }
    }

    role = ngx_array_push(mcf->role_values);
    if (role == NULL) {
        return NGX_ERROR;
    }

    word = cf->args->elts;

    role->directive = word[0];
    role->value = value;
    role->file = cf->conf_file->file.name;
    role->line = cf->conf_file->line;

    return NGX_OK;
}


/* the rank of a role without variables; roles are known only now */

char *
ngx_service_token_conf_role_rank(ngx_conf_t *cf,
    ngx_service_token_loc_conf_t *conf)
{
    stok_str_t                      name;
    ngx_service_token_main_conf_t  *mcf;

    conf->rank = 0;

    if (conf->role == NULL || conf->role->lengths) {
        return NGX_CONF_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_service_token_module);

    name.data = (const char *) conf->role->value.data;
    name.len = conf->role->value.len;

    conf->rank = stok_role_rank(&mcf->roles, name);

    if (conf->rank < 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown role \"%V\": it is not one of "
                      "\"service_token_roles\" in %V:%ui",
                      &conf->role->value, &conf->role_file, conf->role_line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* once all of the configuration is read: a map may stand below its use */

void
ngx_service_token_conf_role_check(ngx_conf_t *cf)
{
    ngx_uint_t                      i, *index;
    ngx_http_variable_t            *indexed;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_service_token_conf_role_t  *role;
    ngx_service_token_main_conf_t  *mcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_service_token_module);

    if (mcf->role_values == NULL) {
        return;
    }

    role = mcf->role_values->elts;
    indexed = cmcf->variables.elts;

    for (i = 0; i < mcf->role_values->nelts; i++) {
        index = role[i].value->flushes;

        for ( /* void */ ; index && *index != (ngx_uint_t) -1; index++) {
            ngx_service_token_conf_role_warn(cf, &role[i],
                                             &indexed[*index].name);
        }
    }

    mcf->role_values = NULL;
}


/*
 * A variable that is not changeable, as $request_uri or $remote_addr, has one
 * value for all of the request.
 */

static void
ngx_service_token_conf_role_warn(ngx_conf_t *cf,
    ngx_service_token_conf_role_t *role, ngx_str_t *name)
{
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    v = ngx_service_token_conf_role_variable(cmcf, name);

    if (v == NULL
        || (v->flags & NGX_HTTP_VAR_NOCACHEABLE)
        || !(v->flags & NGX_HTTP_VAR_CHANGEABLE))
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "%V \"%V\": \"$%V\" keeps its first value "
                  "after an internal redirect: "
                  "if it is a \"map\", make it \"volatile\" in %V:%ui",
                  &role->directive, &role->value->value, name,
                  &role->file, role->line);
}


/* the indexed variables get their flags only after all modules were asked */

static ngx_http_variable_t *
ngx_service_token_conf_role_variable(ngx_http_core_main_conf_t *cmcf,
    ngx_str_t *name)
{
    ngx_uint_t       i;
    ngx_hash_key_t  *key;

    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {
        if (key[i].key.len == name->len
            && ngx_strncmp(key[i].key.data, name->data, name->len) == 0)
        {
            return key[i].value;
        }
    }

    return NULL;
}
