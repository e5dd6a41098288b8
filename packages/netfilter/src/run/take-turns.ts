import type { Iptables } from '../ports.js';

/**
 * Serializes the commands of several handles. All legacy programs, of both families, wait for one
 * lock and give up after five seconds, which is less than another handle's restore may take.
 *
 * @returns wraps a handle; the wrapped handles take turns
 */
export function createTurns(): (iptables: Iptables) => Iptables {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    const before = last;
    const turn = Promise.withResolvers<undefined>();
    last = turn.promise;
    await before;
    try {
      return await work();
    } finally {
      turn.resolve(undefined);
    }
  };
  return (iptables) => ({
    family: iptables.family,
    chainExists: (...args) => inTurn(() => iptables.chainExists(...args)),
    ensureChain: (...args) => inTurn(() => iptables.ensureChain(...args)),
    ensureRule: (...args) => inTurn(() => iptables.ensureRule(...args)),
    deleteRule: (...args) => inTurn(() => iptables.deleteRule(...args)),
    deleteChain: (...args) => inTurn(() => iptables.deleteChain(...args)),
    save: (...args) => inTurn(() => iptables.save(...args)),
    restore: (...args) => inTurn(() => iptables.restore(...args)),
  });
}
