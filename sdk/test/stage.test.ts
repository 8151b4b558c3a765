import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseShown, type Person, roomFor } from "../page/stage.ts";

const DESKTOP = { width: 1408, height: 764 };
const PHONE = { width: 374, height: 690 };

interface Named extends Person {
  name: string;
}

function person(name: string, facts: Partial<Person> = {}): Named {
  return { name, dominant: false, live: false, spokeAt: 0, shown: false, ...facts };
}

const names = (people: Set<Named>) => [...people].map(({ name }) => name).sort();

test("whoever speaks is brought into view", () => {
  const people = [
    person("Ada", { live: true, shown: true, spokeAt: 5 }),
    person("Bob", { live: true, shown: true, spokeAt: 3 }),
    person("Cyd", { dominant: true, spokeAt: 9 }),
  ];
  assert.deepEqual(names(chooseShown(people, 2)), ["Ada", "Cyd"]);
});

test("who can be seen comes before who cannot, who spoke before who did not", () => {
  const people = [
    person("dark"),
    person("dark but heard", { spokeAt: 4 }),
    person("seen", { live: true }),
    person("seen and heard", { live: true, spokeAt: 2 }),
  ];
  assert.deepEqual(names(chooseShown(people, 3)), ["dark but heard", "seen", "seen and heard"]);
});

test("without a reason nobody is exchanged", () => {
  const people = [person("Ada"), person("Bob", { shown: true }), person("Cyd", { shown: true })];
  assert.deepEqual(names(chooseShown(people, 2)), ["Bob", "Cyd"]);
  assert.equal(chooseShown(people, 10).size, 3);
});

test("a large window has room for nine and oneself, a phone too", () => {
  for (const area of [DESKTOP, PHONE]) {
    assert.equal(roomFor(area, 0, 4, 1, 8), 4);
    assert.equal(roomFor(area, 0, 10, 1, 8), 10);
    assert.equal(roomFor(area, 0, 40, 1, 8), 10);
  }
});

test("beside a screen, or in a small window, fewer have room, but never less than one and oneself", () => {
  const beside = roomFor(DESKTOP, 1, 12, 1, 12);
  assert.ok(beside >= 4 && beside <= 10, `${beside}`);
  assert.ok(roomFor({ width: 300, height: 200 }, 0, 12, 1, 8) < 8);
  assert.equal(roomFor({ width: 0, height: 0 }, 0, 12, 1, 8), 2);
  assert.equal(roomFor({ width: 0, height: 0 }, 0, 1, 1, 8), 1);
});
