/** An orbit camera: drag, pinch, wheel; it moves smoothly to its target. */
class Orbit {
  /** The vertical field of view, radians. */
  static view = 0.42;

  constructor(element, focus, onMove, onTap) {
    this.focus = focus;
    this.onMove = onMove;
    this.onTap = onTap;
    this.goal = { yaw: 0.3, pitch: 0.03, zoom: 1, shiftX: 0, shiftY: 0 };
    this.now = { ...this.goal };
    this.pointers = new Map();
    element.addEventListener("pointerdown", (event) => this.#down(element, event));
    element.addEventListener("pointermove", (event) => this.#move(element, event));
    for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, (event) => this.#up(event));
    element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    element.addEventListener("dblclick", () => this.look(0.3, 0.03));
    element.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  look(yaw, pitch) {
    // The shorter direction of rotation.
    const turns = Math.round((this.now.yaw - yaw) / (2 * Math.PI));
    this.goal = { yaw: yaw + turns * 2 * Math.PI, pitch, zoom: 1, shiftX: 0, shiftY: 0 };
    this.onMove();
  }

  turn(yaw, pitch) {
    this.goal.yaw += yaw;
    this.goal.pitch = Math.min(Math.max(this.goal.pitch + pitch, -1.2), 1.2);
    this.onMove();
  }

  zoom(factor) {
    this.goal.zoom = Math.min(Math.max(this.goal.zoom * factor, 0.35), 4);
    this.onMove();
  }

  /** Takes the next step toward the target; false once it has arrived. */
  step(seconds) {
    const share = 1 - Math.exp(-seconds * 14);
    let moving = false;
    for (const key of Object.keys(this.goal)) {
      const rest = this.goal[key] - this.now[key];
      this.now[key] += rest * share;
      if (Math.abs(rest) > 1e-4) moving = true;
      else this.now[key] = this.goal[key];
    }
    return moving;
  }

  /** The camera's position, and the matrix from world to screen. */
  camera(aspect) {
    const { yaw, pitch, zoom, shiftX, shiftY } = this.now;
    const { center, radius } = this.focus;
    // The head fills most of the height, or of the width of a narrow window.
    const distance = (1.3 * radius * Math.max(1, 0.86 / aspect)) / Math.tan(Orbit.view / 2) / zoom;
    const back = [Math.sin(yaw) * Math.cos(pitch), Math.sin(pitch), Math.cos(yaw) * Math.cos(pitch)];
    const right = [Math.cos(yaw), 0, -Math.sin(yaw)];
    const up = cross(back, right);
    const target = center.map((c, k) => c + radius * (right[k] * shiftX + up[k] * (shiftY - 0.1)));
    const eye = target.map((t, k) => t + back[k] * distance);
    const reach = 6 * radius;
    const near = Math.max(distance - reach, distance * 0.05);
    const lens = perspective(Orbit.view, aspect, near, distance + reach);
    return { eye, matrix: multiply(lens, lookAt(eye, right, up, back)) };
  }

  #down(element, event) {
    element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.travel = this.pointers.size > 1 ? Infinity : 0;
    this.pan = event.button !== 0 || event.shiftKey;
  }

  #move(element, event) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    const scale = element.clientHeight;
    this.travel += Math.abs(dx) + Math.abs(dy);
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const before = Math.hypot(last.x - other.x, last.y - other.y);
      const after = Math.hypot(event.clientX - other.x, event.clientY - other.y);
      if (before > 0 && after > 0) this.zoom(after / before);
      this.#shift(dx / scale / 2, dy / scale / 2);
    } else if (this.pan) {
      this.#shift(dx / scale, dy / scale);
    } else if (this.travel > 4) {
      this.turn((-dx / scale) * 4, (dy / scale) * 3);
    }
    last.x = event.clientX;
    last.y = event.clientY;
  }

  #shift(dx, dy) {
    const limit = (v) => Math.min(Math.max(v, -1.5), 1.5);
    this.goal.shiftX = limit(this.goal.shiftX - (2.6 * dx) / this.goal.zoom);
    this.goal.shiftY = limit(this.goal.shiftY + (2.6 * dy) / this.goal.zoom);
    this.onMove();
  }

  #up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (event.type === "pointerup" && this.travel <= 4 && event.button === 0) this.onTap();
  }

  #wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
    this.zoom(Math.exp(-Math.min(Math.max(pixels, -120), 120) * 0.0016));
  }
}

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a) => a.map((v) => v / Math.hypot(...a));

/** Matrices are column-major, as WebGL expects them. */
function multiply(a, b) {
  const out = new Float32Array(16);
  for (let column = 0; column < 4; column++)
    for (let row = 0; row < 4; row++)
      for (let k = 0; k < 4; k++) out[4 * column + row] += a[4 * k + row] * b[4 * column + k];
  return out;
}

function perspective(view, aspect, near, far) {
  const f = 1 / Math.tan(view / 2);
  return [f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (far + near) / (near - far), -1, 0, 0, (2 * far * near) / (near - far), 0];
}

function lookAt(eye, right, up, back) {
  return [
    right[0], up[0], back[0], 0,
    right[1], up[1], back[1], 0,
    right[2], up[2], back[2], 0,
    -dot(right, eye), -dot(up, eye), -dot(back, eye), 1,
  ];
}
