import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseLayer, fullHeight, layersOfMode, shownHeight } from "../src/layers.ts";

test("a scalability mode says how many layers there are", () => {
  for (const [mode, spatial, temporal] of [
    ["S3T3", 3, 3],
    ["S2T1", 2, 1],
    ["L3T3_KEY", 3, 3],
    ["L1T3", 1, 3],
    ["L2T2h", 2, 2],
    [undefined, 1, 1],
    [null, 1, 1],
    ["nonsense", 1, 1],
  ] as const) {
    assert.deepEqual(layersOfMode(mode), { spatial, temporal });
  }
});

test("the smallest layer that fills the tile is chosen", () => {
  for (const [neededPx, layer] of [
    [0, 0],
    [90, 0],
    [180, 0],
    [198, 0], // a little less is as sharp
    [200, 1],
    [360, 1],
    [400, 2],
    [2160, 2],
  ] as const) {
    assert.equal(chooseLayer(neededPx, 3, 720), layer, `${neededPx} px`);
  }
});

test("layers are counted from the size of the whole source", () => {
  assert.equal(chooseLayer(400, 3, 1080), 1);
  assert.equal(chooseLayer(400, 2, 360), 1);
  assert.equal(chooseLayer(170, 2, 360), 0);
  assert.equal(chooseLayer(400, 1, 360), 0);
});

test("before the first frame a smallest layer of 180 lines is assumed", () => {
  assert.deepEqual(
    [100, 300, 600].map((neededPx) => chooseLayer(neededPx, 3, 0)),
    [0, 1, 2],
  );
  assert.equal(chooseLayer(300, 2, 0), 1);
});

test("any layer tells the size of the whole", () => {
  assert.deepEqual(
    [fullHeight(180, 0, 3), fullHeight(360, 1, 3), fullHeight(720, 2, 3), fullHeight(360, 0, 1)],
    [720, 720, 720, 360],
  );
});

test("what is cropped needs more lines than its box, what is fitted in may need fewer", () => {
  const wide = { width: 1280, height: 720 };
  assert.equal(shownHeight({ width: 320, height: 180 }, wide, true, 1), 180);
  assert.equal(shownHeight({ width: 160, height: 180 }, wide, true, 1), 180);
  assert.equal(shownHeight({ width: 320, height: 90 }, wide, true, 1), 180);
  assert.equal(shownHeight({ width: 320, height: 90 }, wide, false, 1), 90);
  assert.equal(shownHeight({ width: 160, height: 180 }, wide, false, 1), 90);
});

test("screens of many pixels count, up to twice", () => {
  const box = { width: 320, height: 180 };
  assert.equal(shownHeight(box, { width: 0, height: 0 }, true, 1.5), 270);
  assert.equal(shownHeight(box, { width: 1280, height: 720 }, true, 3), 360);
});
