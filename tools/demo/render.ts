import type { Snapshot } from './snapshot.ts';

export interface Answers {
  /** Pod name → number of requests to the Service that it has answered. */
  readonly byPod: ReadonlyMap<string, number>;
  /** The result of the last request: a pod's name or an error. */
  readonly last: string;
}

/** Renders the live view: one array item per line, no escape codes except colours. */
export function renderView(
  { node, pods, service }: Snapshot,
  answers: Answers,
  kubeconfig: string,
): readonly string[] {
  const total = [...answers.byPod.values()].reduce((sum, count) => sum + count, 0);
  const width = Math.max(4, ...pods.map(({ name }) => name.length));
  const rows = pods.map((pod) => {
    const state = pod.waiting || pod.phase;
    const count = answers.byPod.get(pod.name) ?? 0;
    const bar = '█'.repeat(total === 0 ? 0 : Math.round((count / total) * 20));
    return [
      `  ${mark(pod.ready)} ${pod.name.padEnd(width)}`,
      state.padEnd(18),
      pod.ip.padEnd(16),
      String(pod.restarts).padEnd(9),
      `${String(count).padStart(5)} ${bar}`,
    ].join(' ');
  });
  const head = `    ${'POD'.padEnd(width)} ${'STATE'.padEnd(18)} ${'ADDRESS'.padEnd(16)} RESTARTS  ANSWERS`;
  return [
    `Node     ${mark(node.ready)} ${node.name}  ${node.ready ? 'Ready' : `NotReady: ${node.reason}`}`,
    `Service  web  ${service.clusterIP}:80  node port ${service.nodePort}  last answer: ${answers.last}`,
    '',
    head,
    ...rows,
    '',
    `kubectl --kubeconfig ${kubeconfig} get pods -o wide`,
    'Ctrl-C ends the demo and cleans up.',
  ];
}

function mark(good: boolean): string {
  return good ? '\x1b[32m●\x1b[0m' : '\x1b[33m○\x1b[0m';
}

/** Redraws in place: every line is cleared only after its new end, so nothing flickers. */
export function frame(lines: readonly string[]): string {
  return `\x1b[H${lines.map((line) => `${line}\x1b[K\r\n`).join('')}\x1b[J`;
}
