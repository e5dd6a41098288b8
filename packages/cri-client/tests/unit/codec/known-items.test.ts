import { Buffer } from 'node:buffer';

import { describe, expect, it } from 'vitest';

import { runtime } from '../../../src/adapters/generated/runtime-v1.js';
import { KnownItems } from '../../../src/codec/known-items.js';
import { decodeSandbox } from '../../../src/codec/sandbox.js';

type Message = runtime.v1.PodSandbox.$Properties;

const { PodSandbox, ListPodSandboxResponse } = runtime.v1;

const known = () => new KnownItems((bytes) => decodeSandbox(PodSandbox.decode(bytes)));

const reply = (...items: Message[]): Buffer =>
  Buffer.from(ListPodSandboxResponse.encode({ items }).finish());

const a: Message = { id: 'a', state: 0, labels: { app: 'web' } };
const b: Message = { id: 'b', state: 1 };

describe('a list that is read again', () => {
  it('keeps items with unchanged bytes, in the order of the new list', () => {
    const items = known();
    const before = items.read(reply(a, b));
    const after = items.read(reply(b, a));
    expect(after).toEqual([before[1], before[0]]);
    expect(after[0]).toBe(before[1]);
    expect(after[1]).toBe(before[0]);
  });

  it('decodes changed items again and does not depend on the old bytes', () => {
    const items = known();
    const bytes = reply(a, b);
    const [first] = items.read(bytes);
    bytes.fill(0);
    const [changed, same] = items.read(reply({ ...a, state: 1 }, b));
    expect(first?.state).toBe('ready');
    expect(changed?.state).toBe('not-ready');
    expect(same?.id).toBe('b');
  });

  it('drops items that a complete list lacks', () => {
    const items = known();
    const [first, second] = items.read(reply(a, b));
    items.keepOnly(items.read(reply(b)));
    const [again, still] = items.read(reply(a, b));
    expect(again).toEqual(first);
    expect(again).not.toBe(first);
    expect(still).toBe(second);
  });

  it('keeps several items with the same id apart', () => {
    const items = known();
    const both = [{ ...a }, { ...a, state: 1 }];
    for (let i = 0; i < 2; i += 1) {
      expect(items.read(reply(...both)).map(({ state }) => state)).toEqual(['ready', 'not-ready']);
    }
  });
});

describe('maps', () => {
  const labelled = (...names: readonly string[]): Message => ({
    id: 'a',
    labels: Object.fromEntries(names.map((name) => [name, `of ${name.toLowerCase()}`])),
  });

  it('are the same in another order', () => {
    const items = known();
    const [first] = items.read(reply(labelled('one', 'two', 'six')));
    const [again] = items.read(reply(labelled('six', 'one', 'two')));
    expect(again).toBe(first);
  });

  it.each([
    ['a name', labelled('one', 'two', 'six'), labelled('one', 'two', 'ten')],
    [
      'values that changed places',
      { id: 'a', labels: { x: '1', y: '2' } },
      { id: 'a', labels: { x: '2', y: '1' } },
    ],
    [
      'a label that became an annotation',
      labelled('one', 'two'),
      { id: 'a', annotations: labelled('one', 'two').labels ?? {} },
    ],
    [
      'one thing twice',
      { id: 'a', labels: { x: '1', y: '1' } },
      { id: 'a', labels: { x: '1', z: '1' } },
    ],
  ])('differ by %s', (_, before, after) => {
    const items = known();
    items.read(reply(before));
    expect(items.read(reply(after))).toEqual(known().read(reply(after)));
  });
});

describe('bytes of other writers', () => {
  const field = (number: number, content: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);

  it.each([
    [
      'an item whose id comes last',
      field(1, Buffer.concat([field(7, Buffer.from('x')), field(1, Buffer.from('a'))])),
    ],
    ['a field that is not known', Buffer.concat([field(9, Buffer.from('new')), reply(a)])],
  ])('%s', (_, bytes) => {
    const items = known();
    expect(items.read(bytes).map(({ id }) => id)).toEqual(['a']);
    expect(items.read(bytes)).toEqual(items.read(bytes));
  });

  it('ids of more than a byte of length', () => {
    const items = known();
    const id = 'x'.repeat(300);
    expect(items.read(reply({ id }))).toEqual(items.read(reply({ id })));
    expect(items.read(reply({ id }))[0]?.id).toBe(id);
  });

  it('an item without an id', () => {
    expect(known().read(reply({ state: 1 }))).toMatchObject([{ id: '', state: 'not-ready' }]);
  });

  it.each([
    ['an item that ends beyond the message', Buffer.from([0x0a, 0x20, 0x0a, 0x01, 0x61])],
    ['an id that ends beyond its item', Buffer.from([0x0a, 0x02, 0x0a, 0x20])],
    ['a length without an end', Buffer.from([0x0a, 0xff])],
  ])('%s is an error', (_, bytes) => {
    expect(() => known().read(bytes)).toThrow(/out of range|index/);
  });
});
