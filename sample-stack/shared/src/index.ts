export type {
  Money,
  Order,
  OrderLine,
  OrderPage,
  OrderRequest,
  PagePart,
  Problem,
  Product,
  ProductOffer,
  ProductPage,
} from './api.js';
export { FineClockTracerProvider } from './fine-clock-tracer.js';
export { preciseNow } from './precise-clock.js';
export { traceIdOf } from './trace-response.js';
