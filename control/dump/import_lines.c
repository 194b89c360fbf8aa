/*
 * import: the lines of the file, in each of its two passes, and what may not
 * stand there twice.
 */


#include "import.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>


static void ctl_import_rewind(ctl_import_t *im);
static ssize_t ctl_import_read(ctl_import_t *im);
static size_t ctl_import_block(ctl_import_t *im);
static int ctl_import_line(ctl_t *ctl, ctl_import_t *im, ctl_line_t *line);
static int ctl_import_order(ctl_import_t *im, ctl_line_t *line);
static int ctl_import_twice(ctl_t *ctl, ctl_import_t *im, ctl_line_t *line);
static int ctl_import_find(ctl_t *ctl, ctl_import_t *im,
    const ctl_record_t *rec);
static int ctl_import_end(ctl_import_t *im, ctl_line_t *line);


int
ctl_import_pass(ctl_t *ctl, ctl_import_t *im, int write)
{
    int          code;
    ssize_t      n;
    ctl_line_t   line;

    ctl_import_rewind(im);
    im->write = write;
    im->lines_users = 0;
    im->lines_tokens = 0;
    im->ended = 0;
    code = CTL_OK;

    while (code == CTL_OK && (n = ctl_import_read(im)) >= 0) {
        code = ctl_step(ctl, im->done, im->size);

        if (code != CTL_OK) {
            return code;
        }

        code = ctl_line_parse(ctl, &line, im->buffer, (size_t) n);

        if (code == CTL_OK) {
            code = ctl_import_line(ctl, im, &line);
        }

        if (code != CTL_OK && line.why[0]) {
            code = ctl_fail(ctl, code, "line %zu: %s", im->line, line.why);
        }

        ctl_line_free(&line);
    }

    if (code == CTL_OK && n == -2) {
        return ctl_fail(ctl, CTL_REJECTED, "line %zu: it is longer than %d "
                        "bytes", im->line, CTL_LINE_MAX);
    }

    if (code == CTL_OK && im->error) {
        return ctl_fail(ctl, CTL_REJECTED, "cannot read the file: %s",
                        strerror(im->error));
    }

    if (code == CTL_OK && !im->ended) {
        return ctl_fail(ctl, CTL_REJECTED, "line %zu: the file ends too "
                        "early: there is no end line", im->line + 1);
    }

    return code == CTL_OK ? ctl_batch_flush(ctl, im) : code;
}


static void
ctl_import_rewind(ctl_import_t *im)
{
    if (lseek(im->fd, 0, SEEK_SET) == -1) {
        im->error = errno;
    }

    im->line = 0;
    im->at = 0;
    im->end = 0;
}


/* its length without the line feed; -1: end of file; -2: too long */

static ssize_t
ctl_import_read(ctl_import_t *im)
{
    size_t       n, len;
    const char  *p, *end;

    n = 0;

    for ( ;; ) {
        if (im->at == im->end && ctl_import_block(im) == 0) {
            im->line += n != 0;
            return n ? (ssize_t) n : -1;
        }

        p = im->block + im->at;
        end = memchr(p, '\n', im->end - im->at);
        len = end ? (size_t) (end - p) : im->end - im->at;

        if (n + len > CTL_LINE_MAX) {
            im->line++;
            return -2;
        }

        memcpy(im->buffer + n, p, len);
        n += len;
        im->at += len;

        if (end) {
            im->at++;
            im->line++;
            return (ssize_t) n;
        }
    }
}


static size_t
ctl_import_block(ctl_import_t *im)
{
    ssize_t  n;

    do {
        n = im->error ? 0 : read(im->fd, im->block, sizeof(im->block));
    } while (n == -1 && errno == EINTR);

    if (n == -1) {
        im->error = errno;
        n = 0;
    }

    im->at = 0;
    im->end = (size_t) n;
    im->done += n;

    /* once only: it is in the audit's entries that the second pass makes */

    if (im->digest[0] == '\0') {
        (void) EVP_DigestUpdate(im->md, im->block, im->end);
    }

    return im->end;
}


static int
ctl_import_line(ctl_t *ctl, ctl_import_t *im, ctl_line_t *line)
{
    int  code;

    code = ctl_import_order(im, line);

    if (code != CTL_OK) {
        return code;
    }

    if (line->kind == CTL_LINE_META || line->kind == CTL_LINE_END) {
        return CTL_OK;
    }

    if (!im->write) {
        code = ctl_import_twice(ctl, im, line);

        if (code != CTL_OK) {
            return code;
        }
    }

    return ctl_batch_add(ctl, im, line);
}


static int
ctl_import_order(ctl_import_t *im, ctl_line_t *line)
{
    if (im->ended) {
        snprintf(line->why, sizeof(line->why), "it comes after the end");
        return CTL_REJECTED;
    }

    if ((im->line == 1) != (line->kind == CTL_LINE_META)) {
        snprintf(line->why, sizeof(line->why), "%s", im->line == 1
                 ? "it is not an export: the first line is not meta"
                 : "meta is the first line, and no other");
        return CTL_REJECTED;
    }

    switch (line->kind) {

    case CTL_LINE_META:
        snprintf(im->brand, sizeof(im->brand), "%s",
                 json_string_value(json_object_get(line->object, "brand")));
        im->approval = json_object_get(line->object, "approval")
                       && strcmp(json_string_value(
                                  json_object_get(line->object, "approval")),
                                 "required") == 0;
        break;

    case CTL_LINE_USER:
        im->lines_users++;
        break;

    case CTL_LINE_TOKEN:
        im->lines_tokens++;
        break;

    default:
        return ctl_import_end(im, line);
    }

    return CTL_OK;
}


/* a second record of an id, a digest, or a name of a user's token */

static int
ctl_import_twice(ctl_t *ctl, ctl_import_t *im, ctl_line_t *line)
{
    int          rc;
    char         name[STOK_USER_ID_MAX + 1 + STOK_NAME_BYTES];
    size_t       len;
    const char  *what;

    if (line->kind == CTL_LINE_USER) {
        what = "a user of this id";
        rc = ctl_set_add(&im->users, line->id.data, line->id.len);

    } else {
        what = "a token of this id";
        rc = ctl_set_add(&im->ids, line->id.data, line->id.len);

        if (rc == 1) {
            what = "a token of this digest";
            rc = ctl_set_add(&im->digests, line->digest, STOK_DIGEST_LEN);
        }

        if (rc == 1) {
            len = line->token.user.len;
            memcpy(name, line->token.user.data, len);
            name[len++] = '\n';
            memcpy(name + len, line->token.name.data, line->token.name.len);
            len += line->token.name.len;

            what = "a token of this name and user";
            rc = ctl_set_add(&im->names, name, len);
        }
    }

    if (rc == -1) {
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    if (rc == 0) {
        snprintf(line->why, sizeof(line->why), "%s is there already", what);
        return CTL_REJECTED;
    }

    im->seals |= (line->kind == CTL_LINE_USER ? line->user.seal.len
                                              : line->token.seal.len) != 0;

    return CTL_OK;
}


/* a token that is here and not in the file keeps its name for itself */

int
ctl_import_name(ctl_t *ctl, const char *id, ctl_record_t *rec, void *data)
{
    char           name[STOK_USER_ID_MAX + 1 + STOK_NAME_BYTES + 1];
    int            code, len;
    ctl_import_t  *im;

    im = data;

    len = snprintf(name, sizeof(name), "%s\n%s", ctl_get(rec, "user"),
                   ctl_get(rec, "name"));

    if (len >= (int) sizeof(name)
        || ctl_set_has(&im->ids, id, strlen(id))
        || !ctl_set_has(&im->names, name, (size_t) len))
    {
        return CTL_OK;
    }

    code = ctl_import_find(ctl, im, rec);

    return code != CTL_OK ? code
           : ctl_fail(ctl, CTL_REJECTED, "line %zu: its user has a token of "
                      "this name already: \"%s\", which is here and not in "
                      "the file", im->line, id);
}


/* im->line: where the token of this user and name stands */

static int
ctl_import_find(ctl_t *ctl, ctl_import_t *im, const ctl_record_t *rec)
{
    int          code, found;
    ssize_t      n;
    ctl_line_t   line;

    ctl_import_rewind(im);
    code = CTL_OK;
    found = 0;

    while (code == CTL_OK && !found && (n = ctl_import_read(im)) >= 0) {
        code = ctl_line_parse(ctl, &line, im->buffer, (size_t) n);

        found = code == CTL_OK && line.kind == CTL_LINE_TOKEN
                && ctl_str_is(line.token.user, ctl_get(rec, "user"))
                && ctl_str_is(line.token.name, ctl_get(rec, "name"));

        ctl_line_free(&line);
    }

    return code == CTL_OK && !found
           ? ctl_fail(ctl, CTL_CHANGED, "the file changes while it is read")
           : code;
}


static int
ctl_import_end(ctl_import_t *im, ctl_line_t *line)
{
    json_t  *users, *tokens;

    users = json_object_get(line->object, "users");
    tokens = json_object_get(line->object, "tokens");

    if (!json_is_integer(users) || !json_is_integer(tokens)
        || json_integer_value(users) != (json_int_t) im->lines_users
        || json_integer_value(tokens) != (json_int_t) im->lines_tokens)
    {
        snprintf(line->why, sizeof(line->why), "it does not count %zu users "
                 "and %zu tokens: lines are missing",
                 im->lines_users, im->lines_tokens);
        return CTL_REJECTED;
    }

    im->ended = 1;

    return CTL_OK;
}
