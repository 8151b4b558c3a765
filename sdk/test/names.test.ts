import assert from "node:assert/strict";
import { test } from "node:test";
import { hue, initials, randomRoom } from "../page/names.ts";
import { roomName } from "../page/options.ts";

test("a random room name is a valid one", () => {
  for (let i = 0; i < 50; i++) {
    const room = randomRoom();
    assert.match(room, /^[a-z]+-[a-z]+-\d{3}$/);
    assert.equal(roomName(room), room);
  }
});

test("initials of one, many and no words", () => {
  assert.equal(initials("alice"), "A");
  assert.equal(initials("  Ana María de Souza "), "AS");
  assert.equal(initials("李 小龍"), "李小");
  assert.equal(initials("  "), "?");
});

test("a name keeps its hue", () => {
  assert.equal(hue("Alice"), hue("Alice"));
  assert.notEqual(hue("Alice"), hue("Bob"));
  assert.ok(hue("Zoë") >= 0 && hue("Zoë") < 360);
});
