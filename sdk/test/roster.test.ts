import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Emitter } from "../src/events.ts";
import type { RemoteProducer } from "../src/protocol.ts";
import { Roster } from "../src/roster.ts";
import type { CallEvents } from "../src/types.ts";

const camera = (id: string): RemoteProducer => ({ id, kind: "video", source: "camera", paused: false });
const track = {} as MediaStreamTrack;

before(() => {
  globalThis.MediaStream = class {} as unknown as typeof MediaStream;
});

function recorded(): { roster: Roster; log: string[] } {
  const events = new Emitter<CallEvents>();
  const log: string[] = [];
  events.on("participant:joined", ({ id }) => log.push(`joined ${id}`));
  events.on("participant:left", ({ id }) => log.push(`left ${id}`));
  events.on("stream:added", ({ participantId, source }) => log.push(`added ${participantId} ${source}`));
  events.on("stream:updated", ({ participantId, paused }) => log.push(`updated ${participantId} ${paused}`));
  events.on("stream:removed", ({ participantId, source }) => log.push(`removed ${participantId} ${source}`));
  return { roster: new Roster(events), log };
}

test("a participant comes, sends, mutes and goes", () => {
  const { roster, log } = recorded();
  roster.join({ id: "a", displayName: "Alice" });
  roster.announce("a", camera("p1"));
  roster.addStream("a", "p1", track);
  roster.setPaused("a", "p1", true);
  roster.setPaused("a", "p1", true);
  roster.leave("a");
  assert.deepEqual(log, ["joined a", "added a camera", "updated a true", "removed a camera", "left a"]);
});

test("after a reconnection those who stayed keep their place and get fresh streams", () => {
  const { roster, log } = recorded();
  roster.reconcile([
    { id: "a", producers: [camera("p1")] },
    { id: "b", producers: [camera("p2")] },
  ]);
  roster.addStream("a", "p1", track);
  roster.addStream("b", "p2", track);
  log.length = 0;

  roster.reconcile([
    { id: "a", producers: [camera("p1")] },
    { id: "c", producers: [] },
  ]);
  assert.deepEqual(log, ["removed b camera", "left b", "joined c"]);
  roster.addStream("a", "p1", track);
  assert.deepEqual(log.slice(3), ["removed a camera", "added a camera"]);
});

test("a stream that ended during the outage is removed", () => {
  const { roster, log } = recorded();
  roster.reconcile([{ id: "a", producers: [camera("p1")] }]);
  roster.addStream("a", "p1", track);
  roster.reconcile([{ id: "a", producers: [] }]);
  assert.equal(log.at(-1), "removed a camera");
  assert.deepEqual(roster.participants.get("a")!.streams, []);
});

test("a track of someone who has left is not added", () => {
  const { roster, log } = recorded();
  roster.addStream("nobody", "p1", track);
  assert.deepEqual(log, []);
});

test("what somebody sends is known before and without receiving it", () => {
  const { roster } = recorded();
  roster.join({ id: "a", producers: [camera("p1")] });
  const sends = () => [...roster.participants.get("a")!.sends];
  assert.deepEqual(sends(), ["camera"]);
  roster.setPaused("a", "p1", true);
  assert.deepEqual(sends(), []);
  roster.setPaused("a", "p1", false);
  assert.deepEqual(sends(), ["camera"]);
  roster.unannounce("a", "p1");
  assert.deepEqual(sends(), []);
});

test("a track that takes turns is removed only from the one who has it", () => {
  const { roster, log } = recorded();
  const other = {} as MediaStreamTrack;
  roster.join({ id: "a", producers: [camera("p1")] });
  roster.addStream("a", "p1", track);
  roster.addStream("a", "p1", other);
  log.length = 0;
  roster.removeStream("a", "p1", track);
  assert.deepEqual(log, []);
  roster.removeStream("a", "p1", other);
  assert.deepEqual(log, ["removed a camera"]);
});
