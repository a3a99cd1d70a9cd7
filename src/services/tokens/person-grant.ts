import type { EpochSeconds } from '../../platform/clock.ts';
import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import { type Infer, integer, name, shape, text, textList } from '../../platform/sealing/shape.ts';

/** Holds whatever fits into a code, and the longest client name beside it. */
const personGrantPurpose: SealPurpose = { name: 'person-grant', prefix: 'mgh_pg_', maxLength: 12_288 };

/** A grant as the list of its person has it. Whether it is still alive, its own record says. */
export interface PersonGrant {
  readonly grantId: string;
  readonly absoluteEnd: EpochSeconds;
  /** Undefined: they were sealed with a key that is gone. */
  readonly details: GrantDetails | undefined;
}

/** What its person is shown of a grant, as it was when the client got its first tokens. */
export interface GrantDetails {
  readonly clientName: string | undefined;
  /** The host that vouches for the client by its metadata document. */
  readonly clientHost?: string | undefined;
  /** The operator registered the client. */
  readonly preRegistered?: true | undefined;
  /** Scheme, host and port of the redirect URI. Absent: tokens went to a device that showed a code. */
  readonly recipient?: string | undefined;
  readonly resource: string;
  readonly scope: readonly string[];
  readonly grantedAt: EpochSeconds;
  /** The identity provider's session, so that its logout counts. */
  readonly sessionId?: string | undefined;
}

// Short member names: there is one for each grant, in memory where the store is Redis. Part of the stored format.
const sealedDetails = shape(
  { i: name, r: name, g: integer },
  { n: text, h: name, o: integer, t: name, s: textList, d: name },
);

const lineSyntax = /^([\w-]{1,64}) (\d{1,12}) (\S+)$/;

/** One line of a person's list: what is needed to end the grant is legible without any key. */
export interface ListLine {
  readonly grantId: string;
  readonly absoluteEnd: EpochSeconds;
  readonly sealed: string;
}

/** Undefined for what is no line of ours: a damaged one must not keep its person from logging in. */
export function parseListLine(line: string): ListLine | undefined {
  const [, grantId, end, sealed] = lineSyntax.exec(line) ?? [];
  if (grantId === undefined || end === undefined || sealed === undefined) return undefined;
  return { grantId, absoluteEnd: Number(end), sealed };
}

export function formatListLine({ grantId, absoluteEnd, sealed }: ListLine): string {
  return `${grantId} ${absoluteEnd} ${sealed}`;
}

/** Sealed for one grant: who can write to the store cannot show a grant under another's name. */
export function sealGrantDetails(sealer: Sealer, grantId: string, details: GrantDetails): string {
  const packed: Infer<typeof sealedDetails> = {
    i: endOf(grantId),
    r: details.resource,
    g: details.grantedAt,
    ...(details.clientName === undefined ? {} : { n: details.clientName }),
    ...(details.clientHost === undefined ? {} : { h: details.clientHost }),
    ...(details.preRegistered === undefined ? {} : { o: 1 }),
    ...(details.recipient === undefined ? {} : { t: details.recipient }),
    ...(details.scope.length === 0 ? {} : { s: [...details.scope] }),
    ...(details.sessionId === undefined ? {} : { d: details.sessionId }),
  };
  return sealer.seal(personGrantPurpose, JSON.stringify(packed));
}

/** The details, or undefined for anything we did not seal as such, of another grant, or with a key that is gone. */
export function openGrantDetails(sealer: Sealer, grantId: string, token: string): GrantDetails | undefined {
  const plaintext = sealer.open(personGrantPurpose, token);
  if (plaintext === undefined) return undefined;
  const packed: unknown = JSON.parse(plaintext);
  if (!sealedDetails.matches(packed) || packed.i !== endOf(grantId)) return undefined;
  return {
    clientName: packed.n,
    ...(packed.h === undefined ? {} : { clientHost: packed.h }),
    ...(packed.o === undefined ? {} : { preRegistered: true }),
    ...(packed.t === undefined ? {} : { recipient: packed.t }),
    resource: packed.r,
    scope: packed.s ?? [],
    grantedAt: packed.g,
    ...(packed.d === undefined ? {} : { sessionId: packed.d }),
  };
}

/** Random enough to tell the grants of a store apart: nobody chooses an id. */
function endOf(grantId: string): string {
  return grantId.slice(-8);
}
