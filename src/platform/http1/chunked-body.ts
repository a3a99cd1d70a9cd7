import { fieldLinePattern, tokenCharacters } from './field-lines.ts';

/** What `ChunkedBody.feed` says when the body goes on behind what it was given. */
export const bodyGoesOn = -1;
/** What it says when this is no chunked body. Sticky: nothing fed later changes it. */
export const bodyMalformed = -2;

/** Up to 2^32 - 1 bytes in a chunk. More digits, zeros in front included, are what overflows in other parsers. */
const maxSizeDigits = 8;
const maxExtensionBytesPerChunk = 256;
const maxExtensionBytes = 16 * 1024;
const maxTrailerBytes = 16 * 1024;

const trailerLine = new RegExp(`^${fieldLinePattern}$`);
/** Fields that say how far a message reaches, or whom it is for: a trailer never may. RFC 9110 §6.5.1 */
const framingField =
  /^(?:content-length|transfer-encoding|host|trailer|te|upgrade|connection|proxy-connection):/i;

const CR = 0x0d;
const LF = 0x0a;

const isToken = new Uint8Array(256);
const hexValue = new Int8Array(256).fill(-1);
const token = new RegExp(`[${tokenCharacters}]`);
for (let code = 0; code < 256; code += 1) {
  const character = String.fromCharCode(code);
  if (token.test(character)) isToken[code] = 1;
  if (/[0-9a-f]/i.test(character)) hexValue[code] = Number.parseInt(character, 16);
}

type Stage =
  | 'size'
  | 'extension-name'
  | 'extension-value'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer'
  | 'over'
  | 'malformed';

/** Takes the bytes of the body, without the framing; `onData` of a `ResponseSink` is one. */
export interface PieceTaker {
  onData(bytes: Buffer, from: number, to: number): void;
}

/**
 * Decodes one chunked body as it comes, however it is cut. Every piece of a chunk is told at once and none is copied.
 *
 * Chunk extensions are legal, and a recipient has to pass over those it does not know (RFC 9112 §7.1.1), so they are
 * dropped, not refused; but only as `;name` or `;name=value` of tokens, without blanks or quotes, and within bounds:
 * a line end hidden in an extension is how chunked bodies are cut differently by two parsers. Trailer fields are checked
 * like any field, and dropped.
 * @see RFC 9112 §7.1
 */
export class ChunkedBody {
  #stage: Stage = 'size';
  #sizeDigits = 0;
  /** Within a size its value so far, within data the bytes still to come. */
  #remaining = 0;
  #chunkExtensionBytes = 0;
  #extensionBytes = 0;
  /** Whether a token has begun where the stage demands one. */
  #inToken = false;
  #trailerBytes = 0;
  #trailer = '';

  /**
   * Decodes `bytes` from `from` up to `to`. Pieces that come before a fault in the same read are told all the same.
   * @returns the position just after the body's end, `bodyGoesOn`, or `bodyMalformed`
   */
  feed(bytes: Buffer, from: number, to: number, taker: PieceTaker): number {
    let at = from;
    while (at < to && this.#stage !== 'over' && this.#stage !== 'malformed') {
      if (this.#stage === 'data') at = this.#passData(bytes, at, to, taker);
      else if (this.#stage === 'trailer') at = this.#readTrailer(bytes, at, to);
      else {
        this.#stage = this.#afterByte(bytes[at] ?? 0, this.#stage);
        at += 1;
      }
    }
    if (this.#stage === 'malformed') return bodyMalformed;
    return this.#stage === 'over' ? at : bodyGoesOn;
  }

  #passData(bytes: Buffer, from: number, to: number, taker: PieceTaker): number {
    const end = Math.min(to, from + this.#remaining);
    this.#remaining -= end - from;
    if (this.#remaining === 0) this.#stage = 'data-cr';
    taker.onData(bytes, from, end);
    return end;
  }

  /** One byte of the framing. */
  #afterByte(byte: number, stage: Stage): Stage {
    switch (stage) {
      case 'size':
        return this.#afterSizeByte(byte);
      case 'extension-name':
      case 'extension-value':
        return this.#afterExtensionByte(byte, stage);
      case 'size-lf':
        return byte === LF ? this.#afterSizeLine() : 'malformed';
      case 'data-cr':
        return byte === CR ? 'data-lf' : 'malformed';
      case 'data-lf':
        return byte === LF ? 'size' : 'malformed';
      default:
        return 'malformed';
    }
  }

  #afterSizeByte(byte: number): Stage {
    const digit = hexValue[byte] ?? -1;
    if (digit >= 0) {
      this.#sizeDigits += 1;
      this.#remaining = this.#remaining * 16 + digit;
      return this.#sizeDigits > maxSizeDigits ? 'malformed' : 'size';
    }
    if (this.#sizeDigits === 0) return 'malformed';
    if (byte === CR) return 'size-lf';
    this.#inToken = false;
    return byte === 0x3b ? this.#withinBounds('extension-name') : 'malformed';
  }

  #afterExtensionByte(byte: number, stage: 'extension-name' | 'extension-value'): Stage {
    if (isToken[byte] === 1) {
      this.#inToken = true;
      return this.#withinBounds(stage);
    }
    if (!this.#inToken) return 'malformed';
    if (byte === CR) return 'size-lf';
    this.#inToken = false;
    if (byte === 0x3b) return this.#withinBounds('extension-name');
    return byte === 0x3d && stage === 'extension-name' ? this.#withinBounds('extension-value') : 'malformed';
  }

  #withinBounds(next: Stage): Stage {
    this.#chunkExtensionBytes += 1;
    this.#extensionBytes += 1;
    const isWithin =
      this.#chunkExtensionBytes <= maxExtensionBytesPerChunk && this.#extensionBytes <= maxExtensionBytes;
    return isWithin ? next : 'malformed';
  }

  #afterSizeLine(): Stage {
    this.#sizeDigits = 0;
    this.#chunkExtensionBytes = 0;
    return this.#remaining === 0 ? 'trailer' : 'data';
  }

  /** Takes one line, or its beginning. An empty line ends the body. */
  #readTrailer(bytes: Buffer, from: number, to: number): number {
    const lineFeed = bytes.indexOf(LF, from);
    const isWhole = lineFeed >= 0 && lineFeed < to;
    const end = isWhole ? lineFeed + 1 : to;
    this.#trailerBytes += end - from;
    this.#trailer += bytes.toString('latin1', from, end);
    if (this.#trailerBytes > maxTrailerBytes) this.#stage = 'malformed';
    else if (isWhole) this.#stage = this.#afterTrailerLine();
    return end;
  }

  #afterTrailerLine(): Stage {
    const line = this.#trailer;
    this.#trailer = '';
    if (line === '\r\n') return 'over';
    return trailerLine.test(line) && !framingField.test(line) ? 'trailer' : 'malformed';
  }
}
