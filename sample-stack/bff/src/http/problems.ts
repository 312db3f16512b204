import { STATUS_CODES } from 'node:http';
import { status as Code } from '@grpc/grpc-js';
import type { Problem } from '@hopwatch/shop-shared';
import { isSpanContextValid, trace } from '@opentelemetry/api';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { BackendError } from '../backend/backend-error';

/** What the customer's request did wrong is told in the service's words; our own troubles are not. */
const CLIENT_ERRORS: ReadonlyMap<Code, number> = new Map([
  [Code.INVALID_ARGUMENT, 400],
  [Code.NOT_FOUND, 404],
  [Code.ALREADY_EXISTS, 409],
  [Code.FAILED_PRECONDITION, 409],
]);
const SERVER_ERRORS: ReadonlyMap<Code, number> = new Map([
  [Code.UNAVAILABLE, 503],
  [Code.RESOURCE_EXHAUSTED, 503],
  [Code.DEADLINE_EXCEEDED, 504],
]);
const EXPLANATIONS: ReadonlyMap<number, string> = new Map([
  [500, 'Something went wrong in the shop.'],
  [502, 'Something went wrong behind the shop.'],
  [503, 'The shop cannot answer right now. Please try again in a moment.'],
  [504, 'The shop took too long to answer. Please try again.'],
]);

/** The status and the words for an error of any origin. */
export function explain(error: unknown): { status: number; detail: string } {
  if (error instanceof BackendError) {
    const clientError = CLIENT_ERRORS.get(error.code);
    if (clientError) return { status: clientError, detail: error.details };
    return ours(SERVER_ERRORS.get(error.code) ?? 502);
  }
  const { statusCode, message } = error as Partial<FastifyError>;
  if (statusCode && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, detail: message ?? '' };
  }
  return ours(statusCode && EXPLANATIONS.has(statusCode) ? statusCode : 500);
}

/** Answers any error as problem details; our own are logged with their cause. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { status, detail } = explain(error);
  if (status >= 500) request.log.error({ err: error }, 'request failed');
  refuse(reply, status, detail);
}

/** Answers with RFC 9457 problem details. */
export function refuse(reply: FastifyReply, status: number, detail: string): FastifyReply {
  if (status === 503) reply.header('retry-after', '1');
  return reply.code(status).type('application/problem+json').send(problem(status, detail));
}

function problem(status: number, detail: string): Problem {
  const span = trace.getActiveSpan()?.spanContext();
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    ...(span && isSpanContextValid(span) && { traceId: span.traceId }),
  };
}

function ours(status: number): { status: number; detail: string } {
  return { status, detail: EXPLANATIONS.get(status) ?? '' };
}
