/** What Streamlit calls: once when the component appears, and whenever anything changes. */

import { isSame } from "../shared/columns.js";
import { decode } from "./model.js";
import { WaterfallView } from "./view.js";

/** @type {WeakMap<object, {view: WaterfallView, bytes: Uint8Array}>} */
const mounted = new WeakMap();

/**
 * @param {{data: Uint8Array, parentElement: ParentNode, setStateValue: Function}} component
 */
export default function waterfall({ data, parentElement, setStateValue }) {
  const known = mounted.get(parentElement);
  const view = known?.view ?? new WaterfallView(parentElement);
  view.onSelect = (row) => setStateValue("selected", row);
  // The same trace again, from a rerun of the page: what was zoomed and closed stays so.
  if (known && isSame(known.bytes, data)) view.restyle();
  else view.show(decode(data));
  const unmount = () => {
    view.destroy();
    mounted.delete(parentElement);
  };
  mounted.set(parentElement, { view, bytes: data });
  return unmount;
}
