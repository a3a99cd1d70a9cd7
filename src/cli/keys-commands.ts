import { type Command, InvalidArgumentError } from 'commander';

interface FileOption {
  readonly file?: string;
}

const secondsPerUnit: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `gatehouse keys …`: the names and options; what they do is loaded when one is asked for. */
export function addKeysCommands(program: Command): void {
  const keys = program
    .command('keys')
    .description('make, show, rotate and destroy the signing keys of a key file');
  const add = (name: string, description: string): Command =>
    keys
      .command(name)
      .description(description)
      .option('--file <path>', 'the key file; by default the one that SIGNING_KEYS_FILE names');

  add('generate', 'write a new key file with one active key')
    .option('--import', 'with the secrets of TOKEN_SIGNING_SECRET and TOKEN_SIGNING_SECRETS_PREVIOUS instead')
    .action(async (options: FileOption & { readonly import?: true }) => {
      const { generateKeys, openKeysContext } = await import('./keys.ts');
      print(generateKeys(openKeysContext(options.file), { fromEnvironment: options.import === true }));
    });
  add('status', 'show the keys and what they do; never a secret')
    .option('--json', 'print JSON')
    .action(async (options: FileOption & { readonly json?: true }) => {
      const { openKeysContext, showKeys } = await import('./keys.ts');
      print(showKeys(openKeysContext(options.file), { json: options.json === true }));
    });
  add('rotate', 'announce a new key that takes over soon; the present one then only opens')
    .option(
      '--activate-in <duration>',
      'until the new key seals: time for every replica to read it',
      parseActivation,
      60,
    )
    .option(
      '--retire-in <duration>',
      'how long the present key opens after that, or never',
      parseRetirement,
      40 * 86_400,
    )
    .action(
      async (options: FileOption & { readonly activateIn: number; readonly retireIn: number | 'never' }) => {
        const { openKeysContext, rotateKeys } = await import('./keys.ts');
        const { activateIn, retireIn } = options;
        print(
          rotateKeys(openKeysContext(options.file), {
            activateIn,
            retireIn: retireIn === 'never' ? undefined : retireIn,
          }),
        );
      },
    );
  add('destroy', 'destroy a key at once: nothing that it sealed opens any more')
    .argument('<id>', 'the id that keys status shows')
    .option('--yes', 'really: everybody whose tokens it sealed logs in again')
    .action(async (id: string, options: FileOption & { readonly yes?: true }) => {
      const { destroyOneKey, openKeysContext } = await import('./keys.ts');
      print(destroyOneKey(openKeysContext(options.file), id, { confirmed: options.yes === true }));
    });
}

function print(text: string): void {
  process.stdout.write(text);
}

/** A process with a fast clock seals with the key first: those that read the file late must know it by then. */
function parseActivation(text: string): number {
  return parseSeconds(text, 5, 7 * 86_400, '5s to 7d');
}

function parseRetirement(text: string): number | 'never' {
  return text === 'never' ? 'never' : parseSeconds(text, 3600, 3650 * 86_400, '1h to 3650d, or never');
}

function parseSeconds(text: string, min: number, max: number, range: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  const seconds = Number(match?.[1]) * (secondsPerUnit[match?.[2] ?? ''] ?? Number.NaN);
  if (seconds >= min && seconds <= max) return seconds;
  throw new InvalidArgumentError(`write ${range}`);
}
