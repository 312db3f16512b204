/** What is said of a span: in the tooltip, to a screen reader, in the legend. All by
 * textContent. */

import { Flag, extent } from "./model.js";
import { noteOf } from "./paint.js";
import { exactNs, formatNs } from "./time.js";

const KINDS = {
  self: "own work",
  gap: "gap: network, queueing, serialisation",
  db: "database",
  messaging: "message broker",
  remote: "peer without instrumentation",
  wait: "waiting for a resource",
};

/**
 * Fills the tooltip.
 *
 * @param {HTMLElement} tip
 * @param {import("./view.js").WaterfallView} view
 * @param {number} row
 */
export function describe(tip, { model, aligned }, row) {
  const hop = model.hops[model.hop[row]];
  const cell = model.cells[model.cell[row]];
  const [start] = extent(model, row, aligned);
  const language = hop.language === "unknown" ? "" : ` (${hop.language})`;
  const both = (ns) => `${formatNs(ns)} (${exactNs(ns)})`;
  const lines = [
    `${hop.name}${language}`,
    `took ${both(model.duration[row])}`,
    `from ${formatNs(start)} after the request began`,
    model.own[row]
      ? `${both(model.own[row])} on the critical path: ${cell.hop}, ${KINDS[cell.kind]}`
      : `nothing on the critical path; ${formatNs(model.local[row])} of its own`,
  ];
  if (model.shift[row]) {
    const moved = formatNs(-model.shift[row]);
    lines.push(aligned ? `moved by ${moved} to align the clocks` : `its clock is off by ${formatNs(model.shift[row])}`);
  }
  const marks = model.marks[row + 1] - model.marks[row];
  if (marks) lines.push(`${marks} ${marks === 1 ? "event or log line" : "events and log lines"}`);
  if (model.flags[row] & Flag.ERROR) lines.push("failed");
  const oddities = model.texts[model.oddities[row]];
  if (oddities) lines.push(`odd: ${oddities}`);
  const title = document.createElement("b");
  title.textContent = noteOf(model, row) + model.texts[model.name[row]];
  tip.replaceChildren(title, ...lines.map((line) => textElement("span", line)));
}

/**
 * Makes a tree item of the row that the keyboard is at.
 *
 * @param {HTMLElement} item
 * @param {import("./view.js").WaterfallView} view
 */
export function tell(item, { model, tree, active, selected }) {
  const hop = model.hops[model.hop[active]];
  const own = model.own[active] ? `, ${formatNs(model.own[active])} on the critical path` : "";
  const failed = model.flags[active] & Flag.ERROR ? ", failed" : "";
  item.textContent =
    `${noteOf(model, active)}${model.texts[model.name[active]]}, ${hop.name}, ` +
    `${formatNs(model.duration[active])}${own}${failed}`;
  item.setAttribute("aria-level", String(model.depth[active] + 1));
  item.setAttribute("aria-selected", String(active === selected));
  item.setAttribute("aria-posinset", String(tree.placeOf(active) + 1));
  item.setAttribute("aria-setsize", String(tree.visible.length));
  if (tree.hasChildren(active)) {
    item.setAttribute("aria-expanded", String(!tree.collapsed[active]));
  } else item.removeAttribute("aria-expanded");
}

/**
 * Which colour stands for which language and kind of time.
 *
 * @param {HTMLElement} list
 * @param {import("./model.js").Model} model
 */
export function fillLegend(list, model) {
  const colours = new Map();
  for (const hop of model.hops) {
    const known = colours.get(hop.language) ?? { colour: hop.colour, names: [] };
    if (!known.names.includes(hop.name)) known.names.push(hop.name);
    colours.set(hop.language, known);
  }
  const items = [...colours].map(([language, { colour, names }]) => {
    const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
    return legendItem(colour, `${language}: ${names.slice(0, 3).join(", ")}${more}`);
  });
  const kinds = new Map(
    model.cells.filter((cell) => cell.language === "-").map((cell) => [cell.kind, cell.colour]),
  );
  for (const [kind, colour] of kinds) {
    const hatched = `repeating-linear-gradient(135deg, ${colour} 0 2px, transparent 2px 4px)`;
    items.push(legendItem(kind === "gap" ? hatched : colour, KINDS[kind]));
  }
  list.replaceChildren(...items);
}

function legendItem(background, text) {
  const item = document.createElement("li");
  const swatch = document.createElement("i");
  swatch.style.background = background;
  item.append(swatch, textElement("span", text));
  return item;
}

function textElement(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}
