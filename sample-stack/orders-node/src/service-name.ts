/** What the service calls itself in telemetry and labs. */
export const SERVICE_NAME = 'shop-orders';
