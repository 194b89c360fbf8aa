/*
 * SCGI: the head of a request.  Bytes come from nginx alone, but are judged as
 * if they came from anybody.
 */


#include "scgi.h"

#include <string.h>


#define SCGI_DIGITS  5                           /* of SCGI_HEAD_MAX */


static int scgi_length(const char *buf, size_t len, size_t *head,
    size_t *digits);
static int scgi_params(const char *p, const char *end, scgi_head_t *head);
static int scgi_text(const char **p, const char *end, stok_str_t *text);
static int scgi_body(scgi_head_t *head);


int
scgi_parse(const char *buf, size_t len, scgi_head_t *head)
{
    int     rc;
    size_t  length, digits;

    head->n = 0;

    rc = scgi_length(buf, len, &length, &digits);
    if (rc != STOK_OK) {
        return rc;
    }

    head->size = digits + 1 + length + 1;

    if (len < head->size) {
        return STOK_DECLINED;
    }

    if (buf[head->size - 1] != ',') {
        return STOK_INVALID;
    }

    buf += digits + 1;

    rc = scgi_params(buf, buf + length, head);

    return rc == STOK_OK ? scgi_body(head) : rc;
}


/* a number without zeros before it, and a colon */

static int
scgi_length(const char *buf, size_t len, size_t *head, size_t *digits)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < len && buf[i] >= '0' && buf[i] <= '9'; i++) {
        n = n * 10 + (size_t) (buf[i] - '0');

        if (i == SCGI_DIGITS || n == 0 || n > SCGI_HEAD_MAX) {
            return STOK_INVALID;
        }
    }

    *head = n;
    *digits = i;

    if (i < len) {
        return i && buf[i] == ':' ? STOK_OK : STOK_INVALID;
    }

    return STOK_DECLINED;
}


static int
scgi_params(const char *p, const char *end, scgi_head_t *head)
{
    size_t        i;
    scgi_param_t  *param;

    while (p < end) {

        if (head->n == SCGI_PARAMS_MAX) {
            return STOK_INVALID;
        }

        param = &head->param[head->n];

        if (scgi_text(&p, end, &param->name) != STOK_OK
            || scgi_text(&p, end, &param->value) != STOK_OK
            || param->name.len == 0)
        {
            return STOK_INVALID;
        }

        for (i = 0; i < head->n; i++) {
            if (head->param[i].name.len == param->name.len
                && memcmp(head->param[i].name.data, param->name.data,
                          param->name.len) == 0)
            {
                return STOK_INVALID;
            }
        }

        head->n++;
    }

    return STOK_OK;
}


static int
scgi_text(const char **p, const char *end, stok_str_t *text)
{
    const char  *zero;

    zero = *p < end ? memchr(*p, '\0', (size_t) (end - *p)) : NULL;
    if (zero == NULL) {
        return STOK_INVALID;
    }

    text->data = *p;
    text->len = (size_t) (zero - *p);
    *p = zero + 1;

    return STOK_OK;
}


/* the first parameter, says SCGI: at most nine digits */

static int
scgi_body(scgi_head_t *head)
{
    size_t            i;
    const stok_str_t  *value;

    value = scgi_get(head, "CONTENT_LENGTH");

    if (value == NULL || value != &head->param[0].value || value->len == 0
        || value->len > 9)
    {
        return STOK_INVALID;
    }

    head->body = 0;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < '0' || value->data[i] > '9') {
            return STOK_INVALID;
        }

        head->body = head->body * 10 + (size_t) (value->data[i] - '0');
    }

    return STOK_OK;
}


const stok_str_t *
scgi_get(const scgi_head_t *head, const char *name)
{
    size_t  i, len;

    len = strlen(name);

    for (i = 0; i < head->n; i++) {
        if (head->param[i].name.len == len
            && memcmp(head->param[i].name.data, name, len) == 0)
        {
            return &head->param[i].value;
        }
    }

    return NULL;
}
