import type { ClientRequest } from 'node:http';
import type { Span } from '@opentelemetry/api';
import { urlTemplate } from '../backend/rest-routes';

/** Names the span of a call by what it calls, as gRPC's are: by itself it says the method only. */
export function nameCall(span: Span, { method, path }: ClientRequest): void {
  const template = urlTemplate(path);
  if (template === undefined) return;
  span.updateName(`${method} ${template}`);
  span.setAttribute('url.template', template);
}
