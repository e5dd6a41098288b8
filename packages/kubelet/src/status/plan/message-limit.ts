import type { Pod } from '@nodeagent/kube-client';

import { allContainers } from '../../pod/index.js';

/** Limit for all termination messages of a pod together, which keeps its object small. */
const POD_MESSAGES_BYTES = 12 * 1024;

/** Each container of the pod gets an equal share. */
export function messageLimitBytes(pod: Pod): number {
  return Math.floor(POD_MESSAGES_BYTES / Math.max(1, allContainers(pod).length));
}

/** The first `limitBytes` of the text; never splits a character. */
export function cutText(text: string, limitBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limitBytes) return text;
  let end = limitBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1; // move back to the start of a character
  return bytes.toString('utf8', 0, end);
}
