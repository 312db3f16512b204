/**
 * Two requests as one picture (views/compare_flame.py): a bar is as wide as it is on both sides
 * together, and coloured by how much its own time changed.
 */

import { legendItem } from "../shared/legend.js";
import { withAlpha } from "../shared/theme.js";

const MORE = "#d1520a";
const LESS = "#1b87b8";

/**
 * What is known of two sides beyond their sum; nothing in a picture of one.
 *
 * @param {Record<string, any>} model
 */
export function twoSides({ ownBefore, ownAfter }) {
  if (!ownBefore) return {};
  const change = ownAfter.map((ns, row) => ns - ownBefore[row]);
  return { change, widest: change.reduce((most, ns) => Math.max(most, Math.abs(ns)), 1) };
}

/** @param {import("./model.js").Model} model @param {number} row @param {string} unchanged */
export function shadeOf({ change, widest }, row, unchanged) {
  const part = Math.sqrt(Math.abs(change[row]) / widest);
  if (part < 0.02) return unchanged;
  return withAlpha(change[row] > 0 ? MORE : LESS, 0.15 + 0.65 * part);
}

/** @param {HTMLElement} list */
export function explainShades(list) {
  const shades = [
    [MORE, "its own time rose"],
    [LESS, "its own time fell"],
  ];
  list.prepend(...shades.map(([colour, text]) => legendItem(colour, text)));
}
