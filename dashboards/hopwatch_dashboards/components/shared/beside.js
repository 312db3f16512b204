/** What stands beside a canvas: the tooltip, and the words for a screen reader. */

/**
 * Puts the tooltip beside the pointer, inside of the frame.
 *
 * @param {HTMLElement} tip
 * @param {HTMLElement} frame
 * @param {number} x in the frame
 * @param {number} y
 */
export function placeTip(tip, frame, x, y) {
  const left = x + 16 + tip.offsetWidth > frame.clientWidth ? x - 16 - tip.offsetWidth : x + 16;
  tip.style.left = `${Math.max(0, left)}px`;
  tip.style.top = `${y + 18}px`;
}

/**
 * Tells a screen reader where the keyboard is: of two items the other becomes the active one, so
 * it is read.
 *
 * @param {HTMLElement} tree
 * @param {NodeListOf<HTMLElement>} items two
 * @param {(item: HTMLElement) => void} tell makes a tree item of it
 */
export function speak(tree, items, tell) {
  const current = tree.getAttribute("aria-activedescendant") === "row-a" ? 1 : 0;
  const item = items[current];
  tell(item);
  item.id = current ? "row-b" : "row-a";
  item.setAttribute("role", "treeitem");
  items[1 - current].removeAttribute("id");
  items[1 - current].setAttribute("role", "none");
  items[1 - current].textContent = "";
  tree.setAttribute("aria-activedescendant", item.id);
}
