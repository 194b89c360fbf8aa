/*
 * Records of an import to Redis: some hundred in a call of the script, a
 * few calls under way.
 *
 * The batch is the last call of the ring.  Its arguments are copied into one
 * piece of memory, since their lines are gone when it is sent.
 */


#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int ctl_batch_arg(ctl_import_t *im, const char *data, size_t len);
static int ctl_batch_text(ctl_import_t *im, stok_str_t text);
static int ctl_batch_date(ctl_import_t *im, const ctl_line_t *line,
    const char *name);
static int ctl_batch_number(ctl_import_t *im, size_t n);
static int ctl_batch_fields(ctl_import_t *im, ctl_shape_t *shape,
    const stok_str_t *list, size_t n);
static int ctl_batch_same(const ctl_import_t *im, const ctl_shape_t *shape,
    const stok_str_t *list, size_t n);
static int ctl_batch_user(ctl_import_t *im, const ctl_line_t *line);
static int ctl_batch_token(ctl_import_t *im, const ctl_line_t *line);
static int ctl_batch_alone(ctl_t *ctl, ctl_import_t *im,
    const ctl_line_t *line);
static int ctl_batch_send(ctl_t *ctl, ctl_import_t *im);
static int ctl_batch_answer(ctl_t *ctl, ctl_import_t *im);
static int ctl_batch_letter(ctl_t *ctl, ctl_import_t *im, char letter,
    size_t line);
static const char *ctl_batch_why(char letter);


int
ctl_batch_load(ctl_t *ctl, ctl_import_t *im)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_TEXT, &reply, "SCRIPT LOAD %s",
                       stok_script_import);
    if (code != CTL_OK) {
        return code;
    }

    snprintf(im->sha, sizeof(im->sha), "%s", reply->str ? reply->str : "");
    freeReplyObject(reply);

    return CTL_OK;
}


int
ctl_batch_add(ctl_t *ctl, ctl_import_t *im, const ctl_line_t *line)
{
    int          rc;
    ctl_call_t  *call;

    if (im->empty && !im->write) {
        return ctl_batch_alone(ctl, im, line);
    }

    call = &im->call[(im->first + im->flying) % (CTL_BATCH_FLIGHT + 1)];

    if (im->argc == 0) {
        call->n = 0;
        memset(im->shape, 0, sizeof(im->shape));
    }

    call->line[call->n++] = im->line;

    rc = line->kind == CTL_LINE_USER ? ctl_batch_user(im, line)
                                     : ctl_batch_token(im, line);

    if (rc != 0) {
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    if (call->n < CTL_BATCH_RECORDS && im->text_len < CTL_LINE_MAX) {
        return CTL_OK;
    }

    return ctl_batch_send(ctl, im);
}


/* where nothing is, nothing can differ: the judgement of the script */

static int
ctl_batch_alone(ctl_t *ctl, ctl_import_t *im, const ctl_line_t *line)
{
    char  id[STOK_RECORD_ID_MAX + 1];

    if (line->kind == CTL_LINE_USER) {
        return ctl_batch_letter(ctl, im, 'N', im->line);
    }

    memcpy(id, line->id.data, line->id.len);
    id[line->id.len] = '\0';

    if (line->token.status == STOK_TOKEN_ACTIVE
        && !im->restore && json_object_get(im->gone, id))
    {
        return ctl_batch_letter(ctl, im, 'B', im->line);
    }

    if (ctl_set_has(&im->users, line->token.user.data, line->token.user.len)) {
        return ctl_batch_letter(ctl, im, 'N', im->line);
    }

    return ctl_batch_letter(ctl, im, 'U', im->line);
}


int
ctl_batch_flush(ctl_t *ctl, ctl_import_t *im)
{
    int  code;

    code = im->argc ? ctl_batch_send(ctl, im) : CTL_OK;

    while (code == CTL_OK && im->flying) {
        code = ctl_batch_answer(ctl, im);
    }

    return code;
}


void
ctl_batch_free(ctl_import_t *im)
{
    free(im->text);
    free(im->len);
}


static int
ctl_batch_user(ctl_import_t *im, const ctl_line_t *line)
{
    int  rc;

    rc = ctl_batch_arg(im, "u", 1);
    rc |= ctl_batch_text(im, line->id);
    rc |= ctl_batch_text(im, line->user.role);
    rc |= ctl_batch_text(im, stok_user_status_name(line->user.status));
    rc |= ctl_batch_date(im, line, "created_at");
    rc |= ctl_batch_fields(im, &im->shape[CTL_SHAPE_USER], line->field,
                           line->n);

    return rc;
}


static int
ctl_batch_token(ctl_import_t *im, const ctl_line_t *line)
{
    int   rc, active;
    char  id[STOK_RECORD_ID_MAX + 1], flags[3], *p;

    memcpy(id, line->id.data, line->id.len);
    id[line->id.len] = '\0';

    active = line->token.status == STOK_TOKEN_ACTIVE;
    p = flags;

    if (ctl_set_has(&im->users, line->token.user.data, line->token.user.len)) {
        *p++ = 'f';
    }

    if (active && json_object_get(im->gone, id)) {
        *p++ = 'b';
    }

    rc = ctl_batch_arg(im, "t", 1);
    rc |= ctl_batch_arg(im, line->hex, STOK_DIGEST_HEX);
    rc |= ctl_batch_arg(im, line->id.data, line->id.len);
    rc |= ctl_batch_arg(im, flags, (size_t) (p - flags));
    rc |= ctl_batch_text(im, line->token.user);
    rc |= ctl_batch_text(im, stok_token_status_name(line->token.status));
    rc |= ctl_batch_date(im, line, "created_at");
    rc |= ctl_batch_date(im, line, "expires_at");
    rc |= ctl_batch_text(im, line->last_used);
    rc |= ctl_batch_fields(im, &im->shape[CTL_SHAPE_TOKEN], line->field,
                           line->n);
    rc |= ctl_batch_fields(im, &im->shape[CTL_SHAPE_USAGE], line->usage,
                           line->usages);

    return rc;
}


/* names and values in turn: the names once, where they stay the same */

static int
ctl_batch_fields(ctl_import_t *im, ctl_shape_t *shape,
    const stok_str_t *list, size_t n)
{
    int     rc;
    size_t  i;

    if (ctl_batch_same(im, shape, list, n)) {
        rc = ctl_batch_arg(im, "=", 1);

    } else {
        rc = ctl_batch_number(im, n / 2);

        shape->n = n;
        shape->argc = im->argc;
        shape->text = im->text_len;

        for (i = 0; i < n; i += 2) {
            rc |= ctl_batch_text(im, list[i]);
        }
    }

    for (i = 1; i < n; i += 2) {
        rc |= ctl_batch_text(im, list[i]);
    }

    return rc;
}


static int
ctl_batch_same(const ctl_import_t *im, const ctl_shape_t *shape,
    const stok_str_t *list, size_t n)
{
    size_t       i;
    stok_str_t   name;

    if (n == 0 || shape->n != n) {
        return 0;
    }

    name.data = im->text + shape->text;

    for (i = 0; i < n; i += 2) {
        name.len = im->len[(size_t) shape->argc + i / 2];

        if (!ctl_str_same(name, list[i])) {
            return 0;
        }

        name.data += name.len;
    }

    return 1;
}


static int
ctl_batch_text(ctl_import_t *im, stok_str_t text)
{
    return ctl_batch_arg(im, text.data, text.len);
}


/* "0" if it is missing or empty */

static int
ctl_batch_date(ctl_import_t *im, const ctl_line_t *line, const char *name)
{
    size_t  i;

    for (i = 0; i < line->n; i += 2) {
        if (ctl_str_is(line->field[i], name) && line->field[i + 1].len) {
            return ctl_batch_text(im, line->field[i + 1]);
        }
    }

    return ctl_batch_arg(im, "0", 1);
}


static int
ctl_batch_number(ctl_import_t *im, size_t n)
{
    int   len;
    char  text[24];

    len = snprintf(text, sizeof(text), "%zu", n);

    return ctl_batch_arg(im, text, (size_t) len);
}


static int
ctl_batch_arg(ctl_import_t *im, const char *data, size_t len)
{
    void    *more;
    size_t   size;

    if (im->argc == im->argc_size) {
        size = im->argc_size ? (size_t) im->argc_size * 2
                             : CTL_BATCH_RECORDS * CTL_BATCH_ARGS;
        more = realloc(im->len, size * sizeof(size_t));

        if (more == NULL) {
            return -1;
        }

        im->len = more;
        im->argc_size = (int) size;
    }

    if (im->text_size - im->text_len < len) {
        size = (im->text_size + len) * 2;
        more = realloc(im->text, size);

        if (more == NULL) {
            return -1;
        }

        im->text = more;
        im->text_size = size;
    }

    if (len) {
        memcpy(im->text + im->text_len, data, len);
    }

    im->text_len += len;
    im->len[im->argc++] = len;

    return 0;
}


static int
ctl_batch_send(ctl_t *ctl, ctl_import_t *im)
{
    int           i, rc, code, fixed;
    char          marker[STOK_PREFIX_MAX + 8], who[CTL_WHO];
    size_t       *len;
    const char   *p, **arg;

    const char   *head[] = {
        "EVALSHA", im->sha, "1", marker, ctl->prefix, who,
        im->write ? "write" : "check",
        im->overwrite ? im->restore ? "overwrite restore" : "overwrite"
                      : im->restore ? "restore" : "",
        im->digest, ctl->role_names
    };

    snprintf(marker, sizeof(marker), "%smeta", ctl->prefix);
    ctl_who(ctl, who);

    fixed = (int) (sizeof(head) / sizeof(head[0]));
    arg = calloc((size_t) fixed + (size_t) im->argc, sizeof(char *));
    len = calloc((size_t) fixed + (size_t) im->argc, sizeof(size_t));
    rc = REDIS_ERR;

    if (arg && len) {
        for (i = 0; i < fixed; i++) {
            arg[i] = head[i];
            len[i] = strlen(head[i]);
        }

        for (i = 0, p = im->text; i < im->argc; p += im->len[i], i++) {
            arg[fixed + i] = p;
            len[fixed + i] = im->len[i];
        }

        ctl_append_argv(ctl, fixed + im->argc, arg, len);
        rc = REDIS_OK;
    }

    free(arg);
    free(len);

    if (rc != REDIS_OK) {
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    im->argc = 0;
    im->text_len = 0;
    im->flying++;

    /* Redis works on it while the next lines are read */

    code = ctl_send(ctl);
    if (code != CTL_OK) {
        return code;
    }

    return im->flying == CTL_BATCH_FLIGHT ? ctl_batch_answer(ctl, im)
                                          : CTL_OK;
}


static int
ctl_batch_answer(ctl_t *ctl, ctl_import_t *im)
{
    int           code;
    size_t        i;
    ctl_call_t   *call;
    redisReply   *reply;
    const char   *word, *letters;

    code = ctl_reply(ctl, CTL_IS_ANSWER, &reply);
    if (code != CTL_OK) {
        return code;
    }

    call = &im->call[im->first];
    im->first = (im->first + 1) % (CTL_BATCH_FLIGHT + 1);
    im->flying--;

    word = reply->element[0]->str;
    letters = reply->elements == 2 && ctl_is_text(reply->element[1])
              ? reply->element[1]->str : "";

    if (strcmp(word, "REFUSED") == 0) {
        code = ctl_fail(ctl, CTL_STATE, "%s", letters);

    } else if (strcmp(word, "OK") != 0 || strlen(letters) != call->n) {
        code = ctl_fail(ctl, CTL_UNAVAILABLE, "Redis gave an unexpected "
                        "answer");

    } else {
        for (i = 0; i < call->n && code == CTL_OK; i++) {
            code = ctl_batch_letter(ctl, im, letters[i], call->line[i]);
        }
    }

    freeReplyObject(reply);

    return code;
}


/* before anything is written the first is the end of it */

static int
ctl_batch_letter(ctl_t *ctl, ctl_import_t *im, char letter, size_t line)
{
    switch (letter) {

    case 'N':
        im->count.new++;
        return CTL_OK;

    case 'S':
        im->count.same++;
        return CTL_OK;

    case 'O':
        im->count.overwritten++;
        return CTL_OK;

    case 'R':
    case 'B':
        if (im->overwrite) {
            im->count.kept++;

            if (im->write || im->dry) {
                ctl_note(ctl, CTL_NOTE_PLAIN, "line %zu: it stays as it is "
                         "here", line);
            }

            return CTL_OK;
        }

        break;

    default:
        break;
    }

    (void) ctl_fail(ctl, CTL_REJECTED, "line %zu: %s", line,
                    ctl_batch_why(letter));

    if (im->write) {
        ctl_note_error(ctl);
        im->count.refused++;
        return CTL_OK;
    }

    return CTL_REJECTED;
}


static const char *
ctl_batch_why(char letter)
{
    switch (letter) {

    case 'D':
        return "the record that is there differs: --overwrite replaces it";

    case 'I':
        return "another record has its id or its digest";

    case 'R':
        return "the record here allows less (it was revoked or disabled, has "
               "expired or ends sooner, has a lower role or is bound to "
               "something else): --overwrite skips it, --overwrite "
               "--restore-access replaces it";

    case 'B':
        return "it was revoked and deleted here, and is not made active again: "
               "--overwrite skips it, --restore-access does so";

    case 'A':
        return "it would be an active user, and users need an approval here: "
               "--restore-access does so";

    case 'U':
        return "its user is neither in the file, before it, nor here";

    default:
        return "a key of the dataset has the wrong type";
    }
}
