/*
 * scan: tokens in files, found by their checksum, without asking anybody.
 * With --revoke each that is known is revoked.
 *
 * Nothing of a token's secret part is printed, not even where it stands in
 * a file's name; nor are control characters, which a name may have.
 */


#include "tree.h"
#include "stok_digest.h"
#include "stok_scan.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define CLI_SCAN_BUFFER  (256 * 1024)


typedef struct {
    cli_t    *cli;
    int       revoke;
    json_t   *json;                              /* NULL: lines */
    json_t   *known;                             /* digest -> what was done */
    const char *label;                           /* of standard input */
    const char *commit;                          /* NULL: a file */
    size_t    left;                              /* of a blob */
    int       lfs;                               /* a file's place in LFS */
    size_t    found;
    size_t    files;
    int       unread;                            /* files that were not */
    int       code;                              /* of what went wrong */
    char     *buffer;
} cli_scan_t;


/* what is read of a file */
typedef struct {
    size_t    len;
    size_t    line;                              /* of its first byte */
    size_t    pos[2];                            /* plain, and base64 */
} cli_piece_t;


static int cli_scan_file(const char *path, int fd, void *data);
static int cli_scan_blob(const char *commit, const char *path, int fd,
    size_t size, void *data);
static int cli_scan_read(cli_scan_t *scan, const char *path, int fd);
static void cli_scan_unseen(cli_scan_t *scan, const cli_tree_t *tree);
static int cli_scan_step(cli_scan_t *scan);
static int cli_scan_stopped(cli_scan_t *scan);
static int cli_scan_piece(cli_scan_t *scan, const char *path,
    cli_piece_t *piece);
static int cli_scan_name(cli_scan_t *scan, const char *path);
static int cli_scan_found(cli_scan_t *scan, const char *path, size_t line,
    const stok_token_t *token, int coded);
static void cli_scan_bad(const char *path, int err, void *data);
static int cli_scan_done(cli_scan_t *scan);
static const char *cli_scan_shown(const char *path, char out[], size_t size);
static json_t *cli_scan_revoke(cli_scan_t *scan, const stok_token_t *token);


int
cli_scan(cli_t *cli, cli_args_t *args)
{
    int          i, code, history;
    cli_scan_t   scan;
    cli_tree_t   tree;

    memset(&scan, 0, sizeof(scan));
    memset(&tree, 0, sizeof(tree));
    history = cli_option(args, "history") != NULL;
    scan.left = SIZE_MAX;
    scan.cli = cli;
    scan.revoke = cli_option(args, "revoke") != NULL;
    scan.label = cli_option(args, "label");

    tree.ctl = &cli->ctl;
    tree.all = cli_option(args, "all") != NULL;
    tree.data = &scan;
    tree.file = cli_scan_file;
    tree.blob = cli_scan_blob;
    tree.bad = cli_scan_bad;

    if (scan.revoke) {
        code = cli_open(cli, 0);

        if (code == CTL_OK) {
            code = ctl_ready(&cli->ctl);
        }

        if (code != CTL_OK) {
            return code;
        }
    }

    scan.json = cli->json ? json_array() : NULL;
    scan.known = json_object();
    scan.buffer = malloc(CLI_SCAN_BUFFER);

    if (scan.known == NULL || scan.buffer == NULL) {
        code = ctl_fail(&cli->ctl, CTL_FAILED, "no memory");

    } else {
        code = CTL_OK;
        cli_progress_begin(cli);

        for (i = 0; i < args->n && code == CTL_OK; i++) {
            code = history ? cli_tree_history(&tree, args->arg[i])
                           : cli_tree(&tree, args->arg[i]);
        }

        cli_progress_end(cli);
        cli_scan_unseen(&scan, &tree);
    }

    if (code == CTL_OK) {
        code = cli_scan_done(&scan);
    }

    if (scan.buffer) {
        OPENSSL_cleanse(scan.buffer, CLI_SCAN_BUFFER);
        free(scan.buffer);
    }

    json_decref(scan.known);
    json_decref(scan.json);

    return code;
}


static int
cli_scan_file(const char *path, int fd, void *data)
{
    int          code;
    cli_scan_t  *scan;

    scan = data;
    path = scan->label && fd == STDIN_FILENO ? scan->label : path;
    code = cli_scan_step(scan);

    if (code == CTL_OK) {
        code = cli_scan_name(scan, path);
    }

    return code == CTL_OK ? cli_scan_read(scan, path, fd) : code;
}


static int
cli_scan_blob(const char *commit, const char *path, int fd, size_t size,
    void *data)
{
    int          code;
    cli_scan_t  *scan;

    scan = data;
    scan->commit = commit;
    scan->left = size;

    code = cli_scan_file(path, fd, scan);

    scan->commit = NULL;

    if (code == CTL_OK && scan->left) {
        code = ctl_fail(&scan->cli->ctl, CTL_REJECTED, "git ended before the "
                        "whole history was read");
    }

    scan->left = SIZE_MAX;

    return code;
}


static int
cli_scan_read(cli_scan_t *scan, const char *path, int fd)
{
    int           code;
    size_t        kept, size;
    ssize_t       n;
    cli_piece_t   piece;

    static const char  lfs[] = "version https://git-lfs.";

    code = CTL_OK;
    memset(&piece, 0, sizeof(piece));
    piece.line = 1;

    while (code == CTL_OK) {
        size = CLI_SCAN_BUFFER - piece.len;
        size = size < scan->left ? size : scan->left;
        n = read(fd, scan->buffer + piece.len, size);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == -1) {
            cli_scan_bad(path, errno, scan);
            break;
        }

        if (n == 0) {
            break;
        }

        if (scan->commit) {
            scan->left -= (size_t) n;
            scan->lfs |= n >= (ssize_t) sizeof(lfs)
                         && memcmp(scan->buffer, lfs, sizeof(lfs) - 1) == 0;
        }

        piece.len += (size_t) n;
        code = cli_scan_piece(scan, path, &piece);

        piece.pos[0] = stok_scan_keep(piece.len, piece.pos[0]);
        piece.pos[1] = stok_scan64_keep(piece.len, piece.pos[1]);

        kept = piece.pos[0] < piece.pos[1] ? piece.pos[0] : piece.pos[1];
        piece.line += stok_scan_lines(scan->buffer, kept);
        piece.pos[0] -= kept;
        piece.pos[1] -= kept;
        piece.len -= kept;
        memmove(scan->buffer, scan->buffer + kept, piece.len);
    }

    return code;
}


/* in the order in which they stand there, plain or in base64 */

static int
cli_scan_piece(cli_scan_t *scan, const char *path, cli_piece_t *piece)
{
    int             i, code, have[2];
    size_t          line, counted, at[2];
    stok_token_t    token;
    stok_scan64_t   coded;

    line = piece->line;
    counted = 0;
    code = CTL_OK;
    memset(have, 0, sizeof(have));
    memset(at, 0, sizeof(at));

    while (code == CTL_OK) {
        if (!have[0]) {
            have[0] = stok_scan_next(scan->buffer, piece->len, &piece->pos[0],
                                     &token) == STOK_OK;
            at[0] = piece->pos[0];
        }

        if (!have[1]) {
            have[1] = stok_scan64_next(scan->buffer, piece->len,
                                       &piece->pos[1], &coded) == STOK_OK;
            at[1] = coded.at;
        }

        if (!have[0] && !have[1]) {
            break;
        }

        code = cli_scan_stopped(scan);
        if (code != CTL_OK) {
            break;
        }

        i = !have[0] || (have[1] && at[1] < at[0]);

        line += stok_scan_lines(scan->buffer + counted, at[i] - counted);
        counted = at[i];
        have[i] = 0;

        code = cli_scan_found(scan, path, line, i ? &coded.token : &token, i);
    }

    OPENSSL_cleanse(&coded, sizeof(coded));

    return code;
}


static void
cli_scan_unseen(cli_scan_t *scan, const cli_tree_t *tree)
{
    ctl_t  *ctl;

    ctl = &scan->cli->ctl;

    if (tree->shallow) {
        ctl_note(ctl, CTL_NOTE_NOTE, "a shallow clone: what is before its "
                 "first commits was not searched; git fetch --unshallow gets "
                 "it");
    }

    if (tree->submodules) {
        ctl_note(ctl, CTL_NOTE_NOTE, "submodules were not searched: scan each "
                 "by its own path");
    }

    if (scan->lfs) {
        ctl_note(ctl, CTL_NOTE_NOTE, "files in Git LFS were not searched");
    }

    if (tree->missing) {
        scan->unread = 1;
        ctl_note(ctl, CTL_NOTE_WARNING, "%zu files of the history are missing "
                 "in this clone and were not searched", tree->missing);
    }
}


static int
cli_scan_step(cli_scan_t *scan)
{
    ctl_t  *ctl;

    ctl = &scan->cli->ctl;

    if (ctl->progress) {
        ctl->progress(ctl->progress_data, (int64_t) ++scan->files, 0);
    }

    return cli_scan_stopped(scan);
}


/* before a file, a part of it, and a token */

static int
cli_scan_stopped(cli_scan_t *scan)
{
    ctl_t  *ctl;

    ctl = &scan->cli->ctl;

    return !ctl->stop ? CTL_OK
           : ctl_fail(ctl, CTL_STOPPED, "stopped: %s", scan->revoke
                      ? "what was revoked stays so; run the same scan again "
                        "to finish it" : "not every file was read");
}


/* line 0: it is the name of the file itself */

static int
cli_scan_name(cli_scan_t *scan, const char *path)
{
    int            code;
    size_t         pos;
    const char    *name;
    stok_token_t   token;

    name = strrchr(path, '/');
    name = name ? name + 1 : path;
    pos = 0;

    while (stok_scan_next(name, strlen(name), &pos, &token) == STOK_OK) {
        code = cli_scan_found(scan, path, 0, &token, 0);
        if (code != CTL_OK) {
            return code;
        }
    }

    return CTL_OK;
}


static int
cli_scan_found(cli_scan_t *scan, const char *path, size_t line,
    const stok_token_t *token, int coded)
{
    int      rc;
    char     name[4096], public[STOK_BRAND_MAX + 16];
    json_t  *entry, *done;

    static const char  *kinds[] = { "", "svc", "pat", "scim" };

    scan->found++;
    done = NULL;

    snprintf(public, sizeof(public), "%.*s_%s_", (int) token->brand.len,
             token->brand.data, kinds[token->kind]);

    cli_scan_shown(path, name, sizeof(name));

    if (scan->revoke) {
        done = cli_scan_revoke(scan, token);
        if (done == NULL) {
            return ctl_fail(&scan->cli->ctl, CTL_FAILED, "no memory");
        }
    }

    if (scan->json) {
        entry = json_pack("{s:s, s:I, s:s, s:n, s:n, s:n}", "file", name,
                          "line", (json_int_t) line, "token", public,
                          "id", "user", "result");

        if (entry == NULL) {                     /* a name not of UTF-8 */
            entry = json_pack("{s:n, s:I, s:s, s:n, s:n, s:n}", "file", "line",
                              (json_int_t) line, "token", public, "id", "user",
                              "result");
        }

        json_object_set_new(entry, "commit", scan->commit
                            ? json_string(scan->commit) : json_null());
        json_object_set_new(entry, "encoding", coded ? json_string("base64")
                                                     : json_null());
        rc = entry == NULL || (done && json_object_update(entry, done) == -1)
             ? -1 : json_array_append(scan->json, entry);
        json_decref(entry);

        return rc == 0 ? CTL_OK
                       : ctl_fail(&scan->cli->ctl, CTL_FAILED, "no "
                                  "memory");
    }

    if (scan->commit) {
        cli_say("%.12s:", scan->commit);
    }

    cli_say("%s:%zu: %s\xe2\x80\xa6%s", name, line, public,
            coded ? " (base64)" : "");

    if (done) {
        if (json_object_get(done, "id")) {
            cli_say(" %s", json_string_value(json_object_get(done, "id")));
        }

        cli_say(" %s", json_string_value(json_object_get(done, "result")));
    }

    cli_say("\n");

    return cli_flush(scan->cli);
}


static void
cli_scan_bad(const char *path, int err, void *data)
{
    char         name[4096];
    cli_scan_t  *scan;

    scan = data;
    scan->unread = 1;

    (void) ctl_fail(&scan->cli->ctl, CTL_REJECTED, "%s: %s",
                    cli_scan_shown(path, name, sizeof(name)), strerror(err));
    ctl_note_error(&scan->cli->ctl);
}


/* first the failures, then what was found */

static int
cli_scan_done(cli_scan_t *scan)
{
    int  code;

    code = CTL_OK;

    if (scan->json) {
        code = cli_print_json(scan->cli, json_incref(scan->json));
    }

    if (code == CTL_OK) {
        code = cli_flush(scan->cli);
    }

    if (code != CTL_OK) {
        return code;
    }

    if (scan->code != CTL_OK) {
        return scan->code;
    }

    return scan->found ? CTL_FOUND : scan->unread ? CTL_REJECTED : CTL_OK;
}


/* a path without secrets and control characters; too long: cut */

static const char *
cli_scan_shown(const char *path, char out[], size_t size)
{
    size_t         i, n, len, pos;
    stok_token_t   token;
    const char    *secret;

    len = strlen(path);
    pos = 0;
    n = 0;
    i = 0;

    do {
        secret = stok_scan_next(path, len, &pos, &token) == STOK_OK
                 ? path + pos - STOK_TOKEN_SECRET - STOK_TOKEN_CHECK
                 : path + len;

        for ( /* void */ ; path + i < secret && n + 4 < size; i++) {
            out[n++] = path[i];

            if ((unsigned char) path[i] < ' ' || path[i] == 0x7f) {
                out[n - 1] = '?';
            }
        }

        if (secret < path + len && n + 4 < size) {
            memcpy(out + n, "\xe2\x80\xa6", 3);
            n += 3;
        }

        i = pos;

    } while (secret < path + len);

    out[n] = '\0';

    return out;
}


/*
 * Revokes it: each token once, however often it is found.  The answer is
 * borrowed; NULL: no memory.
 */

static json_t *
cli_scan_revoke(cli_scan_t *scan, const stok_token_t *token)
{
    int       code;
    char      hex[STOK_DIGEST_HEX + 1];
    json_t   *entry;
    uint8_t   digest[STOK_DIGEST_LEN];

    stok_digest(NULL, token->brand.data, stok_scan_len(token), digest);
    stok_digest_hex(digest, hex);
    hex[STOK_DIGEST_HEX] = '\0';

    entry = json_object_get(scan->known, hex);
    if (entry) {
        return entry;
    }

    entry = json_object();
    if (entry == NULL
        || json_object_set_new(scan->known, hex, entry) == -1
        || json_object_set_new(entry, "result", json_string("not revoked"))
           == -1)
    {
        return NULL;
    }

    if (scan->code == CTL_UNAVAILABLE) {
        return entry;
    }

    code = ctl_leak(&scan->cli->ctl, token->brand.data, stok_scan_len(token),
                    entry);

    if (code != CTL_OK) {
        ctl_note_error(&scan->cli->ctl);
        scan->code = code > scan->code ? code : scan->code;
    }

    return entry;
}
