import { ErrorHandler } from '@angular/core';
import { TestBed } from '@angular/core/testing';
import { context, trace } from '@opentelemetry/api';
import { logs } from '@opentelemetry/api-logs';
import {
  InMemoryLogRecordExporter,
  LoggerProvider,
  SimpleLogRecordProcessor,
} from '@opentelemetry/sdk-logs';
import { StackContextManager, WebTracerProvider } from '@opentelemetry/sdk-trace-web';
import { NEVER } from 'rxjs';
import { LoggingErrorHandler } from './error-logs';
import { Interactions } from './interactions';

describe('LoggingErrorHandler', () => {
  const exporter = new InMemoryLogRecordExporter();

  beforeAll(() => {
    new WebTracerProvider().register({ contextManager: new StackContextManager() });
    logs.setGlobalLoggerProvider(
      new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] }),
    );
  });
  afterAll(() => {
    trace.disable();
    context.disable();
    logs.disable();
  });

  it('logs uncaught errors in the trace of the last interaction, and no end of them', () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {});
    TestBed.configureTestingModule({
      providers: [{ provide: ErrorHandler, useClass: LoggingErrorHandler }],
    });
    const interactions = TestBed.inject(Interactions);
    const handler = TestBed.inject(ErrorHandler);
    interactions.trace('load products', () => NEVER).subscribe();
    handler.handleError(new TypeError('no such thing'));

    const [record] = exporter.getFinishedLogRecords();
    expect(record?.body).toBe('uncaught TypeError: no such thing');
    expect(record?.attributes['exception.type']).toBe('TypeError');
    expect(record?.spanContext?.traceId).toBe(
      trace.getSpanContext(interactions.last)?.traceId ?? 'none',
    );
    expect(said).toHaveBeenCalled();

    for (let i = 0; i < 100; i++) handler.handleError('again');
    expect(exporter.getFinishedLogRecords().length).toBeLessThanOrEqual(50);
  });
});
