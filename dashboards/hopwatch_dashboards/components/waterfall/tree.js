/**
 * Rows as a tree: which are shown, and how one walks through them.
 *
 * @typedef {import("./model.js").Model} Model
 */

import { connect } from "../shared/preorder.js";
import { Flag } from "./model.js";

export class Tree {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.collapsed = new Uint8Array(model.rows);
    this.pathOnly = model.pathOnly;
    Object.assign(this, connect(model.depth));
    this.refresh();
  }

  /** Computes `visible` anew: the rows shown, ascending. */
  refresh() {
    const { flags, rows } = this.model;
    const visible = new Int32Array(rows);
    let count = 0;
    for (let row = 0; row < rows; ) {
      // What is off the path has nothing below it that is on it.
      if (this.pathOnly && !(flags[row] & Flag.ON_PATH)) {
        row = this.end[row];
        continue;
      }
      visible[count++] = row;
      row = this.collapsed[row] ? this.end[row] : row + 1;
    }
    this.visible = visible.subarray(0, count);
  }

  /**
   * Where a row stands among the visible; if it does not, the place of the last one before it.
   *
   * @param {number} row
   */
  placeOf(row) {
    let low = 0;
    let high = this.visible.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.visible[middle] <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** @param {number} row */
  isShown(row) {
    return this.visible[this.placeOf(row)] === row;
  }

  /** @param {number} row whether there is anything below it to be shown */
  hasChildren(row) {
    if (this.end[row] === row + 1) return false;
    if (!this.pathOnly) return true;
    for (let child = row + 1; child < this.end[row]; child = this.end[child]) {
      if (this.model.flags[child] & Flag.ON_PATH) return true;
    }
    return false;
  }

  /**
   * @param {number} row
   * @param {boolean} collapsed
   */
  setCollapsed(row, collapsed) {
    this.collapsed[row] = Number(collapsed);
    this.refresh();
  }

  /** @param {boolean} pathOnly */
  setPathOnly(pathOnly) {
    this.pathOnly = pathOnly;
    this.refresh();
  }

  /** Makes a row visible: opens what is above it. @param {number} row */
  reveal(row) {
    if (!(this.model.flags[row] & Flag.ON_PATH)) this.pathOnly = false;
    for (let above = this.parent[row]; above >= 0; above = this.parent[above]) {
      this.collapsed[above] = 0;
    }
    this.refresh();
  }

  /**
   * Rows whose name or service contains the words, without regard to case.
   *
   * @param {string} words
   * @returns {number[]}
   */
  search(words) {
    const wanted = words.trim().toLowerCase();
    if (!wanted) return [];
    const { texts, hops, name, hop, rows } = this.model;
    const fits = (text) => text.toLowerCase().includes(wanted);
    const names = texts.map(fits);
    const services = hops.map((hop) => fits(hop.name));
    const found = [];
    for (let row = 0; row < rows; row++) {
      if (names[name[row]] || services[hop[row]]) found.push(row);
    }
    return found;
  }
}
