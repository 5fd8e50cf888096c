import { fstatSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { isSystemError, messageOf } from "@softmax-bench/core";
import { type NamedArrays, NoRoomError, type Values } from "@softmax-bench/measure";
import {
  type ArrayFiles,
  closeFiles,
  copyFile,
  isFull,
  openFiles,
  readArrays,
  totalBytes,
  writeArrays,
} from "./array-files.js";

/** The folder of shared memory on systems that have one: no disk is busy while cells are measured. */
const SHARED_MEMORY = "/dev/shm";

/**
 * The parent's end of the exchange of arrays: raw values in two open files without a name, which workers inherit.
 * Sending them through the process channel takes ten times as long. A file without a name disappears with the last of
 * the processes, however they end. The exchange begins in shared memory, which a container may have little of, and
 * leaves it once that is full.
 */
export class Exchange implements Disposable {
  readonly #say: (line: string) => void;
  #files: ArrayFiles;
  #hasMoved = false;
  /** Id of the inputs that the file holds. */
  #held: string | undefined;

  /**
   * @param say receives a line for the user if shared memory is missing or full
   * @throws NoRoomError if the temporary folder cannot be written to either
   */
  constructor(say: (line: string) => void) {
    this.#say = say;
    try {
      this.#files = openFiles(SHARED_MEMORY);
    } catch (error) {
      this.#files = openTemporaryFiles(`no shared memory (${messageOf(error)})`);
      this.#hasMoved = true;
      say(`no shared memory (${messageOf(error)}): arrays go through files in ${tmpdir()}`);
    }
  }

  /** The files that workers inherit from now on. */
  get files(): ArrayFiles {
    return this.#files;
  }

  /** Writes inputs, unless the file holds them. @throws NoRoomError if there is no room for them */
  hold({ id, make }: NamedArrays): void {
    if (this.#held === id) return;
    this.#held = undefined;
    const arrays = make();
    try {
      this.#write(arrays);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw new NoRoomError(
        `no room for the inputs in shared memory or ${tmpdir()}: ${error.message}; make some, or choose less`,
      );
    }
    this.#held = id;
  }

  /**
   * Moves the inputs out of shared memory, if they are still there. Workers that inherited the old files must be
   * replaced.
   * @returns whether there is more room now
   * @throws NoRoomError if there is no room in the temporary folder either, or it cannot be written to
   */
  makeRoom(): boolean {
    if (this.#hasMoved) return false;
    const before = this.#files;
    const reason = `${SHARED_MEMORY} is full${sizeOfPlace(SHARED_MEMORY)}`;
    this.#files = openTemporaryFiles(reason);
    this.#hasMoved = true;
    this.#say(
      `${reason}: arrays go through files in ${tmpdir()} from now on; docker run --shm-size, or a volume of medium Memory there, gives a container more`,
    );
    copyFile(before.inputs, this.#files.inputs);
    closeFiles(before);
    return true;
  }

  /** Fills arrays with a worker's results. @throws Error if the file does not hold exactly those */
  readResults(into: readonly Values[]): void {
    const { results } = this.#files;
    const { size } = fstatSync(results);
    if (size !== totalBytes(into)) {
      throw new Error(`expected results of ${totalBytes(into)} bytes, the worker wrote ${size}`);
    }
    readArrays(results, into, 0);
  }

  [Symbol.dispose](): void {
    closeFiles(this.#files);
  }

  #write(arrays: readonly Values[]): void {
    try {
      writeArrays(this.#files.inputs, arrays);
    } catch (error) {
      if (!isFull(error) || !this.makeRoom()) throw error;
      writeArrays(this.#files.inputs, arrays);
    }
  }
}

/**
 * Two empty files in the temporary folder.
 * @param reason why they cannot be in shared memory
 * @throws NoRoomError if they cannot be there either
 */
function openTemporaryFiles(reason: string): ArrayFiles {
  try {
    return openFiles(tmpdir());
  } catch (error) {
    throw new NoRoomError(
      `${reason}, and no file can be made in ${tmpdir()} (${messageOf(error)}): the measuring process gets its arrays through one of the two; make one of them larger or writable (docker run --shm-size or --tmpfs ${tmpdir()}), or set TMPDIR`,
    );
  }
}

function sizeOfPlace(path: string): string {
  try {
    const { blocks, bsize } = statfsSync(path);
    return ` (${Math.round((blocks * bsize) / 2 ** 20)} MiB in all)`;
  } catch {
    return "";
  }
}
