import { useLayoutEffect, useState } from "preact/hooks";
import { formatAddress, scrollToSection } from "../address.js";
import type { View } from "../selection.js";

interface Entry {
  readonly id: string;
  readonly title: string;
}

/** Links to the sections that are on the page, in the words of their headings. */
export function Contents({ view }: { view: View }) {
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  // Sections themselves decide whether they have anything to show.
  useLayoutEffect(() => {
    const found = [...document.querySelectorAll("main section[id]")].map((section) => ({
      id: section.id,
      title: section.querySelector("h2")?.textContent ?? "",
    }));
    if (JSON.stringify(found) !== JSON.stringify(entries)) setEntries(found);
  });
  return (
    <nav class="contents" aria-label="Contents">
      <ul>
        {entries.map(({ id, title }) => (
          <li key={id}>
            <a href={formatAddress(view, id)} onClick={() => scrollToSection(id)}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
