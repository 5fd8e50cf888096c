import { createHash } from "node:crypto";
import { schema } from "@softmax-bench/core/results";

/** True if a text names one file or folder: it leads nowhere else, is no option, and is not hidden. */
export const isFileName = (text: string): boolean => schema.fileName.safeParse(text).success;

/** The number of characters that a name takes over from its text. */
const READABLE = 40;

/**
 * The name of a file for a text that may hold anything. Equal texts have equal names, different texts different names,
 * also if the file system does not distinguish cases. A text that is a good name stays unchanged. The name of any other
 * ends in `~` and a part of its SHA-256. A text with a `~` never stays unchanged.
 */
export function fileNameFor(text: string): string {
  if (/^[a-z0-9_][a-z0-9_.-]{0,99}$/.test(text)) return text;
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 16);
  const readable = Array.from(text.normalize().replaceAll(/[^\p{L}\p{M}\p{N}_.-]+/gu, "-"))
    .slice(0, READABLE)
    .join("")
    .replace(/^[.-]+|[.-]+$/g, "");
  return `${readable || "name"}~${digest}`;
}
