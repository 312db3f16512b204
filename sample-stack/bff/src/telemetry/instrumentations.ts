import { ClientRequest } from 'node:http';
import { FastifyOtelInstrumentation } from '@fastify/otel';
import { GrpcInstrumentation } from '@opentelemetry/instrumentation-grpc';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { PinoInstrumentation } from '@opentelemetry/instrumentation-pino';
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node';
import { urlTemplate } from '../backend/rest-routes';
import { nameCall } from './client-span';
import { endWhenAnswered, rememberServerSpan } from './server-span';
import { isTraced } from './traced-paths';

// Making one installs its hook on `require`, and a module that was asked for after the first hook
// is patched by those that are there then, or never. So all are made here, together, and this file
// is loaded before any that asks for http, grpc-js or pino.

/** Makes a request's route and handler spans; the application registers its plugin. */
export const fastifyInstrumentation = new FastifyOtelInstrumentation({
  instrumentHooks: false,
  ignorePaths: (route) => !isTraced(route.url),
});

export const instrumentations = [
  new HttpInstrumentation({
    ignoreIncomingRequestHook: (request) => !isTraced(request.url ?? ''),
    // Calls of the services by REST, and nothing else: neither health checks nor telemetry.
    ignoreOutgoingRequestHook: ({ path }) => urlTemplate(path ?? '') === undefined,
    requestHook: (span, request) => {
      if (request instanceof ClientRequest) nameCall(span, request);
      else rememberServerSpan(span, request);
    },
    responseHook: endWhenAnswered,
  }),
  new GrpcInstrumentation({ ignoreGrpcMethods: ['Check'] }),
  // Puts the active span's ids into log lines, and sends the lines as OTLP logs too.
  new PinoInstrumentation(),
  new RuntimeNodeInstrumentation(),
  fastifyInstrumentation,
];
