/** The part of Playwright's page that opens an address. */
interface Page {
  goto(address: string): Promise<unknown>;
  waitForSelector(selector: string): Promise<unknown>;
  on(event: "requestfailed", listener: (request: Request) => void): unknown;
}

interface Request {
  failure(): { readonly errorText: string } | null;
}

const CHANGED = "ERR_NETWORK_CHANGED";

/** Opens an address, and waits for an element. Opens it again if the machine's network changes meanwhile, which is not what is tested. */
export async function openPage(page: Page, address: string, selector: string): Promise<void> {
  for (let isOpen = false; !isOpen; ) {
    const changed = new Promise<false>((resolve) => {
      page.on("requestfailed", (request) => {
        if (request.failure()?.errorText.includes(CHANGED)) resolve(false);
      });
    });
    const opened = page.goto(address).then(async () => {
      await page.waitForSelector(selector);
      return true;
    });
    isOpen = await Promise.race([changed, opened]).catch((error) => {
      if (String(error).includes(CHANGED)) return false;
      throw error;
    });
    if (!isOpen) opened.catch(() => {});
  }
}
