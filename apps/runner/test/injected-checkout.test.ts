import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { REPOSITORY_ROOT } from "../dist/fs/repository.js";
import { injectedCheckout } from "../dist/gate/validation/injected-checkout.js";
import { temporaryFolder } from "./support/cli.js";

const REGISTRY = join("apps", "runner", "dist", "plan", "backends.js");
const reports = join(REPOSITORY_ROOT, "reports");

/** A folder as a process of this id would have made it. */
function leftover(pid: number | undefined): string {
  const folder = join(reports, `injected-${pid}-test`);
  mkdirSync(join(folder, "apps"), { recursive: true });
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe("a copy of the checkout with a defect", () => {
  it("goes through the injection, leaves this checkout as it is, and is gone when it is disposed of", () => {
    const before = readFileSync(join(REPOSITORY_ROOT, REGISTRY), "utf8");
    const checkout = injectedCheckout("copy", { slowdown: 0.1 });
    expect(readFileSync(join(checkout.folder, REGISTRY), "utf8")).toContain(
      'inject(original, {"slowdown":0.1})',
    );
    expect(readFileSync(join(REPOSITORY_ROOT, REGISTRY), "utf8")).toBe(before);
    const main = join(checkout.folder, "apps", "runner", "dist", "main.js");
    const cell = "wasm-simd manual/fused float32 4x3";
    const listed = spawnSync(process.execPath, [main, "bench", "--list", "--cell", cell], {
      encoding: "utf8",
    });
    expect(listed.stdout).toBe(`${cell}\n`);
    checkout[Symbol.dispose]();
    expect(existsSync(checkout.folder)).toBe(false);
  });

  it("has a page with the defect", { tags: "nightly" }, () => {
    const page = join("apps", "page", "dist");
    const scripts = (folder: string) =>
      readdirSync(join(folder, page, "assets")).map((name) =>
        readFileSync(join(folder, page, "assets", name), "utf8"),
      );
    const before = scripts(REPOSITORY_ROOT);
    using checkout = injectedCheckout("copy", { slowdown: 0.1 }, "pages");
    expect(scripts(checkout.folder).join("")).toMatch(/\}, \{ "slowdown": \.1 \}\);/);
    expect(scripts(REPOSITORY_ROOT)).toEqual(before);
  });

  it("is made while files come and go, as an editor's do", async () => {
    const sign = temporaryFolder();
    const own = join(REPOSITORY_ROOT, "apps", "runner", "reports");
    mkdirSync(own, { recursive: true });
    const folder = temporaryFolder(own);
    // A copy lists the folder, and takes a while until it arrives at its last parts.
    for (let index = 0; index < 1000; index++) writeFileSync(join(folder, `${index}`), "");
    const changes =
      'cd "$1"; while [ -e "$0" ] && kill -0 $PPID; do mkdir a b c d e f g h; rmdir a b c d e f g h; done';
    const changing = spawn("sh", ["-c", changes, sign, folder], { stdio: "ignore" });
    const ended = once(changing, "exit");
    try {
      for (let copies = 0; copies < 5; copies++) {
        using checkout = injectedCheckout("copy", {});
        expect(existsSync(join(checkout.folder, REGISTRY))).toBe(true);
      }
    } finally {
      rmSync(sign, { recursive: true });
      await ended;
    }
  });

  it("takes the place of those whose processes were killed, and of no other", () => {
    const [ended, running] = [leftover(spawnSync("true").pid), leftover(process.pid)];
    using _checkout = injectedCheckout("copy", {});
    expect([existsSync(ended), existsSync(running)]).toEqual([false, true]);
  });
});
