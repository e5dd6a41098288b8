import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';

import { endWebSocket } from '../../src/server/adapters/end-websocket.js';

const PROTOCOL = 'v5.channel.k8s.io';
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

it('many messages wait together for a runtime that does not read', async () => {
  const runtime = createServer();
  runtime.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
    socket.pause();
  });
  const port = await listening(runtime);
  let toRuntime: Socket | undefined;
  let most = 0;
  const kubelet = createServer();
  kubelet.on('upgrade', (request, socket: Socket, head) => {
    const session = {
      protocol: PROTOCOL,
      url: new URL(`http://127.0.0.1:${port}/exec/x`),
      connect: () => {
        toRuntime = connect(port, '127.0.0.1');
        toRuntime.on('newListener', () => {
          most = Math.max(most, toRuntime?.listenerCount('drain') ?? 0);
        });
        return toRuntime;
      },
      streams: { stdin: true, stdout: false, stderr: false, tty: false },
      idleTimeoutMs: 0,
    } as const;
    void endWebSocket({ request, socket, head }, session);
  });
  const client = new WebSocket(`ws://127.0.0.1:${await listening(kubelet)}`, PROTOCOL);
  await once(client, 'open');
  client.send(Buffer.alloc(8 * 1024 * 1024));
  // These arrive in one piece with the last bytes of the big message.
  for (let i = 0; i < 5000; i += 1) client.send(Buffer.from([0, 1]));
  await expect.poll(() => toRuntime?.writableNeedDrain).toBe(true);
  await expect.poll(() => toRuntime?.listenerCount('drain')).toBeGreaterThan(0);
  expect(most).toBeLessThan(3);
  client.terminate();
});
