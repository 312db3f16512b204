import { setTimeout as sleep } from 'node:timers/promises';
import {
  context,
  DiagLogLevel,
  diag,
  metrics,
  propagation,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api';
import { logs } from '@opentelemetry/api-logs';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { type Instrumentation, registerInstrumentations } from '@opentelemetry/instrumentation';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { FineClockTracerProvider } from '../fine-clock-tracer.js';
import type { Log } from './log.js';
import { QuietDiagLogger } from './quiet-diag-logger.js';
import { resourceOf } from './resource.js';

/** Spans and log records are sent this long after they ended, at the latest. */
const EXPORT_DELAY_MS = 1000;
const METRIC_INTERVAL_MS = 5000;
const EXPORT_TIMEOUT_MS = 5000;
const FLUSH_DEADLINE_MS = 2000;
const BATCHES = { scheduledDelayMillis: EXPORT_DELAY_MS, exportTimeoutMillis: EXPORT_TIMEOUT_MS };

export interface TelemetrySettings {
  /** What the service calls itself. */
  readonly service: string;
  readonly version: string;
  /** OTLP over HTTP. */
  readonly otlpEndpoint: URL;
  readonly log: Log;
  /** What comes in and goes out beside the trace context. */
  readonly baggage: TextMapPropagator;
  readonly instrumentations: Instrumentation[];
}

let providers: readonly { shutdown(): Promise<void> }[] = [];

/** Begins to export what the instrumentations see; once a process. */
export function startTelemetry(settings: TelemetrySettings): void {
  const { log, baggage, instrumentations } = settings;
  diag.setLogger(new QuietDiagLogger(log), { logLevel: DiagLogLevel.WARN });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({
      propagators: [new W3CTraceContextPropagator(), baggage],
    }),
  );
  const { tracer, meterProvider, loggerProvider } = exportTo(settings);
  const tracerProvider = new FineClockTracerProvider(tracer);
  providers = [tracer, meterProvider, loggerProvider];
  trace.setGlobalTracerProvider(tracerProvider);
  metrics.setGlobalMeterProvider(meterProvider);
  logs.setGlobalLoggerProvider(loggerProvider);
  registerInstrumentations({ tracerProvider, meterProvider, loggerProvider, instrumentations });
}

/** Sends what there is, as far as that can be done in a moment, and stops exporting. */
export async function stopTelemetry(log: Log): Promise<void> {
  const inTime = sleep(FLUSH_DEADLINE_MS, undefined, { ref: false }).then(() => {
    throw new Error(`not sent within ${FLUSH_DEADLINE_MS} ms`);
  });
  try {
    await Promise.race([Promise.all(providers.map((provider) => provider.shutdown())), inTime]);
  } catch (error) {
    log.warn({ err: error }, 'the last telemetry is lost');
  }
}

function exportTo({ service, version, otlpEndpoint }: TelemetrySettings) {
  const resource = resourceOf(service, version);
  const base = otlpEndpoint.href.endsWith('/') ? otlpEndpoint : `${otlpEndpoint.href}/`;
  const target = (signal: string) => ({
    url: new URL(`v1/${signal}`, base).href,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  return {
    tracer: new NodeTracerProvider({
      resource,
      spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(target('traces')), BATCHES)],
    }),
    meterProvider: new MeterProvider({
      resource,
      readers: [
        new PeriodicExportingMetricReader({
          exporter: new OTLPMetricExporter(target('metrics')),
          exportIntervalMillis: METRIC_INTERVAL_MS,
          exportTimeoutMillis: EXPORT_TIMEOUT_MS,
        }),
      ],
    }),
    loggerProvider: new LoggerProvider({
      resource,
      processors: [
        new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(target('logs')), ...BATCHES }),
      ],
    }),
  };
}
