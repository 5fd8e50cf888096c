import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const GPUS = "/proc/driver/nvidia/gpus";

/** Models of the NVIDIA GPUs that the kernel driver knows, e.g. `NVIDIA L4`; empty without any. */
export async function nvidiaModels(): Promise<string[]> {
  const gpus = await readdir(GPUS).catch(() => []);
  const texts = await Promise.all(
    gpus.map((gpu) => readFile(join(GPUS, gpu, "information"), "utf8").catch(() => "")),
  );
  return texts.flatMap((text) => /^Model:\s*(.+?)\s*$/m.exec(text)?.[1] ?? []);
}
