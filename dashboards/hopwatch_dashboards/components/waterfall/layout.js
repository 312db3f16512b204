/** Where things lie on the canvas: beside one another where it is wide, else one below another. */

import { ticks } from "./time.js";

const NARROW = 620;
const OWN_WIDTH = 78;

export class Layout {
  /** @param {number} width CSS pixels */
  constructor(width) {
    this.width = width;
    this.narrow = width < NARROW;
    this.rowHeight = this.narrow ? 40 : 24;
    this.stripHeight = 26;
    if (this.narrow) {
      this.labelWidth = width - 72;
      this.barLeft = 8;
      this.barWidth = width - 16;
    } else {
      this.labelWidth = Math.min(480, Math.round(width * 0.36));
      this.barLeft = this.labelWidth + 8;
      this.barWidth = width - this.barLeft - OWN_WIDTH;
    }
  }

  /**
   * @param {number} at ns
   * @param {{low: number, high: number}} time
   */
  x(at, time) {
    return this.barLeft + ((at - time.low) / (time.high - time.low)) * this.barWidth;
  }

  /**
   * @param {number} x
   * @param {{low: number, high: number}} time
   */
  timeAt(x, time) {
    return time.low + ((x - this.barLeft) / this.barWidth) * (time.high - time.low);
  }

  /** Not far outside of what is seen: canvases draw badly millions of pixels away. */
  clip(left, right) {
    return [Math.max(left, this.barLeft - 4), Math.min(right, this.barLeft + this.barWidth + 4)];
  }

  /** @param {import("./time.js").TimeWindow} time */
  ticks(time) {
    return ticks(time.low, time.high, this.barWidth, this.narrow ? 80 : 100);
  }

  /** @param {number} x */
  isBar(x) {
    return x >= this.barLeft - 4;
  }
}
