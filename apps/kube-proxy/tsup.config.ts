import { copyNetlinkAddon } from '../../tools/netlink-addon.ts';
import { fewFilePromises, program } from '../../tsup.config.base.ts';

/** The proxy opens no sessions in pods, for which kube-client would load a WebSocket library. */
const withoutSessions: NonNullable<ReturnType<typeof program>['esbuildPlugins']>[number] = {
  name: 'without-sessions',
  setup: (build) => {
    const filter = /^@nodeagent\/pod-streams\/websocket$/;
    build.onResolve({ filter }, () => ({ path: 'websocket', namespace: 'without-sessions' }));
    build.onLoad({ filter: /.*/, namespace: 'without-sessions' }, () => ({
      contents: `export function webSocket() { throw new Error('no sessions in this program'); }`,
    }));
  },
};

export default program('src/main.ts', {
  onSuccess: () => copyNetlinkAddon('dist/prebuilds'),
  esbuildPlugins: [fewFilePromises(['readFile', 'readdir', 'stat', 'writeFile']), withoutSessions],
});
