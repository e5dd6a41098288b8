const ADVICE =
  'https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#configure-volume-permission-and-ownership-change-policy-for-pods';

/** The first message about a change of group that takes long. */
export function slowGroupText(where: string): string {
  return `Setting volume ownership for ${where} is taking longer than expected, consider using OnRootMismatch - ${ADVICE}`;
}

/** The later messages. */
export function stillGroupText(where: string, files: number): string {
  return `Setting volume ownership for ${where}, processed ${files} files.`;
}
