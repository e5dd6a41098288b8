import { parseGoDuration, parseQuantity } from '@nodeagent/base';
import type { Problem } from '@nodeagent/component-base';

import type { ConfigFile } from '../model/config-file.js';
import { parseThreshold } from '../model/threshold.js';

/** @see Kubernetes 1.36 pkg/kubelet/eviction/api/types.go */
const SIGNALS: readonly string[] = [
  'memory.available',
  'allocatableMemory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'containerfs.available',
  'containerfs.inodesFree',
  'pid.available',
];

const FIELDS = [
  'evictionHard',
  'evictionSoft',
  'evictionSoftGracePeriod',
  'evictionMinimumReclaim',
] as const;

/**
 * Finds signals that do not exist, values that cannot be read and soft thresholds without a grace
 * period.
 *
 * @see Kubernetes 1.36 pkg/kubelet/eviction/helpers.go
 */
export function evictionProblems(file: ConfigFile): readonly Problem[] {
  const unknown = FIELDS.flatMap((field) =>
    Object.keys(file[field])
      .filter((signal) => !SIGNALS.includes(signal))
      .map((signal) => {
        const message = `unsupported eviction signal; known are ${SIGNALS.join(', ')}`;
        return { field: `${field}.${signal}`, message };
      }),
  );
  return [
    ...unknown,
    ...Object.keys(file.evictionSoft)
      .filter((signal) => file.evictionSoftGracePeriod[signal] === undefined)
      .map((signal) => {
        const field = `evictionSoft.${signal}`;
        return { field, message: 'needs a grace period in evictionSoftGracePeriod' };
      }),
    ...unreadable(
      'evictionSoft',
      file.evictionSoft,
      (text) => parseThreshold(text) === undefined,
      'a positive quantity such as 100Mi or a share such as 10%',
    ),
    ...unreadable(
      'evictionSoftGracePeriod',
      file.evictionSoftGracePeriod,
      (text) => (parseGoDuration(text) ?? -1) < 0,
      'a duration such as 1m30s, not negative',
    ),
    ...unreadable(
      'evictionMinimumReclaim',
      file.evictionMinimumReclaim,
      (text) => !isReclaim(text),
      'a quantity such as 100Mi or a share such as 10%, not negative',
    ),
  ];
}

function unreadable(
  field: string,
  values: Readonly<Record<string, string>>,
  isWrong: (text: string) => boolean,
  wanted: string,
): readonly Problem[] {
  return Object.entries(values)
    .filter(([, text]) => isWrong(text))
    .map(([signal, text]) => ({
      field: `${field}.${signal}`,
      message: `must be ${wanted}, found ${JSON.stringify(text)}`,
    }));
}

/** A reclaim of nothing is allowed as an amount, but not as a share. */
function isReclaim(text: string): boolean {
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  if (percent !== undefined) return Number(percent) > 0 && Number(percent) <= 100;
  const quantity = parseQuantity(text);
  return quantity !== undefined && quantity >= 0n;
}
