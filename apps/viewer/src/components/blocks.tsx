import { type Block, oneLine } from "@softmax-bench/report/model";
import { Table } from "./table.js";

/** The blocks that terminal and Markdown show, as HTML. @param label of its tables */
export function Blocks({ blocks, label }: { blocks: readonly Block[]; label: string }) {
  return <>{blocks.map((block) => element(block, label))}</>;
}

function element(block: Block, label: string) {
  switch (block.kind) {
    case "heading":
      return <h3 key={block.text}>{oneLine(block.text)}</h3>;
    case "paragraph":
      return (
        <p key={block.text} class={block.emphasis ? "answer" : undefined}>
          {oneLine(block.text)}
        </p>
      );
    case "list":
      return (
        <ul key={block.items.join()}>
          {block.items.map((item) => (
            <li key={item}>{oneLine(item)}</li>
          ))}
        </ul>
      );
    case "table":
      return <Table key={block.header.join()} label={label} columns={block.header} rows={block.rows} />;
    case "image":
      return null;
  }
}
