# Completion of bash for lshjoin, lshpack, lsheval and lshreport; installed under each of these names.
# The options are those that --help tells, asked for once a shell.

_lshjoin_words() {
    local cache="_lshjoin_words_of_${1##*/}"
    if [ -z "${!cache-}" ]; then
        # of a table's line what stands before two spaces, and what the usage begins with
        printf -v "$cache" '%s ' $("$1" --help 2>/dev/null |
            sed -nE 's/^ +(-.*)/\1/; T usage; s/  .*//; p; b; :usage; s/^(usage:|      ) *lsh[a-z]+ (--[a-z-]+).*/\2/p' |
            grep -oE -- '(^|[ ,])--?[a-zA-Z][a-z-]*' | tr -d ' ,' | sort -u)
    fi
    printf '%s' "${!cache-}"
}

# What may follow an option: words, or how compgen finds it.
_lshjoin_values() {
    case "$1" in
        --metric) echo '-W jaccard\ cosine\ l2\ ip\ weighted-jaccard\ containment' ;;
        --minhash) echo '-W auto\ classic\ fast' ;;
        --format) echo '-W h5\ tsv\ mhash' ;;
        --cluster-method) echo '-W components\ star' ;;
        --duplicates) echo '-W pairs\ groups' ;;
        --keep) echo '-W first\ longest -f' ;;
        --against | --deleted) echo '-f' ;;
        --save-index | --index) echo '-d' ;;
        --from) echo '-W lines\ jsonl\ ints\ mhash\ libsvm\ npy\ fvecs\ bvecs\ ivecs\ csv\ fasta\ fastq' ;;
        --checkpoint | --scratch) echo '-d' ;;
        -o | --output | --trace | --list | --info | --show | --drop | --json | --plot | --misses | --eval | --curve | --lshjoin) echo '-f' ;;
    esac
}

_lshjoin() {
    local program="$1" current="$2" before="$3" values
    values=$(_lshjoin_values "$before")
    COMPREPLY=()
    if [ -n "$values" ]; then
        eval "COMPREPLY=(\$(compgen $values -- \"\$current\"))"
    elif [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$(_lshjoin_words "$program")" -- "$current"))
    else
        COMPREPLY=($(compgen -f -- "$current"))
    fi
}

complete -o filenames -F _lshjoin lshjoin lshpack lsheval lshreport
