import { createHastyClock } from '@nodeagent/base/testing';
import { describe, expect, it } from 'vitest';

import { LastingConnection, NetlinkError, type NetlinkErrorCode } from '../../src/index.js';
import { RecordedSocket } from '../../src/testing/index.js';

function aConnection() {
  const sockets: RecordedSocket[] = [];
  const open = (): RecordedSocket => {
    const socket = new RecordedSocket([]);
    sockets.push(socket);
    return socket;
  };
  return { sockets, lasting: new LastingConnection({ open, clock: createHastyClock() }) };
}

const failing = (code: NetlinkErrorCode) => () => Promise.reject(new NetlinkError(code, 'no'));

describe(LastingConnection, () => {
  it('opens a socket with the first use and keeps it', async () => {
    const { sockets, lasting } = aConnection();
    expect(sockets).toHaveLength(0);
    expect(await lasting.use(async () => 1)).toBe(1);
    expect(await lasting.use(async () => 2)).toBe(2);
    expect(sockets.map(({ isOpen }) => isOpen)).toEqual([true]);
  });

  it.each([
    ['NETLINK_REFUSED', [true]],
    ['NETLINK_VALUE', [true]],
    ['NETLINK_INTERRUPTED', [true]],
    ['NETLINK_TIMEOUT', [false, true]],
    ['NETLINK_SOCKET', [false, true]],
  ] as const)('after %s the sockets are open: %j', async (code, want) => {
    const { sockets, lasting } = aConnection();
    await expect(lasting.use(failing(code))).rejects.toMatchObject({ code });
    await lasting.use(async () => undefined);
    expect(sockets.map(({ isOpen }) => isOpen)).toEqual(want);
  });

  it('opens another one after it was closed', async () => {
    const { sockets, lasting } = aConnection();
    lasting.close(); // nothing to close
    await lasting.use(async () => undefined);
    lasting.close();
    await lasting.use(async () => undefined);
    expect(sockets.map(({ isOpen }) => isOpen)).toEqual([false, true]);
  });

  it('leaves a newer connection alone when an older one breaks', async () => {
    const { sockets, lasting } = aConnection();
    const late = Promise.withResolvers<never>();
    const older = lasting.use(() => late.promise);
    lasting.close();
    await lasting.use(async () => undefined);
    late.reject(new NetlinkError('NETLINK_CLOSED', 'no'));
    await expect(older).rejects.toMatchObject({ code: 'NETLINK_CLOSED' });
    await lasting.use(async () => undefined);
    expect(sockets.map(({ isOpen }) => isOpen)).toEqual([false, true]);
  });

  it('tries again where no socket could be opened', async () => {
    let tries = 0;
    const open = (): RecordedSocket => {
      tries += 1;
      if (tries === 1) throw new NetlinkError('NETLINK_ADDON_MISSING', 'no');
      return new RecordedSocket([]);
    };
    const lasting = new LastingConnection({ open, clock: createHastyClock() });
    await expect(lasting.use(async () => 1)).rejects.toMatchObject({
      code: 'NETLINK_ADDON_MISSING',
    });
    expect(await lasting.use(async () => 1)).toBe(1);
  });
});
