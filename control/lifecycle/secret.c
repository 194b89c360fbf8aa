/*
 * The Kubernetes Secret of a token: which one it is, and that a successor is
 * put in the same one.
 *
 * "[namespace/]name" stands in the hash "secrets", by the id of the token.  It
 * decides nothing, is not part of a record, and may be missing: then a new
 * name is made, and a note says so.  Anybody may have written the value, so it
 * is taken only if it is a name.
 */


#include "issue.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>


#define CTL_LABEL_MAX   63                       /* of RFC 1123 */
#define CTL_SECRET_HEX  10                       /* of the id's hash */


static int ctl_secret_read(ctl_t *ctl, const char *id,
    char secret[CTL_SECRET_MAX + 1]);
static void ctl_secret_make(const ctl_new_t *new,
    char name[CTL_SECRET_NAME + 1]);
static int ctl_secret_name(const char *name, size_t len);
static int ctl_secret_label(const char *name, size_t len);


int
ctl_secret_check(ctl_t *ctl, const ctl_token_new_t *want)
{
    const char  *name, *namespace;

    name = want->secret_name;
    namespace = want->namespace;

    if (name && !ctl_secret_name(name, strlen(name))) {
        return ctl_fail(ctl, CTL_INVALID, "bad --secret-name: it has a to z, "
                        "0 to 9, - and ., and begins and ends with a letter "
                        "or digit");
    }

    if (namespace && !ctl_secret_label(namespace, strlen(namespace))) {
        return ctl_fail(ctl, CTL_INVALID, "bad --namespace: it has a to z, 0 "
                        "to 9 and -, 63 at most, and begins and ends with a "
                        "letter or digit");
    }

    if ((name || namespace) && !want->secret) {
        return ctl_fail(ctl, CTL_INVALID, "--secret-name and --namespace are "
                        "for --format k8s-secret");
    }

    return CTL_OK;
}


int
ctl_secret_want(ctl_t *ctl, const ctl_token_new_t *want, ctl_new_t *new)
{
    int  code;

    code = ctl_secret_check(ctl, want);
    if (code != CTL_OK) {
        return code;
    }

    new->is_secret = want->secret;
    snprintf(new->secret_name, sizeof(new->secret_name), "%s",
             want->secret_name ? want->secret_name : "");
    snprintf(new->namespace, sizeof(new->namespace), "%s",
             want->namespace ? want->namespace : "");

    return CTL_OK;
}


/* what was asked for, what the predecessor has, or a name of its own */

int
ctl_secret_choose(ctl_t *ctl, ctl_new_t *new)
{
    int    code;
    char   old[CTL_SECRET_MAX + 1];
    char  *name;

    old[0] = '\0';
    name = old;

    if (new->old) {
        code = ctl_secret_read(ctl, new->old, old);
        if (code != CTL_OK) {
            return code;
        }
    }

    if (strchr(old, '/')) {
        name = strchr(old, '/');
        *name++ = '\0';

        if (new->namespace[0] == '\0') {
            strcpy(new->namespace, old);
        }
    }

    if (new->secret_name[0] == '\0' && name[0]) {
        strcpy(new->secret_name, name);

    } else if (new->secret_name[0] == '\0' && new->is_secret) {
        ctl_secret_make(new, new->secret_name);

        if (new->old) {
            ctl_note(ctl, CTL_NOTE_NOTE, "the predecessor has no Secret that "
                     "is known: this one is %s, unless --secret-name says "
                     "otherwise", new->secret_name);
        }
    }

    return CTL_OK;
}


void
ctl_secret_text(const ctl_new_t *new, char secret[CTL_SECRET_MAX + 1])
{
    snprintf(secret, CTL_SECRET_MAX + 1, "%s%s%s", new->namespace,
             new->namespace[0] ? "/" : "", new->secret_name);
}


/* "": it is missing, or not a name */

static int
ctl_secret_read(ctl_t *ctl, const char *id, char secret[CTL_SECRET_MAX + 1])
{
    int          code;
    size_t       len;
    redisReply  *reply;
    const char  *slash;

    secret[0] = '\0';

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "HGET %ssecrets %s",
                       ctl->prefix, id);
    if (code != CTL_OK) {
        return code;
    }

    if (reply->type == REDIS_REPLY_STRING && reply->len <= CTL_SECRET_MAX) {
        slash = memchr(reply->str, '/', reply->len);
        len = slash ? (size_t) (slash - reply->str) + 1 : 0;

        if ((slash == NULL || ctl_secret_label(reply->str, len - 1))
            && ctl_secret_name(reply->str + len, reply->len - len))
        {
            memcpy(secret, reply->str, reply->len);
            secret[reply->len] = '\0';
        }
    }

    freeReplyObject(reply);

    return CTL_OK;
}


/*
 * The token's name in lower case, each run of what may not stand there a dash,
 * and a hash of its id: no other token has this name.
 */

static void
ctl_secret_make(const ctl_new_t *new, char name[CTL_SECRET_NAME + 1])
{
    char         ch;
    size_t       i, n;
    uint8_t      hash[SHA256_DIGEST_LENGTH];
    const char  *p;

    for (p = new->name, n = 0;
         *p && n < CTL_LABEL_MAX - CTL_SECRET_HEX - 1; p++)
    {
        ch = ctl_lower(*p);

        if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')) {
            name[n++] = ch;

        } else if (n && name[n - 1] != '-') {
            name[n++] = '-';
        }
    }

    while (n && name[n - 1] == '-') {
        n--;
    }

    if (n == 0) {
        n = (size_t) sprintf(name, "token");
    }

    name[n++] = '-';
    SHA256((const uint8_t *) new->id, strlen(new->id), hash);

    for (i = 0; i < CTL_SECRET_HEX / 2; i++) {
        n += (size_t) sprintf(name + n, "%02x", hash[i]);
    }
}


/* RFC 1123: labels with dots between them */

static int
ctl_secret_name(const char *name, size_t len)
{
    size_t       n;
    const char  *dot;

    if (len > CTL_SECRET_NAME) {
        return 0;
    }

    for ( ;; ) {
        dot = memchr(name, '.', len);
        n = dot ? (size_t) (dot - name) : len;

        if (!ctl_secret_label(name, n)) {
            return 0;
        }

        if (dot == NULL) {
            return 1;
        }

        name += n + 1;
        len -= n + 1;
    }
}


static int
ctl_secret_label(const char *name, size_t len)
{
    size_t  i;

    if (len == 0 || len > CTL_LABEL_MAX || name[0] == '-'
        || name[len - 1] == '-')
    {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if (!((name[i] >= 'a' && name[i] <= 'z')
              || (name[i] >= '0' && name[i] <= '9') || name[i] == '-'))
        {
            return 0;
        }
    }

    return 1;
}
