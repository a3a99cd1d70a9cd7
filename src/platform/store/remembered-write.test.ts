import { describe, expect, it } from 'vitest';

import { writeRemembered } from './remembered-write.ts';
import { StoreError } from './store.ts';

const away = new StoreError('epoch', undefined);

/** A store that answers these, one after the other, and notes what happens. */
function script(...answers: Array<number | Error>) {
  const happened: string[] = [];
  const rememberedSince = async (): Promise<number> => {
    happened.push('asked');
    const answer = answers.shift() ?? away;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const write = async (): Promise<boolean> => {
    happened.push('written');
    return true;
  };
  return { happened, store: { rememberedSince }, write };
}

describe('writeRemembered', () => {
  it('believes what is said after the write', async () => {
    const { store, write, happened } = script(5, 20);
    expect(await writeRemembered(store, write)).toEqual({ written: true, rememberedSince: 20 });
    expect(happened).toEqual(['asked', 'written', 'asked']);
  });

  it('writes nothing for a store that cannot say what it remembers', async () => {
    const { store, write, happened } = script(away);
    await expect(writeRemembered(store, write)).rejects.toBe(away);
    expect(happened).toEqual(['asked']);
  });

  it('takes what was said before the write when nothing is said after it', async () => {
    const { store, write } = script(5, away);
    expect(await writeRemembered(store, write)).toEqual({ written: true, rememberedSince: 5 });
  });

  it('asks once when nothing was written', async () => {
    const { store, happened } = script(5);
    const lost = async (): Promise<boolean> => false;
    expect(await writeRemembered(store, lost)).toEqual({ written: false, rememberedSince: 5 });
    expect(happened).toEqual(['asked']);
  });

  it('hides no failure that is not the store’s', async () => {
    const { store, write } = script(5, new TypeError('a bug'));
    await expect(writeRemembered(store, write)).rejects.toThrow('a bug');
  });
});
