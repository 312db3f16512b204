import { HttpClient, type HttpResponse } from '@angular/common/http';
import { Injectable, inject } from '@angular/core';
import {
  type OrderPage,
  type OrderRequest,
  type ProductPage,
  traceIdOf,
} from '@hopwatch/shop-shared';
import { map, type Observable } from 'rxjs';

/** An answer, and the trace that it came from. */
export interface Traced<T> {
  readonly body: T;
  readonly traceId: string | null;
}

/** The BFF's API. */
@Injectable({ providedIn: 'root' })
export class ShopApi {
  private readonly http = inject(HttpClient);

  products(category: string, page: string): Observable<ProductPage> {
    const params = { ...(category && { category }), ...(page && { page }) };
    return this.http.get<ProductPage>('/api/products', { params });
  }

  placeOrder(request: OrderRequest): Observable<Traced<OrderPage>> {
    return this.http
      .post<OrderPage>('/api/orders', request, { observe: 'response' })
      .pipe(map(traced));
  }

  order(id: string): Observable<Traced<OrderPage>> {
    return this.http
      .get<OrderPage>(`/api/orders/${encodeURIComponent(id)}`, { observe: 'response' })
      .pipe(map(traced));
  }
}

function traced<T>({ body, headers }: HttpResponse<T>): Traced<T> {
  if (body === null) throw new Error('the shop answered without a body');
  return { body, traceId: traceIdOf(headers.get('traceresponse')) };
}
