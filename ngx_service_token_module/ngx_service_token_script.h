/*
 * scripts/nginx/, each behind scripts/common.lua; made by util/embed-scripts.
 * All have one key, the dataset's marker, and the prefix as first argument.
 */


#ifndef NGX_SERVICE_TOKEN_SCRIPT_H
#define NGX_SERVICE_TOKEN_SCRIPT_H


extern const char  ngx_service_token_script_tick[];
extern const char  ngx_service_token_script_ack[];
extern const char  ngx_service_token_script_touch[];


#endif /* NGX_SERVICE_TOKEN_SCRIPT_H */
