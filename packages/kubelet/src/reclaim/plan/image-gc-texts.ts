import { formatGoDuration } from '@nodeagent/base';

/** Fit for users who know Kubernetes' messages. @see Kubernetes 1.36 pkg/kubelet/images/image_gc_manager.go */
export function tooFullText(
  { usedPercent, capacityBytes }: Readonly<{ usedPercent: number; capacityBytes: number }>,
  freedBytes: number,
): string {
  return `Insufficient free disk space on the node's image filesystem (${usedPercent}% of ${formatSize(capacityBytes)} used). Failed to free sufficient space by deleting unused images (freed ${freedBytes} bytes). Investigate disk usage, as it could be used by active images, logs, volumes, or other data.`;
}

export function expiredText(maxAgeMs: number, failures: readonly string[]): string {
  return `wanted to free images older than ${formatGoDuration(maxAgeMs)}, encountered errors in image deletion: ${joined(failures)}`;
}

/** @param wantedBytes undefined: as much as possible */
export function spaceText(
  { wantedBytes, freedBytes }: Readonly<{ wantedBytes: number | undefined; freedBytes: number }>,
  failures: readonly string[],
): string {
  const wanted = wantedBytes === undefined ? ALL_BYTES : String(wantedBytes);
  return `wanted to free ${wanted} bytes, but freed ${freedBytes} bytes space with errors in image deletion: ${joined(failures)}`;
}

export const NO_CAPACITY = 'invalid capacity 0 on image filesystem';

/** 2^63 − 1, which a number cannot hold. */
const ALL_BYTES = '9223372036854775807';
const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'];

/** `100.0 GiB` */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let [value, power] = [bytes / 1024, 0];
  for (; value >= 1024 && power < UNITS.length - 1; power += 1) value /= 1024;
  return `${oneDecimal(value)} ${UNITS[power] ?? ''}`;
}

/** Rounds a tie to the even digit as Go does. */
function oneDecimal(value: number): string {
  const tenths = value * 10;
  const below = Math.floor(tenths);
  const tie = tenths - below === 0.5;
  return ((tie ? below + (below % 2) : Math.round(tenths)) / 10).toFixed(1);
}

function joined(failures: readonly string[]): string {
  const each = [...new Set(failures)];
  return each.length === 1 ? each.join('') : `[${each.join(', ')}]`;
}
