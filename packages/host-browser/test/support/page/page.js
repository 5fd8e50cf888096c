// Speaks the protocol of a measuring page, one way for each backend that a test opens.
const SPENT = { prepare: 0, settle: 0, measure: 0 };
let backend = "";

const post = (path, body) => fetch(path, { method: "POST", body });
let number = 0;
const reply = (message) => post(`replies?to=${number}`, JSON.stringify(message));

const OPENED = {
  type: "opened",
  protocol: 4,
  engine: { name: "page", version: "1", code: "javascript" },
  device: { kind: "cpu", name: String(crossOriginIsolated) },
  threads: 1,
  dtypes: ["float32"],
  coldStartNs: 1,
};

async function echo({ rows, classes }) {
  const bytes = 4 * rows * classes;
  const logits = new Uint8Array(await (await fetch(`inputs?from=0&bytes=${bytes}`)).arrayBuffer());
  const loss = new Uint8Array(new Float32Array([2]).buffer);
  await post(`results?to=${number}`, new Blob([loss, logits]));
  await reply({ type: "computed", readback: "copies", spent: SPENT });
}

new EventSource("requests?after=0").addEventListener("message", async ({ data, lastEventId }) => {
  number = Number(lastEventId);
  const request = JSON.parse(data);
  if (request.type === "open") {
    backend = request.backend;
    await reply(OPENED);
    return;
  }
  if (backend === "echo") await echo(request);
  else if (backend === "nonsense") await post(`replies?to=${number}`, "\u001b[2Jnonsense");
  else if (backend === "fails") await post("failures", "no memory left");
  else if (backend === "closes") location.href = "about:blank";
  else if (backend === "short") {
    await post(`results?to=${number}`, new Uint8Array(3));
    await reply({ type: "computed", readback: "copies", spent: SPENT });
  }
});
