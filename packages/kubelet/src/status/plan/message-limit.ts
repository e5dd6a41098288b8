import type { Pod } from '@nodeagent/kube-client';

import { allContainers } from '../../pod/index.js';

/** All termination messages of a pod together, so that its object stays small. */
const POD_MESSAGES_BYTES = 12 * 1024;

/** An equal share for each of the pod's containers. */
export function messageLimitBytes(pod: Pod): number {
  return Math.floor(POD_MESSAGES_BYTES / Math.max(1, allContainers(pod).length));
}

/** The first `limitBytes` of the text, never cutting a character in two. */
export function cutText(text: string, limitBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limitBytes) return text;
  let end = limitBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1; // inside a character
  return bytes.toString('utf8', 0, end);
}
