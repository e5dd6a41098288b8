import type { EventsV1Event } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/**
 * `events.k8s.io/v1`, by namespace: the objects of {@link EVENTS} with other names of fields. A new
 * one must name its reporter, its action and its time (`eventTime`).
 */
export const EVENTS_V1: Resource<EventsV1Event> = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};
