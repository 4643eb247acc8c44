/** The time in the clip: by the sound's clock, or by the browser's clock without sound or if it cannot be played. */
class Clock {
  constructor(scene, audio, onChange) {
    this.duration = scene.duration;
    this.playing = false;
    this.rate = 1;
    this.loop = false;
    this.at = 0;
    this.onChange = onChange;
    if (scene.sound.length > 0) {
      audio.preservesPitch = true;
      audio.src = URL.createObjectURL(new Blob([scene.sound], { type: "audio/wav" }));
      audio.addEventListener("ended", () => this.#end());
      audio.addEventListener("error", () => this.#silence());
      this.audio = audio;
    }
  }

  play() {
    if (this.at >= this.duration - 1e-3) this.seek(0);
    this.playing = true;
    this.last = performance.now();
    if (this.audio) {
      this.audio.playbackRate = this.rate;
      this.audio.play().catch((error) => {
        // A pause before the sound has begun is no error.
        if (error.name !== "AbortError") this.pause();
      });
    }
    this.onChange();
  }

  pause() {
    this.playing = false;
    if (this.audio) this.audio.pause();
    this.onChange();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  seek(seconds) {
    this.at = Math.min(Math.max(seconds, 0), this.duration);
    // Seeking to the very end would end the sound.
    if (this.audio) this.audio.currentTime = Math.min(this.at, Math.max(this.#length() - 1e-3, 0));
    this.last = performance.now();
    this.onChange();
  }

  setRate(rate) {
    this.rate = rate;
    if (this.audio) this.audio.playbackRate = rate;
    this.onChange();
  }

  setMuted(muted) {
    if (this.audio) this.audio.muted = muted;
    this.onChange();
  }

  /** Advances to this moment. The sound's clock has coarse steps: the time runs freely, is pulled toward it, and jumps only if far off. */
  tick(now) {
    if (!this.playing) return this.at;
    const passed = ((now - this.last) / 1000) * this.rate;
    this.last = now;
    const expected = this.at + Math.max(passed, 0);
    if (this.audio && !this.audio.seeking && !this.audio.ended && expected < this.#length()) {
      const off = this.audio.currentTime - expected;
      this.at = Math.abs(off) > 0.12 ? this.audio.currentTime : Math.max(this.at, expected + off * 0.08);
    } else {
      this.at = expected;
    }
    if (this.at >= this.duration) this.#end();
    return this.at;
  }

  #length() {
    const seconds = this.audio ? this.audio.duration : 0;
    return Number.isFinite(seconds) ? Math.min(seconds, this.duration) : this.duration;
  }

  #end() {
    if (!this.playing) return;
    // The sound may be shorter than the motion by part of a frame.
    if (this.at < this.duration - 0.1) return;
    if (this.loop) {
      this.seek(0);
      this.play();
    } else {
      this.at = this.duration;
      this.pause();
    }
  }

  #silence() {
    this.audio = null;
    this.last = performance.now();
    this.onChange();
  }
}
