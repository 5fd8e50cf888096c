import { fileURLToPath } from "node:url";

/** The address of the repository, for links to files that are not part of the site; without one they are plain text. */
const { REPOSITORY_URL } = process.env;

const DOCS = fileURLToPath(new URL("..", import.meta.url));

const link = (text, name) => ({ text, link: `/${name}` });

export default {
  title: "softmax-bench",
  description:
    "How wrong and how slow is every gradient of softmax cross-entropy, on every JavaScript ML backend?",
  base: process.env.DOCS_BASE ?? "/",
  cleanUrls: true,
  srcExclude: ["runs/**"],
  themeConfig: {
    search: { provider: "local" },
    nav: [
      link("Findings", "findings"),
      link("Commands", "cli"),
      link("API", "api/"),
      link("Glossary", "glossary"),
    ],
    sidebar: [
      {
        text: "Findings",
        items: [
          link("Which backend?", "findings"),
          link("Which formulation?", "formulations"),
          link("How gradients scale", "scaling"),
        ],
      },
      {
        text: "Guide",
        items: [
          link("Commands", "cli"),
          link("Your own logits and losses", "your-own"),
          link("Judging a gradient", "judge"),
          link("Gradients as ONNX models", "onnx"),
          link("Has it got worse?", "ci"),
          link("Since when?", "history"),
          link("On a machine with a GPU", "gpu"),
        ],
      },
      {
        text: "How it is measured",
        items: [
          link("Methodology", "methodology"),
          link("The regression gate", "regression-gate"),
          link("What survives what", "faults"),
          link("Performance", "performance"),
          link("Glossary", "glossary"),
        ],
      },
      { text: "Reference", items: [link("API", "api/")] },
    ],
  },
  markdown: { config: (markdown) => markdown.core.ruler.push("outside", linkToRepository) },
};

/** Leads links that leave the folder of documents to the repository, or takes them away. */
function linkToRepository({ tokens, env }) {
  for (const { children } of tokens) {
    for (const [index, token] of (children ?? []).entries()) {
      const target = token.type === "link_open" ? token.attrGet("href") : undefined;
      if (!target || /^([a-z]+:|#|\/)/.test(target)) continue;
      const url = new URL(target, `file://${env.path}`);
      const isOutside = !url.pathname.startsWith(DOCS) || url.pathname.startsWith(`${DOCS}runs/`);
      if (!isOutside) continue;
      if (REPOSITORY_URL) {
        const root = new URL("../", `file://${DOCS}`).pathname;
        token.attrSet("href", `${REPOSITORY_URL}/blob/HEAD/${url.pathname.slice(root.length)}${url.hash}`);
      } else {
        removeLink(children, index);
      }
    }
  }
}

/** Leaves the text of a link. */
function removeLink(tokens, opening) {
  const closing = tokens.findIndex(({ type }, index) => index > opening && type === "link_close");
  for (const index of [opening, closing]) {
    tokens[index].type = "text";
    tokens[index].tag = "";
    tokens[index].content = "";
    tokens[index].nesting = 0;
  }
}
