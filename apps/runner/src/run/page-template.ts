import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The report page without runs, see `renderPage`. */
export const pageTemplate = (): string =>
  readFileSync(fileURLToPath(import.meta.resolve("@softmax-bench/viewer/page.html")), "utf8");
