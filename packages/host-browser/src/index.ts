export { BrowserHost } from "./browser-host.js";
export { BROWSER_KINDS, type Browser, type BrowserKind, findBrowser } from "./browsers.js";
export { PageServer } from "./page-server.js";
