import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { metrics, type ObservableResult } from '@opentelemetry/api';

/** Bytes that were sent to and received from one address. */
interface Traffic {
  readonly attributes: { 'server.address': string; 'server.port': number };
  readonly open: Set<Socket>;
  transmitted: number;
  received: number;
}

const traffic = new Map<string, Traffic>();

/**
 * Measures what crosses the connections that this process opens, as their sockets count it: all
 * bytes of the streams, so with headers, frames and handshakes, whatever the protocol. What TCP
 * adds (packet headers, what it sends again) is not in it.
 */
export function measureWireBytes(): void {
  subscribe('net.client.socket', (message) => {
    const { socket } = message as { socket: Socket };
    socket.once('connect', () => watch(socket));
  });
  metrics
    .getMeter('shop-bff')
    .createObservableCounter('shop.client.network.io', {
      description: 'Bytes sent and received on outgoing connections, above TCP.',
      unit: 'By',
    })
    .addCallback(observe);
}

function watch(socket: Socket): void {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return;
  const key = `${remoteAddress} ${remotePort}`;
  const peer = traffic.get(key) ?? {
    attributes: { 'server.address': remoteAddress, 'server.port': remotePort },
    open: new Set(),
    transmitted: 0,
    received: 0,
  };
  traffic.set(key, peer);
  peer.open.add(socket);
  socket.once('close', () => {
    peer.open.delete(socket);
    peer.transmitted += socket.bytesWritten;
    peer.received += socket.bytesRead;
  });
}

function observe(result: ObservableResult): void {
  for (const { attributes, transmitted, received } of wireBytes()) {
    result.observe(transmitted, { ...attributes, 'network.io.direction': 'transmit' });
    result.observe(received, { ...attributes, 'network.io.direction': 'receive' });
  }
}

/** What crossed so far, for each address. */
export function wireBytes(): Omit<Traffic, 'open'>[] {
  return [...traffic.values()].map(({ attributes, open, transmitted, received }) => {
    const sockets = [...open];
    return {
      attributes,
      transmitted: sockets.reduce((sum, { bytesWritten }) => sum + bytesWritten, transmitted),
      received: sockets.reduce((sum, { bytesRead }) => sum + bytesRead, received),
    };
  });
}
