import type { Results } from "@softmax-bench/core";
import { shorten } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { reportView } from "../src/index.js";
import { oneLine } from "../src/untrusted.js";
import {
  absent,
  backend,
  distance,
  linesWith,
  markdownOf,
  measured,
  resultsOf,
  terminalOf,
  withCells,
} from "./support/results.js";

const HOSTILE = {
  "a colour": "\u001b[31mred\u001b[0m",
  "a window title": "\u001b]0;title\u0007",
  "a terminal link": "\u001b]8;;https://evil.example\u001b\\link\u001b]8;;\u001b\\",
  "an eight-bit escape": "\u009b2J",
  "a cell border": "a | b || c",
  "an escaped cell border": "a \\| b \\\\| c \\",
  "an image tag": "<img src=x onerror=alert(1)>",
  "a script": "</td></table><script>alert(1)</script>",
  "a link": "[click](javascript:alert(1))",
  "the end of a link": "](javascript:alert(1))",
  "an image": "![x](https://evil.example/x.png)",
  "a bare address": "https://evil.example and www.evil.example and HTTP://evil.example",
  "a mention": "@everyone and someone@evil.example",
  code: "`code` ``` ~~~",
  emphasis: "**bold** __bold__ *i* _i_ ~~gone~~",
  "a formula": "$\\unicode{x}$ $$x$$",
  "a line break": "a\n# heading\r\n\n- item\n\n| a | b |\n|---|---|",
  "other line breaks": "a\u2028# b\u2029c\u0085d\u000be",
  "a direction mark": "abc\u202egnp.exe\u2066\u200f\u061c",
  "an invisible character": "a\u200b\ufeff\u00ad\u{e0041}b",
  "a reference": "&lt;img&gt; &#60; &amp;",
  "a comment": "<!-- hidden",
  "a footnote": "[^1] [^1]: text",
  "a long text": "x|`<".repeat(2500),
  "a long emoji text": "😀".repeat(5000),
  "half a character": "a\ud83d b\ude00",
  "a prototype": "__proto__",
  "a member of every object": "constructor",
  "a list item": "- item",
  "a numbered item": "1. item",
  "an underline": "=====",
  "a rule": "---",
  "spaces around": "    code    ",
  "a task": "[x] done",
} as const;

/** Results that hold a text wherever the format has one, ids included. */
function resultsFullOf(text: string): Results {
  const of = { backend: text, workload: text };
  return resultsOf({
    run: {
      id: text,
      profile: text,
      argv: [text, text],
      commit: text,
      status: "interrupted",
      wallNs: Object.fromEntries([[text, 1e9]]),
    },
    environment: { cpu: text, os: text, node: text, versions: Object.fromEntries([[text, text]]) },
    workloads: [
      { id: text, summary: text, rows: 1, classes: 2, scale: 1, margin: 0, labels: "uniform" },
      { id: "plain", summary: text, rows: 1, classes: 2, scale: 1, margin: 0, labels: "uniform" },
    ],
    backends: [
      backend({ id: text, engine: { name: text, version: text }, device: { kind: "gpu", name: text } }),
      { id: text, status: "unavailable", reason: text, remedy: text },
    ],
    cells: [
      measured(text, {}, { ...of, note: text, nondeterministic: true }),
      measured(text, { us: 99, error: { relL2: 1 } }, { ...of, dtype: "float64" }),
      absent(text, "crashed", text, of),
      absent(text, "unsupported", text, of),
      absent(text, "failed", text, { ...of, workload: "plain", note: text }),
    ],
    distances: [distance({ ...of, a: text, b: text })],
  });
}

/** Characters that may have a meaning in Markdown: all but escaped characters and references, for which dots stand. */
const bareOf = (markdown: string): string =>
  markdown.replaceAll(/\\[!-/:-@[-`{-~]/g, "·").replaceAll(/&(?:amp|lt|gt|#8203);/g, "·");

const bordersOf = (line: string): number => bareOf(line).split("|").length - 1;

/** The tables of a document, each a list of lines. */
const tablesOf = (markdown: string): string[][] =>
  markdown
    .split("\n\n")
    .map((block) => block.split("\n"))
    .filter(([first = ""]) => first.startsWith("|"));

/** The beginning of a line of a document, as a parser sees it: `##`, `-`, `|` or nothing. */
const shapeOf = (markdown: string): string[] =>
  markdown.split("\n").map((line) => /^(?:#{1,3} |- |\||\*\*)?/.exec(line)?.[0] ?? "");

describe.each(Object.entries(HOSTILE))("%s in every field", (_, text) => {
  const results = resultsFullOf(text);
  const [plain, colored, markdown] = [terminalOf(results), terminalOf(results, true), markdownOf(results)];
  const benign = resultsFullOf("benign");

  it("brings no control or direction character into the terminal", () => {
    expect(plain.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the bold, dim and green of the report itself.
    expect(colored.replaceAll(/\u001b\[(?:1|2|22|32|39)m/g, "")).toBe(plain);
  });

  it("adds no line to the terminal", () => {
    expect(plain.split("\n")).toHaveLength(terminalOf(benign).split("\n").length);
  });

  it("brings no control or direction character into Markdown", () => {
    expect(markdown.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
  });

  it("adds no block to Markdown, and changes none into another", () => {
    expect(shapeOf(markdown)).toEqual(shapeOf(markdownOf(benign)));
  });

  it("keeps every row of a Markdown table at the borders of its header", () => {
    const tables = tablesOf(markdown);
    expect(tables.length).toBeGreaterThan(0);
    expect(tables).toHaveLength(tablesOf(markdownOf(benign)).length);
    for (const [header = "", ...rows] of tables)
      for (const row of rows) expect(bordersOf(row)).toBe(bordersOf(header));
  });

  it("leaves no markup unescaped", () => {
    const lines = bareOf(markdown).split("\n");
    const inner = lines.map((line) =>
      line.replace(/^(?:#{1,3} |- |\*\*(?=.*\*\*$))/, "").replace(/\*\*$/, ""),
    );
    for (const line of inner.filter((each) => !each.startsWith("|"))) expect(line).not.toContain("|");
    for (const line of inner) {
      expect(line).not.toMatch(/[<>`[\]*_~$#\\]|:\/\/|www\./i);
      expect(line).not.toMatch(/&|^(?:[-+>](?: |-|$)|\d+\.(?: |$)| )/);
    }
    expect(markdown).not.toMatch(/@(?!&#8203;)/);
  });

  it("bounds every line", () => {
    // A row has up to ten cells of at most 600 characters, each of which escapes make at most eight times as long.
    for (const line of [...plain.split("\n"), ...markdown.split("\n")])
      expect(line.length).toBeLessThan(10 * 600 * 8);
  });
});

describe("one line", () => {
  it("leaves an honest text as it is", () => {
    expect(oneLine("‖g − g*‖₂, naïve 値 😀")).toBe("‖g − g*‖₂, naïve 値 😀");
  });

  it("turns a run of control characters into one space", () => {
    expect(oneLine("a\r\n\t\u001bb")).toBe("a b");
  });

  it("still shows what follows thousands of invisible characters", () => {
    expect(oneLine(`${"\u200b".repeat(9000)}end`)).toBe("end");
  });

  it("says with an ellipsis that something was cut off", () => {
    expect(oneLine("x".repeat(10_000))).toBe(`${"x".repeat(599)}…`);
    expect(oneLine("x".repeat(600))).toBe("x".repeat(600));
  });

  it("never cuts a character in two", () => {
    expect(shorten("ab😀😀", 4)).toBe("ab…");
    expect(shorten("a😀😀", 4)).toBe("a😀…");
  });
});

describe("ids that every object has as members", () => {
  it.each(["__proto__", "constructor", "toString"])("%s names a workload, a backend and a purpose", (id) => {
    const view = reportView(resultsFullOf(id));
    expect(view.workloads.map(({ heading }) => heading.split(":")[0])).toEqual([id, "plain"]);
    expect(view.wall).toBe(`1.0s: ${id} 100 % (1.0s)`);
  });

  it("are shown in Markdown as they are", () => {
    expect(linesWith(markdownOf(withCells(measured("__proto__"))), "\\_\\_proto\\_\\_")).not.toEqual([]);
  });
});
