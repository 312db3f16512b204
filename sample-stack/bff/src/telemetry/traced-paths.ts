/** Spans are made for the API alone: not for the page's files, health checks, or telemetry. */
export function isTraced(path: string): boolean {
  return path.startsWith('/api/');
}
