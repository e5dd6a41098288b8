import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import {
  CERTIFICATE_SIGNING_REQUESTS,
  type CertificateSigningRequest,
  KubeError,
} from '@nodeagent/kube-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createPendingKey } from '../../../src/credentials/adapters/pending-key.js';
import { createRequestMaker } from '../../../src/credentials/adapters/request-maker.js';
import type {
  Certificate,
  CertificateTemplate,
  KeyedPem,
} from '../../../src/credentials/model/certificate.js';
import { clientTemplate } from '../../../src/credentials/plan/certificate-template.js';
import type { CertificateStore } from '../../../src/credentials/ports.js';
import { bootstrapCertificate } from '../../../src/credentials/run/bootstrap.js';
import {
  type RotationOptions,
  runCertificateRotation,
} from '../../../src/credentials/run/certificate-rotation.js';

const HOUR = 3_600_000;
let clock: ManualClock;
let client: MemoryKubeClient;
let log: MemoryLogger;
let held: { certificate: Certificate; pem: KeyedPem } | undefined;
let saved: KeyedPem[];
/** Differences between the issued certificate and the request. */
let issuedAs: Partial<Certificate>;
let asked: number;
/** The error of reading the certificate. */
let unreadable: Error | undefined;
let stop: AbortController;
let running: Promise<unknown>;

beforeEach(() => {
  clock = new ManualClock();
  client = createMemoryKubeClient({ clock });
  log = new MemoryLogger();
  held = undefined;
  saved = [];
  issuedAs = {};
  asked = 0;
  unreadable = undefined;
  stop = new AbortController();
  running = Promise.resolve();
});

afterEach(async () => {
  stop.abort(new Error('the test is over'));
  await running;
});

/** Certificates last ten hours; `certificatePem` is the signer's text. */
function hold(pem: KeyedPem, template: CertificateTemplate): void {
  const notBeforeMs = clock.nowMs();
  held = { certificate: { ...template, notBeforeMs, notAfterMs: notBeforeMs + 10 * HOUR }, pem };
}

function options(template: () => CertificateTemplate | undefined): RotationOptions {
  const store: CertificateStore = {
    current: async () => {
      if (unreadable !== undefined) throw unreadable;
      return held;
    },
    inspect: () => {
      const notBeforeMs = clock.nowMs();
      const wanted = template() ?? node;
      return { ...wanted, notBeforeMs, notAfterMs: notBeforeMs + 10 * HOUR, ...issuedAs };
    },
    save: async (pem) => {
      saved.push(pem);
      const wanted = template();
      if (wanted !== undefined) hold(pem, wanted);
    },
  };
  const requests = {
    make: async () => {
      asked += 1;
      return { requestPem: `request ${asked}`, keyPem: `key ${asked}` };
    },
  };
  return {
    ...{ client, clock, log, store, requests, template },
    purpose: template()?.purpose ?? 'server',
    random: () => 0.5,
    metrics: new MemoryMetrics(),
  };
}

const requests = (): readonly CertificateSigningRequest[] =>
  client.objects(CERTIFICATE_SIGNING_REQUESTS);

async function decide(type: string, certificate?: string): Promise<void> {
  const name = requests().at(-1)?.metadata?.name ?? '';
  const status = {
    conditions: [{ type, status: 'True', reason: 'Test', message: 'said so' }],
    ...(certificate !== undefined && { certificate: Buffer.from(certificate).toString('base64') }),
  };
  const patch = { type: 'merge', body: { status }, subresource: 'status' } as const;
  await client.patch(CERTIFICATE_SIGNING_REQUESTS, { name }, patch, stop.signal);
  await clock.advance(0);
}

async function rotate(template: () => CertificateTemplate | undefined): Promise<void> {
  running = runCertificateRotation(options(template), stop.signal);
  await clock.advance(0);
}

const node = clientTemplate('n1');

describe(runCertificateRotation, () => {
  it('requests the first certificate immediately, and stores it with its key', async () => {
    await rotate(() => node);
    expect(requests()).toMatchObject([
      {
        spec: {
          signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
          usages: ['digital signature', 'client auth'],
          request: Buffer.from('request 1').toString('base64'),
        },
      },
    ]);
    await decide('Approved', 'certificate 1');
    expect(saved).toEqual([{ certificatePem: 'certificate 1', keyPem: 'key 1' }]);
  });

  it('requests the next certificate after eight of ten hours, and not before', async () => {
    hold({ certificatePem: 'old', keyPem: 'old' }, node);
    await rotate(() => node);
    await clock.advance(7.9 * HOUR);
    expect(requests()).toHaveLength(0);
    await clock.advance(0.2 * HOUR);
    expect(requests()).toHaveLength(1);
  });

  it('keeps the loaded certificate while the file is unreadable', async () => {
    hold({ certificatePem: 'old', keyPem: 'old' }, node);
    await rotate(() => node);
    unreadable = new Error('EMFILE: too many open files');
    await clock.advance(HOUR);
    expect(log.lines[0]?.message).toBe('certificate cannot be read');
    unreadable = undefined;
    await clock.advance(7.1 * HOUR);
    expect(requests()).toHaveLength(1);
  });

  it('requests no certificate while the file is unreadable', async () => {
    hold({ certificatePem: 'old', keyPem: 'old' }, node);
    unreadable = new Error('EMFILE: too many open files');
    await rotate(() => node);
    await clock.advance(HOUR);
    unreadable = undefined;
    await clock.advance(60_000);
    expect(requests()).toHaveLength(0);
  });

  it('starts a new request when the node’s addresses change', async () => {
    let wanted: CertificateTemplate | undefined;
    await rotate(() => wanted);
    await clock.advance(5000);
    expect(requests()).toHaveLength(0);
    wanted = { ...node, purpose: 'server', ipAddresses: ['10.0.0.1'] };
    await clock.advance(1000);
    expect(requests()).toHaveLength(1);
    wanted = { ...wanted, ipAddresses: ['10.0.0.2'] };
    await clock.advance(1000);
    expect(requests()).toHaveLength(2);
    await decide('Approved', 'certificate 2');
    expect(held?.certificate.ipAddresses).toEqual(['10.0.0.2']);
  });

  it('retries a denied request with growing delays', async () => {
    await rotate(() => node);
    await decide('Denied');
    await clock.advance(2000);
    expect(requests()).toHaveLength(1);
    await clock.advance(200);
    expect(requests()).toHaveLength(2);
    await decide('Denied');
    await clock.advance(4000);
    expect(requests()).toHaveLength(2);
    await clock.advance(300);
    expect(requests()).toHaveLength(3);
    expect(
      log.lines.some(({ message }) => message === 'cannot renew the certificate; retrying'),
    ).toBe(true);
  });

  it.each([
    ['another group', { organizations: [] }],
    ['another node name', { commonName: 'system:node:n2' }],
    ['an expired date', { notAfterMs: 0 }],
    ['the usage of a server', { extendedUsages: ['1.3.6.1.5.5.7.3.1'] }],
  ])(
    'keeps the valid certificate when the issued one has %s, and retries later',
    async (_, over) => {
      hold({ certificatePem: 'old', keyPem: 'old' }, node);
      await clock.advance(9.5 * HOUR);
      issuedAs = over;
      await rotate(() => node);
      await decide('Approved', 'another');
      expect(saved).toEqual([]);
      expect(held?.pem.certificatePem).toBe('old');
      expect(
        log.lines.some(({ message }) => message === 'cannot renew the certificate; retrying'),
      ).toBe(true);
      await clock.advance(2000);
      expect(requests()).toHaveLength(1);
      await clock.advance(200);
      expect(requests()).toHaveLength(2);
    },
  );

  it('abandons a request without answer after a quarter of an hour', async () => {
    await rotate(() => node);
    await clock.advance(15 * 60_000 + 5000);
    expect(requests()).toHaveLength(2);
  });

  it('ends when its certificate has expired and the server issues no other', async () => {
    hold({ certificatePem: 'old', keyPem: 'old' }, node);
    const forbidden = new KubeError('KUBE_FORBIDDEN', 'no');
    for (let i = 0; i < 1000; i += 1) client.failNext({ verb: 'create' }, forbidden);
    let end: unknown;
    running = runCertificateRotation(
      options(() => node),
      stop.signal,
    ).catch((error: unknown) => {
      end = error;
    });
    await clock.advance(9.9 * HOUR);
    expect(end).toBeUndefined();
    await clock.advance(0.2 * HOUR);
    expect(String(end)).toMatch(/client certificate expired .* issues no new one/);
  });

  it('waits for an unreachable server, even with an expired certificate', async () => {
    hold({ certificatePem: 'old', keyPem: 'old' }, node);
    const away = new KubeError('KUBE_UNAVAILABLE', 'no answer');
    for (let i = 0; i < 2000; i += 1) client.failNext({ verb: 'create' }, away);
    await rotate(() => node);
    await clock.advance(12 * HOUR);
    expect(stop.signal.aborted).toBe(false);
    expect(saved).toEqual([]);
  });
});

describe(bootstrapCertificate, () => {
  const bootstrap = (patienceMs?: number): Promise<void> =>
    bootstrapCertificate({ ...options(() => node), nodeName: 'n1', patienceMs }, stop.signal);

  it('uses the certificate of an earlier run', async () => {
    hold({ certificatePem: 'old', keyPem: 'old' }, node);
    await bootstrap();
    expect(requests()).toHaveLength(0);
  });

  it('retries until a certificate is issued', async () => {
    running = bootstrap();
    await clock.advance(0);
    await decide('Denied');
    await clock.advance(2500);
    await decide('Approved', 'certificate 2');
    await running;
    expect(saved).toEqual([{ certificatePem: 'certificate 2', keyPem: 'key 2' }]);
  });

  it.each([
    { code: 'KUBE_FORBIDDEN', ends: true },
    { code: 'KUBE_UNAUTHORIZED', ends: true },
    { code: 'KUBE_UNAVAILABLE', ends: false },
    { code: 'KUBE_SERVER', ends: false },
  ] as const)('ends after five minutes of $code: $ends', async ({ code, ends }) => {
    for (let i = 0; i < 1000; i += 1) {
      client.failNext({ verb: 'create' }, new KubeError(code, 'no'));
    }
    let end: unknown;
    const all = { ...options(() => node), nodeName: 'n1', patienceMs: undefined };
    running = bootstrapCertificate({ ...all, refusedPatienceMs: 300_000 }, stop.signal).catch(
      (error: unknown) => {
        end = error;
      },
    );
    await clock.advance(290_000);
    expect(end).toBeUndefined();
    await clock.advance(600_000);
    expect(end).toEqual(ends ? expect.objectContaining({ code }) : undefined);
  });

  it('throws the last error at the time limit', async () => {
    let end: unknown;
    running = bootstrap(3000).catch((error: unknown) => {
      end = error;
    });
    await clock.advance(0);
    await decide('Denied');
    await clock.advance(5000);
    await decide('Denied');
    expect(String(end)).toContain('is denied, reason: Test, message: said so');
  });

  describe('without rotation', () => {
    const path = () => join(dir, 'kubelet-client.key.tmp');
    let dir: string;
    beforeEach(async () => {
      dir = await mkdtemp(join(tmpdir(), 'bootstrap-'));
    });
    afterEach(() => rm(dir, { recursive: true, force: true }));

    const once = (signal: AbortSignal): Promise<void> => {
      const own = { requests: createRequestMaker(), pendingKey: createPendingKey(dir) };
      const all = { ...options(() => node), ...own, nodeName: 'n1', patienceMs: undefined };
      return bootstrapCertificate(all, signal);
    };
    const until = async (is: () => boolean | Promise<boolean>): Promise<void> => {
      while (!(await is())) await new Promise(setImmediate);
    };

    it('waits for the answer to the request of an interrupted run', async () => {
      const first = new AbortController();
      const cut = once(first.signal).catch(() => undefined);
      await until(() => requests().length === 1);
      first.abort(new Error('ended'));
      await cut;
      const key = await readFile(path(), 'utf8');
      expect(requests()[0]?.metadata?.name).toMatch(/^node-csr-[\w-]{43}$/);

      running = once(stop.signal);
      await until(async () => {
        await decide('Approved', 'certificate');
        return saved.length === 1;
      });
      await running;
      expect(requests()).toHaveLength(1);
      expect(saved).toEqual([{ certificatePem: 'certificate', keyPem: key }]);
      await expect(readFile(path())).rejects.toThrow('ENOENT');
    });

    it('creates a new key after the first was refused or damaged', async () => {
      await writeFile(path(), 'no key');
      running = once(stop.signal);
      await until(() => requests().length === 1);
      const key = await readFile(path(), 'utf8');
      expect(key).toContain('PRIVATE KEY');
      await until(async () => {
        await decide('Denied');
        return await readFile(path()).then(
          () => false,
          () => true,
        );
      });
      await until(async () => {
        await clock.advance(2500);
        return requests().length === 2;
      });
      expect(await readFile(path(), 'utf8')).not.toBe(key);
      stop.abort(new Error('the test is over'));
      await running.catch(() => undefined);
      running = Promise.resolve();
    });
  });
});
