#!/bin/sh
# A cluster on one machine: a broker, three workers and a client, each with a network and an address
# of its own, and with keys. While programs run, a worker is added, one is drained and one crashes;
# at the end every program must have ended. `cluster.sh --help` tells how to start it.
#
# It runs in namespaces (network, mounts, processes) and on a file system in memory, of its own: they
# go when it goes, and nothing it does reaches the machine's own network.
set -eu

usage() {
  cat <<'HELP'
usage: examples/cluster.sh [--tasks NUMBER]

  --tasks NUMBER   programs to run (90; at least 30)

Needs root, ip (Debian: iproute2) and kiln: the variable KILN, else the one in PATH, else the built
one, build/release/bin/kiln.
HELP
}

say() { printf '%s\n' "$*"; }
stop() { say "cluster.sh: $*" >&2 && exit 1; }

find_kiln() {
  here=$(cd "$(dirname "$0")/.." && pwd)
  found=${KILN:-$(command -v kiln || echo "$here/build/release/bin/kiln")}
  [ -x "$found" ] || stop "there is no $found: build it with ./dev build, or set KILN to a kiln"
  readlink -f "$found"
}

# --- outside: checks, makes the namespaces, and takes away what is left, however this ends

outside() {
  tasks=90
  while [ $# -gt 0 ]; do
    case $1 in
      --tasks) tasks=${2-} && shift $(($# > 1)) ;;
      --help) usage && exit ;;
      *) usage >&2 && exit 2 ;;
    esac
    shift
  done
  [ "$tasks" -ge 30 ] 2>/dev/null || stop "--tasks takes a number from 30 on"
  [ "$(id -u)" -eq 0 ] || stop "must be root: it makes network namespaces, and workers make cells"
  command -v ip >/dev/null || stop "there is no ip: apt-get install iproute2"
  KILN=$(find_kiln)
  for name in $(env | sed -n 's/^\(KILN_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
  directory=$(mktemp -d /tmp/kiln-cluster-XXXXXX) # open to all on the way: the broker is not root
  export KILN directory tasks
  machine=
  trap 'kill -KILL $machine 2>/dev/null || true; wait; rmdir "$directory"' EXIT
  trap 'exit 130' INT && trap 'exit 143' TERM && trap 'exit 129' HUP
  unshare --net --mount --pid --mount-proc --fork --kill-child sh "$0" inside &
  machine=$!
  wait $machine
}

# --- inside: process 1 of the namespaces, and the client's machine, at the address $lan.1

lan=10.77.0

failed() {
  say "cluster.sh: $*" >&2
  tail -n 5 ./*.log >&2
  exit 1
}

# wait_for WHAT COMMAND...: until the command succeeds.
wait_for() {
  what=$1 && shift
  end=$(($(date +%s) + 120))
  until "$@"; do
    [ "$(date +%s)" -lt $end ] || failed "waited in vain for $what"
    sleep 0.1
  done
}

# node NAME ADDRESS COMMAND...: runs it on a machine of its own: a network namespace, and a cable
# from there to the bridge. Its process is $!.
node() {
  # shellcheck disable=SC2016 # for the inner shell
  unshare --net sh -euc '
    ip link set lo up
    ip link add eth0 type veth peer name "$1" netns 1
    ip addr add "$2/24" dev eth0
    ip link set eth0 up
    nsenter --net=/proc/1/ns/net ip link set "$1" master lan up
    shift 2
    exec "$@"' sh "$@" >"$1.out" 2>"$1.log" &
}

# With processes of its own, too: when their first is killed, all are, as in a crash.
worker() {
  node "$1" "$2" unshare --pid --mount-proc --fork --kill-child "$KILN" worker --slots 2 \
    --broker "tcp://$lan.2:5571" --key "$1.key" --broker-key broker.pub
  wait_for "the worker $1" is_up "$1"
}

is_up() { "$KILN" workers | grep -q "^$1 *up "; }

# key NAME ROLE: makes its key; its line for the allow list.
key() { "$KILN" keygen --out "$1.key" --role "$2" 2>>keygen.log | tail -n 1; }

# Submits a third of the programs: every second one is a second long.
load() {
  programs=
  for _ in $(seq $((tasks / 6))); do programs="$programs quick.py slow.py"; done
  # shellcheck disable=SC2086 # one word per program
  "$KILN" submit --no-cache $programs >>submitted
}

# A line for each task: ID STATE VERDICT QUEUE LANGUAGE ATTEMPT WORKER ...
list() { "$KILN" list --limit "$tasks" | tail -n +2; }
runs_on() { list | awk -v w="$1" '$2 == "running" && $7 == w { n++ } END { exit !n }'; }
all_ended() { ! list | awk '{ print $2 }' | grep -qE 'scheduled|queued|joined|running|retrying'; }

start() {
  say "keys for a broker, two workers and an admin; the broker lets in only whose key it knows"
  key broker worker >/dev/null
  { key ada admin && key oven-1 worker && key oven-2 worker; } >allow
  say "a broker at $lan.2, workers oven-1 at $lan.11 and oven-2 at $lan.12"
  node broker $lan.2 "$KILN" broker --data "$directory/data" --key broker.key --allow allow \
    --clients "tcp://$lan.2:5570" --workers "tcp://$lan.2:5571"
  broker=$!
  wait_for "the broker" grep -q "clients on" broker.out
  worker oven-1 $lan.11 && oven_1=$!
  worker oven-2 $lan.12 && oven_2=$!
}

add_a_node() {
  say "under load: oven-3 at $lan.13 is added; the broker reads its allow list again"
  { cat allow && key oven-3 worker; } >allow.new
  mv allow.new allow
  kill -HUP "$broker"
  wait_for "the broker to read its list" grep -q "allow list was read again" broker.log
  worker oven-3 $lan.13 && oven_3=$!
  wait_for "oven-3 to run something" runs_on oven-3
}

drain_a_node() {
  say "under load: oven-1 is drained: it finishes what it runs, and leaves"
  wait_for "oven-1 to run something" runs_on oven-1
  "$KILN" workers drain oven-1 >/dev/null
  code=0 && wait "$oven_1" || code=$?
  say "oven-1 left by itself with exit code $code"
  [ $code -eq 0 ] || failed "a drained worker must end in order"
}

crash_a_node() {
  say "under load: oven-2 crashes: its cable is cut, its processes are killed"
  wait_for "oven-2 to run something" runs_on oven-2
  ip link set oven-2 down
  kill -KILL "$oven_2"
  wait "$oven_2" 2>/dev/null || true
}

# Each task with a second attempt must have lost its first one on oven-2.
tell_what_ran_again() {
  list | awk '$6 > 1 { print $1, $7 }' >again
  while read -r id last; do
    lost=$("$KILN" status "$id" --history | sed -n 's/.* attempt 1 on \([^:;]*\).*/\1/p' | head -n 1)
    say "ran again: $id, lost on $lost, ended on $last"
    case "$lost $last" in
      "oven-2 oven-2" | [!o]* | oven-[!2]*) failed "$id had no reason to run again" ;;
    esac
  done <again
}

report() {
  say "" && "$KILN" workers && say ""
  list | awk '{ state[$2]++; ran[$7]++ }
    END { for (s in state) print state[s], s; for (w in ran) print ran[w], "ended on", w }' | sort -k 2
  tell_what_ran_again
  submitted=$(wc -l <submitted)
  ended=$(list | grep -cE ' (succeeded|failed|dead|cancelled|expired) ')
  succeeded=$(list | grep -c ' succeeded ')
  say "$submitted submitted, $ended ended, $((submitted - ended)) lost," \
    "$(wc -l <again) ran again after the crash"
  [ "$succeeded" -eq "$submitted" ] || failed "only $succeeded succeeded"
}

# In order, so that the workers take away their control groups.
end() {
  "$KILN" workers drain oven-3 >/dev/null && wait "$oven_3"
  kill -TERM "$broker" && wait "$broker"
}

inside() {
  mount -t tmpfs -o mode=755 kiln "$directory" && cd "$directory"
  ip link add lan type bridge && ip addr add $lan.1/24 dev lan && ip link set lan up
  echo 'print("quick")' >quick.py
  echo 'import time; time.sleep(1); print("slow")' >slow.py
  export KILN_BROKER=tcp://$lan.2:5570 KILN_KEY=ada.key KILN_BROKER_KEY=broker.pub
  start
  say "ada submits $((tasks / 6 * 6)) programs, in three parts, from $lan.1"
  load && add_a_node
  load && drain_a_node
  load && crash_a_node
  wait_for "all to end" all_ended
  report
  end
}

if [ "${1-}" = inside ]; then inside; else outside "$@"; fi
