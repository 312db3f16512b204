import { Pipe, type PipeTransform } from '@angular/core';
import type { Money } from '@hopwatch/shop-shared';
import type { CartLine } from '../shop/cart';

/** What all units of a line cost. */
@Pipe({ name: 'linePrice' })
export class LinePricePipe implements PipeTransform {
  transform({ product, quantity }: CartLine): Money {
    return { ...product.price, minorUnits: product.price.minorUnits * quantity };
  }
}
