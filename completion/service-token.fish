# fish completion for service-token.  The command knows itself what may follow.

function __service_token_complete
    set -l words (commandline -opc) (commandline -ct)

    for line in (service-token complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = :file
            __fish_complete_path (commandline -ct)
        else
            printf '%s\n' "$line"
        end
    end
end

complete -c service-token -f -a '(__service_token_complete)'
