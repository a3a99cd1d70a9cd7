import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type LaneCase, parseCase } from './lane-case.ts';

const folder = join(import.meta.dirname, 'corpus');
const maxKeptLength = 2500;
const maxCases = 400;

/** Cases that were the first of their verdict class, by that class: what to begin with when more is looked for. */
export class Corpus {
  readonly #cases = new Map<string, LaneCase>();
  readonly #list: LaneCase[] = [];
  added = 0;

  static read(): Corpus {
    const corpus = new Corpus();
    for (const file of readdirSync(folder).toSorted())
      corpus.#put(file.replace('.json', ''), parseCase(readFileSync(join(folder, file), 'utf8')));
    return corpus;
  }

  get size(): number {
    return this.#list.length;
  }

  get cases(): readonly LaneCase[] {
    return this.#list;
  }

  /** Keeps a case that is the first of its class; with `isKept`, for the next time, too. */
  offer(verdictClass: string, laneCase: LaneCase, isKept: boolean): void {
    if (this.#cases.has(verdictClass) || this.size >= maxCases) return;
    const text = JSON.stringify(laneCase, undefined, 1);
    if (text.length > maxKeptLength) return;
    this.#put(verdictClass, laneCase);
    this.added += 1;
    if (isKept) writeFileSync(join(folder, `${verdictClass}.json`), `${text}\n`);
  }

  #put(verdictClass: string, laneCase: LaneCase): void {
    this.#cases.set(verdictClass, laneCase);
    this.#list.push(laneCase);
  }
}
