import { Component, computed, input } from '@angular/core';
import type { Product } from '@hopwatch/shop-shared';

/** Colours that product names speak of. */
const PAINTS: Readonly<Record<string, string>> = {
  ivory: '#e9e0cb',
  charcoal: '#4a4e54',
  sage: '#a3b18a',
  terracotta: '#cf7650',
  midnight: '#31426b',
  sand: '#d9bf94',
  ochre: '#d39a2d',
  forest: '#3f6b4c',
  slate: '#75869a',
  rust: '#a9512f',
};
const UNPAINTED = '#9aa3ad';

/** A picture of a product: the sign of its category, in the colour that its name speaks of. */
@Component({
  selector: 'shop-product-art',
  template: `
    <svg viewBox="0 0 48 48" aria-hidden="true"><use [attr.href]="sign()" /></svg>
  `,
  styles: `
    :host {
      display: grid;
      place-items: center;
      background: color-mix(in oklab, var(--paint) 42%, var(--surface));
      color: color-mix(in oklab, var(--paint) 35%, var(--text));
    }
    svg {
      width: min(52%, 5.5rem);
      fill: none;
      stroke: currentColor;
      stroke-width: 2;
      stroke-linecap: round;
      stroke-linejoin: round;
    }
  `,
  host: { '[style.--paint]': 'paint()' },
})
export class ProductArt {
  readonly product = input.required<Product>();
  protected readonly sign = computed(
    () => `/categories.svg#${this.product().category.toLowerCase().replace(/\W+/g, '-')}`,
  );
  protected readonly paint = computed(() => {
    const words = this.product().name.toLowerCase().split(/\W+/);
    return words.map((word) => PAINTS[word]).find((paint) => paint) ?? UNPAINTED;
  });
}
