import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BROWSERS, type Browser } from "./browsers.js";

/**
 * Starts the browser. Ends it and removes its profile on a signal, when the parent is gone, or when the browser ends.
 * A shell does that, since the parent may be killed. Its first argument is the profile, the others are the command.
 */
const GUARD = `
profile=$1; shift
browser= ended=
end() { ended=1; [ -z "$browser" ] || kill -KILL "$browser" 2>/dev/null; }
trap end TERM
"$@" & browser=$!
[ -z "$ended" ] || end
wait "$browser"; code=$?
end; wait "$browser" 2>/dev/null
trap "" TERM
# Processes of the browser that outlive it for a moment write to the profile, and may make it again.
attempt=0 gone=0
while [ "$attempt" -lt 100 ] && [ "$gone" -lt 3 ]; do
  attempt=$((attempt + 1))
  if [ -e "$profile" ]; then rm -rf -- "$profile"; gone=0; else gone=$((gone + 1)); fi
  sleep 0.1
done
exit "$code"
`;

/** Makes the kernel send a signal to a process when its parent ends (util-linux). */
const withParent = (signal: string, command: readonly string[]): readonly string[] =>
  hasSetpriv() ? ["setpriv", "--pdeathsig", signal, ...command] : command;

let foundSetpriv: boolean | undefined;
const hasSetpriv = (): boolean => {
  foundSetpriv ??= spawnSync("setpriv", ["--version"], { stdio: "ignore" }).status === 0;
  return foundSetpriv;
};

/** Starts a browser with a fresh profile, showing one page. SIGTERM ends it. Both its streams are pipes. */
export function launch({ kind, executable, flags }: Browser, address: string): ChildProcess {
  const { profileFlags, preferences } = BROWSERS[kind];
  const profile = mkdtempSync(join(tmpdir(), `softmax-bench-${kind}-`));
  for (const [name, text] of Object.entries(preferences)) writeFileSync(join(profile, name), text);
  const browser = withParent("KILL", [executable, ...profileFlags(profile), ...flags, address]);
  const [file = "", ...args] = withParent("TERM", ["sh", "-c", GUARD, "sh", profile, ...browser]);
  const child = spawn(file, args, {
    // A group of its own: Ctrl-C reaches the parent, which decides about the browser.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, HOME: profile, TMPDIR: profile, MOZ_CRASHREPORTER_DISABLE: "1" },
  });
  // Needed if the guard was killed.
  child.on("exit", () => rmSync(profile, { recursive: true, force: true, maxRetries: 10 }));
  return child;
}
