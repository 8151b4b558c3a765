import assert from "node:assert/strict";
import { test } from "node:test";
import { readOptions } from "../page/options.ts";

const read = (rest: string) => readOptions(new URL(rest, "https://example.org/"));

test("a bare address asks for nothing", () => {
  const options = read("/");
  assert.deepEqual(
    [options.room, options.name, options.autojoin, options.codec, options.audio, options.video],
    ["", "", false, undefined, true, true],
  );
});

test("the room stands in the query or after the hash, as it goes into links", () => {
  assert.equal(read("/?room=Team%20Stand_up").room, "team-stand-up");
  assert.equal(read("/#calm-otter-417").room, "calm-otter-417");
  assert.equal(read("/?room=../a<b>").room, "ab");
});

test("the camera size can be steered", () => {
  assert.deepEqual(read("/?video=640x360").video, { width: { ideal: 640 }, height: { ideal: 360 } });
  assert.deepEqual(read("/?video=320x180@15").video, {
    width: { ideal: 320 },
    height: { ideal: 180 },
    frameRate: { ideal: 15 },
  });
  assert.equal(read("/?video=off").video, false);
  assert.equal(read("/?video=huge").video, true);
});

test("an unknown codec is ignored", () => {
  assert.equal(read("/?codec=VP9").codec, "vp9");
  assert.equal(read("/?codec=mpeg2").codec, undefined);
});
