/** One flame graph on the page: what it shows, and what is done to it. */

import { placeTip, speak } from "../shared/beside.js";
import { context, fitCanvas } from "../shared/canvas.js";
import { fillLegend } from "../shared/legend.js";
import { readTheme } from "../shared/theme.js";
import { explainShades } from "./difference.js";
import { connectKeys, connectPointer, connectTools } from "./input.js";
import { search } from "./model.js";
import { ROW, paintBars } from "./paint.js";
import { describe, tell, told } from "./words.js";

const TALLEST = 720;
const SEEN = 3; // pixels that the bar the keyboard is at has at least

export class FlameView {
  /** @param {ParentNode} parent holds what flame.html says */
  constructor(parent) {
    /** Called with the row that was zoomed to; -1: the whole. @type {(row: number) => void} */
    this.onSelect = () => {};
    const part = (name) => parent.querySelector(`.${name}`);
    this.parts = {
      frame: part("flame"),
      search: part("search"),
      matches: part("matches"),
      out: part("out"),
      fit: part("fit"),
      scroller: part("scroller"),
      bars: part("bars"),
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

  /** Shows other bars; what is searched for stays. @param {import("./model.js").Model} model */
  show(model) {
    this.model = model;
    this.hovered = -1;
    this.selected = model.selected ?? -1;
    this.zoom(this.selected);
    this.active = Math.max(0, this.selected);
    const hops = model.frames.map(({ hop, language, colour }) => ({ name: hop, language, colour }));
    fillLegend(this.parts.legend, hops.filter((hop) => hop.language !== "-"), model.frames);
    if (model.change) explainShades(this.parts.legend);
    this.search(this.parts.search.value);
    this.restyle();
    this.resize();
    this.speak();
  }

  /** Takes over the page's theme. */
  restyle() {
    this.theme = readTheme(this.parts.frame);
    this.repaint();
  }

  resize() {
    if (!this.model) return;
    const { scroller, bars, room } = this.parts;
    if (!scroller.clientWidth) return; // not on the screen
    const height = (this.model.depth.reduce((most, depth) => Math.max(most, depth), 0) + 1) * ROW;
    scroller.style.height ||= `${Math.min(TALLEST, height)}px`;
    scroller.style.maxHeight = `${height}px`;
    this.width = scroller.clientWidth;
    fitCanvas(bars, this.width, scroller.clientHeight);
    room.style.height = `${Math.max(0, height - scroller.clientHeight)}px`;
    this.paint();
  }

  /** Draws at the next frame. */
  repaint() {
    if (this.pending || !this.width) return;
    this.pending = requestAnimationFrame(() => this.paint());
  }

  paint() {
    cancelAnimationFrame(this.pending);
    this.pending = 0;
    const { scroller, bars } = this.parts;
    this.focused = scroller.matches(":focus-visible");
    paintBars(context(bars), this, scroller.scrollTop, scroller.clientHeight);
  }

  /** Where a row's bar lies, in pixels. @param {number} row @returns {[number, number]} */
  extent(row) {
    const { start, ns } = this.model;
    const scale = this.width / (this.high - this.low);
    return [(start[row] - this.low) * scale, (start[row] + ns[row] - this.low) * scale];
  }

  /** Makes a row as wide as the picture. @param {number} row -1: the whole */
  zoom(row) {
    const { start, ns, total } = this.model;
    this.zoomed = row;
    this.low = row < 0 ? 0 : start[row];
    this.high = this.low + Math.max(1, row < 0 ? total : ns[row]);
    this.repaint();
  }

  /** Zooms to a row, and tells the page. @param {number} row -1: the whole */
  select(row) {
    if (row === this.selected && row === this.zoomed) return;
    this.selected = row;
    this.zoom(row);
    this.hover(-1); // what was under the pointer is elsewhere now
    if (row >= 0) this.goTo(row);
    this.onSelect(row);
  }

  /** Moves the keyboard's place to a row and into view. @param {number} row */
  goTo(row) {
    this.active = row;
    this.#reveal(row);
    const { scroller } = this.parts;
    const top = this.model.depth[row] * ROW;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + ROW > scroller.scrollTop + scroller.clientHeight) {
      scroller.scrollTop = top + ROW - scroller.clientHeight;
    }
    this.speak();
    this.repaint();
  }

  /** Zooms, as little as need be, so that a row can be seen. */
  #reveal(row) {
    const { parent } = this.model;
    for (const wider of [this.zoomed, parent[row], row]) {
      this.zoom(wider);
      const [left, right] = this.extent(row);
      if (right - left >= SEEN && right > SEEN && left < this.width - SEEN) return;
    }
  }

  /** @param {string} words */
  search(words) {
    this.found = search(this.model, words);
    this.matches = new Set(this.found);
    this.searching = words.trim() !== "";
    this.parts.matches.textContent = this.searching ? told(this.model, this.found) : "";
    this.repaint();
  }

  /** Goes to the match after (or before) the keyboard's place. @param {1 | -1} direction */
  nextMatch(direction) {
    const ahead = direction > 0 ? this.found : [...this.found].reverse();
    const next = ahead.find((row) => (row - this.active) * direction > 0) ?? ahead[0];
    if (next !== undefined) this.goTo(next);
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
      if (row >= 0) describe(tip, this.model, row);
    }
    tip.hidden = row < 0;
    if (row >= 0) placeTip(tip, frame, x, y);
  }

  /** The row at a place of the canvas; -1: none. @param {number} x @param {number} y */
  rowAt(x, y) {
    const { model } = this;
    const depth = Math.floor((this.parts.scroller.scrollTop + y) / ROW);
    const at = this.low + (x / this.width) * (this.high - this.low);
    for (let row = 0; row < model.rows; ) {
      if (at < model.start[row] || at >= model.start[row] + model.ns[row]) row = model.end[row];
      else if (model.depth[row] === depth) return row;
      else row += 1;
    }
    return -1;
  }

  destroy() {
    cancelAnimationFrame(this.pending);
    this.resizing.disconnect();
  }
}
