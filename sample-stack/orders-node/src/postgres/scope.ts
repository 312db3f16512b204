/** Names this folder's spans and metrics. */
export const SCOPE = '@hopwatch/shop-orders/postgres';
