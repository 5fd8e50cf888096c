import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandError, decisiveLine, run, runTree } from "@softmax-bench/provision";
import { describe, expect, it, onTestFinished } from "vitest";

const signal = new AbortController().signal;

/** A file to which a script writes the id of a process. */
function pidFile() {
  const folder = mkdtempSync(join(tmpdir(), "process-tree-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "pid");
  return { file, isGone: () => !isRunning(Number(readFileSync(file, "utf8"))) };
}

/** True if a thread of a process has not ended. */
function isRunning(pid: number): boolean {
  try {
    const states = readdirSync(`/proc/${pid}/task`).map((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8"),
    );
    return !states.every((stat) => /^\d+ \(.*\) Z/.test(stat));
  } catch {
    return false;
  }
}

describe("a command", () => {
  it("ends how it ends", async () => {
    const endings = ["exit 3", "kill -9 $$"].map((script) =>
      runTree(["sh", "-c", script], { signal, stdio: "ignore" }),
    );
    expect(await Promise.all(endings)).toEqual([
      { code: 3, killedBy: null },
      { code: null, killedBy: "SIGKILL" },
    ]);
  });

  it.each([
    ["in its process group", "sleep 600 &"],
    ["in another process group, with its output open", "setsid sleep 600 &"],
    ["that ignores SIGTERM", `setsid sh -c 'trap "" TERM; while :; do sleep 1; done' &`],
  ])("leaves no process behind when it ends: one %s", async (_, script) => {
    const { file, isGone } = pidFile();
    await runTree(["sh", "-c", `${script} echo $! > ${file}`], { signal, stdio: ["ignore", "pipe", "pipe"] });
    expect(isGone()).toBe(true);
  });

  it.each([
    [
      "one thread",
      'python3 -c \'m = bytearray(b"x") * SIZE; open("READY", "w"); import time; time.sleep(600)\'',
    ],
    [
      "many",
      'node -e \'globalThis.m = Buffer.alloc(SIZE, 1); fs.writeFileSync("READY", ""); setInterval(() => m, 1000)\'',
    ],
  ])(
    "leaves none behind that takes time to end, since it frees much memory: one with %s",
    async (_, command) => {
      const { file, isGone } = pidFile();
      const holder = command.replace("SIZE", "300000000").replace("READY", `${file}.ready`);
      const script = `${holder} & echo $! > ${file}; until [ -e ${file}.ready ]; do sleep 0.1; kill -0 $! || exit; done`;
      await runTree(["sh", "-c", script], { signal, stdio: "ignore" });
      expect(isGone()).toBe(true);
    },
  );

  it("leaves none behind when it is stopped, although it ignores that", async () => {
    const { file, isGone } = pidFile();
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("enough")), 500);
    const script = `trap "" TERM; setsid sleep 600 & echo $! > ${file}; while :; do :; done`;
    await expect(runTree(["sh", "-c", script], { signal: stop.signal, stdio: "ignore" })).rejects.toThrow(
      "enough",
    );
    expect(isGone()).toBe(true);
  });

  it("is named where it does not exist", async () => {
    const error = await run("no-such-command", [], { signal }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CommandError);
    expect(error).toMatchObject({ found: false, message: "there is no command no-such-command" });
  });
});

describe("the line that says what failed", () => {
  it.each([
    [
      "a compiler's error, not what the build tool says of it",
      "a:build: src/x.ts(1,2): error TS2304: Cannot find name 'y'.\n ERROR  run failed: command  exited (2)\n",
      "a:build: src/x.ts(1,2): error TS2304: Cannot find name 'y'.",
    ],
    [
      "an exception, not the version of Node below it",
      "file:///main.js:1\nthrow new TypeError('no')\n\nTypeError: no\n    at main.js:1:7\n\nNode.js v20.20.0\n",
      "TypeError: no",
    ],
    [
      "the first thing that npm has against a lockfile, not its code, its usage or its log",
      "npm error code EUSAGE\nnpm error\nnpm error `npm ci` can only install what is in sync.\nnpm error\nnpm error Usage:\nnpm error A complete log of this run can be found in: /log\n",
      "npm error `npm ci` can only install what is in sync.",
    ],
    ["the last line, where none calls itself an error", "one\n\u001b[31mtwo\u001b[0m\n\n", "two"],
    ["nothing, of nothing", "", ""],
  ])("is %s", (_, output, line) => {
    expect(decisiveLine(output)).toBe(line);
  });
});
