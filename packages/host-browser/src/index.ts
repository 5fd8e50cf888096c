export { BrowserHost } from "./browser-host.js";
export { BROWSER_KINDS, type Browser, type BrowserKind, findBrowser } from "./browsers.js";
export { launch } from "./launch.js";
export { LaunchedBrowser } from "./launched-browser.js";
export { PageServer } from "./page-server.js";
export { Pages, readBody } from "./pages.js";
export { type FrameRequest, VisitingBrowser } from "./visiting-browser.js";
