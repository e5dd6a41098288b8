import { type Endpoint, endpointText } from '../../model/endpoint.js';

/**
 * Numbers endpoints so that those from before keep their numbers as far as possible: an added or
 * removed endpoint then changes one element instead of shifting the list.
 *
 * @param before the endpoints in their present order
 * @returns `now` itself when its own order will do
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
  return now.every(({ ip, port }, i) => {
    const old = before[i];
    return ip === old?.ip && port === old.port;
  });
}
