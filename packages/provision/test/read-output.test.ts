import { CommandError, readOutput } from "@softmax-bench/provision";
import { expect, it } from "vitest";

it("returns what a command prints, and not what it says beside", async () => {
  expect(await readOutput(["sh", "-c", "echo v1.2.3; echo note >&2"], 5000)).toBe("v1.2.3\n");
});

it("says why a command failed", async () => {
  await expect(readOutput(["sh", "-c", "echo no licence >&2; exit 3"], 5000)).rejects.toThrow("no licence");
  await expect(readOutput(["sh", "-c", "exit 3"], 5000)).rejects.toThrow("it exited with 3");
  await expect(readOutput(["/nowhere/program"], 5000)).rejects.toThrow("spawn /nowhere/program ENOENT");
});

it.each(["sleep 1000", "sleep 1000 & wait", "trap '' TERM; sleep 1000 & wait"])(
  "waits no longer than it is told to: %s",
  async (script) => {
    const begun = performance.now();
    const reading = readOutput(["sh", "-c", script], 300);
    await expect(reading).rejects.toThrow(new CommandError("no answer after 0.3 s"));
    expect(performance.now() - begun).toBeLessThan(60_000);
  },
);
