import {
  fieldLinePattern,
  lengthPattern,
  splitFieldLines,
  textCharacters,
  withoutBlanks,
} from './field-lines.ts';
import type { ResponseFraming, ResponseHead } from './message-head.ts';

const grammar = new RegExp(
  `^HTTP/1\\.[01] [1-5]\\d\\d(?: [${textCharacters}]*)?\\r\\n(?:${fieldLinePattern})*\\r\\n$`,
);

/** Blanks like any others by the standard, and to llhttp a coding that is not `chunked`: a body up to the end. */
const codingBeforeTab = /\ntransfer-encoding:[\t ]*chunked *\t/i;

const none: ResponseFraming = { kind: 'none' };
const chunked: ResponseFraming = { kind: 'chunked' };
const close: ResponseFraming = { kind: 'close' };

/**
 * Reads the head of a response, strictly: what can be read in two ways is malformed, since somebody between us and the
 * upstream may have read it in the other.
 * @param text latin1, from the status line to the empty line, both included; the caller bounds its length
 * @param method of the request that this answers
 * @returns undefined when malformed. 101 comes back like any other interim head, with `keepAlive` false.
 * @see RFC 9112 §4 and §6.3
 */
export function parseResponseHead(text: string, method: string): ResponseHead | undefined {
  if (!grammar.test(text)) return undefined;
  const isVersion10 = text.charCodeAt(7) === 0x30;
  const status = Number(text.slice(9, 12));
  const rawHeaders = splitFieldLines(text, text.indexOf('\n') + 1);
  const fields = readFraming(rawHeaders);
  // Chunks in HTTP/1.0 are a sign of a broken or a forged sender. RFC 9112 §6.1
  if (fields === undefined || (isVersion10 && fields.isChunked)) return undefined;
  if (fields.isChunked && text.includes('\t') && codingBeforeTab.test(text)) return undefined;
  const closes = isVersion10 || fields.closes;
  const framing = framingOf(status, method, fields);
  // An interim head that announces the end of the connection leaves no room for the answer that has to follow.
  if (framing === undefined || (closes && status < 200)) return undefined;
  const isCut = framing === close || (method === 'HEAD' && isUnframed(fields));
  return { status, rawHeaders, framing, keepAlive: !closes && !isCut && status !== 101 };
}

interface FramingFields {
  /** -1: not said. */
  length: number;
  isChunked: boolean;
  closes: boolean;
}

/** @returns undefined when the fields contradict one another, or say anything but one length or `chunked` */
function readFraming(rawHeaders: readonly string[]): FramingFields | undefined {
  const fields: FramingFields = { length: -1, isChunked: false, closes: false };
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (!readFramingField(fields, rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '')) return undefined;
  }
  return fields.length >= 0 && fields.isChunked ? undefined : fields;
}

/** The length of a name tells most others apart without a copy in lower case. */
function readFramingField(fields: FramingFields, name: string, value: string): boolean {
  switch (name.length) {
    case 10:
      if (name.toLowerCase() === 'connection') fields.closes ||= listsClose(value);
      return true;
    case 14:
      return name.toLowerCase() !== 'content-length' || readLength(fields, value);
    case 16:
      // No field of any standard, but there are parsers that obey it.
      if (name.toLowerCase() === 'proxy-connection') fields.closes ||= listsClose(value);
      return true;
    case 17:
      return name.toLowerCase() !== 'transfer-encoding' || readCoding(fields, value);
    default:
      return true;
  }
}

/** Equal lengths said twice would be legal; the next parser may add them up, or take either. */
function readLength(fields: FramingFields, value: string): boolean {
  if (fields.length >= 0 || !lengthPattern.test(value)) return false;
  fields.length = Number(value);
  return true;
}

function readCoding(fields: FramingFields, value: string): boolean {
  if (fields.isChunked || value.toLowerCase() !== 'chunked') return false;
  fields.isChunked = true;
  return true;
}

function listsClose(value: string): boolean {
  const options = value.toLowerCase();
  if (!options.includes('close')) return false;
  return options.split(',').some((option) => withoutBlanks(option, 0, option.length) === 'close');
}

/** Whoever answers HEAD so may have forgotten that it was one, and send a body up to the end of the connection. */
function isUnframed(fields: FramingFields): boolean {
  return fields.length < 0 && !fields.isChunked;
}

function framingOf(status: number, method: string, fields: FramingFields): ResponseFraming | undefined {
  // RFC 9110 §8.6, RFC 9112 §6.1: neither of them has a body to announce.
  if (status < 200 || status === 204) return fields.isChunked || fields.length > 0 ? undefined : none;
  // What they say of a body is what another answer would have had.
  if (status === 304 || method === 'HEAD') return none;
  if (fields.isChunked) return chunked;
  return fields.length < 0 ? close : { kind: 'length', bytes: fields.length };
}
