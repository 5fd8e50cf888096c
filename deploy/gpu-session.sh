#!/bin/sh
# A session on a machine with a GPU, in at most eight minutes: joins and unpacks a bundle (pnpm bundle), says which backends
# work, and measures them. Leaves results.json, report.html, doctor.txt, bench.txt and session.log in one folder,
# and continues where one of its steps fails.
#   sh gpu-session.sh [folder of the bundle, its archive or its parts] [folder for the results]
# SESSION_BACKENDS, SESSION_PROFILE and SESSION_SECONDS choose other backends, another profile, another limit.
set -u

from=$(CDPATH= cd -- "${1:-$(dirname -- "$0")}" && pwd -P) || exit 2
mkdir -p -- "${2:-gpu-session}" || exit 2
out=$(CDPATH= cd -- "${2:-gpu-session}" && pwd -P) || exit 2
backends=${SESSION_BACKENDS:-onnxruntime-cuda,onnxruntime-webgpu,wasm-simd,onnxruntime-cpu}
profile=${SESSION_PROFILE:-default}
deadline=$(($(date +%s) + ${SESSION_SECONDS:-480}))
# Seconds for a run that is stopped to write its results, and for copying them.
reserve=20

say() { echo "gpu-session: $*" | tee -a "$out/session.log" >&2; }
left() { echo $((deadline - $(date +%s))); }

# Runs a command for at most $1 seconds. Then it is asked to stop, and ended if it does not.
limited() {
  seconds=$1
  shift
  running=1
  timeout -k $((reserve / 2)) "$seconds" "$@" &
  command=$!
  [ -z "$stopped" ] || kill -TERM "$command"
  # A signal to this script ends the waiting, not the command, which is asked to stop.
  code=127
  while :; do
    interrupted=
    wait "$command" 2>/dev/null
    ended=$?
    # 127 for a command that was waited for.
    [ "$ended" -eq 127 ] || code=$ended
    [ -n "$interrupted" ] || break
  done
  running= command=
  return "$code"
}

scratch=$(mktemp -d) || exit 2
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
running= command= stopped= interrupted=
# The session ends with the command that is running.
stop() {
  stopped=1 interrupted=1
  [ -n "$running" ] || exit 130
  [ -z "$command" ] || kill -TERM "$command" 2>/dev/null
}
trap stop HUP INT TERM

: >"$out/session.log"
bundle=$from/softmax-bench
if [ ! -x "$bundle/bench" ]; then
  for script in "$from"/*.join.sh; do
    [ -f "$script" ] || continue
    sh "$script" "$scratch" >>"$out/session.log" 2>&1 || {
      say "$(basename "$script") failed"
      tail -n 4 "$out/session.log" >&2
    }
  done
  for archive in "$scratch"/*.tar.* "$from"/*.tar.zst "$from"/*.tar.gz; do
    [ -f "$archive" ] || continue
    tar xf "$archive" -C "$scratch" 2>>"$out/session.log" && break
    say "tar does not unpack $archive: $(tail -n 1 "$out/session.log"); a .tar.zst needs the command zstd"
  done
  bundle=$scratch/softmax-bench
fi
if [ ! -x "$bundle/bench" ]; then
  say "expected a bundle, its archive or all of its parts in $from, found none that is whole"
  exit 2
fi

failed=0
say "doctor"
limited 60 "$bundle/softmax-bench" doctor --timeout 45 >"$out/doctor.txt" 2>>"$out/session.log" || {
  say "doctor failed"
  failed=1
}
[ -z "$stopped" ] || {
  say "stopped before bench"
  exit 130
}
seconds=$(($(left) - reserve))
[ "$seconds" -gt 1 ] || {
  say "expected more than $reserve s for bench, and $(left) s are left; set SESSION_SECONDS to more than ${SESSION_SECONDS:-480}"
  exit 1
}
say "bench --profile $profile --backend $backends, for at most $seconds s"
# Without --time it would fill the profile's time, which may be more.
limited "$seconds" "$bundle/bench" --profile "$profile" --backend "$backends" --time "$((seconds * 3 / 4))s" \
  --out "$scratch/runs" >"$out/bench.txt" 2>>"$out/session.log"
code=$?
case $code in
  0) ;;
  124) failed=1 && say "bench was stopped after $seconds s; what it measured is in the results" ;;
  *) failed=1 && say "bench exited with $code; what it measured is in the results" ;;
esac
grep ' is unavailable: ' "$out/bench.txt" | while read -r line; do say "$line"; done
for name in results.json report.html report.md; do
  cp "$scratch"/runs/*/"$name" "$out/" 2>>"$out/session.log" || {
    say "there is no $name"
    failed=1
  }
done
say "done in $((${SESSION_SECONDS:-480} - $(left))) s: $out"
exit "$failed"
