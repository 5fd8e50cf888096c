/** The first lines of a script: `$here` becomes its folder, through symbolic links. */
const HERE = `#!/bin/sh
self=$0
while [ -L "$self" ]; do
  link=$(readlink -- "$self")
  case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac
done
here=$(CDPATH= cd -- "$(dirname -- "$self")" && pwd -P) || exit 2
`;

/** `softmax-bench <command>`: the command line on the Node of the bundle. Messages name the script by its path. */
export const COMMAND_SCRIPT = `${HERE}SOFTMAX_BENCH_COMMAND=$here/softmax-bench
export SOFTMAX_BENCH_COMMAND
exec "$here/node/bin/node" "$here/app/dist/main.js" "$@"
`;

/** `bench`: the command bench. */
export const BENCH_SCRIPT = `${HERE}exec "$here/softmax-bench" bench "$@"
`;

/**
 * A script that joins the parts of a file, after their checksums, beside them or in the folder that it is given.
 * @param name the file, letters, digits and `.+-_` only, which need no quotes; `<name>.sha256` has the checksum of every part and, last, of the whole
 */
export const joinScript = (name: string): string => `#!/bin/sh
# Joins the parts of ${name}: sh ${name}.join.sh [folder]
set -e
parts=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P)
folder=$(CDPATH= cd -- "\${1:-$parts}" && pwd -P)
# Fails if checksums on stdin are not those of the files, and names the files that differ.
check() {
  if command -v sha256sum >/dev/null 2>&1; then set -- sha256sum; else set -- shasum -a 256; fi
  bad=$("$@" -c - 2>&1 | grep -v ': OK$') || return 0
  echo "$bad" >&2
  return 1
}
cd "$parts"
sed '$d' '${name}.sha256' | check || { echo "a part is missing or damaged; copy it again" >&2; exit 1; }
partial="$folder/${name}.$$.partial"
trap 'rm -f "$partial"' EXIT
trap 'exit 1' HUP INT TERM
# The parts in their order, which is that of the list.
sed '$d' '${name}.sha256' | while read -r sum part; do cat "$part"; done > "$partial"
cd "$folder"
sed -n '$p' "$parts/${name}.sha256" | sed "s/  .*/  ${name}.$$.partial/" | check || {
  echo "the joined file is not what was split; is the disk full?" >&2
  exit 1
}
mv "$partial" "$folder/${name}"
echo "$folder/${name}"
`;
