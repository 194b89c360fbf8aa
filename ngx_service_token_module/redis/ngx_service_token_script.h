/*
 * scripts/nginx/, each behind scripts/common.lua, and the SHA-1 of each, by
 * which EVALSHA names it; made by util/embed-scripts.  All have one key, the
 * dataset's marker, and the prefix as first argument.
 */


#ifndef NGX_SERVICE_TOKEN_SCRIPT_H
#define NGX_SERVICE_TOKEN_SCRIPT_H


extern const char  ngx_service_token_script_tick[];
extern const char  ngx_service_token_script_tick_sha1[];
extern const char  ngx_service_token_script_ack[];
extern const char  ngx_service_token_script_ack_sha1[];
extern const char  ngx_service_token_script_touch[];
extern const char  ngx_service_token_script_touch_sha1[];


#endif /* NGX_SERVICE_TOKEN_SCRIPT_H */
