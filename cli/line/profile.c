/*
 * Profiles: options for every verb, from a file.
 *
 *     [staging]
 *     redis = rediss://redis.staging.example.com:6380
 *     key-file = /etc/service-token/staging.key
 *
 * The file is read as a whole: what is wrong anywhere in it is an error with
 * its line, whichever profile is used.  The section "default" is used where no
 * other one is named.  The environment overrides a profile, and options
 * override both.
 */


#include "args.h"
#include "guess.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define CLI_PROFILE_FILE  65536
#define CLI_PROFILE_KEYS  16
#define CLI_PROFILES      64


typedef struct {
    const char    *name;                         /* that is wanted */
    int            named;                        /* by an option or so */
    char           path[4096];
    char           text[CLI_PROFILE_FILE + 1];

    size_t         line;
    const char    *section;                      /* NULL: none yet */
    int            password;                     /* there is one */

    size_t         sections;
    const char    *known[CLI_PROFILES];
    size_t         keys;                         /* of this section */
    const char    *key[CLI_PROFILE_KEYS];
    size_t         n;                            /* of the wanted one */
    const char    *option[CLI_PROFILE_KEYS];
    const char    *value[CLI_PROFILE_KEYS];
    size_t         at[CLI_PROFILE_KEYS];         /* its line */
    char           home[4096];                   /* a path that began with ~ */

    char           wrong[512];                   /* "": nothing is */
} cli_profile_t;


static int cli_profile_path(cli_profile_t *p);
static int cli_profile_load(cli_profile_t *p, struct stat *st);
static int cli_profile_lines(cli_profile_t *p);
static int cli_profile_section(cli_profile_t *p, char *line);
static int cli_profile_key(cli_profile_t *p, char *line);
static const char *cli_profile_home(cli_profile_t *p, const char *path);
static int cli_profile_unknown(cli_profile_t *p, const char *key);
static int cli_profile_found(cli_profile_t *p);
static char *cli_profile_trim(char *text);
static int cli_profile_secret(const char *uri);


static cli_profile_t  cli_profile;


#define cli_profile_bad(p, ...)                                              \
    (snprintf((p)->wrong, sizeof((p)->wrong), __VA_ARGS__), -1)


void
cli_profile_read(cli_args_t *args)
{
    struct stat     st;
    cli_profile_t  *p;

    p = &cli_profile;
    memset(p, 0, sizeof(*p));

    p->name = cli_setting(args, "profile");
    p->named = p->name != NULL;
    p->name = p->named ? p->name : "default";

    if (cli_profile_path(p) != 0 || cli_profile_load(p, &st) != 0
        || cli_profile_lines(p) != 0)
    {
        p->n = 0;
        return;
    }

    if (p->password && (st.st_mode & 077)) {
        (void) cli_profile_bad(p, "%.200s has a password, and others may "
                               "read it: chmod 600 %.200s", p->path, p->path);

    } else if (p->sections || p->named) {
        (void) cli_profile_found(p);
    }
}


const char *
cli_profile_value(const char *option)
{
    size_t  i;

    for (i = 0; i < cli_profile.n; i++) {
        if (strcmp(cli_profile.option[i], option) == 0) {
            return cli_profile.value[i];
        }
    }

    return NULL;
}


int
cli_profile_check(cli_t *cli)
{
    return cli_profile.wrong[0]
           ? ctl_fail(&cli->ctl, CTL_INVALID, "%s", cli_profile.wrong)
           : CTL_OK;
}


int
cli_profile_blame(cli_t *cli, const char *value, int code)
{
    size_t  i;

    for (i = 0; i < cli_profile.n && code == CTL_INVALID; i++) {
        if (cli_profile.value[i] == value) {
            return ctl_fail(&cli->ctl, code, "%.256s:%zu: %s",
                            cli_profile.path, cli_profile.at[i],
                            cli->ctl.error.text);
        }
    }

    return code;
}


/* not 0: there is no place for it */

static int
cli_profile_path(cli_profile_t *p)
{
    int          n;
    const char  *config, *home;

    config = getenv("XDG_CONFIG_HOME");
    home = getenv("HOME");

    if (config && config[0] == '/') {
        n = snprintf(p->path, sizeof(p->path), "%s/service-token/config",
                     config);

    } else if (home && home[0] == '/') {
        n = snprintf(p->path, sizeof(p->path),
                     "%s/.config/service-token/config", home);

    } else {
        n = -1;
    }

    if (n > 0 && (size_t) n < sizeof(p->path)) {
        return 0;
    }

    return p->named ? cli_profile_bad(p, "no profile \"%.64s\": neither "
                                      "XDG_CONFIG_HOME nor HOME says where "
                                      "the file is", p->name)
                    : -1;
}


static int
cli_profile_load(cli_profile_t *p, struct stat *st)
{
    int      fd, err, hidden;
    size_t   len;
    ssize_t  n;

    fd = open(p->path, O_RDONLY|O_CLOEXEC|O_NONBLOCK|O_NOCTTY);

    /* the home of another user, as after su, has no profiles for this one */

    if (fd == -1) {
        err = errno;
        hidden = err == ENOENT || err == ENOTDIR
                 || (err == EACCES && stat(p->path, st) == -1);

        return p->named || !hidden
               ? cli_profile_bad(p, "cannot read the profiles in %.256s: %s",
                                 p->path, strerror(err))
               : -1;
    }

    len = 0;
    n = fstat(fd, st) == 0 && S_ISREG(st->st_mode) ? 1 : -1;

    while (n > 0 && len < CLI_PROFILE_FILE) {
        n = read(fd, p->text + len, CLI_PROFILE_FILE - len);
        len += n > 0 ? (size_t) n : 0;
    }

    close(fd);

    if (n == -1 || len == CLI_PROFILE_FILE || memchr(p->text, '\0', len)) {
        return cli_profile_bad(p, "%.256s is not a file of profiles",
                               p->path);
    }

    if (st->st_uid != geteuid() && st->st_uid != 0) {
        return cli_profile_bad(p, "%.256s belongs to another user", p->path);
    }

    return 0;
}


static int
cli_profile_lines(cli_profile_t *p)
{
    int   rc;
    char  *line, *end, *next;

    for (line = p->text, rc = 0; *line && rc == 0; line = next) {
        end = line + strcspn(line, "\n");
        next = end + (*end != '\0');
        *end = '\0';
        line = cli_profile_trim(line);
        p->line++;

        if (*line == '[') {
            rc = cli_profile_section(p, line);

        } else if (*line && *line != '#' && *line != ';') {
            rc = cli_profile_key(p, line);
        }
    }

    return rc;
}


static int
cli_profile_section(cli_profile_t *p, char *line)
{
    int     whole;
    size_t  i, len;

    len = strlen(line);
    whole = line[len - 1] == ']';
    line[len - 1] = '\0';
    line = cli_profile_trim(line + (len > 1));

    if (!whole || line[0] == '\0' || strpbrk(line, "[]") || strlen(line) > 64
        || p->sections == CLI_PROFILES)
    {
        return cli_profile_bad(p, "%.256s:%zu: that is not the name of a "
                               "profile, as in [staging]", p->path, p->line);
    }

    for (i = 0; i < p->sections; i++) {
        if (strcmp(p->known[i], line) == 0) {
            return cli_profile_bad(p, "%.256s:%zu: the profile \"%s\" is "
                                   "defined twice", p->path, p->line, line);
        }
    }

    p->known[p->sections++] = line;
    p->section = line;
    p->keys = 0;

    return 0;
}


/* the line is not repeated: it may have a password */

static int
cli_profile_key(cli_profile_t *p, char *line)
{
    char             *value;
    size_t            i;
    const cli_opt_t  *opt;

    value = strchr(line, '=');

    if (value == NULL || p->section == NULL) {
        return cli_profile_bad(p, "%.256s:%zu: %s", p->path, p->line,
                               value ? "is outside any [profile]"
                                     : "that is not NAME = VALUE");
    }

    *value++ = '\0';
    value = cli_profile_trim(value);
    line = cli_profile_trim(line);
    opt = cli_opt(cli_globals, line, strlen(line));

    if (opt == NULL || opt->env == NULL || strcmp(line, "profile") == 0) {
        return cli_profile_unknown(p, line);
    }

    for (i = 0; i < p->keys && strcmp(p->key[i], line) != 0; i++) {
        /* void */
    }

    if (i < p->keys || p->keys == CLI_PROFILE_KEYS || value[0] == '\0') {
        return cli_profile_bad(p, "%.256s:%zu: \"%s\" %s", p->path, p->line,
                               line, value[0] ? "is set twice"
                                              : "has no value");
    }

    p->key[p->keys++] = line;
    p->password |= strcmp(line, "redis") == 0 && cli_profile_secret(value);

    if (strcmp(p->section, p->name) == 0) {
        p->option[p->n] = line;
        p->at[p->n] = p->line;
        p->value[p->n++] = strcmp(line, "key-file") == 0
                           ? cli_profile_home(p, value) : value;
    }

    return 0;
}


/* no shell reads the file */

static const char *
cli_profile_home(cli_profile_t *p, const char *path)
{
    int          n;
    const char  *home;

    home = getenv("HOME");

    if (strncmp(path, "~/", 2) != 0 || home == NULL) {
        return path;
    }

    n = snprintf(p->home, sizeof(p->home), "%s%s", home, path + 1);

    return n > 0 && (size_t) n < sizeof(p->home) ? p->home : path;
}


static int
cli_profile_unknown(cli_profile_t *p, const char *key)
{
    char              text[128];
    cli_guess_t       guess;
    const cli_opt_t  *opt;

    cli_guess_init(&guess, key, strlen(key));

    for (opt = cli_globals; opt->name; opt++) {
        if (opt->env && strcmp(opt->name, "profile") != 0) {
            cli_guess_add(&guess, opt->name);
        }
    }

    return cli_profile_bad(p, "%.256s:%zu: unknown name \"%.32s\"%s", p->path,
                           p->line, key,
                           cli_guess_text(&guess, "", "\"", text,
                                          sizeof(text)));
}


/* "default" need not be there, unless it was asked for */

static int
cli_profile_found(cli_profile_t *p)
{
    char         text[256];
    size_t       i;
    cli_guess_t  guess;

    cli_guess_init(&guess, p->name, strlen(p->name));

    for (i = 0; i < p->sections; i++) {
        if (strcmp(p->known[i], p->name) == 0) {
            return 0;
        }

        cli_guess_add(&guess, p->known[i]);
    }

    return p->named
           ? cli_profile_bad(p, "no profile \"%.64s\" in %.256s%s", p->name,
                             p->path, cli_guess_text(&guess, "", "\"", text,
                                                     sizeof(text)))
           : 0;
}


static char *
cli_profile_trim(char *text)
{
    size_t  len;

    while (isspace((unsigned char) *text)) {
        text++;
    }

    len = strlen(text);

    while (len && isspace((unsigned char) text[len - 1])) {
        text[--len] = '\0';
    }

    return text;
}


/* user:password@ or :password@ before the host */

static int
cli_profile_secret(const char *uri)
{
    const char  *user, *at, *colon;

    user = strstr(uri, "://");
    user = user ? user + 3 : uri;
    at = strrchr(user, '@');
    colon = strchr(user, ':');

    return at && colon && colon < at;
}
