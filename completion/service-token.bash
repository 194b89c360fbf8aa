# bash completion for service-token: verbs, their options, and values that are
# known without asking Redis.

_service_token_options() {
    case $1 in
        init)                   echo --brand --approval ;;
        "approval set")         echo --trust ;;
        "user create")          echo --purpose --owner --role --use-case --human ;;
        "user describe")        echo --purpose --owner --wait ;;
        "user approve" | "user set-role" | "user disable" | "user enable" | \
        "user delete" | "user revoke-all" | "token revoke" | \
        "token restore" | "incident token" | "incident user")
                                echo --wait ;;
        "token create")         echo --user --name --env --expires-in \
                                    --scim-only --out --format ;;
        "token adopt")          echo --user --name --env --expires-in \
                                    --scim-only --allow-weak ;;
        "token list")           echo --user --status ;;
        "token rotate")         echo --overlap --name --expires-in --out \
                                    --format --wait ;;
        "token rotation")       echo --wait-until --timeout ;;
        "token extend")         echo --expires-in --wait ;;
        "token delete")         echo --force --wait ;;
        check)                  echo --role --scope --type ;;
        audit)                  echo --token --user --since --follow ;;
        "audit verify")         echo --expect ;;
        status)                 echo --format --expect ;;
        review | "review monthly" | "review quarterly")
                                echo --fail-on ;;
        seal)                   echo --first --yes --user --token --force \
                                    --dry-run --wait ;;
        fsck)                   echo --fix --wait ;;
        scan)                   echo --revoke --all --wait ;;
        import)                 echo --overwrite --restore-access --dry-run \
                                    --wait ;;
    esac
}

_service_token() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local globals="--redis --key-file --prefix --roles --actor --json --help"
    local flags=" --json --help --human --scim-only --follow --first --yes"
    local group= verb= i word words=

    flags+=" --force --dry-run --fix --revoke --all --overwrite"
    flags+=" --restore-access --allow-weak "
    COMPREPLY=()

    # the verb is what is neither an option nor an option's value

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}

        if [[ $word == --*=* || $flags == *" $word "* ]]; then
            continue
        elif [[ $word == --* ]]; then
            ((i++))
        elif [[ -z $group ]]; then
            group=$word
        elif [[ -z $verb ]]; then
            verb=$word
        fi
    done

    case $prev in
        --approval)     words="required none" ;;
        --use-case)     words="catalog-sync pipeline cli read-only-api bi platform" ;;
        --role)         words=${SERVICE_TOKEN_ROLES:-member manager admin} ;;
        --env)          words="production staging development testing" ;;
        --expires-in)   words="30d 90d 180d 365d never" ;;
        --format)       words="plain raw env json k8s-secret vault-json docker-config"
                        [[ $group == status ]] && words=prometheus ;;
        --status)       words="active revoked expired rotating" ;;
        --type)         words="service personal" ;;
        --wait-until)   words="safe" ;;
        --key-file | --out)
            COMPREPLY=($(compgen -f -- "$cur"))
            return ;;
        --*)
            [[ $flags == *" $prev "* ]] || return ;;
    esac

    if [[ -n $words ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
        return
    fi

    case $group in
        "")         words="init approval key user token check audit review"
                    words+=" incident status seal fsck scan export import" ;;
        approval)   words="show set" ;;
        key)        words="new" ;;
        user)       words="create list show approve set-role describe disable"
                    words+=" enable delete revoke-all" ;;
        token)      words="create adopt list show rotate rotation extend revoke"
                    words+=" restore delete" ;;
        audit)      words="verify" ;;
        review)     words="monthly quarterly" ;;
        incident)   words="token user" ;;
    esac

    if [[ $cur == -* ]]; then
        [[ " $words " == *" $verb "* ]] || verb=
        words="$globals $(_service_token_options "$group${verb:+ $verb}")"

    elif [[ $group == scan || $group == export || $group == import ]]; then
        COMPREPLY=($(compgen -f -- "$cur"))
        return

    elif [[ -n $verb ]]; then
        return
    fi

    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

complete -F _service_token service-token
