import { status as Code } from '@grpc/grpc-js';
import type { Call } from '../call';
import { CallError } from '../call-error';
import {
  type GetOrderRequest,
  OrderStatus,
  type PlaceOrderRequest,
  type Order as WireOrder,
} from '../gen/hopwatch/shop/v1/shop';
import { type Order, orderRequest, parseUuid } from './order';
import type { Orders } from './place';
import type { OrderStore } from './store';

/** Answers the gRPC service Orders. */
export class OrdersCalls {
  constructor(
    private readonly orders: Orders,
    private readonly store: OrderStore,
  ) {}

  /** Places an order, or answers one that was placed by the same request before. */
  async placeOrder(request: PlaceOrderRequest, call: Call): Promise<WireOrder> {
    return wireOf(await this.orders.place(call, orderRequest(request)));
  }

  /** Answers an order that was placed before. */
  async getOrder({ orderId }: GetOrderRequest, call: Call): Promise<WireOrder> {
    const id = parseUuid('order_id', orderId);
    const order = await this.store.byId(call, id);
    if (!order) throw new CallError(Code.NOT_FOUND, `there is no order ${id}`);
    return wireOf(order);
  }
}

function wireOf({ id, lines, total, placedAt, customerEmail }: Order): WireOrder {
  return { id, lines: [...lines], total, status: OrderStatus.PLACED, placedAt, customerEmail };
}
