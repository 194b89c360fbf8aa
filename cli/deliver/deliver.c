/*
 * How a plaintext token leaves: once, to standard output or to a file.
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


static int cli_deliver_format(cli_t *cli, cli_args_t *args,
    ctl_token_new_t *want, cli_out_t *out);
static int cli_deliver(ctl_t *ctl, const ctl_new_t *new, void *data);
static void cli_deliver_undo(ctl_t *ctl, const ctl_new_t *new, void *data);
static void cli_deliver_done(ctl_t *ctl, const ctl_new_t *new, void *data);
static void cli_deliver_seen(ctl_t *ctl, const ctl_new_t *new,
    const cli_out_t *out);
static int cli_deliver_file(ctl_t *ctl, const cli_out_t *out,
    const char *text);
static int cli_deliver_write(int fd, const char *text);
static int cli_deliver_sync(const char *path);


int
cli_deliver_options(cli_t *cli, cli_args_t *args, ctl_token_new_t *want,
    cli_out_t *out, ctl_deliver_t *deliver)
{
    deliver->deliver = cli_deliver;
    deliver->undo = cli_deliver_undo;
    deliver->done = cli_deliver_done;
    deliver->data = out;

    out->cli = cli;
    out->path = cli_option(args, "out");

    if (out->path && (out->path[0] == '\0' || strcmp(out->path, "-") == 0)) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "bad --out: it is the name of "
                        "a new file");
    }

    return cli_deliver_format(cli, args, want, out);
}


static int
cli_deliver_format(cli_t *cli, cli_args_t *args, ctl_token_new_t *want,
    cli_out_t *out)
{
    const char  *format;

    format = cli_option(args, "format");
    out->server = cli_option(args, "server");
    out->format = cli->json && out->path == NULL ? CLI_FORMAT_JSON
                                                : CLI_FORMAT_PLAIN;

    if (format && cli_format_find(format, &out->format) != CTL_OK) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "bad --format: plain, raw, "
                        "env, json, k8s-secret, vault-json or docker-config");
    }

    if (cli->json && out->path == NULL && out->format != CLI_FORMAT_JSON) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "--json and --format %s both "
                        "want standard output: leave one out, or give --out",
                        format);
    }

    if ((out->format == CLI_FORMAT_DOCKER) != (out->server != NULL)) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "--format docker-config and "
                        "--server HOST belong together");
    }

    if (out->server && (out->server[0] == '\0'
                        || ctl_text_wrong(ctl_str(out->server), CTL_TEXT_NAME)))
    {
        return ctl_fail(&cli->ctl, CTL_INVALID, "bad --server: it is the name "
                        "of a registry, as in registry.example.com");
    }

    want->secret = out->format == CLI_FORMAT_SECRET;
    want->secret_name = cli_option(args, "secret-name");
    want->namespace = cli_option(args, "namespace");

    return CTL_OK;
}


static int
cli_deliver(ctl_t *ctl, const ctl_new_t *new, void *data)
{
    int         code;
    char       *text;
    cli_out_t  *out;

    out = data;
    text = cli_format_text(ctl, out, new);

    if (text == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    code = CTL_OK;

    if (out->path) {
        code = cli_deliver_file(ctl, out, text);

    } else {
        cli_raw(text);

        if (out->format != CLI_FORMAT_RAW) {
            cli_raw("\n");
        }

        errno = 0;

        if (fflush(stdout) != 0 || ferror(stdout)) {
            clearerr(stdout);
            code = ctl_fail(ctl, CTL_REJECTED, "the token could not be shown"
                            "%s%s: nothing was made", errno ? ": " : "",
                            errno ? strerror(errno) : "");
        }
    }

    OPENSSL_cleanse(text, strlen(text));
    free(text);

    return code;
}


static int
cli_deliver_file(ctl_t *ctl, const cli_out_t *out, const char *text)
{
    int          fd, rc;
    const char  *path;

    path = out->path;
    fd = open(path, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd == -1) {
        return ctl_fail(ctl, CTL_REJECTED, "cannot make the file \"%s\": %s: "
                        "nothing was made", path,
                        errno == EEXIST ? "it exists already"
                                        : strerror(errno));
    }

    rc = fchmod(fd, 0600);

    if (rc == 0) {
        rc = cli_deliver_write(fd, text);
    }

    if (rc == 0 && out->format != CLI_FORMAT_RAW) {
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
    char        date[CLI_DATE];
    cli_out_t  *out;

    out = data;

    cli_deliver_seen(ctl, new, out);

    if (out->path && out->cli->json) {
        cli_answer(out->cli, ctl_new_json(ctl, new));

    } else if (out->path) {
        cli_say("%s\n", new->id);
    }

    if (new->old && new->old_expires_at == 0) {
        ctl_note(ctl, CTL_NOTE_PLAIN, "%s stays valid and never expires: "
                 "revoke it when \"token rotation\" says so", new->old);

    } else if (new->old) {
        ctl_note(ctl, CTL_NOTE_PLAIN, "%s is valid until %s", new->old,
                 cli_date(new->old_expires_at, date));
    }
}


/* to a person who looks at it */

static void
cli_deliver_seen(ctl_t *ctl, const ctl_new_t *new, const cli_out_t *out)
{
    char  date[CLI_DATE];

    if (out->path || !isatty(STDOUT_FILENO)) {
        return;
    }

    if (out->format == CLI_FORMAT_RAW) {
        cli_say_to(stderr, "\n");
    }

    ctl_note(ctl, CTL_NOTE_NOTE, "the token is shown this once and never "
             "again; it %s%s",
             new->expires_at ? "expires at " : "never expires",
             new->expires_at ? cli_date(new->expires_at, date) : "");
}
