/*
 * A request to "service-token serve": the head of SCGI, parameters, path and
 * query, against descriptions of their own.
 *
 * Input: the bytes that nginx sends, or, behind a zero, a text to unescape.
 */


#include "api.h"
#include "fuzz.h"


static void scgi_pieces(const char *buf, size_t size, int rc,
    const scgi_head_t *head);
static void scgi_request(const char *buf, size_t size,
    const scgi_head_t *head);
static void scgi_inside(const api_request_t *request, const char *text);
static void scgi_unescape(const char *text, size_t size, int plus);
static int scgi_hex(char ch);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int           rc;
    size_t        i;
    const char   *buf;
    scgi_head_t   head;

    buf = (const char *) data;

    if (size && data[0] == 0) {
        scgi_unescape(buf + 1, size - 1, 0);
        scgi_unescape(buf + 1, size - 1, 1);
        return 0;
    }

    rc = scgi_parse(buf, size, &head);

    fuzz_check(rc == STOK_OK || rc == STOK_DECLINED || rc == STOK_INVALID);
    scgi_pieces(buf, size, rc, &head);

    if (rc != STOK_OK) {
        return 0;
    }

    fuzz_check(head.size <= size && buf[head.size - 1] == ',');
    fuzz_check(head.n > 0 && head.n <= SCGI_PARAMS_MAX);

    for (i = 0; i < head.n; i++) {
        fuzz_check(head.param[i].name.data > buf);
        fuzz_check(head.param[i].name.data[head.param[i].name.len] == '\0');
        fuzz_check(head.param[i].value.data
                   == head.param[i].name.data + head.param[i].name.len + 1);
        fuzz_check(strlen(head.param[i].value.data)
                   == head.param[i].value.len);
    }

    if (head.body <= size - head.size) {
        scgi_request(buf, size, &head);
    }

    return 0;
}


/* as it comes: each beginning asks for more, until it is whole or wrong */

static void
scgi_pieces(const char *buf, size_t size, int rc, const scgi_head_t *head)
{
    int           now;
    char         *part;
    size_t        len, end;
    scgi_head_t   other;

    end = rc == STOK_OK ? head->size : size < 64 ? size : 64;

    for (len = 0; len < end; len = len < 64 ? len + 1 : end) {
        part = malloc(len + 1);
        fuzz_check(part != NULL);
        memcpy(part, buf, len);
        part = realloc(part, len ? len : 1);

        now = scgi_parse(part, len, &other);
        free(part);

        fuzz_check(now != STOK_OK || rc == STOK_OK);
        fuzz_check(now != STOK_INVALID || rc == STOK_INVALID);
        fuzz_check(now != STOK_OK);
    }
}


static void
scgi_request(const char *buf, size_t size, const scgi_head_t *head)
{
    int             rc;
    size_t          i, j;
    api_request_t  *request;

    request = malloc(sizeof(*request));
    fuzz_check(request != NULL);

    rc = api_request(request, head, buf + head->size);

    fuzz_check(rc == STOK_OK || rc == STOK_INVALID || rc == STOK_ERROR);
    fuzz_check(request->body + request->len <= buf + size);

    if (rc == STOK_ERROR) {
        free(request);
        return;
    }

    /* identity is whole, or nobody's */

    fuzz_check(head->n == API_PARAMS);
    fuzz_check((request->auth == API_AUTH_TOKEN)
               == (request->param[API_TOKEN][0] != '\0'));
    fuzz_check((request->auth == API_AUTH_NONE)
               == (request->param[API_USER][0] == '\0'));

    if (rc == STOK_OK) {
        fuzz_check(request->segments <= API_SEGMENTS);
        fuzz_check(request->queries <= API_QUERIES);

        for (i = 0; i < request->segments; i++) {
            scgi_inside(request, request->segment[i]);
            fuzz_check(request->segment[i][0] != '\0');
            fuzz_check(strcmp(request->segment[i], ".") != 0);
            fuzz_check(strcmp(request->segment[i], "..") != 0);
        }

        for (i = 0; i < request->queries; i++) {
            scgi_inside(request, request->query[i].name);
            scgi_inside(request, request->query[i].value);

            for (j = 0; j < i; j++) {
                fuzz_check(strcmp(request->query[i].name,
                                  request->query[j].name) != 0);
            }

            fuzz_check(api_query(request, request->query[i].name)
                       == request->query[i].value);
        }
    }

    free(request);
}


static void
scgi_inside(const api_request_t *request, const char *text)
{
    fuzz_check(text >= request->path);
    fuzz_check(text + strlen(text) < request->path + sizeof(request->path));
}


/* byte by byte into another buffer */

static void
scgi_unescape(const char *text, size_t size, int plus)
{
    int      rc, high, low;
    char    *in, *want;
    size_t   i, n;

    size = strnlen(text, size);
    in = malloc(size + 1);
    want = malloc(size + 1);
    fuzz_check(in != NULL && want != NULL);
    memcpy(in, text, size);
    in[size] = '\0';

    for (i = 0, n = 0, rc = 0; i < size && rc == 0; i++) {
        want[n] = text[i] == '+' && plus ? ' ' : text[i];

        if (text[i] == '%') {
            high = i + 1 < size ? scgi_hex(text[i + 1]) : -1;
            low = i + 2 < size ? scgi_hex(text[i + 2]) : -1;
            rc = high < 0 || low < 0 || high + low == 0 ? -1 : 0;
            want[n] = (char) (high * 16 + low);
            i += 2;
        }

        n++;
    }

    fuzz_check(api_unescape(in, plus) == rc);

    if (rc == 0) {
        fuzz_check(strlen(in) == n && memcmp(in, want, n) == 0);
    }

    free(in);
    free(want);
}


static int
scgi_hex(char ch)
{
    return ch >= '0' && ch <= '9' ? ch - '0'
           : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
           : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}
