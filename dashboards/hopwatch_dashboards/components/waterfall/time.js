/** Time on the screen: what stands on the ruler, and which part of the trace is in view. */

import { formatNs } from "../shared/durations.js";

const SHORTEST_NS = 100;

/**
 * A time on the ruler: as many digits as set it apart from the next one.
 *
 * @param {number} ns
 * @param {number} step
 */
export function formatTick(ns, step) {
  if (Math.abs(ns) < step / 2) return "0";
  const digits = Math.ceil(Math.log10(Math.abs(ns) / step)) + 2;
  return formatNs(ns, digits).replace(/(\.\d*?)0+(?= )/, "$1").replace(/\.(?= )/, "");
}

/**
 * Round times of [low, high], about one per `room` pixels of `width`.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} width
 * @param {number} room
 * @returns {number[]}
 */
export function ticks(low, high, width, room) {
  const least = ((high - low) * room) / Math.max(width, 1);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= least) ?? 10 * power;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) found.push(at);
  return found;
}

/** The part of a trace's time that is in view, always inside its whole. */
export class TimeWindow {
  /** @param {[number, number]} whole */
  constructor(whole) {
    this.setWhole(whole);
  }

  /** @param {[number, number]} whole */
  setWhole([low, high]) {
    this.wholeLow = low;
    this.wholeHigh = high;
    this.fit();
  }

  fit() {
    this.show(this.wholeLow, this.wholeHigh);
  }

  get length() {
    return this.high - this.low;
  }

  get isWhole() {
    return this.low === this.wholeLow && this.high === this.wholeHigh;
  }

  /**
   * @param {number} low
   * @param {number} high
   */
  show(low, high) {
    const whole = this.wholeHigh - this.wholeLow;
    const length = Math.min(whole, Math.max(SHORTEST_NS, high - low));
    this.low = Math.max(this.wholeLow, Math.min(low, this.wholeHigh - length));
    this.high = this.low + length;
  }

  /**
   * @param {number} factor below 1: closer
   * @param {number} [at] the time that stays where it is
   */
  zoom(factor, at = (this.low + this.high) / 2) {
    const length = Math.min(this.length * factor, this.wholeHigh - this.wholeLow);
    if (length < SHORTEST_NS) return;
    const low = at - ((at - this.low) / this.length) * length;
    this.show(low, low + length);
  }

  /** @param {number} ns to the right */
  pan(ns) {
    this.show(this.low + ns, this.high + ns);
  }
}
