import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BROWSERS, type Browser } from "./browsers.js";

/**
 * Starts the browser, and ends it and removes its profile when it is told to, when its parent is gone, or when the browser ends.
 * A shell does that, since the parent may be killed: $1 is the profile, the rest the command.
 */
const GUARD = `
profile=$1; shift
end() { kill -KILL "$browser" 2>/dev/null; }
trap end TERM
"$@" & browser=$!
wait "$browser"; code=$?
end; wait "$browser" 2>/dev/null
for attempt in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$profile" && break; sleep 0.1; done
exit "$code"
`;

/** Of util-linux: sends the guard a signal when its parent ends. */
const WITH_PARENT = ["setpriv", "--pdeathsig", "TERM"];
let hasSetpriv: boolean | undefined;

/** Starts a browser with a fresh profile, showing one page. SIGTERM ends it. Both its streams are pipes. */
export function launch({ kind, executable, flags }: Browser, address: string): ChildProcess {
  const { profileFlags, preferences } = BROWSERS[kind];
  const profile = mkdtempSync(join(tmpdir(), `softmax-bench-${kind}-`));
  for (const [name, text] of Object.entries(preferences)) writeFileSync(join(profile, name), text);
  hasSetpriv ??= spawnSync("setpriv", ["--version"], { stdio: "ignore" }).status === 0;
  const guard = ["sh", "-c", GUARD, "sh", profile, executable, ...profileFlags(profile), ...flags, address];
  const [file = "", ...args] = hasSetpriv ? [...WITH_PARENT, ...guard] : guard;
  return spawn(file, args, {
    // A group of its own: Ctrl-C reaches the parent, which decides about the browser.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: "1" },
  });
}
