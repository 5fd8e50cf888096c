import { createHash } from "node:crypto";
import { schema } from "@softmax-bench/core/results";

/** Whether a text names one file or folder: it leads nowhere else, is no option, and is not hidden. */
export const isFileName = (text: string): boolean => schema.fileName.safeParse(text).success;

/** Characters that a name takes over from the text that it stands for. */
const READABLE = 40;

/**
 * The name of a file for a text that may hold anything: always the same, and another one for every other text, also where
 * the file system does not distinguish cases. A text that is a good name as it is stays; the name of any other ends in `~` and
 * a part of its SHA-256, and no text with a `~` stays as it is.
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
