export interface Size {
  width: number;
  height: number;
}

export interface Rect extends Size {
  x: number;
  y: number;
}

export interface Arrangement {
  /** Shared screens and pinned people, large. */
  featured: Rect[];
  others: Rect[];
}

const CAMERA_ASPECT = 16 / 9;
/** Beside what is featured on a wide area. */
const STRIP = { share: 0.2, widthMin: 140, widthMax: 280 };
/** On a tall area the width limits a screen: a box of 10:7 holds any usual one, and the rest is for the people. */
const STAGE = { aspect: 10 / 7, shareMax: 0.7 };

/** Places everything so that it fits `area` without scrolling. */
export function arrange(area: Size, featured: number, others: number, gap: number): Arrangement {
  if (featured === 0) return { featured: [], others: grid(area, others, gap) };
  if (others === 0) return { featured: cells(area, featured, gap), others: [] };
  const stage = { ...area };
  const strip = { ...area };
  const wide = area.width > area.height;
  let [dx, dy] = [0, 0];
  if (wide) {
    strip.width = clamp(area.width * STRIP.share, STRIP.widthMin, STRIP.widthMax);
    stage.width = area.width - strip.width - gap;
    dx = stage.width + gap;
  } else {
    const wanted = featured * (area.width / STAGE.aspect + gap) - gap;
    stage.height = Math.min(wanted, area.height * STAGE.shareMax);
    strip.height = area.height - stage.height - gap;
    dy = stage.height + gap;
  }
  return {
    featured: cells(stage, featured, gap),
    others: grid(strip, others, gap, wide).map((rect) => ({ ...rect, x: rect.x + dx, y: rect.y + dy })),
  };
}

/** Equal tiles as large as they get, rows centred. Tiles may be narrower than a camera picture, down to 4:3 on a wide
 *  area and 3:4 on a tall one, when that leaves more of the picture to see. */
export function grid(area: Size, count: number, gap: number, wide = area.width > area.height): Rect[] {
  const narrowest = wide ? 4 / 3 : 3 / 4;
  let best = { columns: 1, rows: count, width: 0, height: 0, score: -1 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cell = cellSize(area, columns, rows, gap);
    const aspect = clamp(cell.width / cell.height, narrowest, CAMERA_ASPECT);
    const width = Math.min(cell.width, cell.height * aspect);
    const height = width / aspect;
    // A narrow tile crops the picture, which costs part of what its area gains; on a phone people hold upright anyway.
    const score = width * height * (wide ? Math.sqrt(aspect / CAMERA_ASPECT) : 1);
    if (score > best.score) best = { columns, rows, width, height, score };
  }
  return place(area, count, best, gap);
}

/** Equal cells that fill the area, for pictures that are shown whole. */
function cells(area: Size, count: number, gap: number): Rect[] {
  const across = Math.ceil(Math.sqrt(count));
  const along = Math.ceil(count / across);
  const [columns, rows] = area.width > area.height ? [across, along] : [along, across];
  return place(area, count, { columns, rows, ...cellSize(area, columns, rows, gap) }, gap);
}

function cellSize(area: Size, columns: number, rows: number, gap: number): Size {
  return {
    width: Math.max(1, (area.width - gap * (columns - 1)) / columns),
    height: Math.max(1, (area.height - gap * (rows - 1)) / rows),
  };
}

function place(area: Size, count: number, tiles: Size & { columns: number; rows: number }, gap: number): Rect[] {
  const { columns, rows } = tiles;
  const width = Math.floor(tiles.width);
  const height = Math.floor(tiles.height);
  const top = (area.height - rows * height - (rows - 1) * gap) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = (area.width - inRow * width - (inRow - 1) * gap) / 2;
    const column = index - row * columns;
    return {
      x: Math.round(left + column * (width + gap)),
      y: Math.round(top + row * (height + gap)),
      width,
      height,
    };
  });
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
