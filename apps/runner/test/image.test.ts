import type { Copy, From } from "dockerfile-ast";
import { validate } from "dockerfile-utils";
import { describe, expect, it } from "vitest";
import { onlyRun, run, temporaryFolder } from "./support/cli.js";
import { commandHere, DOCKERFILE, dockerfile, imageCommand } from "./support/image.js";
import { launch } from "./support/process.js";

const instructions = (keyword: string) =>
  dockerfile.getInstructions().filter((instruction) => instruction.getKeyword() === keyword);
const stages = instructions("FROM") as From[];
const lastStage = stages.at(-1)?.getRange().start.line ?? 0;
const inLastStage = (keyword: string) =>
  instructions(keyword).filter((instruction) => instruction.getRange().start.line > lastStage);

describe("deploy/Dockerfile", () => {
  it("has no mistake that a builder would find", () => {
    expect(validate(DOCKERFILE)).toEqual([]);
    expect(validate(DOCKERFILE.replace("WORKDIR /bench", "WORKDIR bench"))).not.toEqual([]);
    expect(validate(DOCKERFILE.replace("COPY . .", "COPI . ."))).not.toEqual([]);
  });

  it("starts every stage from one image, which a digest can be given for", () => {
    for (const stage of stages) expect(stage.getImage()).toMatch(/^\$\{NODE_IMAGE\}$/);
    const [argument] = instructions("ARG");
    expect(argument?.getRange().start.line).toBeLessThan(stages[0]?.getRange().start.line ?? 0);
    expect(argument?.getRawArgumentsContent()).toMatch(/^NODE_IMAGE=node:\d+-[a-z]+-slim$/);
  });

  it("has a last stage with nothing but what another one built, that a user with a number runs", () => {
    const copies = inLastStage("COPY") as Copy[];
    expect(stages.length).toBeGreaterThan(1);
    expect(copies.map((copy) => copy.getFromFlag()?.getValue())).toEqual(["build"]);
    expect(inLastStage("ADD")).toEqual([]);
    const [user = ""] = inLastStage("USER").map((one) => one.getRawArgumentsContent() ?? "");
    expect(user).toMatch(/^[1-9]\d*(:\d+)?$/);
  });

  it("has no secret among its variables, and downloads nothing but packages of the lockfile", () => {
    for (const { keyword, text } of ["ARG", "ENV", "RUN"].flatMap((keyword) =>
      instructions(keyword).map((one) => ({ keyword, text: one.getRawArgumentsContent() ?? "" })),
    )) {
      expect(text, keyword).not.toMatch(/token|password|secret|curl|wget|https?:/i);
    }
    const [build = ""] = instructions("RUN").map((one) => one.getRawArgumentsContent() ?? "");
    expect(build).toContain("install --frozen-lockfile");
  });

  it("starts Node itself as the first process, and measures by default", () => {
    expect(imageCommand().slice(0, 1)).toEqual(["node"]);
    expect(imageCommand().slice(2)).toEqual(["bench"]);
  });

  it("starts the command line that is built here", async () => {
    const there = await launch(commandHere(["--help"]), {}).ended;
    expect(there).toEqual(await run("--help"));
    expect(there.code).toBe(0);
  });

  it("tells results the commit that it was built from, where there is no checkout", async () => {
    const [variable = "", argument] =
      /^(\w+)=\$\{(\w+)\}$/.exec(inLastStage("ENV")[0]?.getRawArgumentsContent() ?? "")?.slice(1) ?? [];
    expect(argument).toBe("COMMIT");
    const out = temporaryFolder();
    const args = ["bench", "--profile", "smoke", "--backend", "wasm-simd", "--workload", "2x2", "--out", out];
    const { code, stderr } = await launch(commandHere(args), {
      cwd: temporaryFolder(),
      env: { [variable]: "0123456789abcdef" },
    }).ended;
    expect(code, stderr).toBe(0);
    expect(onlyRun(out).results().run.commit).toBe("0123456789abcdef");
  });
});
