import { failure, type Answer } from '../model/exchange.js';
import type { SystemLogs } from '../ports.js';
import { directoryPage } from '../render/directory-page.js';
import type { Handler } from './node-api.js';

/** `/logs/`: the files of the machine's log directory, and listings of its folders. */
export function systemLogHandler(logs: SystemLogs | undefined): Handler {
  return async ({ request, params }): Promise<Answer> => {
    if (logs === undefined) return failure(405, 'logs endpoint is disabled.');
    const found = await logs.find(params['rest'] ?? '');
    if (found === undefined) return failure(404, '404 page not found');
    if (found.kind === 'file') {
      const contentType = 'text/plain; charset=utf-8';
      return { kind: 'stream', contentType, chunks: found.read() };
    }
    if (!request.path.endsWith('/')) {
      // so that the links of the page lead below it
      const last = request.path.slice(request.path.lastIndexOf('/') + 1);
      return { ...failure(301, 'Moved Permanently'), headers: { location: `${last}/` } };
    }
    const body = directoryPage(found.entries);
    return { kind: 'body', status: 200, contentType: 'text/html; charset=utf-8', body };
  };
}
