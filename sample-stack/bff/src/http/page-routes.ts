import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../config';
import { pagePolicy } from './headers';
import { refuse } from './problems';

/** Names that the build gave a content hash: such a file never changes. */
const HASHED = /-[\w-]{8}\.(?:js|css)$/;

/**
 * Serves the built page. Any path that a browser navigates to gets index.html, so that the page's
 * own router can take it from there.
 */
export function registerPage(
  app: FastifyInstance,
  { webRoot, version, dashboardUrl }: Pick<Config, 'webRoot' | 'version' | 'dashboardUrl'>,
): void {
  const index = readFileSync(path.join(webRoot, 'index.html'), 'utf8')
    .replaceAll('SHOP_VERSION', () => escapeHtml(version))
    .replaceAll('DASHBOARD_URL', () => escapeHtml(dashboardUrl?.href ?? ''));

  function sendIndex(reply: FastifyReply): FastifyReply {
    const nonce = randomBytes(16).toString('base64');
    return reply
      .header('cache-control', 'no-cache')
      .header('content-security-policy', pagePolicy(nonce))
      .type('text/html; charset=utf-8')
      .send(index.replaceAll('CSP_NONCE', nonce));
  }

  app.register(fastifyStatic, {
    root: webRoot,
    index: false,
    cacheControl: false,
    setHeaders: (reply, file) => {
      reply.header(
        'cache-control',
        HASHED.test(file) ? 'public, max-age=31536000, immutable' : 'no-cache',
      );
    },
  });
  for (const url of ['/', '/index.html']) app.get(url, (_request, reply) => sendIndex(reply));

  app.setNotFoundHandler((request, reply) => {
    if (isNavigation(request)) return sendIndex(reply);
    return refuse(reply, 404, `There is no ${request.method} ${request.url} here.`);
  });
}

function isNavigation(request: FastifyRequest): boolean {
  return (
    (request.method === 'GET' || request.method === 'HEAD') &&
    !/^\/(?:api|otlp)\//.test(request.url) &&
    (request.headers.accept ?? '').includes('text/html')
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
