/*
 * The scripts of scripts/, each behind common.lua; made by
 * util/embed-scripts.
 */


#ifndef CTL_SCRIPTS_H
#define CTL_SCRIPTS_H


extern const char  stok_script_init[];
extern const char  stok_script_seal_first[];
extern const char  stok_script_approval[];
extern const char  stok_script_user_create[];
extern const char  stok_script_user_approve[];
extern const char  stok_script_user_raise[];
extern const char  stok_script_token_create[];
extern const char  stok_script_token_delete[];
extern const char  stok_script_user_revoke_all[];
extern const char  stok_script_change[];
extern const char  stok_script_import[];
extern const char  stok_script_fsck[];
extern const char  stok_script_review[];


#endif /* CTL_SCRIPTS_H */
