import type { PodAction } from '../../pod/index.js';
import type { ExplainedAction, PodExplanation, RuntimeCall } from '../model/explanation.js';

const INDENT = '       ';

/**
 * An explanation for human readers: each step with its reason, then its calls to the runtime with
 * requests as YAML-like lines, and the events.
 */
export function renderExplanation({ pod, actions }: PodExplanation): string {
  const head = `pod ${pod.namespace}/${pod.name} (${pod.uid})\n`;
  if (actions.length === 0) return `${head}\nnothing to do: the pod is in its desired state\n`;
  return [head, ...actions.map((each, at) => renderAction(each, at + 1))].join('\n');
}

function renderAction({ action, calls, events, failure }: ExplainedAction, number: number): string {
  const lines = [
    `${number}. ${words(action)}`,
    `   why: ${action.why}`,
    ...calls.flatMap(renderCall),
    ...events.map((event) => `   event: ${event}`),
    ...(failure === undefined ? [] : [`   fails: ${failure}`]),
  ];
  return `${lines.join('\n')}\n`;
}

function renderCall({ method, request }: RuntimeCall): readonly string[] {
  const { sandboxConfig, ...own } = request as Readonly<Record<string, unknown>>;
  const repeated =
    sandboxConfig === undefined ? [] : [`${INDENT}sandboxConfig: the config of RunPodSandbox`];
  return [`   → ${method}`, ...tree(own, INDENT), ...repeated];
}

function words(action: PodAction): string {
  switch (action.kind) {
    case 'start-container':
      return `start ${action.role} container ${action.name} (restart count ${action.restartCount})`;
    case 'stop-container':
      return `stop container ${action.name} within ${action.graceSeconds} s`;
    case 'remove-container':
      return `remove container ${action.name} (${action.id})`;
    case 'remove-sandbox':
      return `remove sandbox ${action.id}`;
    case 'create-sandbox':
      return `create sandbox, attempt ${action.attempt}`;
    case 'resize-pod': {
      const names = new Set([...action.memory, ...action.cpu].map(({ name }) => name));
      return `resize running containers (${[...names].join(', ')})`;
    }
    case 'stop-pod':
      return 'stop all containers, then the sandbox';
    case 'hold-container':
      return `wait for the rest of the ${action.delayMs / 1000} s back-off of container ${action.name}`;
  }
}

/** Nested plain data, one leaf per line; empty values are left out. */
function tree(value: unknown, indent: string): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown) =>
      isLeaf(item) ? [`${indent}- ${leaf(item)}`] : dashed(tree(item, `${indent}  `), indent),
    );
  }
  return Object.entries(value as object).flatMap(([key, member]: [string, unknown]) => {
    if (isEmpty(member)) return [];
    if (isLeaf(member)) return [`${indent}${key}: ${leaf(member)}`];
    return [`${indent}${key}:`, ...tree(member, `${indent}  `)];
  });
}

function dashed([first = '', ...rest]: readonly string[], indent: string): readonly string[] {
  return [`${indent}- ${first.trimStart()}`, ...rest];
}

function isLeaf(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

function leaf(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === '') return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).every(isEmpty);
}
