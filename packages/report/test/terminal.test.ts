import Table from "cli-table3";
import { expect, it, vi } from "vitest";
import { measured, terminalOf, withCells } from "./support/results.js";

it("draws a long table in parts, since the time for one grows with the square of its rows", () => {
  const draw = vi.spyOn(Table.prototype, "toString");
  const methods = Array.from({ length: 350 }, (_, index) => `method-${"x".repeat(index % 40)}${index}`);
  const text = terminalOf(withCells(...methods.map((method) => measured(method, { us: 100 }))));
  const lengths = draw.mock.contexts.map((table) => (table as unknown as unknown[]).length);
  expect(Math.max(...lengths)).toBe(100);

  // All rows are there, in columns that stand below each other.
  const rows = text.split("\n").filter((line) => /^float32 +node +method-x*\d+ /.test(line));
  expect(rows.length).toBeGreaterThanOrEqual(methods.length);
  expect(new Set(rows.map((row) => row.indexOf("100 µs"))).size).toBe(1);
});
