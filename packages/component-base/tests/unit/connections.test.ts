import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';

import { MemoryMetrics } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import { Connections, SERVER_LIMITS } from '../../src/adapters/connections.js';

function from(remotePort: number): Socket {
  const socket = new EventEmitter();
  return Object.assign(socket, {
    ...{ remoteAddress: '10.0.0.1', remotePort, destroyed: false },
    setKeepAlive: () => undefined,
    destroy: () => socket.emit('close'),
  }) as unknown as Socket;
}

it('a client that comes again from its old port before its end is seen counts once', () => {
  const metrics = new MemoryMetrics();
  const turnedAway = metrics.counter({
    ...{ name: 'turned_away_total', help: '', labelNames: ['reason'] },
  });
  const limits = { ...SERVER_LIMITS, mostOfStranger: 2, turnedAway, nowMs: () => 0 };
  const connections = new Connections(limits);
  for (let i = 0; i < 4; i += 1) {
    const [old, next] = [from(1), from(1)];
    connections.add(old, 0);
    connections.add(next, 0);
    old.destroy();
    expect(connections.generationOf(next)).toBe(0);
    next.destroy();
  }
  connections.add(from(2), 0);
  connections.add(from(3), 0);
  expect(connections.size).toBe(2);
  expect(metrics.values.get('turned_away_total{reason="share"}')).toBeUndefined();
});
