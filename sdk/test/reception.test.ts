import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Reception } from "../src/reception.ts";
import type { Layers } from "../src/types.ts";

mock.timers.enable({ apis: ["setTimeout"] });

let asked: string[] = [];
beforeEach(() => {
  asked = [];
});

/** Answers arrive as soon as the test looks. */
async function after(ms: number): Promise<string[]> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
  mock.timers.tick(ms);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  return asked.splice(0);
}

function receive(mode: string | null = "S3T3", paused = false): Reception {
  const note = async (text: string) => void asked.push(text);
  const reception = new Reception(
    {
      pause: () => note("pause"),
      resume: () => note("resume"),
      prefer: ({ spatial, temporal }: Layers) => note(`layers ${spatial} ${temporal ?? "all"}`),
    },
    mode,
    paused,
  );
  reception.begin();
  return reception;
}

test("a stream that nobody has shown yet is received whole", async () => {
  receive();
  assert.deepEqual(await after(5000), []);
});

test("what begins paused is asked for its layer first, then resumed", async () => {
  const reception = receive("S3T3", true);
  reception.show(100);
  assert.deepEqual(await after(0), ["resume", "layers 0 all"]);
});

test("a tile shown before it begins needs no second switch", async () => {
  const reception = new Reception(
    {
      pause: async () => asked.push("pause"),
      resume: async () => asked.push("resume"),
      prefer: async ({ spatial }) => asked.push(`layers ${spatial}`),
    },
    "S3T3",
    true,
  );
  reception.show(100);
  assert.deepEqual(await after(0), []);
  reception.begin();
  assert.deepEqual(await after(0), ["layers 0", "resume"]);
});

test("a tile that grows gets its layer soon, one that shrinks after a while", async () => {
  const reception = receive();
  reception.show(100);
  assert.deepEqual(await after(0), ["layers 0 all"]);
  reception.show(500);
  reception.show(600);
  assert.deepEqual(await after(200), ["layers 2 all"]);
  reception.show(100);
  assert.deepEqual(await after(1000), []);
  reception.show(110);
  assert.deepEqual(await after(1000), ["layers 0 all"]);
});

test("a tile that is small for a moment only changes nothing", async () => {
  const reception = receive();
  reception.show(500);
  await after(0);
  reception.show(0);
  await after(1500);
  reception.show(500);
  assert.deepEqual(await after(5000), []);
});

test("what is out of sight is paused after a while, and resumed nearly at once", async () => {
  const reception = receive();
  reception.show(500);
  await after(0);
  reception.show(0);
  assert.deepEqual(await after(2000), ["pause"]);
  reception.show(1);
  reception.show(300);
  assert.deepEqual(await after(50), ["layers 1 all", "resume"]);
});

test("the size of the source is learned from what arrives, in whatever order server and frames tell", async () => {
  const reception = receive();
  reception.show(290);
  assert.deepEqual(await after(0), ["layers 1 all"]);
  reception.onFrameSize(540);
  reception.onLayers({ spatial: 1, temporal: 2 });
  assert.deepEqual(await after(300), [], "it has 1080 lines, of which 270 are about enough");
  assert.deepEqual(await after(2000), ["layers 0 all"]);
  reception.onFrameSize(270);
  await after(100);
  reception.onLayers({ spatial: 0, temporal: 2 });
  assert.deepEqual(await after(5000), []);
});

test("the app may know better, and change its mind", async () => {
  const reception = receive();
  reception.show(100);
  await after(0);
  reception.prefer({ spatial: 2, temporal: 0 });
  assert.deepEqual(await after(0), ["layers 2 0"]);
  reception.prefer(undefined);
  assert.deepEqual(await after(3000), ["layers 0 all"]);
});

test("of a single layer there is nothing to choose", async () => {
  const reception = receive(null);
  reception.show(100);
  reception.show(900);
  assert.deepEqual(await after(5000), []);
});

test("another source in the same slot starts anew", async () => {
  const reception = receive(null, true);
  reception.turn("S2T3");
  reception.show(100);
  assert.deepEqual(await after(0), ["resume", "layers 0 all"]);
  reception.quality = 3;
  reception.onLayers({ spatial: 0 });
  reception.turn("S3T3");
  assert.deepEqual([reception.current, reception.quality], [undefined, 10]);
  reception.show(400);
  assert.deepEqual(await after(200), ["layers 2 all"]);
});

test("a stream that has ended asks for nothing more", async () => {
  const reception = receive();
  reception.show(100);
  await after(0);
  reception.show(900);
  reception.close();
  reception.show(0);
  assert.deepEqual(await after(5000), []);
});
