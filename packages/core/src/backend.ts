import type { FloatDType } from "@softmax-bench/graph";
import type { KernelAccuracy } from "./bounds/kernels.js";
import type { FloatArray } from "./float-array.js";
import type { MethodId } from "./methods.js";
import type { GradientTask } from "./program.js";
import type { PreparedStep, StepTask } from "./step.js";

/**
 * The contract between a runtime and everything that measures it. The split follows who pays for what: `probe` is cheap
 * and safe to call anywhere, `open` starts a runtime, `prepare` compiles one task, and `Prepared` separates the work of
 * a gradient from moving it: a benchmark must not mix these two costs. Adapters compute; they never measure time.
 */
export interface Backend {
  /** The name that users type, e.g. `tfjs-wasm`. */
  readonly id: string;
  /** Element types that the runtime supports; a device may support fewer, see `EngineInfo.dtypes`. */
  readonly dtypes: readonly FloatDType[];
  /** The kinds of hosts that it runs in; absent: processes of any JavaScript runtime. */
  readonly hosts?: readonly HostKind[];
  /** The methods that it supports, if it is not built from the formulations' graphs; absent: all that have graphs. */
  readonly methods?: readonly MethodId[];
  /** The accuracy of its exponentials, logarithms and divisions, if that is less than `FAITHFUL`. */
  readonly kernels?: KernelAccuracy;
  /** Rough cost of its gradients; absent: that of most backends. */
  readonly cost?: BackendCost;
  /** Runs a step of a deep network in a second or less on any machine: the depth experiment includes it by default. */
  readonly trainsFast?: boolean;
  /** Reports whether it is usable here; if not, why, and what would fix it. Cheap, never throws. */
  probe(): Promise<Availability>;
  /** Variables that its process must start with: native libraries read them while they load. Never throws. */
  environment?(): Promise<Readonly<Record<string, string>>>;
  /**
   * Installs what the packages lack (libraries, an addon) in the user's cache, unless it is there. Never throws.
   * Undefined if this machine needs nothing; absent if no machine does.
   */
  provision?(options: ProvisionOptions): Promise<Availability | undefined>;
  /**
   * Lists files that packages lack, for a copy of this installation that needs no provisioning. Fetches or builds them
   * first. Absent if its packages are all that it needs.
   * @throws Unavailable if they cannot be had here
   */
  listNativeFiles?(options: NativeFileOptions): Promise<readonly NativeFile[]>;
  /** Starts the runtime. @throws Error if it does not start; `Unavailable` if the remedy is known. */
  open(options: OpenOptions): Promise<Engine>;
}

/** Kinds of hosts that backends run in. Chromium and Firefox are browsers; `python` is for references. */
export const HOST_KINDS = ["node", "bun", "deno", "browser", "python"] as const;
export type HostKind = (typeof HOST_KINDS)[number];

/** Facts for splitting a matrix evenly, and for leaving out of profiles what would take minutes. */
export interface BackendCost {
  /** Nanoseconds per element of a large float32 gradient on two server cores, about the median over methods. */
  readonly nsPerElement: number;
  /** Largest workload, in elements, that the default profile runs on it; absent: any size. */
  readonly mostElements?: number;
  /** The same for the gate, which measures each cell hundreds of times. */
  readonly mostElementsInGate?: number;
}

export type Availability =
  | { readonly available: true }
  | { readonly available: false; readonly reason: string; readonly remedy: string };

/** The reason why something is unavailable, with a remedy: `open` throws it if `probe` could not know. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
  readonly remedy: string;

  constructor(reason: string, remedy: string) {
    super(reason);
    this.remedy = remedy;
  }
}

/** A violation of the backend's interface: an error of the backend's author. */
export class ContractError extends TypeError {
  override readonly name = "ContractError";
  readonly remedy = "mend the backend: see Backend in @softmax-bench/core";
}

/** True if an error is an `Unavailable` of any copy of this package: an external backend may bring its own. */
export const isUnavailable = (error: unknown): error is Unavailable =>
  error instanceof Error &&
  error.name === "Unavailable" &&
  "remedy" in error &&
  typeof error.remedy === "string";

/** Something that is missing here, and the cost of providing it. */
export interface MissingPart {
  /** Identifies it and its version. */
  readonly name: string;
  /** The name for users: "TensorFlow 2.21.0". */
  readonly title: string;
  readonly downloadBytes: number;
  /** The time of building it once it is downloaded, in seconds. */
  readonly buildSeconds: number;
}

/** Returns whether the user agrees to the cost of providing something. */
export type Confirm = (part: MissingPart) => Promise<boolean>;

export interface ProvisionOptions {
  /** Receives each step in a few words: "downloading tensorflow-cpu 2.21.0". */
  readonly progress: (step: string) => void;
  readonly signal: AbortSignal;
  /** Called before anything large is fetched or built; absent if the user asked for it. */
  readonly confirm?: Confirm | undefined;
  /** The user named this backend: provision even what the machine cannot use yet, e.g. without a GPU. */
  readonly wanted: boolean;
}

export interface NativeFileOptions extends Omit<ProvisionOptions, "wanted"> {
  /** True to list CUDA's libraries, too, which are large and may be installed where the copy goes. */
  readonly cudaLibraries: boolean;
}

/** A file or a folder that a copy of an npm package has beside its own files. */
export interface NativeFile {
  /** Its path on this machine. */
  readonly source: string;
  /** The name of the npm package. */
  readonly package: string;
  /** Its path in the folder of the package. */
  readonly path: string;
}

export interface OpenOptions {
  /** Threads that the runtime may compute with; it reports the actual number in `EngineInfo.threads`. */
  readonly threads: number;
}

export type DeviceKind = "cpu" | "gpu" | "software-gpu";

/** The kind of a runtime's kernels: machine code of this platform, or code that any JavaScript engine runs. */
export const CODE_KINDS = ["native", "webassembly", "javascript"] as const;
export type CodeKind = (typeof CODE_KINDS)[number];

export interface EngineInfo {
  readonly engine: { readonly name: string; readonly version: string; readonly code: CodeKind };
  readonly device: { readonly kind: DeviceKind; readonly name: string };
  readonly threads: number;
  readonly dtypes: readonly FloatDType[];
  /** Other settings that affect error or time, by name, e.g. `{ TF32: "off" }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** `note` is what a reader of the cell must know, e.g. that the library's "autograd" is written by hand internally. */
export type Support =
  | { readonly ok: true; readonly note?: string }
  | { readonly ok: false; readonly reason: string };

export interface Engine extends AsyncDisposable {
  readonly info: EngineInfo;
  /** Reports, before anything is compiled, whether a task is supported. Cheap, never throws. */
  supports(task: GradientTask): Support;
  /** Compiles the task and uploads the inputs. @throws Error if the task is not supported. */
  prepare(task: GradientTask, inputs: Inputs, options?: PrepareOptions): Promise<Prepared>;
  /** Compiles a step of training a network; absent if the runtime supports losses only. */
  prepareStep?(task: StepTask): Promise<PreparedStep>;
}

export interface PrepareOptions {
  /** False if `forward` will not be called, so that a runtime need not compile it. Default: true. */
  readonly forward?: boolean;
}

/**
 * A task's inputs, row-major, floats in the array type of the task's dtype (half precision in a Float32Array). The task's loss options decide which inputs
 * exist and what labels are.
 */
export interface Inputs {
  /** `[N, C]`. */
  readonly logits: FloatArray;
  /** Class indices `[N]`, each in [0, C) or the ignored one; or probabilities `[N, C]`. */
  readonly labels: Int32Array | FloatArray;
  /** Class weights `[C]`. */
  readonly weights?: FloatArray | undefined;
  /** For reduction "none": gradient of a later quantity with respect to each row's loss, `[N]`. */
  readonly upstream?: FloatArray | undefined;
}

export interface GradientResult {
  /** The loss, in the task's dtype: one value, or one per row for reduction "none". */
  readonly loss: FloatArray;
  /**
   * Gradient of the loss with respect to the logits: `[N, C]`, row-major, in the task's dtype: every value is one of
   * the dtype's, half-precision ones in a Float32Array.
   */
  readonly gradient: FloatArray;
}

/**
 * One compiled task with its inputs on the device. Every method resolves when its work is done, not when it is queued;
 * lazy and asynchronous devices are synchronised.
 */
export interface Prepared extends AsyncDisposable {
  /** Replaces the device's copy of the inputs with the host's, and discards results computed from the old one. */
  upload(): Promise<void>;
  /** Computes the loss and leaves it on the device. */
  forward(): Promise<void>;
  /** Computes loss and gradient and leaves both on the device, without the cost of moving the gradient. */
  gradient(): Promise<void>;
  /**
   * Copies loss and gradient to the host; computes them first if `gradient` was not called since the last upload. The
   * next `read` may reuse the arrays; they outlive the disposal.
   */
  read(): Promise<GradientResult>;
  /**
   * Upload, gradient and read as one call, where the runtime overlaps them. It returns the same bits; the results on
   * the device may be older afterwards.
   */
  roundtrip?(): Promise<GradientResult>;
  /**
   * `copies`: `read` moves what `gradient` left on the device. `recomputes`: the runtime cannot keep an output
   * on its side, so `read` computes again and returns everything; its cost contains that of `gradient`.
   */
  readonly readback: "copies" | "recomputes";
}

/** The phases that a measurement times; see `docs/methodology.md`. */
export const PHASES = ["forward", "gradient", "readback", "roundtrip"] as const;
export type Phase = (typeof PHASES)[number];
