/*
 * The key file, and new keys for it.
 */


#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


int
ctl_keys_read(ctl_t *ctl, const char *path)
{
    int           fd, rc;
    char          text[STOK_KEY_FILE_MAX + 1];
    size_t        line;
    ssize_t       n;
    const char   *why;
    struct stat   st;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd == -1 || fstat(fd, &st) == -1) {
        rc = errno;
        if (fd != -1) {
            close(fd);
        }

        return ctl_fail(ctl, CTL_INVALID, "key file \"%s\": %s", path,
                        strerror(rc));
    }

    if (!S_ISREG(st.st_mode) || (st.st_mode & 0177)
        || (st.st_uid != 0 && st.st_uid != geteuid()))
    {
        close(fd);
        return ctl_fail(ctl, CTL_INVALID, "key file \"%s\" has to be a file "
                        "of yours or root's, of mode 0600 or stricter",
                        path);
    }

    n = read(fd, text, sizeof(text));
    close(fd);

    if (n < 0 || n > STOK_KEY_FILE_MAX) {
        return ctl_fail(ctl, CTL_INVALID, "key file \"%s\" cannot be read",
                        path);
    }

    rc = stok_keys_parse(&ctl->keys, text, (size_t) n, &line, &why);
    OPENSSL_cleanse(text, sizeof(text));

    if (rc != STOK_OK) {
        return ctl_fail(ctl, CTL_INVALID, "key file \"%s\", line %zu: %s",
                        path, line, why);
    }

    ctl->key_file = path;

    return CTL_OK;
}


int
ctl_keys_need(ctl_t *ctl)
{
    if (ctl->keys.n && ctl->keys.dataset_len == 0) {
        return ctl_fail(ctl, CTL_INVALID, "key file \"%s\" names no dataset: "
                        "run \"service-token --key-file %s init\"",
                        ctl->key_file, ctl->key_file);
    }

    return CTL_OK;
}


int
ctl_key_new(ctl_t *ctl, const char *name, char line[CTL_KEY_LINE])
{
    char        hex[STOK_DIGEST_HEX];
    uint8_t     secret[STOK_KEY_LEN];
    stok_key_t  key;

    memset(secret, 0, sizeof(secret));

    if (stok_key_init(&key, name, strlen(name), secret)
        != STOK_OK)
    {
        return ctl_fail(ctl, CTL_INVALID, "bad key name: 1 to %d of "
                        "A-Z a-z 0-9 . _ -", STOK_KEY_NAME_MAX);
    }

    if (RAND_bytes(secret, sizeof(secret)) != 1) {
        return ctl_fail(ctl, CTL_FAILED, "no random numbers");
    }

    stok_digest_hex(secret, hex);
    snprintf(line, CTL_KEY_LINE, "%s %.*s", name, STOK_DIGEST_HEX, hex);

    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_cleanse(hex, sizeof(hex));

    return CTL_OK;
}
