#!/bin/sh
# Publishes every catalogue of a folder, as often as you like: what has not changed is not published again.
#
#   publish-folder.sh FOLDER            each NAME.csv or NAME.jsonl, with its NAME.toml as mapping if there is one
#
# Once a night, from cron, with a node that runs (or without: then the records leave when it next does):
#
#   15 3 * * *  MUTUNODE_HOME=/srv/mutunode /usr/local/bin/publish-folder.sh /srv/catalogues
#
# Prints one line a catalogue. Exit code: 0 all taken · 1 some rows or files were refused (the lines say which,
# on stderr) · 2 wrong use · 8 the node is read-only or its disk is full: nothing more was tried.
set -u

MUTUNODE=${MUTUNODE:-mutunode}
folder=${1:-}
if [ $# -ne 1 ] || [ ! -d "$folder" ]; then
    echo "usage: $0 FOLDER" >&2
    exit 2
fi

# A number of the JSON answer, whatever else the answer holds.
number() {
    sed -n "s/.*\"$1\": *\([0-9][0-9]*\).*/\1/p" "$answer" | head -n 1
}

answer=$(mktemp) || exit 1
trap 'rm -f "$answer"' EXIT
trap 'exit 130' INT TERM

result=0
for catalogue in "$folder"/*.csv "$folder"/*.jsonl; do
    [ -f "$catalogue" ] || continue # no file matches the pattern
    set -- import "$catalogue" --json
    mapping=${catalogue%.*}.toml
    [ -f "$mapping" ] && set -- "$@" --mapping "$mapping"

    "$MUTUNODE" "$@" >"$answer"
    code=$?
    case $code in
    0)
        echo "$(basename "$catalogue"): $(number created) new, $(number revised) revised," \
            "$(number unchanged) unchanged, $(number refused) refused"
        [ "$(number refused)" = 0 ] || result=1
        ;;
    8)
        echo "$(basename "$catalogue"): the node cannot write now, see: $MUTUNODE doctor" >&2
        exit 8
        ;;
    *)
        echo "$(basename "$catalogue"): not published (exit code $code)" >&2
        result=1
        ;;
    esac
done
exit $result
