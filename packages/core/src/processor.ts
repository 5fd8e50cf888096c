/** The name of the processor, if the host reports it: browsers do not. */
export function processorName(): string {
  const os = globalThis.process?.getBuiltinModule?.("node:os");
  return os?.cpus()[0]?.model.trim() || "unnamed processor";
}
