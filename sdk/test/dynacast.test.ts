import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Dynacast } from "../src/dynacast.ts";

mock.timers.enable({ apis: ["setTimeout"] });

/** As browsers do it: parameters must be those read last, and take a while to be set. */
class Sender {
  sets = 0;
  failures = 0;
  encodings: { active: boolean }[];
  #reading: object | undefined;

  constructor(count: number) {
    this.encodings = Array.from({ length: count }, () => ({ active: true }));
  }

  getParameters() {
    const parameters = { encodings: this.encodings.map((each) => ({ ...each })) };
    this.#reading = parameters;
    return parameters;
  }

  async setParameters(parameters: { encodings: { active: boolean }[] }) {
    assert.equal(parameters, this.#reading);
    this.#reading = undefined;
    await Promise.resolve();
    if (this.failures-- > 0) throw new Error("InvalidStateError");
    this.encodings = parameters.encodings;
    this.sets++;
  }

  get active(): string {
    return this.encodings.map(({ active }) => (active ? "1" : "0")).join("");
  }
}

async function after(ms: number): Promise<void> {
  mock.timers.tick(ms);
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

function sending(count: number): { sender: Sender; dynacast: Dynacast } {
  const sender = new Sender(count);
  return { sender, dynacast: new Dynacast(sender as unknown as RTCRtpSender) };
}

test("an encoding that nobody wants ends after a while, and comes back at once", async () => {
  const { sender, dynacast } = sending(3);
  dynacast.want([0]);
  await after(1900);
  assert.equal(sender.active, "111");
  await after(100);
  assert.equal(sender.active, "100");
  dynacast.want([0, 2]);
  await after(0);
  assert.equal(sender.active, "101");
});

test("when nobody watches, nothing is sent", async () => {
  const { sender, dynacast } = sending(3);
  dynacast.want([]);
  await after(2000);
  assert.equal(sender.active, "000");
  dynacast.want([1]);
  await after(0);
  assert.equal(sender.active, "010");
});

test("layers within one stream are sent all or not at all", async () => {
  const { sender, dynacast } = sending(1);
  dynacast.want([0]);
  await after(2000);
  assert.equal(sender.active, "1");
  dynacast.want([]);
  await after(2000);
  assert.equal(sender.active, "0");
  dynacast.want([2]);
  await after(0);
  assert.equal(sender.active, "1");
});

test("wishes that come and go within the while change nothing", async () => {
  const { sender, dynacast } = sending(2);
  for (let i = 0; i < 5; i++) {
    dynacast.want([0]);
    await after(900);
    dynacast.want([0, 1]);
    await after(900);
  }
  await after(2000);
  assert.equal(sender.active, "11");
  assert.ok(sender.sets <= 4);
});

test("wishes during a change are carried out after it, one at a time", async () => {
  const { sender, dynacast } = sending(3);
  dynacast.want([]);
  await after(2000);
  dynacast.want([0]);
  dynacast.want([0, 1]);
  dynacast.want([0, 1, 2]);
  await after(0);
  assert.equal(sender.active, "111");
});

test("a refused change is tried again", async () => {
  const { sender, dynacast } = sending(2);
  sender.failures = 1;
  dynacast.want([]);
  await after(2000);
  assert.equal(sender.active, "11");
  await after(500);
  assert.equal(sender.active, "00");
});

test("after its end nothing is touched", async () => {
  const { sender, dynacast } = sending(2);
  dynacast.want([]);
  dynacast.close();
  await after(5000);
  assert.equal(sender.sets, 0);
});
