import { invalid, quoted } from './call-error';

/** Throws INVALID_ARGUMENT for what cannot be the id of a product. */
export function checkProductId(id: string): void {
  if (!isProductId(id)) {
    throw invalid(`product id ${quoted(id)} must be 1 to 40 lower-case letters, digits or hyphens`);
  }
}

export function isProductId(id: string): boolean {
  return /^[a-z0-9-]{1,40}$/.test(id);
}

/** Checks every id, and that there are least to most of them. */
export function checkProductIds(ids: readonly string[], least: number, most: number): void {
  if (ids.length < least || ids.length > most) {
    throw invalid(`${ids.length} product ids given; it must be ${least} to ${most}`);
  }
  ids.forEach(checkProductId);
}
