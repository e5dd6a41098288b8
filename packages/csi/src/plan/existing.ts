import type { CreateVolumeRequest } from '../codec/controller.js';
import type { Volume, VolumeCapability, VolumeContentSource } from '../codec/volume.js';
import type { Placement } from '../ports.js';

/**
 * The difference between the volume of this name and the requested one; undefined if they agree.
 */
export function whyOtherVolume(volume: Volume, asked: CreateVolumeRequest): string | undefined {
  const { requiredBytes = 0, limitBytes = 0 } = asked.capacityRange ?? {};
  const { capacityBytes } = volume;
  if (capacityBytes > 0 && capacityBytes < requiredBytes) {
    return `it has ${capacityBytes} bytes, ${requiredBytes} are required`;
  }
  if (limitBytes > 0 && capacityBytes > limitBytes) {
    return `it has ${capacityBytes} bytes, ${limitBytes} are the limit`;
  }
  if (sourceText(volume.contentSource) !== sourceText(asked.volumeContentSource)) {
    return `it was made from ${sourceText(volume.contentSource)}`;
  }
  return undefined;
}

function sourceText(content: VolumeContentSource | undefined): string {
  const source = content?.source;
  if (source === undefined) return 'nothing';
  return source.kind === 'snapshot'
    ? `snapshot ${source.value.snapshotId}`
    : `volume ${source.value.volumeId}`;
}

export interface PlacementAsked {
  readonly volumeId: string;
  readonly readonly?: boolean;
  readonly volumeCapability: VolumeCapability | undefined;
}

/**
 * The difference between the placement at a path and the requested one; undefined if they agree.
 */
export function whyOtherPlacement(found: Placement, asked: PlacementAsked): string | undefined {
  if (found.volumeId !== asked.volumeId) return `volume ${found.volumeId} is there`;
  const access = asked.volumeCapability?.access?.kind;
  if (found.access !== undefined && found.access !== access)
    return `it is there as ${found.access}`;
  if (found.readonly === undefined || asked.readonly === undefined) return undefined;
  if (found.readonly === asked.readonly) return undefined;
  return found.readonly ? 'it is there read-only' : 'it is there writable';
}
