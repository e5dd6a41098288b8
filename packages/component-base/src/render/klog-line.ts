import type { LogFields } from '@nodeagent/base';

export interface KlogEntry {
  readonly letter: 'I' | 'W' | 'E';
  readonly timeMs: number;
  readonly processId: number;
  readonly program: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** Renders an entry as klog does: `I1121 07:45:05.123000 4711 kubelet] "Pod started" pod="ns/web"`. */
export function klogLine(entry: KlogEntry): string {
  const { letter, timeMs, processId, program, message, fields } = entry;
  const when = new Date(timeMs).toISOString();
  const stamp = `${when.slice(5, 7)}${when.slice(8, 10)} ${when.slice(11, 23)}000`;
  const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${shown(value)}`);
  return `${letter}${stamp} ${processId} ${program}] ${JSON.stringify(message)}${pairs.join('')}\n`;
}

function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const { namespace, name, uid } = value as LogFields;
  if (typeof name === 'string' && typeof namespace === 'string') {
    return JSON.stringify(`${namespace}/${name}`);
  }
  if (typeof uid === 'string' && name === undefined) return JSON.stringify(uid);
  return JSON.stringify(JSON.stringify(value));
}
