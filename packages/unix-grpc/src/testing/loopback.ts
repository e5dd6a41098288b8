import type { AnyMethod, HandlersOf, MethodTable, ServiceOf } from '../model/method.js';

type Handler = (request: unknown, signal: AbortSignal) => unknown;

/**
 * A client of these handlers without a socket. Requests and replies are encoded and decoded, so
 * both sides see exactly what a real peer would see. Errors of the handlers reach the caller
 * unchanged.
 */
export function loopback<Table extends MethodTable>(
  table: Table,
  handlers: HandlersOf<Table>,
): ServiceOf<Table> {
  const byName = handlers as unknown as Readonly<Record<string, Handler>>;
  const functions = Object.entries(table).map(([name, method]) => {
    const handler: Handler = (request, signal) => byName[name]?.(request, signal);
    const call = (request: object, signal: AbortSignal): unknown =>
      method.kind === 'unary'
        ? callOnce(method, handler, { request, signal })
        : callStream(method, handler, { request, signal });
    return [name, call] as const;
  });
  return Object.fromEntries(functions) as unknown as ServiceOf<Table>;
}

interface Call {
  readonly request: object;
  readonly signal: AbortSignal;
}

async function callOnce(
  { request: asked, reply }: AnyMethod,
  handler: Handler,
  { request, signal }: Call,
): Promise<unknown> {
  signal.throwIfAborted();
  const answer = await handler(asked.decode(asked.encode(request)), signal);
  return reply.decode(reply.encode(answer as object));
}

async function* callStream(
  { request: asked, reply }: AnyMethod,
  handler: Handler,
  { request, signal }: Call,
): AsyncGenerator<unknown, void> {
  const answers = handler(asked.decode(asked.encode(request)), signal) as AsyncIterable<object>;
  for await (const answer of answers) {
    signal.throwIfAborted();
    yield reply.decode(reply.encode(answer));
  }
}
