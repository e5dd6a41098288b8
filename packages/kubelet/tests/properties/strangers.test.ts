import assert from 'node:assert/strict';

import { isConfigError, parseConfigFile } from '@nodeagent/component-base';
import type { Secret } from '@nodeagent/kube-client';
import {
  checkReader,
  mapped,
  mutatedTexts,
  mutatedTrees,
  oneOf,
} from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { parseKubeletConfig } from '../../src/config/plan/parse-config.js';
import { parseProviderResponse } from '../../src/credentials/codec/provider-messages.js';
import {
  dockerConfigEntries,
  matchingEntries,
  secretEntries,
} from '../../src/credentials/plan/keyring.js';
import { parseProviderConfig } from '../../src/credentials/plan/provider-config.js';
import { parseEnvFile } from '../../src/runtime/plan/env-file.js';
import { parseLogQuery } from '../../src/server/codec/log-query.js';
import { journalArguments, parseNodeLogQuery } from '../../src/server/codec/node-log-query.js';
import { parseSocketProtocols } from '../../src/server/codec/socket-protocols.js';
import { parsePorts, parseWantedStreams } from '../../src/server/codec/stream-query.js';
import { Refusal } from '../../src/server/model/exchange.js';
import { numbersOf, text } from './values.js';

const CONFIG = {
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  syncFrequency: '1m0s',
  staticPodPath: 'manifests',
  address: '0.0.0.0',
  port: 10_250,
  authentication: { x509: { clientCAFile: 'ca.crt' }, webhook: { enabled: true, cacheTTL: '2m' } },
  clusterDNS: ['10.96.0.10'],
  evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%' },
  featureGates: { KubeletTracing: true },
  systemReserved: { cpu: '100m', memory: '200Mi' },
  registerWithTaints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }],
  memorySwap: { swapBehavior: 'NoSwap' },
  logging: { format: 'text', verbosity: 2 },
  cpuCFSQuotaPeriod: '100ms',
  maxPods: 110,
  imageGCHighThresholdPercent: 85,
  kubeReservedCgroup: '/kube',
};

const PROVIDERS = {
  apiVersion: 'kubelet.config.k8s.io/v1',
  kind: 'CredentialProviderConfig',
  providers: [
    {
      name: 'ecr',
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      matchImages: ['*.dkr.ecr.*.amazonaws.com', 'registry.example.com:5000/team'],
      defaultCacheDuration: '12h',
      args: ['get'],
      env: [{ name: 'A', value: 'b' }],
    },
  ],
};

const RESPONSE = {
  kind: 'CredentialProviderResponse',
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
  cacheKeyType: 'Registry',
  cacheDuration: '6h',
  auth: { 'registry.example.com': { username: 'u', password: 'p' } },
};

const DOCKER = {
  auths: {
    'https://index.docker.io/v1/': { auth: Buffer.from('user:pass').toString('base64') },
    '*.example.com:5000/team': { username: 'u', password: 'p', email: 'x@y' },
    'ghcr.io': { identitytoken: 't' },
  },
};

const isConfigInvalid = (error: unknown): boolean => isConfigError(error, 'CONFIG_INVALID');

describe('Files of administrators and users', () => {
  test('every kubelet configuration yields valid numbers, or a ConfigError', () =>
    checkReader({
      name: 'parseConfigFile, parseKubeletConfig',
      inputs: oneOf(
        mapped(mutatedTrees([CONFIG]), text),
        mutatedTexts([JSON.stringify(CONFIG, undefined, 1)]),
      ),
      read: (file) => {
        const kind = { apiVersions: [CONFIG.apiVersion], kind: CONFIG.kind };
        const { value } = parseConfigFile(file, 'kubelet.yaml', kind);
        const { config } = parseKubeletConfig({ file: { value, directory: '/etc' } });
        for (const number of numbersOf(config)) assert.ok(Number.isFinite(number), `${number}`);
      },
      refuses: isConfigInvalid,
      share: 200, // parsing YAML is slow, especially large documents
    }));

  test('every configuration of credential providers yields providers or a ConfigError', () =>
    checkReader({
      name: 'parseProviderConfig',
      inputs: oneOf(
        mapped(mutatedTrees([PROVIDERS]), text),
        mutatedTexts([JSON.stringify(PROVIDERS, undefined, 1)]),
      ),
      read: (file) => {
        const rules = { place: '/x', tokens: false };
        for (const { name } of parseProviderConfig([{ source: '/x', text: file }], rules))
          assert.equal(typeof name, 'string');
      },
      refuses: isConfigInvalid,
      share: 200, // parsing YAML is slow, especially large documents
    }));

  test('every answer of a credential provider yields credentials or a documented error', () =>
    checkReader({
      name: 'parseProviderResponse',
      inputs: oneOf(
        mapped(mutatedTrees([RESPONSE]), text),
        mutatedTexts([JSON.stringify(RESPONSE)]),
      ),
      read: (answer) => {
        const { cacheMs, entries } = parseProviderResponse(answer, {
          apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        });
        if (cacheMs !== undefined) assert.ok(Number.isFinite(cacheMs), `${cacheMs}`);
        matchingEntries(entries, 'registry.example.com/team/image');
      },
      refuses: (error) =>
        error instanceof Error && /^the credential provider's answer/.test(error.message),
    }));

  test('every docker configuration, also in a secret, yields credentials or none', () =>
    checkReader({
      name: 'dockerConfigEntries, secretEntries',
      inputs: oneOf(mapped(mutatedTrees([DOCKER]), text), mutatedTexts([JSON.stringify(DOCKER)])),
      read: (config) => {
        const data = { '.dockerconfigjson': Buffer.from(config).toString('base64') };
        const secret = { type: 'kubernetes.io/dockerconfigjson', data } as Secret;
        for (const entries of [dockerConfigEntries(config), secretEntries(secret)]) {
          for (const { key, auth } of matchingEntries(entries, 'docker.io/library/busybox')) {
            for (const word of [key, auth.username ?? '', auth.password ?? ''])
              assert.equal(typeof word, 'string');
          }
        }
      },
    }));

  test('every file of variables yields names, values and at most one problem', () =>
    checkReader({
      name: 'parseEnvFile',
      inputs: mutatedTexts(["A='b'\n# note\nLONG='two\nlines'\n\nEMPTY= 'x'\nB_C='d=e'\n"]),
      read: (file) => {
        for (const [name, value] of parseEnvFile(file).values) {
          assert.ok(name.length > 0 && typeof value === 'string');
        }
      },
    }));
});

describe('Requests to the node', () => {
  const isRefusal = (error: unknown): boolean => error instanceof Refusal;

  test('every query of logs yields numbers and times, or is refused', () =>
    checkReader({
      name: 'parseLogQuery, parseNodeLogQuery',
      inputs: mutatedTexts([
        'follow=true&tailLines=10&limitBytes=100&sinceSeconds=5&timestamps=1',
        'sinceTime=2026-11-22T20:55:23Z&stream=Stdout&previous=true&tail=all',
        'query=kubelet&query=containerd&tailLines=5&boot=-1&pattern=a.*b&sinceTime=2026-11-22T20:55:23Z',
        'query=/syslog',
      ]),
      read: (query) => {
        const parameters = new URLSearchParams(query);
        for (const parse of [parseLogQuery, parseNodeLogQuery]) {
          const found = orRefused(() => parse(parameters));
          for (const number of numbersOf(found)) assert.ok(Number.isFinite(number), `${number}`);
          if (found !== undefined && 'services' in found)
            for (const word of journalArguments(found, found.services))
              assert.ok(!/=(Invalid|NaN|undefined)/.test(word) || word.startsWith('--unit='), word);
        }
      },
    }));

  test('every query and every header of a stream yields options, ports and protocols, or is refused', () =>
    checkReader({
      name: 'parseWantedStreams, parsePorts, parseSocketProtocols',
      inputs: mutatedTexts([
        'input=1&output=1&error=1&tty=0&port=80&port=443,8080',
        'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.dG9rZW4',
      ]),
      read: (words) => {
        const query = new URLSearchParams(words);
        orRefused(() => parseWantedStreams(query));
        for (const port of orRefused(() => parsePorts(query)) ?? [])
          assert.ok(Number.isInteger(port) && port > 0 && port < 65_536);
        for (const offered of parseSocketProtocols(words).offered) assert.ok(offered.length > 0);
      },
    }));

  function orRefused<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return undefined;
    }
  }
});
