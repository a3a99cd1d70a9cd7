#!/usr/bin/env node
/**
 * The command line. Knows the commands and nothing of what they do: each is loaded when it is asked for. The only
 * file that ends the process.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander';

import { version } from '../gateway/version.ts';
import { addKeysCommands } from './keys-commands.ts';
import { addOperatorCommands } from './operator-commands.ts';
import { addPolicyCommand } from './policy-commands.ts';

const program = new Command('gatehouse')
  .description('OAuth 2.1 authorization server and reverse proxy in front of MCP servers')
  .version(version)
  .exitOverride()
  .configureOutput({
    outputError: (text, write) =>
      write(`${text.trimEnd()}\nhint: gatehouse --help lists commands and options\n`),
  });

program
  .command('serve')
  .description('start the server; configured by environment variables and the file GATEHOUSE_CONFIG names')
  .action(async () => {
    const { createServerConfigSource } = await import('./process-config.ts');
    const source = createServerConfigSource();
    const config = source.load();
    const { serve } = await import('./serve.ts');
    await serve(config, { source, exit: (code) => process.exit(code) });
  });

program
  .command('worker <number>', { hidden: true })
  .description('one of the processes of serve, which starts it')
  .action(async () => {
    const { runWorker } = await import('./worker.ts');
    await runWorker({ exit: (code) => process.exit(code) });
  });

program
  .command('check-config')
  .description('read the configuration as serve does and say what is wrong with it')
  .option('--json', 'print JSON on standard output')
  .action(async (options: { readonly json?: true }) => {
    const { checkConfig } = await import('./check-config.ts');
    const { createServerConfigSource } = await import('./process-config.ts');
    const report = checkConfig(createServerConfigSource().load, { json: options.json === true });
    (report.ok || options.json === true ? process.stdout : process.stderr).write(report.text);
    process.exitCode = report.ok ? 0 : 1;
  });

addPolicyCommand(program);

program
  .command('demo')
  .description('start a sample MCP server, a sample identity provider and the gatehouse between them')
  .option('--self-test', 'walk through a login without a person, then stop')
  .option('--port <number>', 'port of the gatehouse', parsePort)
  .action(async (options: { readonly selfTest?: true; readonly port?: number }) => {
    const { runDemo } = await import('./demo/demo.ts');
    process.exit(await runDemo({ selfTest: options.selfTest === true, port: options.port }));
  });

addKeysCommands(program);
addOperatorCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  // Commander has said what there is to say.
  if (error instanceof CommanderError) process.exit(error.exitCode);
  const { describeFailure } = await import('./failure.ts');
  process.stderr.write(describeFailure(error));
  process.exit(1);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('it is no port number');
  return port;
}
