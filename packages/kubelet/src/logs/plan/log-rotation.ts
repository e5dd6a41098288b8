/** What is done to files beside a log, in this order, before the log itself gets another name. */
export type RotationStep =
  Readonly<{ kind: 'remove'; name: string }> | Readonly<{ kind: 'compress'; name: string }>;

/** `.20260131-235959`, `.20260131-235959.gz`, either with `.tmp` */
const OURS = /^\.\d{8}-\d{6}(\.gz)?(\.tmp)?$/;
const [PACKED, UNFINISHED] = ['.gz', '.tmp'];

/**
 * Makes room for one more rotated file: what a killed kubelet left unfinished goes, then the oldest,
 * and what is not compressed yet is. With the present file and the newest rotated one, which stays
 * as it is until the next rotation, there are at most `maxFiles`.
 *
 * @param log its name without directory
 * @param names of everything in the log's directory
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

/** What a log is called from now on: with the local time, to the second. */
export function rotatedName(log: string, nowMs: number): string {
  const at = new Date(nowMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`;
  return `${log}.${day}-${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;
}
