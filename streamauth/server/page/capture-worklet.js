/**
 * Runs on the browser's audio thread: joins its blocks of 128 samples into frames, measures them, and turns them
 * into the bytes that go over the wire. Nothing is kept beyond the frame being filled.
 */

// As the server counts it: two neighbours at full scale, slightly under 1 because resampling rounds flat tops.
const FULL_SCALE = 0.985;

// While nodes are being joined a browser may leave blocks out. The recording begins after so much unbroken sound.
const SETTLED_S = 0.1;

class Capture extends AudioWorkletProcessor {
  /** @param {{processorOptions: {frameSamples: number, encoding: "s16le" | "f32le"}}} options */
  constructor(options) {
    super();
    const { frameSamples, encoding } = options.processorOptions;
    this.frameSamples = frameSamples;
    this.encoding = encoding;
    this.filled = 0;
    this.frame = new Float32Array(frameSamples);
    this.previous = 0;
    this.began = false;
    this.nextFrame = 0;
    this.unbroken = 0;
    this.settled = false;
    this.running = true;
    this.port.onmessage = () => {
      this.running = false;
    };
  }

  /**
   * @param {Float32Array[][]} inputs
   * @returns {boolean} Whether the browser shall go on calling.
   */
  process(inputs) {
    const block = inputs[0]?.[0];
    if (!this.began && !block) return this.running;
    if (this.began && currentFrame !== this.nextFrame) {
      if (this.settled) this.port.postMessage({ lost: currentFrame - this.nextFrame });
      this.unbroken = 0;
    }
    this.began = true;
    // some browsers hand over no channel at all while the input is silent
    const length = block ? block.length : 128;
    this.nextFrame = currentFrame + length;
    this.unbroken += length;
    this.settled ||= this.unbroken >= SETTLED_S * sampleRate;
    if (!this.settled) return this.running;
    for (let at = 0; at < length; at += 1) {
      this.frame[this.filled] = block ? block[at] : 0;
      this.filled += 1;
      if (this.filled === this.frameSamples) this.emit(currentFrame + at + 1);
    }
    return this.running;
  }

  /** @param {number} end Position after the frame's last sample, in samples since the context began. */
  emit(end) {
    let power = 0;
    let peak = 0;
    let clipped = false;
    for (const sample of this.frame) {
      const magnitude = Math.abs(sample);
      power += sample * sample;
      if (magnitude > peak) peak = magnitude;
      if (magnitude >= FULL_SCALE && this.previous >= FULL_SCALE) clipped = true;
      this.previous = magnitude;
    }
    const bytes = this.encoding === "f32le" ? this.frame.slice().buffer : this.integers();
    this.filled = 0;
    this.port.postMessage({ bytes, end, rms: Math.sqrt(power / this.frameSamples), peak, clipped }, [bytes]);
  }

  /** @returns {ArrayBuffer} */
  integers() {
    const words = new Int16Array(this.frameSamples);
    for (let at = 0; at < words.length; at += 1) {
      words[at] = Math.max(-32768, Math.min(32767, Math.round(this.frame[at] * 32768)));
    }
    return words.buffer;
  }
}

registerProcessor("streamauth-capture", Capture);
