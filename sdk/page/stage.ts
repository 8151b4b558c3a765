import { arrange, type Size } from "./layout.ts";

export interface Person {
  /** Who speaks just now, of all. */
  dominant: boolean;
  /** There is a picture to see. */
  live: boolean;
  /** When they last were the one who speaks; 0: never. */
  spokeAt: number;
  shown: boolean;
}

/** More faces than this nobody follows. */
const PEOPLE_MAX = 9;
/** A smaller tile shows nobody. */
const TILE_PX_MIN = 72;

/** Who is shown when there is room for `room` only: whoever speaks, then those who can be seen, then those who spoke
 *  last; who is shown already stays before those who are not. */
export function chooseShown<P extends Person>(people: readonly P[], room: number): Set<P> {
  const order = [...people].sort(
    (a, b) =>
      Number(b.dominant) - Number(a.dominant) ||
      Number(b.live) - Number(a.live) ||
      b.spokeAt - a.spokeAt ||
      Number(b.shown) - Number(a.shown),
  );
  return new Set(order.slice(0, room));
}

/** How many of `others` tiles have a place beside `featured` ones; `fixed` of them always do. When some do not, one more
 *  place tells how many. */
export function roomFor(area: Size, featured: number, others: number, fixed: number, gap: number): number {
  const most = Math.min(others, PEOPLE_MAX + fixed);
  for (let count = most; count > fixed + 1; count--) {
    const cells = count < others ? count + 1 : count;
    const smallest = arrange(area, featured, cells, gap).others[0];
    if (!smallest || Math.min(smallest.width, smallest.height) >= TILE_PX_MIN) return count;
  }
  return Math.min(most, fixed + 1);
}
