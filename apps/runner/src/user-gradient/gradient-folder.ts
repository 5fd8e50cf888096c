import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import type { GradientResult } from "@softmax-bench/core";
import { messageOf } from "@softmax-bench/core";
import { formatNpy } from "@softmax-bench/npy";
import { makeFolder } from "../fs/make-folder.js";
import { writeAtomically } from "../fs/write-atomically.js";
import { UsageError } from "../terminal/errors.js";
import type { UserProblem } from "./user-arrays.js";

/** A folder that gradients are written to: `<backend>/<method>/{loss,gradient}.npy`. */
export class GradientFolder {
  readonly path: string;
  #written = 0;

  /** @throws UsageError if the folder cannot be made or written to. */
  constructor(path: string) {
    this.path = path;
    try {
      makeFolder(path);
      accessSync(path, constants.W_OK);
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }

  get written(): number {
    return this.#written;
  }

  /** @throws UsageError if there is no room. No file is ever half written. */
  write(
    backend: string,
    method: string,
    { loss, gradient }: GradientResult,
    { rows, classes, loss: { reduction } }: Pick<UserProblem, "rows" | "classes" | "loss">,
  ): void {
    const lossShape = reduction === "none" ? [rows] : [];
    const folder = join(this.path, backend, ...method.split("/"));
    try {
      makeFolder(folder);
      writeAtomically(join(folder, "loss.npy"), formatNpy({ shape: lossShape, data: loss }));
      const shape = [rows, classes];
      writeAtomically(join(folder, "gradient.npy"), formatNpy({ shape, data: gradient }));
    } catch (error) {
      throw cannotWrite(folder, error);
    }
    this.#written++;
  }
}

const cannotWrite = (path: string, error: unknown): UsageError =>
  new UsageError(`cannot write to --out ${path}: ${messageOf(error)}; choose another folder`);
