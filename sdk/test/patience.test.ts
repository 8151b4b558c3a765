import assert from "node:assert/strict";
import { test } from "node:test";
import { Patience } from "../src/patience.ts";

const at = (lost: number, received: number, roundTripMs = 60) => ({ lost, received, roundTripMs });

test("nobody waits on a clean link", () => {
  const patience = new Patience();
  for (let second = 0; second < 20; second++) assert.equal(patience.look(at(second, 100 * second), 1000 * second), 0);
});

test("on a lossy link there is time for three requests, and for ten seconds after", () => {
  const patience = new Patience();
  patience.look(at(0, 0), 0);
  assert.equal(patience.look(at(10, 100), 1000), 480);
  assert.equal(patience.look(at(10, 200), 10_900), 480);
  assert.equal(patience.look(at(10, 300), 11_100), 0);
});

test("nobody waits longer than half a second", () => {
  const patience = new Patience();
  patience.look(at(0, 0), 0);
  assert.equal(patience.look(at(50, 100, 400), 1000), 500);
});

test("what was lost before the first look is long ago", () => {
  assert.equal(new Patience().look(at(500, 1000), 0), 0);
});
