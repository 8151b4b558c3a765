import { shownHeight } from "./layers.ts";
import type { Reception } from "./reception.ts";

interface Place {
  reception: Reception;
  /** Within what can be scrolled to just now. */
  inView: boolean;
  readonly onResize: () => void;
}

/** Watches the elements that show received video: how large each is, and whether it can be seen at all. */
export class Viewer {
  readonly #places = new Map<HTMLVideoElement, Place>();
  readonly #sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) this.#update(target as HTMLVideoElement);
  });
  readonly #views = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const place = this.#places.get(target as HTMLVideoElement);
      if (!place) continue;
      place.inView = isIntersecting;
      this.#update(target as HTMLVideoElement);
    }
  });
  readonly #onVisibility = () => {
    for (const element of this.#places.keys()) this.#update(element);
  };

  constructor() {
    document.addEventListener("visibilitychange", this.#onVisibility);
  }

  add(element: HTMLVideoElement, reception: Reception): void {
    this.remove(element);
    const onResize = () => {
      if (element.videoHeight) reception.onFrameSize(element.videoHeight);
    };
    this.#places.set(element, { reception, inView: true, onResize });
    element.addEventListener("resize", onResize);
    this.#sizes.observe(element);
    this.#views.observe(element);
    // One that is not laid out yet is measured as soon as it is.
    if (element.clientHeight > 0) this.#update(element);
  }

  remove(element: HTMLVideoElement): void {
    const place = this.#places.get(element);
    if (!place) return;
    this.#places.delete(element);
    element.removeEventListener("resize", place.onResize);
    this.#sizes.unobserve(element);
    this.#views.unobserve(element);
    this.#tell(place.reception);
  }

  close(): void {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    for (const element of [...this.#places.keys()]) this.remove(element);
  }

  #update(element: HTMLVideoElement): void {
    const place = this.#places.get(element);
    if (place) this.#tell(place.reception);
  }

  /** Of a stream that is shown twice the larger picture counts. */
  #tell(reception: Reception): void {
    let needed = 0;
    for (const [element, place] of this.#places) {
      if (place.reception === reception && isSeen(element, place)) needed = Math.max(needed, measure(element));
    }
    reception.show(needed);
  }
}

function isSeen(element: HTMLVideoElement, { inView }: Place): boolean {
  return document.pictureInPictureElement === element || (inView && document.visibilityState === "visible");
}

function measure(element: HTMLVideoElement): number {
  const box = { width: element.clientWidth, height: element.clientHeight };
  const picture = { width: element.videoWidth, height: element.videoHeight };
  return shownHeight(box, picture, getComputedStyle(element).objectFit === "cover", devicePixelRatio);
}
