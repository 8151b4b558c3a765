import assert from "node:assert/strict";
import { test } from "node:test";
import { Patience, type Progress } from "../src/patience.ts";

const at = (shown: number, skipped: number, repaired: number, rest: Partial<Progress> = {}): Progress => ({
  shown,
  skipped,
  repaired,
  framesPerSecond: 20,
  roundTripMs: 10,
  ...rest,
});

test("a clean link is not waited for", () => {
  const patience = new Patience();
  for (let second = 0; second < 20; second++) assert.equal(patience.look(at(20 * second, 0, 0), 1000 * second), 0);
});

test("repairs that come in time need no more", () => {
  const patience = new Patience();
  for (let second = 0; second < 20; second++) {
    assert.equal(patience.look(at(20 * second, 0, 3 * second), 1000 * second), 0);
  }
});

test("frames skipped without loss are no matter of patience", () => {
  const patience = new Patience();
  for (let second = 0; second < 20; second++) {
    assert.equal(patience.look(at(20 * second, 5 * second, 0), 1000 * second), 0);
  }
});

test("once frames are skipped there is time for the next frame, two round trips and the server; for half a minute", () => {
  const patience = new Patience();
  patience.look(at(0, 0, 0), 0);
  assert.equal(patience.look(at(19, 1, 2), 1000), 50 + 2 * 10 + 60);
  assert.equal(patience.look(at(39, 1, 4), 2000), 130);
  assert.equal(patience.look(at(500, 1, 60), 30_900), 130);
  assert.equal(patience.look(at(520, 1, 62), 31_100), 0);
});

test("nobody waits longer than a quarter of a second", () => {
  const patience = new Patience();
  patience.look(at(0, 0, 0), 0);
  assert.equal(patience.look(at(15, 5, 5, { roundTripMs: 400, framesPerSecond: 0 }), 1000), 250);
});
