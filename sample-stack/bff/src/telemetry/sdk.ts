import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { FastifyOtelInstrumentation } from '@fastify/otel';
import { FineClockTracerProvider } from '@hopwatch/shop-shared';
import { context, DiagLogLevel, diag, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { GrpcInstrumentation } from '@opentelemetry/instrumentation-grpc';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import {
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
} from '@opentelemetry/semantic-conventions';
import type { Config } from '../config';
import { log } from '../log';
import { LabBaggagePropagator } from './lab-baggage';
import { QuietDiagLogger } from './quiet-diag-logger';
import { endWhenAnswered, rememberServerSpan } from './server-span';
import { isTraced } from './traced-paths';

/** Spans are sent this long after they ended, at the latest. */
const EXPORT_DELAY_MS = 1000;
const EXPORT_TIMEOUT_MS = 5000;
const FLUSH_DEADLINE_MS = 2000;

/** Makes a request's route and handler spans; the application registers its plugin. */
export const fastifyInstrumentation = new FastifyOtelInstrumentation({
  instrumentHooks: false,
  ignorePaths: (route) => !isTraced(route.url),
});

let provider: NodeTracerProvider | undefined;

/** Patches http and grpc-js and begins to export. Must run before either is loaded. */
export function startTelemetry(config: Config): void {
  diag.setLogger(new QuietDiagLogger(), { logLevel: DiagLogLevel.WARN });
  provider = new NodeTracerProvider({
    resource: resourceOf(config),
    spanProcessors: [
      new BatchSpanProcessor(
        new OTLPTraceExporter({
          url: new URL('v1/traces', withSlash(config.otlpEndpoint)).href,
          timeoutMillis: EXPORT_TIMEOUT_MS,
        }),
        { scheduledDelayMillis: EXPORT_DELAY_MS, exportTimeoutMillis: EXPORT_TIMEOUT_MS },
      ),
    ],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({
      propagators: [new W3CTraceContextPropagator(), new LabBaggagePropagator(config.labs)],
    }),
  );
  const tracerProvider = new FineClockTracerProvider(provider);
  trace.setGlobalTracerProvider(tracerProvider);
  registerInstrumentations({ tracerProvider, instrumentations: instrumentations() });
}

/** Sends what has ended, as far as that can be done in a moment, and stops exporting. */
export async function stopTelemetry(): Promise<void> {
  const inTime = sleep(FLUSH_DEADLINE_MS, undefined, { ref: false }).then(() => {
    throw new Error(`not sent within ${FLUSH_DEADLINE_MS} ms`);
  });
  try {
    await Promise.race([provider?.shutdown(), inTime]);
  } catch (error) {
    log.warn({ err: error }, 'the last spans are lost');
  }
}

function instrumentations() {
  return [
    new HttpInstrumentation({
      disableOutgoingRequestInstrumentation: true,
      ignoreIncomingRequestHook: (request) => !isTraced(request.url ?? ''),
      requestHook: rememberServerSpan,
      responseHook: endWhenAnswered,
    }),
    new GrpcInstrumentation({ ignoreGrpcMethods: ['Check'] }),
    fastifyInstrumentation,
  ];
}

function resourceOf(config: Config): Resource {
  return defaultResource()
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(
      resourceFromAttributes({
        [ATTR_SERVICE_NAME]: 'shop-bff',
        [ATTR_SERVICE_VERSION]: config.version,
        [ATTR_SERVICE_INSTANCE_ID]: randomUUID(),
        // Not stable yet: their constants are in a module that costs 3 MB of memory to load.
        'host.name': hostname(),
        'process.pid': process.pid,
        'process.runtime.name': 'nodejs',
        'process.runtime.version': process.versions.node,
      }),
    );
}

function withSlash(url: URL): string {
  return url.href.endsWith('/') ? url.href : `${url.href}/`;
}
