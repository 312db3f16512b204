/** Where the contract's methods are by REST. */
export const ROUTES = {
  products: '/v1/products',
  categories: '/v1/categories',
  recommendations: '/v1/recommendations',
  stock: '/v1/stock',
  orders: '/v1/orders',
} as const;

const PLAIN: ReadonlySet<string> = new Set(Object.values(ROUTES));
const ORDER = `${ROUTES.orders}/`;

/** The path of a call without what differs from call to call; undefined if it is no such call. */
export function urlTemplate(target: string): string | undefined {
  const [path = ''] = target.split('?', 1);
  if (PLAIN.has(path)) return path;
  return path.startsWith(ORDER) ? `${ORDER}{id}` : undefined;
}
