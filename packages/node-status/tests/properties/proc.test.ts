import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { checkReader, mutatedTexts, paired } from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import {
  countCpuList,
  localAddressesKey,
  parseDefaultRoute4,
  parseDefaultRoute6,
  parseMeminfo,
  parsePrettyName,
} from '../../src/codec/proc.js';

function recorded(name: string): string {
  return readFileSync(new URL(`../fixtures/proc/${name}`, import.meta.url), 'utf8');
}

describe('Files of the kernel about a machine', () => {
  test('every meminfo yields sizes in whole bytes', () =>
    checkReader({
      name: 'parseMeminfo',
      inputs: mutatedTexts([recorded('meminfo')]),
      read: (text) => {
        for (const [name, bytes] of parseMeminfo(text)) {
          assert.ok(name !== '' && Number.isSafeInteger(bytes) && bytes >= 0, `${name}: ${bytes}`);
        }
      },
    }));

  test('every list of CPUs yields a count or undefined', () =>
    checkReader({
      name: 'countCpuList',
      inputs: mutatedTexts([recorded('online'), '0-3,8,10-127\n']),
      read: (text) => {
        const count = countCpuList(text);
        if (count !== undefined) assert.ok(Number.isSafeInteger(count) && count > 0, `${count}`);
      },
    }));

  test('every os-release yields a name or undefined', () =>
    checkReader({
      name: 'parsePrettyName',
      inputs: mutatedTexts([recorded('os-release')]),
      read: (text) => {
        assert.ok(['string', 'undefined'].includes(typeof parsePrettyName(text)));
      },
    }));

  test('every routing table yields an interface or undefined', () =>
    checkReader({
      name: 'parseDefaultRoute',
      inputs: paired(mutatedTexts([recorded('route')]), mutatedTexts([recorded('ipv6_route')])),
      read: ([ipv4, ipv6]) => {
        for (const iface of [parseDefaultRoute4(ipv4), parseDefaultRoute6(ipv6)]) {
          if (iface !== undefined) assert.equal(typeof iface, 'string');
        }
      },
    }));

  test('every pair of address tables yields a key', () =>
    checkReader({
      name: 'localAddressesKey',
      inputs: paired(mutatedTexts([recorded('fib_trie')]), mutatedTexts([recorded('if_inet6')])),
      read: ([fibTrie, ifInet6]) => {
        assert.equal(typeof localAddressesKey(fibTrie, ifInet6), 'string');
      },
    }));
});
