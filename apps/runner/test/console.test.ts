import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { type OutputStream, writeBlock, writeJson, writeLine } from "../dist/terminal/console.js";

const ATTACK = "a\u001b[2Jb\u009b2Jc\r\nd\u0007e\u202ef";

function written(write: (stream: OutputStream) => void): string {
  const stream = new PassThrough();
  write(stream as unknown as OutputStream);
  return String(stream.read());
}

describe("what is written to a terminal", () => {
  it("is one line without control characters", () => {
    expect(written((stream) => writeLine(stream, ATTACK))).toBe("a [2Jb 2Jc d ef\n");
  });

  it("is broken between words on a terminal, and whole in a pipe", () => {
    const line = "  expected one thing, got another; do the third";
    const on = (columns: number | undefined) => {
      const stream = Object.assign(new PassThrough(), { isTTY: columns !== undefined, columns });
      writeLine(stream as unknown as OutputStream, line);
      return String(stream.read());
    };
    expect(on(24)).toBe("  expected one thing,\n  got another; do the\n  third\n");
    expect(on(undefined)).toBe(`${line}\n`);
    // A terminal without a size.
    expect(on(0)).toBe(`${line}\n`);
  });

  it("is a block that keeps its lines and colours, and nothing else that a terminal obeys", () => {
    const text = written((stream) => writeBlock(stream, `\u001b[1;32mok\u001b[0m\n${ATTACK}`));
    expect(text).toBe("\u001b[1;32mok\u001b[0m\na [2Jb 2Jc \nd ef\n");
  });

  it("is JSON of the same value, in which every control character is escaped", () => {
    const json = written((stream) => writeJson(stream, JSON.stringify({ [ATTACK]: ATTACK })));
    expect(JSON.parse(json)).toEqual({ [ATTACK]: ATTACK });
    expect(json).not.toMatch(/\p{Cc}/u);
  });
});
