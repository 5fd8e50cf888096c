import { render } from "preact";
import { z } from "zod";
import { App } from "./app.js";
import { readEmbedded } from "./runs.js";
import "./style.css";

// Compiling validators takes `new Function`, which the page's policy forbids.
z.config({ jitless: true });

const root = document.getElementById("app");
const data = document.getElementById("runs");
if (!root || !data) throw new Error("the page has lost its parts");
root.replaceChildren();
render(<App initial={readEmbedded(data.textContent)} isLive={"live" in data.dataset} />, root);
