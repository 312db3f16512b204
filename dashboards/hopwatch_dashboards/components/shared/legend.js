/** Which colour stands for what. */

import { textElement } from "./text.js";

/** Kind of a cell -> what it says. */
export const KINDS = {
  self: "own work",
  gap: "gap: network, queueing, serialisation",
  db: "database",
  messaging: "message broker",
  remote: "peer without instrumentation",
  wait: "waiting for a resource",
};

/**
 * Which colour stands for which language and kind of time.
 *
 * @param {HTMLElement} list
 * @param {Iterable<{name: string, language: string, colour: string}>} hops
 * @param {Iterable<{kind: string, language: string, colour: string}>} cells
 */
export function fillLegend(list, hops, cells) {
  const colours = new Map();
  for (const hop of hops) {
    const known = colours.get(hop.language) ?? { colour: hop.colour, names: [] };
    if (!known.names.includes(hop.name)) known.names.push(hop.name);
    colours.set(hop.language, known);
  }
  const items = [...colours].map(([language, { colour, names }]) => {
    const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
    return legendItem(colour, `${language}: ${names.slice(0, 3).join(", ")}${more}`);
  });
  const kinds = new Map(
    [...cells].filter((cell) => cell.language === "-").map((cell) => [cell.kind, cell.colour]),
  );
  for (const [kind, colour] of kinds) {
    const hatched = `repeating-linear-gradient(135deg, ${colour} 0 2px, transparent 2px 4px)`;
    items.push(legendItem(kind === "gap" ? hatched : colour, KINDS[kind]));
  }
  list.replaceChildren(...items);
}

/** @param {string} background CSS @param {string} text */
export function legendItem(background, text) {
  const item = document.createElement("li");
  const swatch = document.createElement("i");
  swatch.style.background = background;
  item.append(swatch, textElement("span", text));
  return item;
}
