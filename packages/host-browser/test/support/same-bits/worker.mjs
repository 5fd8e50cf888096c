import { digests } from "./digests.mjs";

postMessage(JSON.stringify(await digests(__THREADS__)));
