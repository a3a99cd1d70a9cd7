/** What the real clients did at their last run that is kept, as a table for docs/clients. */
import type { ClientsRecord, RecordedRun } from '../test/clients/record.ts';

export function renderClientTable({ date, runs }: ClientsRecord): string {
  const columns = Object.keys(columnsOf(runs[0] ?? fail('the record is empty')));
  const rows = runs.map((run) => Object.values(columnsOf(run)));
  return [
    `Last kept run: ${date}.`,
    '',
    `| ${columns.join(' | ')} |`,
    `| ${columns.map(() => '---').join(' | ')} |`,
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ].join('\n');
}

function columnsOf({ client, package: name, version, era, facts }: RecordedRun): Record<string, string> {
  return {
    Client: `${client}: \`${name}\` ${version}`,
    'Era, revision': `${era}, ${facts.revision}`,
    'Known by': facts.registration === 'dynamic' ? 'registration' : 'its document',
    'Redirect URI': `\`${facts.redirectUri}\``,
    PKCE: facts.codeChallengeMethod,
    '`state`': facts.sendsState ? 'yes' : 'no',
    '`resource` at': facts.resource.length === 0 ? 'none' : facts.resource.join(', '),
    '`scope`': facts.scope === null ? 'none' : `\`${facts.scope}\``,
    Refreshes: facts.refresh,
    'Needs more scope':
      facts.stepUp.outcome === 'gives up'
        ? 'gives up'
        : `asks for \`${facts.stepUp.scope}\`, ${facts.stepUp.outcome}`,
    'After a restart': facts.survivesRestart ? 'goes on' : 'not tried',
  };
}

function fail(message: string): never {
  throw new Error(message);
}
