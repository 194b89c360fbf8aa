#compdef service-token

# zsh completion for service-token.  The command knows itself what may follow.

_service-token() {
    local -a items
    local line word text files=

    for line in "${(@f)$(service-token complete -- \
        "${(@Q)words[2,CURRENT]}" 2> /dev/null)}"
    do
        word=${line%%$'\t'*}
        text=${line#*$'\t'}

        if [[ $word == :file ]]; then
            files=1
        elif [[ -n $word ]]; then
            items+=("${word//:/\\:}${${text:#$word}:+:$text}")
        fi
    done

    (($#items)) && _describe -V service-token items
    [[ -n $files ]] && _files
}

if [[ $funcstack[1] == _service-token ]]; then
    _service-token "$@"
else
    compdef _service-token service-token
fi
