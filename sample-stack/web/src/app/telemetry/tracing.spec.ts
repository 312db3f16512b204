import { HttpClient, provideHttpClient, withInterceptors } from '@angular/common/http';
import { HttpTestingController, provideHttpClientTesting } from '@angular/common/http/testing';
import { ApplicationRef } from '@angular/core';
import { TestBed } from '@angular/core/testing';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  StackContextManager,
  WebTracerProvider,
} from '@opentelemetry/sdk-trace-web';
import { map } from 'rxjs';
import { Interactions } from './interactions';
import { traceRequests } from './trace-interceptor';

describe('an interaction', () => {
  const exporter = new InMemorySpanExporter();
  let interactions: Interactions;
  let http: HttpClient;
  let server: HttpTestingController;

  beforeAll(() => {
    new WebTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register({
      contextManager: new StackContextManager(),
      propagator: new W3CTraceContextPropagator(),
    });
  });
  afterAll(() => {
    trace.disable();
    context.disable();
    propagation.disable();
  });

  beforeEach(() => {
    exporter.reset();
    TestBed.configureTestingModule({
      providers: [provideHttpClient(withInterceptors([traceRequests])), provideHttpClientTesting()],
    });
    interactions = TestBed.inject(Interactions);
    http = TestBed.inject(HttpClient);
    server = TestBed.inject(HttpTestingController);
  });

  const load = () => interactions.trace('load products', () => http.get('/api/products?page=2'));
  const rendered = () => TestBed.inject(ApplicationRef).whenStable();
  const ended = () => exporter.getFinishedSpans();

  it('is the parent of its request, and ends once the page shows the result', async () => {
    const shown: unknown[] = [];
    load().subscribe((answer) => shown.push(answer));
    const request = server.expectOne('/api/products?page=2');
    request.flush({ products: [] });
    expect(shown).toEqual([{ products: [] }]);
    expect(ended().map((span) => span.name)).toEqual(['GET']);
    await rendered();

    const [get, interaction] = ended();
    expect(interaction?.name).toBe('load products');
    expect(interaction?.kind).toBe(SpanKind.INTERNAL);
    expect(interaction?.parentSpanContext).toBeUndefined();
    expect(get?.kind).toBe(SpanKind.CLIENT);
    expect(get?.parentSpanContext?.spanId).toBe(interaction?.spanContext().spanId);
    expect(get?.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.full': `${location.origin}/api/products?page=2`,
    });
    const { traceId, spanId } = get?.spanContext() ?? {};
    expect(request.request.headers.get('traceparent')).toBe(`00-${traceId}-${spanId}-01`);
  });

  it('fails with its request', async () => {
    const failures: unknown[] = [];
    load().subscribe({ error: (error: unknown) => failures.push(error) });
    server.expectOne('/api/products?page=2').flush('', { status: 503, statusText: 'Unavailable' });
    await rendered();
    expect(failures).toHaveLength(1);
    expect(ended().map((span) => span.status.code)).toEqual([
      SpanStatusCode.ERROR,
      SpanStatusCode.ERROR,
    ]);
    expect(ended()[0]?.attributes).toMatchObject({
      'http.response.status_code': 503,
      'error.type': '503',
    });
  });

  it('tells a network failure from an answer', () => {
    load().subscribe({ error: () => {} });
    server.expectOne('/api/products?page=2').error(new ProgressEvent('error'));
    expect(ended()[0]?.attributes['error.type']).toBe('network');
    expect(ended()[0]?.attributes['http.response.status_code']).toBeUndefined();
  });

  it('ends when the user goes elsewhere', () => {
    load().subscribe().unsubscribe();
    expect(ended().map((span) => span.name)).toEqual(['GET', 'load products']);
    expect(ended()[0]?.attributes['error.type']).toBe('aborted');
    expect(ended()[1]?.events.map((event) => event.name)).toEqual(['abandoned']);
  });

  it('does not take in what the customer does meanwhile', async () => {
    load().subscribe();
    interactions
      .trace('click place order', () => http.get('/api/other').pipe(map(() => 1)))
      .subscribe();
    server.expectOne('/api/other').flush({});
    server.expectOne('/api/products?page=2').flush({});
    await rendered();
    const traces = new Set(ended().map((span) => span.spanContext().traceId));
    expect(ended()).toHaveLength(4);
    expect(traces.size).toBe(2);
  });
});
