import * as http from 'node:http';
import * as https from 'node:https';
import type { FastifyInstance } from 'fastify';
import { refuse } from './problems';

export interface TelemetryLimits {
  readonly maxBodyBytes: number;
  /** Exports under way at once; one more is told to come back later. */
  readonly maxConcurrent: number;
  readonly timeoutMs: number;
}

export const TELEMETRY_LIMITS: TelemetryLimits = {
  maxBodyBytes: 512 * 1024,
  maxConcurrent: 8,
  timeoutMs: 2000,
};

const SIGNALS = ['traces', 'logs'];
const CONTENT_TYPES = ['application/json', 'application/x-protobuf'];
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Forwards the page's spans and logs to the collector, within bounds: the page and the shop come
 * first.
 */
export function registerTelemetry(
  app: FastifyInstance,
  endpoint: URL,
  limits: TelemetryLimits = TELEMETRY_LIMITS,
): void {
  const forward = forwarder(endpoint, limits);
  let underWay = 0;

  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(CONTENT_TYPES, { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    );

    for (const signal of SIGNALS) {
      const path = `/otlp/v1/${signal}`;
      scope.post(path, { bodyLimit: limits.maxBodyBytes }, async (request, reply) => {
        const { 'content-type': type, 'content-encoding': encoding } = request.headers;
        if (encoding !== undefined && encoding !== 'gzip') {
          return refuse(reply, 415, `Content-Encoding may be gzip or left out, not ${encoding}.`);
        }
        if (!Buffer.isBuffer(request.body) || request.body.length === 0) {
          return refuse(reply, 400, 'The body is empty.');
        }
        if (underWay >= limits.maxConcurrent) {
          return refuse(reply, 503, 'Too many exports at once.');
        }
        underWay++;
        try {
          const answer = await forward(signal, request.body, {
            'content-type': type,
            ...(encoding && { 'content-encoding': encoding }),
          });
          return reply.code(answer.status).type(answer.contentType).send(answer.body);
        } catch (error) {
          // No louder: an absent collector is the operator's choice, and every page would say it.
          request.log.debug({ err: error }, "the collector did not take the page's telemetry");
          return refuse(reply, 503, 'The collector cannot be reached.');
        } finally {
          underWay--;
        }
      });
    }
  });
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

function forwarder(endpoint: URL, limits: TelemetryLimits) {
  const { request, Agent } = endpoint.protocol === 'https:' ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: limits.maxConcurrent });
  const base = endpoint.href.endsWith('/') ? endpoint : `${endpoint.href}/`;

  return (signal: string, body: Buffer, headers: http.OutgoingHttpHeaders): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const url = new URL(`v1/${signal}`, base);
      const timeout = AbortSignal.timeout(limits.timeoutMs);
      const options = { method: 'POST', agent, headers, signal: timeout };
      const outgoing = request(url, options, (response) => {
        readAnswer(response).then(resolve, reject);
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
}

async function readAnswer(response: http.IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 502,
    contentType: response.headers['content-type'] ?? 'application/octet-stream',
    body: Buffer.concat(chunks),
  };
}
