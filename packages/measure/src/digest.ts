/** The digest of text, or of bytes that are not in shared memory: equal digests are equal bytes. */
export async function sha256(content: string | ArrayBufferView): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const hash = await crypto.subtle.digest("SHA-256", bytes as ArrayBufferView<ArrayBuffer>);
  const digits = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0"));
  return `sha256:${digits.join("")}`;
}
