import type { PullRecordFiles } from '../ports.js';

/** Texts: an image of a node is asked for at each start of a container, and nodes have fewer images. */
const LIMIT = 500;

/**
 * The same files, each read once. Nobody else writes them while this kubelet runs: to read two of them
 * for each container took a tenth of the file calls of its start.
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
      known.delete(key); // also when it is not known how far it came
    }
  };
  return {
    read: async (kind, name) => {
      const key = keyOf(kind, name);
      if (known.has(key)) return known.get(key);
      const before = changes;
      const text = await files.read(kind, name);
      if (before !== changes) return text; // it may be the old one
      if (known.size >= LIMIT) known.clear();
      known.set(key, text);
      return text;
    },
    write: (kind, name, text) => changing(keyOf(kind, name), () => files.write(kind, name, text)),
    remove: (kind, name) => changing(keyOf(kind, name), () => files.remove(kind, name)),
    texts: (kind) => files.texts(kind),
  };
}
