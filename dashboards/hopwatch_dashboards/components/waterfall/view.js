/**
 * One waterfall on the page: what it shows, and what is done to it.
 *
 * @typedef {import("./model.js").Model} Model
 */

import { placeTip, speak } from "../shared/beside.js";
import { context, fitCanvas } from "../shared/canvas.js";
import { fillLegend } from "../shared/legend.js";
import { readTheme } from "../shared/theme.js";
import { connectKeys, connectPointer, connectTools } from "./input.js";
import { Layout } from "./layout.js";
import { extent, wholeExtent } from "./model.js";
import { paintHead, paintRows } from "./paint.js";
import { TimeWindow } from "./time.js";
import { Tree } from "./tree.js";
import { describe, tell } from "./words.js";

const HEAD_HEIGHT = 48;
const TALLEST = 720;

export class WaterfallView {
  /** @param {ParentNode} parent holds what waterfall.html says */
  constructor(parent) {
    /** Called with the row whose details are asked for. @type {(row: number) => void} */
    this.onSelect = () => {};
    const part = (name) => parent.querySelector(`.${name}`);
    this.parts = {
      frame: part("waterfall"),
      search: part("search"),
      matches: part("matches"),
      pathOnly: part("path-only"),
      aligned: part("aligned"),
      clocks: part("clocks"),
      closer: part("closer"),
      farther: part("farther"),
      fit: part("fit"),
      head: part("head"),
      scroller: part("scroller"),
      rows: part("rows"),
      room: part("room"),
      spoken: parent.querySelectorAll(".spoken"),
      tip: part("tip"),
      legend: part("legend"),
    };
    this.pending = 0;
    connectTools(this);
    connectKeys(this);
    connectPointer(this);
    this.parts.scroller.addEventListener("scroll", () => this.repaint());
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(this.parts.frame);
    this.resizing.observe(this.parts.scroller);
  }

  /** Shows another trace. @param {Model} model */
  show(model) {
    this.model = model;
    this.tree = new Tree(model);
    this.aligned = true;
    this.time = new TimeWindow(wholeExtent(model, true));
    this.selected = model.selected ?? -1;
    this.active = model.selected ?? 0;
    this.hovered = -1;
    this.found = [];
    this.matches = new Set();
    this.parts.search.value = "";
    this.parts.matches.textContent = "";
    this.parts.pathOnly.checked = this.tree.pathOnly;
    this.parts.aligned.checked = true;
    this.parts.clocks.hidden = !model.shift.some((shift) => shift);
    this.parts.scroller.style.height = "";
    this.parts.scroller.scrollTop = 0;
    if (this.selected >= 0) this.tree.reveal(this.selected);
    fillLegend(this.parts.legend, model.hops, model.cells);
    this.restyle();
    this.resize();
    this.goTo(this.active);
  }

  /** Takes over the page's theme. */
  restyle() {
    this.theme = readTheme(this.parts.frame);
    this.repaint();
  }

  resize() {
    if (!this.model) return;
    const { scroller, head, rows } = this.parts;
    if (!scroller.clientWidth) return; // not on the screen
    this.layout = new Layout(scroller.clientWidth);
    this.#grow();
    fitCanvas(head, this.layout.width, HEAD_HEIGHT);
    fitCanvas(rows, this.layout.width, scroller.clientHeight);
    this.paint();
  }

  /** After the visible rows have changed. */
  relist() {
    this.parts.pathOnly.checked = this.tree.pathOnly;
    if (!this.tree.isShown(this.active)) {
      this.active = this.tree.visible[this.tree.placeOf(this.active)];
    }
    this.#grow();
    this.resize();
    this.speak();
  }

  #grow() {
    const { scroller, room, rows } = this.parts;
    const height = this.tree.visible.length * this.layout.rowHeight;
    if (!scroller.style.height) {
      scroller.style.maxHeight = `${Math.min(TALLEST, Math.max(height, 72))}px`;
      scroller.style.height = scroller.style.maxHeight;
      this.givenHeight = scroller.style.height;
    } else if (scroller.style.height === this.givenHeight) {
      // Not dragged to another height by hand: as high as is needed.
      scroller.style.height = `${Math.min(TALLEST, Math.max(height, 72))}px`;
      this.givenHeight = scroller.style.height;
    }
    scroller.style.maxHeight = `${Math.max(height, 72)}px`;
    room.style.height = `${Math.max(0, height - rows.offsetHeight)}px`;
  }

  /** Draws at the next frame. */
  repaint() {
    if (this.pending || !this.layout) return;
    this.pending = requestAnimationFrame(() => this.paint());
  }

  paint() {
    cancelAnimationFrame(this.pending);
    this.pending = 0;
    const { scroller, head, rows } = this.parts;
    this.focused = scroller.matches(":focus-visible");
    paintHead(context(head), this, HEAD_HEIGHT);
    paintRows(context(rows), this, scroller.scrollTop, scroller.clientHeight);
  }

  /** Moves the keyboard's place to a row and into view. @param {number} row */
  goTo(row) {
    this.active = row;
    const { scroller } = this.parts;
    const top = this.tree.placeOf(row) * this.layout.rowHeight;
    const bottom = top + this.layout.rowHeight;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (bottom > scroller.scrollTop + scroller.clientHeight) {
      scroller.scrollTop = bottom - scroller.clientHeight;
    }
    this.speak();
    this.repaint();
  }

  /** Asks for a row's details. @param {number} row */
  select(row) {
    this.selected = row;
    this.goTo(row);
    this.onSelect(row);
  }

  /** @param {number} row @param {boolean} collapsed */
  collapse(row, collapsed) {
    this.tree.setCollapsed(row, collapsed);
    this.relist();
  }

  /** @param {boolean} pathOnly */
  setPathOnly(pathOnly) {
    this.tree.setPathOnly(pathOnly);
    this.relist();
    this.goTo(this.active);
  }

  /** @param {boolean} aligned */
  setAligned(aligned) {
    this.aligned = aligned;
    this.time.setWhole(wholeExtent(this.model, aligned));
    this.speak();
    this.repaint();
  }

  /** @param {string} words */
  search(words) {
    this.found = this.tree.search(words);
    this.matches = new Set(this.found);
    this.parts.matches.textContent = words.trim() ? `${this.found.length} found` : "";
    this.repaint();
  }

  /** Goes to the match after (or before) the keyboard's place. @param {1 | -1} direction */
  nextMatch(direction) {
    if (!this.found.length) return;
    const count = this.found.length;
    const after = this.found.findIndex((row) => row > this.active);
    const from = after < 0 ? count : after;
    const here = this.matches.has(this.active) ? 1 : 0;
    const index = direction > 0 ? from % count : (from - 1 - here + count) % count;
    const row = this.found[index];
    this.tree.reveal(row);
    this.relist();
    this.goTo(row);
    this.parts.matches.textContent = `${index + 1} of ${count}`;
  }

  /** Zooms so that a row's bar fills the picture. @param {number} row */
  zoomTo(row) {
    const [start, end] = extent(this.model, row, this.aligned);
    const margin = (end - start) * 0.05;
    this.time.show(start - margin, end + margin);
    this.repaint();
  }

  speak() {
    speak(this.parts.scroller, this.parts.spoken, (item) => tell(item, this));
  }

  /**
   * @param {number} row -1: none
   * @param {number} [x] in the frame
   * @param {number} [y]
   */
  hover(row, x = 0, y = 0) {
    const { tip, frame } = this.parts;
    if (row !== this.hovered) {
      this.hovered = row;
      this.repaint();
      if (row >= 0) describe(tip, this, row);
    }
    tip.hidden = row < 0;
    if (row < 0) return;
    placeTip(tip, frame, x, y);
  }

  /** The row at a height of the rows' canvas; -1: none. @param {number} y */
  rowAt(y) {
    const place = Math.floor((this.parts.scroller.scrollTop + y) / this.layout.rowHeight);
    return place >= 0 && place < this.tree.visible.length ? this.tree.visible[place] : -1;
  }

  destroy() {
    cancelAnimationFrame(this.pending);
    this.resizing.disconnect();
  }
}
