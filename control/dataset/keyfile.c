/*
 * A key file gets the line that names its dataset.
 *
 * The file is replaced whole: a copy with the line, beside it, of the same
 * owner and mode, is written, synced and renamed.  So it is the old one or the
 * new one, whenever this process dies, and nginx never reads a part.
 */


#define _GNU_SOURCE                              /* mkostemp */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


static int ctl_keyfile_text(int fd, const char *id,
    char text[STOK_KEY_FILE_MAX], size_t *len);
static int ctl_keyfile_write(int fd, const struct stat *st, const char *text,
    size_t len);
static void ctl_keyfile_sync(const char *path);


int
ctl_keyfile_begin(ctl_t *ctl, ctl_keyfile_t *file, const char *id)
{
    int          fd, to, rc, error;
    char         text[STOK_KEY_FILE_MAX];
    size_t       len;
    struct stat  st;

    to = -1;
    rc = -1;
    file->temp[0] = '\0';
    file->path = realpath(ctl->key_file, NULL);  /* not the link to it */

    fd = file->path ? open(file->path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd != -1 && fstat(fd, &st) == 0
        && ctl_keyfile_text(fd, id, text, &len) == 0
        && (size_t) snprintf(file->temp, sizeof(file->temp), "%s.XXXXXX",
                             file->path)
           < sizeof(file->temp))
    {
        to = mkostemp(file->temp, O_CLOEXEC);

        if (to == -1) {
            file->temp[0] = '\0';

        } else {
            rc = ctl_keyfile_write(to, &st, text, len);
        }
    }

    error = errno;
    OPENSSL_cleanse(text, sizeof(text));

    if (fd != -1) {
        close(fd);
    }

    if (to != -1 && close(to) != 0) {
        rc = -1;
    }

    if (rc == 0) {
        return CTL_OK;
    }

    ctl_keyfile_cancel(file);

    return ctl_fail(ctl, CTL_REJECTED, "key file \"%s\" cannot be written "
                    "(%s): add the line \"dataset %s\" to it, and run init "
                    "again", ctl->key_file, strerror(error), id);
}


int
ctl_keyfile_commit(ctl_t *ctl, ctl_keyfile_t *file, const char *id)
{
    if (rename(file->temp, file->path) != 0) {
        (void) ctl_fail(ctl, CTL_REJECTED, "key file \"%s\" cannot be "
                        "replaced (%s): add the line \"dataset %s\" to it",
                        ctl->key_file, strerror(errno), id);
        ctl_keyfile_cancel(file);
        return CTL_REJECTED;
    }

    file->temp[0] = '\0';
    ctl_keyfile_sync(file->path);
    ctl_keyfile_cancel(file);

    memcpy(ctl->keys.dataset, id, STOK_DATASET_LEN);
    ctl->keys.dataset_len = STOK_DATASET_LEN;

    return CTL_OK;
}


void
ctl_keyfile_cancel(ctl_keyfile_t *file)
{
    if (file->temp[0]) {
        unlink(file->temp);
        file->temp[0] = '\0';
    }

    free(file->path);
    file->path = NULL;
}


static int
ctl_keyfile_text(int fd, const char *id, char text[STOK_KEY_FILE_MAX],
    size_t *len)
{
    int      n;
    size_t   used;
    ssize_t  got;

    got = read(fd, text, STOK_KEY_FILE_MAX);

    if (got < 0) {
        return -1;
    }

    used = (size_t) got;
    n = snprintf(text + used, STOK_KEY_FILE_MAX - used, "%sdataset %s\n",
                 used && text[used - 1] != '\n' ? "\n" : "", id);

    if (n < 0 || (size_t) n >= STOK_KEY_FILE_MAX - used) {
        errno = EFBIG;
        return -1;
    }

    *len = used + (size_t) n;

    return 0;
}


static int
ctl_keyfile_write(int fd, const struct stat *st, const char *text, size_t len)
{
    ssize_t      n;
    struct stat  mine;

    if (fstat(fd, &mine) != 0) {
        return -1;
    }

    if ((mine.st_uid != st->st_uid || mine.st_gid != st->st_gid)
        && fchown(fd, st->st_uid, st->st_gid) != 0)
    {
        return -1;
    }

    if (fchmod(fd, st->st_mode & 0777) != 0) {
        return -1;
    }

    n = write(fd, text, len);

    if (n != (ssize_t) len) {
        errno = n < 0 ? errno : ENOSPC;
        return -1;
    }

    return fsync(fd);
}


/* the folder: else the old name may be back after a crash of the machine */

static void
ctl_keyfile_sync(const char *path)
{
    int    fd;
    char   folder[PATH_MAX];
    char  *slash;

    snprintf(folder, sizeof(folder), "%s", path);
    slash = strrchr(folder, '/');

    if (slash == NULL) {
        return;
    }

    slash[slash == folder] = '\0';

    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd != -1) {
        (void) fsync(fd);
        close(fd);
    }
}
