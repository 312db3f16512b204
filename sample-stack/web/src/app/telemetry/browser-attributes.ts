import type { Attributes } from '@opentelemetry/api';

/** What Chromium says of itself; other browsers have no `userAgentData`. */
interface UserAgentData {
  readonly brands: readonly { readonly brand: string; readonly version: string }[];
  readonly mobile: boolean;
  readonly platform: string;
}

/** Resource attributes of a page: who it is, and the browser it runs in. */
export function browserAttributes({ document, navigator, crypto }: Window): Attributes {
  const version = document.querySelector<HTMLMetaElement>('meta[name=shop-version]')?.content;
  const agent = (navigator as Navigator & { userAgentData?: UserAgentData }).userAgentData;
  return {
    'service.name': 'shop-web',
    'service.version': version || 'dev',
    'service.instance.id': crypto.randomUUID(),
    'user_agent.original': navigator.userAgent,
    'browser.language': navigator.language,
    ...(agent && {
      'browser.brands': agent.brands.map(({ brand, version }) => `${brand} ${version}`),
      'browser.mobile': agent.mobile,
      'browser.platform': agent.platform,
    }),
  };
}
