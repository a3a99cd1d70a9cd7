import { fieldLinePattern, lengthPattern, splitFieldLines } from './field-lines.ts';
import { isHost } from './host.ts';
import type { RequestHead } from './message-head.ts';

/** Origin-form of visible ASCII; without `#`, which no target may have and some parsers cut at. */
const grammar = new RegExp(`^(?:POST|GET|DELETE) /[!"$-~]* HTTP/1\\.1\\r\\n(?:${fieldLinePattern})*\\r\\n$`);

const maxHeadBytes = 16 * 1024;
const maxTargetBytes = 8192;
const maxFieldLines = 100;

/** Fields that may stand once, as bits of what was seen. */
const once = { host: 1, authorization: 2, contentLength: 4, connection: 8, origin: 16 } as const;
/** Fields that change what a message is, or ask for more than an answer. */
const never = 0;

interface FieldRule {
  readonly name: string;
  readonly bit: number;
}

const rules: readonly FieldRule[] = [
  { name: 'host', bit: once.host },
  { name: 'authorization', bit: once.authorization },
  { name: 'content-length', bit: once.contentLength },
  { name: 'connection', bit: once.connection },
  { name: 'origin', bit: once.origin },
  { name: 'transfer-encoding', bit: never },
  { name: 'expect', bit: never },
  { name: 'upgrade', bit: never },
  { name: 'te', bit: never },
  { name: 'trailer', bit: never },
  { name: 'http2-settings', bit: never },
  { name: 'proxy-connection', bit: never },
];
const longestName = Math.max(...rules.map((rule) => rule.name.length));

/** Length and first letter tell the fields of the rules apart, and all others from them but a few. */
const rulesBySlot = Array.from({ length: 32 * (longestName + 1) }, (_, slot) => {
  const [rule, ...others] = rules.filter(({ name }) => slotOf(name) === slot);
  if (others.length > 0) throw new TypeError('Two rules for fields need a better way to tell them apart');
  return rule;
});

/**
 * Reads the head of a request if it is one of the plain subset: one that every parser reads in the same way, and that
 * wants nothing but an answer. It never judges a request to be bad: what is not in the subset is for the standard
 * parser, which takes it or refuses it, and says why.
 * @param text latin1, from the request line to the first empty line, both included
 * @returns undefined when not in the subset. The strings share the memory of `text`: what is kept for long is to be copied.
 * @see RFC 9112 §3 and §6
 */
export function parseRequestHead(text: string): RequestHead | undefined {
  if (text.length > maxHeadBytes || !grammar.test(text)) return undefined;
  const targetStart = text.indexOf(' ') + 1;
  const targetEnd = text.indexOf(' ', targetStart);
  if (targetEnd - targetStart > maxTargetBytes) return undefined;
  const rawHeaders = splitFieldLines(text, targetEnd + ' HTTP/1.1\r\n'.length);
  const fields = rawHeaders.length > 2 * maxFieldLines ? undefined : readFields(rawHeaders);
  if (fields === undefined) return undefined;
  const method = text.slice(0, targetStart - 1);
  // Legal, and forgotten about by enough servers to have been used for smuggling.
  if (fields.bodyBytes > 0 && method !== 'POST') return undefined;
  const { bodyBytes, keepAlive } = fields;
  return { method, target: text.slice(targetStart, targetEnd), rawHeaders, bodyBytes, keepAlive };
}

interface Fields {
  seen: number;
  bodyBytes: number;
  keepAlive: boolean;
}

function readFields(rawHeaders: readonly string[]): Fields | undefined {
  const fields: Fields = { seen: 0, bodyBytes: 0, keepAlive: true };
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const rule = ruleOf(name);
    if (rule !== undefined && !readField(fields, rule.bit, rawHeaders[index + 1] ?? '')) return undefined;
  }
  return (fields.seen & once.host) === 0 ? undefined : fields;
}

function ruleOf(name: string): FieldRule | undefined {
  const rule = name.length > longestName ? undefined : rulesBySlot[slotOf(name)];
  return rule === undefined || name.toLowerCase() === rule.name ? rule : undefined;
}

/** The same for both cases of a letter. */
function slotOf(name: string): number {
  return name.length * 32 + (name.charCodeAt(0) & 31);
}

function readField(fields: Fields, bit: number, value: string): boolean {
  if (bit === never || (fields.seen & bit) !== 0) return false;
  fields.seen |= bit;
  switch (bit) {
    case once.host:
      return isHost(value);
    case once.contentLength:
      fields.bodyBytes = Number(value);
      return lengthPattern.test(value);
    case once.connection:
      return readConnection(fields, value);
    default:
      return true;
  }
}

function readConnection(fields: Fields, value: string): boolean {
  const option = value.toLowerCase();
  fields.keepAlive = option !== 'close';
  return option === 'close' || option === 'keep-alive';
}
