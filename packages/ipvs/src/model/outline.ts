import { type Destination, destinationKey, type Forwarding, type Tunnel } from './destination.js';

/** The part of a destination that an outline shows. */
export interface DestinationOutline {
  /** The key as {@link destinationKey} makes it. */
  readonly key: string;
  /** All tunnels look the same here, and `bypass` looks like `masquerade`. */
  readonly forwarding: Exclude<Forwarding, Tunnel | 'bypass'> | 'tunnel';
  readonly weight: number;
}

/**
 * The destinations of services, by `formatServiceId`. A service that is absent has unknown
 * destinations.
 */
export type Outline = ReadonlyMap<string, readonly DestinationOutline[]>;

export function outlineOf({ address, port, forwarding, weight }: Destination): DestinationOutline {
  const method = typeof forwarding === 'string' ? forwarding : 'tunnel';
  return {
    key: destinationKey({ address, port }),
    forwarding: method === 'bypass' ? 'masquerade' : method,
    weight,
  };
}

/** True when these are the destinations, in any order, as far as an outline shows. */
export function matchesOutline(
  destinations: readonly Destination[],
  outline: readonly DestinationOutline[] | undefined,
): boolean {
  if (outline?.length !== destinations.length) return false;
  const seen = new Map(outline.map((each) => [each.key, each]));
  return destinations.every((destination) => {
    const { key, forwarding, weight } = outlineOf(destination);
    const found = seen.get(key);
    return found?.forwarding === forwarding && found.weight === weight;
  });
}
