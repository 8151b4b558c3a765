import assert from "node:assert/strict";
import { test } from "node:test";
import { cameraEncodings, layerCount, modesToTry, screenEncodings } from "../src/encodings.ts";
import type { Codec } from "../src/types.ts";

const HD = { width: 1280, height: 720 };
const SMALL = { width: 640, height: 360 };
const CODECS: Codec[] = ["vp8", "vp9", "h264", "av1"];
const all = () => true;
const none = () => false;

test("a large camera is sent in three sizes, a medium one in two, a small one in its own", () => {
  for (const [width, height, layers] of [
    [1920, 1080, 3],
    [1280, 720, 3],
    [720, 1280, 3],
    [960, 540, 3],
    [960, 480, 2],
    [640, 480, 2],
    [640, 360, 2],
    [480, 270, 1],
    [320, 180, 1],
  ] as const) {
    assert.equal(layerCount({ width, height }), layers, `${width}x${height}`);
  }
});

test("VP8 and H264 are simulcast, smallest first, three frame rates each", () => {
  for (const codec of ["vp8", "h264"] as const) {
    assert.deepEqual(cameraEncodings(codec, HD, all), [
      { scaleResolutionDownBy: 4, maxBitrate: 150_000, scalabilityMode: "L1T3" },
      { scaleResolutionDownBy: 2, maxBitrate: 500_000, scalabilityMode: "L1T3" },
      { scaleResolutionDownBy: 1, maxBitrate: 1_700_000, scalabilityMode: "L1T3" },
    ]);
    assert.deepEqual(
      cameraEncodings(codec, SMALL, all).map((each) => [each.scaleResolutionDownBy, each.maxBitrate]),
      [
        [2, 150_000],
        [1, 500_000],
      ],
    );
  }
});

test("VP9 and AV1 are one stream with spatial layers", () => {
  const mode = (codec: Codec, size = HD, supports = all as (mode: string) => boolean) => {
    const encodings = cameraEncodings(codec, size, supports);
    assert.equal(encodings.length, 1);
    return encodings[0]!.scalabilityMode;
  };
  assert.equal(mode("vp9"), "L3T3_KEY");
  assert.equal(mode("vp9", SMALL), "L2T3_KEY");
  assert.equal(mode("vp9", HD, (each) => !each.endsWith("_KEY")), "L3T3");
  assert.equal(mode("av1"), "L3T3");
  assert.equal(mode("av1", SMALL), "L2T3");
  assert.equal(mode("av1", HD, (each) => each === "L1T3"), "L1T3");
});

test("a browser without scalability modes still sends simulcast, and one size of the others", () => {
  const simulcast = cameraEncodings("vp8", HD, none);
  assert.deepEqual(
    simulcast.map((each) => each.scalabilityMode),
    [undefined, undefined, undefined],
  );
  assert.deepEqual(cameraEncodings("vp9", HD, none), [{ maxBitrate: 1_360_000 }]);
});

test("a small camera costs one encoding, whatever the codec", () => {
  for (const codec of CODECS) {
    const encodings = cameraEncodings(codec, { width: 320, height: 180 }, all);
    assert.deepEqual(encodings, [{ maxBitrate: 150_000, scalabilityMode: "L1T3" }]);
  }
});

test("bitrates grow with the size and stay within bounds", () => {
  for (const codec of CODECS) {
    let smaller = 0;
    for (const height of [90, 180, 360, 540, 720, 1080, 2160]) {
      const encodings = cameraEncodings(codec, { width: (height * 16) / 9, height }, all);
      const bps = encodings.reduce((sum, { maxBitrate = 0 }) => sum + maxBitrate, 0);
      assert.ok(bps >= Math.max(smaller, 150_000), `${codec} ${height}`);
      assert.ok(bps <= 9_000_000, `${codec} ${height}`);
      smaller = bps;
    }
  }
});

test("a screen is sent whole, with frame rates to choose from where the codec carries them", () => {
  assert.deepEqual(screenEncodings("vp8", all), [{ maxBitrate: 3_000_000 }]);
  assert.deepEqual(screenEncodings("vp9", all), [{ maxBitrate: 3_000_000, scalabilityMode: "L1T3" }]);
  assert.deepEqual(screenEncodings("av1", none), [{ maxBitrate: 3_000_000 }]);
});

test("a browser is asked only about the modes that could be used", () => {
  assert.deepEqual(modesToTry("vp8", HD), ["L1T3"]);
  assert.deepEqual(modesToTry("vp9", HD), ["L3T3_KEY", "L3T3", "L1T3"]);
  assert.deepEqual(modesToTry("av1", { width: 320, height: 180 }), ["L1T3"]);
});
