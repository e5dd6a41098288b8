import { dirname, join } from 'node:path/posix';

/**
 * The directory where log collectors find container logs; a sibling of the pods' log directories.
 */
export function containerLogsDir({ podLogsDir }: Readonly<{ podLogsDir: string }>): string {
  return join(dirname(podLogsDir), 'containers');
}
