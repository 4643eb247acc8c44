/** Waveform and curves below each other, a cursor across all of them, and scrubbing. */
class Timeline {
  static colors = ["#ff8c6e", "#f6c65f", "#62d2bf", "#a3a9ff"];
  static axis = 18;

  constructor(canvas, labels, scene, onScrub) {
    this.canvas = canvas;
    this.scene = scene;
    this.ink = canvas.getContext("2d");
    this.pale = document.createElement("canvas");
    this.bright = document.createElement("canvas");
    this.hover = null;
    this.lanes = scene.curves.map((curve, i) => {
      let [low, high] = curve.span;
      for (const value of curve.values) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      return { curve, low, high, color: Timeline.colors[i % Timeline.colors.length], value: this.#label(labels, curve, i) };
    });
    canvas.style.setProperty("--rows", this.lanes.length + 1);
    this.#listen(onScrub);
  }

  /** Adds the row of a curve beside the canvas; returns the element for its value. */
  #label(labels, curve, i) {
    const row = document.createElement("div");
    row.className = "label";
    const dot = document.createElement("i");
    dot.style.background = Timeline.colors[i % Timeline.colors.length];
    const name = document.createElement("span");
    name.textContent = curve.name;
    const value = document.createElement("b");
    row.append(dot, name, value);
    labels.append(row);
    return value;
  }

  #listen(onScrub) {
    const canvas = this.canvas;
    const time = (event) => {
      const box = canvas.getBoundingClientRect();
      return (Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1)) * this.scene.duration;
    };
    let held = false;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      held = true;
      canvas.setPointerCapture(event.pointerId);
      onScrub("start", time(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") this.hover = time(event);
      onScrub(held ? "move" : "hover", time(event));
    });
    for (const end of ["pointerup", "pointercancel"])
      canvas.addEventListener(end, (event) => {
        if (!held) return;
        held = false;
        onScrub("end", time(event));
      });
    canvas.addEventListener("pointerleave", (event) => {
      this.hover = null;
      onScrub("hover", time(event));
    });
  }

  /** Fits the drawing to the window; true if that changed it. */
  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 3);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (width === this.width && height === this.height && ratio === this.ratio) return false;
    Object.assign(this, { width, height, ratio });
    for (const canvas of [this.canvas, this.pale, this.bright]) {
      canvas.width = Math.max(1, Math.round(width * ratio));
      canvas.height = Math.max(1, Math.round(height * ratio));
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.#paint(this.pale.getContext("2d"), 0.42);
    this.#paint(this.bright.getContext("2d"), 1);
    return true;
  }

  #x(seconds) {
    return (seconds / this.scene.duration) * this.width;
  }

  #laneHeight() {
    return (this.height - Timeline.axis) / (this.lanes.length + 1);
  }

  #paint(ink, strength) {
    ink.clearRect(0, 0, this.width, this.height);
    const tall = this.#laneHeight();
    ink.strokeStyle = "rgba(255,255,255,0.06)";
    ink.lineWidth = 1;
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600].find((s) => this.#x(s) >= 46) || 1800;
    ink.font = "10.5px ui-sans-serif, system-ui, sans-serif";
    ink.textBaseline = "middle";
    for (let t = 0, i = 0; t <= this.scene.duration + 1e-6; t = ++i * step) {
      const x = Math.round(this.#x(t)) + 0.5;
      line(ink, x, 0, x, this.height - Timeline.axis);
      ink.fillStyle = "rgba(205,214,230,0.5)";
      ink.textAlign = t === 0 ? "left" : x > this.width - 14 ? "right" : "center";
      ink.fillText(step < 1 ? t.toFixed(1) : stamp(t, 0), Math.min(x, this.width - 1), this.height - Timeline.axis / 2 + 2);
    }
    ink.globalAlpha = strength;
    this.#wave(ink, tall);
    this.lanes.forEach((lane, i) => this.#curve(ink, lane, (i + 1) * tall, tall));
    ink.globalAlpha = 1;
  }

  #wave(ink, tall) {
    const { waveform } = this.scene;
    const bins = waveform.length / 2;
    const [middle, half] = [tall / 2, tall / 2 - 4];
    ink.fillStyle = "rgba(196,206,224,0.75)";
    if (bins === 0) ink.fillRect(0, middle, this.width, 1);
    const bars = Math.max(1, Math.floor(this.width / 3));
    for (let bar = 0; bar < bars && bins > 0; bar++) {
      let [low, high] = [0, 0];
      const first = Math.floor((bar * bins) / bars);
      for (let bin = first; bin < Math.max(first + 1, ((bar + 1) * bins) / bars); bin++) {
        low = Math.min(low, waveform[2 * bin]);
        high = Math.max(high, waveform[2 * bin + 1]);
      }
      const top = middle - (high / 127) * half;
      ink.fillRect((bar * this.width) / bars, top, 2, Math.max(1, middle - (low / 127) * half - top));
    }
  }

  #y(lane, value, top, tall) {
    return top + tall - 3 - ((value - lane.low) / (lane.high - lane.low)) * (tall - 7);
  }

  #curve(ink, lane, top, tall) {
    const { values } = lane.curve;
    const zero = this.#y(lane, 0, top, tall);
    const trace = () => {
      ink.beginPath();
      for (let i = 0; i <= values.length; i++)
        ink.lineTo(this.#x(i / this.scene.fps), this.#y(lane, values[Math.min(i, values.length - 1)], top, tall));
    };
    ink.strokeStyle = "rgba(255,255,255,0.10)";
    line(ink, 0, zero, this.width, zero);
    trace();
    ink.lineTo(this.width, zero);
    ink.lineTo(0, zero);
    const shade = ink.createLinearGradient(0, top, 0, top + tall);
    const still = (zero - top) / tall;
    shade.addColorStop(0, lane.color + "66");
    shade.addColorStop(Math.min(Math.max(still, 0), 1), lane.color + "0d");
    shade.addColorStop(1, lane.color + (lane.low < 0 ? "55" : "0d"));
    ink.fillStyle = shade;
    ink.fill();
    trace();
    ink.strokeStyle = lane.color;
    ink.lineWidth = 1.5;
    ink.lineJoin = "round";
    ink.stroke();
    ink.lineWidth = 1;
  }

  draw(seconds) {
    const { ink, width, height } = this;
    const x = this.#x(seconds);
    const tall = this.#laneHeight();
    ink.clearRect(0, 0, width, height);
    ink.drawImage(this.pale, 0, 0, width, height);
    ink.save();
    ink.beginPath();
    ink.rect(0, 0, x, height - Timeline.axis);
    ink.clip();
    ink.clearRect(0, 0, x, height);
    ink.drawImage(this.bright, 0, 0, width, height);
    ink.restore();
    if (this.hover !== null) {
      const at = this.#x(this.hover);
      ink.strokeStyle = "rgba(255,255,255,0.25)";
      line(ink, at, 0, at, height - Timeline.axis);
      this.#tag(at, stamp(this.hover, 2));
    }
    ink.strokeStyle = "#ffffff";
    ink.lineWidth = 1.5;
    line(ink, x, 0, x, height - Timeline.axis);
    const { fps, frames } = this.scene;
    const frame = Math.min(Math.max(seconds * fps, 0), frames - 1);
    this.lanes.forEach((lane, i) => {
      const { curve } = lane;
      const from = curve.values[Math.floor(frame)];
      const value = from + (curve.values[Math.min(Math.floor(frame) + 1, frames - 1)] - from) * (frame % 1);
      ink.fillStyle = lane.color;
      ink.strokeStyle = "#12151a";
      ink.beginPath();
      ink.arc(x, this.#y(lane, value, (i + 1) * tall, tall), 4, 0, 7);
      ink.fill();
      ink.stroke();
      const text = reading(curve, value);
      if (lane.value.textContent !== text) lane.value.textContent = text;
    });
    ink.lineWidth = 1;
  }

  #tag(x, text) {
    const { ink, height, width } = this;
    const wide = ink.measureText(text).width + 12;
    const left = Math.min(Math.max(x - wide / 2, 0), width - wide);
    ink.fillStyle = "#2a303a";
    ink.beginPath();
    ink.roundRect(left, height - Timeline.axis + 1, wide, Timeline.axis - 1, 4);
    ink.fill();
    ink.fillStyle = "#e8edf5";
    ink.textAlign = "center";
    ink.textBaseline = "middle";
    ink.font = "10.5px ui-sans-serif, system-ui, sans-serif";
    ink.fillText(text, left + wide / 2, height - Timeline.axis / 2 + 1);
  }
}

function line(ink, x0, y0, x1, y1) {
  ink.beginPath();
  ink.moveTo(x0, y0);
  ink.lineTo(x1, y1);
  ink.stroke();
}

/** "4.2 mm up", "3 % round", "11.0°". */
function reading(curve, value) {
  const digits = curve.unit === "%" ? 0 : 1;
  const size = Math.abs(value).toFixed(digits);
  const unitText = curve.unit === "°" ? "°" : `\u202f${curve.unit}`;
  if (!curve.negative) return `${Number(size) === 0 ? size : value.toFixed(digits)}${unitText}`;
  return Number(size) === 0 ? `0${unitText}` : `${size}${unitText} ${value > 0 ? curve.positive : curve.negative}`;
}

/** Seconds as 1:02.34. */
function stamp(seconds, digits) {
  const unitless = Math.floor(seconds * 10 ** digits + 1e-6) / 10 ** digits;
  const minutes = Math.floor(unitless / 60);
  const rest = (unitless - 60 * minutes).toFixed(digits);
  return `${minutes}:${rest.padStart(digits ? digits + 3 : 2, "0")}`;
}
