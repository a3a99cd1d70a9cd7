// Says in words what an older Node says as ERR_UNKNOWN_FILE_EXTENSION: the sources run as TypeScript. Runs on any Node.
const oldestThatWorks = 24;

const { node } = process.versions;
if (Number(node.split('.')[0]) < oldestThatWorks) {
  console.error(`error: this is Node ${node}, and the sources run on Node 24.22.1 or later`);
  console.error('hint: install it; on Linux, npm ci brings one, which npm run demo then uses');
  process.exit(1);
}
