/*
 * Where Redis is: redis://[user:password@]host[:port][/db],
 * unix://path[?db=N], rediss://...[?ca=PATH&cert=PATH&key=PATH&name=NAME]
 */


#include "uri.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>


static int ctl_uri_tls(const char *p, ctl_uri_t *u);
static int ctl_uri_host(const char *p, ctl_uri_t *u);
static int ctl_uri_unix(const char *path, ctl_uri_t *u);
static int ctl_uri_number(const char *p, const char *end, int max);
static int ctl_uri_unescape(const char *p, size_t len, char *out,
    size_t size);


int
ctl_uri_parse(const char *uri, ctl_uri_t *u)
{
    memset(u, 0, sizeof(*u));

    if (strncmp(uri, "unix:", 5) == 0) {
        return ctl_uri_unix(uri + 5, u);
    }

    if (strncmp(uri, "rediss://", 9) == 0) {
        return ctl_uri_tls(uri + 9, u);
    }

    if (strncmp(uri, "redis://", 8) == 0) {
        return ctl_uri_host(uri + 8, u);
    }

    return CTL_INVALID;
}


static int
ctl_uri_tls(const char *p, ctl_uri_t *u)
{
    int     code;
    char    host[sizeof(u->user) + sizeof(u->password) + sizeof(u->host)];
    size_t  len;

    len = strcspn(p, "?");

    if (len >= sizeof(host)) {
        return CTL_INVALID;
    }

    memcpy(host, p, len);
    host[len] = '\0';

    code = ctl_uri_host(host, u);
    u->secure = 1;

    OPENSSL_cleanse(host, sizeof(host));

    for (p += len; code == CTL_OK && *p; p += len) {
        len = strcspn(++p, "&");

        if (strncmp(p, "ca=", 3) == 0) {
            code = ctl_uri_unescape(p + 3, len - 3, u->tls.ca,
                                    sizeof(u->tls.ca));

        } else if (strncmp(p, "cert=", 5) == 0) {
            code = ctl_uri_unescape(p + 5, len - 5, u->tls.cert,
                                    sizeof(u->tls.cert));

        } else if (strncmp(p, "key=", 4) == 0) {
            code = ctl_uri_unescape(p + 4, len - 4, u->tls.key,
                                    sizeof(u->tls.key));

        } else if (strncmp(p, "name=", 5) == 0) {
            code = ctl_uri_unescape(p + 5, len - 5, u->tls.name,
                                    sizeof(u->tls.name));

        } else {
            code = CTL_INVALID;
        }
    }

    return code;
}


static int
ctl_uri_host(const char *p, ctl_uri_t *u)
{
    size_t       len;
    const char  *at, *host, *colon, *slash;

    slash = p + strcspn(p, "/");
    at = memchr(p, '@', (size_t) (slash - p));
    host = p;

    if (at) {
        colon = memchr(p, ':', (size_t) (at - p));

        if (colon == NULL
            || ctl_uri_unescape(p, (size_t) (colon - p), u->user,
                                sizeof(u->user)) != CTL_OK
            || ctl_uri_unescape(colon + 1, (size_t) (at - colon - 1),
                                u->password, sizeof(u->password)) != CTL_OK)
        {
            return CTL_INVALID;
        }

        host = at + 1;
    }

    if (*host == '[') {
        host++;
        len = strcspn(host, "]/");
        colon = host[len] == ']' ? host + len + 1 : slash;

    } else {
        len = strcspn(host, ":/");
        colon = host + len;
    }

    if (len == 0 || len >= sizeof(u->host)) {
        return CTL_INVALID;
    }

    memcpy(u->host, host, len);
    u->port = 6379;

    if (*colon == ':') {
        u->port = ctl_uri_number(colon + 1, slash, 65535);
        if (u->port < 1) {
            return CTL_INVALID;
        }

    } else if (colon != slash) {
        return CTL_INVALID;
    }

    if (slash[0] == '/' && slash[1]) {
        u->db = ctl_uri_number(slash + 1, slash + strlen(slash), INT_MAX);
        if (u->db < 0) {
            return CTL_INVALID;
        }
    }

    return CTL_OK;
}


static int
ctl_uri_unix(const char *path, ctl_uri_t *u)
{
    size_t  len;

    if (strncmp(path, "//", 2) == 0) {
        path += 2;
    }

    len = strcspn(path, "?");

    if (path[0] != '/'
        || ctl_uri_unescape(path, len, u->host, sizeof(u->host)) != CTL_OK)
    {
        return CTL_INVALID;
    }

    if (path[len] == '?') {
        if (strncmp(path + len, "?db=", 4) != 0) {
            return CTL_INVALID;
        }

        len += 4;
        u->db = ctl_uri_number(path + len, path + strlen(path), INT_MAX);
        if (u->db < 0) {
            return CTL_INVALID;
        }
    }

    return CTL_OK;
}


static int
ctl_uri_unescape(const char *p, size_t len, char *out, size_t size)
{
    char    hex[3];
    size_t  i, n;

    for (i = 0, n = 0; i < len; i++, n++) {

        if (n + 1 >= size) {
            return CTL_INVALID;
        }

        if (p[i] != '%') {
            out[n] = p[i];
            continue;
        }

        if (i + 2 >= len || !isxdigit((unsigned char) p[i + 1])
            || !isxdigit((unsigned char) p[i + 2]))
        {
            return CTL_INVALID;
        }

        hex[0] = p[i + 1];
        hex[1] = p[i + 2];
        hex[2] = '\0';
        out[n] = (char) strtol(hex, NULL, 16);

        if (out[n] == '\0') {
            return CTL_INVALID;
        }


        i += 2;
    }

    out[n] = '\0';

    return CTL_OK;
}


/* digits and nothing else; -1: it is not, or above max */

static int
ctl_uri_number(const char *p, const char *end, int max)
{
    int64_t  n;

    if (p == end) {
        return -1;
    }

    for (n = 0; p < end; p++) {
        if (*p < '0' || *p > '9') {
            return -1;
        }

        n = n * 10 + *p - '0';

        if (n > max) {
            return -1;
        }
    }

    return (int) n;
}
