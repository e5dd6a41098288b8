import { openSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { createLogStream } from '../../src/adapters/log-stream.js';
import { type LoggerOptions, type Logs, openLogs } from '../../src/adapters/process.js';

afterEach(() => vi.restoreAllMocks());

interface Captured extends Logs {
  readonly err: string[];
  readonly out: string[];
}

function capture(options: Partial<LoggerOptions> = {}): Captured {
  const [err, out]: [string[], string[]] = [[], []];
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => err.push(String(chunk)) > 0);
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => out.push(String(chunk)) > 0);
  return { ...openLogs({ program: 'demo', ...options }), err, out };
}

describe('text', () => {
  it('has klog’s form', () => {
    const { log, err } = capture();
    log
      .child({ pod: { namespace: 'ns', name: 'web', uid: '1' } })
      .info({ durationMs: 3 }, 'Pod started');
    log.warn({ err: Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' }) }, 'Retrying');
    log.error({ ranges: ['10.0.0.0/8'] }, 'Gave up');
    expect(err).toEqual([
      expect.stringMatching(
        /^I\d{4} [\d:.]+ \d+ demo\] "Pod started" pod="ns\/web" durationMs=3\n$/,
      ),
      expect.stringMatching(/^W.*\] "Retrying" err="no route \(EHOSTUNREACH\)"\n$/),
      expect.stringMatching(/^E.*\] "Gave up" ranges="\[\\"10\.0\.0\.0\/8\\"\]"\n$/),
    ]);
  });

  it('names each cause of an error once', () => {
    const { log, err } = capture();
    const root = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
    const quoted = new Error('volume a: EACCES: permission denied', { cause: root });
    log.warn({ err: new Error('pod not started', { cause: quoted }) }, 'Retrying');
    log.child({ err: quoted }).warn({}, 'Retrying');
    log.warn({ err: root }, 'Retrying');
    expect(err.map((line) => /err=(.*)\n$/.exec(line)?.[1])).toEqual([
      '"pod not started: volume a: EACCES: permission denied"',
      '"volume a: EACCES: permission denied"',
      '"EACCES: permission denied"',
    ]);
  });

  it('says once what a cause says with more words', () => {
    const { log, err } = capture();
    const call = Object.assign(new Error('9 FAILED: no such file'), { details: 'no such file' });
    const named = new Error('StartContainer: no such file (E_CRI)', { cause: call });
    log.warn({ err: new Error('no such file', { cause: named }) }, 'Retrying');
    expect(err[0]).toMatch(/ err="StartContainer: no such file \(E_CRI\)"\n$/);
  });

  it('shows a pod by its name or else its uid, and no more than one decimal', () => {
    const { log, err } = capture();
    log.info({ pod: { uid: 'u1' }, retryInMs: 182.980_661 }, 'Retrying');
    expect(err[0]).toMatch(/ pod="u1" retryInMs=183\n$/);
  });

  it('keeps the stack of a programming error alone', () => {
    const { log, err } = capture();
    log.error({ err: new TypeError('x is undefined') }, 'Failed');
    log.error({ err: new Error('disk full') }, 'Failed');
    expect(err[0]).toContain('logger.test.ts');
    expect(err[1]).not.toContain('logger.test.ts');
  });
});

describe('JSON', () => {
  it('has the field names of Kubernetes', () => {
    const { log, err } = capture({ format: 'json', verbosity: 2 });
    const pod = { namespace: 'ns', name: 'web' };
    log.child({ logger: 'workers' }).info({ pod }, 'Pod started');
    log.debug({}, 'Pod changed');
    log.warn({}, 'Slow');
    log.error({ err: new Error('disk full', { cause: new Error('ENOSPC') }) }, 'Failed');
    const ts: unknown = expect.any(Number);
    expect(err.map((line) => JSON.parse(line) as unknown)).toEqual([
      { ts, v: 0, logger: 'workers', pod, msg: 'Pod started' },
      { ts, v: 2, msg: 'Pod changed' },
      { ts, v: 0, severity: 'warning', msg: 'Slow' },
      { ts, err: 'disk full: ENOSPC', msg: 'Failed' },
    ]);
  });
});

describe('verbosity', () => {
  it.each([
    [0, ['info']],
    [1, ['info']],
    [2, ['info', 'change']],
    [4, ['info', 'change', 'call']],
    [10, ['info', 'change', 'call', 'request']],
  ])('%i shows %j', (verbosity, want) => {
    const { log, from, err } = capture({ format: 'json', verbosity });
    log.info({}, 'info');
    log.debug({}, 'change');
    from(4).debug({}, 'call');
    from(6).debug({}, 'request');
    expect(err.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(want);
  });

  it('changes for loggers that are there already', () => {
    const { log, verbosity, err } = capture();
    const child = log.child({ logger: 'status' });
    verbosity.set('2');
    child.debug({}, 'shown');
    verbosity.set('0');
    child.debug({}, 'not shown');
    expect(err).toEqual([expect.stringContaining('"shown"')]);
  });

  it('is a module’s own where a pattern names it', () => {
    const modules = [
      { filePattern: 'stor*', verbosity: 4 },
      { filePattern: 'sta?us', verbosity: 0 },
    ];
    const { log, from, err } = capture({ verbosity: 2, modules });
    const named = (logger: string, by = log) => by.child({ logger });
    named('storage', from(4)).child({ pod: 'a' }).debug({}, 'storage');
    named('status').debug({}, 'status');
    named('node').debug({}, 'node');
    named('node', from(4)).debug({}, 'node in detail');
    expect(err.map((line) => /"([^"]*)"/.exec(line)?.[1])).toEqual(['storage', 'node']);
  });

  it.each(['-1', '', 'two', '1.5', '2147483648'])('refuses %j', (text) => {
    const { verbosity, log, err } = capture();
    expect(() => verbosity.set(text)).toThrow(RangeError);
    log.debug({}, 'not shown');
    expect(err).toEqual([]);
  });
});

describe('split streams', () => {
  it.each(['text', 'json'] as const)('send information to stdout as %s', (format) => {
    const { log, out, err } = capture({ format, splitStream: true, verbosity: 2 });
    log.info({}, 'information');
    log.debug({}, 'change');
    log.warn({}, 'warning');
    log.error({}, 'error');
    const messages = (lines: readonly string[]) =>
      lines.map((line) => /information|change|(?<!y":")warning(?!",")|error/.exec(line)?.[0]);
    expect(messages(out)).toEqual(['information', 'change']);
    expect(messages(err)).toEqual(['warning', 'error']);
  });

  it('hold information back until the buffer is full, time is up or the program ends', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'log-')), 'out');
    const fd = openSync(path, 'w'); // stays open as standard output does: the streams keep it
    const before = process.listeners('exit');
    const buffered = (flushMs: number) =>
      createLogStream({ splitStream: true, infoBufferBytes: 100, flushMs }, (line) => line, fd);
    const text = () => readFile(path, 'utf8');

    const slow = buffered(3_600_000);
    slow.write('first ');
    expect(await text()).toBe('');
    slow.write('x'.repeat(100));
    expect(await text()).toBe(`first ${'x'.repeat(100)}`);

    slow.write(' end');
    const [atEnd] = process.listeners('exit').filter((one) => !before.includes(one));
    atEnd?.(0);
    expect(await text()).toMatch(/ end$/);

    buffered(5).write(' in time');
    await vi.waitFor(async () => expect(await text()).toMatch(/ in time$/));
  });
});
