import { type Endpoint, endpointText } from '../../model/endpoint.js';

/**
 * Numbers endpoints so that those that were there before keep their numbers, as far as numbers
 * remain: one endpoint more or less is then one changed element, not a list that moved.
 *
 * @param before as they are numbered now
 * @returns `now` itself where its own order will do
 */
export function keepSlots(
  before: readonly Endpoint[],
  now: readonly Endpoint[],
): readonly Endpoint[] {
  if (before.length === 0 || now.length === 0 || sameOrder(before, now)) return now;
  const left = new Map(now.map((endpoint) => [endpointText(endpoint), endpoint]));
  const slots = new Array<Endpoint | undefined>(now.length).fill(undefined);
  for (let i = 0; i < Math.min(before.length, now.length); i += 1) {
    const old = before[i];
    const key = old === undefined ? '' : endpointText(old);
    slots[i] = left.get(key);
    left.delete(key);
  }
  const newcomers = left.values();
  return slots.map((endpoint) => endpoint ?? (newcomers.next().value as Endpoint));
}

function sameOrder(before: readonly Endpoint[], now: readonly Endpoint[]): boolean {
  return now.every(({ ip, port }, i) => ip === before[i]?.ip && port === before[i]?.port);
}
