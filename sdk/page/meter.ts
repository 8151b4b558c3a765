import { h } from "./dom.ts";

const BARS = 5;

/** Shows that the microphone hears something. */
export class Meter {
  readonly element = h(
    "div",
    { className: "meter", aria: { hidden: "true" } },
    ...Array.from({ length: BARS }, () => h("i")),
  );
  #context: AudioContext | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  listen(track: MediaStreamTrack): void {
    this.close();
    const context = (this.#context = new AudioContext());
    // A page may have to wait for a first click before it may process sound.
    const resume = () => void this.#context?.resume();
    if (context.state === "suspended") addEventListener("pointerdown", resume, { once: true });
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      // -50 dB lights nothing, -10 dB all bars.
      const lit = track.enabled ? ((10 * Math.log10(power + 1e-10) + 50) / 40) * BARS : 0;
      for (const [index, bar] of [...this.element.children].entries()) bar.classList.toggle("lit", lit > index);
    }, 80);
  }

  close(): void {
    clearInterval(this.#timer);
    void this.#context?.close();
    this.#context = undefined;
  }
}
