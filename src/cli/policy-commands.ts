import { readFileSync } from 'node:fs';

import { type Command, CommanderError } from 'commander';

import type { PolicyQuestion } from './check-policy.ts';

/** What a script can tell from an answer; a question that is none must not look like either. */
const exitCodes = { allowed: 0, denied: 1, error: 2 } as const;

/** `gatehouse check-policy`: names and options; what it does is loaded when it is asked for. */
export function addPolicyCommand(program: Command): void {
  program
    .command('check-policy')
    .description(
      'say whether a call is allowed (entry rules, limits of the client, policy), and by which rule; exit code 0 allowed, 1 denied, 2 neither',
    )
    .option('--config <file>', 'the configuration file; by default the one that GATEHOUSE_CONFIG names')
    .option('--mount <name>', 'the mount; needed where there are several')
    .option('--as <email>', 'verified e-mail address of the person')
    .option('--groups <list>', 'groups of the person, comma-separated')
    .option('--subject <sub>', 'sub of the person')
    .option('--issuer <url>', 'identity provider of the subject; by default the one that is set')
    .option('--client <client>', 'client id, or its fingerprint')
    .option('--scope <list>', 'scopes of the token, with blanks or commas between them')
    .option('--acr <value>', 'acr of the login; without, entry rules about it are not judged')
    .option('--amr <list>', 'amr of the login, comma-separated')
    .option('--login-age <duration>', 'how long ago the person logged in, such as 2h')
    .option('--tool <name>', 'may this tool be called')
    .option('--prompt <name>', 'may this prompt be got')
    .option('--resource <uri>', 'may this resource be read')
    .option('--method <name>', 'may this method be used')
    .exitOverride((error) => {
      throw new CommanderError(error.exitCode === 0 ? 0 : exitCodes.error, error.code, error.message);
    })
    .action(async (options: PolicyQuestion) => {
      const { checkPolicy } = await import('./check-policy.ts');
      const { describeFailure } = await import('./failure.ts');
      const config = options.config ?? process.env['GATEHOUSE_CONFIG'];
      const question = config === undefined ? options : { ...options, config };
      try {
        const answer = checkPolicy(question, (path) => readFileSync(path, 'utf8'), process.env);
        process.stdout.write(answer.text);
        process.exitCode = answer.isAllowed ? exitCodes.allowed : exitCodes.denied;
      } catch (error) {
        process.stderr.write(describeFailure(error));
        process.exitCode = exitCodes.error;
      }
    });
}
