import type { ObjectMeta } from './generated/api-types.js';

/** The fields that every API object has. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}
