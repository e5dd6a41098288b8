import type { Driver } from '../ports.js';

const NAME = /^[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?$/;

/** Returns all problems of a driver. */
export function driverProblems({ name, version, node, controller }: Driver): readonly string[] {
  const problems: string[] = [];
  if (name.length > 63 || !NAME.test(name)) {
    problems.push(`name "${name}" is not a domain name of at most 63 characters`);
  }
  if (version === '') problems.push('version is missing');
  if (node === undefined && controller === undefined) {
    problems.push('neither node nor controller is there');
  }
  if (node !== undefined) {
    if (node.nodeId === '' || Buffer.byteLength(node.nodeId) > 256) {
      problems.push('node.nodeId must have 1 to 256 bytes');
    }
    if ((node.stage === undefined) !== (node.unstage === undefined)) {
      problems.push('node.stage and node.unstage go together');
    }
  }
  if (controller !== undefined) {
    problems.push(...pairProblems(controller));
  }
  return problems;
}

const PAIRS = [
  ['create', 'delete'],
  ['publish', 'unpublish'],
  ['createSnapshot', 'deleteSnapshot'],
] as const;

function pairProblems(controller: NonNullable<Driver['controller']>): readonly string[] {
  return PAIRS.filter(
    ([a, b]) => (controller[a] === undefined) !== (controller[b] === undefined),
  ).map(([a, b]) => `controller.${a} and controller.${b} go together`);
}
