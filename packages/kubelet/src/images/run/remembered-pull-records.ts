import type { PullRecordFiles } from '../ports.js';

/**
 * Maximum number of texts kept. Each container start looks up its image; nodes have fewer images
 * than this.
 */
const LIMIT = 500;

/**
 * Caches record files, so that each is read only once. No other process writes them while this
 * kubelet runs. Without the cache, a tenth of the file operations of a container start were reads
 * of two records.
 *
 * @see Kubernetes 1.36 pkg/kubelet/images/pullmanager/mem_pullrecords.go
 */
export function rememberPullRecords(files: PullRecordFiles): PullRecordFiles {
  const known = new Map<string, string | undefined>();
  let changes = 0;
  const keyOf = (kind: string, name: string): string => `${kind} ${name}`;
  const changing = async (key: string, change: () => Promise<void>): Promise<void> => {
    try {
      await change();
    } finally {
      changes += 1;
      known.delete(key); // also after a failed change, whose effect is unknown
    }
  };
  return {
    read: async (kind, name) => {
      const key = keyOf(kind, name);
      if (known.has(key)) return known.get(key);
      const before = changes;
      const text = await files.read(kind, name);
      if (before !== changes) return text; // a change came in between, so this text may be outdated
      if (known.size >= LIMIT) known.clear();
      known.set(key, text);
      return text;
    },
    write: (kind, name, text) => changing(keyOf(kind, name), () => files.write(kind, name, text)),
    remove: (kind, name) => changing(keyOf(kind, name), () => files.remove(kind, name)),
    texts: (kind) => files.texts(kind),
    count: (kind) => files.count(kind),
  };
}
