/*
 * How a clear token leaves: once, to standard output or to a file.
 *
 * A file is made for its owner alone, is never one that was there, not even
 * behind a link, and is on the disk before the token is made.
 */


#include "deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define CLI_SECRET_NAME  63                      /* of a label of RFC 1123 */
#define CLI_VARIABLE     "SERVICE_TOKEN"


static int cli_deliver(ctl_t *ctl, const ctl_new_t *new, void *data);
static void cli_deliver_undo(ctl_t *ctl, const ctl_new_t *new, void *data);
static void cli_deliver_done(ctl_t *ctl, const ctl_new_t *new, void *data);
static int cli_deliver_text(ctl_t *ctl, const cli_out_t *out,
    const ctl_new_t *new, char **text);
static char *cli_deliver_json(ctl_t *ctl, const ctl_new_t *new);
static int cli_deliver_secret(ctl_t *ctl, const ctl_new_t *new, char **text);
static int cli_deliver_file(ctl_t *ctl, const char *path, const char *text);
static int cli_deliver_write(int fd, const char *text);
static int cli_deliver_sync(const char *path);


int
cli_deliver_options(cli_t *cli, cli_args_t *args, cli_out_t *out,
    ctl_deliver_t *deliver)
{
    const char  *format;

    deliver->deliver = cli_deliver;
    deliver->undo = cli_deliver_undo;
    deliver->done = cli_deliver_done;
    deliver->data = out;

    out->cli = cli;
    out->path = cli_option(args, "out");
    format = cli_option(args, "format");

    if (out->path && (out->path[0] == '\0' || strcmp(out->path, "-") == 0)) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "bad --out: it is the name of "
                        "a new file");
    }

    if (format == NULL) {
        out->format = cli->json && out->path == NULL ? CLI_FORMAT_JSON
                                                    : CLI_FORMAT_PLAIN;

    } else if (strcmp(format, "json") == 0) {
        out->format = CLI_FORMAT_JSON;

    } else if (strcmp(format, "env") == 0) {
        out->format = CLI_FORMAT_ENV;

    } else if (strcmp(format, "k8s-secret") == 0) {
        out->format = CLI_FORMAT_SECRET;

    } else {
        return ctl_fail(&cli->ctl, CTL_INVALID, "bad --format: env, json or "
                        "k8s-secret");
    }

    if (cli->json && out->path == NULL && out->format != CLI_FORMAT_JSON) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "--json and --format %s both "
                        "want standard output: leave one out, or give --out",
                        format);
    }

    return CTL_OK;
}


static int
cli_deliver(ctl_t *ctl, const ctl_new_t *new, void *data)
{
    int         code;
    char       *text;
    cli_out_t  *out;

    out = data;
    text = NULL;
    code = cli_deliver_text(ctl, out, new, &text);
    if (code != CTL_OK) {
        return code;
    }

    if (text == NULL) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
    }

    if (out->path) {
        code = cli_deliver_file(ctl, out->path, text);

    } else {
        cli_raw(text);
        cli_raw("\n");

        if (fflush(stdout) != 0 || ferror(stdout)) {
            clearerr(stdout);
            code = ctl_fail(ctl, CTL_REJECTED, "the token could not be shown: "
                            "nothing was made");
        }
    }

    OPENSSL_cleanse(text, strlen(text));
    free(text);

    return code;
}


static int
cli_deliver_text(ctl_t *ctl, const cli_out_t *out, const ctl_new_t *new,
    char **text)
{
    size_t  size;

    switch (out->format) {

    case CLI_FORMAT_JSON:
        *text = cli_deliver_json(ctl, new);
        break;

    case CLI_FORMAT_SECRET:
        return cli_deliver_secret(ctl, new, text);

    case CLI_FORMAT_ENV:

        /* no quotes: there is nothing to quote, and not all readers take
         * them off */

        size = sizeof(CLI_VARIABLE) + 1 + sizeof(new->token);
        *text = malloc(size);

        if (*text) {
            snprintf(*text, size, CLI_VARIABLE "=%s", new->token);
        }

        break;

    default:
        *text = strdup(new->token);
    }

    return CTL_OK;
}


static char *
cli_deliver_json(ctl_t *ctl, const ctl_new_t *new)
{
    char    *text;
    json_t  *json;

    json = ctl_new_json(ctl, new);
    json_object_set_new(json, "token", json_string(new->token));
    text = json_dumps(json, JSON_INDENT(2)|JSON_ENSURE_ASCII);
    json_decref(json);

    return text;
}


/*
 * A manifest whose name is the token's: lower case, each run of what may not
 * stand there a dash, none at the ends.
 */

static int
cli_deliver_secret(ctl_t *ctl, const ctl_new_t *new, char **text)
{
    char         ch, name[CLI_SECRET_NAME + 1];
    size_t       n, size;
    const char  *p;

    for (p = new->name, n = 0; *p && n < CLI_SECRET_NAME; p++) {
        ch = *p;

        if (ch >= 'A' && ch <= 'Z') {
            ch = (char) (ch + ('a' - 'A'));
        }

        if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')) {
            name[n++] = ch;

        } else if (n && name[n - 1] != '-') {
            name[n++] = '-';
        }
    }

    while (n && name[n - 1] == '-') {
        n--;
    }

    name[n] = '\0';

    if (n == 0) {
        return ctl_fail(ctl, CTL_REJECTED, "the token's name has no letter or "
                        "digit from which to make a Secret's name: nothing "
                        "was made");
    }

    size = sizeof(name) + sizeof(new->token) + sizeof(new->id) + 256;
    *text = malloc(size);

    if (*text) {
        snprintf(*text, size,
                 "apiVersion: v1\n"
                 "kind: Secret\n"
                 "metadata:\n"
                 "  name: \"%s\"\n"
                 "  annotations:\n"
                 "    service-token/id: \"%s\"\n"
                 "type: Opaque\n"
                 "stringData:\n"
                 "  " CLI_VARIABLE ": \"%s\"", name, new->id, new->token);
    }

    return CTL_OK;
}


static int
cli_deliver_file(ctl_t *ctl, const char *path, const char *text)
{
    int  fd, rc;

    fd = open(path, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd == -1) {
        return ctl_fail(ctl, CTL_REJECTED, "cannot make the file \"%s\": %s: "
                        "nothing was made", path,
                        errno == EEXIST ? "there is one, and it stays"
                                        : strerror(errno));
    }

    rc = fchmod(fd, 0600);

    if (rc == 0) {
        rc = cli_deliver_write(fd, text);
    }

    if (rc == 0) {
        rc = cli_deliver_write(fd, "\n");
    }

    if (rc == 0) {
        rc = fsync(fd);
    }

    if (rc != 0) {
        rc = errno;
        (void) close(fd);

    } else if (close(fd) != 0 || cli_deliver_sync(path) != 0) {
        rc = errno;
    }

    if (rc != 0) {
        (void) unlink(path);
        return ctl_fail(ctl, CTL_REJECTED, "cannot write the file \"%s\": %s: "
                        "nothing was made", path, strerror(rc));
    }

    return CTL_OK;
}


static int
cli_deliver_write(int fd, const char *text)
{
    size_t   len;
    ssize_t  n;

    for (len = strlen(text); len; text += n, len -= (size_t) n) {
        n = write(fd, text, len);

        if (n == -1) {
            if (errno != EINTR) {
                return -1;
            }

            n = 0;
        }
    }

    return 0;
}


/* the folder, too: a file whose name is lost is lost */

static int
cli_deliver_sync(const char *path)
{
    int    fd, rc;
    char  *copy;

    copy = strdup(path);
    if (copy == NULL) {
        return -1;
    }

    fd = open(dirname(copy), O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    free(copy);

    if (fd == -1) {

        /* a folder may be written to and not be read */

        return errno == EACCES ? 0 : -1;
    }

    rc = fsync(fd);

    if (rc != 0 && errno == EINVAL) {
        rc = 0;                                  /* no such thing here */
    }

    (void) close(fd);

    return rc;
}


static void
cli_deliver_undo(ctl_t *ctl, const ctl_new_t *new, void *data)
{
    cli_out_t  *out;

    (void) ctl;
    (void) new;
    out = data;

    if (out->path) {
        (void) unlink(out->path);
    }
}


static void
cli_deliver_done(ctl_t *ctl, const ctl_new_t *new, void *data)
{
    char        date[24];
    cli_out_t  *out;

    out = data;

    if (out->path && out->cli->json) {
        cli_answer(out->cli, ctl_new_json(ctl, new));

    } else if (out->path) {
        cli_say("%s\n", new->id);
    }

    if (new->old && new->old_expires_at == 0) {
        ctl_note(ctl, CTL_NOTE_PLAIN, "%s goes on, and never expires: revoke "
                 "it when \"token rotation\" says so", new->old);

    } else if (new->old) {
        ctl_iso(new->old_expires_at, date);
        ctl_note(ctl, CTL_NOTE_PLAIN, "%s is valid until %s", new->old, date);
    }
}
