/*
 * service_token_source: the places where a token may stand, in order.
 */


#include "ngx_service_token.h"

#include "stok_class.h"


static const char *ngx_service_token_conf_source_place(ngx_conf_t *cf,
    ngx_str_t *value, ngx_service_token_place_t *place);
static const char *ngx_service_token_conf_source_header(ngx_conf_t *cf,
    ngx_str_t *name, ngx_service_token_place_t *place);
static ngx_uint_t ngx_service_token_conf_source_word(ngx_str_t *word,
    ngx_uint_t query);
static ngx_int_t ngx_service_token_conf_source_lower(ngx_conf_t *cf,
    u_char *data, size_t len, ngx_str_t *lower);


char *
ngx_service_token_conf_source(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_service_token_loc_conf_t *lcf = conf;

    ngx_str_t                  *value;
    ngx_uint_t                  i, k;
    const char                 *why;
    ngx_service_token_place_t  *place, *places;

    if (lcf->places != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    lcf->places = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                   sizeof(ngx_service_token_place_t));
    if (lcf->places == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        place = ngx_array_push(lcf->places);
        if (place == NULL) {
            return NGX_CONF_ERROR;
        }

        why = ngx_service_token_conf_source_place(cf, &value[i], place);
        places = lcf->places->elts;

        for (k = 0; why == NULL && k < i - 1; k++) {
            if (places[k].kind == place->kind
                && places[k].header.len == place->header.len
                && ngx_memcmp(places[k].header.data, place->header.data,
                              place->header.len) == 0
                && places[k].name.len == place->name.len
                && ngx_memcmp(places[k].name.data, place->name.data,
                              place->name.len) == 0)
            {
                why = "it is listed twice";
            }
        }

        if (why) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid source \"%V\": %s", &value[i], why);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


void
ngx_service_token_conf_source_merge(ngx_service_token_loc_conf_t *conf,
    ngx_service_token_loc_conf_t *prev)
{
    ngx_uint_t                  i, basic, bearer;
    ngx_service_token_place_t  *place;

    ngx_conf_merge_ptr_value(conf->places, prev->places, NULL);

    conf->challenges = NGX_SERVICE_TOKEN_CHALLENGE_BEARER;

    if (conf->places == NULL) {
        return;
    }

    place = conf->places->elts;
    basic = 0;
    bearer = 0;

    for (i = 0; i < conf->places->nelts; i++) {
        basic |= (place[i].kind == NGX_SERVICE_TOKEN_PLACE_BASIC);
        bearer |= (place[i].kind == NGX_SERVICE_TOKEN_PLACE_BEARER);
    }

    /* a 401 has one at least */

    if (basic) {
        conf->challenges = NGX_SERVICE_TOKEN_CHALLENGE_BASIC
                           | (bearer ? NGX_SERVICE_TOKEN_CHALLENGE_BEARER : 0);
    }
}


/* NULL, or what is wrong */

static const char *
ngx_service_token_conf_source_place(ngx_conf_t *cf, ngx_str_t *value,
    ngx_service_token_place_t *place)
{
    ngx_str_t  name;

    ngx_memzero(place, sizeof(ngx_service_token_place_t));

    place->text = *value;
    ngx_str_set(&place->header, "authorization");
    ngx_str_set(&place->name, "");

    if (ngx_strcmp(value->data, "bearer") == 0) {
        place->kind = NGX_SERVICE_TOKEN_PLACE_BEARER;
        return NULL;
    }

    if (ngx_strcmp(value->data, "basic") == 0) {
        place->kind = NGX_SERVICE_TOKEN_PLACE_BASIC;
        ngx_str_set(&place->name, "basic");
        return NULL;
    }

    if (ngx_strcmp(value->data, "subprotocol") == 0) {
        place->kind = NGX_SERVICE_TOKEN_PLACE_SUBPROTOCOL;
        ngx_str_set(&place->header, "sec-websocket-protocol");
        return NULL;
    }

    if (ngx_service_token_conf_option(value, "header=", &name) == NGX_OK) {
        return ngx_service_token_conf_source_header(cf, &name, place);
    }

    if (ngx_service_token_conf_option(value, "cookie=", &name) == NGX_OK) {
        place->kind = NGX_SERVICE_TOKEN_PLACE_COOKIE;
        place->name = name;
        ngx_str_set(&place->header, "cookie");

        return ngx_service_token_conf_source_word(&name, 0)
               ? NULL : "a cookie has a name of letters, digits and \"-_.\"";
    }

    if (ngx_service_token_conf_option(value, "query=", &name) == NGX_OK) {
        place->kind = NGX_SERVICE_TOKEN_PLACE_QUERY;
        place->name = name;
        ngx_str_set(&place->header, "");

        return ngx_service_token_conf_source_word(&name, 1)
               ? NULL : "an argument has a name of letters, digits and \"-_.\"";
    }

    return "it is \"bearer\", \"basic\", \"header=NAME\", \"cookie=NAME\", "
           "\"query=NAME\" or \"subprotocol\"";
}


/* "Name" or "Name:scheme" */

static const char *
ngx_service_token_conf_source_header(ngx_conf_t *cf, ngx_str_t *name,
    ngx_service_token_place_t *place)
{
    u_char     *colon;
    ngx_str_t   scheme;

    place->kind = NGX_SERVICE_TOKEN_PLACE_HEADER;
    ngx_str_set(&scheme, "");

    colon = ngx_strlchr(name->data, name->data + name->len, ':');

    if (colon) {
        scheme.data = colon + 1;
        scheme.len = name->data + name->len - scheme.data;
        name->len = colon - name->data;

        if (!ngx_service_token_conf_source_word(&scheme, 0)) {
            return "a scheme is a word";
        }
    }

    if (!ngx_service_token_conf_source_word(name, 0)) {
        return "a header has a name of letters, digits and \"-\"";
    }

    if (ngx_service_token_conf_source_lower(cf, name->data, name->len,
                                            &place->header)
        != NGX_OK
        || ngx_service_token_conf_source_lower(cf, scheme.data, scheme.len,
                                               &place->name)
           != NGX_OK)
    {
        return "no memory";
    }

    if (place->header.len == 6
        && ngx_memcmp(place->header.data, "cookie", 6) == 0)
    {
        return "a cookie is named by \"cookie=NAME\"";
    }

    return NULL;
}


/* a token of RFC 9110; in a query, of what is never encoded there */

static ngx_uint_t
ngx_service_token_conf_source_word(ngx_str_t *word, ngx_uint_t query)
{
    size_t    i;
    unsigned  all;

    all = STOK_TCHAR | (query ? STOK_B64 : 0);

    for (i = 0; i < word->len; i++) {
        if ((stok_class[word->data[i]] & all) != all
            || (query && word->data[i] == '+'))
        {
            return 0;
        }
    }

    return word->len != 0;
}


static ngx_int_t
ngx_service_token_conf_source_lower(ngx_conf_t *cf, u_char *data, size_t len,
    ngx_str_t *lower)
{
    lower->len = len;
    lower->data = ngx_pnalloc(cf->pool, len + 1);
    if (lower->data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(lower->data, data, len);

    return NGX_OK;
}
