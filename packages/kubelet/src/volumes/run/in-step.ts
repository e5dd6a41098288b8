import { errorText } from '@nodeagent/csi';

import { isVolumeError, VolumeError, type VolumeStep } from '../index.js';

/**
 * Adds the step to every error of the work; if steps are nested, the inner one stays.
 *
 * @throws {VolumeError} with the step and the cause
 */
export async function inStep<T>(
  operation: VolumeStep['operation'],
  name: string,
  volume: string,
  work: () => Promise<T> | T,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'AbortError') throw cause;
    if (isVolumeError(cause) && cause.step !== undefined) throw cause;
    const code = isVolumeError(cause) ? cause.code : 'VOLUME_MOUNT';
    throw new VolumeError(code, errorText(cause), { cause, step: { operation, name, volume } });
  }
}
