import { copyNetlinkAddon, program } from '../../tsup.config.base.ts';

export default program('src/main.ts', { onSuccess: copyNetlinkAddon });
