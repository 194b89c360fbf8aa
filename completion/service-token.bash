# bash completion for service-token.  The command knows itself what may follow.

_service_token() {
    local -a words=()
    local word cur rest

    # bash parts words at these characters, too: together again

    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        if ((${#words[@]})) && [[ $word == [@:]* || ${words[-1]} == *[@:] ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
    done

    cur=${words[-1]}
    rest=${cur##*[@:]}
    COMPREPLY=()

    while IFS=$'\t' read -r word _; do
        if [[ $word == :file ]]; then
            compopt -o filenames 2> /dev/null
            while IFS= read -r word; do
                COMPREPLY+=("$word")
            done < <(compgen -f -- "$cur")
        elif [[ $word == "$cur"* ]]; then
            COMPREPLY+=("${word:${#cur}-${#rest}}")
        else
            COMPREPLY+=("$word")
        fi
    done < <("${COMP_WORDS[0]}" complete -- "${words[@]}" 2> /dev/null)
}

complete -F _service_token service-token
