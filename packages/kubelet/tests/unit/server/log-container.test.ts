import { describe, expect, it } from 'vitest';

import { chooseLogContainer } from '../../../src/server/plan/log-container.js';
import { aPod } from '../../../src/testing/index.js';

const ended = (id: string) => ({ terminated: { exitCode: 1, containerID: `containerd://${id}` } });
const cases = [
  { name: 'runs', status: { containerID: 'containerd://a', state: { running: {} } }, want: 'a' },
  { name: 'has ended', status: { state: ended('b') }, want: 'b' },
  {
    name: 'ended without a trace',
    status: { state: { terminated: { exitCode: 1 } } },
    want: 'container "app" in pod "web" is terminated',
  },
  {
    name: 'waits to be restarted',
    status: { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: ended('c') },
    want: 'c',
  },
  {
    name: 'cannot pull',
    status: { state: { waiting: { reason: 'ErrImagePull' } } },
    want: `container "app" in pod "web" is waiting to start: image can't be pulled`,
  },
  {
    name: 'still cannot pull',
    status: { state: { waiting: { reason: 'ImagePullBackOff' } } },
    want: 'container "app" in pod "web" is waiting to start: trying and failing to pull image',
  },
  {
    name: 'is created',
    status: { state: { waiting: { reason: 'ContainerCreating' } } },
    want: 'container "app" in pod "web" is waiting to start: ContainerCreating',
  },
  {
    name: 'ran before',
    status: { containerID: 'containerd://a', state: { running: {} }, lastState: ended('d') },
    previous: true,
    want: 'd',
  },
  {
    name: 'never ran before',
    status: { containerID: 'containerd://a', state: { running: {} } },
    previous: true,
    want: 'previous terminated container "app" in pod "web" not found',
  },
];

describe(chooseLogContainer, () => {
  it.each(cases)('a container that $name', ({ status, previous = false, want }) => {
    const one = { name: 'app', image: '', imageID: '', ready: false, restartCount: 0, ...status };
    const pod = aPod({ status: { containerStatuses: [one] } as never });
    const choice = chooseLogContainer(pod, 'app', previous);
    expect(choice.kind === 'container' ? choice.id : choice.text).toBe(want);
  });

  it('knows no other container', () => {
    expect(chooseLogContainer(aPod(), 'nope', false)).toEqual({
      kind: 'none',
      status: 404,
      text: 'container "nope" not found in pod "web"',
    });
  });

  it('has nothing to read before there is a status', () => {
    expect(chooseLogContainer(aPod(), 'app', false)).toMatchObject({ status: 400 });
  });
});
