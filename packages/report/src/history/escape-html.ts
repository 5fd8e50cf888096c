import { oneLine } from "../untrusted.js";

/** Text from a file as harmless HTML, in one line. */
export const escapeHtml = (text: string): string =>
  oneLine(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
