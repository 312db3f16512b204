/** How durations read. */

const UNITS = [
  ["s", 1e9],
  ["ms", 1e6],
  ["µs", 1e3],
];

/**
 * A duration as `hopwatch.reports.numbers.duration` writes it: `418 ns`, `12.35 ms`.
 *
 * @param {number} ns
 * @param {number} [digits]
 */
export function formatNs(ns, digits = 4) {
  for (const [unit, size] of UNITS) {
    if (Math.abs(ns) >= size) {
      const value = ns / size;
      const whole = String(Math.trunc(Math.abs(value))).length;
      const decimals = Math.max(0, digits - whole);
      const shown = value.toLocaleString("en", {
        minimumFractionDigits: decimals,
        maximumFractionDigits: decimals,
      });
      return `${shown} ${unit}`;
    }
  }
  return `${Math.round(ns)} ns`;
}

/** @param {number} ns whole nanoseconds, thousands apart */
export function exactNs(ns) {
  return `${Math.round(ns).toLocaleString("en")} ns`;
}

/**
 * A change with its sign: `+1.23 ms`.
 *
 * @param {number} ns
 * @param {(ns: number) => string} [format]
 */
export function signedNs(ns, format = (size) => formatNs(size, 3)) {
  return `${ns > 0 ? "+" : ns < 0 ? "\u2212" : ""}${format(Math.abs(ns))}`;
}
