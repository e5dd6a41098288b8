import { dirname, join } from 'node:path/posix';

/** Where log collectors look for the logs of containers: beside the pods' own log directories. */
export function containerLogsDir({ podLogsDir }: Readonly<{ podLogsDir: string }>): string {
  return join(dirname(podLogsDir), 'containers');
}
