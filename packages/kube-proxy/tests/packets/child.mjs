// node child.mjs MODULE ARGUMENT…: runs a module of the sources in the network namespace of this process.
// The module is compiled as it is loaded, so that nothing has to be built first.
import { pathToFileURL } from 'node:url';

import { createServer, createServerModuleRunner } from 'vite';

const [, , file] = process.argv;
const conditions = ['@nodeagent/source', 'module', 'node', 'development|production'];
const server = await createServer({
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
  resolve: { conditions },
  ssr: { resolve: { conditions } },
});
const runner = createServerModuleRunner(server.environments.ssr);
await runner.import(pathToFileURL(file).pathname);
await runner.close();
await server.close();
process.exit(0);
