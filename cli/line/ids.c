/*
 * Ids of users and tokens, as completion wants them: at once.
 *
 * Redis is asked once in some seconds, for so many ids, and does not get long
 * to answer.  Its answer is kept in a file of the user's cache folder, which
 * nobody else may read: ids and names, no digest.
 */


#include "ids.h"

#include "stok_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


#define CLI_IDS_MAX      2000
#define CLI_IDS_SECONDS  10
#define CLI_IDS_TIMEOUT  "500ms"
#define CLI_IDS_FOLDER   "/service-token"


typedef struct {
    FILE    *out;
    int      users;
    size_t   n;
} cli_ids_file_t;


static int cli_ids_path(cli_t *cli, const cli_ids_t *ids, char *path,
    size_t size);
static void cli_ids_fetch(cli_t *cli, const cli_ids_t *ids,
    const char *path);
static int cli_ids_add(ctl_t *ctl, json_t *item, void *data);
static void cli_ids_print(const cli_ids_t *ids, FILE *in);


void
cli_ids(cli_t *cli, const cli_ids_t *ids)
{
    char          path[4096];
    FILE         *in;
    struct stat   st;

    if (cli_ids_path(cli, ids, path, sizeof(path)) != CTL_OK) {
        return;
    }

    if (stat(path, &st) != 0 || time(NULL) - st.st_mtime >= CLI_IDS_SECONDS
        || st.st_mtime > time(NULL))
    {
        cli_ids_fetch(cli, ids, path);
    }

    in = fopen(path, "re");

    if (in) {
        cli_ids_print(ids, in);
        fclose(in);
    }
}


/* a file for each dataset; of an address without its password */

static int
cli_ids_path(cli_t *cli, const cli_ids_t *ids, char *path, size_t size)
{
    int          n;
    char         of[1024], hex[STOK_DIGEST_HEX];
    uint8_t      digest[STOK_DIGEST_LEN];
    const char  *home, *cache, *address;

    cache = getenv("XDG_CACHE_HOME");
    home = getenv("HOME");

    if (cache && cache[0] == '/') {
        n = snprintf(path, size, "%s", cache);

    } else if (home && home[0] == '/') {
        n = snprintf(path, size, "%s/.cache", home);

    } else {
        return CTL_NOTFOUND;
    }

    if (n < 0 || (size_t) n + sizeof(CLI_IDS_FOLDER) + 32 > size) {
        return CTL_NOTFOUND;
    }

    /* a new account has no cache yet */

    (void) mkdir(path, 0700);

    strcpy(path + n, CLI_IDS_FOLDER);
    n += (int) sizeof(CLI_IDS_FOLDER) - 1;

    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return CTL_NOTFOUND;
    }

    address = strrchr(cli->redis, '@');
    address = address ? address : cli->redis;

    snprintf(of, sizeof(of), "%s %s", address, cli->ctl.prefix);
    stok_digest(NULL, of, strlen(of), digest);
    stok_digest_hex(digest, hex);

    snprintf(path + n, size - (size_t) n, "/%s-%.16s",
             ids->users ? "users" : "tokens", hex);

    return CTL_OK;
}


/* none at all: nobody asks again for some seconds, either */

static void
cli_ids_fetch(cli_t *cli, const cli_ids_t *ids, const char *path)
{
    int               fd;
    char              temp[4096 + 8];
    cli_ids_file_t    file;
    ctl_list_want_t   want;

    snprintf(temp, sizeof(temp), "%s.XXXXXX", path);
    fd = mkstemp(temp);                          /* 0600 */

    if (fd == -1) {
        return;
    }

    file.out = fdopen(fd, "w");
    file.users = ids->users;
    file.n = 0;

    if (file.out == NULL) {
        close(fd);
        unlink(temp);
        return;
    }

    memset(&want, 0, sizeof(want));
    cli->key_file = NULL;
    cli->timeout = CLI_IDS_TIMEOUT;

    if (cli_open(cli, 0) == CTL_OK) {
        (void) (ids->users
                ? ctl_user_list(&cli->ctl, &want, cli_ids_add, &file)
                : ctl_token_list(&cli->ctl, &want, cli_ids_add, &file));
    }

    if (fclose(file.out) != 0 || rename(temp, path) != 0) {
        unlink(temp);
    }
}


static int
cli_ids_add(ctl_t *ctl, json_t *item, void *data)
{
    cli_ids_file_t  *file;

    (void) ctl;
    file = data;

    if (file->users) {
        cli_say_to(file->out, "%s\t%s\n", ctl_text(item, "id"),
                   ctl_text(item, "role"));

    } else {
        cli_say_to(file->out, "%s\t%s of %s\n", ctl_text(item, "id"),
                   ctl_text(item, "name"), ctl_text(item, "user"));
    }

    return ++file->n < CLI_IDS_MAX ? CTL_OK : CTL_FOUND;
}


static void
cli_ids_print(const cli_ids_t *ids, FILE *in)
{
    char    line[2048];
    char   *name;
    size_t  len;

    len = strlen(ids->word);

    while (fgets(line, sizeof(line), in)) {
        line[strcspn(line, "\n")] = '\0';
        name = strchr(line, '\t');

        if (name == NULL) {
            continue;
        }

        *name++ = '\0';

        if (strncmp(line, ids->word, len) == 0
            || (!ids->users && len && strncmp(name, ids->word, len) == 0))
        {
            cli_say("%.*s%s\t%s\n",
                    ids->before[0] ? (int) (ids->word - ids->before) : 0,
                    ids->before, line, name);
        }
    }
}
