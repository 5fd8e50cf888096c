import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { countedCells } from "../src/counting/counted-cells.js";
import { CountFiles, parseCount } from "../src/counting/simulator.js";
import { call, run, temporaryFolder } from "./support/cli.js";

/** The beginning and the end of a file that Callgrind 3.19 wrote. */
const CALLGRIND_OUT = `# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 29528
cmd:  node worker.js
part: 2

desc: Trigger: --dump-before=uv_os_getpriority

positions: line
events: Ir
summary: 8620621


ob=(1) /usr/bin/node
fl=(1) ???
fn=(2) uv_os_getpriority
0 12

totals: 8620621
`;

describe("Callgrind's files", () => {
  it("have a total", () => {
    expect(parseCount(CALLGRIND_OUT)).toBe(8_620_621);
    expect(() => parseCount("events: Ir\n")).toThrow(/without a total/);
  });

  it("are read in the order of the marks; what was counted before the first of a cell's marks is not the cell's", () => {
    const folder = mkdtempSync(join(tmpdir(), "counting-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const [index, count] of [99, 10, 11, 77, 20].entries()) {
      writeFileSync(join(folder, `counts.${index + 1}`), `totals: ${count}\n`);
    }
    const files = new CountFiles(folder);
    expect(files.take(3)).toEqual([10, 11]);
    expect(files.take(2)).toEqual([20]);
  });
});

describe("gate --instructions", () => {
  it("names the Debian package where there is no Valgrind: exit 2, one line", async () => {
    const { code, stderr } = await run("gate", ["--baseline", "HEAD", "--instructions"], {
      env: { PATH: temporaryFolder() },
    });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain("install the Debian package valgrind (apt-get install valgrind)");
    expect(code).toBe(2);
  });

  it.each([
    [["--error-only"], /--instructions counts beside times, and --error-only takes none/],
    [["--host", "chromium"], /--instructions counts in this Node, got --host chromium/],
    [["--max-instruction-growth", "0%"], /--max-instruction-growth takes a percentage of at least 0\.5%/],
  ])("refuses %j", async (flags, message) => {
    const { code, stderr } = await call("gate", ["--baseline", "HEAD", "--instructions", ...flags]);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it("counts the same instructions in two processes, to 0.5 %, and more for more classes", {
    tags: "nightly",
  }, async () => {
    const cells = ["wasm-simd manual/fused float32 16x1000", "wasm-simd manual/fused float32 16x4000"];
    const count = async () => {
      const file = join(temporaryFolder(), "counts.json");
      const which = cells.flatMap((cell) => ["--cell", cell]);
      const { code, stderr } = await run("bench", ["--no-provision", "--count-to", file, ...which]);
      expect(code, stderr).toBe(0);
      const counted = countedCells.parse(JSON.parse(readFileSync(file, "utf8")));
      return counted.cells.map(({ instructions = Number.NaN }) => instructions);
    };
    const [first, second] = await Promise.all([count(), count()]);
    for (const [index, instructions] of first.entries()) {
      expect((second[index] ?? Number.NaN) / instructions).toBeCloseTo(1, 2);
    }
    expect((first[1] ?? 0) - (first[0] ?? 0)).toBeGreaterThan(16 * 3000);
  });
});
