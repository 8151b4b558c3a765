import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Dynacast } from "../src/dynacast.ts";

mock.timers.enable({ apis: ["setTimeout"] });

interface Encoding {
  active: boolean;
  scalabilityMode?: string;
  scaleResolutionDownBy?: number;
}

/** As browsers do it: parameters must be those read last, and take a while to be set. */
class Sender {
  sets = 0;
  failures = 0;
  encodings: Encoding[];
  #reading: object | undefined;

  constructor(count: number, scalabilityMode?: string) {
    this.encodings = Array.from({ length: count }, () => ({ active: true, ...(scalabilityMode && { scalabilityMode }) }));
  }

  getParameters() {
    const parameters = { encodings: this.encodings.map((each) => ({ ...each })) };
    this.#reading = parameters;
    return parameters;
  }

  async setParameters(parameters: { encodings: Encoding[] }) {
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

function sending(count: number, mode?: string): { sender: Sender; dynacast: Dynacast } {
  const sender = new Sender(count, mode);
  return { sender, dynacast: new Dynacast(sender as unknown as RTCRtpSender) };
}

test("what nobody wants ends, and comes back when somebody does", async () => {
  const { sender, dynacast } = sending(3);
  for (const [layers, active] of [
    [[0], "100"],
    [[0, 2], "101"],
    [[], "000"],
    [[1], "010"],
  ] as const) {
    dynacast.want(layers);
    await after(0);
    assert.equal(sender.active, active);
  }
});

test("of layers within one stream the largest are left out, down to nothing", async () => {
  const { sender, dynacast } = sending(1, "L3T3_KEY");
  for (const [layers, active, scalabilityMode, scaleResolutionDownBy] of [
    [[0, 2], true, "L3T3_KEY", 1],
    [[1], true, "L2T3_KEY", 2],
    [[0], true, "L1T3", 4],
    [[], false, "L1T3", 4],
    [[2], true, "L3T3_KEY", 1],
  ] as const) {
    dynacast.want(layers);
    await after(0);
    assert.deepEqual(sender.encodings, [{ active, scalabilityMode, scaleResolutionDownBy }]);
  }
});

test("a single layer is sent or not", async () => {
  const { sender, dynacast } = sending(1, "L1T3");
  dynacast.want([]);
  await after(0);
  assert.deepEqual(sender.encodings, [{ active: false, scalabilityMode: "L1T3" }]);
  dynacast.want([0]);
  await after(0);
  assert.deepEqual(sender.encodings, [{ active: true, scalabilityMode: "L1T3" }]);
});

test("wishes during a change are carried out after it, one at a time", async () => {
  const { sender, dynacast } = sending(3);
  dynacast.want([]);
  await after(0);
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
  await after(0);
  assert.equal(sender.active, "11");
  await after(500);
  assert.equal(sender.active, "00");
});

test("after its end nothing is touched", async () => {
  const { sender, dynacast } = sending(2);
  dynacast.close();
  dynacast.want([]);
  await after(5000);
  assert.equal(sender.sets, 0);
});
