/** The TensorFlow that is fetched if none is installed: newer than the one tfjs-node was built for, same C API. */
export const TENSORFLOW_VERSION = "2.21.0";

const SHA256: Partial<Record<string, string>> = {
  "tensorflow-cpu x64": "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c",
  "tensorflow arm64": "4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c",
};

/** The wheel with TensorFlow's libraries for this machine. */
export interface Wheel {
  readonly id: string;
  /** In the syntax of a requirements file. */
  readonly requirement: string;
  /** CUDA's libraries are wheels of their own. */
  readonly dependencies: boolean;
  /** Bytes on disk of everything unpacked, and of the wheel itself. */
  readonly space: number;
  /** Bytes that pip downloads. */
  readonly downloadBytes: number;
}

/** The wheel for CUDA if there is an NVIDIA driver, otherwise the smaller one. */
export function wheelFor(driver: string | undefined): Wheel {
  const pin = `==${TENSORFLOW_VERSION}`;
  if (driver) {
    return {
      id: `tensorflow-cuda-${TENSORFLOW_VERSION}`,
      requirement: `tensorflow[and-cuda]${pin}`,
      dependencies: true,
      space: 12e9,
      downloadBytes: 3.4e9,
    };
  }
  const name = process.arch === "x64" ? "tensorflow-cpu" : "tensorflow";
  const sha256 = SHA256[`${name} ${process.arch}`];
  return {
    id: `${name}-${TENSORFLOW_VERSION}`,
    requirement: `${name}${pin}${sha256 ? ` --hash=sha256:${sha256}` : ""}`,
    dependencies: false,
    space: 2e9,
    downloadBytes: process.arch === "x64" ? 274e6 : 282e6,
  };
}
