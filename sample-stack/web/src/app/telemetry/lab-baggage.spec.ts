import { propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { labContext } from './lab-baggage';

describe('labContext', () => {
  it('takes the lab from the address', () => {
    const delay = 'shop-orders/PlaceOrder:50ms';
    const context = labContext(`?category=Bath&lab=hopwatch.lab.delay%3D${delay}`);
    expect(propagation.getBaggage(context)?.getEntry('hopwatch.lab.delay')?.value).toBe(delay);
  });

  it.each(['', '?lab=', '?lab=nonsense', '?category=Bath'])('is empty for "%s"', (query) => {
    expect(labContext(query)).toBe(ROOT_CONTEXT);
  });
});
