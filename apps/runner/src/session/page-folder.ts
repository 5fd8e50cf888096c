import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** The page that measures, as it was built. */
export const PAGE_FOLDER = dirname(fileURLToPath(import.meta.resolve("@softmax-bench/page/index.html")));
