/*
 * A new token in the form that its reader takes.
 *
 * Names come from people, and users from Redis: what is put between quotes is
 * escaped for its format, whatever it holds.
 */


#include "deliver.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CLI_VARIABLE      "SERVICE_TOKEN"
#define CLI_QUOTED(size)  ((size) * 6 + 3)


static char *cli_format_env(const ctl_new_t *new);
static char *cli_format_json(json_t *json);
static json_t *cli_format_record(ctl_t *ctl, const ctl_new_t *new);
static json_t *cli_format_vault(const ctl_new_t *new);
static json_t *cli_format_docker(const ctl_new_t *new, const char *server);
static char *cli_format_secret(const ctl_new_t *new);
static void cli_format_ends(const ctl_new_t *new, char out[24]);
static void cli_format_quote(const char *text, char *out);


static const char  *cli_formats[] = {
    [CLI_FORMAT_PLAIN] = "plain",
    [CLI_FORMAT_RAW] = "raw",
    [CLI_FORMAT_JSON] = "json",
    [CLI_FORMAT_ENV] = "env",
    [CLI_FORMAT_SECRET] = "k8s-secret",
    [CLI_FORMAT_VAULT] = "vault-json",
    [CLI_FORMAT_DOCKER] = "docker-config"
};


int
cli_format_find(const char *name, cli_format_e *format)
{
    size_t  i;

    for (i = 0; i < sizeof(cli_formats) / sizeof(cli_formats[0]); i++) {
        if (strcmp(name, cli_formats[i]) == 0) {
            *format = (cli_format_e) i;
            return CTL_OK;
        }
    }

    return CTL_INVALID;
}


char *
cli_format_text(ctl_t *ctl, const cli_out_t *out, const ctl_new_t *new)
{
    switch (out->format) {

    case CLI_FORMAT_JSON:
        return cli_format_json(cli_format_record(ctl, new));

    case CLI_FORMAT_VAULT:
        return cli_format_json(cli_format_vault(new));

    case CLI_FORMAT_DOCKER:
        return cli_format_json(cli_format_docker(new, out->server));

    case CLI_FORMAT_SECRET:
        return cli_format_secret(new);

    case CLI_FORMAT_ENV:
        return cli_format_env(new);

    default:
        return strdup(new->token);
    }
}


/* without quotes: there is nothing to quote, and not all readers drop them */

static char *
cli_format_env(const ctl_new_t *new)
{
    char    *text;
    size_t   size;

    size = sizeof(CLI_VARIABLE) + 1 + sizeof(new->token);
    text = malloc(size);

    if (text) {
        snprintf(text, size, CLI_VARIABLE "=%s", new->token);
    }

    return text;
}


/* releases it; NULL: no memory */

static char *
cli_format_json(json_t *json)
{
    char  *text;

    text = json ? json_dumps(json, JSON_INDENT(2)|JSON_ENSURE_ASCII) : NULL;
    json_decref(json);

    return text;
}


static json_t *
cli_format_record(ctl_t *ctl, const ctl_new_t *new)
{
    json_t  *json;

    json = ctl_new_json(ctl, new);
    json_object_set_new(json, "token", json_string(new->token));

    return json;
}


/* as "vault kv put PATH -" and "@FILE" take it: names and texts */

static json_t *
cli_format_vault(const ctl_new_t *new)
{
    char  ends[24];

    cli_format_ends(new, ends);

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "token", new->token,
                     "id", new->id, "user", new->user, "name", new->name,
                     "env", new->env, "expires_at", ends);
}


/*
 * A password of HTTP Basic, which is what service_token_source basic takes;
 * the user's name says whose it is, unless a colon would end it too early.
 */

static json_t *
cli_format_docker(const ctl_new_t *new, const char *server)
{
    char     plain[sizeof(new->user) + sizeof(new->token) + 1];
    char     auth[sizeof(plain) * 4 / 3 + 8];
    int      len;
    json_t  *json;

    len = snprintf(plain, sizeof(plain), "%s:%s",
                   strchr(new->user, ':') ? "token" : new->user, new->token);

    EVP_EncodeBlock((unsigned char *) auth, (const unsigned char *) plain,
                    len);

    json = json_pack("{s:{s:{s:s}}}", "auths", server, "auth", auth);

    OPENSSL_cleanse(plain, sizeof(plain));
    OPENSSL_cleanse(auth, sizeof(auth));

    return json;
}


/* YAML, with every text between double quotes */

static char *
cli_format_secret(const ctl_new_t *new)
{
    char    ends[24], user[CLI_QUOTED(sizeof(new->user))];
    char    name[CLI_QUOTED(sizeof(new->name))], namespace[96];
    char   *text;
    size_t  size;

    cli_format_ends(new, ends);
    cli_format_quote(new->user, user);
    cli_format_quote(new->name, name);

    namespace[0] = '\0';

    if (new->namespace[0]) {
        snprintf(namespace, sizeof(namespace), "  namespace: \"%s\"\n",
                 new->namespace);
    }

    size = strlen(user) + strlen(name) + sizeof(new->secret_name)
           + sizeof(namespace) + sizeof(new->token) + sizeof(new->id) + 512;
    text = malloc(size);

    if (text) {
        snprintf(text, size,
                 "apiVersion: v1\n"
                 "kind: Secret\n"
                 "metadata:\n"
                 "  name: \"%s\"\n"
                 "%s"
                 "  labels:\n"
                 "    app.kubernetes.io/managed-by: \"service-token\"\n"
                 "  annotations:\n"
                 "    service-token/id: \"%s\"\n"
                 "    service-token/user: %s\n"
                 "    service-token/name: %s\n"
                 "    service-token/expires: \"%s\"\n"
                 "type: Opaque\n"
                 "stringData:\n"
                 "  " CLI_VARIABLE ": \"%s\"", new->secret_name, namespace,
                 new->id, user, name, ends, new->token);
    }

    return text;
}


static void
cli_format_ends(const ctl_new_t *new, char out[24])
{
    if (new->expires_at) {
        ctl_iso(new->expires_at, out);

    } else {
        strcpy(out, "never");
    }
}


/*
 * Between double quotes as YAML reads them: what is not to be shown is written
 * as its bytes, each of them a character.
 */

static void
cli_format_quote(const char *text, char *out)
{
    int          shown;
    size_t       i, len;
    const char  *p;

    *out++ = '"';

    for (p = text; *p; p += len) {
        len = ctl_char(p, strlen(p), &shown);

        if (!shown) {
            for (i = 0; i < len; i++) {
                out += sprintf(out, "\\x%02x", (unsigned char) p[i]);
            }

            continue;
        }

        if (*p == '"' || *p == '\\') {
            *out++ = '\\';
        }

        memcpy(out, p, len);
        out += len;
    }

    *out++ = '"';
    *out = '\0';
}
