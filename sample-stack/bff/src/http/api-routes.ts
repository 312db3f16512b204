import type { JsonSchemaToTsProvider } from '@fastify/type-provider-json-schema-to-ts';
import { trace } from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { OrdersBackend } from '../backend/orders-backend';
import { orderPage, placeOrder } from '../pages/order-page';
import { productPage } from '../pages/product-page';
import { orderParams, orderRequest, productsQuery } from './schemas';

// Handlers are named: the traces show the names.

/** The page's API; every answer names its trace. */
export function registerApi(app: FastifyInstance, backend: OrdersBackend): void {
  const api = app.withTypeProvider<JsonSchemaToTsProvider>();
  api.addHook('onRequest', nameTheTrace);

  api.get(
    '/api/products',
    { schema: { querystring: productsQuery } },
    function productsHandler(request) {
      return productPage(backend, request.log, request.query);
    },
  );

  api.post(
    '/api/orders',
    { schema: { body: orderRequest } },
    async function placeOrderHandler(request, reply) {
      const page = await placeOrder(backend, request.log, request.body);
      reply.code(201).header('location', `/api/orders/${encodeURIComponent(page.order.id)}`);
      return page;
    },
  );

  api.get('/api/orders/:id', { schema: { params: orderParams } }, function orderHandler(request) {
    return orderPage(backend, request.log, request.params.id);
  });
}

/** W3C trace context level 2, `traceresponse`: the page can show where its answer came from. */
async function nameTheTrace(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.header('cache-control', 'no-store');
  const span = trace.getActiveSpan()?.spanContext();
  if (!span) return;
  const flags = span.traceFlags.toString(16).padStart(2, '0');
  reply.header('traceresponse', `00-${span.traceId}-${span.spanId}-${flags}`);
}
