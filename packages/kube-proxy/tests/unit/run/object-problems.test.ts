import { MemoryLogger } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import { ObjectProblems } from '../../../src/run/object-problems.js';

it('reports each problem of an object once while it holds', () => {
  const reported: string[] = [];
  const events = {
    record: ({ message, about }: { message: string; about: { kind?: string; name?: string } }) => {
      reported.push(`${about.kind} ${about.name}: ${message}`);
    },
  };
  const problems = new ObjectProblems({ events, log: new MemoryLogger() });
  const web = { kind: 'Service', name: 'default/web', part: 'object' } as const;
  problems.set(web, ['one']);
  problems.set(web, ['one', 'two']);
  problems.set({ ...web, part: 'rules' }, ['one']);
  problems.set(web, []);
  problems.set(web, ['two']);
  const of = (message: string): string => `Service web: ${message}`;
  expect(reported).toEqual([of('one'), of('two'), of('one'), of('two')]);
});
