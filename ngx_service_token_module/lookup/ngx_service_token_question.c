/*
 * Turns the answer to a question into a packed record, or says why it cannot.
 */


#include "ngx_service_token_question.h"
#include "stok_seal.h"


#define NGX_SERVICE_TOKEN_QUESTION_FIELDS  64


static ngx_int_t ngx_service_token_question_strings(
    ngx_service_token_reply_t *reply, stok_str_t *field);
static int ngx_service_token_question_pack(ngx_service_token_lookup_t *lookup,
    const stok_str_t *fields, size_t n, const char **why);
static int ngx_service_token_question_keep(ngx_service_token_lookup_t *lookup,
    const u_char *packed, size_t len, const char **why);
static ngx_int_t ngx_service_token_question_unreadable(
    ngx_service_token_lookup_t *lookup, const char *why);
static ngx_service_token_marker_e ngx_service_token_question_marker(
    ngx_service_token_lookups_t *lookups, ngx_service_token_reply_t *reply);


ngx_int_t
ngx_service_token_question_decode(ngx_service_token_lookup_t *lookup,
    ngx_service_token_reply_t *reply)
{
    int                         rc;
    stok_str_t                  field[NGX_SERVICE_TOKEN_QUESTION_FIELDS];
    const char                 *why;
    const stok_str_t           *fields;

    if (reply->type == NGX_SERVICE_TOKEN_FAILURE) {

        if (reply->str.len > 9
            && ngx_strncmp(reply->str.data, "WRONGTYPE", 9) == 0)
        {
            return ngx_service_token_question_unreadable(lookup, "not a hash");
        }

        ngx_service_token_pipe_complain(lookup->lookups->link, reply, 0);
        return NGX_ERROR;
    }

    if (reply->type != NGX_SERVICE_TOKEN_ARRAY) {
        return ngx_service_token_question_unreadable(lookup,
                                                     "unexpected reply");
    }

    if (reply->n > NGX_SERVICE_TOKEN_QUESTION_FIELDS) {
        return ngx_service_token_question_unreadable(lookup,
                                                     "too many fields");
    }

    fields = reply->strings;

    if (fields == NULL) {

        if (ngx_service_token_question_strings(reply, field) != NGX_OK) {
            return ngx_service_token_question_unreadable(lookup,
                                                         "unexpected reply");
        }

        fields = field;
    }

    rc = ngx_service_token_question_pack(lookup, fields, reply->n, &why);

    if (rc == STOK_OK) {
        return NGX_OK;
    }

    if (rc == STOK_DECLINED) {
        return NGX_DECLINED;
    }

    if (rc == STOK_ERROR) {
        return NGX_ERROR;
    }

    return ngx_service_token_question_unreadable(lookup, why);
}


/* what hiredis has read */

static ngx_int_t
ngx_service_token_question_strings(ngx_service_token_reply_t *reply,
    stok_str_t *field)
{
    ngx_uint_t                  i;
    ngx_service_token_reply_t  *element;

    for (i = 0; i < reply->n; i++) {
        element = &reply->element[i];

        if (element->type != NGX_SERVICE_TOKEN_STRING) {
            return NGX_DECLINED;
        }

        field[i].data = (char *) element->str.data;
        field[i].len = element->str.len;
    }

    return NGX_OK;
}


static int
ngx_service_token_question_pack(ngx_service_token_lookup_t *lookup,
    const stok_str_t *fields, size_t n, const char **why)
{
    int                   rc;
    size_t                len;
    uint8_t               packed[STOK_PACK_MAX];
    stok_keys_t          *keys;
    stok_user_record_t    user;
    stok_token_record_t   token;

    keys = lookup->lookups->keys;

    if (lookup->user) {
        rc = stok_user_record_decode(&user, fields, n, why);
        if (rc != STOK_OK) {
            return rc;
        }

        if (keys) {
            stok_seal_check_user(keys, lookup->id, &user);
        }

        len = stok_user_record_pack(&user, packed, STOK_PACK_MAX);

    } else {
        rc = stok_token_record_decode(&token, fields, n, why);

        if (token.id.len) {
            lookup->label_len = ngx_min(token.id.len, STOK_RECORD_ID_MAX);
            ngx_memcpy(lookup->label, token.id.data, lookup->label_len);
        }

        if (rc != STOK_OK) {
            return rc;
        }

        if (keys) {
            stok_seal_check_token(keys, lookup->digest, &token);
        }

        len = stok_token_record_pack(&token, packed, STOK_PACK_MAX);
    }

    return ngx_service_token_question_keep(lookup, packed, len, why);
}


/* most records are short: with room for the longest, malloc() would be slow */

static int
ngx_service_token_question_keep(ngx_service_token_lookup_t *lookup,
    const u_char *packed, size_t len, const char **why)
{
    if (len == 0) {
        *why = "too long";
        return STOK_INVALID;
    }

    lookup->packed.data = ngx_alloc(len, ngx_cycle->log);
    if (lookup->packed.data == NULL) {
        return STOK_ERROR;
    }

    ngx_memcpy(lookup->packed.data, packed, len);
    lookup->packed.len = len;

    return STOK_OK;
}


/*
 * It is not kept, so each request asks anew: of all records together not more
 * than one line per second, with the number of those that had none since.
 */

static ngx_int_t
ngx_service_token_question_unreadable(ngx_service_token_lookup_t *lookup,
    const char *why)
{
    u_char             text[NGX_INT_T_LEN + sizeof(" (and  others)")];
    u_char            *last;
    static time_t      told;
    static ngx_uint_t  others;

    if (told == ngx_time()) {
        others++;
        return NGX_ABORT;
    }

    told = ngx_time();
    last = others ? ngx_sprintf(text, " (and %ui others)", others) : text;
    others = 0;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "service token: unreadable %s record of token %*s: %s%*s",
                  lookup->user ? "user" : "token",
                  lookup->label_len, lookup->label, why,
                  (size_t) (last - text), text);

    return NGX_ABORT;
}


ngx_int_t
ngx_service_token_question_marked(ngx_service_token_lookups_t *lookups,
    ngx_service_token_reply_t *reply)
{
    ngx_str_t                   *schema;
    ngx_log_t                   *log;
    ngx_service_token_marker_e   marker;

    log = ngx_cycle->log;
    marker = ngx_service_token_question_marker(lookups, reply);

    if (marker != lookups->marked) {
        lookups->marked = marker;

        switch (marker) {

        case NGX_SERVICE_TOKEN_MARKER_GOOD:
            ngx_log_error(NGX_LOG_NOTICE, log, 0,
                          "service token: the dataset at \"%V\" is back",
                          &lookups->marker);
            break;

        case NGX_SERVICE_TOKEN_MARKER_IMPORT:
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "service token: an import into the dataset at \"%V\" "
                          "is under way, or was interrupted: every token gets "
                          "503 until it ends; if none is running, import the "
                          "file again", &lookups->marker);
            break;

        case NGX_SERVICE_TOKEN_MARKER_SCHEMA:
            schema = &reply->element[0].str;
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "service token: the dataset at \"%V\" has schema "
                          "%V; this version needs schema %s",
                          &lookups->marker, schema, STOK_SCHEMA);
            break;

        case NGX_SERVICE_TOKEN_MARKER_DATASET:
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "service token: the key file belongs to dataset "
                          "%*s, which is not the one at \"%V\"",
                          lookups->keys->dataset_len, lookups->keys->dataset,
                          &lookups->marker);
            break;

        default: /* NGX_SERVICE_TOKEN_MARKER_NONE */
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "service token: no dataset of schema %s at \"%V\"",
                          STOK_SCHEMA, &lookups->marker);
        }
    }

    return marker == NGX_SERVICE_TOKEN_MARKER_GOOD ? NGX_OK : NGX_DECLINED;
}


/* SCHEMA: what Redis says of it is fit for the log */

static ngx_service_token_marker_e
ngx_service_token_question_marker(ngx_service_token_lookups_t *lookups,
    ngx_service_token_reply_t *reply)
{
    ngx_str_t                  *schema, *dataset;
    ngx_service_token_reply_t  *element;

    if (reply->type != NGX_SERVICE_TOKEN_ARRAY || reply->n != 3) {
        return NGX_SERVICE_TOKEN_MARKER_NONE;
    }

    element = reply->element;

    /* half of the file may be there: what is missing is not unknown */

    if (element[2].type != NGX_SERVICE_TOKEN_NIL) {
        return NGX_SERVICE_TOKEN_MARKER_IMPORT;
    }

    if (element[0].type != NGX_SERVICE_TOKEN_STRING) {
        return NGX_SERVICE_TOKEN_MARKER_NONE;
    }

    schema = &element[0].str;

    if (schema->len != sizeof(STOK_SCHEMA) - 1
        || ngx_memcmp(schema->data, STOK_SCHEMA, schema->len) != 0)
    {
        return schema->len == 1 && schema->data[0] >= '0'
               && schema->data[0] <= '9'
               ? NGX_SERVICE_TOKEN_MARKER_SCHEMA
               : NGX_SERVICE_TOKEN_MARKER_NONE;
    }

    if (lookups->keys == NULL) {
        return NGX_SERVICE_TOKEN_MARKER_GOOD;
    }

    dataset = &element[1].str;

    if (element[1].type != NGX_SERVICE_TOKEN_STRING
        || !stok_keys_dataset(lookups->keys, (const char *) dataset->data,
                              dataset->len))
    {
        return NGX_SERVICE_TOKEN_MARKER_DATASET;
    }

    return NGX_SERVICE_TOKEN_MARKER_GOOD;
}
