import { library } from '../../tsup.config.base.ts';

export default library({
  index: 'src/index.ts',
  'bin/csi-controller': 'src/bin/csi-controller.ts',
});
