import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { shellWord } from "../src/index.js";

const BUILT = fileURLToPath(new URL("../dist/modules/command-line.js", import.meta.url));

/** The lines that a user reads where this package is installed below a folder. */
function linesIn(folder: string, env: NodeJS.ProcessEnv = {}) {
  const root = mkdtempSync(join(tmpdir(), "command-line-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const target = join(root, folder, "node_modules/@softmax-bench/core/dist");
  mkdirSync(target, { recursive: true });
  const module = join(target, "command-line.js");
  copyFileSync(BUILT, module);
  writeFileSync(join(target, "../package.json"), '{"type":"module"}');
  const script = `const { commandLine, installLine, reinstallLine } = await import(${JSON.stringify(pathToFileURL(module).href)});
    console.log(JSON.stringify({ start: commandLine("bench"), install: installLine(["a@^1"]), reinstall: reinstallLine() }))`;
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
    env: { PATH: process.env.PATH, ...env },
    encoding: "utf8",
  });
  return JSON.parse(printed.replaceAll(root, "ROOT")) as Record<"start" | "install" | "reinstall", string>;
}

describe("lines that a user may paste", () => {
  it("replace damaged packages of the project that has them, and remove nothing else", () => {
    expect(linesIn("my project")).toEqual({
      start: "softmax-bench bench",
      install: "npm install --ignore-scripts softmax-bench a@^1",
      reinstall:
        "delete the damaged package's folder in ROOT/my project/node_modules, and run npm install --force softmax-bench",
    });
  });

  it("say so where the program is installed globally", () => {
    expect(linesIn("usr/lib").reinstall).toMatch(
      /in ROOT\/usr\/lib\/node_modules, .* --global --force softmax-bench$/,
    );
  });

  it("name the folder of npx's cache under npx", () => {
    expect(linesIn(".npm/_npx/ab12", { npm_command: "exec" })).toMatchObject({
      start: "npx softmax-bench bench",
      reinstall: "rm -r ROOT/.npm/_npx/ab12, npx's cache, and start npx again",
    });
    // npx also starts what the project has.
    expect(linesIn("project", { npm_command: "exec" }).reinstall).not.toContain("rm -r");
  });

  it("start a bundle's script by its path", () => {
    const env = { SOFTMAX_BENCH_COMMAND: "/opt/my bundle/softmax-bench" };
    expect(linesIn("app", env)).toEqual({
      start: "'/opt/my bundle/softmax-bench' bench",
      install: "unpack the bundle again",
      reinstall: "unpack the bundle again",
    });
  });
});

describe("a word for the shell", () => {
  it.each([
    ["--only=node,wasm", "--only=node,wasm"],
    ["results/a b", "'results/a b'"],
    ["$(reboot)", "'$(reboot)'"],
    ["it's", "'it'\\''s'"],
    ["", "''"],
    ["~", "'~'"],
  ])("%s is written %s", (word, quoted) => {
    expect(shellWord(word)).toBe(quoted);
  });
});
