import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { installWheels } from "../src/index.js";

it("wheels that pip does not get are named in one line, without their checksums", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pip-test-"));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  const python = "#!/bin/sh\necho 'ERROR: No matching distribution found for b' >&2; exit 1\n";
  writeFileSync(join(folder, "python3"), python, { mode: 0o755 });
  vi.stubEnv("PATH", folder);
  const requirements = ["a==1.0 --hash=sha256:00", "b==2.0"];
  const { signal } = new AbortController();
  await expect(installWheels({ requirements, target: folder, signal })).rejects.toMatchObject({
    message: "pip does not get a==1.0 b==2.0: ERROR: No matching distribution found for b",
    remedy:
      "see to it that python3 -m pip install --target <folder> a==1.0 b==2.0 works, then run this again",
  });
});
