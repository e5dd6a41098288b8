import type { Brand } from '@nodeagent/base';

/** The runtime's id of a pod sandbox, 64 hexadecimal digits in all known runtimes. */
export type SandboxId = Brand<string, 'SandboxId'>;

/** The runtime's id of a container, 64 hexadecimal digits in all known runtimes. */
export type ContainerId = Brand<string, 'ContainerId'>;

/** Marks text as an id; the text must come from a runtime, or from a stored runtime id. */
export function sandboxId(text: string): SandboxId {
  return text as SandboxId;
}

/** Marks text as an id; the text must come from a runtime, or from a stored runtime id. */
export function containerId(text: string): ContainerId {
  return text as ContainerId;
}
