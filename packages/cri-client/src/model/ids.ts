import type { Brand } from '@nodeagent/base';

/** The runtime's id of a pod sandbox, 64 hexadecimal digits in all known runtimes. */
export type SandboxId = Brand<string, 'SandboxId'>;

/** The runtime's id of a container, 64 hexadecimal digits in all known runtimes. */
export type ContainerId = Brand<string, 'ContainerId'>;

/** Marks text that came from a runtime, or from a place where a runtime's id was written down. */
export function sandboxId(text: string): SandboxId {
  return text as SandboxId;
}

/** Marks text that came from a runtime, or from a place where a runtime's id was written down. */
export function containerId(text: string): ContainerId {
  return text as ContainerId;
}
