import {
  hasOptions,
  journalArguments,
  type NodeLogQuery,
  parseNodeLogQuery,
} from '../codec/node-log-query.js';
import { type Answer, failure, Refusal } from '../model/exchange.js';
import type { Journal, SystemLogs } from '../ports.js';
import { directoryPage } from '../render/directory-page.js';
import type { Handler } from './node-api.js';

/**
 * `/logs/`: files and listings of the machine's log directory and, with a journal, logs of its
 * services.
 */
export function systemLogHandler(logs: SystemLogs | undefined, journal?: Journal): Handler {
  return async ({ request, params }, signal): Promise<Answer> => {
    if (logs === undefined) return failure(405, 'logs endpoint is disabled.');
    const asked = journal && parseNodeLogQuery(request.query);
    if (journal !== undefined && asked !== undefined) {
      return answerQuery(asked, { logs, journal }, signal);
    }
    const found = await logs.find(params['rest'] ?? '');
    if (found === undefined) return failure(404, '404 page not found');
    if (found.kind === 'file') {
      const contentType = 'text/plain; charset=utf-8';
      return { kind: 'stream', contentType, chunks: found.read() };
    }
    if (!request.path.endsWith('/')) {
      // The redirect makes relative links of the listing work.
      const last = request.path.slice(request.path.lastIndexOf('/') + 1);
      return { ...failure(301, 'Moved Permanently'), headers: { location: `${last}/` } };
    }
    const body = directoryPage(found.entries);
    return { kind: 'body', status: 200, contentType: 'text/html; charset=utf-8', body };
  };
}

interface LogPlaces {
  readonly logs: SystemLogs;
  readonly journal: Journal;
}

async function answerQuery(
  query: NodeLogQuery,
  places: LogPlaces,
  signal: AbortSignal,
): Promise<Answer> {
  const { file, services } = query;
  const contentType = 'text/plain;charset=UTF-8';
  if (file !== undefined) {
    const found = await places.logs.find(file);
    if (found?.kind === 'file') return { kind: 'stream', contentType, chunks: found.read() };
    throw new Refusal(406, `query: Invalid value: ${JSON.stringify(file)}: no such file`);
  }
  const known = await Promise.all(services.map((name) => places.journal.hasUnit(name, signal)));
  const others = services.filter((_, at) => known[at] !== true);
  if (others.length === 0) {
    const chunks = places.journal.read(journalArguments(query, services), signal);
    return { kind: 'stream', contentType, chunks };
  }
  if (hasOptions(query)) {
    const body = `\noptions present and query resolved to log files for [${others.join(' ')}]\ntry without specifying options\n`;
    return { kind: 'body', status: 200, contentType, body };
  }
  return { kind: 'stream', contentType, chunks: filesOf(others, places.logs) };
}

/** Programs without a unit write log files named after them. */
async function* filesOf(names: readonly string[], logs: SystemLogs): AsyncGenerator<Uint8Array> {
  for (const name of names) {
    let isFound = false;
    for (const path of [name, `${name}.log`, `${name}/${name}.log`]) {
      const found = await logs.find(path);
      if (found?.kind !== 'file') continue;
      yield* found.read();
      isFound = true;
      break;
    }
    if (!isFound) yield new TextEncoder().encode(`\nlog not found for ${name}\n`);
  }
}
