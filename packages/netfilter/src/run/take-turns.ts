import type { Iptables } from '../ports.js';

/**
 * Lets the commands of several handles run one after the other. All legacy programs, whichever the
 * family, wait for one lock, and give up after five seconds: less than another's restore may take.
 *
 * @returns makes a handle of a handle; those that it made take turns
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
