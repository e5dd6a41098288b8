import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** As it came: with nulls, and of types that nobody has checked. */
export interface RecordedObject {
  readonly metadata: Readonly<{
    name: string;
    namespace?: string;
    uid?: string;
    labels?: Readonly<Record<string, string>>;
    resourceVersion: string;
  }>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface RecordedEvent {
  readonly type: string;
  readonly object: RecordedObject;
}

interface RecordedList {
  readonly items: readonly RecordedObject[];
}

const FOLDER = join(import.meta.dirname, 'testbed', 'recorded');

/** What a real API server answered to a list of all objects of a kind: `pods`. */
export function recordedList(plural: string): RecordedList {
  return JSON.parse(readFileSync(join(FOLDER, `${plural}.list.json`), 'utf8')) as RecordedList;
}

/** What it told on the watch from there. */
export function recordedWatch(plural: string): readonly RecordedEvent[] {
  return recordedWatchLines(plural).map((line) => JSON.parse(line) as RecordedEvent);
}

/** The lines of that watch as they came. */
export function recordedWatchLines(plural: string): readonly string[] {
  return readFileSync(join(FOLDER, `${plural}.watch.jsonl`), 'utf8')
    .trim()
    .split('\n');
}

/** All objects that were told of a kind, each version of them. */
export function recordedObjects(plural: string): readonly RecordedObject[] {
  const told = recordedWatch(plural).filter(({ type }) => type !== 'BOOKMARK');
  return [...recordedList(plural).items, ...told.map(({ object }) => object)];
}

/** Kinds whose watch was recorded, as in its path. */
export const RECORDED_WATCHES: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.watch.jsonl'))
  .map((name) => name.replace('.watch.jsonl', ''));

export interface RecordedApi {
  readonly url: string;
  /** Sends the next event of a kind's watch to whoever watches it. @returns undefined after the last */
  next(plural: string): RecordedEvent | undefined;
  close(): void;
}

const KINDS: ReadonlySet<string> = new Set(
  readdirSync(FOLDER).map((name) => name.replace(/\.(list\.json|watch\.jsonl)$/, '')),
);

const NOT_FOUND = {
  ...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' },
  ...{ message: 'not found', reason: 'NotFound', code: 404 },
};

/** Of the list and so many events after it: what there is then. */
function presentObjects(plural: string, events: number): readonly RecordedObject[] {
  const keyOf = ({ metadata: { namespace = '', name } }: RecordedObject) => `${namespace}/${name}`;
  const objects = new Map(recordedList(plural).items.map((object) => [keyOf(object), object]));
  for (const { type, object } of recordedWatch(plural).slice(0, events)) {
    if (type === 'DELETED') objects.delete(keyOf(object));
    else if (type !== 'BOOKMARK') objects.set(keyOf(object), object);
  }
  return [...objects.values()];
}

/** Serves what was recorded: lists and objects at once, events one by one as the test says. */
export async function startRecordedApi(): Promise<RecordedApi> {
  const sent = new Map<string, number>();
  const watchers = new Map<string, Set<(event: RecordedEvent) => void>>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://recorded');
    const parts = url.pathname.split('/');
    const named = KINDS.has(parts.at(-1) ?? '') ? undefined : parts.pop();
    const plural = parts.at(-1) ?? '';
    const namespace = parts.at(-3) === 'namespaces' ? parts.at(-2) : undefined;
    const matches = matcher(url.searchParams, namespace);
    if (named !== undefined) {
      const found = presentObjects(plural, sent.get(plural) ?? 0).find(
        ({ metadata }) => metadata.name === named && metadata.namespace === namespace,
      );
      response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(found ?? NOT_FOUND));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    if (url.searchParams.get('watch') === null) {
      const list = recordedList(plural);
      response.end(JSON.stringify({ ...list, items: list.items.filter(matches) }));
      return;
    }
    response.flushHeaders();
    const tell = (event: RecordedEvent): void => {
      if (event.type === 'BOOKMARK' || matches(event.object)) {
        response.write(`${JSON.stringify(event)}\n`);
      }
    };
    const all = watchers.get(plural) ?? new Set();
    watchers.set(plural, all.add(tell));
    recordedWatch(plural)
      .slice(0, sent.get(plural) ?? 0)
      .forEach(tell);
    response.on('close', () => all.delete(tell));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    next: (plural) => {
      const at = sent.get(plural) ?? 0;
      const event = recordedWatch(plural)[at];
      if (event === undefined) return undefined;
      sent.set(plural, at + 1);
      for (const tell of watchers.get(plural) ?? []) tell(event);
      return event;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** As far as the agents select: `!label`, `spec.x=y`, `spec.x!=y`, `metadata.name=x`. */
function matcher(
  query: URLSearchParams,
  namespace: string | undefined,
): (object: RecordedObject) => boolean {
  const absent = query.get('labelSelector')?.replace('!', '');
  const [, root, name = '', not, value] =
    /^(spec|metadata)\.(\w+)(!?)=(.*)$/.exec(query.get('fieldSelector') ?? '') ?? [];
  return ({ metadata, spec }) => {
    if (namespace !== undefined && metadata.namespace !== namespace) return false;
    if (absent !== undefined && metadata.labels?.[absent] !== undefined) return false;
    if (root === undefined) return true;
    const part: Readonly<Record<string, unknown>> | undefined =
      root === 'spec' ? spec : { ...metadata };
    const found = part?.[name];
    return ((typeof found === 'string' ? found : '') === value) === (not === '');
  };
}
