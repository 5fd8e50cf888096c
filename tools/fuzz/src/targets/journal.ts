import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { readJournal } from "../../../../apps/runner/dist/results/journal/journal.js";
import { UsageError } from "../../../../apps/runner/dist/terminal/errors.js";
import { mutateBytes } from "../mutate/bytes.js";
import { mutateJson } from "../mutate/json.js";
import type { Random } from "../random.js";
import { readCorpus, type Target } from "./target.js";

/** A line with its own checksum, so that more than the checksum is tested. */
function sealed(json: string): string {
  const sum = crc32(json).toString(16).padStart(8, "0");
  return `${json.slice(0, -1)},"crc32":"${sum}"}`;
}

function mutateLines(text: string, random: Random): string {
  const lines = text.split("\n");
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = random.below(lines.length);
    const line = lines[at] ?? "";
    const edits = [
      () => lines.splice(at, 1, sealed(mutateJson(line.replace(/,"crc32":"\w+"\}$/, "}"), random))),
      () => lines.splice(at, 1, sealed(mutateJson(line.replace(/,"crc32":"\w+"\}$/, "}"), random))),
      () => lines.splice(at, 0, line),
      () => lines.splice(at, 1),
      () => lines.splice(random.below(lines.length), 0, ...lines.splice(at, 1)),
      () => lines.splice(at, 1, mutateBytes(Buffer.from(line), random).toString("utf8")),
    ];
    if (/^\{.*\}$/.test(line)) random.pick(edits)();
  }
  // The header is stored three times; if one were changed, the journal would be refused before the rest is read.
  const [first = ""] = lines;
  return random.chance(0.5) ? [first, first, first, ...lines.slice(3)].join("\n") : lines.join("\n");
}

export const journal: Target = {
  seeds: () => readCorpus("journal"),
  mutate: (file, random) =>
    random.chance(0.15)
      ? mutateBytes(file, random)
      : Buffer.from(mutateLines(Buffer.from(file).toString("utf8"), random)),
  read(file, folder) {
    const path = join(folder, "journal.jsonl");
    writeFileSync(path, file);
    const { damage } = readJournal(path);
    return () => damage.map(({ problem }) => problem);
  },
  refusals: [UsageError],
};
