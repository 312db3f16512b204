import { inject, LOCALE_ID, Pipe, type PipeTransform } from '@angular/core';
import type { Money } from '@hopwatch/shop-shared';

/** Writes an amount of minor units as people do: 1999 EUR becomes €19.99. */
@Pipe({ name: 'money' })
export class MoneyPipe implements PipeTransform {
  private readonly locale = inject(LOCALE_ID);
  private readonly formats = new Map<string, { format: Intl.NumberFormat; unit: number }>();

  transform({ currency, minorUnits }: Money): string {
    const { format, unit } = this.formatOf(currency);
    return format.format(minorUnits / unit);
  }

  private formatOf(currency: string): { format: Intl.NumberFormat; unit: number } {
    let known = this.formats.get(currency);
    if (!known) {
      const format = new Intl.NumberFormat(this.locale, { style: 'currency', currency });
      known = { format, unit: 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2) };
      this.formats.set(currency, known);
    }
    return known;
  }
}
