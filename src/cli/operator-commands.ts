import type { Command } from 'commander';

interface JsonOption {
  readonly json?: true;
}

interface FilterOptions extends JsonOption {
  readonly subject?: string;
  readonly client?: string;
  readonly grant?: string;
  readonly everything?: true;
}

/** `gatehouse grants …` and `gatehouse clients …`: names and options; what they do is loaded when one is asked for. */
export function addOperatorCommands(program: Command): void {
  addGrantsCommands(
    program.command('grants').description('see and end what people allowed clients, while the servers run'),
  );
  addClientsCommands(program.command('clients').description('see clients, deny them, and let them in again'));
}

function addGrantsCommands(grants: Command): void {
  addFilters(withJson(grants.command('list').description('list the recorded grants'))).action(
    async (options: FilterOptions) => {
      const { listGrants } = await import('./grants.ts');
      const { withOperator } = await import('./operator.ts');
      print(await withOperator((operator) => listGrants(operator, options, formOf(options))));
    },
  );
  withJson(grants.command('show').description('show one grant'))
    .argument('<id>', 'the id that grants list and the log show')
    .action(async (id: string, options: JsonOption) => {
      const { showGrant } = await import('./grants.ts');
      const { withOperator } = await import('./operator.ts');
      print(await withOperator((operator) => showGrant(operator, id, formOf(options))));
    });
  addFilters(withJson(grants.command('revoke').description('end grants; servers refuse within seconds')))
    .option('--everything', 'all grants of everybody: all people log in again')
    .action(async (options: FilterOptions) => {
      const { revokeGrants } = await import('./grants.ts');
      const { withOperator } = await import('./operator.ts');
      print(await withOperator((operator) => revokeGrants(operator, options, formOf(options))));
    });
}

function addClientsCommands(clients: Command): void {
  withJson(clients.command('list').description('list clients that have grants or are denied')).action(
    async (options: JsonOption) => {
      const { listClients } = await import('./clients.ts');
      const { withOperator } = await import('./operator.ts');
      print(await withOperator((operator) => listClients(operator, formOf(options))));
    },
  );
  withJson(clients.command('deny').description('deny a client, and end what it was granted'))
    .argument('<client>', 'client id, fingerprint, or its first 16 characters')
    .action(async (client: string, options: JsonOption) => {
      const { denyClient } = await import('./clients.ts');
      const { withOperator } = await import('./operator.ts');
      print(await withOperator((operator) => denyClient(operator, client, formOf(options))));
    });
  withJson(clients.command('allow').description('let a denied client in again'))
    .argument('<client>', 'client id, fingerprint, or its first 16 characters')
    .action(async (client: string, options: JsonOption) => {
      const { allowClient } = await import('./clients.ts');
      const { withOperator } = await import('./operator.ts');
      print(await withOperator((operator) => allowClient(operator, client, formOf(options))));
    });
  addHashSecretCommand(clients);
}

function addHashSecretCommand(clients: Command): void {
  clients
    .command('hash-secret')
    .description('print the hash of the client secret on standard input, for the configuration')
    .option('--generate', 'make a secret, and print it as well')
    .action(async (options: { readonly generate?: true }) => {
      const { hashGivenSecret, makeSecret } = await import('./hash-secret.ts');
      const { systemRandom } = await import('../platform/random.ts');
      const { text } = await import('node:stream/consumers');
      print(
        options.generate === true ? makeSecret(systemRandom) : hashGivenSecret(await text(process.stdin)),
      );
    });
}

function withJson(command: Command): Command {
  return command.option('--json', 'print JSON on standard output');
}

function addFilters(command: Command): Command {
  return command
    .option('--subject <sub>', 'of one person, by the sub of the identity provider')
    .option('--client <client>', 'of one client: client id, fingerprint, or its first 16 characters')
    .option('--grant <id>', 'one grant');
}

function formOf(options: JsonOption): { readonly json: boolean } {
  return { json: options.json === true };
}

function print(text: string): void {
  process.stdout.write(text);
}
