/**
 * An operation on a file beside the log. All are done, in order, before the log itself is renamed.
 */
export type RotationStep =
  Readonly<{ kind: 'remove'; name: string }> | Readonly<{ kind: 'compress'; name: string }>;

/** `.20260131-235959`, `.20260131-235959.gz`, either with `.tmp` */
const OURS = /^\.\d{8}-\d{6}(\.gz)?(\.tmp)?$/;
const [PACKED, UNFINISHED] = ['.gz', '.tmp'];

/**
 * Makes room for one more rotated file: removes files that a killed kubelet left unfinished,
 * removes the oldest files, and compresses the others. At most `maxFiles` remain, including the
 * current log and the newest rotated file, which stays uncompressed until the next rotation.
 *
 * @param log file name without directory
 * @param names all file names in the log's directory
 * @see Kubernetes 1.36 pkg/kubelet/logs/container_log_manager.go
 */
export function planRotation(
  log: string,
  names: readonly string[],
  maxFiles: number,
): readonly RotationStep[] {
  const ours = names
    .filter((name) => name.startsWith(log) && OURS.test(name.slice(log.length)))
    .sort();
  const all = new Set(ours);
  const useless = (name: string): boolean => {
    return name.endsWith(UNFINISHED) || all.has(`${name}${PACKED}`);
  };
  const kept = ours.filter((name) => !useless(name));
  const excess = Math.max(0, kept.length - Math.max(0, maxFiles - 2));
  const remove = [...ours.filter(useless), ...kept.slice(0, excess)];
  const compress = kept.slice(excess).filter((name) => !name.endsWith(PACKED));
  return [
    ...remove.map((name) => ({ kind: 'remove' as const, name })),
    ...compress.map((name) => ({ kind: 'compress' as const, name })),
  ];
}

/** New name of a rotated log: it ends in the local time, to the second. */
export function rotatedName(log: string, nowMs: number): string {
  const at = new Date(nowMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`;
  return `${log}.${day}-${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;
}
