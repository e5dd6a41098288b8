import { copyNetlinkAddon } from '../../tools/netlink-addon.ts';
import { fewFilePromises, program } from '../../tsup.config.base.ts';

export default program('src/main.ts', {
  onSuccess: () => copyNetlinkAddon('dist/prebuilds'),
  esbuildPlugins: [fewFilePromises(['readFile', 'readdir', 'stat', 'writeFile'])],
});
