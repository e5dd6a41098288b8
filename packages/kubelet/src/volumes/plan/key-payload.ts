import { VolumeError } from '../model/errors.js';
import type { PayloadFile } from '../model/payload.js';

/** The part of a configMap or secret volume that selects keys and their files. */
export interface KeySelection {
  readonly items?: readonly Readonly<{ key: string; path: string; mode?: number | undefined }>[];
  readonly defaultMode: number;
  readonly optional: boolean;
}

/**
 * The files of a config map or a secret.
 *
 * @param data undefined if the object does not exist
 * @param what names the object in errors, such as `secret`
 * @throws {VolumeError} `VOLUME_SOURCE` if a selected key is missing and not optional
 */
export function keyPayload(
  data: ReadonlyMap<string, Buffer> | undefined,
  selection: KeySelection,
  what: 'configmap' | 'secret',
): readonly (readonly [path: string, file: PayloadFile])[] {
  const { items, defaultMode, optional } = selection;
  if (data === undefined) return [];
  if (items === undefined || items.length === 0) {
    return [...data].map(([key, content]) => [key, { content, mode: defaultMode }] as const);
  }
  return items.flatMap(({ key, path, mode }) => {
    const content = data.get(key);
    if (content !== undefined) return [[path, { content, mode: mode ?? defaultMode }] as const];
    if (optional) return [];
    const text =
      what === 'secret'
        ? `references non-existent secret key: ${key}`
        : `configmap references non-existent config key: ${key}`;
    throw new VolumeError('VOLUME_SOURCE', text);
  });
}
