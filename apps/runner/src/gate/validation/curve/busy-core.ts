import { execFileSync } from "node:child_process";

/** Keeps a core busy, and looks ten times a second whether the process that wants it is still there. */
const LOOP = `
const wanted = Number(process.argv[1]);
for (;;) {
  const until = performance.now() + 100;
  while (performance.now() < until);
  try { process.kill(wanted, 0); } catch { process.exit(); }
}`;

/**
 * A program that keeps one core busy, until it is disposed of or this process ends. It is no child of this process: to those who watch
 * the machine its time is that of another program, as it is to a user's gate.
 */
export class BusyCore implements Disposable {
  readonly pid: number;

  constructor() {
    const inBackground = '"$@" </dev/null >/dev/null 2>&1 & echo $!';
    const command = ["sh", process.execPath, "-e", LOOP, String(process.pid)];
    this.pid = Number(execFileSync("sh", ["-c", inBackground, ...command], { encoding: "utf8" }));
  }

  [Symbol.dispose](): void {
    try {
      process.kill(this.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
}
