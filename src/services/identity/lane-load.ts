/** What is going on in one of the two lanes on which a provider is asked. */
export interface LaneLoad {
  readonly underWay: number;
  /** It is left alone for a moment, for it was silent to several in a row. */
  readonly isPaused: boolean;
}

/** Told of each lane of a provider once, with what reads its load. */
export type WatchLane = (lane: 'login' | 'recheck', read: () => LaneLoad) => void;
