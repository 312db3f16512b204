/** Where a trace can be looked at; null where the BFF was not told of a dashboard. */
export function dashboardLink(traceId: string): string | null {
  const url = document.querySelector<HTMLMetaElement>('meta[name=dashboard-url]')?.content ?? '';
  if (!/^https?:/.test(url)) return null;
  const link = new URL(url);
  link.searchParams.set('trace', traceId);
  return link.href;
}
