import { TestBed } from '@angular/core/testing';
import { MoneyPipe } from './money-pipe';

describe('MoneyPipe', () => {
  it.each([
    ['EUR', 1999, '€19.99'],
    ['EUR', 5, '€0.05'],
    ['JPY', 1999, '¥1,999'],
    ['KWD', 1999, 'KWD\u00a01.999'],
  ])('writes %s %d as %s', (currency, minorUnits, text) => {
    const pipe = TestBed.runInInjectionContext(() => new MoneyPipe());
    expect(pipe.transform({ currency, minorUnits })).toBe(text);
  });
});
