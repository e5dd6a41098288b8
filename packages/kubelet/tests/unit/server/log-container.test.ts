import { describe, expect, it } from 'vitest';

import { chooseLogContainer } from '../../../src/server/plan/log-container.js';
import { aPod } from '../../../src/testing/index.js';

const ended = (id: string) => ({ terminated: { exitCode: 1, containerID: `containerd://${id}` } });
const cases = [
  { name: 'runs', status: { containerID: 'containerd://a', state: { running: {} } }, want: 'a' },
  { name: 'has ended', status: { state: ended('b') }, want: 'b' },
  {
    name: 'ended without a record',
    status: { state: { terminated: { exitCode: 1 } } },
    want: 'container "app" in pod "web" is terminated',
  },
  {
    name: 'waits for its restart',
    status: { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: ended('c') },
    want: 'c',
  },
  {
    name: 'cannot pull its image',
    status: { state: { waiting: { reason: 'ErrImagePull' } } },
    want: `container "app" in pod "web" is waiting to start: image can't be pulled`,
  },
  {
    name: 'waits for another pull',
    status: { state: { waiting: { reason: 'ImagePullBackOff' } } },
    want: 'container "app" in pod "web" is waiting to start: trying and failing to pull image',
  },
  {
    name: 'is created',
    status: { state: { waiting: { reason: 'ContainerCreating' } } },
    want: 'container "app" in pod "web" is waiting to start: ContainerCreating',
  },
  {
    name: 'has a previous run',
    status: { containerID: 'containerd://a', state: { running: {} }, lastState: ended('d') },
    previous: true,
    want: 'd',
  },
  {
    name: 'has no previous run',
    status: { containerID: 'containerd://a', state: { running: {} } },
    previous: true,
    want: 'previous terminated container "app" in pod "web" not found',
  },
];

describe(chooseLogContainer, () => {
  it.each(cases)('a container that $name', ({ status, previous = false, want }) => {
    const one = { name: 'app', image: '', imageID: '', ready: false, restartCount: 0, ...status };
    const pod = aPod({ status: { containerStatuses: [one] } });
    const choice = chooseLogContainer(pod, 'app', previous);
    expect(choice.kind === 'container' ? choice.id : choice.text).toBe(want);
  });

  it('refuses an unknown container', () => {
    expect(chooseLogContainer(aPod(), 'nope', false)).toEqual({
      kind: 'none',
      status: 404,
      text: 'container "nope" not found in pod "web"',
    });
  });

  it('finds no log before the first status', () => {
    expect(chooseLogContainer(aPod(), 'app', false)).toMatchObject({ status: 400 });
  });
});
