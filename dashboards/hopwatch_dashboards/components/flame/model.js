/**
 * What Python sends (views/flame.py).
 *
 * @typedef {{hop: string, operation: string, language: string, kind: string, colour: string}} Frame
 * @typedef {object} Model
 * @property {string} id
 * @property {number} rows each before those below it, of which the widest comes first
 * @property {number | null} selected row that is zoomed to at first
 * @property {number} total ns of the request
 * @property {Frame[]} frames
 * @property {Int32Array} depth
 * @property {Int32Array} frame index into frames
 * @property {Float64Array} start ns
 * @property {Float64Array} ns with all that is below
 * @property {Float64Array} own ns
 * @property {Float64Array} calls a request
 * @property {Float64Array} [nsBefore] of two sides, of which the columns above are the sums; also
 *   nsAfter, ownBefore, ownAfter, callsBefore, callsAfter
 * @property {Float64Array} [change] of two sides, of the own time
 * @property {number} [widest] the greatest of these changes
 * @property {Int32Array} parent row above; -1: none
 * @property {Int32Array} end first row after all that is below
 */

import { unpack } from "../shared/columns.js";
import { connect } from "../shared/preorder.js";
import { twoSides } from "./difference.js";

/**
 * @param {Uint8Array} bytes
 * @returns {Model}
 */
export function decode(bytes) {
  const model = unpack(bytes);
  return { ...model, ...connect(model.depth), ...twoSides(model) };
}

/** @param {Model} model @param {number} row @returns {Frame} */
export function frameOf(model, row) {
  return model.frames[model.frame[row]];
}

/**
 * What a bar is called: its operation, and its hop where that is another than the caller's.
 *
 * @param {Model} model
 * @param {number} row
 * @returns {[string, string]} hop (or nothing), operation (or nothing)
 */
export function labels(model, row) {
  const { hop, operation, kind } = frameOf(model, row);
  if (kind === "gap") return ["", hop];
  const above = model.parent[row];
  const same = above >= 0 && frameOf(model, above).hop === hop;
  return [same ? "" : hop, operation];
}

/**
 * Rows whose hop or operation contains the words, without regard to case.
 *
 * @param {Model} model
 * @param {string} words
 * @returns {number[]}
 */
export function search(model, words) {
  const wanted = words.trim().toLowerCase();
  if (!wanted) return [];
  const fits = model.frames.map(({ hop, operation }) =>
    `${hop} ${operation}`.toLowerCase().includes(wanted),
  );
  const found = [];
  for (let row = 0; row < model.rows; row++) if (fits[model.frame[row]]) found.push(row);
  return found;
}

/**
 * How long rows take together; what is below one of them counts once.
 *
 * @param {Model} model
 * @param {number[]} rows ascending
 * @param {Float64Array} [times] of one side
 */
export function union(model, rows, times = model.ns) {
  let sum = 0;
  let end = 0;
  for (const row of rows) {
    if (row < end) continue;
    sum += times[row];
    end = model.end[row];
  }
  return sum;
}
