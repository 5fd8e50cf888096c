/**
 * Watches the GPU devices and contexts that runtimes open in this worker. One that is lost does not come back, and whatever a runtime
 * makes of that is no result.
 *
 * @param report receives what happened
 * @returns whether something has
 */
export function watchDevices(report: (message: string) => void): () => boolean {
  let hasFailed = false;
  const fail = (message: string) => {
    hasFailed = true;
    report(message);
  };
  if ("GPUAdapter" in globalThis) {
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (...options) {
      const device = await requestDevice.apply(this, options);
      device.addEventListener("uncapturederror", ({ error }) => fail(`an error of WebGPU: ${error.message}`));
      void device.lost.then(({ reason, message }) => {
        if (reason !== "destroyed") fail(`the GPU device was lost: ${message}`);
      });
      return device;
    };
  }
  if ("OffscreenCanvas" in globalThis) {
    const { getContext } = OffscreenCanvas.prototype;
    OffscreenCanvas.prototype.getContext = function (this: OffscreenCanvas, ...options: unknown[]) {
      this.addEventListener("webglcontextlost", () => fail("the WebGL context was lost"));
      return Reflect.apply(getContext, this, options);
    };
  }
  return () => hasFailed;
}
