export { type CacheState, cacheRoot, inspect } from "./cache.js";
export { endsWithParent } from "./ends-with-parent.js";
export { evict } from "./evict.js";
export { nvidiaDriver } from "./nvidia.js";
export { installWheels } from "./pip.js";
export { PLATFORM } from "./platform.js";
export { type Ending, runTree } from "./process-tree.js";
export { describeCost, type ProvideOptions, provide, provision, type Recipe, Refused } from "./provide.js";
export { CommandError, decisiveLine, readOutput, run } from "./run.js";
