/** Remembers that the page was loaded again for isolation, since a browser may refuse it. */
const TRIED = "softmax-bench isolation";

/** Isolates the page by a service worker that adds headers. @returns true if the page is about to be loaded again */
export async function isolate(): Promise<boolean> {
  if (crossOriginIsolated) {
    sessionStorage.removeItem(TRIED);
    return false;
  }
  if (!("serviceWorker" in navigator) || sessionStorage.getItem(TRIED)) return false;
  try {
    await navigator.serviceWorker.register("service-worker.js");
    await navigator.serviceWorker.ready;
  } catch {
    return false;
  }
  sessionStorage.setItem(TRIED, "yes");
  location.reload();
  return true;
}
