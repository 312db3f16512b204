/** The trace id in a W3C `traceresponse` header; null if there is none. */
export function traceIdOf(traceresponse: string | null): string | null {
  return /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceresponse ?? '')?.[1] ?? null;
}
