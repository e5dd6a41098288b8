import { copyNetlinkAddon, fewFilePromises, program } from '../../tsup.config.base.ts';

export default program('src/main.ts', {
  onSuccess: copyNetlinkAddon,
  esbuildPlugins: [fewFilePromises(['readFile', 'readdir', 'stat', 'writeFile'])],
});
