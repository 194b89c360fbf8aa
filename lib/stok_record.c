/*
 * Fields of Redis -> records.  Called for every answer of Redis: what is read
 * here was written by anybody with write access, so nothing is taken on trust.
 * A record is either understood whole or not at all.
 */


#include <string.h>

#include "stok_record.h"


typedef int (*stok_field_check_pt)(stok_str_t value);


typedef struct {
    stok_str_t            name;
    stok_field_check_pt   check;
    const stok_str_t     *words;                 /* instead of check */
    size_t                count;
    unsigned              needed;
    const char           *missing;
    const char           *twice;
    const char           *bad;
} stok_field_t;


#define stok_count(a)  (sizeof(a) / sizeof((a)[0]))

#define stok_field_texts(name)                                               \
    "no field " name, "field " name " is set twice",                         \
    "field " name " is not valid"

#define stok_field(name, check, needed)                                      \
    { stok_string(name), check, NULL, 0, needed, stok_field_texts(name) }

#define stok_field_word(name, words)                                         \
    { stok_string(name), NULL, words, stok_count(words), 1,                  \
      stok_field_texts(name) }


static int stok_record_read(const stok_field_t *known, size_t count,
    stok_str_t *values, const stok_str_t *fields, size_t n, const char **why);
static int stok_record_validate(const stok_field_t *known, size_t count,
    const stok_str_t *values, const char **why);
static stok_str_t stok_word(const stok_str_t *words, size_t count,
    unsigned value);
static unsigned stok_word_find(const stok_str_t *words, size_t count,
    stok_str_t value);
static size_t stok_key(char *out, stok_str_t prefix, const char *word,
    size_t len);

static int stok_role_name_check(stok_str_t value);
static int stok_use_case_check(stok_str_t value);
static int stok_rate_check(stok_str_t value);
static int stok_date_check(stok_str_t value);
static int stok_text_check(stok_str_t value);
static int stok_seal_text_check(stok_str_t value);


/* by their enumerations; the first has no word */

static const stok_str_t stok_type_words[] = {
    stok_string(""),
    stok_string("service"),
    stok_string("personal")
};

static const stok_str_t stok_token_status_words[] = {
    stok_string(""),
    stok_string("active"),
    stok_string("revoked")
};

static const stok_str_t stok_user_kind_words[] = {
    stok_string(""),
    stok_string("service"),
    stok_string("human")
};

static const stok_str_t stok_user_status_words[] = {
    stok_string(""),
    stok_string("pending"),
    stok_string("active"),
    stok_string("disabled"),
    stok_string("deleted")
};


enum {
    STOK_T_ID = 0,
    STOK_T_USER,
    STOK_T_NAME,
    STOK_T_TYPE,
    STOK_T_SCOPE,
    STOK_T_ENV,
    STOK_T_NETWORKS,
    STOK_T_RATE,
    STOK_T_STATUS,
    STOK_T_CREATED_AT,
    STOK_T_CREATED_BY,
    STOK_T_EXPIRES_AT,
    STOK_T_REVOKED_AT,
    STOK_T_ROTATED_FROM,
    STOK_T_ROTATED_TO,
    STOK_T_SEAL,
    STOK_T_FIELDS
};

static const stok_field_t stok_token_fields[STOK_T_FIELDS] = {
    stok_field("id", stok_record_id_check, 1),
    stok_field("user", stok_user_id_check, 1),
    stok_field("name", stok_name_check, 1),
    stok_field_word("type", stok_type_words),
    stok_field("scope", stok_scope_check, 0),
    stok_field("env", stok_env_check, 0),
    stok_field("networks", stok_networks_check, 0),
    stok_field("rate", stok_rate_check, 0),
    stok_field_word("status", stok_token_status_words),
    stok_field("created_at", stok_date_check, 0),
    stok_field("created_by", stok_text_check, 0),
    stok_field("expires_at", stok_date_check, 1),
    stok_field("revoked_at", stok_date_check, 0),
    stok_field("rotated_from", stok_record_id_check, 0),
    stok_field("rotated_to", stok_record_id_check, 0),
    stok_field("seal", stok_seal_text_check, 0)
};


enum {
    STOK_U_KIND = 0,
    STOK_U_NAME,
    STOK_U_ROLE,
    STOK_U_STATUS,
    STOK_U_PURPOSE,
    STOK_U_OWNER,
    STOK_U_USE_CASE,
    STOK_U_CREATED_AT,
    STOK_U_CREATED_BY,
    STOK_U_SEAL,
    STOK_U_FIELDS
};

static const stok_field_t stok_user_fields[STOK_U_FIELDS] = {
    stok_field_word("kind", stok_user_kind_words),
    stok_field("name", stok_name_check, 0),
    stok_field("role", stok_role_name_check, 1),
    stok_field_word("status", stok_user_status_words),
    stok_field("purpose", stok_text_check, 0),
    stok_field("owner", stok_text_check, 0),
    stok_field("use_case", stok_use_case_check, 0),
    stok_field("created_at", stok_date_check, 0),
    stok_field("created_by", stok_text_check, 0),
    stok_field("seal", stok_seal_text_check, 0)
};


size_t
stok_token_key(char out[STOK_KEY_MAX], stok_str_t prefix,
    const uint8_t digest[STOK_DIGEST_LEN])
{
    size_t  len;

    len = stok_key(out, prefix, "token:", sizeof("token:") - 1);

    stok_digest_hex(digest, out + len);

    return len + STOK_DIGEST_HEX;
}


size_t
stok_user_key(char out[STOK_KEY_MAX], stok_str_t prefix, stok_str_t id)
{
    size_t  len;

    len = stok_key(out, prefix, "user:", sizeof("user:") - 1);

    if (id.len != 0) {
        memcpy(out + len, id.data, id.len);
    }

    return len + id.len;
}


int
stok_token_record_decode(stok_token_record_t *rec, const stok_str_t *fields,
    size_t n, const char **why)
{
    int         rc;
    stok_str_t  v[STOK_T_FIELDS];

    memset(rec, 0, sizeof(stok_token_record_t));
    *why = NULL;

    if (n == 0) {
        return STOK_DECLINED;
    }

    rc = stok_record_read(stok_token_fields, STOK_T_FIELDS, v, fields, n, why);

    /* the log line needs the id of a bad record, too */

    if (stok_record_id_check(v[STOK_T_ID]) == STOK_OK) {
        rec->id = v[STOK_T_ID];
    }

    if (rc != STOK_OK) {
        return STOK_INVALID;
    }

    rec->user = v[STOK_T_USER];
    rec->name = v[STOK_T_NAME];
    rec->scope = v[STOK_T_SCOPE];
    rec->env = v[STOK_T_ENV];
    rec->networks = v[STOK_T_NETWORKS];
    rec->rate = v[STOK_T_RATE];
    rec->seal = v[STOK_T_SEAL];

    rec->type = (uint8_t) stok_word_find(stok_type_words,
                                         stok_count(stok_type_words),
                                         v[STOK_T_TYPE]);

    rec->status = (uint8_t) stok_word_find(stok_token_status_words,
                                           stok_count(stok_token_status_words),
                                           v[STOK_T_STATUS]);

    return stok_date_parse(v[STOK_T_EXPIRES_AT], &rec->expires_at);
}


int
stok_user_record_decode(stok_user_record_t *rec, const stok_str_t *fields,
    size_t n, const char **why)
{
    int         rc;
    stok_str_t  v[STOK_U_FIELDS];

    memset(rec, 0, sizeof(stok_user_record_t));
    *why = NULL;

    if (n == 0) {
        return STOK_DECLINED;
    }

    rc = stok_record_read(stok_user_fields, STOK_U_FIELDS, v, fields, n, why);

    if (rc != STOK_OK) {
        return STOK_INVALID;
    }

    rec->name = v[STOK_U_NAME];
    rec->role = v[STOK_U_ROLE];
    rec->use_case = v[STOK_U_USE_CASE];
    rec->seal = v[STOK_U_SEAL];

    rec->kind = (uint8_t) stok_word_find(stok_user_kind_words,
                                         stok_count(stok_user_kind_words),
                                         v[STOK_U_KIND]);

    rec->status = (uint8_t) stok_word_find(stok_user_status_words,
                                           stok_count(stok_user_status_words),
                                           v[STOK_U_STATUS]);

    return STOK_OK;
}


stok_str_t
stok_type_name(unsigned type)
{
    return stok_word(stok_type_words, stok_count(stok_type_words), type);
}


stok_str_t
stok_token_status_name(unsigned status)
{
    return stok_word(stok_token_status_words,
                     stok_count(stok_token_status_words), status);
}


stok_str_t
stok_user_kind_name(unsigned kind)
{
    return stok_word(stok_user_kind_words,
                     stok_count(stok_user_kind_words), kind);
}


stok_str_t
stok_user_status_name(unsigned status)
{
    return stok_word(stok_user_status_words,
                     stok_count(stok_user_status_words), status);
}


/* all fields are looked at, even after a bad one: see the id above */

static int
stok_record_read(const stok_field_t *known, size_t count,
    stok_str_t *values, const stok_str_t *fields, size_t n, const char **why)
{
    size_t             i, k, next, slot;
    const stok_str_t  *name;

    memset(values, 0, count * sizeof(stok_str_t));
    next = 0;                            /* they mostly come in this order */

    for (i = 0; i + 1 < n; i += 2) {
        name = &fields[i];
        slot = next;

        for (k = 0; k < count; k++) {
            if (known[slot].name.len == name->len
                && stok_same(known[slot].name.data, name->data, name->len))
            {
                break;
            }

            slot = (slot + 1 == count) ? 0 : slot + 1;
        }

        if (k == count) {
            *why = "unknown field";
            continue;
        }

        next = (slot + 1 == count) ? 0 : slot + 1;

        if (values[slot].data != NULL) {
            *why = known[slot].twice;
            continue;
        }

        values[slot] = fields[i + 1];

        if (values[slot].len == 0) {
            values[slot].data = "";              /* there, though empty */
        }
    }

    if (i != n) {
        *why = "field without a value";
    }

    if (*why != NULL) {
        return STOK_INVALID;
    }

    return stok_record_validate(known, count, values, why);
}


static int
stok_record_validate(const stok_field_t *known, size_t count,
    const stok_str_t *values, const char **why)
{
    int     ok;
    size_t  i;

    for (i = 0; i < count; i++) {

        if (values[i].data == NULL && known[i].needed) {
            *why = known[i].missing;
            return STOK_INVALID;
        }

        if (!known[i].needed && (!values[i].data || !values[i].len)) {
            continue;
        }

        ok = known[i].words
             ? stok_word_find(known[i].words, known[i].count, values[i]) != 0
             : known[i].check(values[i]) == STOK_OK;

        if (!ok) {
            *why = known[i].bad;
            return STOK_INVALID;
        }
    }

    return STOK_OK;
}


static size_t
stok_key(char *out, stok_str_t prefix, const char *word, size_t len)
{
    if (prefix.len != 0) {
        memcpy(out, prefix.data, prefix.len);
    }

    memcpy(out + prefix.len, word, len);

    return prefix.len + len;
}


static stok_str_t
stok_word(const stok_str_t *words, size_t count, unsigned value)
{
    return words[(value < count) ? value : 0];
}


/* 0: none of them */

static unsigned
stok_word_find(const stok_str_t *words, size_t count, stok_str_t value)
{
    size_t  i;

    for (i = 1; i < count; i++) {
        if (words[i].len == value.len
            && stok_same(words[i].data, value.data, value.len))
        {
            return (unsigned) i;
        }
    }

    return 0;
}


/* whether it is one of the roles is the decision's question */

static int
stok_role_name_check(stok_str_t value)
{
    return stok_graph_check(value, STOK_ROLE_MAX);
}


static int
stok_use_case_check(stok_str_t value)
{
    return stok_graph_check(value, STOK_USE_CASE_MAX);
}


static int
stok_rate_check(stok_str_t value)
{
    stok_rate_t  rate;

    return stok_rate_parse(value, &rate);
}


static int
stok_date_check(stok_str_t value)
{
    int64_t  date;

    return stok_date_parse(value, &date);
}


static int
stok_text_check(stok_str_t value)
{
    return (value.len <= STOK_TEXT_MAX) ? STOK_OK : STOK_INVALID;
}


static int
stok_seal_text_check(stok_str_t value)
{
    return (value.len <= STOK_SEAL_MAX) ? STOK_OK : STOK_INVALID;
}
