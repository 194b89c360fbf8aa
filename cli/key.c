/*
 * The key file, and new keys for it.
 */


#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


int
cli_keys_read(cli_t *cli)
{
    int           fd, rc;
    char          text[STOK_KEY_FILE_MAX + 1];
    size_t        line;
    ssize_t       n;
    const char   *why;
    struct stat   st;

    if (cli->key_file == NULL) {
        return CLI_OK;
    }

    fd = open(cli->key_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd == -1 || fstat(fd, &st) == -1) {
        rc = errno;
        if (fd != -1) {
            close(fd);
        }

        return cli_fail(CLI_USAGE, "key file \"%s\": %s", cli->key_file,
                        strerror(rc));
    }

    if (!S_ISREG(st.st_mode) || (st.st_mode & 0177)
        || (st.st_uid != 0 && st.st_uid != geteuid()))
    {
        close(fd);
        return cli_fail(CLI_USAGE, "key file \"%s\" has to be a file of "
                        "yours or root's, of mode 0600 or stricter",
                        cli->key_file);
    }

    n = read(fd, text, sizeof(text));
    close(fd);

    if (n < 0 || n > STOK_KEY_FILE_MAX) {
        return cli_fail(CLI_USAGE, "key file \"%s\" cannot be read",
                        cli->key_file);
    }

    rc = stok_keys_parse(&cli->keys, text, (size_t) n, &line, &why);
    OPENSSL_cleanse(text, sizeof(text));

    if (rc != STOK_OK) {
        return cli_fail(CLI_USAGE, "key file \"%s\", line %zu: %s",
                        cli->key_file, line, why);
    }

    if (cli->keys.dataset_len == 0) {
        return cli_fail(CLI_USAGE, "key file \"%s\" names no dataset",
                        cli->key_file);
    }

    return CLI_OK;
}


int
cli_key_dataset(cli_t *cli, char id[STOK_DATASET_LEN + 1])
{
    char     hex[STOK_DIGEST_HEX];
    uint8_t  bytes[STOK_DIGEST_LEN];

    id[STOK_DATASET_LEN] = '\0';

    if (cli->keys.dataset_len) {
        memcpy(id, cli->keys.dataset, STOK_DATASET_LEN);
        return CLI_OK;
    }

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return cli_fail(CLI_UNAVAILABLE, "no random numbers");
    }

    stok_digest_hex(bytes, hex);
    memcpy(id, hex, STOK_DATASET_LEN);

    return CLI_OK;
}


int
cli_key_new(cli_t *cli, cli_args_t *args)
{
    char        hex[STOK_DIGEST_HEX];
    uint8_t     secret[STOK_KEY_LEN];
    stok_key_t  key;

    (void) cli;

    memset(secret, 0, sizeof(secret));

    if (stok_key_init(&key, args->arg[0], strlen(args->arg[0]), secret)
        != STOK_OK)
    {
        return cli_fail(CLI_USAGE, "bad key name: 1 to %d of "
                        "A-Z a-z 0-9 . _ -", STOK_KEY_NAME_MAX);
    }

    if (RAND_bytes(secret, sizeof(secret)) != 1) {
        return cli_fail(CLI_UNAVAILABLE, "no random numbers");
    }

    stok_digest_hex(secret, hex);
    printf("%s %.*s\n", args->arg[0], STOK_DIGEST_HEX, hex);

    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_cleanse(hex, sizeof(hex));

    return CLI_OK;
}
