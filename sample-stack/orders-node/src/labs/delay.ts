import { setTimeout as sleep } from 'node:timers/promises';
import type { Span } from '@opentelemetry/api';
import { abortable } from '../abortable';
import { LabKind } from './kind';

/** `hopwatch.lab.delay=<service>[/<method>]:<n>ms`: the handler sleeps first. */
export const DELAY = new LabKind('hopwatch.lab.delay', 'ms', 10_000);

export async function sleepIn(span: Span, millis: number, signal: AbortSignal): Promise<void> {
  span.setAttributes({ 'hopwatch.lab.name': 'delay', 'hopwatch.lab.delay_ms': millis });
  await abortable(sleep(millis), signal);
}
