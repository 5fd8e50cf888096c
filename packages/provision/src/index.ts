export { type CacheState, cacheRoot, inspect } from "./cache.js";
export { evict } from "./evict.js";
export { nvidiaDriver } from "./nvidia.js";
export { installWheel } from "./pip.js";
export { type ProvideOptions, provide, provision, type Recipe } from "./provide.js";
export { CommandError, run } from "./run.js";
