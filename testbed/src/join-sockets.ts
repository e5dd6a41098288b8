import type { Socket } from 'node:net';

/**
 * Passes the bytes of each on to the other, and when one side ends or fails, ends the other.
 *
 * @param open holds both as long as they are
 */
export function joinSockets(near: Socket, far: Socket, open: Set<Socket>): void {
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    open.add(one);
    one.pipe(other);
    one.on('error', () => other.destroy());
    one.on('close', () => {
      open.delete(one);
      other.destroy();
    });
  }
}
