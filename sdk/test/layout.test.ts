import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange, grid, type Rect, type Size } from "../page/layout.ts";

const DESKTOP: Size = { width: 1408, height: 764 };
const PHONE: Size = { width: 374, height: 690 };
const GAP = 12;

function assertFits(rects: Rect[], area: Size): void {
  for (const [index, rect] of rects.entries()) {
    assert.ok(rect.x >= 0 && rect.y >= 0, `tile ${index} starts inside`);
    assert.ok(rect.x + rect.width <= area.width + 1, `tile ${index} ends inside`);
    assert.ok(rect.y + rect.height <= area.height + 1, `tile ${index} ends inside`);
    for (const other of rects.slice(index + 1)) {
      const apart =
        rect.x + rect.width <= other.x ||
        other.x + other.width <= rect.x ||
        rect.y + rect.height <= other.y ||
        other.y + other.height <= rect.y;
      assert.ok(apart, `tile ${index} overlaps none`);
    }
  }
}

test("any number of tiles fits any area without overlap", () => {
  for (const area of [DESKTOP, PHONE, { width: 844, height: 300 }, { width: 500, height: 500 }]) {
    for (let count = 0; count <= 49; count++) {
      const rects = grid(area, count, GAP);
      assert.equal(rects.length, count);
      assertFits(rects, area);
    }
  }
});

test("a wide screen puts two people side by side, a phone stacks them", () => {
  const [left, right] = grid(DESKTOP, 2, GAP);
  assert.equal(left!.y, right!.y);
  const [upper, lower] = grid(PHONE, 2, GAP);
  assert.equal(upper!.x, lower!.x);
  assert.ok(upper!.height > 250);
});

test("nine people make three rows of three", () => {
  const rects = grid(DESKTOP, 9, GAP);
  assert.equal(new Set(rects.map(({ y }) => y)).size, 3);
});

test("the last row is centred", () => {
  const [, , third] = grid(DESKTOP, 3, GAP);
  assert.equal(Math.round(third!.x + third!.width / 2), DESKTOP.width / 2);
});

test("a tile never crops a camera below 4:3 on a wide screen", () => {
  for (let count = 1; count <= 25; count++) {
    const { width, height } = grid(DESKTOP, count, GAP)[0]!;
    assert.ok(width / height > 4 / 3 - 0.02, `${count} tiles`);
    assert.ok(width / height < 16 / 9 + 0.02, `${count} tiles`);
  }
});

test("screens and people fit together", () => {
  for (const area of [DESKTOP, PHONE, { width: 844, height: 300 }]) {
    for (let people = 0; people <= 12; people++) {
      for (let screens = 0; screens <= 3; screens++) {
        const { featured, others } = arrange(area, screens, people, GAP);
        assert.deepEqual([featured.length, others.length], [screens, people]);
        assertFits([...featured, ...others], area);
      }
    }
  }
});

test("a shared screen gets most of a wide area, the people a strip beside it", () => {
  const [screen] = arrange(DESKTOP, 1, 5, GAP).featured;
  assert.ok(screen!.width > 0.75 * DESKTOP.width);
  assert.equal(screen!.height, DESKTOP.height);
});

test("a shared screen gets the full width of a phone, the people the rest", () => {
  const { featured, others } = arrange(PHONE, 1, 3, GAP);
  assert.equal(featured[0]!.width, PHONE.width);
  assert.ok(featured[0]!.height < PHONE.height / 2);
  assert.ok(others[0]!.y > featured[0]!.height);
});

test("two shared screens stand beside each other on a wide screen", () => {
  const { featured } = arrange(DESKTOP, 2, 3, GAP);
  assert.equal(featured[0]!.y, featured[1]!.y);
});

test("an area that is not laid out yet is no error", () => {
  assert.equal(grid({ width: 0, height: 0 }, 4, GAP).length, 4);
});
