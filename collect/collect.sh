#!/bin/sh
# diffy's collector, as SSM runs it on a host: it asks osquery the queries of one
# bundle, one by one, uploads the answers and removes every trace of itself.
#
# In: the parameters of the SSM document. Out: one line on stdout that holds a
# digest and counts, or why there is none; the rows go to S3 as snapshot log lines.
# It never prints a row, a URL or a form, never has a secret among the arguments of
# a process, installs nothing and writes only to one private directory.
set +x
set -fu
umask 077

# Agents since 3.3.2746 set SSM_<name>; older ones replace the text in braces, and
# no allowedPattern has a character that could end a quote.
if [ -z "${SSM_Run+x}" ]; then SSM_Run='{{ Run }}'; fi
if [ -z "${SSM_Batch+x}" ]; then SSM_Batch='{{ Batch }}'; fi
if [ -z "${SSM_Attempt+x}" ]; then SSM_Attempt='{{ Attempt }}'; fi
if [ -z "${SSM_Pack+x}" ]; then SSM_Pack='{{ Pack }}'; fi
if [ -z "${SSM_PackVersion+x}" ]; then SSM_PackVersion='{{ PackVersion }}'; fi
if [ -z "${SSM_Osquery+x}" ]; then SSM_Osquery='{{ Osquery }}'; fi
if [ -z "${SSM_QuerySeconds+x}" ]; then SSM_QuerySeconds='{{ QuerySeconds }}'; fi
if [ -z "${SSM_TotalSeconds+x}" ]; then SSM_TotalSeconds='{{ TotalSeconds }}'; fi
if [ -z "${SSM_TotalBytes+x}" ]; then SSM_TotalBytes='{{ TotalBytes }}'; fi
if [ -z "${SSM_Upload+x}" ]; then SSM_Upload='{{ Upload }}'; fi
if [ -z "${SSM_Download+x}" ]; then SSM_Download='{{ Download }}'; fi

# The secrets become variables of this shell: nothing that it starts inherits them.
upload=$SSM_Upload
download=$SSM_Download
unset SSM_Upload SSM_Download LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT BASH_ENV ENV CDPATH OSQUERY_WORKER

# Tests put a tree of their own in place of /. Only who controls the agent's
# environment can set this; the document cannot.
root=${DIFFY_TEST_ROOT-}
PATH=$root/usr/sbin:$root/usr/bin:$root/sbin:$root/bin
LC_ALL=C
export PATH LC_ALL
cd / || exit 1

DIR='' child=''

# fail REASON: ends the collection; the reason is all that SSM gets to see.
fail() {
    printf 'diffy/1 failed=%s\n' "$1"
    exit 1
}

# cleanup: stops what runs and removes the directory. Closing 9 ends the janitor.
cleanup() {
    trap '' TERM INT HUP
    [ -z "$child" ] || kill -KILL "-$child" || kill -KILL "$child"
    exec 9>&-
    wait
    [ -z "$DIR" ] || rm -rf -- "$DIR"
} 2>/dev/null

# ours PID: notes a process as our own, "<pid>:<start time>" as osquery prints it:
# boot time plus the start in ticks, in whole seconds.
ours() {
    while read -r key boot _; do
        [ "$key" != btime ] || break
    done </proc/stat
    read -r stat <"/proc/$1/stat" || return 0
    # shellcheck disable=SC2086 # split into fields, after the name in parentheses
    set -- "$1" ${stat##*) }
    printf ' %s:%s' "$1" "$((boot + ${21} / ticks))" >>"$DIR/ours"
} 2>/dev/null

# limited FUNCTION…: runs a function that becomes timeout, which makes a process group
# of its own. In the background, so that a signal is answered at once. Before that it
# tells the janitor what to kill should we be gone: told by us, it might be too late.
limited() {
    {
        read -r self _ </proc/self/stat
        echo "$self" >&9
        exec 9>&-
        "$@"
    } </dev/null &
    child=$!
    ours "$child"
    wait "$child" 2>/dev/null
    status=$?
    child=''
    echo 0 >&9
    return "$status"
}

# left SECONDS: prints how many of them there are before the deadline.
left() {
    rest=$((deadline - $(date +%s)))
    [ "$rest" -gt 0 ] || return 1
    [ "$rest" -lt "$1" ] || rest=$1
    echo "$rest"
}

# digest FILE: prints its sha256 in hex.
digest() {
    sha256sum <"$1" | cut -d ' ' -f 1
}

# value NAME LINES: prints the value of the line "NAME=value".
value() {
    printf '%s\n' "$2" | sed -n "s/^$1=//p"
}

# by_curl, by_wget, by_python3 OUT [BODY]: one GET, or one POST of a multipart body,
# to the URL in $DIR/url, in $seconds. Redirects are not followed.
by_curl() {
    [ -z "$2" ] || set -- "$1" "$2" -H Expect: -H "Content-Type: multipart/form-data; boundary=$boundary" --data-binary "@$2"
    out=$1
    shift 2
    exec timeout -s KILL "$seconds" curl -q -s -f -K "$DIR/url" -o "$out" --connect-timeout 10 -w '%{http_code}' "$@" >"$DIR/code"
}
by_wget() {
    [ -z "$2" ] || set -- "$1" "$2" --header="Content-Type: multipart/form-data; boundary=$boundary" --post-file="$2"
    out=$1
    shift 2
    exec timeout -s KILL "$seconds" wget --no-config --no-hsts -q -i "$DIR/url" -O "$out" --tries=1 --timeout=20 --max-redirect=0 "$@"
}
by_python3() {
    exec timeout -s KILL "$seconds" python3 -I -c '
import errno, shutil, sys, urllib.error, urllib.request
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None
url, out, body, boundary = sys.argv[1:]
request = urllib.request.Request(open(url).read().strip())
if body:
    request.data = open(body, "rb").read()
    request.add_header("Content-Type", "multipart/form-data; boundary=" + boundary)
try:
    with urllib.request.build_opener(Stay).open(request, timeout=20) as answer, open(out, "wb") as file:
        shutil.copyfileobj(answer, file)
except urllib.error.HTTPError:
    sys.exit(22)
except OSError as e:
    sys.exit(23 if e.errno == errno.ENOSPC else 7)
except Exception:
    sys.exit(7)
' "$DIR/url" "$1" "$2" "$boundary"
}

# transfer SECONDS WHAT URL OUT [BODY]: tries twice; why says what went wrong.
transfer() {
    case $3 in
    *[!A-Za-z0-9:/?\&=%._~+,\;@-]*) why="$2 has no usable URL" && return 1 ;;
    https://* | http://127.0.0.1:*) ;; # plain HTTP never leaves the machine
    *) why="$2 has no usable URL" && return 1 ;;
    esac
    case $tool in curl) printf 'url = "%s"\n' "$3" ;; *) printf '%s\n' "$3" ;; esac >"$DIR/url"
    for pause in 1 0; do
        seconds=$(left "$1") || { why='time is up' && return 1; }
        echo 200 >"$DIR/code"
        limited "by_$tool" "$4" "${5-}" 2>/dev/null
        case $tool:$?:$(cat "$DIR/code") in
        *:0:2??) return 0 ;;
        *:0:* | curl:22:* | python3:22:* | wget:8:*) why="S3 refused $2" ;;
        curl:23:* | python3:23:* | wget:3:*) why='disk full' && return 1 ;;
        *) why='cannot reach S3' ;;
        esac
        sleep "$pause"
    done
    return 1
}

# choose_dir: makes the private directory where there is room and programs may run.
choose_dir() {
    why='no exec dir'
    for base in run var/lib root var/tmp tmp; do
        DIR=$(mktemp -d "$root/$base/diffy.XXXXXXXXXX" 2>/dev/null) || continue
        room=$(df -Pk "$DIR" | awk 'NR == 2 { print $4 }')
        printf '#!/bin/sh\n' >"$DIR/probe" && chmod 700 "$DIR/probe"
        if ! "$DIR/probe"; then
            :
        elif [ "${room:-0}" -lt 262144 ]; then # KiB: osquery packed and unpacked, and the log
            why='disk full'
        else
            rm -f "$DIR/probe"
            return
        fi
        rm -rf -- "$DIR"
        DIR=''
    done 2>/dev/null
    fail "$why"
}

# watch_over: the agent ends a command that takes too long with SIGKILL to the
# process group, and no trap sees that. So a janitor in a session of its own waits
# for the end of file 9, which only this shell holds open, and cleans up. Until
# then it reads the number of the child that runs, 0 for none.
watch_over() {
    mkfifo "$DIR/alive" || fail 'disk full'
    exec 9<>"$DIR/alive"
    echo 0 >&9
    # shellcheck disable=SC2016 # the janitor's own $0
    set -- sh -c 'while read -r p; do q=$p; done; [ "$q" = 0 ] || kill -KILL "-$q"; rm -rf -- "$0"' "$DIR"
    if command -v setsid >/dev/null; then set -- setsid "$@"; fi
    "$@" <"$DIR/alive" >/dev/null 2>&1 9>&- &
    ours "$!"
    ours "$$"
    case $(tr '\0' ' ' <"/proc/$PPID/cmdline") in
    *'sh -c '*/_script.sh*) ours "$PPID" ;; # the agent's shell around this one
    esac
}

ask_version() {
    exec timeout -s KILL 10 "$DIR/osqueryi" --flagfile=/dev/null --version >"$DIR/out" 2>/dev/null
}

# works: takes the version of $DIR/osqueryi; fails when it does not run here.
works() {
    limited ask_version || return 1
    version=$(awk 'NR == 1 { print $NF }' "$DIR/out" | tr -cd 'A-Za-z0-9._+-' | cut -c 1-32)
    [ -n "$version" ]
}

# pinned_osquery: fetches the release that was chosen for this architecture.
pinned_osquery() {
    arch=$(uname -m)
    why="no pinned osquery for $arch"
    case $arch in x86_64 | aarch64) ;; *) return 1 ;; esac
    wanted=$(value "osquery_${arch}_sha256" "$gets")
    [ -n "$wanted" ] || return 1
    transfer 120 osquery "$(value "osquery_$arch" "$gets")" "$DIR/tgz" || return 1
    [ "$(digest "$DIR/tgz")" = "$wanted" ] || fail 'osquery digest mismatch'
    why='cannot unpack osquery'
    mkdir "$DIR/tree" &&
        tar -tzf "$DIR/tgz" | grep -E '^(\./)?(osqueryi|opt/osquery/bin/osqueryd|opt/osquery/share/osquery/lenses/.+)$' >"$DIR/members" &&
        tar -xzf "$DIR/tgz" -C "$DIR/tree" -T "$DIR/members" || return 1
    mv "$DIR/tree/opt/osquery/bin/osqueryd" "$DIR/osqueryi" || mv "$DIR/tree/osqueryi" "$DIR/osqueryi" || return 1
    mv "$DIR/tree/opt/osquery/share/osquery/lenses" "$DIR/lenses"
    rm -rf "$DIR/tgz" "$DIR/tree"
    why='pinned osquery does not run'
    works && from=pinned
} 2>/dev/null

# host_osquery: takes a copy of the host's own, so that it runs under a path that is
# known to be ours, and under the name that makes the daemon a shell.
host_osquery() {
    for own in opt/osquery/bin/osqueryd usr/bin/osqueryi usr/local/bin/osqueryi; do
        [ -f "$root/$own" ] && cp -- "$root/$own" "$DIR/osqueryi" && works && from=host && return
    done 2>/dev/null
    return 1
}

# osquery SQL: runs osqueryi for $seconds. It must not read the host's own flags, configuration
# and extensions. In want of memory the kernel takes it before anything of the host.
osquery() {
    echo 1000 >/proc/self/oom_score_adj
    ulimit -f "$((most / 512 + 1))" # in blocks of 512 bytes
    # shellcheck disable=SC3045 # every sh has it; 2 GiB, in KiB
    ulimit -v 2097152
    lenses=''
    [ ! -d "$DIR/lenses" ] || lenses=--augeas_lenses=$DIR/lenses
    exec timeout -s KILL "$seconds" "$DIR/osqueryi" --flagfile=/dev/null --config_path="$DIR/config" ${lenses:+"$lenses"} \
        --disable_extensions --disable_database --disable_events --json "$1" >"$DIR/out" 2>"$DIR/err"
} 2>/dev/null

# rows: prints how many rows $DIR/out has; fails when it is not osqueryi's JSON, a
# list of flat objects, each on one line. What is in the strings does not matter.
rows() {
    awk '
        {
            gsub(/\\./, ""); gsub(/"[^"]*"/, "s"); gsub(/[ \t\r]/, "")
            count += gsub(/[{](s:[-+.0-9A-Za-z]+,?)*[}],?/, "")
            rest = rest $0
            if (length(rest) > 2) exit
        }
        END { if (rest != "[]") exit 1; print count + 0 }' "$DIR/out"
}

# head_of NAME [TIME]: prints how a log line begins.
head_of() {
    printf '{"name":"%s","hostIdentifier":"%s","unixTime":%s,' "$1" "$host" "${2-$(date +%s)}"
}

# record_error NAME TEXT: a query that failed. At most 1,000 bytes of printable ASCII.
record_error() {
    text=$(printf '%s' "$2" | head -c 1000 | tr -c '\040-\176' ' ' | sed 's/[\\"]/\\&/g')
    printf '%s"action":"snapshot","numerics":false,"error":"%s"}\n' "$(head_of "$1")" "$text" >>"$DIR/log" || fail 'disk full'
    errors=$((errors + 1))
}

# record_rows NAME: a query that answered.
record_rows() {
    {
        printf '%s"action":"snapshot","numerics":false,"snapshot":' "$(head_of "$1")" &&
            tr -d '\n' <"$DIR/out" && echo '}'
    } >>"$DIR/log" || fail 'disk full'
    total=$((total + count))
    logged=$((logged + size))
} 2>/dev/null

# query NAME SQL: runs one query and records what came of it.
query() {
    seconds=$(left "$SSM_QuerySeconds") || { record_error "$1" 'time is up' && return; }
    due=$(($(date +%s) + seconds))
    limited osquery "$2"
    status=$?
    size=$(($(wc -c <"$DIR/out")))
    if [ "$size" -gt "$most" ]; then
        record_error "$1" "output larger than $most bytes"
    elif [ "$status" -eq 137 ] && [ "$(date +%s)" -ge "$due" ]; then
        record_error "$1" "not done after $seconds s"
    elif [ "$status" -ne 0 ]; then
        record_error "$1" "osqueryi ended with $status: $(head -c 1000 "$DIR/err" | tr -d '\0')"
    elif [ "$((logged + size))" -gt "$SSM_TotalBytes" ]; then
        record_error "$1" "left out: $size bytes more than $logged, the limit is $SSM_TotalBytes"
    elif count=$(rows); then
        record_rows "$1"
    else
        record_error "$1" 'osqueryi printed no JSON list of rows'
    fi
}

# ask_all: the bundle, a line "name<TAB>SQL" each.
ask_all() {
    tab=$(printf '\t')
    while IFS=$tab read -r name sql || [ -n "$name" ]; do
        case $name in '' | *[!A-Za-z0-9_]*) fail 'malformed bundle' ;; esac
        names=$names${names:+,}$name
        queries=$((queries + 1))
        query "$name" "$sql"
    done <"$DIR/bundle"
}

# snapshot: prints the log. Its first line comes last: only now all of ours is known.
snapshot() {
    printf '%s"columns":{"format":"1","pack":"%s","pack_version":"%s","queries":"%s","osquery_version":"%s","collector":"%s%s"}}\n' \
        "$(head_of diffy_begin "$began")" "$SSM_Pack" "$SSM_PackVersion" "$names" "$version" "$DIR" "$(cat "$DIR/ours")"
    cat "$DIR/log"
    printf '%s"columns":{"queries":"%s","errors":"%s"}}\n' "$(head_of diffy_end)" "$queries" "$errors"
}

# form KEY: prints the multipart body: the key, the fields of the form, the file.
form() {
    printf 'field.key=%s\n%s\n' "$1" "$sheet" | sed -n 's/^field\.//p' |
        while IFS= read -r field; do
            printf -- '--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' "$boundary" "${field%%=*}" "${field#*=}"
        done
    printf -- '--%s\r\nContent-Disposition: form-data; name="file"; filename="snapshot"\r\nContent-Type: application/gzip\r\n\r\n' "$boundary"
    cat "$DIR/snapshot.gz"
    printf '\r\n--%s--\r\n' "$boundary"
}

trap cleanup EXIT
trap 'fail stopped' TERM INT HUP

case $SSM_QuerySeconds.$SSM_TotalSeconds.$SSM_TotalBytes in *[!0-9.]* | .* | *..* | *.) fail 'bad parameters' ;; esac
began=$(date +%s)
deadline=$((began + SSM_TotalSeconds))
ticks=$(getconf CLK_TCK 2>/dev/null || echo 100)
host=${AWS_SSM_INSTANCE_ID-}
# Without the agent's variable the board says it, where the hypervisor is Nitro.
[ -n "$host" ] || read -r host 2>/dev/null <"$root/sys/devices/virtual/dmi/id/board_asset_tag"
case $host in *[!a-z0-9-]*) fail 'no instance id' ;; i-* | mi-*) ;; *) fail 'no instance id' ;; esac

# Low priority, but not the lowest: a miner at full load must not starve the queries.
renice -n 10 -p "$$" >/dev/null 2>&1
ionice -c 2 -n 7 -p "$$" >/dev/null 2>&1

for tool in curl wget python3 ''; do
    # busybox has a wget that takes URLs only as arguments.
    case $tool in wget) wget --version ;; ?*) command -v "$tool" ;; esac >/dev/null 2>&1 && break
done
[ -n "$tool" ] || fail 'no uploader'
for needed in awk base64 cut date df gzip head mkfifo mktemp sed sha256sum sleep tar timeout tr wc; do
    command -v "$needed" >/dev/null || fail "no $needed"
done

choose_dir
watch_over
HOME=$DIR TMPDIR=$DIR # osqueryi makes a folder in one of them
export HOME TMPDIR
echo '{}' >"$DIR/config"
boundary=none
sheet=$(printf %s "$upload" | base64 -d) || fail 'bad parameters'
gets=$(printf %s "$download" | base64 -d) || fail 'bad parameters'
prefix=$(value prefix "$sheet")
case $prefix in */"$SSM_Run/$SSM_Batch/$SSM_Attempt"/) ;; *) fail 'upload form of another run' ;; esac

transfer 30 'the bundle' "$(value bundle "$gets")" "$DIR/bundle" || fail "$why"
[ "$(digest "$DIR/bundle")" = "$(value bundle_sha256 "$gets")" ] || fail 'bundle digest mismatch'
case $SSM_Osquery in
pinned) pinned_osquery || fail "$why" ;;
auto) pinned_osquery || host_osquery || fail 'no osqueryi' ;;
*) host_osquery || fail 'no osqueryi' ;;
esac

names='' queries=0 errors=0 total=0 logged=0
most=$((SSM_TotalBytes / 4)) # bytes of one query, so that none takes it all
: >"$DIR/log" || fail 'disk full'
ask_all

snapshot | gzip -c >"$DIR/snapshot.gz" || fail 'disk full'
sha=$(digest "$DIR/snapshot.gz")
boundary=diffy-$sha
form "$prefix$host/$sha.jsonl.gz" >"$DIR/body" || fail 'disk full'
deadline=$(($(date +%s) + 50)) # the upload has its own time, inside the document's 300 s
transfer 45 'the upload' "$(value url "$sheet")" /dev/null "$DIR/body" || fail "$why"
printf 'diffy/1 sha256=%s size=%s rows=%s queries=%s errors=%s osquery=%s version=%s\n' \
    "$sha" "$(($(wc -c <"$DIR/snapshot.gz")))" "$total" "$queries" "$errors" "$from" "$version"
