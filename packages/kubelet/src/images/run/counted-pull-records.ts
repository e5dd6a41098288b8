import type { PullRecordFiles, PullRecordKind } from '../ports.js';
import type { PullMeter } from './pull-metrics.js';

/** Reports the number of records after each change. */
export function countPullRecords(
  files: PullRecordFiles,
  meter: Pick<PullMeter, 'recorded'>,
): PullRecordFiles {
  const changed = async (kind: PullRecordKind, change: Promise<void>): Promise<void> => {
    await change;
    meter.recorded(kind, await files.count(kind));
  };
  return {
    ...files,
    write: (kind, name, text) => changed(kind, files.write(kind, name, text)),
    remove: (kind, name) => changed(kind, files.remove(kind, name)),
  };
}
