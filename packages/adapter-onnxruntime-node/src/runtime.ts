import { env } from "onnxruntime-node";

/** Version of the native library, as it reports itself. */
export const runtimeVersion = (): string => env.versions.node ?? env.versions.common;
