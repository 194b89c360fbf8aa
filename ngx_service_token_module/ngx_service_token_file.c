/*
 * A small file that holds a secret, read once while nginx reads its
 * configuration.
 */


#include "ngx_service_token.h"


static ngx_int_t ngx_service_token_file_check(ngx_conf_t *cf, ngx_fd_t fd,
    ngx_str_t *path, size_t max, ngx_uint_t strict, size_t *size);


/*
 * path: made absolute, against the folder of nginx.conf.  strict: a file that
 * others than its owner may read, or whose owner is another user than root and
 * the one that runs nginx, is refused, else the mode is warned about.  *text
 * is in cf->pool; the caller wipes it.  NGX_ERROR was logged, with the line.
 */

ngx_int_t
ngx_service_token_file_read(ngx_conf_t *cf, ngx_str_t *path, size_t max,
    ngx_uint_t strict, ngx_str_t *text)
{
    size_t     size;
    ssize_t    n;
    ngx_fd_t   fd;
    ngx_int_t  rc;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    rc = ngx_service_token_file_check(cf, fd, path, max, strict, &size);

    if (rc == NGX_OK) {
        text->data = ngx_pnalloc(cf->pool, size + 1);
        n = text->data ? ngx_read_fd(fd, text->data, size) : -1;

        if (n != (ssize_t) size) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               ngx_read_fd_n " \"%V\" failed", path);
            rc = NGX_ERROR;
        }

        text->len = size;
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", path);
    }

    return rc;
}


static ngx_int_t
ngx_service_token_file_check(ngx_conf_t *cf, ngx_fd_t fd, ngx_str_t *path,
    size_t max, ngx_uint_t strict, size_t *size)
{
    ngx_uint_t       mode;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a regular file", path);
        return NGX_ERROR;
    }

    if (ngx_file_size(&fi) > (off_t) max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is larger than %uz bytes", path, max);
        return NGX_ERROR;
    }

    /* its owner may change it at any time: as ssh sees it */

    if (strict && fi.st_uid != 0 && fi.st_uid != geteuid()) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" belongs to user %ui, and should belong to "
                           "root or to user %ui",
                           path, (ngx_uint_t) fi.st_uid,
                           (ngx_uint_t) geteuid());
        return NGX_ERROR;
    }

    mode = ngx_file_access(&fi);

    if (mode & 0177) {
        ngx_conf_log_error(strict ? NGX_LOG_EMERG : NGX_LOG_WARN, cf, 0,
                           "\"%V\" has mode 0%ui%ui%ui, "
                           "and should be 0600 or stricter",
                           path, mode >> 6, (mode >> 3) & 7, mode & 7);

        if (strict) {
            return NGX_ERROR;
        }
    }

    *size = ngx_file_size(&fi);

    return NGX_OK;
}
