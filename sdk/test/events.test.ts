import assert from "node:assert/strict";
import { test } from "node:test";
import { Emitter } from "../src/events.ts";

type Events = { said: [text: string]; done: [] };

test("listeners get the arguments in the order they were added", () => {
  const emitter = new Emitter<Events>();
  const heard: string[] = [];
  emitter.on("said", (text) => heard.push(`a ${text}`));
  emitter.on("said", (text) => heard.push(`b ${text}`));
  emitter.emit("said", "hello");
  assert.deepEqual(heard, ["a hello", "b hello"]);
});

test("what on returned, off and once stop listening", () => {
  const emitter = new Emitter<Events>();
  let calls = 0;
  const count = () => void calls++;
  const stop = emitter.on("done", count);
  emitter.once("done", count);
  emitter.emit("done");
  assert.equal(calls, 2);
  stop();
  emitter.on("done", count);
  emitter.off("done", count);
  emitter.emit("done");
  assert.equal(calls, 2);
});

test("a listener may remove itself while being called", () => {
  const emitter = new Emitter<Events>();
  const heard: string[] = [];
  const stop = emitter.on("done", () => {
    heard.push("first");
    stop();
  });
  emitter.on("done", () => heard.push("second"));
  emitter.emit("done");
  emitter.emit("done");
  assert.deepEqual(heard, ["first", "second", "second"]);
});

test("a listener that throws is reported and disturbs no other", (t) => {
  const reported: unknown[] = [];
  globalThis.reportError = (error) => void reported.push(error);
  t.after(() => Reflect.deleteProperty(globalThis, "reportError"));
  const emitter = new Emitter<Events>();
  let called = false;
  emitter.on("done", () => {
    throw new Error("mine");
  });
  emitter.on("done", () => void (called = true));
  emitter.emit("done");
  assert.ok(called);
  assert.match(String(reported[0]), /mine/);
});
