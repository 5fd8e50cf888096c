import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { ROOT } from "./root.js";

/** Runs tools/build/build.mjs with a script in place of turbo. */
function build(script: string) {
  const folder = mkdtempSync(join(tmpdir(), "build-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "turbo"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, "turbo"), 0o755);
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, "tools", "build", "build.mjs")],
    {
      encoding: "utf8",
      env,
    },
  );
  return { status, stdout, stderr };
}

it("says nothing of a build that succeeds at once", () => {
  expect(build("echo Packages in scope; echo Tasks >&2")).toEqual({ status: 0, stdout: "", stderr: "" });
});

it("says one line of a build that takes a while", () => {
  const stderr = "building what changed …\n";
  expect(build("echo Packages in scope; sleep 4")).toEqual({ status: 0, stdout: "", stderr });
});

it("shows the errors of a build that fails, and exits with 2", () => {
  expect(build("echo 'src/a.ts(1,7): error TS2322'; exit 1")).toEqual({
    status: 2,
    stdout: "",
    stderr: "src/a.ts(1,7): error TS2322\nthis checkout does not build, see the errors above\n",
  });
});

it("says so where the build tool is killed, as for lack of memory", () => {
  const stderr = "this checkout does not build, the build tool was killed by SIGKILL\n";
  expect(build("kill -9 $$")).toEqual({ status: 2, stdout: "", stderr });
});

it("exits with 2 where nothing is installed", () => {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, "tools", "build", "build.mjs")], {
    encoding: "utf8",
    env: { PATH: "/nowhere" },
  });
  expect([status, stderr]).toEqual([
    2,
    "the build tool does not start: spawn turbo ENOENT; run pnpm install first\n",
  ]);
});
