/** The name of the processor, as far as the host says: browsers do not. */
export function processorName(): string {
  const os = globalThis.process?.getBuiltinModule?.("node:os");
  return os?.cpus()[0]?.model.trim() || "unnamed processor";
}
