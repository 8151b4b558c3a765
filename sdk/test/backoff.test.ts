import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffDelay, pause } from "../src/backoff.ts";

test("the first attempt is quick, later ones double up to a limit", () => {
  const longest = [0, 1, 2, 3, 4, 5, 20].map((attempt) => backoffDelay(attempt, () => 1));
  assert.deepEqual(longest, [300, 1000, 2000, 4000, 8000, 8000, 8000]);
});

test("delays are spread over half their length", () => {
  assert.equal(
    backoffDelay(3, () => 0),
    2000,
  );
});

test("a pause ends when the call does", async () => {
  const ended = new AbortController();
  const waiting = pause(60_000, ended.signal);
  ended.abort(new Error("ended"));
  await assert.rejects(waiting, /ended/);
  await assert.rejects(pause(60_000, ended.signal), /ended/);
});

test("a pause passes", async () => {
  await pause(0, new AbortController().signal);
});
